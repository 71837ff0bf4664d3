"""Who may sign in here."""

from kairan.console.ask import Ask, Page
from kairan.console.shown import time_text


def users_page(ask: Ask) -> Page:
    rows = [
        {"name": one.name, "role": one.role, "created": time_text(one.created)}
        for one in ask.parts.directory.console_users.everyone()
    ]
    return Page("users.html", {"here": "users", "rows": rows})
