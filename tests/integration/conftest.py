"""Places for journals, where `place` runs a test on SQLite and on PostgreSQL; and a Dojo for the tests of pages."""

from __future__ import annotations

import uuid

import pytest
import streamlit as st
from databases import SqlitePlace, a_database, a_server, drop, empty

from pgdojo.learner.journal import Journal
from pgdojo.web import resources


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


@pytest.fixture
def journal(tmp_path):
    """An empty journal in a file."""
    with Journal.open(f"sqlite:///{tmp_path / 'journal.sqlite3'}") as opened:
        yield opened


@pytest.fixture
def served(monkeypatch):
    """Serves a Dojo to the pages of this test."""

    def serve(dojo):
        monkeypatch.setattr(resources, "_open_course", lambda _report: dojo)
        st.cache_resource.clear()
        return dojo

    yield serve
    st.cache_resource.clear()
