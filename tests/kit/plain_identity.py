"""An identity whose tokens come from nowhere: numbered, and counted when they are refused."""

import time
from dataclasses import dataclass, field

from kairan.mail.reply import Reply
from kairan.outcomes.refusal_class import RefusalClass, refusal_class
from kairan.relay.next_hop import Login
from kairan.smtp.client.login import TokenCredentials


@dataclass
class PlainIdentity:
    user: str = "hve@kairan.test"
    life_seconds: float = 3_600.0
    fault: Reply | None = None  # of the issuer: there is no token
    refused: list[str] = field(default_factory=list)

    async def wait_login(self) -> Login | Reply:
        if self.fault is not None:
            return self.fault
        token = f"token-{len(self.refused)}"
        return Login(TokenCredentials(self.user, token), time.time() + self.life_seconds)

    def may_log_in_again(self, login: Login, refusal: Reply) -> bool:
        if refusal_class(refusal) is not RefusalClass.TOKEN:
            return False
        assert isinstance(login.credentials, TokenCredentials)
        self.refused.append(login.credentials.token)
        return len(self.refused) == 1
