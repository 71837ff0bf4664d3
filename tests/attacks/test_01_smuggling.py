"""Attack 1: two messages where the sender sent one (SMTP smuggling, CVE-2023-51764 and family)."""

import pytest

from attacks.kit import PAYROLL

# What other servers have taken for the end of a message, and whether the true message holds a
# bare line ending then, for which it is refused whole.
SEQUENCES = {
    "LF . LF": (b"\n.\n", True),
    "LF . CR": (b"\n.\r", True),
    "CR . LF": (b"\r.\n", True),
    "CR . CR": (b"\r.\r", True),
    "LF . CRLF": (b"\n.\r\n", True),
    "CR . CRLF": (b"\r.\r\n", True),
    "CRLF . LF": (b"\r\n.\n", True),
    "CRLF . CR": (b"\r\n.\r", True),
    "CRLF NUL . CRLF": (b"\r\n\0.\r\n", False),
    "CRLF . NUL CRLF": (b"\r\n.\0\r\n", False),
    "CRLF . CR CRLF": (b"\r\n.\r\r\n", True),
    "CRLF SP . CRLF": (b"\r\n .\r\n", False),
    "CR LF LF . CRLF": (b"\r\n\n.\r\n", True),
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


@pytest.mark.parametrize(("sequence", "bare"), SEQUENCES.values(), ids=SEQUENCES)
@pytest.mark.parametrize("door", ["device", "starttls"])
def test_one_message_stays_one_wherever_segments_and_records_end(service, door, sequence, bare):
    client = service.client(door)
    with client if door == "device" else client.login():
        for cut in range(len(sequence) + 1):
            answer = attack(client, sequence, cut)
            assert answer.startswith("550 5.6.11" if bare else "250 2.6.0"), (cut, answer)


def test_nothing_smuggled_lies_in_a_mailbox_as_a_message_of_its_own(service):
    with service.client().login() as client:
        attack(client, b"\n.\r\n", 1)
        attack(client, b"\r\n\0.\r\n", 1)
    service.wait_empty()
    for message in service.messages():
        head = message.partition(b"\n\n")[0].replace(b"\r", b"")
        assert b"smuggled-inside" not in head
