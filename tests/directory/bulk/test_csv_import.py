import io

import pytest

from kairan.directory.bulk.csv_import import LEAVERS_MIN, Leavers
from kairan.directory.bulk.csv_rows import PROBLEMS_MAX, ImportRefusedError
from kairan.directory.bulk.mailbox_rows import ImportReport
from kairan.directory.errors import DirectoryError
from kairan.directory.model import Mailbox
from kairan.directory.snapshot.memory import read_snapshot
from kairan.directory.store import Directory


def csv_file(text: str | bytes) -> io.BytesIO:
    file = io.BytesIO(text if isinstance(text, bytes) else text.encode())
    file.name = "people.csv"
    return file


def mailboxes(directory: Directory) -> list[Mailbox]:
    return list(directory.mailboxes())


ANN = Mailbox(
    "ann@kairan.test",
    "Ann, the 1st",
    frozenset({"a@kairan.test", "an@kairan.test"}),
    attributes={"department": "Sales", "customAttribute15": "回覧"},
)


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "byte order mark"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_columns_go_by_the_header_in_any_order_and_case(directory, tmp_path, mark, end):
    lines = [
        "DEPARTMENT,Address,displayname,aliases,city,CustomAttribute15",
        'Sales,Ann@kairan.test,"Ann, the 1st",A@kairan.test; an@kairan.test;,,回覧',
        "",
        " Sales , bob@kairan.test ,,,,",
    ]
    path = tmp_path / "people.csv"
    path.write_bytes((mark + end.join(lines)).encode())
    assert directory.import_mailboxes(path) == ImportReport(added=2)
    bob = Mailbox("bob@kairan.test", attributes={"department": "Sales"})
    assert mailboxes(directory) == [ANN, bob]


BROKEN = {
    "not an address": ("address\nann@kairan.test\nbob\n", ":3: 'bob' is not an e-mail address"),
    "no accepted domain": ("address\nann@x.test\n", ":2: ann@x.test: x.test is not an accepted"),
    "unknown column": ("address,shoeSize\n", ":1: there is no column 'shoesize'; columns are"),
    "column twice": ("address,city,City\n", ":1: the column 'city' stands there twice"),
    "no address column": ("displayName\nAnn\n", ":1: the first line must name the columns"),
    "empty": ("", ":1: the first line must name the columns"),
    "twice in the file": (
        "address\nann@kairan.test\nANN@kairan.test\n",
        ":3: ann@kairan.test stands on line 2 already",
    ),
    "too few fields": (
        "address,city\nann@kairan.test\n",
        ":2: 1 fields, but the header has 2",
    ),
    "too many fields": ("address\nann@kairan.test,x\n", ":2: 2 fields, but the header has 1"),
    "not UTF-8": (
        b"address,city\nann@kairan.test,K\xf6ln\n",
        ":2: this is neither UTF-8 nor code page 932",
    ),
    "open quote": ('address,city\nann@kairan.test,"Ko\nbe\n', ":3: unexpected end of data"),
    "stray quote": ('address,city\nann@kairan.test,"Ko"be\n', ":2: ',' expected after '\"'"),
    "control character": ("address,city\nann@kairan.test,K\x00be\n", ":2: city .* control char"),
    "bad alias": ("address,aliases\nann@kairan.test,a b\n", ":2: 'a b' is not an e-mail address"),
    "line after a field of two lines": (
        'address,notes\nann@kairan.test,"one\ntwo"\nbob,\n',
        ":4: 'bob' is not an e-mail address",
    ),
    "alias of the row before": (
        "address,aliases\nann@kairan.test,a@kairan.test\nbob@kairan.test,a@kairan.test\n",
        ":3: a@kairan.test exists already: it is an alias of the mailbox ann@kairan.test",
    ),
    "in the directory already": (
        "address\nann@kairan.test\nprinter@kairan.test\n",
        ":3: printer@kairan.test exists already: it is an account",
    ),
}


@pytest.mark.parametrize("update", [False, True], ids=["add", "update"])
@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_row_is_named_by_file_and_line_and_nothing_is_written(directory, case, update):
    directory.add_account("printer@kairan.test")
    before = read_snapshot(directory).version
    text, sentence = BROKEN[case]
    with pytest.raises(DirectoryError, match=f"^people.csv{sentence}"):
        directory.import_mailboxes(csv_file(text), update=update)
    assert mailboxes(directory) == []
    assert read_snapshot(directory).version == before


def test_a_broken_row_late_in_a_long_file_undoes_the_batches_before(directory):
    rows = [f"user{n}@kairan.test" for n in range(2_100)]
    with pytest.raises(DirectoryError, match=r"^people.csv:2102: 'oops'"):
        directory.import_mailboxes(csv_file("\n".join(["address", *rows, "oops"])))
    assert mailboxes(directory) == []


def test_a_missing_file_is_said_to_be_missing(directory, tmp_path):
    with pytest.raises(DirectoryError, match=r"nobody.csv cannot be read: No such file"):
        directory.import_mailboxes(tmp_path / "nobody.csv")


