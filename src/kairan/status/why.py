"""Why a job of the queue still waits: the one thing that it waits for, what was answered last, what to do.

    held by an operator ─▶ approval, send window ─▶ paused ─▶ the route is held ─▶ the destination is down ─▶ its own next try

In this order: what stands further left must end first.  The words of the last answer are the catalogue's
to explain, as `kairan doctor explain` does.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from kairan.delivery.disposition import begun
from kairan.delivery.pauses import OperatorPause, PauseKind
from kairan.delivery.plan import WAITING_ROUTES, destination_of
from kairan.delivery.routes import Route, Router
from kairan.delivery.statistics import QueueFacts
from kairan.expansion.moderation import WAITS
from kairan.outcomes.causes import outcomes_in
from kairan.outcomes.outcome import Outcome, Text
from kairan.outcomes.refusal_class import RefusalClass, class_of
from kairan.spool.interface import Job, SpoolItem


class Waiting(StrEnum):
    HELD = "held"  # the job, by an operator
    APPROVAL = "approval"  # a moderator's
    WINDOW = "window"  # its group's send window
    PAUSED = "paused"
    ROUTE_HELD = "route-held"
    DOWN = "down"
    RETRY = "retry"
    RUNNING = "running"
    TURN = "turn"


SENTENCES: Mapping[Waiting, Text] = {
    Waiting.HELD: Text(
        "An operator holds it; `kairan queue release ID` lets it go.",
        "管理者が保留しています。`kairan queue release ID` で解除します。",
    ),
    Waiting.APPROVAL: Text(
        "A moderator of its group has not decided; `kairan group moderation list` shows it, `approve ID` or `reject ID` decides. It expires at the end of the time for that.",
        "グループのモデレーターの決定を待っています。`kairan group moderation list` で確認し、`approve ID` または `reject ID` で決定します。期限が過ぎると送信者に通知されます。",
    ),
    Waiting.WINDOW: Text(
        "Its group takes mail at certain times, and the next one is the next try. It does not expire before.",
        "グループの送信時間帯を待っています。次の試行の時刻に配信されます。それまでは期限切れになりません。",
    ),
    Waiting.PAUSED: Text(
        "An operator has paused its route or destination; it does not expire meanwhile. `kairan queue resume` ends that.",
        "管理者が経路または宛先を一時停止しています。その間は期限切れになりません。`kairan queue resume` で再開します。",
    ),
    Waiting.ROUTE_HELD: Text(
        "Its route is held: the next server takes nothing from our account until something is mended. It does not expire meanwhile, and one message tries from time to time; `kairan queue retry ID` tries at once.",
        "経路が保留されています。次のサーバーは、原因が解消されるまでこのアカウントからのメールを受け付けません。その間は期限切れにならず、時々 1 通だけ試されます。`kairan queue retry ID` ですぐに試せます。",
    ),
    Waiting.DOWN: Text(
        "The next server does not answer, or takes nothing now; one message finds out whether it is back, and the others follow at once; `kairan queue retry ID` tries now.",
        "次のサーバーが応答しない、または受け付けていません。1 通で復旧を確認し、復旧後はすぐに残りが送信されます。`kairan queue retry ID` ですぐに確認できます。",
    ),
    Waiting.RETRY: Text(
        "The last try was put off; the next comes at its time. `kairan queue retry ID` does not wait for it.",
        "前回の配信は延期され、次の時刻に再試行されます。`kairan queue retry ID` ですぐに試せます。",
    ),
    Waiting.RUNNING: Text(
        "It is due: its destination works on other mail, or on this.",
        "配信の順番です。宛先が他のメール、またはこのメールを処理中です。",
    ),
    Waiting.TURN: Text(
        "It is due and was not tried yet. If the service is stopped, it waits for its start.",
        "配信の順番ですが、まだ試されていません。サービスが停止中の場合は起動を待っています。",
    ),
}


@dataclass(frozen=True, slots=True)
class Why:
    """`meanings`: of the last answer, the likeliest first.  Times are seconds since the epoch;
    `next_try` None: it depends on somebody; `expires` None: not as long as that lasts.
    """

    job: Job
    waiting: Waiting
    routes: tuple[str, ...]
    destination: str  # the queue's name; empty: it is not known before a try
    to: str
    last_reply: str
    kind: RefusalClass | None
    meanings: tuple[Outcome, ...]
    next_try: float | None
    expires: float | None


@dataclass(frozen=True, slots=True)
class QueueView:
    """What is known beside the job: `queues` of all workers, none where the service does not answer."""

    router: Router
    pauses: Sequence[OperatorPause]
    queues: Sequence[QueueFacts]
    expiry_seconds: float
    now: float


def why(item: SpoolItem, routes: tuple[str, ...], view: QueueView) -> Why:
    job = item.job
    route = view.router.named(routes[0]) if routes else None
    name = destination_of(job, route)
    facts = [queue for queue in view.queues if queue.name == name]
    last_reply = _last_reply(job, facts)
    meanings = outcomes_in(last_reply) if last_reply else ()
    kind = class_of(meanings[0]) if meanings else None
    waiting = _waiting(item, route, name, facts, kind, view)
    is_kept = waiting in {Waiting.HELD, Waiting.PAUSED, Waiting.ROUTE_HELD}
    return Why(
        job=job,
        waiting=waiting,
        routes=routes,
        destination=name,
        to=route.destination if route else "",
        last_reply=last_reply,
        kind=kind,
        meanings=meanings,
        next_try=_next_try(job, waiting, facts, view.now),
        expires=None if is_kept else _expires(item, waiting, view),
    )


def _expires(item: SpoolItem, waiting: Waiting, view: QueueView) -> float | None:
    if waiting is Waiting.APPROVAL:
        return item.job.since
    if waiting is Waiting.WINDOW:
        return None
    return begun(item.job, item.envelope) + view.expiry_seconds


def _last_reply(job: Job, facts: Sequence[QueueFacts]) -> str:
    """A job that waits for its destination untried has the destination's own as its last."""
    said = next((queue.last_error for queue in facts if queue.last_error), "")
    return said or job.detail


