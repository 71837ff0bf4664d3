"""Numbers with their noun, for sentences and lines that people read."""


def counted(number: int, what: str, form: str = "") -> str:
    """`1 mailbox`, `2 mailboxes`, `0 entries`; of several words the last one has the plural.

    `form`: of the number, as `format` has it.
    """
    if number == 1:
        return f"1 {what}"
    if what.endswith(("s", "x", "ch", "sh")):
        plural = f"{what}es"
    elif what.endswith("y") and not what.endswith(("ay", "ey", "oy")):
        plural = f"{what[:-1]}ies"
    else:
        plural = f"{what}s"
    return f"{number:{form}} {plural}"
