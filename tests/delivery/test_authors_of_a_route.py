"""From by a route: kept, rewritten to the account, or refused."""

import email
from email import policy

import pytest

from delivery.transport_talk import SETTINGS, envelope, kinds, to
from kairan.delivery.transports.authors import AuthorRule, FromRule, Prepared
from kairan.delivery.transports.table import DestinationError, transport_for
from kairan.mail.address import Address
from kairan.mail.envelope import ContentFile
from kairan.outcomes.catalogue import FROM_NOT_OF_ROUTE
from kairan.relay.pieces import pieces_of
from kairan.testing.peer import ScriptedPeer
from kit.plain_identity import PlainIdentity

ACCOUNT = Address("hve@kairan.test")
REWRITE, REFUSE = (AuthorRule(rule, ACCOUNT) for rule in (FromRule.REWRITE, FromRule.REFUSE))
BODY = b"\r\nHello.\r\n"


async def rewritten(head: bytes, sender: str = "a@x.test"):
    prepared = await REWRITE.wait_prepared(envelope(sender), head + BODY)
    assert isinstance(prepared, Prepared)
    assert prepared.content.endswith(BODY)
    return prepared.envelope.sender, prepared.content


def parsed(content: bytes):
    return email.message_from_bytes(content, policy=policy.SMTP)


async def test_the_author_becomes_the_account_and_hears_the_replies():
    sender, content = await rewritten(
        b'Subject: hi\r\nFrom: "Tanaka, Taro" <a@x.test>\r\nTo: b@x.test\r\n'
    )
    message = parsed(content)
    assert sender == ACCOUNT
    assert message.get_all("From") == ['"Tanaka, Taro" <hve@kairan.test>']
    assert message["Reply-To"] == "a@x.test"
    assert message["X-Original-From"] == '"Tanaka, Taro" <a@x.test>'
    assert (message["Subject"], message["To"]) == ("hi", "b@x.test")


async def test_a_reply_to_of_the_author_stays():
    _, content = await rewritten(b"Reply-To: desk@x.test\r\nFrom: a@x.test\r\n")
    assert parsed(content).get_all("Reply-To") == ["desk@x.test"]


@pytest.mark.parametrize(
    "head",
    [
        b"From: a@x.test\r\nFrom: b@x.test\r\n",
        b"From: a@x.test, hve@kairan.test\r\n",
        b"From: hve@kairan.test\r\nSender: a@x.test\r\n",
        b"Sender: hve@kairan.test\r\n",
        b"Subject: no author\r\n",
        b"From:\r\n a@x.test\r\n",
        b"From : a@x.test\r\n",
        b"FROM: \x82\xa0 <a@x.test>\r\n",
        b"From: hve@kairan.test <a@x.test>\r\n",
        b"From: <a@x.test> hve@kairan.test\r\n",
        b"From: nonsense\r\n",
        b"From:\r\n",
        b"X-Original-From: forged@x.test\r\nFrom: a@x.test\r\n",
        b"from: group: a@x.test, b@x.test;\r\n",
    ],
)
async def test_whatever_stood_there_the_account_is_the_only_author(head):
    _, content = await rewritten(head)
    message = parsed(content)
    assert len(message.get_all("From")) == 1
    assert [one.addr_spec for one in message["From"].addresses] == [ACCOUNT]
    assert "Sender" not in message
    assert "forged" not in str(message["X-Original-From"])


@pytest.mark.parametrize("written", [b"hve@kairan.test", b"Payroll <HVE@Kairan.test>"])
async def test_what_the_account_wrote_goes_out_octet_for_octet(written):
    head = b"From: " + written + b"\r\nSubject: hi\r\n"
    _, content = await rewritten(head, "hve@kairan.test")
    assert content == head + BODY


async def test_a_report_goes_out_as_the_account():
    """The service takes no null sender; the queue's own envelope keeps it."""
    sender, _ = await rewritten(b"From: postmaster@kairan.test\r\n", "")
    assert sender == ACCOUNT


async def test_a_large_message_is_rewritten_without_being_read_into_memory(tmp_path):
    head = b"From: a@x.test\r\nSubject: hi\r\n"
    file = tmp_path / "content"
    file.write_bytes(head + BODY * 100_000)
    prepared = await REWRITE.wait_prepared(
        envelope("a@x.test"), ContentFile(file, file.stat().st_size)
    )
    assert isinstance(prepared, Prepared)
    whole = b"".join(pieces_of(prepared.content, 65_536))
    assert len(whole) == prepared.content.size
    assert whole.endswith(BODY * 100_000)
    assert parsed(whole[:400])["From"] == "hve@kairan.test"


@pytest.mark.parametrize(
    ("sender", "head"),
    [
        ("a@x.test", b"From: hve@kairan.test\r\n"),
        ("hve@kairan.test", b"From: a@x.test\r\n"),
        ("hve@kairan.test", b"From: hve@kairan.test\r\nFrom: a@x.test\r\n"),
        ("hve@kairan.test", b"From: hve@kairan.test\r\nSender: a@x.test\r\n"),
        ("hve@kairan.test", b"Subject: no author\r\n"),
        ("", b"From: hve@kairan.test\r\n"),
    ],
)
async def test_refuse_offers_nothing_that_is_not_the_accounts(sender, head):
    assert await REFUSE.wait_prepared(envelope(sender), head + BODY) is FROM_NOT_OF_ROUTE


async def test_refuse_lets_the_accounts_own_mail_pass_as_it_is():
    content = b"From: HVE <hve@kairan.test>\r\n" + BODY
    mine = envelope("HVE@kairan.test")
    assert await REFUSE.wait_prepared(mine, content) == Prepared(mine, content)


async def test_a_refused_author_costs_no_connection():
    async with ScriptedPeer() as peer:
        text = f"smtp://localhost:{peer.port}?auth=oauth&identity=hve&from=refuse"
        transport = transport_for(text, SETTINGS, {"hve": PlainIdentity()})
        results = await transport.deliver(
            envelope("a@x.test"), to("b@x.test"), b"From: a@x.test\r\n" + BODY
        )
        await transport.close()
    assert kinds(results) == ["Failed"]
    assert peer.sessions == 0


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("hve://?identity=hve&from=maybe", "from is keep, rewrite or refuse"),
        ("smtp://mail.test?from=rewrite", "needs a login"),
        ("smtp://user:pw@mail.test?from=rewrite", "whose user is an address"),
        ("mx:?from=rewrite", "mx: knows no option 'from'"),
    ],
)
def test_a_wrong_rule_is_refused_with_advice(text, advice):
    with pytest.raises(DestinationError, match=advice):
        transport_for(text, SETTINGS, {"hve": PlainIdentity()})
