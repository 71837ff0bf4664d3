"""What becomes known of a TLS handshake that failed.

No reply can tell the client, and most devices say nothing to their users but "could not connect":
the operator's log is where it must stand.  A peer can cause as many as it likes, so a reason is told
once a minute for one network and listener, and no more than LINES_MAX lines a minute in all; what was left out is
counted in the next line.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import structlog

from kairan.auth.attempts import network_of
from kairan.outcomes.catalogue import (
    TLS_HANDSHAKE_FAILED,
    TLS_NAME_MISMATCH,
    TLS_NOT_TRUSTED,
    TLS_PLAIN_TEXT,
    TLS_TOO_OLD,
)
from kairan.outcomes.outcome import Outcome

log = structlog.get_logger()

INTERVAL_SECONDS = 60.0
# A line has some 200 octets: 12 MB a day at the worst, of a scan from everywhere.
LINES_MAX = 40

HUNG_UP = "the client hung up"

# By OpenSSL's reasons.  A client whose certificate check fails says `unknown CA` where it does not
# know the authority, and `bad certificate` where the name is another (OpenSSL's X509 errors).
_BY_REASON: Mapping[str, Outcome] = {
    "UNSUPPORTED_PROTOCOL": TLS_TOO_OLD,
    "VERSION_TOO_LOW": TLS_TOO_OLD,
    "NO_PROTOCOLS_AVAILABLE": TLS_TOO_OLD,
    "UNKNOWN_PROTOCOL": TLS_TOO_OLD,
    "NO_SHARED_CIPHER": TLS_TOO_OLD,
    "NO_SHARED_SIGNATURE_ALGORITHMS": TLS_TOO_OLD,
    "NO_SUITABLE_SIGNATURE_ALGORITHM": TLS_TOO_OLD,
    "UNSUPPORTED_SSL_VERSION": TLS_TOO_OLD,
    "INAPPROPRIATE_FALLBACK": TLS_TOO_OLD,
    "TLSV1_ALERT_PROTOCOL_VERSION": TLS_TOO_OLD,
    "TLSV1_ALERT_INSUFFICIENT_SECURITY": TLS_TOO_OLD,
    "TLSV1_ALERT_UNKNOWN_CA": TLS_NOT_TRUSTED,
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": TLS_NOT_TRUSTED,
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": TLS_NOT_TRUSTED,
    "SSLV3_ALERT_CERTIFICATE_REVOKED": TLS_NOT_TRUSTED,
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": TLS_NOT_TRUSTED,
    "SSLV3_ALERT_BAD_CERTIFICATE": TLS_NAME_MISMATCH,
    "TLSV1_UNRECOGNIZED_NAME": TLS_NAME_MISMATCH,
    "TLSV1_ALERT_UNRECOGNIZED_NAME": TLS_NAME_MISMATCH,
    "HTTP_REQUEST": TLS_PLAIN_TEXT,
    "HTTPS_PROXY_REQUEST": TLS_PLAIN_TEXT,
    "WRONG_VERSION_NUMBER": TLS_PLAIN_TEXT,
    "PACKET_LENGTH_TOO_LONG": TLS_PLAIN_TEXT,
    "RECORD_LAYER_FAILURE": TLS_PLAIN_TEXT,
}


def outcome_of(reason: str) -> Outcome:
    return _BY_REASON.get(reason, TLS_HANDSHAKE_FAILED)


_What: TypeAlias = tuple[str, str, str]  # network, listener, rule


class FailedHandshakes:
    """Of one worker."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._told: set[_What] = set()  # of this minute: LINES_MAX at most
        self._since = 0.0
        self._left_out = 0

    def record(self, *, client: str, listener: str, reason: str, sni: str) -> Outcome:
        outcome = outcome_of(reason)
        if not self._is_to_be_told((network_of(client), listener, outcome.key)):
            self._left_out += 1
            return outcome
        log.info(
            "intake.tls-failed",
            client=client,
            listener=listener,
            rule=outcome.key,
            reason=reason.lower().replace("_", " "),
            sni=sni,
            left_out=self._left_out,
        )
        self._left_out = 0
        return outcome

    def _is_to_be_told(self, what: _What) -> bool:
        now = self._clock()
        if now - self._since >= INTERVAL_SECONDS:
            self._since = now
            self._told.clear()
        if what in self._told or len(self._told) >= LINES_MAX:
            return False
        self._told.add(what)
        return True
