"""kairan restore: an installation from its backup."""

from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from kairan.cli.configuration import read_configuration
from kairan.cli.errors import BadInputError
from kairan.cli.options import ConfigOption, JsonOption, examples, one_command
from kairan.cli.output import print_json, say
from kairan.config.backup import configuration_in
from kairan.config.backup import restore as restore_backup
from kairan.config.locate import FILE_NAME
from kairan.runtime.counted import counted

app = one_command()


@app.command(
    "restore",
    epilog=examples(
        "kairan restore kairan.tar.gz -c /etc/kairan/kairan.toml",
        "kairan restore kairan.tar.gz -c ./new/kairan.toml",
    ),
)
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file of `kairan backup`.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Restore a backup.

    Into the installation that the configuration names; where there is none, the backup's is written first.  The directory, the issuer's keys and, if it is in the backup, the trace are replaced; certificates that are there stay.  The service must not run.  A directory in SQLite comes back in PostgreSQL, and the other way round, where the configuration says so.
    """
    place = config or Path(FILE_NAME)
    try:
        opened = file.open("rb")  # before the command of root acts as the data's owner
    except OSError as error:
        raise BadInputError(f"{file} cannot be read ({error.strerror})") from error
    with opened as archive:
        written = _write_configuration(archive, place)
        restored = restore_backup(read_configuration(place), archive)
    if as_json:
        print_json(
            {"rows": restored.rows, "files": [*written, *restored.files], "kept": restored.kept}
        )
        return
    for name in (*written, *restored.files):
        say(f"{name} is written")
    for name in restored.kept:
        say(f"{name} was there and stays")
    say(f"the directory is as it was: {counted(restored.rows, 'row')}")


def _write_configuration(file: BinaryIO, place: Path) -> list[str]:
    if place.exists():
        return []
    content = configuration_in(file)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.touch(mode=0o640)  # it may hold a password
    place.write_bytes(content)
    return [str(place)]
