"""kairan.toml of a service under test: what was said comes back out of the file."""

import tomllib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from kairan.config.read import load
from kairan.testing import kairan_toml, listener

KEYS = st.text(min_size=1, alphabet=st.characters(exclude_categories=("Cs",)))
VALUES = st.one_of(
    st.booleans(),
    st.integers(-(2**62), 2**62),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(alphabet=st.characters(exclude_categories=("Cs",))),
)
SCALARS = st.one_of(VALUES, st.lists(VALUES, max_size=3))
TABLES = st.recursive(
    st.dictionaries(KEYS, SCALARS, max_size=3),
    lambda inner: st.dictionaries(
        KEYS, st.one_of(SCALARS, inner, st.lists(inner, min_size=1, max_size=2)), max_size=3
    ),
    max_leaves=8,
)


@given(TABLES)
def test_whatever_tables_are_given_are_read_back(tables):
    text = kairan_toml(listeners=[listener("hve")], routes={"*": "mx:"}, extra=tables)
    found = tomllib.loads(text)
    assert found.get("extra", {}) == tables
    assert found["listener"] == [{"role": "hve", "host": "127.0.0.1", "port": 0}]


def test_routes_keep_the_order_in_which_they_are_tried():
    routes = {"b.test": "mx:", "a.test": "mx:", "*": "maildir:maildir"}
    found = tomllib.loads(kairan_toml(listeners=[], routes=routes))
    assert [one["pattern"] for one in found["delivery"]["routes"]] == list(routes)


def test_a_table_that_only_holds_others_may_be_opened_by_a_later_text():
    text = kairan_toml(listeners=[], routes={"*": "mx:"}, delivery={"retry": {"max_seconds": 1.0}})
    assert tomllib.loads(text + "[delivery]\nwindow_jobs = 3\n")["delivery"]["window_jobs"] == 3


def test_the_service_reads_it(tmp_path):
    file = tmp_path / "kairan.toml"
    devices = {"127.0.0.1/32": "printer@kairan.test"}
    file.write_text(
        kairan_toml(
            listeners=[listener("device", tls="off", devices=devices)],
            routes={"*": "maildir:maildir"},
            data_directory=Path("data"),
            spool={"look_interval_seconds": 0.2},
        )
    )
    assert load(file).spool.look_interval_seconds == 0.2
