"""The settings of reports to senders."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReportSettings:
    # RET=FULL gives the whole message back up to this size, its header alone beyond: ten reports
    # about 10 MB each would cost more than the mail they speak of.
    returned_octets_max: int = 256 * 1024
    # The header that goes back; the intake accepts no longer one.
    header_octets_max: int = 256 * 1024
    # Recipients of one report; more make another report.
    recipients_max: int = 1_000
    # Recipients explained in the readable part; the others stand in the machine's part.
    explained_max: int = 20
