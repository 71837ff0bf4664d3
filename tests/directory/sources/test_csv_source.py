"""People and groups from CSV files."""

import pytest

from kairan.directory.errors import DirectoryError
from kairan.directory.sources.csv_source import read_csv
from kairan.directory.sources.settings import SourceKind, SourceSettings


def read(tmp_path, people, groups=None):
    (tmp_path / "people.csv").write_text(people)
    file = None
    if groups is not None:
        file = tmp_path / "groups.csv"
        file.write_text(groups)
    return read_csv(
        SourceSettings("hr", SourceKind.CSV, file=tmp_path / "people.csv", groups_file=file)
    )


def test_a_row_is_a_person_with_all_its_columns(tmp_path):
    head = (
        "id,address,aliases,department,customAttribute15,countryCode,hidden,enabled,recipientType"
    )
    (one,) = read(
        tmp_path, f"{head}\n7,A@example.com,b@example.com,営業,x,392,yes,no,RoomMailbox\n"
    ).people
    assert (one.id, one.address, one.aliases) == ("7", "a@example.com", {"b@example.com"})
    assert one.attributes == {"department": "営業", "customAttribute15": "x"}
    assert (one.country_code, one.hidden, one.enabled, one.recipient_type) == (
        392,
        True,
        False,
        "RoomMailbox",
    )


def test_without_an_id_the_address_is_it(tmp_path):
    assert [one.id for one in read(tmp_path, "address\na@example.com\n").people] == [
        "a@example.com"
    ]


def test_groups_come_from_the_people_and_from_a_file_of_their_own(tmp_path):
    people = "id,address,groups\n1,a@example.com,all@example.com;x@example.com\n"
    groups = "address,displayName,groups\nall@example.com,Everybody,top@example.com\n"
    reading = read(tmp_path, people, groups)
    assert {one.id: one.members for one in reading.groups} == {
        "all@example.com": {"1"},
        "x@example.com": {"1"},
        "top@example.com": {"all@example.com"},
    }
    assert reading.present.people == {"1"}


@pytest.mark.parametrize(
    "people",
    ["id,address\n1,nonsense\n", "id,address\n1,a@example.com\n1,b@example.com\n", "shoe\n1\n",
     "id,address,hidden\n1,a@example.com,perhaps\n", "id,address,countryCode\n1,a@example.com,Japan\n"],
)  # fmt: skip
def test_of_a_broken_file_nothing_is_read(tmp_path, people):
    with pytest.raises(DirectoryError):
        read(tmp_path, people)
