"""Command lines: what is an address and a parameter, what is a slip, and what is neither."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairan.mail.envelope import Notify
from kairan.smtp.server.grammar import (
    EHLO_ARGUMENT_OCTETS_MAX,
    ENVID_OCTETS_MAX,
    ORCPT_OCTETS_MAX,
    PARAMETERS_MAX,
    BdatCommand,
    MailCommand,
    RcptCommand,
    Syntax,
    parse_bdat,
    parse_ehlo,
    parse_mail,
    parse_rcpt,
)

SYNTAX_ERROR = Syntax("syntax-error")
ADDRESS_INVALID = Syntax("address-invalid")
PARAMETER_UNKNOWN = Syntax("parameter-unknown")
SMTPUTF8_NEEDED = Syntax("smtputf8-needed")

MAILS = {
    b"FROM:<a@b.test>": MailCommand("a@b.test"),
    b"from:<a@b.test>": MailCommand("a@b.test"),
    b"FROM: <a@b.test>": MailCommand("a@b.test"),
    b"FROM:<a@b.test>  ": MailCommand("a@b.test"),
    b"FROM:<a@B.Test>": MailCommand("a@b.test"),
    b"FROM:<A.a@b.test>": MailCommand("A.a@b.test"),
    b"FROM:<>": MailCommand(""),
    b"FROM:  <a@b.test>": MailCommand("a@b.test"),
    b"FROM:\t <a@b.test>": MailCommand("a@b.test"),
    b" FROM:<a@b.test>": MailCommand("a@b.test"),
    b"FROM:<a@b.test>SIZE=1": MailCommand("a@b.test", size=1),
    b"FROM:  <>BODY=8BITMIME SIZE=1": MailCommand("", 1, "8BITMIME"),
    b"FROM:<a@b.test.>": MailCommand("a@b.test"),
    b'FROM:<"printer"@b.test>': MailCommand("printer@b.test"),
    b'FROM:<"p\\rinter"@b.test>': MailCommand("printer@b.test"),
    b"FROM:<a..b@b.test>": MailCommand('"a..b"@b.test'),
    b"FROM:<a@b.test>>": ADDRESS_INVALID,
    b"FROM:<a@b.test>,": ADDRESS_INVALID,
    b"FROM:<a@b.test>nonsense": PARAMETER_UNKNOWN,
    b"FROM:<a@b.test>SIZE = 1": SYNTAX_ERROR,
    b"FROM:<a@b.test..>": ADDRESS_INVALID,
    b"FROM:<a@.b.test>": ADDRESS_INVALID,
    b'FROM:<"a b"@b.test>': MailCommand('"a b"@b.test'),
    b'FROM:<"a@c"@b.test>': MailCommand('"a@c"@b.test'),
    b"FROM:<@relay.test,@other.test:a@b.test>": MailCommand("a@b.test"),
    b"FROM:<a@[192.0.2.1]>": MailCommand("a@[192.0.2.1]"),
    b"FROM:<a@b.test> SIZE=10": MailCommand("a@b.test", size=10),
    b"FROM:<a@b.test> size=0 body=8bitmime": MailCommand("a@b.test", 0, "8BITMIME"),
    b"FROM:<a@b.test>  BODY=BINARYMIME  RET=FULL": MailCommand(
        "a@b.test", body="BINARYMIME", ret="FULL"
    ),
    b"FROM:<a@b.test> ENVID=QQ+2B314": MailCommand("a@b.test", envid="QQ+2B314"),
    b"FROM:<a@b.test> AUTH=<>": MailCommand("a@b.test"),
    b"FROM:<a@b.test> AUTH=c+40d.test": MailCommand("a@b.test"),
    "FROM:<é@b.test> SMTPUTF8".encode(): MailCommand("é@b.test", smtputf8=True),
    "FROM:<é@bé.test> SMTPUTF8".encode(): MailCommand("é@bé.test", smtputf8=True),
    "FROM:<é@b.test>".encode(): SMTPUTF8_NEEDED,
    b"FROM:<\xff@b.test> SMTPUTF8": ADDRESS_INVALID,
    "FROM:<a\u2028@b.test> SMTPUTF8".encode(): ADDRESS_INVALID,
    "FROM:<a\u0085@b.test> SMTPUTF8".encode(): ADDRESS_INVALID,
    "FROM:<a\u202e@b.test> SMTPUTF8".encode(): ADDRESS_INVALID,
    b"FROM:a@b.test": ADDRESS_INVALID,
    b"FROM:<a@b.test": ADDRESS_INVALID,
    b"FROM:a@b.test>": ADDRESS_INVALID,
    b"FROM:<<a@b.test>>": ADDRESS_INVALID,
    b"FROM:<a>": ADDRESS_INVALID,
    b"FROM:<postmaster>": ADDRESS_INVALID,
    b"FROM:<a@>": ADDRESS_INVALID,
    b"FROM:<@b.test>": ADDRESS_INVALID,
    b"FROM:<a b@b.test>": ADDRESS_INVALID,
    b"FROM:<a@b.test,c@b.test>": ADDRESS_INVALID,
    b"FROM:<a@b_c.test>": ADDRESS_INVALID,
    b"FROM:<a\x01@b.test>": ADDRESS_INVALID,
    b"FROM:<a@b.test\x00>": ADDRESS_INVALID,
    b"FROM:<a@b.test\t>": ADDRESS_INVALID,
    b'FROM:<"a\x01"@b.test>': ADDRESS_INVALID,
    b"FROM:<" + b"a" * 65 + b"@b.test>": ADDRESS_INVALID,
    b"FROM:<a@" + b".".join([b"b" * 60] * 5) + b">": ADDRESS_INVALID,
    b"FROM:": ADDRESS_INVALID,
    b"FROM": SYNTAX_ERROR,
    b"": SYNTAX_ERROR,
    b"TO:<a@b.test>": SYNTAX_ERROR,
    b"FROM:<a@b.test> SIZE=x": SYNTAX_ERROR,
    b"FROM:<a@b.test> SIZE=-1": SYNTAX_ERROR,
    b"FROM:<a@b.test> SIZE=": SYNTAX_ERROR,
    b"FROM:<a@b.test> SIZE": SYNTAX_ERROR,
    b"FROM:<a@b.test> SIZE=" + b"9" * 21: SYNTAX_ERROR,
    b"FROM:<a@b.test> SIZE=1 SIZE=2": SYNTAX_ERROR,
    b"FROM:<a@b.test> BODY=9BIT": SYNTAX_ERROR,
    b"FROM:<a@b.test> SMTPUTF8=yes": SYNTAX_ERROR,
    b"FROM:<a@b.test> RET=ALL": SYNTAX_ERROR,
    b"FROM:<a@b.test> ENVID=a+zz": SYNTAX_ERROR,
    b"FROM:<a@b.test> ENVID=" + b"a" * (ENVID_OCTETS_MAX + 1): SYNTAX_ERROR,
    b"FROM:<a@b.test> AUTH=": SYNTAX_ERROR,
    b"FROM:<a@b.test> X\x01=1": SYNTAX_ERROR,
    b"FROM:<a@b.test> =1": SYNTAX_ERROR,
    b"FROM:<a@b.test> " + b" ".join(b"X%d=1" % n for n in range(PARAMETERS_MAX + 1)): SYNTAX_ERROR,
    b"FROM:<a@b.test> XVERP": PARAMETER_UNKNOWN,
    b"FROM:<a@b.test> NOTIFY=NEVER": PARAMETER_UNKNOWN,
}


@pytest.mark.parametrize(("argument", "command"), MAILS.items(), ids=repr)
def test_mail(argument, command):
    assert parse_mail(argument) == command


FAILURE_AND_DELAY = Notify.FAILURE | Notify.DELAY
RCPTS = {
    b"TO:<a@b.test>": RcptCommand("a@b.test"),
    b"to: <a@b.test> ": RcptCommand("a@b.test"),
    b"TO:   <a@b.test>NOTIFY=NEVER": RcptCommand("a@b.test", Notify.NEVER),
    b"TO:<name.@carrier.test>": RcptCommand('"name."@carrier.test'),
    b"TO:<a..b@carrier.test>": RcptCommand('"a..b"@carrier.test'),
    b'TO:<"a..b"@carrier.test>': RcptCommand('"a..b"@carrier.test'),
    b"TO:<@relay.test:a@b.test>": RcptCommand("a@b.test"),
    b"TO:<a@b.test> NOTIFY=NEVER": RcptCommand("a@b.test", Notify.NEVER),
    b"TO:<a@b.test> NOTIFY=failure,DELAY": RcptCommand("a@b.test", FAILURE_AND_DELAY),
    b"TO:<a@b.test> ORCPT=rfc822;a+2Bb@b.test": RcptCommand(
        "a@b.test", orcpt="rfc822;a+2Bb@b.test"
    ),
    "TO:<é@b.test>".encode(): SMTPUTF8_NEEDED,
    b"TO:<>": ADDRESS_INVALID,
    b"TO:<postmaster>": RcptCommand("postmaster"),
    b"TO:<PostMaster> NOTIFY=NEVER": RcptCommand("postmaster", Notify.NEVER),
    b"TO:<abuse>": ADDRESS_INVALID,
    b"TO:<a@b.test><c@b.test>": ADDRESS_INVALID,
    b"TO:<a@b.test>,<c@b.test>": ADDRESS_INVALID,
    b"TO:<a@b.test\x00@c.test>": ADDRESS_INVALID,
    b"FROM:<a@b.test>": SYNTAX_ERROR,
    b"TO:<a@b.test> NOTIFY=NEVER,FAILURE": SYNTAX_ERROR,
    b"TO:<a@b.test> NOTIFY=": SYNTAX_ERROR,
    b"TO:<a@b.test> NOTIFY=UNSET": SYNTAX_ERROR,
    b"TO:<a@b.test> ORCPT=a@b.test": SYNTAX_ERROR,
    b"TO:<a@b.test> ORCPT=rfc822;a=b": SYNTAX_ERROR,
    b"TO:<a@b.test> ORCPT=rfc822;" + b"a" * ORCPT_OCTETS_MAX: SYNTAX_ERROR,
    b"TO:<a@b.test> SIZE=1": PARAMETER_UNKNOWN,
}


@pytest.mark.parametrize(("argument", "command"), RCPTS.items(), ids=repr)
def test_rcpt(argument, command):
    assert parse_rcpt(argument, utf8=False) == command


def test_rcpt_takes_utf8_where_mail_asked_for_it():
    assert parse_rcpt("TO:<é@b.test>".encode(), utf8=True) == RcptCommand("é@b.test")


EHLOS = {
    b"printer": "printer",
    b" printer ": "printer",
    b"mfp_3f.kairan.test": "mfp_3f.kairan.test",
    b"[192.0.2.1]": "[192.0.2.1]",
    b"[IPv6:2001:db8::1]": "[IPv6:2001:db8::1]",
    b"": "",
    b" ": "",
    b"my_printer(3)": "my_printer+283+29",
    b"a) (b; c": "a+29+20+28b+3B+20c",
    b"[192.0.2.1": "+5B192.0.2.1",
    b"a+29": "a+2B29",
    b"two words": "two+20words",
    b"a\tb": "a+09b",
    b"a\x01b": None,
    b"a\x1b[2J": None,
    b"a\x7f": None,
    "a\u2028b".encode(): "a+E2+80+A8b",
    "\u00e9".encode(): "+C3+A9",
    "\u8907\u5408\u6a5f".encode("cp932"): "+95+A1+8D+87+8B+40",
    b"a" * EHLO_ARGUMENT_OCTETS_MAX: "a" * EHLO_ARGUMENT_OCTETS_MAX,
    b"a" * (EHLO_ARGUMENT_OCTETS_MAX + 1): None,
}


@pytest.mark.parametrize(("argument", "name"), EHLOS.items(), ids=repr)
def test_ehlo_takes_any_name_and_escapes_what_has_a_meaning_in_received(argument, name):
    assert parse_ehlo(argument) == name


BDATS = {
    b"0": BdatCommand(0, last=False),
    b"10 LAST": BdatCommand(10, last=True),
    b"10  last ": BdatCommand(10, last=True),
    b"": None,
    b"LAST": None,
    b"-1": None,
    b"+1": None,
    b"1_0": None,
    b"0x10": None,
    "\u0661".encode(): None,
    b"10 FIRST": None,
    b"10 LAST LAST": None,
    b"9" * 21: None,
}


@pytest.mark.parametrize(("argument", "command"), BDATS.items(), ids=repr)
def test_bdat(argument, command):
    assert parse_bdat(argument) == command


# Octets that parsers stumble over.
HOSTILE = st.lists(
    st.sampled_from(
        [b"FROM:", b"TO:", b"<", b">", b'"', b"@", b"\\", b" ", b"a", b".", b"=", b"\0"]
    )
    | st.binary(max_size=3),
    max_size=20,
).map(b"".join)


@given(HOSTILE)
def test_any_octets_are_a_command_or_a_plain_no(argument):
    assert isinstance(parse_mail(argument), MailCommand | Syntax)
    assert isinstance(parse_rcpt(argument, utf8=True), RcptCommand | Syntax)
    assert isinstance(parse_bdat(argument), BdatCommand | None)
    assert isinstance(parse_ehlo(argument), str | None)


@given(HOSTILE)
def test_what_is_taken_as_an_address_holds_nothing_that_forges_a_line(argument):
    for command in (parse_mail(argument), parse_rcpt(argument, utf8=True)):
        if not isinstance(command, Syntax):
            address = command.sender if isinstance(command, MailCommand) else command.recipient
            assert address.isprintable()
            assert "<" not in address
            assert ">" not in address
