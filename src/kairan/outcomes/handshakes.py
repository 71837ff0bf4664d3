"""Handshakes of TLS that failed: no reply can tell the client, so the log names these.

The codes are RFC 3463's for what happened; they never go over the wire.
"""

from kairan.outcomes.outcome import Outcome, Speaker, Text

_SOURCE = "RFC 8446 section 6.2 (alerts), RFC 3463 section 3.8; text ours"
_LOOK = Text(
    "Look from outside: `kairan doctor probe HOST:PORT` shows certificate, versions and ciphers.",
    "外部から確認してください: `kairan doctor probe HOST:PORT` で証明書、バージョン、暗号を表示します。",
)

TLS_TOO_OLD = Outcome(
    "tls-too-old",
    454,
    "4.7.4",
    "TLS handshake failed: the client offers no TLS version or cipher that is accepted",
    when=Text(
        "A client's handshake offered TLS 1.0, 1.1 or SSL alone, or only ciphers that are not used any more.",
        "クライアントが TLS 1.0/1.1 や SSL、または使用されなくなった暗号だけを提示しました。",
    ),
    causes=(
        Text(
            "An old printer, or an old Java, .NET or Windows.",
            "古いプリンター、または古い Java、.NET、Windows です。",
        ),
    ),
    remedies=(
        Text(
            "Update the device's firmware, or switch TLS 1.2 on in it.",
            "機器のファームウェアを更新するか、TLS 1.2 を有効にしてください。",
        ),
        Text(
            "Where that cannot be: a listener of the role `device` with `legacy_tls = true`, for its network alone.",
            "対応できない場合は、そのネットワーク専用に `legacy_tls = true` の `device` ロールの受付口を用意してください。",
        ),
    ),
    source=_SOURCE,
    speaker=Speaker.KAIRAN,
)

TLS_NOT_TRUSTED = Outcome(
    "tls-not-trusted",
    454,
    "4.7.5",
    "TLS handshake failed: the client does not trust the certificate",
    when=Text(
        "The client ended the handshake because it does not know the certificate's authority, or the certificate has expired.",
        "証明書の発行元を認識できない、または有効期限切れのため、クライアントがハンドシェイクを終了しました。",
    ),
    causes=(
        Text(
            "The certificate is from an authority of your own that the client does not have (`tls/ca.pem`).",
            "クライアントに登録されていない独自の認証局の証明書です（`tls/ca.pem`）。",
        ),
        Text(
            "The file of the certificate holds no intermediate certificates.",
            "証明書ファイルに中間証明書が含まれていません。",
        ),
    ),
    remedies=(
        Text(
            "Import `tls/ca.pem` into the client, or use a certificate of an authority that it knows.",
            "クライアントに `tls/ca.pem` を取り込むか、クライアントが認識する認証局の証明書を使用してください。",
        ),
        _LOOK,
    ),
    source=_SOURCE,
    speaker=Speaker.KAIRAN,
)

TLS_NAME_MISMATCH = Outcome(
    "tls-name-mismatch",
    454,
    "4.7.5",
    "TLS handshake failed: the certificate is not for the name that the client asked for",
    when=Text(
        "The client refused the certificate as such: most often because it asked for another name (SNI) than stands in it; `sni=` in the log is the name.",
        "クライアントが証明書を拒否しました。多くの場合、要求した名前（SNI）が証明書に含まれていません。ログの `sni=` がその名前です。",
    ),
    causes=(
        Text(
            "The client was given an IP address or an alias as server name.",
            "クライアントに IP アドレスや別名がサーバー名として設定されています。",
        ),
    ),
    remedies=(
        Text(
            "Enter in the client a name that stands in the certificate, or get a certificate that holds all names in use.",
            "証明書に含まれる名前をクライアントに設定するか、使用中のすべての名前を含む証明書を用意してください。",
        ),
        _LOOK,
    ),
    source=_SOURCE,
    speaker=Speaker.KAIRAN,
)

TLS_PLAIN_TEXT = Outcome(
    "tls-plain-text",
    454,
    "4.7.5",
    "TLS handshake failed: the client sent plain text where TLS begins",
    when=Text(
        "Where TLS had to begin the client sent SMTP commands, HTTP or something else in clear text.",
        "TLS の開始位置で、クライアントが SMTP コマンドや HTTP などの平文を送信しました。",
    ),
    causes=(
        Text(
            "The client speaks STARTTLS or no TLS at all, on a port of implicit TLS (465).",
            "暗黙的 TLS のポート（465）に STARTTLS または TLS なしで接続しています。",
        ),
        Text("A scanner or a monitor looks at the port.", "スキャナーや監視ツールによる接続です。"),
    ),
    remedies=(
        Text(
            "Choose 'SSL/TLS' in the client for this port, or STARTTLS with port 587.",
            "このポートでは「SSL/TLS」を選ぶか、STARTTLS とポート 587 を使用してください。",
        ),
    ),
    source=_SOURCE,
    speaker=Speaker.KAIRAN,
)

TLS_HANDSHAKE_FAILED = Outcome(
    "tls-handshake-failed",
    454,
    "4.7.5",
    "TLS handshake failed",
    when=Text(
        "A handshake ended before it was done; `reason=` in the log has OpenSSL's word for it, or says that the client hung up.",
        "ハンドシェイクが完了前に終了しました。ログの `reason=` に OpenSSL の理由、またはクライアントが切断したことが示されます。",
    ),
    causes=(
        Text(
            "The client does not trust the certificate, or is too old, and hangs up without saying so.",
            "証明書を信頼しない、または古いクライアントが、理由を示さず切断しました。",
        ),
        Text(
            "Something on the way ends connections that it cannot read.",
            "経路上の機器が、内容を検査できない接続を切断しています。",
        ),
    ),
    remedies=(_LOOK,),
    source=_SOURCE,
    speaker=Speaker.KAIRAN,
)
