"""Reports: what happened, for those who ask (trace) and those who must be told (DSN).

In      events from intake and delivery; outcomes of recipients
Out     `Trace.record`, `search`; `build_report`: a finished multipart/report message
Keeps   the audit (who logged in, who changed what) in files of its own; the trace for 90 days, two files per worker: what happened to mail, and strangers refused
Never   makes anybody wait: a trace that cannot keep up drops lines, counts them and says so
Limits  queue, file size and retention in settings.py
Damage  the trace is worth less than the mail: after a crash its last quarter second is missing
RFC     3464, 3461 section 6, 6533, 3834 (reports)
"""

from kairan.reports.audit import Audit
from kairan.reports.dsn import ReportFrame, build_plain_report, build_report, needs_smtputf8
from kairan.reports.recipient import Action, RecipientReport
from kairan.reports.refusals import Refusal
from kairan.reports.search import TraceEvent, search
from kairan.reports.settings import AuditSettings, ReportSettings, TraceSettings
from kairan.reports.trace import Trace

__all__ = [
    "Action",
    "Audit",
    "AuditSettings",
    "RecipientReport",
    "Refusal",
    "ReportFrame",
    "ReportSettings",
    "Trace",
    "TraceEvent",
    "TraceSettings",
    "build_plain_report",
    "build_report",
    "needs_smtputf8",
    "search",
]
