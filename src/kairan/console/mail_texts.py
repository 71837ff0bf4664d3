"""What the pages of captured mail say, in both languages."""

from collections.abc import Mapping

from kairan.outcomes.outcome import Text

MAIL_TEXTS: Mapping[str, Text] = {
    "mail": Text("Test mail", "テスト メール"),
    "mail_hint": Text(
        "This service keeps what it delivers for developers to look at. Nothing here is for people's mail.",
        "このサービスは開発者が確認できるように配信したメールを保存します。実際の業務メールには使わないでください。",
    ),
    "mail_search": Text("Find test mail", "テスト メールの検索"),
    "mail_from": Text("From", "差出人"),
    "mail_text": Text("In the text", "本文"),
    "mail_found": Text("Messages, the newest first", "メッセージ（新しい順）"),
    "mail_number": Text("{} messages.", "{} 件のメッセージ。"),
    "mail_reload": Text("Load again", "再読み込み"),
    "mail_live": Text(
        "New messages appear by themselves; without a script, load the page again.",
        "新しいメッセージは自動的に表示されます。スクリプトが無効な場合は再読み込みしてください。",
    ),
    "mail_none": Text("There is no message.", "メッセージはありません。"),
    "mail_older": Text("Older messages", "以前のメッセージ"),
    "mail_removed": Text(
        "{} of the oldest were removed to keep within the limits of [capture].",
        "[capture] の上限に達したため、古いメッセージ {} 件を削除しました。",
    ),
    "mail_no_subject": Text("(no subject)", "（件名なし）"),
    "mail_gone": Text("This message is not here any more.", "このメッセージはもうありません。"),
    "mail_delete": Text("Delete", "削除"),
    "mail_delete_all": Text("Delete all of these", "これらをすべて削除"),
    "mail_delete_sure": Text("Delete {} messages", "{} 件を削除"),
    "mail_deleted": Text("Deleted: {}.", "{} 件を削除しました。"),
    "mail_views": Text("Ways to look at it", "表示方法"),
    "mail_save": Text("Save the whole message", "メッセージ全体を保存"),
    "mail_cut": Text(
        "Only the beginning is shown; the saved message has all of it.",
        "先頭部分だけを表示しています。全体は保存したメッセージにあります。",
    ),
    "mail_not_there": Text("The message has none.", "このメッセージにはありません。"),
    "mail_frame": Text("The message's HTML", "メッセージの HTML"),
    "mail_frame_hint": Text(
        "Nothing runs in it and nothing is fetched.",
        "スクリプトは実行されず、外部からの読み込みも行われません。",
    ),
    "mail_without": Text(
        "{} things that would run, load or lead elsewhere are without effect here.",
        "実行・読み込み・外部への移動を行う {} か所を無効にしています。",
    ),
    "view_html": Text("HTML", "HTML"),
    "view_text": Text("Text", "テキスト"),
    "view_headers": Text("Header", "ヘッダー"),
    "view_attachments": Text("Attachments", "添付ファイル"),
    "view_source": Text("Source", "ソース"),
    "size": Text("Size", "サイズ"),
    "file_name": Text("Name", "名前"),
    "type": Text("Type", "種類"),
    "field": Text("Field", "フィールド"),
    "limit_fields": Text(
        "The header is longer than is read here: more than 500 fields, or 64 KiB.",
        "ヘッダーが読み取りの上限（500 フィールドまたは 64 KiB）を超えています。",
    ),
    "limit_parts": Text(
        "The message has more than 200 parts; the others are in the source alone.",
        "パートが 200 個を超えています。残りはソースにのみあります。",
    ),
    "limit_depth": Text(
        "The parts are nested more than 16 deep; what is deeper is not taken apart.",
        "パートの入れ子が 16 段を超えています。それより深い部分は分解していません。",
    ),
    "limit_lines": Text(
        "More than 20,000 lines begin as a boundary does; what follows is not taken apart.",
        "境界のように始まる行が 20,000 行を超えています。以降は分解していません。",
    ),
    "busy_live": Text(
        "Too many lists are open. Close some of them.",
        "開いている一覧が多すぎます。いくつか閉じてください。",
    ),
    # Fault rules.
    "faults": Text("Fault rules", "障害ルール"),
    "faults_hint": Text(
        "What a client is to meet instead of success, so that it can be rehearsed.",
        "クライアントに意図的に返す失敗を設定し、動作を確認できます。",
    ),
    "fault_add": Text("Add a rule", "ルールの追加"),
    "fault_address": Text("Address", "アドレス"),
    "fault_address_hint": Text(
        "An address, *@example.com, or * for everyone",
        "アドレス、*@example.com、またはすべてを表す *",
    ),
    "fault_stage": Text("At", "段階"),
    "fault_stage_usual": Text("where the service says it", "サービスが通常返す段階"),
    "fault_answer": Text("Answer", "応答"),
    "fault_answer_hint": Text(
        "A key or codes of the catalogue: recipient-unknown, or 432 4.3.2",
        "カタログのキーまたはコード: recipient-unknown、432 4.3.2 など",
    ),
    "fault_delay": Text("Delay in seconds", "遅延（秒）"),
    "fault_drop": Text("Drop the connection", "接続を切断"),
    "fault_for": Text("For so many seconds", "有効期間（秒）"),
    "fault_until": Text("Until", "期限"),
    "fault_by": Text("By", "設定者"),
    "fault_remove": Text("Remove", "削除"),
    "fault_rules": Text("Rules in force", "有効なルール"),
    "fault_none": Text("There is no rule: mail is judged as it is.", "ルールはありません。"),
    "fault_changed": Text("The rules have changed.", "ルールを変更しました。"),
}
