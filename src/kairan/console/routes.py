"""The console's routes, to be mounted in the web process: who may come, and what each page is.

A page is a function of an `Ask` that blocks as it likes: it runs in a thread of the console's own,
with reading the session, the directory and writing the HTML.  On the loop stays what needs it: the
form's octets, and the back-off.
"""

import asyncio
import hmac
import secrets
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlencode

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from kairan.auth.oidc.judge import NotVouched, OidcFault
from kairan.console.ask import Ask, Document, GoTo, Page
from kairan.console.audit_page import audit_page
from kairan.console.doctor_page import doctor_page
from kairan.console.entries.devices import sheet_page
from kairan.console.entries.kind import EntryKind
from kairan.console.entries.pages import entry_page, form_page, list_page, take_form
from kairan.console.entries.policies import POLICIES
from kairan.console.entries.table import KINDS
from kairan.console.http import (
    HEADERS,
    LANGUAGE_COOKIE,
    PREFIX,
    FormError,
    cookie_name,
    drop_cookie,
    is_from_elsewhere,
    is_our_host,
    language_of,
    place_within,
    see_other,
    set_cookie,
    wait_form,
)
from kairan.console.mail_live import LIVE_MAX, live_changes
from kairan.console.mail_pages import (
    attachment,
    change_faults,
    delete_mail,
    faults_page,
    framed_html,
    mail_page,
    mail_view,
    source_file,
)
from kairan.console.messages import message_page, search_page
from kairan.console.oidc_sign_in import ANSWER_PLACE, Answered, OidcSignIn
from kairan.console.overview import overview_page
from kairan.console.parts import ConsoleParts
from kairan.console.policies_page import policies_page
from kairan.console.queue_pages import act, confirm_page, jobs_page, queue_page
from kairan.console.render import first_place, html, places_for
from kairan.console.reports_page import report_file, reports_page
from kairan.console.roles import Right, rights_of
from kairan.console.sessions import ConsoleSession, ConsoleSessions
from kairan.console.sign_in import SignIn, SignInFault
from kairan.console.texts import TEXTS
from kairan.console.users_page import users_page
from kairan.directory.operations.console_users import ConsoleUser
from kairan.doctor.answer import Language, say
from kairan.runtime.operator_error import OperatorError

log = structlog.get_logger()

_SESSION = "kairan-console"
_BEFORE = "kairan-sign-in"  # of who has not signed in yet
_ROUND_TRIP = "kairan-oidc"  # of who is at the identity provider
# Pages under way; others wait in the connections that the web process bounds.
_THREADS = 4
_STATIC = Path(__file__).parent / "static"
# What there is: no path is made of what was asked for.
_FILES = {
    "console.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "mail.js": "text/javascript; charset=utf-8",
}
_FAULTS = {
    SignInFault.WRONG: ("wrong", 403),
    SignInFault.SLOWED: ("slowed", 429),
    SignInFault.BUSY: ("busy", 503),
}

_OIDC_FAULTS = {
    OidcFault.REFUSED: ("oidc_refused", 403),
    OidcFault.NO_ROLE: ("no_role", 403),
    OidcFault.DENIED: ("oidc_denied", 403),
    OidcFault.STATE: ("oidc_state", 403),
    OidcFault.AWAY: ("oidc_away", 503),
    OidcFault.BUSY: ("busy", 503),
}
# Of what answers a form, or another site's redirect: the page that can be asked for again.
_PAGE_OF = {
    "queue/act": "queue",
    "mail/delete": "mail",
    ANSWER_PLACE.removeprefix("/"): "sign-in",
}

PageWork: TypeAlias = Callable[[Ask], Page | GoTo | Document]
Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]

