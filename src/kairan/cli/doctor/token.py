"""kairan doctor token: what is in it, and would the service take it?"""

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kairan.cli.configuration import read_configuration
from kairan.cli.directory import directory_of
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

if TYPE_CHECKING:
    from kairan.config.model import Configuration
    from kairan.directory.model import Account, Trust
    from kairan.doctor.token.input import TokenInput
    from kairan.doctor.token.judge import Bench, TokenReport

ROLES = ("hve", "client", "device")
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
        str, typer.Option(metavar="ROLE", help="The door: hve, client, device.")
    ] = "hve",
    config: ConfigOption = None,
    lang: LangOption = None,
    as_json: JsonOption = False,
) -> None:
    import asyncio

    from kairan.doctor.token.input import read_input
    from kairan.doctor.token.text import lines_of, record_of

    if role not in ROLES:
        raise BadInputError(f"--role is one of {', '.join(ROLES)}")
    given = read_input(_read(file))
    # Only where it was named: a kairan.toml that lies about must not judge a foreign token.
    configuration = read_configuration(config) if config else None
    bench = _bench(given, user, issuer, jwks, audience or [], role, configuration)
    report = asyncio.run(_report(given, bench))
    if as_json:
        print_json(record_of(report, language(lang)))
    else:
        print_lines(lines_of(report, language(lang)))
    raise typer.Exit(int(report.verdict))


def _read(file: Path | None) -> str:
    if file is None:
        return read_standard_input(octets_max=TOKEN_FILE_OCTETS_MAX, what="the token")
    return read_text_file(file, octets_max=TOKEN_FILE_OCTETS_MAX, what="the token")


async def _report(given: "TokenInput", bench: "Bench") -> "TokenReport":
    from kairan.doctor.token.judge import wait_report

    return await wait_report(given, bench)


def _bench(
    given: "TokenInput",
    user: str,
    issuer: str,
    jwks: str,
    audience: list[str],
    role: str,
    configuration: "Configuration | None",
) -> "Bench":
    from dataclasses import replace

    from kairan.auth.tokens.settings import IssuerSettings, TokenSettings
    from kairan.doctor.token.judge import Bench
    from kairan.doctor.token.verify import with_audiences

    is_url = "://" in jwks
    named = IssuerSettings(issuer, jwks_url=jwks if is_url else "", account_claim="upn")
    issuers = [named] if issuer else []
    if configuration and not issuers:
        issuers = list(configuration.auth.issuers)
    account, known = _account(user or given.user, configuration)
    settings = configuration.auth.tokens if configuration else TokenSettings()
    bench = Bench(
        now=time.time(),
        issuers=[with_audiences(one, audience) for one in issuers],
        settings=settings,
        account=account,
        account_known=known,
        role=role,
        trust=_trust(configuration),
        own_issuer=configuration.own_issuer if configuration else "",
    )
    if jwks or issuers:
        return replace(bench, verify=_verifier(jwks, settings))
    return bench


def _account(user: str, configuration: "Configuration | None") -> "tuple[Account | None, bool]":
    """Whether its list of allowed apps is known, too."""
    from kairan.directory.model import Account
    from kairan.mail.address import key_of

    if not user:
        return None, False
    if configuration is None:
        return Account(0, key_of(user), ""), False
    with directory_of(configuration) as directory:
        found = directory.account(user)
    # One that is not there allows nothing.
    return found or Account(0, key_of(user), "", enabled=False), True


def _trust(configuration: "Configuration | None") -> "Trust":
    from kairan.directory.model import Trust

    if configuration is None:
        return Trust()
    with directory_of(configuration) as directory:
        return directory.trust()


def _verifier(jwks: str, settings: Any) -> Any:
    from dataclasses import replace

    from kairan.doctor.token.verify import verify_with, wait_verified
    from kairan.runtime import logs
    from kairan.runtime.fetch import HttpFetch

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
