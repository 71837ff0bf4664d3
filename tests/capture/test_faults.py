"""Fault rules as values: what may be written, which one counts, and the file that holds them."""

import pytest

from kairan.capture.faults import (
    FaultRuleError,
    FaultRules,
    FaultStage,
    FaultsUnreadableError,
    FaultWatch,
    add_fault,
    fault_rule,
    faults_file,
    read_faults,
    remove_faults,
    rules_in_force,
)


def rule(address="akiko@example.com", **named):
    return fault_rule(address, **{"answer": "receiving-rate-exceeded", "now": 100.0, **named})


@pytest.mark.parametrize(("answer", "key", "stage"), [
    ("recipient-unknown", "recipient-unknown", FaultStage.RCPT),
    ("550 5.1.10", "recipient-unknown", FaultStage.RCPT),
    ("sender-not-yours", "sender-not-yours", FaultStage.MAIL),
    ("432 4.3.2", "connections-exceeded", FaultStage.DOT),
    ("535 5.7.3", "auth-unsuccessful", FaultStage.AUTH),
    ("too-many-connections", "too-many-connections", FaultStage.RCPT),
])  # fmt: skip
def test_an_answer_is_named_by_key_or_codes_and_comes_where_the_service_says_it(answer, key, stage):
    found = rule(answer=answer)
    assert (found.answer, found.stage) == (key, stage)


@pytest.mark.parametrize("named", [
    {"answer": "no-such-refusal"},
    {"answer": "250 2.0.0"},
    {"answer": ""},
    {"drop": True},
    {"answer": "", "drop": True, "stage": "delivery"},
    {"stage": "data"},
    {"stage": "stored"},
    {"stage": "lunch"},
    {"delay_seconds": -1},
    {"delay_seconds": float("nan")},
    {"delay_seconds": 601},
    {"for_seconds": 0},
    {"for_seconds": float("nan")},
    {"address": "no address"},
    {"address": "a*@example.com"},
    {"address": "*x"},
    {"address": ""},
    {"address": "a@b\r\nc"},
])  # fmt: skip
def test_what_cannot_be_met_is_refused_with_what_to_write(named):
    with pytest.raises(FaultRuleError) as error:
        rule(**named)
    assert len(str(error.value)) > 20


def test_the_nearest_rule_counts_and_none_that_has_ended():
    rules = FaultRules(
        [
            rule("*", answer="receiving-rate-exceeded"),
            rule("*@example.com", answer="recipient-unknown"),
            rule("Akiko@Example.com", answer="relay-denied", for_seconds=10),
        ]
    )

    def met(address, now=100.0, stage=FaultStage.RCPT):
        found = rules.of(stage, [address], now)
        return found.answer if found else ""

    assert met("akiko@EXAMPLE.COM") == "relay-denied"
    assert met("akiko@example.com", now=111.0) == "recipient-unknown"
    assert met("ben@example.com") == "recipient-unknown"
    assert met("carol@other.test") == "receiving-rate-exceeded"
    assert met("") == "receiving-rate-exceeded"
    assert met("akiko@example.com", stage=FaultStage.DOT) == ""


def test_of_several_recipients_the_first_with_a_rule_counts():
    rules = FaultRules([rule("ben@example.com")])
    assert rules.of(FaultStage.RCPT, ["akiko@example.com", "ben@example.com"], 100.0)
    assert not rules.of(FaultStage.RCPT, ["akiko@example.com"], 100.0)


def test_a_rule_takes_the_place_of_the_one_for_its_address_and_stage(tmp_path):
    add_fault(tmp_path, rule())
    add_fault(tmp_path, rule(answer="relay-denied"))
    add_fault(tmp_path, rule(answer="", drop=True, stage="dot"))
    found = {(one.stage, one.answer) for one in read_faults(tmp_path).rules}
    assert found == {(FaultStage.RCPT, "relay-denied"), (FaultStage.DOT, "")}
    assert faults_file(tmp_path).stat().st_mode & 0o077 == 0


def test_rules_are_removed_by_address_by_stage_or_all(tmp_path):
    def fill():
        for address in ("a@x.test", "b@x.test"):
            for stage in ("rcpt", "dot"):
                add_fault(tmp_path, rule(address, stage=stage))

    for address, stage, removed in (("A@x.test", "", 2), ("", "dot", 2), ("b@x.test", "rcpt", 1),
                                    ("c@x.test", "", 0), ("", "", 4)):  # fmt: skip
        fill()
        assert remove_faults(tmp_path, address, stage, 100.0)[0] == removed
        assert len(rules_in_force(tmp_path, 100.0)) == 4 - removed


def test_what_has_ended_is_listed_no_more_and_leaves_the_file(tmp_path):
    add_fault(tmp_path, rule(for_seconds=5))
    assert rules_in_force(tmp_path, 106.0) == ()
    add_fault(tmp_path, rule("b@x.test", now=200.0))
    assert [one.address for one in read_faults(tmp_path).rules] == ["b@x.test"]


def test_there_are_so_many_rules_at_most(tmp_path, monkeypatch):
    monkeypatch.setattr("kairan.capture.faults.RULES_MAX", 2)
    add_fault(tmp_path, rule("a@x.test"))
    add_fault(tmp_path, rule("b@x.test"))
    with pytest.raises(FaultRuleError):
        add_fault(tmp_path, rule("c@x.test"))
    add_fault(tmp_path, rule("b@x.test"))


@pytest.mark.parametrize("octets", [b"", b"{", b"[]", b'{"rules": 1}', b'{"rules": [{"a": 1}]}'])
def test_a_file_that_does_not_read_changes_nothing(tmp_path, octets):
    add_fault(tmp_path, rule())
    watch = FaultWatch(tmp_path)
    faults_file(tmp_path).write_bytes(octets)
    with pytest.raises(FaultsUnreadableError):
        read_faults(tmp_path)
    watch._look()
    assert len(watch.current.rules) == 1


def test_each_change_has_a_version_of_its_own(tmp_path):
    first = add_fault(tmp_path, rule())
    watch = FaultWatch(tmp_path)
    assert watch.current.version == first
    second = remove_faults(tmp_path, "", "", 100.0)[1]
    watch._look()
    assert first < second == watch.current.version
