"""In an application the library's lines are the application's."""

import subprocess
import sys

PROGRAM = """
import logging, sys
{set_up}
from kairan.runtime.library_log import LibraryLog
LibraryLog().warning("relay.token-failed", identity="hve", reason="two words")
"""


def said(set_up=""):
    program = PROGRAM.format(set_up=set_up)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return done.stdout, done.stderr


def test_nothing_goes_to_standard_output_that_the_application_did_not_write():
    out, error = said("logging.basicConfig(stream=sys.stderr, format='%(name)s|%(message)s')")
    assert out == ""
    assert error == "kairan|relay.token-failed identity='hve' reason='two words'\n"


def test_an_application_that_takes_no_log_gets_none():
    assert said("logging.getLogger('kairan').addHandler(logging.NullHandler())") == ("", "")


def test_in_the_service_it_is_one_of_our_lines():
    out, error = said("from kairan.runtime.logs import set_up; set_up()")
    assert out == ""
    assert 'level=warning event=relay.token-failed identity=hve reason="two words"' in error
