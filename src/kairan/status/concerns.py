"""What of a status will not mend itself, or will soon be wrong: a pure rule, for alerts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kairan.alerts.alert import Concern
from kairan.alerts.settings import AlertSettings
from kairan.delivery.plan import WAITING_ROUTES
from kairan.directory.model import DynamicGroup
from kairan.directory.sources.store import SourceState
from kairan.outcomes.causes import outcomes_in
from kairan.outcomes.outcome import Text
from kairan.outcomes.refusal_class import class_of
from kairan.status.facts import CertificateStatus, DestinationStatus, Status


@dataclass(frozen=True, slots=True)
class IdentityStatus:
    """`token_ends`: None: it has none in hand.  `certificate`: the application's, where it has one."""

    name: str
    token_ends: float | None
    refused_seconds: float
    certificate: CertificateStatus | None = None


def concerns_of(
    status: Status,
    settings: AlertSettings,
    *,
    identities: Sequence[IdentityStatus] = (),
    last_sent: Mapping[str, float | None] | None = None,
    groups: Sequence[DynamicGroup] = (),
    sources: Sequence[SourceState] = (),
) -> list[Concern]:
    """`last_sent`: of the accounts and devices of `quiet_seconds`; None: not within the trace."""
    return [
        *_refusals(status, settings),
        *_ages(status, settings),
        *_certificates(status.certificates, settings),
        *_certificates([one.certificate for one in identities if one.certificate], settings),
        *_tokens(status, identities),
        *_quiet(status.now, settings, last_sent or {}),
        *_kept_lists(status.now, groups),
        *_sources(status.now, sources),
    ]


def _refusals(status: Status, settings: AlertSettings) -> Iterator[Concern]:
    for one in status.destinations:
        if not one.jobs or not one.last_error:
            continue
        meanings = outcomes_in(one.last_error)
        kind = class_of(meanings[0]) if meanings else None
        if one.state != "held" and (kind is None or kind not in settings.refusal_classes):
            continue
        means = meanings[0].when if meanings else Text(one.last_error, one.last_error)
        held = "held: " if one.state == "held" else ""
        yield Concern(
            f"refusal {one.name}",
            "refusal",
            one.name,
            Text(
                f"{held}{one.jobs} jobs wait. {means.en}",
                f"{'保留中: ' if held else ''}{one.jobs} 件が待機しています。{means.ja}",
            ),
            _facts(one) | {"class": kind or "", "key": meanings[0].key if meanings else ""},
        )


def _facts(one: DestinationStatus) -> dict[str, object]:
    return {
        "destination": one.name,
        "state": one.state,
        "jobs": one.jobs,
        "oldest_age_seconds": one.oldest_age_seconds,
        "last_error": one.last_error,
    }


def _ages(status: Status, settings: AlertSettings) -> Iterator[Concern]:
    for one in status.destinations:
        if (
            settings.age_seconds
            and one.name not in WAITING_ROUTES  # a list makes it wait, and says until when
            and one.jobs > one.held
            and one.oldest_age_seconds >= settings.age_seconds
        ):
            minutes = int(one.oldest_age_seconds // 60)
            yield Concern(
                f"age {one.name}",
                "age",
                one.name,
                Text(
                    f"Mail waits since {minutes} minutes; `kairan queue why ID` says why.",
                    f"メールが {minutes} 分前から待機しています。理由は `kairan queue why ID` で確認できます。",
                ),
                _facts(one),
            )


def _certificates(
    certificates: Sequence[CertificateStatus], settings: AlertSettings
) -> Iterator[Concern]:
    for one in certificates:
        if one.days_left <= settings.certificate_days:
            yield Concern(
                f"certificate {one.file}",
                "certificate",
                one.file,
                Text(
                    "It has ended." if one.days_left < 0 else f"It ends in {one.days_left} days.",
                    "有効期限が切れました。"
                    if one.days_left < 0
                    else f"あと {one.days_left} 日で期限が切れます。",
                ),
                {"file": one.file, "days_left": one.days_left},
            )


def _tokens(status: Status, identities: Sequence[IdentityStatus]) -> Iterator[Concern]:
    """A token that nobody needs may end; one that mail waits for should have been renewed long before."""
    for one in identities:
        waits = any(
            f"identity={one.name}" in destination.to.partition("?")[2].split("&")
            for destination in status.destinations
            if destination.jobs
        )
        is_ending = one.token_ends is None or one.token_ends - status.now <= one.refused_seconds
        if waits and is_ending:
            yield Concern(
                f"token {one.name}",
                "token",
                one.name,
                Text(
                    "Mail waits, and there is no token that is good for a login: `kairan token get NAME` shows what its issuer answers.",
                    "メールが待機していますが、ログインに使えるトークンがありません。`kairan token get NAME` で発行元の応答を確認してください。",
                ),
                {"identity": one.name},
            )


def _kept_lists(now: float, groups: Sequence[DynamicGroup]) -> Iterator[Concern]:
    for one in groups:
        if one.kept_since:
            hours = int(max(0.0, now - one.kept_since) // 3600)
            yield Concern(
                f"list {one.address}",
                "list",
                one.address,
                Text(
                    f"Its members are kept as they were, since {hours} hours: a refresh would change more of them than [dynamic_groups] allows. `kairan group preview {one.address}` shows whom; `kairan group refresh {one.address} --yes` makes it so.",
                    f"メンバーの更新を {hours} 時間前から保留しています。変更が [dynamic_groups] の上限を超えるためです。対象は `kairan group preview {one.address}` で確認できます。`kairan group refresh {one.address} --yes` で反映します。",
                ),
                {"group": one.address, "kept_since": one.kept_since},
            )


def _sources(now: float, sources: Sequence[SourceState]) -> Iterator[Concern]:
    for one in sources:
        if one.problem:
            hours = f"{(now - one.succeeded) / 3600:.1f}" if one.succeeded else ""
            age_en = f"the copy that serves is {hours} hours old" if hours else "there is no copy"
            age_ja = (
                f"使用中のコピーは {hours} 時間前のものです" if hours else "コピーはまだありません"
            )
            yield Concern(
                f"source {one.name}",
                "source",
                one.name,
                Text(
                    f"Nothing was taken: {one.problem}; {age_en}.",
                    f"取り込みませんでした: {one.problem}。{age_ja}。",
                ),
                {"source": one.name, "succeeded": one.succeeded, "problem": one.problem},
            )


def _quiet(
    now: float, settings: AlertSettings, last_sent: Mapping[str, float | None]
) -> Iterator[Concern]:
    for name, seconds in settings.quiet_seconds:
        last = last_sent.get(name)
        if last is None or now - last > seconds:
            hours = f"{seconds / 3600:g}"
            yield Concern(
                f"quiet {name}",
                "quiet",
                name,
                Text(
                    f"Nothing came from it for more than {hours} hours.",
                    f"{hours} 時間以上、何も送信されていません。",
                ),
                {"last_sent": last},
            )
