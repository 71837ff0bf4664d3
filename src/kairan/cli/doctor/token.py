"""kairan doctor token: what is in it, and would the service take it?"""

import asyncio
import logging
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from kairan.auth.tokens.settings import IssuerSettings
from kairan.cli.doctor.options import (
    EXIT_CODES,
    LangOption,
    language,
    print_lines,
    read_standard_input,
    read_text_file,
)
from kairan.cli.errors import BadInputError
from kairan.cli.options import ConfigOption, JsonOption, examples, one_command
from kairan.cli.output import print_json
from kairan.directory.model import Account
from kairan.doctor.token.input import read_input
from kairan.doctor.token.judge import TokenContext, TokenUser, wait_report
from kairan.doctor.token.text import lines_of, record_of
from kairan.doctor.token.verify import verify_with, wait_verified, with_audiences
from kairan.mail.address import key_of
from kairan.mail.role import Role
from kairan.runtime import logs
from kairan.runtime.fetch import HttpFetch

ROLES = tuple(Role)
TOKEN_FILE_OCTETS_MAX = 200_000
JWKS_OCTETS_MAX = 1_000_000


app = one_command()


@app.command(
    "token",
    epilog=examples(
        "kairan doctor token < token.txt",
        "kairan doctor token --file answer.json --user printer@example.com --json",
        "kairan app token erp --user payroll@example.com | kairan doctor token -c kairan.toml",
    ),
    help=(
        "Decode a token, judge each claim, and name the server's answer.\n\n"
        "Takes the token itself, `Bearer …`, an XOAUTH2 line or the token endpoint's JSON, from "
        "standard input or a file; never prints the token or its signature. Keys are fetched "
        f"only where --issuer, --jwks or -c name them.\n\n{EXIT_CODES}"
    ),
)
def token(
    file: Annotated[Path | None, typer.Option(metavar="FILE", help="Where the token is.")] = None,
    user: Annotated[
        str, typer.Option(metavar="ADDRESS", help="The account that shall log in with it.")
    ] = "",
    issuer: Annotated[
        str, typer.Option(metavar="URL", help="Whose tokens are believed; it is asked for keys.")
    ] = "",
    jwks: Annotated[str, typer.Option(metavar="FILE|URL", help="The issuer's keys.")] = "",
    audience: Annotated[
        list[str] | None, typer.Option(metavar="URI", help="In place of Exchange's; repeats.")
    ] = None,
    role: Annotated[
        str, typer.Option(metavar="ROLE", help="The listener's role: hve, client, device.")
    ] = "hve",
    config: ConfigOption = None,
    lang: LangOption = None,
    as_json: JsonOption = False,
) -> None:
    if role not in ROLES:
        raise BadInputError(f"--role is one of {', '.join(ROLES)}")
    given = read_input(_read(file))
    context = _context(user or given.user, issuer, audience or [], Role(role), config)
    if jwks or context.issuers:
        context = replace(context, verify=_verifier(jwks, context.settings))
    report = asyncio.run(wait_report(given, context))
    if as_json:
        print_json(record_of(report, language(lang)))
    else:
        print_lines(lines_of(report, language(lang)))
    raise typer.Exit(int(report.verdict))


def _read(file: Path | None) -> str:
    if file is None:
        return read_standard_input(octets_max=TOKEN_FILE_OCTETS_MAX, what="the token")
    return read_text_file(file, octets_max=TOKEN_FILE_OCTETS_MAX, what="the token")


def _context(
    user: str, issuer: str, audiences: list[str], role: Role, config: Path | None
) -> TokenContext:
    # Only where it was named: a kairan.toml that lies about must not judge a foreign token.
    if config is None:
        account = Account(0, key_of(user), "") if user else None
        known = TokenContext(now=time.time(), user=TokenUser(account, role=role))
    else:
        # The service's own packages need Unix; the doctor runs on Windows, too.
        from kairan.cli.doctor.installation import context_of  # noqa: PLC0415 - see above

        known = context_of(config, user, role)
    named = [IssuerSettings(issuer, account_claim="upn")] if issuer else known.issuers
    return replace(known, issuers=[with_audiences(one, audiences) for one in named])


def _verifier(jwks: str, settings: Any) -> Any:
    logs.set_up(level=logging.WARNING)
    if jwks and "://" not in jwks:
        document = read_text_file(Path(jwks), octets_max=JWKS_OCTETS_MAX, what="the keys").encode()

        async def by_file(_issuer: Any, claimed: Any, text: str) -> Any:
            return verify_with(document, claimed, text)

        return by_file

    async def by_issuer(issuer: Any, claimed: Any, text: str) -> Any:
        place = replace(issuer, jwks_url=jwks) if jwks else issuer
        async with HttpFetch(
            timeout_seconds=settings.fetch_timeout_seconds, octets_max=settings.fetch_octets_max
        ) as fetch:
            return await wait_verified(place, claimed, text, settings, fetch)

    return by_issuer
