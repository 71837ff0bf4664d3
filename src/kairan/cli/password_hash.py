"""What is stored of a password that somebody chose; apart from password.py, for most commands that
read one hash nothing, and Argon2 takes its time to import.
"""

from kairan.auth.passwords.hashing import hash_password, password_fault
from kairan.auth.settings import AuthSettings
from kairan.cli.errors import BadInputError


def hashed(password: str, name: str, settings: AuthSettings) -> str:
    """`name`: of whom it opens something, which it must not say.  Raises BadInputError for a password
    that must not be.
    """
    if fault := password_fault(password, address=name, settings=settings):
        raise BadInputError(f"{fault.en}; choose another one, or --generate")
    return hash_password(password, settings)
