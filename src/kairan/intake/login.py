"""A session's login: from AUTH to the account, or to a refusal that the trace has too.

The SASL mechanism turns the client's lines into credentials.  The organisation's controls are asked
before any password or token is looked at; then auth says whose the credentials are.  A password that was
verified lately and a token whose keys are known are judged at once.  Others take time (a password to
hash, an issuer to ask): the session is given a future, waits, and hands it to `judged`.  What a login
rests on is asked again at each message (`judge`).
"""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Protocol, TypeAlias, assert_never

from kairan.auth.devices import AdmittedDevice, holder_of
from kairan.auth.held import HeldLogin, judge_held
from kairan.auth.policies import judge_basic, judge_modern
from kairan.auth.tokens.judge import TokenLogin
from kairan.capture.faults import FaultRule, FaultStage
from kairan.directory.devices import Device
from kairan.directory.model import Account, Snapshot
from kairan.intake.context import IntakeContext
from kairan.intake.entry import Listing
from kairan.intake.failure_bursts import is_worth_a_line
from kairan.intake.intake_log import TriedLogin
from kairan.intake.settings import ListenerSettings
from kairan.mail.reply import Reply
from kairan.outcomes.catalogue import (
    LOGIN_TOO_OLD,
    TOKEN_ISSUER_UNREACHABLE,
    TOKEN_SESSION_EXPIRED,
)
from kairan.outcomes.decision import ACCEPT, Decision, Refuse
from kairan.outcomes.outcome import Outcome
from kairan.smtp.sasl.mechanisms import (
    MECHANISMS,
)
from kairan.smtp.sasl.step import (
    BearerToken,
    Challenge,
    Credentials,
    Mechanism,
    SaslStep,
)
from kairan.smtp.server import answers
from kairan.smtp.server.engine import ServerEngine
from kairan.smtp.server.events import Auth, AuthLine

LoginVerdict: TypeAlias = HeldLogin | Refuse
# What must be waited for, then given to `judged`; None: the client has been answered.
Awaited: TypeAlias = "asyncio.Future[LoginVerdict] | None"


def _told(login: HeldLogin) -> dict[str, object]:
    match login:
        case TokenLogin(app=app):
            return {"app": app}
        case AdmittedDevice(device):
            return {"device": device.name}
    return {}


def device_text(device: Device) -> str:
    """In the trace, whose details stand with a blank between them."""
    return f"device={json.dumps(device.name, ensure_ascii=False)}"


class LoginSession(Protocol):
    """What a login asks of the session it is for."""

    context: IntakeContext
    id: str
    listener: ListenerSettings
    engine: ServerEngine
    client: str
    listing: Listing

    def authenticated(self, account: Account, device: Device | None = None) -> None:
        """From now on the session is this account's, and this device's."""

    def refused_device(self, device: Device, outcome: Outcome) -> None:
        """Its login, wherever it came from."""

    def refuse(
        self, outcome: Outcome, verb: str, detail: str = "", *, tried: TriedLogin | None = None
    ) -> None: ...

    def record_refusal(
        self, outcome: Outcome, verb: str, detail: str = "", *, tried: TriedLogin | None = None
    ) -> None: ...

    def carry_out(
        self,
        rule: FaultRule,
        refuse: Callable[[Outcome, str], None],
        go_on: Callable[[], None],
    ) -> None: ...

    def refusal_reply(self, outcome: Outcome) -> Reply: ...