def test_progress_is_told_batch_by_batch(directory):
    told: list[int] = []
    rows = [f"user{n:04}@kairan.test" for n in range(2_500)]
    report = directory.import_mailboxes(
        csv_file("\n".join(["address", *rows])), on_progress=told.append
    )
    assert report == ImportReport(added=2_500)
    assert told == [1_000, 2_000, 2_500]
    assert [mailbox.address for mailbox in mailboxes(directory)] == rows


def test_without_update_a_mailbox_that_exists_is_an_error(directory, people):
    people("ann")
    with pytest.raises(
        DirectoryError, match=r":2: ann@kairan.test exists already: it is a mailbox"
    ):
        directory.import_mailboxes(csv_file("address\nann@kairan.test\n"))


def test_update_changes_the_columns_of_the_file_and_keeps_the_others(directory):
    directory.add_mailbox(
        "ann@kairan.test", display_name="Ann", aliases=["a@kairan.test"], hidden=True,
        attributes={"city": "Kobe", "title": "Clerk"},
    )  # fmt: skip
    text = "address,title,department\nann@kairan.test,,Sales\nbob@kairan.test,,\n"
    report = directory.import_mailboxes(csv_file(text), update=True)
    assert report == ImportReport(added=1, updated=1)
    assert directory.mailbox("ann@kairan.test") == Mailbox(
        "ann@kairan.test", "Ann", frozenset({"a@kairan.test"}), True,
        {"city": "Kobe", "department": "Sales"},
    )  # fmt: skip
    text = "address,aliases\nann@kairan.test,new@kairan.test\n"
    directory.import_mailboxes(csv_file(text), update=True)
    ann = directory.mailbox("ann@kairan.test")
    assert ann is not None
    assert ann.aliases == {"new@kairan.test"}


def test_members_are_imported_into_a_group(directory, people):
    people("ann", "bob")
    directory.add_group("all@kairan.test")
    report = directory.import_members(
        "all@kairan.test", csv_file("address\nann@kairan.test\nBob@kairan.test\n")
    )
    assert report == ImportReport(added=2)
    assert list(directory.members("all@kairan.test")) == [["ann@kairan.test", "bob@kairan.test"]]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("address\nann@kairan.test\nghost@kairan.test\n", ":3: there is no mailbox or group ghost"),
        ("address\nout@example.org\n", ":2: out@example.org is outside the accepted domains"),
        ("displayName,city\n", ":1: the first line must name the columns, address among them"),
    ],
)
def test_a_member_that_cannot_be_is_named_by_line_and_nobody_is_added(
    directory, people, text, sentence
):
    people("ann")
    directory.add_group("all@kairan.test")
    with pytest.raises(DirectoryError, match=f"^people.csv{sentence}"):
        directory.import_members("all@kairan.test", csv_file(text))
    assert list(directory.members("all@kairan.test")) == []


NAMED = "address;displayName;department\nann@kairan.test;回覧 花子;営業\n"


@pytest.mark.parametrize(
    "octets",
    [
        NAMED.encode(),
        NAMED.encode("utf-8-sig"),
        NAMED.encode("cp932"),
        NAMED.encode("utf-16"),
        NAMED.replace(";", ",").encode("cp932"),
        NAMED.replace(";", "\t").encode("utf-16"),
        NAMED.replace("\n", "\r\n").encode("cp932"),
        NAMED.replace("address", "メールアドレス").encode("cp932"),
        NAMED.replace("address", "EmailAddress").encode(),
        (NAMED.replace("\n", ";;\n") + ";;;;\n").encode(),
    ],
)
def test_files_are_read_as_spreadsheets_write_them(directory, octets):
    assert directory.import_mailboxes(csv_file(octets)) == ImportReport(added=1)
    (found,) = mailboxes(directory)
    assert (found.display_name, found.attributes) == ("回覧 花子", {"department": "営業"})


@pytest.mark.parametrize(
    "name", ["Hélène", "Köln", "Müller", "João", "Zoë", "Ångström", "École", "Peña"]
)
def test_western_text_is_not_taken_for_japanese(directory, name):
    octets = f"address,displayName\nann@kairan.test,{name}\n".encode("latin-1")
    with pytest.raises(DirectoryError, match=r"people.csv:2: this is neither UTF-8 nor code page"):
        directory.import_mailboxes(csv_file(octets))


def test_aliases_in_a_file_of_semicolons_may_be_separated_by_commas(directory):
    text = "address;aliases\nann@kairan.test;a@kairan.test,an@kairan.test\n"
    directory.import_mailboxes(csv_file(text))
    assert mailboxes(directory)[0].aliases == {"a@kairan.test", "an@kairan.test"}


