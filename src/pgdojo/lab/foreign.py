"""A server that is not the lab's own: the one that PGDOJO_PG_DSN names, such as a container or a laptop's PostgreSQL.

A lab gets a database and two roles there, each with a name that nobody else has, and nothing more. It sees no other
database, and all that was made is dropped when the lab ends. The DSN itself stays in the environment; it is written
nowhere.
"""

from __future__ import annotations

import ipaddress
import os
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pgdojo.course.lab_records import Lab, LabStep, Operation
from pgdojo.errors import LabError
from pgdojo.lab import engines

DSN, REMOTE = "PGDOJO_PG_DSN", "PGDOJO_PG_DSN_REMOTE"
LACKS = "dsn:"
"""How a need begins that only a server of the lab's own could meet."""
WAY_OUT = f"unset {DSN}"
"""The command with which labs use servers of their own again."""

_BY_SQL = frozenset({None, "mark", "sleep", "wait", "client_start", "client_stop"})
_OF_ALL = re.compile(
    r"\b(?:(?:create|alter|drop)\s+(?:role|user|group|database|tablespace)|alter\s+system|pg_reload_conf)\b",
    re.IGNORECASE,
)
"""SQL that reaches beyond the lab's own database."""
_LOOKS = {"file": "its files", "log": "its log"}
_SHARED = ("sslmode", "sslrootcert", "sslcrl", "sslnegotiation", "sslsni", "channel_binding", "gssencmode")
"""What the lab's roles need of the DSN beside the address; its user's certificate is not among it."""
_PRELOADED = frozenset({"pg_stat_statements", "auto_explain", "pgaudit"})
_OURS = re.compile(r"pgdojo_[a-z0-9_]{1,55}")
_LOOK_SECONDS = 15
_FIX = f"Mend {DSN}, or {WAY_OUT}."


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What was found at the DSN."""

    version: str
    """As in "16.14"."""
    meets: frozenset[str]
    """Needs of labs that it meets."""
    lacks: tuple[str, ...]
    """Rights that a lab needs and the DSN's role has not."""
    user: str
    address: tuple[tuple[str, str], ...]
    """The parameters of libpq that lead to the server."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Guest:
    """What a lab has on the server: a database, and the roles learner and checker under other names."""

    server: str
    """How the lab calls the server."""
    version: str
    database: str
    learner: str
    checker: str
    address: Mapping[str, str]

    @property
    def port(self) -> int:
        """Where the server listens."""
        return int(self.address["port"])

    def role(self, name: str) -> str:
        """The role that the lab calls `name`."""
        return {"learner": self.learner, "checker": self.checker}.get(name, name)

    def translated(self, text: str) -> str:
        """`text` with the names that roles and database have here."""
        text = re.sub(r"\b(learner|checker)\b", lambda found: self.role(found[1]), text)
        return re.sub(r"(?i)(\bdatabase\s+|\bdatname\s*=\s*')shop\b", rf"\g<1>{self.database}", text)

    def conninfo(self, role: str, database: str, password: str, options: Mapping[str, str]) -> str:
        """How `role` connects; `postgres` is who the DSN names.

        Raises:
            LabError: The database is not the lab's own.
        """
        if database != "shop":
            raise LabError(
                f"On the server of {DSN} there is no other database for the lab than shop.", next_step="Use shop."
            )
        if role == "postgres":
            return make_conninfo(_dsn(), dbname=self.database, connect_timeout=5)
        # no name for the certificate: as libpq's host it would lead elsewhere
        known = {name: value for name, value in options.items() if name != "host"}
        return make_conninfo(
            **{"connect_timeout": "5", **self.address, **known},
            user=self.role(role),
            password=password,
            dbname=self.database,
        )


def concerns(lab: Lab) -> bool:
    """Whether `lab` is to run on the server of the DSN; what the AWS API makes are always servers of its own."""
    return bool(os.environ.get(DSN)) and bool(lab.sandbox.servers)


def lacking(lab: Lab, step: LabStep | None = None) -> list[str]:
    """What the lab needs, and the step where one is given, and the server of the DSN does not give.

    A server that cannot be looked at lacks nothing by that: the start of the lab says what is wrong.
    """
    found = _looked()
    lacks = [LACKS + what for what in _obstacles(lab, found)]
    if step is not None:
        lacks += [LACKS + _LOOKS[kind] for kind in dict.fromkeys(check.kind for check in step.checks) if kind in _LOOKS]
    needs = dict.fromkeys([*lab.needs, *(step.needs if step else ())])
    return lacks + [need for need in needs if found and not _meets(found, need)]


def must_fit(lab: Lab) -> None:
    """Raise LabError where the lab cannot run on the server of the DSN, with all that it would need."""
    lacks = [need.removeprefix(LACKS) for need in lacking(lab)]
    if lacks:
        raise LabError(
            f"The lab {lab.id} needs {', '.join(lacks)}, which the server of {DSN} cannot give.",
            next_step=f"Let it start servers of its own: {WAY_OUT}",
        )


def plan(lab: Lab) -> Guest:
    """What is to be made for `lab`; nothing is made yet.

    Raises:
        LabError: The lab cannot run there, or the DSN leads to no server that can be used.
    """
    found = look()
    must_fit(lab)
    if found.lacks:
        raise LabError(
            f"{found.user}, the role of {DSN}, may not {' or '.join(found.lacks)}.",
            next_step=f"Let a superuser of that server run: ALTER ROLE {found.user} CREATEDB CREATEROLE",
        )
    mark = secrets.token_hex(4)
    return Guest(
        server=lab.sandbox.servers[0].name,
        version=found.version,
        database=f"pgdojo_{lab.id.replace('-', '_')[:40]}_{mark}",
        learner=f"pgdojo_learner_{mark}",
        checker=f"pgdojo_checker_{mark}",
        address=dict(found.address),
    )


def make(guest: Guest, passwords: Mapping[str, str]) -> None:
    """Make the roles and the database of `guest`, and see that both roles can log in.

    Args:
        guest: As planned.
        passwords: Of learner and checker.

    Raises:
        LabError: The server refuses something.
    """
    learner, checker, database = map(sql.Identifier, (guest.learner, guest.checker, guest.database))
    with _connection() as connection:
        for name in ("learner", "checker"):
            role = guest.role(name)
            verifier = connection.pgconn.encrypt_password(passwords[name].encode(), role.encode(), b"scram-sha-256")
            statement = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
            connection.execute(statement.format(sql.Identifier(role), sql.Literal(verifier.decode())))
        # only a member may make somebody the owner, and end that role's sessions
        connection.execute(sql.SQL("GRANT {}, {} TO CURRENT_USER").format(learner, checker))
        # to read what the learner makes, and nothing of other databases, as pg_read_all_data would
        connection.execute(sql.SQL("GRANT {} TO {}").format(learner, checker))
        with suppress(psycopg.errors.InsufficientPrivilege):
            connection.execute(sql.SQL("GRANT pg_read_all_settings TO {}").format(checker))
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, learner))
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
    with _connection(guest.database) as connection:
        with suppress(psycopg.errors.InsufficientPrivilege):  # before 15 it is the superuser's, and open to all
            connection.execute(sql.SQL("ALTER SCHEMA public OWNER TO {}").format(learner))
        for rights in ("SELECT ON TABLES", "SELECT ON SEQUENCES", "USAGE ON SCHEMAS"):
            statement = sql.SQL("ALTER DEFAULT PRIVILEGES GRANT {} TO {}")
            connection.execute(statement.format(sql.SQL(rights), checker))
    for name in ("learner", "checker"):
        _must_let_in(guest, name, passwords[name])


def drop(guest: Guest) -> None:
    """Drop the database and the roles of `guest`; safe to repeat.

    Raises:
        LabError: The server cannot be reached, or refuses.
    """
    names = [guest.database, guest.learner, guest.checker]
    left = f"On {_place(guest.address)} there are still the database {names[0]} and the roles {names[1]} and {names[2]}"
    if not all(_OURS.fullmatch(name) for name in names):
        raise LabError(f"{', '.join(names)}: not all of these are a lab's.", next_step="Drop them by hand.")
    try:
        with _connection() as connection:
            is_the_same = _place(_address(connection)) == _place(guest.address)
            if is_the_same:
                _drop(connection, *names)
    except LabError as cause:
        raise LabError(
            f"{left}: {cause.problem}", next_step=f"With {DSN} set as before, run pgdojo lab clean."
        ) from cause
    if not is_the_same:
        raise LabError(f"{left}, and {DSN} names another server.", next_step=f"Name that one in {DSN}.")


def _drop(connection: psycopg.Connection[Any], database: str, *roles: str) -> None:
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))
    for role in roles:
        connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))


def look() -> Found:
    """Look at the server of the DSN.

    Raises:
        LabError: It cannot be reached, is on another host without leave, is a standby, or is too old.
    """
    with _connection() as connection:
        if connection.info.server_version < 13_00_00:
            raise LabError(f"The server of {DSN} is older than PostgreSQL 13.", next_step=_FIX)
        if _value(connection, "SELECT pg_is_in_recovery()"):
            raise LabError(f"The server of {DSN} is a standby, which takes no writes.", next_step=_FIX)
        rights = connection.execute(
            "SELECT rolsuper OR rolcreatedb, rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        may = dict(zip(("create databases", "create roles"), rights or (False, False), strict=True))
        return Found(
            version=str(_value(connection, "SHOW server_version")).split()[0],
            meets=_met(connection),
            lacks=tuple(right for right, given in may.items() if not given),
            user=connection.info.user,
            address=tuple(_address(connection).items()),
        )


def _looked() -> Found | None:
    with suppress(LabError):
        return _seen(_dsn(), int(time.monotonic() // _LOOK_SECONDS))
    return None


@lru_cache(maxsize=1)
def _seen(dsn: str, _: int) -> Found:  # noqa: ARG001 - another DSN is another look
    return look()


def _met(connection: psycopg.Connection[Any]) -> frozenset[str]:
    extensions = {str(row[0]) for row in connection.execute("SELECT name FROM pg_available_extensions")}
    # whoever may not read it sees no row
    preloaded = _value(connection, "SELECT setting FROM pg_settings WHERE name = 'shared_preload_libraries'") or ""
    loaded = {name.strip() for name in str(preloaded).split(",")} & _PRELOADED
    tls = {"ssl"} if _value(connection, "SHOW ssl") == "on" else set()
    return frozenset((extensions - _PRELOADED) | loaded | tls)


def _meets(found: Found, need: str) -> bool:
    if need.startswith("tool:"):
        return engines.choose([need]) is not None
    return need in found.meets


def _obstacles(lab: Lab, found: Found | None) -> list[str]:
    """What the lab does that SQL in a database of its own cannot do."""
    first = lab.sandbox.servers[0]
    operations = [*lab.sandbox.setup, *(one for step in lab.steps for one in (*step.actions, *step.solution))]
    wanted = {
        "a second server": len(lab.sandbox.servers) > 1,
        "an archive of its WAL": first.archive,
        "a server that does not run yet": not first.start,
        f"PostgreSQL {first.version}": first.version and found and not found.version.startswith(f"{first.version}."),
        # how the log looks is asked for by steps that look into it
        **{f"the setting {name}": True for name in first.settings if not name.startswith("log_")},
        **{what: True for what in map(_beyond, operations) if what},
    }
    return [what for what, is_wanted in wanted.items() if is_wanted]


def _beyond(operation: Operation) -> str:
    if operation.do not in _BY_SQL:
        return str(operation.do)
    found = _OF_ALL.search(operation.sql or "")
    return " ".join(found[0].upper().split()) if found else ""


def _dsn() -> str:
    if found := os.environ.get(DSN):
        return found
    raise LabError(f"{DSN} is not set.", next_step=f"Set {DSN} as it was when the lab was started.")


@contextmanager
def _connection(database: str | None = None) -> Iterator[psycopg.Connection[Any]]:
    """A connection as the DSN says, that commits by itself; what the server refuses becomes a LabError."""
    options: dict[str, Any] = {"connect_timeout": 5, "application_name": "pgdojo"}
    if database:
        options["dbname"] = database
    try:
        given = {name: str(value) for name, value in conninfo_to_dict(_dsn(), **options).items() if value is not None}
    except psycopg.Error:
        # libpq's own words would show a part of it, which may be the password
        raise LabError(f"{DSN} is no connection string of PostgreSQL.", next_step=_FIX) from None
    _must_be_near(given)
    try:
        with psycopg.connect(make_conninfo(**given), autocommit=True) as connection:
            yield connection
    except psycopg.Error as cause:
        said = (str(cause).strip().splitlines() or [type(cause).__name__])[0]
        raise LabError(f"The server of {DSN} refuses: {said}", next_step=_FIX) from cause


def _must_be_near(given: Mapping[str, Any]) -> None:
    if os.environ.get(REMOTE) == "yes":
        return
    named = given.get("hostaddr") or given.get("host") or os.environ.get("PGHOSTADDR") or os.environ.get("PGHOST") or ""
    hosts = str(named).split(",")
    service = given.get("service") or os.environ.get("PGSERVICE")
    if service or not all(map(_is_near, hosts)):
        place = f"the service {service}" if service else ", ".join(hosts)
        raise LabError(
            f"{DSN} leads to {place}, which is not this machine.",
            next_step=f"If labs may make databases and roles there, set {REMOTE}=yes.",
        )


def _is_near(host: str) -> bool:
    if not host or host == "localhost" or host.startswith(("/", "@")):
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


def _address(connection: psycopg.Connection[Any]) -> dict[str, str]:
    info = connection.info
    given = info.get_parameters()
    kept = {name: given[name] for name in _SHARED if name in given}
    host = {"host": info.host, **({"hostaddr": info.hostaddr} if info.hostaddr else {})}
    return {**kept, **host, "port": str(info.port)}


def _place(address: Mapping[str, str]) -> str:
    return f"{address['host']}, port {address['port']}"


def _must_let_in(guest: Guest, role: str, password: str) -> None:
    try:
        psycopg.connect(guest.conninfo(role, "shop", password, {})).close()
    except psycopg.Error as cause:
        said = (str(cause).strip().splitlines() or [""])[-1]
        raise LabError(
            f"The server of {DSN} does not let in a new role with its password: {said}",
            next_step="Allow logins with scram-sha-256 from this machine in its pg_hba.conf.",
        ) from cause


def _value(connection: psycopg.Connection[Any], query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None