_PAGES: tuple[tuple[str, str, Right, PageWork], ...] = (
    ("/overview", "GET", Right.SEE_SERVICE, overview_page),
    ("/messages", "GET", Right.SEE_TRACE, search_page),
    ("/message", "GET", Right.SEE_TRACE, message_page),
    ("/queue", "GET", Right.SEE_SERVICE, queue_page),
    ("/queue/jobs", "GET", Right.SEE_SERVICE, jobs_page),
    ("/queue/confirm", "GET", Right.ACT_ON_QUEUE, confirm_page),
    ("/queue/act", "POST", Right.ACT_ON_QUEUE, act),
    ("/doctor", "GET", Right.ASK_DOCTOR, doctor_page),
    ("/doctor", "POST", Right.ASK_DOCTOR, doctor_page),
    ("/reports", "GET", Right.SEE_SERVICE, reports_page),
    ("/reports/file", "GET", Right.SEE_SERVICE, report_file),
    ("/devices/sheet", "GET", Right.SEE_SERVICE, sheet_page),
    ("/users", "GET", Right.SEE_USERS, users_page),
    ("/audit", "GET", Right.SEE_USERS, audit_page),
)


def _pages_of(kind: EntryKind) -> tuple[tuple[str, str, Right, PageWork], ...]:
    listed = policies_page if kind is POLICIES else partial(list_page, kind)
    place = f"/{kind.place}"
    return (
        (place, "GET", Right.SEE_SERVICE, listed),
        (f"{place}/one", "GET", Right.SEE_SERVICE, partial(entry_page, kind)),
        (f"{place}/change", "GET", Right.CHANGE_DIRECTORY, partial(form_page, kind)),
        (f"{place}/change", "POST", Right.CHANGE_DIRECTORY, partial(take_form, kind)),
    )


_ENTRY_PAGES = tuple(page for kind in KINDS for page in _pages_of(kind))
# Only where [capture] is on.
_MAIL_PAGES: tuple[tuple[str, str, Right, PageWork], ...] = (
    ("/mail", "GET", Right.USE_CAPTURE, mail_page),
    ("/mail/message", "GET", Right.USE_CAPTURE, mail_view),
    ("/mail/html", "GET", Right.USE_CAPTURE, framed_html),
    ("/mail/part", "GET", Right.USE_CAPTURE, attachment),
    ("/mail/source", "GET", Right.USE_CAPTURE, source_file),
    ("/mail/delete", "POST", Right.USE_CAPTURE, delete_mail),
    ("/mail/faults", "GET", Right.USE_CAPTURE, faults_page),
    ("/mail/faults", "POST", Right.USE_CAPTURE, change_faults),
)


def routes(parts: ConsoleParts) -> list[BaseRoute]:
    """Below /console.  Belong to one event loop."""
    return _Console(parts).routes()


@dataclass(frozen=True, slots=True)
class _SignedIn:
    session: ConsoleSession
    user: ConsoleUser


