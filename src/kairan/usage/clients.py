"""Who submits, with which login and which TLS: Exchange's SMTP AUTH clients report.

Its columns are those of "SMTP AUTH clients report in the new Exchange admin center" (Microsoft Learn,
learn.microsoft.com/exchange/monitoring/mail-flow-reports/mfr-smtp-auth-clients-report): sender address,
domain, the share of each TLS version, messages sent; since October 2024 the authentication protocol, Basic
or OAuth, too.  TLS 1.3 and what came without TLS are ours.
"""

from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from kairan.outcomes.outcome import Text
from kairan.trace.blocks import IS_BETWEEN, ids_between
from kairan.trace.keys import MICRO
from kairan.trace.search import open_trace
from kairan.usage.report import ReadProgress, ReportColumn, ReportKind, ReportSpan, ReportTable

# Of one file, and of the report; the busiest.
_ROWS_MAX = 10_000
_QUERY = f"""
SELECT lower(sender), mechanism, tls, count(*) AS messages FROM event
WHERE {IS_BETWEEN} AND event = 'RECEIVE'
GROUP BY 1, 2, 3 ORDER BY messages DESC LIMIT {_ROWS_MAX * 4}
"""  # noqa: S608 - a number
PROTOCOLS: Mapping[str, str] = {
    "LOGIN": "Basic",
    "PLAIN": "Basic",
    "XOAUTH2": "OAuth",
    "OAUTHBEARER": "OAuth",
    "": "Device",  # known by its address
}
_VERSIONS: Mapping[str, str] = {
    "TLSv1": "tls_1_0",
    "TLSv1.1": "tls_1_1",
    "TLSv1.2": "tls_1_2",
    "TLSv1.3": "tls_1_3",
    "none": "no_tls",
}
UNKNOWN = "?"
_TITLE = Text("SMTP AUTH clients", "SMTP AUTH クライアント")
_COLUMNS = (
    ReportColumn("sender", Text("Sender address", "送信者アドレス")),
    ReportColumn("domain", Text("Domain", "ドメイン")),
    ReportColumn("protocol", Text("Authentication protocol", "認証プロトコル")),
    ReportColumn("tls_1_0", Text("TLS 1.0 (%)", "TLS 1.0 (%)"), is_number=True, decimals=1),
    ReportColumn("tls_1_1", Text("TLS 1.1 (%)", "TLS 1.1 (%)"), is_number=True, decimals=1),
    ReportColumn("tls_1_2", Text("TLS 1.2 (%)", "TLS 1.2 (%)"), is_number=True, decimals=1),
    ReportColumn("tls_1_3", Text("TLS 1.3 (%)", "TLS 1.3 (%)"), is_number=True, decimals=1),
    ReportColumn("no_tls", Text("Without TLS (%)", "TLS なし (%)"), is_number=True, decimals=1),
    ReportColumn("messages", Text("Messages sent", "送信メッセージ数"), is_number=True),
)


def clients_report(
    directory: Path, span: ReportSpan, progress: ReadProgress | None = None
) -> ReportTable:
    counted = _counted(directory, span, progress)
    rows = [
        _row(sender, protocol, of_versions) for (sender, protocol), of_versions in counted.items()
    ]
    rows.sort(key=lambda row: (-row["messages"], row["sender"], row["protocol"]))
    left_out = max(0, len(rows) - _ROWS_MAX)
    facts = {"total": {"messages": sum(row["messages"] for row in rows)}}
    return ReportTable(
        ReportKind.CLIENTS, _TITLE, span, _COLUMNS, rows[:_ROWS_MAX], left_out, facts
    )


def _counted(
    directory: Path, span: ReportSpan, progress: ReadProgress | None
) -> dict[tuple[str, str], Counter[str]]:
    """Messages of each TLS version, by sender and protocol."""
    found: dict[tuple[str, str], Counter[str]] = {}
    paths = sorted(directory.glob("trace-*.db"))
    for place, path in enumerate(paths, 1):
        with closing(open_trace(path)) as file:
            there = {row[1] for row in file.execute("PRAGMA table_info(event)")}
            # What an older worker has written: it said neither.
            query = _QUERY if "tls" in there else _QUERY.replace("mechanism, tls", "'?', '?'")
            ids = ids_between(int(span.since * MICRO), int(span.until * MICRO))
            for sender, mechanism, tls, messages in file.execute(query, ids):
                protocol = PROTOCOLS.get(mechanism, UNKNOWN) if tls else UNKNOWN
                found.setdefault((sender, protocol), Counter())[tls] += messages
        if progress is not None:
            progress(place, len(paths))
    return found


def _row(sender: str, protocol: str, of_versions: Counter[str]) -> dict[str, Any]:
    messages = of_versions.total()
    shares = {
        key: round(100 * of_versions[version] / messages, 1) for version, key in _VERSIONS.items()
    }
    return {
        "sender": sender,
        "domain": sender.rpartition("@")[2],
        "protocol": protocol,
        **shares,
        "messages": messages,
    }
