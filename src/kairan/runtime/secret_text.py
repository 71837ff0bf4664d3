"""URLs without what is secret in them: what is printed ends up in tickets."""

import re

# To the last `@`: a password may hold `@`, `/` and `:`, and so may a user's name.
_LOGIN = re.compile(r"://.*@", re.DOTALL)
_IN_QUERY = re.compile(r"([?&][^=&]*(?:password|passwd|secret|token)[^=&]*=)[^&#]*", re.IGNORECASE)
_FILE = re.compile(r"_file=$", re.IGNORECASE)


def without_login(url: str) -> str:
    shown = _LOGIN.sub("://***@", url)
    return _IN_QUERY.sub(
        lambda found: found[0] if _FILE.search(found[1]) else f"{found[1]}***", shown
    )
