"""The keys that sign: one file each, readable by their owner alone.

    <folder>/<begins>-<kid>.pem     PKCS #8, mode 0600

`begins` is when the key begins to sign, in seconds since the epoch, 12 digits; `kid` is its
RFC 7638 thumbprint in base64url.  Nothing else is stored: the key that signs is the one that has
begun last; a key is published until the last token it can have signed is dead, that is
TOKEN_SECONDS_MAX after its successor has begun, and then its file goes.
"""

import base64
import hashlib
import json
import os
import stat
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from kairan.issuer.settings import Algorithm, IssuerServiceSettings
from kairan.runtime.certificates import write_private

# No token lives longer: this bounds how long a retired key must stay published.
TOKEN_SECONDS_MAX = 86_400
_CLOCK_SKEW_SECONDS = 300
_RSA_BITS = 2_048  # as Entra's; verifying stays cheap
_DAY_SECONDS = 86_400
# RFC 7638 section 3.2: only these members count, in this order (which is the alphabet's).
_THUMBPRINT_MEMBERS = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y")}

PrivateKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Key:
    id: str
    begins: int
    private: PrivateKey = field(repr=False, compare=False)  # the id is its thumbprint

    @property
    def algorithm(self) -> Algorithm:
        is_rsa = isinstance(self.private, rsa.RSAPrivateKey)
        return Algorithm.RS256 if is_rsa else Algorithm.ES256

    def public(self) -> dict[str, Any]:
        """As a JWK, RFC 7517 section 4."""
        return {
            **_public_members(self.private),
            "kid": self.id,
            "use": "sig",
            "alg": str(self.algorithm),
        }


class KeyRing:
    """Read anew whenever the folder changes: `kairan app rotate` is another process."""

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock
        self._keys: Sequence[Key] = ()
        self._names: tuple[str, ...] = ()

    def published(self) -> Sequence[Key]:
        """Those a valid token may be signed with, now or soon; oldest first."""
        dead_before = self._clock() - TOKEN_SECONDS_MAX - _CLOCK_SKEW_SECONDS
        keys = self._read()
        successors = [*(key.begins for key in keys[1:]), None]
        return [
            key
            for key, successor in zip(keys, successors, strict=True)
            if successor is None or successor > dead_before
        ]

    def signing(self) -> Key:
        keys = self._read()
        assert keys, "renew() makes the first key"
        begun = [key for key in keys if key.begins <= self._clock()]
        return begun[-1] if begun else keys[0]

    def renew(self, settings: IssuerServiceSettings) -> bool:
        """Makes the first key, or the next when the newest has signed long enough or is of
        another kind; removes the dead.  To be called at the start and now and then.
        """
        keys = self._read()
        if not keys:
            self.add(settings.algorithm, lead_seconds=0)
            return True
        self._remove_dead()
        newest = keys[-1]
        is_due = newest.begins + settings.key_days * _DAY_SECONDS <= self._clock()
        if is_due or newest.algorithm is not settings.algorithm:
            self.add(settings.algorithm, lead_seconds=settings.key_lead_seconds)
            return True
        return False

    def add(self, algorithm: Algorithm, *, lead_seconds: int) -> Key:
        """The next key; it signs in `lead_seconds`."""
        private = _new_key(algorithm)
        # No two begin in one second: their order is what says who signs.
        after = [key.begins + 1 for key in self._read()]
        begins = max([int(self._clock()) + lead_seconds, *after[-1:]])
        key = Key(thumbprint(_public_members(private)), begins, private)
        if not self._folder.exists():
            self._folder.mkdir(mode=0o700, parents=True)
            _give_to_owner_of(self._folder.parent, self._folder)
        # Whole or not at all, also for a reader of this moment.
        draft = self._folder / f"{key.id}.draft"
        write_private(draft, _pem(private))
        _give_to_owner_of(self._folder, draft)
        draft.rename(self._folder / f"{begins:012}-{key.id}.pem")
        return key

    def others(self, than: Key) -> Sequence[str]:
        """The ids of all but this one, whether they sign, have signed or will."""
        return [key.id for key in self._read() if key.id != than.id]

    def revoke(self, *, but: Key) -> int:
        """Unpublishes all other keys at once, for keys that are known to somebody else.  What has
        verifiers refuse their tokens at once, whatever they have cached, is the directory's
        `withdrawn_keys`.
        """
        return self._remove(key for key in self._read() if key.id != but.id)

    def _remove_dead(self) -> None:
        living = {key.id for key in self.published()}
        self._remove(key for key in self._read() if key.id not in living)

    def _remove(self, keys: Any) -> int:
        files = [self._folder / f"{key.begins:012}-{key.id}.pem" for key in keys]
        for file in files:
            file.unlink(missing_ok=True)
        return len(files)

    def _read(self) -> Sequence[Key]:
        names = tuple(sorted(name for name in _names_in(self._folder) if name.endswith(".pem")))
        if names != self._names:
            self._keys = [key for name in names if (key := _load(self._folder / name))]
            self._names = names
        return self._keys


def _give_to_owner_of(folder: Path, new: Path) -> None:
    """`sudo kairan app rotate` must not make a key that the service's own user cannot read."""
    if os.geteuid() == 0:
        owner = folder.lstat()
        descriptor = os.open(new, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            found = os.fstat(descriptor)
            # A file with a second name may be somebody else's; a folder has no second name.
            if stat.S_ISDIR(found.st_mode) or found.st_nlink == 1:
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
        finally:
            os.close(descriptor)


def _names_in(folder: Path) -> Sequence[str]:
    try:
        return [file.name for file in folder.iterdir()]
    except FileNotFoundError:
        return ()


def _load(file: Path) -> Key | None:
    """None: somebody has removed it since we saw its name."""
    begins, _, key_id = file.stem.partition("-")
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return None
    private = serialization.load_pem_private_key(content, password=None)
    assert isinstance(private, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey), "ours are these"
    return Key(key_id, int(begins), private)


def _new_key(algorithm: Algorithm) -> PrivateKey:
    if algorithm is Algorithm.ES256:
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65_537, key_size=_RSA_BITS)


def _pem(private: PrivateKey) -> bytes:
    return private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _public_members(private: PrivateKey) -> dict[str, Any]:
    if isinstance(private, rsa.RSAPrivateKey):
        return _without_use(RSAAlgorithm.to_jwk(private.public_key()))
    return _without_use(ECAlgorithm.to_jwk(private.public_key()))


def _without_use(text: str) -> dict[str, Any]:
    members: dict[str, Any] = json.loads(text)
    members.pop("key_ops", None)  # RFC 7517 section 4.3: not beside "use"
    return members


def thumbprint(public: Mapping[str, str]) -> str:
    """RFC 7638: the name of a key is a hash of what makes it up."""
    wanted = {name: public[name] for name in _THUMBPRINT_MEMBERS[public["kty"]]}
    text = json.dumps(wanted, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(hashlib.sha256(text).digest()).rstrip(b"=").decode()