def _waiting(
    item: SpoolItem,
    route: Route | None,
    name: str,
    facts: Sequence[QueueFacts],
    kind: RefusalClass | None,
    view: QueueView,
) -> Waiting:
    states = {queue.state for queue in facts}
    if item.held:
        return Waiting.HELD
    if item.job.route in WAITING_ROUTES and item.job.since > view.now:
        return Waiting.APPROVAL if item.job.route == WAITS else Waiting.WINDOW
    if any(_is_of(pause, route, name) for pause in view.pauses):
        return Waiting.PAUSED
    if "held" in states or (not view.queues and kind is not None and kind.holds_route):
        return Waiting.ROUTE_HELD
    if "down" in states:
        return Waiting.DOWN
    if item.job.due > view.now:
        return Waiting.RETRY
    return Waiting.RUNNING if states or item.job.attempts else Waiting.TURN


def _is_of(pause: OperatorPause, route: Route | None, name: str) -> bool:
    if pause.kind is PauseKind.ROUTE:
        return route is not None and pause.name == route.name
    return bool(name) and pause.name == name


def _next_try(job: Job, waiting: Waiting, facts: Sequence[QueueFacts], now: float) -> float | None:
    if waiting in {Waiting.HELD, Waiting.PAUSED, Waiting.APPROVAL}:
        return None
    if waiting in {Waiting.DOWN, Waiting.ROUTE_HELD}:
        left = min((queue.again_in_seconds for queue in facts), default=math.inf)
        return None if math.isinf(left) else now + left
    # The queue is looked at more often than the window opens.
    return max(job.since if waiting is Waiting.WINDOW else job.due, now)
