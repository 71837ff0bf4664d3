"""A listener's policy for its sessions: what is offered, what is insisted on, the answer to EHLO."""

from dataclasses import dataclass

from kairan.mail.address import address_literal


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """What a listener offers and insists on; the same for all its sessions of one kind."""

    hostname: str
    mechanisms: tuple[str, ...]
    size_max: int  # octets, RFC 1870
    recipients_max: int  # RFC 9422 RCPTMAX
    starttls: bool = True
    needs_tls: bool = True  # for mail
    auth_needs_tls: bool = True
    needs_auth: bool = True
    errors_max: int = 20
    idle_commands_max: int = 100


def helo_answer(policy: SessionPolicy, peer: str) -> bytes:
    return f"250 {policy.hostname} Hello {address_literal(peer)}\r\n".encode("ascii")


def ehlo_answer(policy: SessionPolicy, peer: str, *, secure: bool) -> bytes:
    """Exchange's order, LIMITS (RFC 9422) behind it.

    A session of Exchange is in github.com/ietf-tools/datatracker pull request 5888, 2023-06-28.
    """
    words = [
        f"{policy.hostname} Hello {address_literal(peer)}",
        f"SIZE {policy.size_max}",
        "PIPELINING",
        "DSN",
        "ENHANCEDSTATUSCODES",
    ]
    if policy.starttls and not secure:
        words.append("STARTTLS")
    if policy.mechanisms and (secure or not policy.auth_needs_tls):
        words.append(f"AUTH {' '.join(policy.mechanisms)}")
    words += ["8BITMIME", "BINARYMIME", "CHUNKING", "SMTPUTF8"]
    words.append(f"LIMITS RCPTMAX={policy.recipients_max}")
    lines = [f"250-{word}\r\n" for word in words[:-1]]
    return "".join([*lines, f"250 {words[-1]}\r\n"]).encode("ascii")
