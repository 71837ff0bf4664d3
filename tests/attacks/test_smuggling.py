"""Two messages where the sender sent one (SMTP smuggling, CVE-2023-51764 and family)."""

import pytest

from kit.live import PAYROLL

# What other servers have taken for the end of a message, and whether the true message holds a
# bare line ending then, for which it is refused whole.
BARE, NUL, TAKEN = "550 5.6.11", "550 5.6.0", "250 2.6.0"
SEQUENCES = {
    "LF . LF": (b"\n.\n", BARE),
    "LF . CR": (b"\n.\r", BARE),
    "CR . LF": (b"\r.\n", BARE),
    "CR . CR": (b"\r.\r", BARE),
    "LF . CRLF": (b"\n.\r\n", BARE),
    "CR . CRLF": (b"\r.\r\n", BARE),
    "CRLF . LF": (b"\r\n.\n", BARE),
    "CRLF . CR": (b"\r\n.\r", BARE),
    "CRLF NUL . CRLF": (b"\r\n\0.\r\n", NUL),
    "CRLF . NUL CRLF": (b"\r\n.\0\r\n", NUL),
    "CRLF . CR CRLF": (b"\r\n.\r\r\n", BARE),
    "CRLF SP . CRLF": (b"\r\n .\r\n", TAKEN),
    "CR LF LF . CRLF": (b"\r\n\n.\r\n", BARE),
}
SMUGGLED = (
    f"MAIL FROM:<{PAYROLL}>\r\nRCPT TO:<user001@kairan.test>\r\nDATA\r\n"
    "Subject: smuggled-inside\r\n\r\nno\r\n"
).encode()


def attack(client, sequence, cut):
    """The one reply that the message gets, when the sequence is cut at `cut`."""
    client.begin()
    head = b"Subject: smuggled-outside\r\n\r\na"
    client.say(head + sequence[:cut], sequence[cut:] + SMUGGLED + b".\r\n")
    answer = client.reply()
    assert client.in_step(), "a second reply came: the server saw two messages"
    return answer


@pytest.mark.parametrize(("sequence", "reply"), SEQUENCES.values(), ids=SEQUENCES)
@pytest.mark.parametrize("listener", ["device", "starttls"])
def test_one_message_stays_one_wherever_segments_and_records_end(
    service, listener, sequence, reply
):
    client = service.client(listener)
    with client if listener == "device" else client.login():
        for cut in range(len(sequence) + 1):
            answer = attack(client, sequence, cut)
            assert answer.startswith(reply), (cut, answer)


def test_nothing_smuggled_lies_in_a_mailbox_as_a_message_of_its_own(service):
    with service.client().login() as client:
        attack(client, b"\n.\r\n", 1)
        attack(client, b"\r\n\0.\r\n", 1)
    service.wait_empty()
    for message in service.messages():
        head = message.partition(b"\n\n")[0].replace(b"\r", b"")
        assert b"smuggled-inside" not in head
