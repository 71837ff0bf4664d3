"""Where a key stands."""

import pytest

from kairan.config.lines import lines_of

TEXT = '''\
top = 1
[server]            # a remark
hostname = "x"
"quoted key" = """
data_directory = "inside a text"
"""
data_directory = "data"

[[listener]]
port = 1
[[listener]]
role = "device"
devices = {
  "192.0.2.0/24" = "a@example.com" }
[listener.more]
deep.er = 3
'''
PLACES = {
    ("top",): 1,
    ("server",): 2,
    ("server", "hostname"): 3,
    ("server", "quoted key"): 4,
    ("server", "data_directory"): 7,
    ("listener",): 9,
    ("listener", 0): 9,
    ("listener", 0, "port"): 10,
    ("listener", 1): 11,
    ("listener", 1, "role"): 12,
    ("listener", 1, "more", "deep", "er"): 16,
}


@pytest.mark.parametrize(("where", "line"), PLACES.items())
def test_every_key_has_its_line(where, line):
    assert lines_of(TEXT).line_of(where) == line


def test_what_has_no_line_of_its_own_has_that_of_the_nearest_around_it():
    assert lines_of(TEXT).line_of(("listener", 1, "devices", "192.0.2.0/24")) == 13
    assert lines_of(TEXT).line_of(("listener", 1, "port")) == 11


def test_what_is_nowhere_has_no_line():
    assert lines_of(TEXT).line_of(("spool", "durability")) is None
