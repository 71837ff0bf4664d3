"""Who changed what, by command, console or API: what `kairan audit` shows."""

from kairan.console.ask import Ask, Page
from kairan.trace.audit_search import AuditWanted, actor_of, facts_of, search_audit

_SHOWN = 200
_SINCE_SECONDS = 30 * 24 * 3600
_CHARACTERS_MAX = 200


def audit_page(ask: Ask) -> Page:
    word = ask.query.get("search", "").strip()[:_CHARACTERS_MAX]
    wanted = AuditWanted(since=ask.parts.clock() - _SINCE_SECONDS, word=word)
    found = search_audit(ask.parts.configuration.audit_directory, wanted, limit=_SHOWN)
    rows = [
        (line["time"], line["what"], line.get("about", ""), actor_of(line), facts_of(line))
        for line in reversed(found)
    ]
    return Page("audit.html", {"here": "audit", "rows": rows, "search": word})
