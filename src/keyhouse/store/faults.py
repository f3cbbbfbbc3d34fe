"""The border between the databases' errors and ours: nobody outside this room sees an error of SQLAlchemy or of a driver."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from keyhouse.domain.errors import ErrorCode, KeyhouseError

# PostgreSQL's classes: connection exception, insufficient resources, operator intervention, system error; and lock_not_available.
_AWAY = ("08", "53", "57", "58", "55P03")


@contextmanager
def translated() -> Iterator[None]:
    """Turns what a database refuses into `conflict`, and a database that is away, full or busy into `store_unavailable`."""
    try:
        yield
    except PoolTimeout as error:
        raise unavailable("it is busy") from error
    except DBAPIError as error:
        if _is_contradiction(error):
            message = (
                "The change contradicts what is stored: such an object exists already, or one that it needs does not."
            )
            raise KeyhouseError(ErrorCode.CONFLICT, message) from error
        if _is_away(error):
            raise unavailable(reason(error.orig)) from error
        raise
    except StatementError as error:
        # What a column type refuses (types.py) arrives wrapped, as if the statement were at fault.
        if isinstance(error.orig, KeyhouseError):
            raise error.orig from None
        raise


def _is_contradiction(error: DBAPIError) -> bool:
    return isinstance(error, IntegrityError) or sqlstate(error.orig).startswith("23")


def _is_away(error: DBAPIError) -> bool:
    """Whether the database, and not what was asked of it, is at fault."""
    if error.connection_invalidated or isinstance(error, (InterfaceError, OperationalError)):
        return True
    return sqlstate(error.orig).startswith(_AWAY)


def sqlstate(error: BaseException | None) -> str:
    """PostgreSQL's five characters, '' where there are none."""
    details = error.args[0] if error is not None and error.args else None
    return str(details.get("C", "")) if isinstance(details, dict) else ""


def reason(error: BaseException | None) -> str:
    """What the driver says, without the rest of its report."""
    details = error.args[0] if error is not None and error.args else error
    return str(details.get("M", "unknown")) if isinstance(details, dict) else str(details)


def unavailable(why: str) -> KeyhouseError:
    return KeyhouseError(ErrorCode.STORE_UNAVAILABLE, f"The database cannot be used right now: {why}.")
