"""A backup: one file with what makes this installation the one it is, taken while it runs.

    backup.json        format, version, time
    directory.jsonl    the whole directory (directory/bulk/dump.py), whatever database it lies in
    kairan.toml        the configuration, and below tls/ the files that [tls] names
    issuer/*.pem       the issuer's keys; issuer-secret opens those that are in the directory
    trace/*.db         what happened to messages, where it is asked for

a tar file, compressed, of mode 0600: it holds hashes and private keys.

The spool is not in it.  A message lies there until it is delivered, so an old copy would send it a
second time; what is on its way is kept by the disk, and moved with it.
"""

import gzip
import io
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from kairan import __version__
from kairan.config.errors import ConfigError
from kairan.config.model import Configuration
from kairan.directory.bulk.dump import dump, load
from kairan.directory.database.database import Database
from kairan.directory.database.migrate import bring_up_to_date
from kairan.directory.store import Directory
from kairan.runtime.files import private_file
from kairan.runtime.privileges import act_as_oneself, act_as_owner_of
from kairan.spool.sqlite.owner import is_owned

FORMAT = 1
# A key or a certificate; larger is none.
SECRET_OCTETS_MAX = 1024 * 1024
_TLS_SETTINGS = ("certificate", "key", "rsa_certificate", "rsa_key")


@dataclass(frozen=True, slots=True)
class Restored:
    rows: int  # of the directory
    files: tuple[str, ...]  # written
    kept: tuple[str, ...]  # that were there, and stay


def write_backup(configuration: Configuration, file: Path, *, with_trace: bool = False) -> int:
    """How many octets it has.  Whole or not at all; nothing is overwritten.

    Of root the file is root's, and what goes into it is read with the rights of the data's owner,
    whose links in there must lead nowhere else.
    """
    if file.exists():
        raise ConfigError(f"{file} exists already and is not overwritten; choose another name")
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}-", dir=file.parent)  # mode 0600
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as raw:
            with tarfile.open(fileobj=raw, mode="w:gz") as archive:
                act_as_owner_of(configuration.data_directory)
                try:
                    _fill(archive, configuration, with_trace=with_trace)
                finally:
                    act_as_oneself()
            raw.flush()
            os.fsync(raw.fileno())
        draft.rename(file)
    finally:
        draft.unlink(missing_ok=True)
    return file.stat().st_size


def restore(configuration: Configuration, file: BinaryIO) -> Restored:
    """Into the places that the configuration names: the directory is replaced, the issuer's keys and
    the trace are; files that it names are written where there are none.
    """
    check_stopped(configuration)
    with _opened(file) as archive:
        _check_format(archive, file)
        written, kept = _restore_named(archive, configuration)
        rows = _restore_directory(archive, configuration)
        written += _restore_folder(archive, "issuer", configuration.data_directory / "issuer")
        written += _restore_folder(archive, "trace", configuration.trace_directory)
    return Restored(rows, tuple(written), tuple(kept))


def configuration_in(file: BinaryIO) -> bytes:
    """The backup's kairan.toml."""
    with _opened(file) as archive:
        _check_format(archive, file)
        return _content(archive, "kairan.toml")


def _named_files(configuration: Configuration) -> Iterator[tuple[str, Path]]:
    """What the configuration names that is secret, or belongs to a secret, by its name in the archive."""
    paths = {f"tls/{setting}": getattr(configuration.tls, setting) for setting in _TLS_SETTINGS}
    paths["issuer-secret"] = configuration.issuer.keys_secret_file
    yield from ((name, path) for name, path in paths.items() if path is not None)


def check_stopped(configuration: Configuration) -> None:
    """What the service has in memory would be written over what was restored."""
    for shard in sorted((configuration.data_directory / "spool").glob("shard-*")):
        if is_owned(shard):
            raise ConfigError(
                f"the service runs (it holds {shard}); stop it first: systemctl stop kairan"
            )


# Writing.


def _fill(archive: tarfile.TarFile, configuration: Configuration, *, with_trace: bool) -> None:
    facts = {"format": FORMAT, "version": __version__, "time": int(time.time())}
    _add(archive, "backup.json", json.dumps(facts).encode())
    _add_directory(archive, configuration)
    source = configuration.source
    if source is not None:
        _add(archive, "kairan.toml", source.read_bytes())
    for name, path in _named_files(configuration):
        _add(archive, name, path.read_bytes())
    for path in sorted((configuration.data_directory / "issuer").glob("*.pem")):
        _add(archive, f"issuer/{path.name}", path.read_bytes())
    if with_trace:
        for path in sorted(configuration.trace_directory.glob("trace-*.db")):
            _add_sqlite(archive, f"trace/{path.name}", path)


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = len(content), 0o600, int(time.time())
    archive.addfile(member, io.BytesIO(content))


