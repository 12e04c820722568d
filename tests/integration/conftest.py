"""Places for journals: `place` runs a test on SQLite and on PostgreSQL, the others on one of them."""

from __future__ import annotations

import uuid

import pytest
from databases import SqlitePlace, a_database, a_server, drop, empty


@pytest.fixture(scope="session")
def postgresql():
    """A server that runs as long as the tests do."""
    with a_server() as server:
        yield server


@pytest.fixture(scope="session")
def shared_place(postgresql):
    """A journal on the server that several tests use in turn."""
    return a_database(postgresql, "shared")


@pytest.fixture
def server_place(postgresql):
    """A journal on the server that no other test sees."""
    place = a_database(postgresql, f"j_{uuid.uuid4().hex[:12]}")
    yield place
    drop(place)


@pytest.fixture
def bare_place(postgresql):
    """A database without tables on the server."""
    place = a_database(postgresql, f"b_{uuid.uuid4().hex[:12]}", template="template0")
    yield place
    drop(place)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def place(request, tmp_path):
    """An empty place for a journal, once on each database."""
    if request.param == "sqlite":
        return SqlitePlace(tmp_path / "journal.sqlite3")
    shared = request.getfixturevalue("shared_place")
    empty(shared)
    return shared


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def untouched(request, tmp_path):
    """A place where no table was ever made, once on each database."""
    if request.param == "sqlite":
        return SqlitePlace(tmp_path / "journal.sqlite3")
    return request.getfixturevalue("bare_place")
