"""When Basic authentication ends: dates with their sources, for the doctor and the pages.

Announcements have moved three times; many pages still print a date that was withdrawn.  `as_of`
says how fresh an entry is.
"""

from dataclasses import dataclass
from datetime import date

from kairan.outcomes.outcome import Text


@dataclass(frozen=True, slots=True)
class Milestone:
    key: str
    earliest: date  # the first day on which it may happen
    what: Text
    source: str
    as_of: date
    withdrawn: bool = False  # announced once, no longer true


MILESTONES: tuple[Milestone, ...] = (
    Milestone(
        "client-basic-auth-april-2026",
        date(2026, 3, 1),
        Text(
            "Basic authentication for client submission ends between 1 March and 30 April 2026. Withdrawn; many pages still say so.",
            "クライアント送信の基本認証を 2026 年 3 月 1 日～4 月 30 日に終了。撤回済みですが、まだ多くのページに記載があります。",
        ),
        "Message Center MC786329, June 2025",
        date(2025, 6, 1),
        withdrawn=True,
    ),
    Milestone(
        "client-basic-auth-off-by-default",
        date(2026, 12, 31),
        Text(
            "At the end of December 2026 Basic authentication for client submission is switched off by default in existing organisations; an administrator can switch it on again. In new organisations it is unavailable by default.",
            "2026 年 12 月末に、既存組織のクライアント送信の基本認証が既定で無効になります（管理者が再度有効にできます）。新しい組織では既定で利用できません。",
        ),
        "Exchange Team blog 4489835, 27 January 2026",
        date(2026, 1, 27),
    ),
    Milestone(
        "client-basic-auth-final-date-announced",
        date(2027, 7, 1),
        Text(
            "The final date for client submission will be announced in the second half of 2027.",
            "クライアント送信の最終的な終了日は 2027 年後半に発表されます。",
        ),
        "Exchange Team blog 4489835, 27 January 2026",
        date(2026, 1, 27),
    ),
    Milestone(
        "hve-basic-auth-ends",
        date(2028, 9, 1),
        Text(
            "Basic authentication for High Volume Email is supported until September 2028.",
            "大量メール（HVE）の基本認証は 2028 年 9 月までサポートされます。",
        ),
        "Exchange Team, mid-2025, as reported by the trade press",
        date(2025, 7, 1),
    ),
    Milestone(
        "acs-email-ends",
        date(2028, 9, 30),
        Text(
            "Azure Communication Services Email, once the advice for external mail, ends on 30 September 2028; it takes no new customers since 23 October 2026.",
            "組織外宛ての送信先として案内されていた Azure Communication Services Email は 2028 年 9 月 30 日に終了します。2026 年 10 月 23 日以降、新規の利用は受け付けていません。",
        ),
        "Microsoft Learn: notice on the pages of Azure Communication Services Email",
        date(2026, 11, 26),
    ),
    Milestone(
        "hve-old-endpoint-ends",
        date.max,
        Text(
            "The endpoint smtp-hve.office365.com will be withdrawn at a date not yet named; smtp.hve.mx.microsoft takes its place.",
            "エンドポイント smtp-hve.office365.com は時期未定で廃止され、smtp.hve.mx.microsoft に置き換わります。",
        ),
        "Microsoft Learn: Manage High Volume Email, 2026",
        date(2026, 9, 1),
    ),
)