def _add_file(archive: tarfile.TarFile, name: str, path: Path) -> None:
    with path.open("rb") as content:
        member = tarfile.TarInfo(name)
        member.size, member.mode = os.fstat(content.fileno()).st_size, 0o600
        member.mtime = int(time.time())
        archive.addfile(member, content)


def _add_directory(archive: tarfile.TarFile, configuration: Configuration) -> None:
    """By way of a file: tar wants to know its size before."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "directory.jsonl"
        with (
            Directory.open(configuration.directory_url, migrate=False) as directory,
            directory.reading() as connection,
            path.open("wb") as lines,
        ):
            lines.writelines(dump(connection))
        _add_file(archive, path.name, path)


def _add_sqlite(archive: tarfile.TarFile, name: str, path: Path) -> None:
    """SQLite's own backup: one state, though the worker goes on writing."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        with (
            closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
        _add_file(archive, name, copy)


# Reading.


@contextmanager
def _opened(file: BinaryIO) -> Iterator[tarfile.TarFile]:
    try:
        _read_through(file)
        with tarfile.open(fileobj=file, mode="r:gz") as archive:
            yield archive
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        sentence = f"{file.name} is no backup, or was cut ({error}); take another one"
        raise ConfigError(sentence) from error


def _read_through(file: BinaryIO) -> None:
    """To its end, whose checksum says that nothing is missing: before anything is replaced."""
    file.seek(0)
    with gzip.open(file) as whole:
        while whole.read(1024 * 1024):
            pass
    file.seek(0)


def _check_format(archive: tarfile.TarFile, file: BinaryIO) -> None:
    try:
        facts = json.loads(_content(archive, "backup.json"))
        found = facts["format"]
    except (KeyError, ValueError, TypeError) as error:
        raise ConfigError(f"{file.name} is no backup; take a file of `kairan backup`") from error
    if found != FORMAT:
        raise ConfigError(
            f"{file.name} was made by a newer version of Kairan ({facts.get('version')}); install that"
        )


def _content(archive: tarfile.TarFile, name: str) -> bytes:
    """KeyError: there is none."""
    member = archive.getmember(name)
    content = archive.extractfile(member)
    if content is None or member.size > SECRET_OCTETS_MAX:
        raise KeyError(name)
    return content.read()


def _restore_named(
    archive: tarfile.TarFile, configuration: Configuration
) -> tuple[list[str], list[str]]:
    written, kept = [], []
    for name, path in _named_files(configuration):
        if name not in archive.getnames():
            continue
        if path.exists():
            kept.append(str(path))
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        with private_file(path, is_durable=True) as file:
            file.write(_content(archive, name))
        written.append(str(path))
    return written, kept


def _restore_directory(archive: tarfile.TarFile, configuration: Configuration) -> int:
    member = archive.getmember("directory.jsonl")
    lines = archive.extractfile(member)
    assert lines is not None, "written as a file"
    url = configuration.directory_url
    if not url.startswith("sqlite:///"):
        return _load(url, lines)
    # A new file in the place of the old one, so that nothing of the old is left: a WAL beside it
    # would be played into the new.
    path = Path(url.removeprefix("sqlite:///"))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.restoring")
    _remove_sqlite(new)
    try:
        rows = _load(f"sqlite:///{new}", lines)
        _remove_sqlite(path)
        new.rename(path)
    finally:
        _remove_sqlite(new)
    return rows


def _load(url: str, lines: Iterable[bytes]) -> int:
    database = Database(url)
    try:
        bring_up_to_date(database, migrate=True)
        return load(database, lines)
    finally:
        database.close()


def _remove_sqlite(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(f"{path.name}{suffix}").unlink(missing_ok=True)


def _restore_folder(archive: tarfile.TarFile, part: str, folder: Path) -> list[str]:
    """The files of a part; a key or a database of the same name is replaced."""
    written = []
    for member in archive.getmembers():
        name = member.name.removeprefix(f"{part}/")
        if not member.isfile() or name == member.name or "/" in name or name.startswith("."):
            continue
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        content = archive.extractfile(member)
        assert content is not None, "it is a file"
        _remove_sqlite(folder / name)
        with private_file(folder / name, is_durable=True) as file:
            shutil.copyfileobj(content, file)
        written.append(str(folder / name))
    return written
