"""Where an entry's code and text come from, said in Japanese: what is no name is translated.

Names of pages keep their English title, by which they are found, behind Microsoft's own Japanese
word for the place; RFCs are cited as Japanese texts cite them.
"""

import re

# Longer ones stand before what they contain.
_PHRASES: tuple[tuple[str, str], ...] = (
    ("seen on the wire of Exchange Online", "Exchange Online の実際の応答"),
    ("seen in logs of Exchange servers that send to Exchange Online", "Exchange Online に送信する Exchange サーバーのログ"),
    ("reported by one user of HVE", "HVE の利用者 1 名の報告"),
    ("reported by users of Exchange Online", "Exchange Online の利用者の報告"),
    ("replies of Exchange Online collected in public", "公開されている Exchange Online の応答集"),
    ("same enhanced code as SendAsDenied, other basic code", "SendAsDenied と同じ拡張コード、異なる基本コード"),
    ("code and SendAsDenied; rest of the text ours", "コードと SendAsDenied。本文の残りは独自"),
    ("English text in the pattern of the two that are known from the wire", "英文は実際の応答で確認できた 2 つの形式に準拠"),
    ("text on the wire:", "実際の応答:"),
    ("table of OAuth SMTP errors", "OAuth SMTP エラーの表"),
    ("text of Exchange's relay refusal; that HVE is internal only:", "Exchange の中継拒否の本文。HVE が組織内専用であること:"),
    ("match the exception's name, not 5.2.0: other faults come in the same envelope", "5.2.0 ではなく例外名で照合（ほかの障害も同じ形式で返るため）"),
    ("code as for concurrent connections; text ours (no HVE text is published)", "コードは同時接続数と同じ。本文は独自（HVE の本文は未公開）"),
    ("Code as for the message rate; limit and text ours", "コードはメッセージ数の制限と同じ。上限と本文は独自"),
    ("code and text as Exchange writes them", "コードと本文は Exchange に準拠"),
    ("text as Exchange writes it", "本文は Exchange に準拠"),
    ("code as Exchange writes it", "コードは Exchange に準拠"),
    ("code and text ours; Exchange lets it pass", "コードと本文は独自（Exchange は通過させる）"),
    ("ours; RFC 5321 section 4.1.1.9 lets a client send NOOP, not for ever", "独自（RFC 5321 4.1.1.9 節は NOOP を認めるが、無制限ではない）"),
    ("code and text ours", "コードと本文は独自"),
    ("rule and text ours", "規則と本文は独自"),
    ("basic code ours", "基本コードは独自"),
    ("limit ours", "上限は独自"),
    ("rule ours", "規則は独自"),
    ("text ours", "本文は独自"),
    ("code ours", "コードは独自"),
    ("ours; RFC", "独自。RFC"),
    ("unconfirmed", "未確認"),
    ("reply for a server that insists on TLS", "TLS を必須とするサーバーの応答"),
    ("a client waits for the greeting", "クライアントは挨拶を待つ"),
    ("a receiver must not guess", "受信側は推測してはならない"),
    ("delivery not authorized", "配信が許可されていない"),
    ("421 closes the channel", "421 は接続を閉じる"),
    ("EXPN may be switched off", "EXPN は無効にできる"),
    ("mailing list expansion problem", "メーリング リストの展開の問題"),
    ("mail system congestion", "メール システムの混雑"),
    ("system not accepting network messages", "システムがメッセージを受け付けない"),
    ("why duplicates cannot be excluded", "重複を排除できない理由"),
    ("256 KB of header", "ヘッダー 256 KB"),
    ("limit: reported of HVE in 2026", "上限: 2026 年の HVE の報告"),
    ("(alerts)", "（アラート）"),
    ("AUTH is used where EHLO offers it", "AUTH は EHLO で提示された場合に使う"),
    ("texts of Postfix, Exim, sendmail and of mail libraries", "Postfix、Exim、sendmail、メール ライブラリのメッセージ"),
    ("texts of Cyrus SASL (as Postfix logs them), nodemailer and JavaMail", "Cyrus SASL（Postfix のログ）、nodemailer、JavaMail のメッセージ"),
    ("texts of Postfix (smtp_sasl_glue.c), Cyrus SASL, JavaMail, MailKit, smtplib and msmtp", "Postfix（smtp_sasl_glue.c）、Cyrus SASL、JavaMail、MailKit、smtplib、msmtp のメッセージ"),
    ("Entra's AADSTS numbers", "Entra の AADSTS 番号"),
    ("Exchange Online limits", "Exchange Online の制限"),
    ("Microsoft Learn: notice on the pages of Azure Communication Services Email", "Microsoft Learn: Azure Communication Services Email の各ページの告知"),
    ("Microsoft Learn: PowerShell reference (Get-HVEAccountBillingPolicy, states of BillingPolicyStatus)", "Microsoft Learn: PowerShell リファレンス（Get-HVEAccountBillingPolicy、BillingPolicyStatus の値）"),
    ("Microsoft Defender for Office 365 blog:", "Microsoft Defender for Office 365 ブログ:"),
    ("Exchange Team blog on the tenant external recipient rate limit", "Exchange Team ブログ（テナントの外部受信者レート制限）"),
    ("Exchange Team blog", "Exchange Team ブログ"),
    ("Exchange Team, mid-2025, as reported by the trade press", "Exchange Team の発表（2025 年中頃、専門メディアの報道による）"),
    ("Message Center", "メッセージ センター"),
    ("revision of 27 January 2026", "2026 年 1 月 27 日改訂"),
    ("27 January 2026", "2026 年 1 月 27 日"),
    ("June 2025", "2025 年 6 月"),
    ("April 2025", "2025 年 4 月"),
    ("Microsoft Support:", "Microsoft サポート:"),
    (" and 4489835 (dates)", "、4489835（日程）"),
    ("number: ", "数値: "),
    ("Canon, service manual DU7-1178-000 (Universal Send Kit-E1), chapter 2:", "キヤノン、サービス マニュアル DU7-1178-000（Universal Send Kit-E1）第 2 章:"),
    ("Guide for Kyocera printers, send and scan error codes, 1102 (a third party's):", "京セラ製品の送信・スキャン エラー コードのガイド、1102（第三者によるもの）:"),
    ("issue ", "イシュー "),
    ("null MX", "空の MX"),
)  # fmt: skip
_SECTION = re.compile(r"\bsections? (\d[\d.]*(?:(?:, | and )\d[\d.]*)*)")


def in_japanese(source: str) -> str:
    for english, japanese in _PHRASES:
        source = source.replace(english, japanese)
    source = _SECTION.sub(
        lambda found: f"{found[1].replace(' and ', '、').replace(', ', '、')} 節", source
    )
    return source.replace("; ", "。")
