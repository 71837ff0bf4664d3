"""What logging in may cost, and how guessing is slowed down."""

from dataclasses import dataclass, field

from kairan.auth.tokens.settings import IssuerSettings, TokenSettings


@dataclass(frozen=True, slots=True)
class AuthSettings:
    # Argon2id as OWASP's password storage sheet recommends it: about 25 ms a hash.  Accounts
    # hashed with other numbers keep theirs until their password is set again.
    argon2_memory_kib: int = 19 * 1024
    argon2_time_cost: int = 2
    argon2_parallelism: int = 1
    # Entra's own bounds for a password; the upper one also bounds what a stranger makes us hash.
    password_characters_min: int = 8
    password_characters_max: int = 256
    # A printer logs in for every page: so long it need not be hashed again.  A change of the
    # account ends it at once.
    verified_seconds: float = 600.0
    # One entry is about 200 bytes; each account and password takes one.
    verified_max: int = 10_000
    # A session that was opened with a password logs in again after so long: a day is more than any
    # mail client holds one, and a guess or a theft that nobody noticed does not last for ever.
    password_session_seconds_max: float = 86_400.0
    # One thread a worker: guessing must leave the processor to those who are in already.
    hashing_threads: int = 1
    # Logins that wait for their hash; 200 are five seconds, later ones hear 454 at once.
    hashing_queue_max: int = 200
    # Wrong passwords before the first delay: of one address for one account, of one address for
    # all accounts, of its network (IPv4 /24, IPv6 /48).
    pair_failures_free: int = 5
    address_failures_free: int = 10
    network_failures_free: int = 100
    # Then the delay doubles with each failure.  A minute is 1,440 guesses a day, and no longer
    # than a person who has just corrected a printer's password will wait.
    first_delay_seconds: float = 1.0
    delay_seconds_max: float = 60.0
    # So long after its last failure an address starts afresh.
    failures_kept_seconds: float = 900.0
    # A pair of address and account that has logged in is judged by its own failures only.
    trusted_seconds: float = 7 * 86_400.0
    # Entries of each table, about 150 bytes each; the oldest go first.
    attempts_max: int = 50_000
    # Whose access tokens are believed; none: no token is.
    issuers: tuple[IssuerSettings, ...] = ()
    # What a token must hold.
    tokens: TokenSettings = field(default_factory=TokenSettings)