@pytest.mark.parametrize("update", [False, True])
def test_all_broken_rows_are_named_at_once_in_their_order(directory, update):
    directory.add_account("printer@kairan.test")
    rows = ["ann@kairan.test", "bob", "x@y.test", "ann@kairan.test", "printer@kairan.test", "c,d"]
    text = "\n".join(["address", *rows])
    with pytest.raises(ImportRefusedError) as refused:
        directory.import_mailboxes(csv_file(text), update=update)
    assert [one.line for one in refused.value.problems] == [3, 4, 5, 6, 7]
    assert str(refused.value).count("people.csv:") == 5
    assert mailboxes(directory) == []


def test_of_very_many_broken_rows_the_number_is_said(directory):
    text = "address\n" + "bob\n" * 5_000
    with pytest.raises(ImportRefusedError) as refused:
        directory.import_mailboxes(csv_file(text))
    assert len(refused.value.problems) == PROBLEMS_MAX
    assert refused.value.number == 5_000
    assert str(refused.value).endswith(f"people.csv: and {5_000 - PROBLEMS_MAX} more")


def test_all_broken_members_are_named_at_once(directory, people):
    people("ann")
    directory.add_group("all@kairan.test")
    rows = ["ghost@kairan.test", "ann@kairan.test", "out@example.org", "all@kairan.test"]
    with pytest.raises(ImportRefusedError) as refused:
        directory.import_members("all@kairan.test", csv_file("\n".join(["address", *rows])))
    assert [one.line for one in refused.value.problems] == [2, 4, 5]


def test_the_file_of_the_mailboxes_is_a_file_of_members_too(directory):
    text = "displayName,address,department,aliases\nAnn,ann@kairan.test,Sales,a@kairan.test\n"
    directory.import_mailboxes(csv_file(text))
    directory.add_group("all@kairan.test")
    assert directory.import_members("all@kairan.test", csv_file(text)) == ImportReport(added=1)
    again = directory.import_members("all@kairan.test", csv_file(text))
    assert again == ImportReport(unchanged=1)


def test_rows_that_change_nothing_are_not_counted_as_changed(directory):
    text = "address,title,aliases\nann@kairan.test,Clerk,a@kairan.test\nbob@kairan.test,,\n"
    directory.import_mailboxes(csv_file(text))
    assert directory.import_mailboxes(csv_file(text), update=True) == ImportReport(unchanged=2)
    text = text.replace("Clerk", "Head")
    report = directory.import_mailboxes(csv_file(text), update=True)
    assert report == ImportReport(updated=1, unchanged=1)
    text = text.replace("a@kairan.test", "an@kairan.test")
    report = directory.import_mailboxes(csv_file(text), update=True)
    assert report == ImportReport(updated=1, unchanged=1)


def everyone(number: int) -> str:
    return "\n".join(["address", *(f"user{n:03}@kairan.test" for n in range(number))])


def test_leavers_go_and_the_postmaster_stays(directory):
    directory.import_mailboxes(csv_file(everyone(5)))
    directory.add_mailbox("postmaster@kairan.test")
    directory.set_organisation(postmaster="postmaster@kairan.test")
    directory.add_group("all@kairan.test", initial_members=["user004@kairan.test"])
    report = directory.import_mailboxes(csv_file(everyone(3)), update=True, leavers=Leavers())
    assert report == ImportReport(unchanged=3, removed=2)
    left = {one.address for one in mailboxes(directory)}
    assert left == {f"user00{n}@kairan.test" for n in range(3)} | {"postmaster@kairan.test"}
    assert list(directory.members("all@kairan.test")) == []


def test_more_leavers_than_may_go_stop_all_of_it(directory):
    directory.import_mailboxes(csv_file(everyone(40)))
    few = csv_file(everyone(40 - LEAVERS_MIN - 1))
    with pytest.raises(DirectoryError, match=f"at most {LEAVERS_MIN} may go"):
        directory.import_mailboxes(few, update=True, leavers=Leavers())
    assert len(mailboxes(directory)) == 40
    with pytest.raises(DirectoryError, match="at most 3 may go"):
        directory.import_mailboxes(few, update=True, leavers=Leavers(3))
    report = directory.import_mailboxes(few, update=True, leavers=Leavers(11))
    assert report.removed == 11


def test_a_dry_run_says_what_would_be_and_changes_nothing(directory):
    directory.import_mailboxes(csv_file(everyone(5)))
    before, version = mailboxes(directory), read_snapshot(directory).version
    text = "address,title\nuser000@kairan.test,Head\nnew@kairan.test,\nuser001@kairan.test,\n"
    report = directory.import_mailboxes(
        csv_file(text), update=True, leavers=Leavers(), dry_run=True
    )
    assert report == ImportReport(added=1, updated=1, unchanged=1, removed=3)
    assert mailboxes(directory) == before
    assert read_snapshot(directory).version == version


@pytest.mark.parametrize("name", ["Web担当", "iPhone用", "PCﾙｰﾑ", "A棟3F", "(株)ｶｲﾗﾝ", "Sato 佐藤"])
def test_japanese_among_letters_is_no_western_text(directory, name):
    octets = f"address,displayName\nann@kairan.test,{name}\n".encode("cp932")
    directory.import_mailboxes(csv_file(octets))
    assert mailboxes(directory)[0].display_name == name
