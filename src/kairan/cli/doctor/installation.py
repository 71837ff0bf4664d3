"""What `kairan doctor token` judges by where -c FILE names an installation of Kairan."""

import time
from pathlib import Path

from kairan.cli.configuration import read_configuration
from kairan.cli.directory import directory_of
from kairan.directory.model import Account
from kairan.doctor.token.judge import OwnIssuer, TokenContext, TokenUser
from kairan.mail.address import key_of
from kairan.mail.role import Role


def context_of(config: Path, user: str, role: Role) -> TokenContext:
    configuration = read_configuration(config)
    account = None
    with directory_of(configuration) as directory:
        if user:
            # One that is not there allows nothing.
            account = directory.account(user) or Account(0, key_of(user), "", enabled=False)
        trust = directory.trust()
    return TokenContext(
        now=time.time(),
        issuers=configuration.auth.issuers,
        settings=configuration.auth.tokens,
        user=TokenUser(account, account is not None, role),
        own=OwnIssuer(configuration.own_issuer, trust),
    )
