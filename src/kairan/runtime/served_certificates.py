"""The certificates that the service serves: read and checked by the supervisor, held in memory.

    files ──read_pair, fault_of_time──▶ supervisor ──memfd_create(2)──▶ workers, issuer

A child that starts, or is told to read anew, finds what was last found good, whatever lies in the
files meanwhile: half a renewal, a key of another certificate, nothing.
"""

import os
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog

from kairan.runtime.certificate_files import (
    CertificateFault,
    CertificatePair,
    fault_of_time,
    read_pair,
    warning_of_end,
    warning_of_name,
)

log = structlog.get_logger()


_OUT_OF_DATE = 0  # in the place of days that are left
# memfd_create(2): what its link in /proc says, and how many octets a name may have.
_IN_MEMORY, _DELETED = "/memfd:", " (deleted)"
_MEMORY_NAME_MAX = 200


@dataclass(frozen=True, slots=True)
class PairFiles:
    certificate: Path
    key: Path
    prefix: str = ""  # of the settings' names


class ServedCertificates:
    """One for each kind of key.  `load` before the first child, `reload` when told, `remind` now
    and then.
    """

    def __init__(
        self,
        files: Sequence[PairFiles],
        hostname: str,
        *,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self._files = files
        self._hostname = hostname
        self._now = now or (lambda: datetime.now(UTC))
        self._pairs: Sequence[CertificatePair] = ()
        self._memory = [(_made(one.certificate), _made(one.key)) for one in files]
        self._seen = self._stamps()
        self._reminded: dict[Path, int] = {}

    def paths(self) -> Mapping[str, Path]:
        """By setting, for this process and those that it forks."""
        return {
            f"{one.prefix}{kind}": _path(descriptor)
            for one, pair in zip(self._files, self._memory, strict=True)
            for kind, descriptor in zip(("certificate", "key"), pair, strict=True)
        }

    def load(self) -> None:
        """At the start: raises CertificateFault.  One that is out of date is served all the same and
        the log says so: printers do not look, and no service after a power cut helps nobody.
        """
        self._seen = self._stamps()
        self._take([read_pair(one.certificate, one.key, prefix=one.prefix) for one in self._files])
        self._warn()

    def reload(self) -> bool:
        """Whether what is served was exchanged: one that is no good leaves all in place."""
        self._seen = self._stamps()
        try:
            self._take([_fit_to_replace(one, self._now()) for one in self._files])
        except CertificateFault as fault:
            log.error("runtime.certificate-rejected", setting=fault.setting, reason=str(fault))
            return False
        for pair in self._pairs:
            log.info(
                "runtime.certificate-loaded",
                file=str(pair.file),
                names=",".join(pair.names),
                ends=f"{pair.ends:%Y-%m-%d}",
            )
        self._warn()
        return True

    def are_replaced(self) -> bool:
        """Whether the files are others than at the last look, good or not."""
        return self._stamps() != self._seen

    def remind(self) -> None:
        """Says once at each bound of WARNING_DAYS, and at the end, how near the end is."""
        now = self._now()
        for pair in self._pairs:
            bound, reason = warning_of_end(pair, now) or (_OUT_OF_DATE, fault_of_time(pair, now))
            if not reason or self._reminded.get(pair.file) == bound:
                continue
            self._reminded[pair.file] = bound
            if bound == _OUT_OF_DATE:
                log.error("runtime.certificate-out-of-date", file=str(pair.file), reason=reason)
            else:
                log.warning("runtime.certificate-ends-soon", file=str(pair.file), reason=reason)

    def _warn(self) -> None:
        self._reminded.clear()
        for pair in self._pairs:
            if reason := warning_of_name(pair, self._hostname):
                log.warning("runtime.certificate-other-name", file=str(pair.file), reason=reason)
        self.remind()

    def _take(self, pairs: Sequence[CertificatePair]) -> None:
        """All or none: what was read is tried as the children will read it."""
        self._write(pairs)
        try:
            for certificate, key in self._memory:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(_path(certificate), _path(key))
        except ssl.SSLError as error:
            self._write(self._pairs)
            sentence = f"it was replaced while it was read ({error.reason}); reload once more"
            raise CertificateFault("certificate", sentence) from error
        self._pairs = pairs

    def _write(self, pairs: Sequence[CertificatePair]) -> None:
        for (certificate, key), pair in zip(self._memory, pairs, strict=False):
            _write(certificate, pair.certificate)
            _write(key, pair.key)

    def _stamps(self) -> Sequence[tuple[int, int, int] | None]:
        return [_stamp(path) for one in self._files for path in (one.certificate, one.key)]


def _fit_to_replace(files: PairFiles, now: datetime) -> CertificatePair:
    pair = read_pair(files.certificate, files.key, prefix=files.prefix)
    if fault := fault_of_time(pair, now):
        raise CertificateFault(f"{files.prefix}certificate", fault)
    return pair


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def shown_path(path: Path) -> Path:
    """The file that a child's certificate was read from, of its path in memory; another as it is."""
    try:
        target = str(path.readlink())
    except OSError:
        return path
    if not target.startswith(_IN_MEMORY):
        return path
    return Path(target.removeprefix(_IN_MEMORY).removesuffix(_DELETED))


def _made(path: Path) -> int:
    """Named by its file, for those who are told of it."""
    return os.memfd_create(os.fsdecode(os.fsencode(path)[:_MEMORY_NAME_MAX]))


def _path(descriptor: int) -> Path:
    return Path(f"/proc/self/fd/{descriptor}")


def _write(descriptor: int, content: bytes) -> None:
    os.pwrite(descriptor, content, 0)
    os.ftruncate(descriptor, len(content))
