"""The demo's organisation, kairan.test.  Scripts and tests may rely on every line here.

user001 … user200, all in the group all-hands; number n has
    department       Sales, Finance, Engineering, Human Resources, IT      by n mod 5 (1: Sales)
    stateOrProvince  Tokyo, Osaka, Hokkaido, Fukuoka                       by n mod 4 (1: Tokyo)
    customAttribute1 FullTime, PartTime, Contractor                        by n mod 3 (1: FullTime)
    company          Kairan Test for 1-100, Kairan Logistics for 101-200
5, 4 and 3 have no common factor: every combination occurs.

postmaster            receives reports that have nowhere else to go
sales, finance, …     one group for each department, human-resources and it included
tokyo, osaka, …       one group for each stateOrProvince
west                  nested: osaka and fukuoka, and user002, who is in osaka too
board                 user001 … user005; accepts mail from payroll only
"""

from collections.abc import Mapping
from io import BytesIO

from kairan.directory.store import Directory

DOMAIN = "kairan.test"
USERS = 200
BOARD_USERS = 5
DEPARTMENTS = ("Sales", "Finance", "Engineering", "Human Resources", "IT")
PROVINCES = ("Tokyo", "Osaka", "Hokkaido", "Fukuoka")
EMPLOYMENTS = ("FullTime", "PartTime", "Contractor")
COMPANIES = ("Kairan Test", "Kairan Logistics")
# Accounts and their aliases, in the order of demo.json.
ACCOUNTS: Mapping[str, tuple[str, ...]] = {
    "printer": ("scanner", "mfp-3f"),
    "payroll": ("salary",),
}


def address(name: str) -> str:
    return f"{name.lower().replace(' ', '-')}@{DOMAIN}"


def user(number: int) -> str:
    return address(f"user{number:03}")


def attributes(number: int) -> dict[str, str]:
    return {
        "department": DEPARTMENTS[(number - 1) % len(DEPARTMENTS)],
        "stateOrProvince": PROVINCES[(number - 1) % len(PROVINCES)],
        "customAttribute1": EMPLOYMENTS[(number - 1) % len(EMPLOYMENTS)],
        "company": COMPANIES[(number - 1) * len(COMPANIES) // USERS],
    }


def users_with(attribute: str, value: str) -> list[str]:
    numbers = range(1, USERS + 1)
    return [user(number) for number in numbers if attributes(number)[attribute] == value]


def groups() -> dict[str, list[str]]:
    """Members by group, in the order of demo.json: all-hands first, nested ones last."""
    everyone = [user(number) for number in range(1, USERS + 1)]
    by_department = {address(d): users_with("department", d) for d in DEPARTMENTS}
    by_province = {address(p): users_with("stateOrProvince", p) for p in PROVINCES}
    return {
        address("all-hands"): everyone,
        **by_department,
        **by_province,
        address("west"): [address("Osaka"), address("Fukuoka"), user(2)],
        address("board"): everyone[:BOARD_USERS],
    }


def mailboxes_csv() -> str:
    """As `kairan mailbox import` reads it."""
    columns = ("address", "displayName", *attributes(1))
    rows = (
        (user(number), f"User {number:03}", *attributes(number).values())
        for number in range(1, USERS + 1)
    )
    return "\n".join(",".join(row) for row in (columns, *rows))


def fill(directory: Directory) -> None:
    """Into a directory that accepts DOMAIN and is otherwise empty.

    The accounts get no password here: without a hash nobody logs in.
    """
    directory.import_mailboxes(BytesIO(mailboxes_csv().encode()))
    directory.add_mailbox(address("postmaster"), display_name="Postmaster")
    directory.set_organisation(name="Kairan Test", postmaster=address("postmaster"))
    for name, aliases in ACCOUNTS.items():
        directory.add_account(address(name), aliases=[address(alias) for alias in aliases])
    for group, members in groups().items():
        accept_from = [address("payroll")] if group == address("board") else []
        directory.add_group(group, initial_members=members, accept_from=accept_from)