class _Console:
    def __init__(self, parts: ConsoleParts) -> None:
        configuration = parts.configuration
        self._parts = parts
        self._hosts = parts.hosts | {configuration.hostname.lower()}
        self._sessions = ConsoleSessions(parts.clock)
        self._sign_in = SignIn(
            parts.directory.console_users.find, parts.attempts, configuration.auth
        )
        self._oidc = OidcSignIn(parts.provider, parts.clock) if parts.provider else None
        self._threads = ThreadPoolExecutor(_THREADS, "console")
        self._key = secrets.token_bytes(32)
        self._live = 0  # lists that are told of changes now

    def routes(self) -> list[BaseRoute]:
        captures = self._parts.capture is not None
        pages = (*_PAGES, *_ENTRY_PAGES, *(_MAIL_PAGES if captures else ()))

        def route(path: str, method: str, endpoint: Endpoint) -> BaseRoute:
            return Route(f"{PREFIX}{path}", partial(self._guarded, endpoint), methods=[method])

        return [
            route("", "GET", self._home),
            route("/", "GET", self._home),
            route("/static/{name}", "GET", self._static),
            route("/sign-in", "GET", self._show_sign_in),
            route("/sign-in", "POST", self._take_sign_in),
            route("/sign-in/oidc", "GET", self._go_to_provider),
            route(ANSWER_PLACE, "GET", self._take_provider_answer),
            route("/sign-out", "POST", self._sign_out),
            *(
                route(path, method, partial(self._page, work, right))
                for path, method, right, work in pages
            ),
            *([route("/mail/live", "GET", self._mail_live)] if captures else []),
            route("/{rest:path}", "GET", self._nothing),
        ]

    # Before every page.

    async def _guarded(self, endpoint: Endpoint, request: Request) -> Response:
        if not is_our_host(request, self._hosts):
            return await self._problem(request, "wrong_host", 421)
        if request.method == "POST" and is_from_elsewhere(request):
            return await self._problem(request, "bad_form", 403)
        chosen = request.query_params.get("lang", "")
        if request.method in {"GET", "HEAD"} and chosen in set(Language):
            return self._speak(request, chosen)
        try:
            return await endpoint(request)
        except FormError:
            return await self._problem(request, "bad_form", 400)
        except (OSError, sqlite3.Error, SQLAlchemyError) as error:
            log.error("console.page-failed", page=request.url.path, reason=str(error))
            return await self._problem(request, "failed", 503)

    def _speak(self, request: Request, language: str) -> Response:
        """The same page, in the language that was chosen from now on."""
        rest = {name: text for name, text in request.query_params.items() if name != "lang"}
        response = see_other(_place(request.url.path.removeprefix(PREFIX), rest))
        response.set_cookie(
            LANGUAGE_COOKIE, language, path=PREFIX, httponly=True, samesite="strict"
        )
        return response

    async def _in_thread(self, work: Callable[[], Response]) -> Response:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    # Pages.

    async def _page(self, work: PageWork, right: Right, request: Request) -> Response:
        form = await wait_form(request) if request.method == "POST" else {}
        return await self._in_thread(partial(self._answer, request, work, right, form))

    def _answer(
        self, request: Request, work: PageWork, right: Right, form: Mapping[str, str]
    ) -> Response:
        by_itself = request.query_params.get("live") == "1"
        signed_in = self._signed_in(request, by_itself=by_itself)
        if signed_in is None:
            asked = _place(request.url.path.removeprefix(PREFIX), request.query_params)
            return see_other(_place("/sign-in", {"next": asked} if not form else {}))
        rights = self._rights(signed_in.user)
        if right not in rights:
            log.warning("console.not-allowed", user=signed_in.user.name, page=request.url.path)
            return self._html(request, _problem_page(request, "not_allowed", 403), signed_in)
        if request.method == "POST" and not _is_same(form.get("csrf", ""), signed_in.session.csrf):
            return self._html(request, _problem_page(request, "bad_form", 403), signed_in)
        language = language_of(request)
        ask = Ask(self._parts, signed_in.user, rights, language, dict(request.query_params), form)
        try:
            answer = work(ask)
        except OperatorError as error:
            answer = Page("problem.html", {"sentence": ask.said(error)}, status=400)
        if isinstance(answer, GoTo):
            return see_other(_place(f"/{answer.place}", answer.query))
        if isinstance(answer, Document):
            return Response(answer.octets, headers={**HEADERS, **answer.headers})
        return self._html(request, answer, signed_in)

    def _rights(self, user: ConsoleUser) -> frozenset[Right]:
        rights = rights_of(user.role)
        return rights if self._parts.capture is not None else rights - {Right.USE_CAPTURE}

    async def _mail_live(self, request: Request) -> Response:
        """Server-sent events: a number whenever captured mail comes or goes."""
        store = self._parts.capture
        assert store is not None, "only routed where there is one"

        def may_see() -> bool:
            signed_in = self._signed_in(request, by_itself=True)
            return signed_in is not None and Right.USE_CAPTURE in self._rights(signed_in.user)

        loop = asyncio.get_running_loop()
        if not await loop.run_in_executor(self._threads, may_see):
            return await self._problem(request, "not_allowed", 403)
        if self._live >= LIVE_MAX:
            return await self._problem(request, "busy_live", 503)
        asked = request.headers.get("last-event-id", "") or request.query_params.get("after", "")

        def changes() -> int | None:
            return store.changes() if may_see() else None

        def count(more: int) -> None:
            self._live += more

        events = live_changes(
            lambda: loop.run_in_executor(self._threads, changes), asked=asked, count=count
        )
        return StreamingResponse(events, media_type="text/event-stream", headers=dict(HEADERS))

    def _signed_in(self, request: Request, *, by_itself: bool = False) -> _SignedIn | None:
        """Asked anew each time: who is removed, or has another password or role, has it at once."""
        session_id = request.cookies.get(cookie_name(request, _SESSION), "")
        session = self._sessions.find(session_id, by_itself=by_itself) if session_id else None
        if session is None:
            return None
        if session.vouched is not None:
            return _SignedIn(session, session.vouched)
        user = self._parts.directory.console_users.find(session.name)
        if user is None or not _is_same(user.password_hash, session.password_hash):
            self._sessions.end(session_id)
            return None
        return _SignedIn(session, user)

    def _html(self, request: Request, page: Page, signed_in: _SignedIn | None) -> Response:
        values = dict(page.values)
        if signed_in is not None:
            rights = self._rights(signed_in.user)
            values |= {
                "user": signed_in.user.name,
                "role": signed_in.user.role,
                "csrf": signed_in.session.csrf,
                "places": places_for(rights),
            }
        language = language_of(request)
        text = html(page.template, language, _language_place(request, language), values)
        return HTMLResponse(text, page.status, {**HEADERS, **page.headers})

    async def _problem(self, request: Request, key: str, status: int) -> Response:
        page = _problem_page(request, key, status)
        return await self._in_thread(partial(self._html, request, page, None))

    async def _nothing(self, request: Request) -> Response:
        return await self._problem(request, "not_found", 404)

    async def _static(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _FILES:
            return await self._nothing(request)

        def read() -> Response:
            headers = {**HEADERS, "cache-control": "public, max-age=3600"}
            octets = (_STATIC / name).read_bytes()
            return Response(octets, media_type=_FILES[name], headers=headers)

        return await self._in_thread(read)

    # Signing in and out.

    async def _home(self, request: Request) -> Response:
        def go() -> Response:
            signed_in = self._signed_in(request)
            if signed_in is None:
                return see_other(_place("/sign-in", {}))
            return see_other(_place(f"/{first_place(self._rights(signed_in.user))}", {}))

        return await self._in_thread(go)

    async def _show_sign_in(self, request: Request) -> Response:
        place = place_within(request.query_params.get("next", ""))
        return await self._in_thread(partial(self._sign_in_page, request, place, "", 200))

    def _sign_in_page(self, request: Request, place: str, fault: str, status: int) -> Response:
        before = secrets.token_urlsafe(32)
        values: dict[str, object] = {
            "fault": fault,
            "next": place,
            "csrf": self._token_of(before),
            "provider": self._oidc.label if self._oidc is not None else "",
            "provider_query": urlencode({"next": place}),
        }
        response = self._html(request, Page("sign-in.html", values, status), None)
        set_cookie(request, response, _BEFORE, before)
        return response

    def _token_of(self, before: str) -> str:
        """So that nobody is signed in under another's name by a form of another site."""
        return hmac.new(self._key, before.encode("utf-8", "surrogatepass"), sha256).hexdigest()

    async def _take_sign_in(self, request: Request) -> Response:
        form = await wait_form(request)
        place = place_within(form.get("next", ""))
        before = request.cookies.get(cookie_name(request, _BEFORE), "")
        if not before or not _is_same(form.get("csrf", ""), self._token_of(before)):
            return await self._problem(request, "bad_form", 403)
        name, source = form.get("name", ""), request.client.host if request.client else ""
        judged = await self._sign_in.wait_signed_in(name, form.get("password", ""), source)
        if isinstance(judged, SignInFault):
            fault, status = _FAULTS[judged]
            self._parts.audit(
                "console.sign-in-refused", name=name[:64], client=source, reason=fault
            )
            return await self._in_thread(partial(self._sign_in_page, request, place, fault, status))
        self._parts.audit("console.sign-in", name=judged.name, role=judged.role, client=source)
        response = see_other(place)
        self._begin(request, response, judged)
        drop_cookie(request, response, _BEFORE)
        return response

    def _begin(
        self, request: Request, response: Response, user: ConsoleUser, *, is_vouched: bool = False
    ) -> None:
        """Another session than before, under an id that the browser did not bring."""
        self._sessions.end(request.cookies.get(cookie_name(request, _SESSION), ""))
        session_id = self._sessions.begin(user, is_vouched=is_vouched)
        set_cookie(request, response, _SESSION, session_id)

    async def _go_to_provider(self, request: Request) -> Response:
        if self._oidc is None:
            return await self._nothing(request)
        begun = await self._oidc.wait_begun(place_within(request.query_params.get("next", "")))
        if isinstance(begun, NotVouched):
            return await self._not_vouched(request, begun)
        response = see_other(begun.url)
        set_cookie(request, response, _ROUND_TRIP, begun.cookie, from_elsewhere=True)
        return response

    async def _take_provider_answer(self, request: Request) -> Response:
        if self._oidc is None:
            return await self._nothing(request)
        cookie = request.cookies.get(cookie_name(request, _ROUND_TRIP), "")
        answer = await self._oidc.wait_answered(request.query_params.multi_items(), cookie)
        if isinstance(answer, NotVouched):
            response = await self._not_vouched(request, answer)
        else:
            response = await self._in_thread(partial(self._vouched, request, answer))
        drop_cookie(request, response, _ROUND_TRIP)
        return response

    def _vouched(self, request: Request, answer: Answered) -> Response:
        """A page that leads on, not a redirect: that would be the other site's still, and without the
        session's cookie, which is for requests of our own pages alone.
        """
        user = answer.user
        self._parts.audit(
            "console.sign-in",
            name=user.name,
            role=user.role,
            subject=answer.subject,
            issuer=answer.issuer,
            client=request.client.host if request.client else "",
        )
        response = self._html(request, Page("signed-in.html", {"next": answer.place}), None)
        self._begin(request, response, user, is_vouched=True)
        return response

    async def _not_vouched(self, request: Request, fault: NotVouched) -> Response:
        source = request.client.host if request.client else ""
        log.warning("console.oidc-refused", reason=fault.reason, detail=fault.detail, client=source)
        self._parts.audit(
            "console.sign-in-refused", client=source, reason=fault.reason, detail=fault.detail
        )
        key, status = _OIDC_FAULTS[fault.reason]
        page = partial(self._sign_in_page, request, PREFIX, key, status)
        return await self._in_thread(page)

    async def _sign_out(self, request: Request) -> Response:
        form = await wait_form(request)
        session_id = request.cookies.get(cookie_name(request, _SESSION), "")
        session = self._sessions.find(session_id) if session_id else None
        response = see_other(_place("/sign-in", {}))
        if session is None:
            return response
        if not _is_same(form.get("csrf", ""), session.csrf):
            return await self._problem(request, "bad_form", 403)
        self._sessions.end(session_id)
        self._parts.audit("console.sign-out", name=session.name)
        drop_cookie(request, response, _SESSION)
        return response


def _problem_page(request: Request, key: str, status: int) -> Page:
    return Page("problem.html", {"sentence": say(TEXTS[key], language_of(request))}, status)


def _place(path: str, query: Mapping[str, str]) -> str:
    return f"{PREFIX}{path}" + (f"?{urlencode(query)}" if query else "")


def _language_place(request: Request, language: Language) -> str:
    """The same page in the other language; of a form's answer, the page that has the form."""
    other = Language.EN if language is Language.JA else Language.JA
    path = request.url.path.removeprefix(PREFIX).strip("/")
    page = _PAGE_OF.get(path, path)
    if request.method == "POST" and page.endswith("/change"):
        page = page.removesuffix("/change")
    is_same = request.method == "GET" and page == path
    query = {**(request.query_params if is_same else {}), "lang": str(other)}
    return f"{page}?{urlencode(query)}"


def _is_same(one: str, other: str) -> bool:
    return hmac.compare_digest(
        one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass")
    )