class SessionLogin:
    """One per session, and a new one where TLS starts."""

    __slots__ = (
        "_ends",
        "_is_recorded",
        "_mechanism",
        "_session",
        "_stood_in",
        "_user",
        "_verdict",
        "mechanism",
        "rests_on",
        "trace_text",
    )

    def __init__(self, session: LoginSession) -> None:
        self._session = session
        self._mechanism: Mechanism | None = None
        self.mechanism = ""
        self._is_recorded = False  # its refusal is in the trace, and the reply still owed
        admitted = session.listing.admitted
        self.trace_text = device_text(admitted.device) if admitted else ""  # mechanism, application
        self.rests_on: HeldLogin | None = admitted  # None: nobody has logged in
        # Of a login by password; monotonic, for a step of the clock ends no session.
        self._ends = 0.0
        self._user = ""  # whom the client said to be
        self._stood_in: Snapshot | None = None  # the one that `_verdict` was found in
        self._verdict: Decision = ACCEPT

    def begin(self, event: Auth) -> Awaited:
        self._mechanism = MECHANISMS[event.mechanism]()
        self.mechanism = event.mechanism
        self.trace_text = f"mechanism={event.mechanism}"
        self._is_recorded = False
        step = self._mechanism.step(event.initial)
        if event.initial is None:
            assert isinstance(step, Challenge), "a mechanism begins with a challenge"
        return self._take(step)

    def go_on(self, event: AuthLine) -> Awaited:
        assert self._mechanism is not None, "AuthLine only follows Auth"
        return self._take(self._mechanism.step(event.line))

    def judged(self, done: "asyncio.Future[LoginVerdict]") -> None:
        self._answer(done.result())

    def judge(self, account: Account | None) -> Decision:
        """Whether the session may begin a message now; `account` as the directory has it."""
        session = self._session
        snapshot = session.context.snapshot()
        if snapshot is not self._stood_in:
            self._verdict = self._judge_held(account, snapshot)
            self._stood_in = snapshot
        if isinstance(self._verdict, Refuse):
            return self._verdict
        match self.rests_on:
            case TokenLogin(expires=expires) if session.context.clock() >= expires:
                return Refuse(TOKEN_SESSION_EXPIRED)
            case Account() | AdmittedDevice(by_login=True) if time.monotonic() >= self._ends:
                return Refuse(LOGIN_TOO_OLD)
        return ACCEPT

    @property
    def still_stands(self) -> bool:
        """What it rests on is as it was when it was judged good."""
        return self._verdict is ACCEPT and self._session.context.snapshot() is self._stood_in

    def _judge_held(self, account: Account | None, snapshot: Snapshot) -> Decision:
        session, login = self._session, self.rests_on
        issuer = login.issuer if isinstance(login, TokenLogin) else None
        return judge_held(
            login,
            account,
            snapshot,
            session.context.auth.tokens,
            source=session.client,
            role=session.listener.role,
            is_own=issuer is not None and session.context.tokens.is_own(issuer.issuer),
        )

    def _take(self, step: SaslStep) -> Awaited:
        match step:
            case Challenge(text):
                self._session.engine.ask(text)
            case Credentials(user, password):
                return self._verify_password(user, password)
            case BearerToken(user, token):
                return self._verify_token(user, token)
            case Outcome() if self._is_recorded:
                self._session.engine.answer(self._session.refusal_reply(step))
            case Outcome():
                self._session.refuse(step, "AUTH", self.trace_text)
            case _:
                assert_never(step)
        return None

    def _verify_password(self, user: str, password: str) -> Awaited:
        self._user = user
        session, snapshot = self._session, self._session.context.snapshot()
        if self._is_barred(judge_basic, user, snapshot):
            return None
        passwords = session.context.passwords
        role = session.listener.role
        let_in = passwords.cached(snapshot, user, password, session.client, role=role)
        if let_in is not None:
            self._answer(let_in)
            return None
        return asyncio.ensure_future(
            passwords.verify(snapshot, user, password, session.client, role=role)
        )

    def _verify_token(self, user: str, token: str) -> Awaited:
        self._user = user
        session, snapshot = self._session, self._session.context.snapshot()
        if self._is_barred(judge_modern, user, snapshot):
            return None
        tokens, role = session.context.tokens, session.listener.role
        verdict = tokens.decide(snapshot, user, token, session.client, role=role)
        if verdict is not None:
            self._answer(verdict)
            return None
        return asyncio.ensure_future(
            tokens.verify(snapshot, user, token, session.client, role=role)
        )

    def _is_barred(self, judge: Callable[..., Decision], user: str, snapshot: Snapshot) -> bool:
        """By a control that stands before passwords and tokens: none is looked at then."""
        role = self._session.listener.role
        holder = holder_of(snapshot, user, role)
        verdict = judge(holder.account, snapshot.organisation, role=role)
        if isinstance(verdict, Refuse):
            self._refuse(verdict)
            return True
        return False

    def _answer(self, verdict: LoginVerdict) -> None:
        match verdict:
            case Refuse():
                self._refuse(verdict)
            case TokenLogin(account, app=app):
                self.trace_text += f" app={app}"
                self._accept(verdict, account)
            case AdmittedDevice(device, account):
                self.trace_text += f" {device_text(device)}"
                self._accept(verdict, account)
            case Account():
                self._accept(verdict, verdict)
            case _:
                assert_never(verdict)

    def _refuse(self, refusal: Refuse) -> None:
        assert self._mechanism is not None, "a login is of a mechanism"
        self._session.context.statistics.logins_refused += 1
        self._audit_refusal(refusal)
        step = self._mechanism.refused(refusal.outcome)
        detail = f"{self.trace_text} {refusal.detail}"
        tried = TriedLogin(self._user, self.mechanism, refusal.detail)
        if isinstance(step, Challenge):
            # RFC 7628 section 3.2.3: the reply follows the client's next line, which may never
            # come: what was refused is recorded now, and once.
            self._is_recorded = True
            self._session.engine.ask(step.text)
            self._session.record_refusal(refusal.outcome, "AUTH", detail, tried=tried)
        else:
            self._session.refuse(step, "AUTH", detail, tried=tried)

    def _audit_refusal(self, refusal: Refuse) -> None:
        """Of names that somebody has: strangers' inventions are in the trace, counted."""
        session, outcome = self._session, refusal.outcome
        holder = holder_of(session.context.snapshot(), self._user, session.listener.role)
        if holder.device is not None:
            session.refused_device(holder.device, outcome)
        account = holder.account
        if account is None:
            return
        if outcome is TOKEN_ISSUER_UNREACHABLE:  # nobody's failure here
            return
        failures = session.context.bursts.failed(account.address, session.client)
        if is_worth_a_line(failures):
            self._audit(
                "login.refused",
                account.address,
                rule=outcome.key,
                detail=refusal.detail,
                failures=failures,
            )

    def _audit(self, what: str, account: str, **facts: object) -> None:
        session = self._session
        if session.context.audit is not None:
            session.context.audit.record(
                what,
                account=account,
                client=session.client,
                session=session.id,
                listener=str(session.listener.role),
                mechanism=self.mechanism,
                **facts,
            )

    def _accept(self, login: HeldLogin, account: Account) -> None:
        """Of tests, a fault rule may stand before it."""
        faults = self._session.context.faults
        rule = faults.of(FaultStage.AUTH, [account.address]) if faults is not None else None
        if rule is None:
            self._admit(login, account)
            return
        self._session.carry_out(
            rule,
            lambda outcome, detail: self._refuse(Refuse(outcome, detail)),
            lambda: self._admit(login, account),
        )

    def _admit(self, login: HeldLogin, account: Account) -> None:
        self._mechanism = None
        self._session.context.statistics.logins += 1
        seconds_max = self._session.context.auth.password_session_seconds_max
        self.rests_on, self._ends = login, time.monotonic() + seconds_max
        self._audit("login", account.address, **_told(login))
        self._stood_in = None
        device = login.device if isinstance(login, AdmittedDevice) else None
        self._session.authenticated(account, device)
        self._session.engine.answer(answers.AUTHENTICATED)
