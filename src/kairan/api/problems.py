"""Refusals as documents: RFC 9457, with the catalogue's key, causes and remedies."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kairan.doctor.answer import Language, say
from kairan.mail.reply import Reply
from kairan.outcomes import catalogue, http_api
from kairan.outcomes.causes import outcome_of
from kairan.outcomes.http_api import ApiProblem
from kairan.outcomes.outcome import Outcome, Text

MEDIA_TYPE = "application/problem+json"
_RETRY_SECONDS = 5
# A language list is a few words; what is longer is no browser's.
_LANGUAGES_MAX = 200


class BrokenRow(BaseModel):
    """A line of an import, and what is wrong with it."""

    line: int
    sentence: str


class ProblemDocument(BaseModel):
    """RFC 9457 section 3, and what a person can do about it.  `rows`: of an import that is refused, the first
    hundred.
    """

    type: str
    title: str
    status: int
    detail: str
    key: str
    code: str
    causes: list[str]
    remedies: list[str]
    rows: list[BrokenRow] = []


class ApiError(Exception):
    """A request that is not done; `detail` says what is at fault in this one, `rows` in which lines of a file."""

    def __init__(
        self,
        problem: ApiProblem,
        detail: str | Text = "",
        *,
        rows: Sequence[tuple[int, Text]] = (),
    ) -> None:
        super().__init__(problem.key)
        self.problem = problem
        self.detail = detail if isinstance(detail, Text) else Text(detail, detail)
        self.rows = rows


def in_field(name: str, fault: Text) -> Text:
    return Text(f"{name}: {fault.en}", f"{name}: {fault.ja}")


class RefusedError(Exception):
    """The service refused the mail, or the login; `reply` is what SMTP would have said."""

    def __init__(self, reply: Reply, *, at_login: bool = False) -> None:
        super().__init__(str(reply))
        self.reply = reply
        self.at_login = at_login


@dataclass(frozen=True, slots=True)
class ProblemWriter:
    """`help_url`: what stands before a key in the address of its explanation; may be empty."""

    help_url: str

    def of_api(
        self,
        problem: ApiProblem,
        detail: str,
        language: Language,
        rows: Sequence[tuple[int, Text]] = (),
    ) -> ProblemDocument:
        return ProblemDocument(
            type=self._type(problem.key),
            title=say(problem.what, language),
            status=problem.status,
            detail=detail or say(problem.what, language),
            key=problem.key,
            code="",
            causes=[],
            remedies=[say(problem.remedy, language)],
            rows=[BrokenRow(line=line, sentence=say(said, language)) for line, said in rows],
        )

    def of_reply(
        self, reply: Reply, language: Language, *, at_login: bool = False
    ) -> ProblemDocument:
        outcome = _entry(reply)
        status = _status(reply, at_login=at_login)
        if outcome is None:
            return ProblemDocument(
                type=self._type(""),
                title=reply.text,
                status=status,
                detail=reply.text,
                key="",
                code=_codes(reply),
                causes=[],
                remedies=[],
            )
        return ProblemDocument(
            type=self._type(outcome.key),
            title=say(outcome.when, language),
            status=status,
            detail=reply.text,
            key=outcome.key,
            code=_codes(reply),
            causes=_said(outcome.causes, language),
            remedies=_said(outcome.remedies, language),
        )

    def _type(self, key: str) -> str:
        """RFC 9457 section 3.1.1: a name is enough where there is no page."""
        if not key:
            return "about:blank"
        return f"{self.help_url}{key}" if self.help_url else f"urn:kairan:refusal:{key}"


def written(problem: ProblemDocument, headers: dict[str, str] | None = None) -> Response:
    headers = {"Cache-Control": "no-store", **(headers or {})}
    if problem.status == http_api.UNAUTHORIZED.status:  # RFC 9110 section 11.6.1
        headers["WWW-Authenticate"] = 'Basic realm="kairan", Bearer realm="kairan"'
    if problem.status in {429, 503} or problem.key == http_api.IN_PROGRESS.key:
        headers["Retry-After"] = str(_RETRY_SECONDS)
    content: Any = problem.model_dump(exclude=None if problem.rows else {"rows"})
    return JSONResponse(content, problem.status, headers, media_type=MEDIA_TYPE)


def language_asked(request: Request) -> Language:
    """RFC 9110 section 12.5.4: the one of ours that is wanted most, else English."""
    best, weight = Language.EN, 0.0
    for part in request.headers.get("accept-language", "")[:_LANGUAGES_MAX].split(","):
        name, _, parameter = part.strip().partition(";")
        quality = _quality(parameter)
        for language in Language:
            if name.lower().partition("-")[0] == language and quality > weight:
                best, weight = language, quality
    return best


def _quality(parameter: str) -> float:
    name, equals, value = parameter.strip().partition("=")
    if not equals or name.strip().lower() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def _entry(reply: Reply) -> Outcome | None:
    """A worker's words are the catalogue's, though they came over a socket."""
    return outcome_of(replace(reply, is_ours=True))


def _said(texts: Sequence[Text], language: Language) -> list[str]:
    return [say(text, language) for text in texts]


def _codes(reply: Reply) -> str:
    return f"{reply.code} {reply.enhanced}".strip()


# Where the digits alone would say too little: what a program does next differs.
_STATUS: dict[str, int] = {
    catalogue.MESSAGE_TOO_LARGE.key: 413,
    catalogue.TOO_MANY_RECIPIENTS.key: 422,  # 452, and yet no later try would pass
    catalogue.RATE_EXCEEDED.key: 429,
    catalogue.RECIPIENT_RATE_EXCEEDED.key: 429,
    catalogue.CONNECTIONS_EXCEEDED.key: 429,
    catalogue.AUTH_THROTTLED.key: 429,
}


def _status(reply: Reply, *, at_login: bool) -> int:
    """RFC 9110: 401 ask for a login, 403 never, 422 the message is wrong, 429 slower, 503 later."""
    outcome = _entry(reply)
    if outcome is not None and outcome.key in _STATUS:
        return _STATUS[outcome.key]
    if reply.is_transient:
        return 503
    if at_login:
        return 401
    return 403 if reply.enhanced.startswith("5.7.") else 422
