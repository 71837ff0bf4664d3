"""The issuer's next signing key, at an administrator's word."""

from dataclasses import dataclass

from kairan.directory.operations.withdrawn_keys import WithdrawnKeys
from kairan.issuer.keys.key import Key
from kairan.issuer.keys.ring import KeyRing
from kairan.issuer.settings import IssuerServiceSettings


@dataclass(frozen=True, slots=True)
class Rotation:
    kid: str
    signs_from: int  # seconds since the epoch
    withdrawn: int  # keys whose tokens have ended


def rotate(
    ring: KeyRing,
    settings: IssuerServiceSettings,
    withdrawn_keys: WithdrawnKeys,
    *,
    is_compromised: bool,
    now: int,
) -> Rotation:
    """`is_compromised`: it signs at once, and every token of an older key ends."""
    lead = 0 if is_compromised else settings.key_lead_seconds
    key = ring.add(settings.algorithm, lead_seconds=lead)
    withdrawn = _withdraw(ring, key, withdrawn_keys, now) if is_compromised else 0
    return Rotation(key.id, key.begins, withdrawn)


def _withdraw(ring: KeyRing, new: Key, withdrawn_keys: WithdrawnKeys, now: int) -> int:
    """In the directory first, where every worker sees it within a second or two; and if that fails
    the issuer at least publishes them no more.
    """
    try:
        withdrawn_keys.add(ring.others(new), now=now)
    finally:
        withdrawn = ring.revoke(but=new)
    return withdrawn
