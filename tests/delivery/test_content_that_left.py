"""A node that was silent for too long: others have its leases, and its own copies of contents are gone."""

from structlog.testing import capture_logs

from kairan.mail.envelope import ContentFile


async def test_a_file_that_left_with_its_lease_is_said_as_such_and_is_no_defect(bench, tmp_path):
    await bench.send("user1@kairan.test")
    [(message, (envelope, body))] = bench.spool.stored.messages.items()
    gone = ContentFile(tmp_path / "message-1", len(body))
    bench.spool.stored.messages[message] = (envelope, gone)
    with capture_logs() as logs:
        bench.start()
        await bench.wait_until(lambda: any(one["log_level"] != "info" for one in logs))
        await bench.settle()
    said = {one["event"]: one for one in logs if one["log_level"] != "info"}
    assert set(said) == {"delivery.content-unreadable"}
    assert said["delivery.content-unreadable"]["message"] == "<0@test>"
    assert not bench.transport.calls
    assert len(bench.spool.stored.jobs) == 1


async def test_a_file_that_is_missing_elsewhere_is_still_a_defect(bench, monkeypatch):
    async def deliver(*_):
        raise FileNotFoundError("/etc/mailname")

    monkeypatch.setattr(bench.transport, "deliver", deliver)
    await bench.send("user1@kairan.test")
    with capture_logs() as logs:
        bench.start()
        await bench.wait_until(lambda: any(one["log_level"] == "error" for one in logs))
    assert [one["event"] for one in logs if one["log_level"] == "error"] == ["delivery.defect"]
