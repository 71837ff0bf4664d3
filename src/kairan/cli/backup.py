"""kairan backup: what makes this installation the one it is, in one file."""

from pathlib import Path
from typing import Annotated

import typer

from kairan.cli.configuration import read_configuration
from kairan.cli.options import ConfigOption, JsonOption, examples, one_command
from kairan.cli.output import print_json, say
from kairan.config.backup import write_backup
from kairan.runtime.counted import counted

app = one_command()


@app.command(
    "backup",
    epilog=examples(
        "kairan backup /var/backups/kairan-$(date +%F).tar.gz",
        "kairan backup kairan.tar.gz --with-trace",
    ),
)
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.")],
    with_trace: Annotated[
        bool, typer.Option("--with-trace", help="What happened to messages, too.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a backup.

    Directory, issuer keys, certificates and configuration in one consistent file, while the service runs.  Not the spool: an old copy of it would send mail a second time.  The file holds hashes and private keys; it is readable by its owner alone.
    """
    configuration = read_configuration(config, as_owner=False)
    octets = write_backup(configuration, file, with_trace=with_trace)
    if as_json:
        print_json({"file": file, "octets": octets, "trace": with_trace})
    else:
        say(f"{file} is written, {counted(octets, 'octet')}")
