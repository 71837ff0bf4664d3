"""Admission: may you, as this sender, to these recipients, this much?

In      facts: account, snapshot, header, counts
Out     Accept or Refuse with its outcome
Keeps   nothing: every rule is a function of its arguments
Never   awaits, reads a clock or the configuration
Limits  settings.py
RFC     6409 section 6 (what a submission server may insist on), 5321 section 6.3 (loops)
"""

from kairan.admission.fields import field_edit
from kairan.admission.message import judge_header
from kairan.admission.rate import judge_connections, judge_rate
from kairan.admission.recipients import judge_recipient, meant_by
from kairan.admission.sender import judge_sender
from kairan.admission.settings import AdmissionSettings
from kairan.admission.volume import judge_volume

__all__ = [
    "AdmissionSettings",
    "field_edit",
    "judge_connections",
    "judge_header",
    "judge_rate",
    "judge_recipient",
    "judge_sender",
    "judge_volume",
    "meant_by",
]
