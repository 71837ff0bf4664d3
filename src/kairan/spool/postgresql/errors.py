"""What went wrong between us and PostgreSQL: which errors mean what, and in which sentence."""

import asyncio

import asyncpg

from kairan.runtime.operator_error import OperatorError


class SpoolDatabaseError(OperatorError):
    """The database cannot be our spool as it is; the sentence ends with what to do."""


class ServerAwayError(SpoolDatabaseError):
    """No server takes writes now; it may later, and nothing has to be corrected for it."""


class Fenced(Exception):  # noqa: N818 - what others did, not a defect of ours
    """Our epoch was silent for too long: its leases are others' by now."""


# The connection is of no more use, and whether the last statement took effect is not known.
LOST = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TooManyConnectionsError,
    # A primary that has become a standby: the other one is to be looked for.
    asyncpg.ReadOnlySQLTransactionError,
)
# PostgreSQL has undone all of it, and the same may well succeed at once.
AGAIN = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.LockNotAvailableError)
ANY = (*LOST, asyncpg.PostgresError)
_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # it starts, or stops
    asyncpg.TooManyConnectionsError,
)


def text_of(error: BaseException) -> str:
    if isinstance(error, asyncpg.QueryCanceledError | TimeoutError | asyncio.TimeoutError):
        return "PostgreSQL did not answer in time"
    return str(error).strip() or type(error).__name__


def start_error(error: BaseException, place: str) -> SpoolDatabaseError:
    """Of a start, in one sentence; `place` is the URL without its login."""
    is_away = isinstance(error, _AWAY) or _is_no_primary(error)
    kind = ServerAwayError if is_away else SpoolDatabaseError
    return kind(f"spool.url {place}: {_sentence(error)}")


def _sentence(error: BaseException) -> str:
    match error:
        case asyncpg.TooManyConnectionsError():
            return (
                "the server has no connection left; raise its max_connections, a worker needs six"
            )
        case asyncpg.ReadOnlySQLTransactionError():
            return "the database is read-only; name its primary, or make it take writes"
        case asyncpg.InvalidCatalogNameError():
            return "there is no such database; make it with createdb"
        case asyncpg.InvalidAuthorizationSpecificationError():
            return f"the server does not let us in ({text_of(error)}); correct user and password"
        case asyncpg.InsufficientPrivilegeError():
            return f"{text_of(error)}; grant CREATE on the database to the user of the URL"
        case asyncpg.InterfaceError() | asyncpg.InternalClientError() if _is_no_primary(error):
            return "none of the servers takes writes; name the primary, or wait for a new one"
        case OSError() | TimeoutError():
            return f"no server answers ({text_of(error)}); start it, or correct the URL"
        case _:
            return text_of(error)


def _is_no_primary(error: BaseException) -> bool:
    return type(error).__name__ == "TargetServerAttributeNotMatched"
