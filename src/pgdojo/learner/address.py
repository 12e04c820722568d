"""Where the journal is: its address read, and named for people without its password."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_data_dir
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from pgdojo.errors import JournalError

ADDRESS_VARIABLE = "PGDOJO_DATABASE_URL"

ELSEWHERE = f"set {ADDRESS_VARIABLE} to another place, such as sqlite:////home/you/journal.sqlite3."

DRIVER = "postgresql+psycopg"
_POSTGRESQL = frozenset({"postgres", "postgresql", DRIVER})

_SHOWN = frozenset({"host", "port", "dbname", "user", "service"})
"""What of an address's query tells the place; among the rest may be a password."""


def find(url: str | None) -> URL:
    """Say where the journal is: at `url`, else where the environment says, else in the user's data folder.

    Raises:
        JournalError: The address cannot be read, names no file that could keep anything, or a database of another kind.
    """
    given = url or os.environ.get(ADDRESS_VARIABLE)
    if not given:
        return URL.create("sqlite", database=str(Path(user_data_dir("pgdojo"), "journal.sqlite3")))
    address = _read(given)
    if address.get_backend_name() == "sqlite":
        return _file(address)
    if address.drivername not in _POSTGRESQL:
        raise JournalError(
            f"The journal cannot be kept in {address.drivername}.",
            next_step=f"Let {ADDRESS_VARIABLE} begin with postgresql:// or sqlite:///.",
        )
    return address.set(drivername=DRIVER)


def place_of(address: URL) -> str:
    """Name the place for people: a path, or an address without its password."""
    if address.get_backend_name() == "sqlite":
        return str(address.database)
    shown = {name: value for name, value in address.query.items() if name in _SHOWN}
    return address.set(drivername="postgresql", query=shown).render_as_string(hide_password=True)


def _read(given: str) -> URL:
    try:
        address = make_url(given)
    except (ArgumentError, ValueError):
        address = None
    # A password with an @ that is not written as %40 ends up in the host, and would be shown with it.
    if address is None or "@" in (address.host or ""):
        # Neither the text nor the cause is shown: both may hold a password.
        raise JournalError(
            "The journal's address cannot be read.",
            next_step=f"Leave {ADDRESS_VARIABLE} empty, write signs such as @ / : in its password as %40 %2F %3A, "
            f"or {ELSEWHERE}",
        ) from None
    return address


def _file(address: URL) -> URL:
    if not address.database or address.database == ":memory:" or address.database.startswith("file:"):
        raise JournalError(
            f"The journal's address {address} names no file that keeps what is stored.",
            next_step=f"To mend it, {ELSEWHERE}",
        )
    return URL.create("sqlite", database=str(Path(address.database).expanduser().absolute()))
