"""What is done to a sandbox: SQL, calls of the AWS API, and the operations of docs/labs.md."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from pgdojo.course.lab_records import Operation
from pgdojo.errors import LabError
from pgdojo.lab import client, kerberos, processes, tls
from pgdojo.lab.engines import advice, newest
from pgdojo.lab.safe_sql import SqlFailedError, try_login
from pgdojo.lab.server import (
    LOOPBACK,
    SUPERUSER,
    Server,
    first_line,
    free_port,
    refuse_settings,
    remove,
    time_limit,
)

if TYPE_CHECKING:
    from pgdojo.lab.sandbox import Sandbox

_SQL_SECONDS = 60.0
_WAIT_SECONDS = 30.0
_RECOVERY_SECONDS = 60.0
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,40}")
_UNTIL = "Name a time stamp with its zone, such as 2026-01-31T12:00:00+00:00, or a moment that was marked."
_PIECE = re.compile(
    r"""--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|"(?:[^"]|"")*"|(?P<tag>\$(?:[A-Za-z_]\w*)?\$).*?(?P=tag)|;|[^;'"$/-]+|.""",
    re.DOTALL,
)
_HARMLESS = "transaction_timeout"
"""A setting that new tools write into a dump, and that servers before 17 do not know."""


def perform(sandbox: Sandbox, operation: Operation, *, role: str) -> str:
    """Do `operation` and say in a line what happened.

    Args:
        sandbox: What it is done to.
        operation: What is done.
        role: Who runs SQL that does not say who.

    Raises:
        LabError: It failed, or did not fail as its `fails` asks.
    """
    try:
        said = _carry_out(sandbox, operation, role)
    except LabError as cause:
        if operation.fails and re.search(operation.fails, str(cause)):
            return f"Refused, as it should be: {cause.problem}"
        raise
    if operation.fails:
        raise LabError(f"This had to fail, and did not: {_in_words(operation)}.", next_step="See what let it through.")
    return said


def statements(text: str) -> Iterator[str]:
    """The statements of an SQL text, cut at the semicolons that end one."""
    current = ""
    for found in _PIECE.finditer(text):
        piece = found[0]
        if piece == ";":
            if _has_content(current):
                yield current.strip()
            current = ""
        else:
            current += piece
    if _has_content(current):
        yield current.strip()


def settings_of(sandbox: Sandbox, name: str) -> dict[str, str]:
    """The configuration of a server, as the lab asks for it."""
    entry = sandbox.entry(name)
    archive = sandbox.server(name).archive_settings(entry["archive_seconds"]) if entry["archive"] else {}
    return {**archive, **entry["settings"]}


def _carry_out(sandbox: Sandbox, operation: Operation, role: str) -> str:
    if operation.aws:
        return _call_aws(sandbox, operation)
    if operation.do is None:
        return _run_sql(sandbox, operation, operation.role or role)
    if operation.do == "wait":
        return _wait(sandbox, operation, operation.role or role)
    if operation.do in _ON_EACH:
        return " ".join(_ON_EACH[operation.do](sandbox, name) for name in _servers(operation))
    return _OPERATIONS[operation.do](sandbox, operation)


def _run_sql(sandbox: Sandbox, operation: Operation, role: str) -> str:
    said = []
    for name in _servers(operation):
        rows = _execute(sandbox, name, role, operation)
        said.append(f"{name}: done{rows}.")
    return " ".join(said)


def _execute(sandbox: Sandbox, name: str, role: str, operation: Operation) -> str:
    limit = operation.seconds or _SQL_SECONDS
    text = sandbox.fill(operation.sql or "")
    try:
        with (
            sandbox.session(name, role, operation.database) as connection,
            time_limit(connection, limit) as cancelled,
        ):
            rows = ""
            for statement in statements(text):
                cursor = connection.execute(statement.encode())
                rows = f", {cursor.rowcount} rows" if cursor.description else ""
    except psycopg.Error as cause:
        late = f" (it was ended after {limit:g} s)" if isinstance(cause, psycopg.errors.QueryCanceled) else ""
        raise LabError(f"{name}, as {role}: {_sql_error(cause)}{late}") from cause
    if cancelled.is_set():
        raise LabError(f"{name}, as {role}: a commit waited for more than {limit:g} s.", next_step="See its standbys.")
    return rows


def _sql_error(cause: psycopg.Error) -> str:
    return f"{cause.sqlstate}: {first_line(cause)}" if cause.sqlstate else first_line(cause)


def _call_aws(sandbox: Sandbox, operation: Operation) -> str:
    call = operation.aws or ""
    params = _filled(sandbox, operation.params)
    try:
        answer = sandbox.small_rds().call(call, params)
    except LabError:
        raise
    except Exception as cause:  # botocore makes its classes of errors at run time
        raise LabError(f"{call}: {first_line(cause)}") from cause
    for name, path in operation.keep.items():
        sandbox.remember(name, _part(answer, path, call))
    return f"{call}: done."


def _part(answer: Any, path: str, call: str) -> str:
    import jmespath

    found = jmespath.search(path, answer)
    if found is None:
        raise LabError(f"The answer of {call} has no {path}.", next_step="See the answer's shape in boto3's documents.")
    return str(found)


def _filled(sandbox: Sandbox, value: Any) -> Any:
    if isinstance(value, str):
        return sandbox.fill(value)
    if isinstance(value, dict):
        return {name: _filled(sandbox, part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_filled(sandbox, part) for part in value]
    return value


def _wait(sandbox: Sandbox, operation: Operation, role: str) -> str:
    limit = operation.seconds or _WAIT_SECONDS
    text = sandbox.fill(operation.sql or "SELECT true")
    until = time.monotonic() + limit
    for name in _servers(operation):
        while not _is_true(sandbox, name, role, operation.database, text):
            if time.monotonic() > until:
                raise LabError(f"{name}: {text} did not become true within {limit:g} s.", next_step="See its log.")
            time.sleep(0.2)
    return "It has come."


def _is_true(sandbox: Sandbox, name: str, role: str, database: str, text: str) -> bool:
    try:
        with sandbox.session(name, role, database) as connection, time_limit(connection, 5):
            row = connection.execute(text.encode()).fetchone()
    except psycopg.Error:
        return False
    return row is not None and str(row[0]).lower() not in {"false", "f", "0", "none", ""}


# --- what is done to each server ---


def _start(sandbox: Sandbox, name: str) -> str:
    sandbox.bring_up(name)
    return f"{name} runs."


def _stop(sandbox: Sandbox, name: str) -> str:
    sandbox.server(name).stop()
    return f"{name} is stopped."


def _restart(sandbox: Sandbox, name: str) -> str:
    sandbox.server(name).stop()
    sandbox.bring_up(name)
    return f"{name} was restarted."


def _reload(sandbox: Sandbox, name: str) -> str:
    sandbox.server(name).reload()
    return f"{name} has read its configuration again."


def _kill(sandbox: Sandbox, name: str) -> str:
    if ":" in name:
        sandbox.small_rds().kill(name)
    else:
        sandbox.server(name).kill()
    return f"{name} was killed, with all its processes."


def _promote(sandbox: Sandbox, name: str) -> str:
    started = time.monotonic()
    server = sandbox.server(name)
    server.promote()
    sandbox.note(name, follows=None, synchronous=False, joined=False, prepared=True)
    return f"{name} is a primary after {time.monotonic() - started:.1f} s."


def _cut(sandbox: Sandbox, name: str) -> str:
    server = _standby(sandbox, name)
    server.alter({"primary_conninfo": ""})
    server.becomes_true("SELECT count(*) = 0 FROM pg_stat_wal_receiver", 10)
    return f"{name} gets nothing from its primary any more."


def _mend(sandbox: Sandbox, name: str) -> str:
    server = _standby(sandbox, name)
    source = sandbox.server(sandbox.entry(name)["follows"])
    server.alter({"primary_conninfo": server.upstream(source)})
    if not server.becomes_true("SELECT count(*) > 0 FROM pg_stat_wal_receiver WHERE status = 'streaming'", 15):
        raise LabError(
            f"{name} does not stream from {source.name} again.", next_step=f"See whether {source.name} runs."
        )
    return f"{name} streams from {source.name} again."


def _standby(sandbox: Sandbox, name: str) -> Server:
    server = sandbox.server(name)
    server.must_run()
    if not server.follows():
        raise LabError(f"{name} is no standby.", next_step="Name a standby.")
    return server


# --- what has arguments of its own ---


def _set(sandbox: Sandbox, operation: Operation) -> str:
    settings = {name: sandbox.fill(value) for name, value in operation.settings.items()}
    refuse_settings(settings)
    for name in _servers(operation):
        server = sandbox.server(name)
        server.alter(settings)
        if operation.restart:
            server.stop()
            server.start()
    return f"Set: {', '.join(settings)}."


def _tls(sandbox: Sandbox, operation: Operation) -> str:
    host = _given(operation.name, "name")
    for name in _servers(operation):
        server = sandbox.server(name)
        if "ssl" not in server.engine.meets:
            raise LabError(
                f"PostgreSQL {server.engine.version} of {name} was built without TLS.", next_step=advice("ssl")
            )
        server.must_run()
        certificate, key = tls.certify(sandbox.folder / "tls", host)
        for source, target in ((certificate, "server.crt"), (key, "server.key")):
            shutil.copy2(source, server.data / target)
            server.guise.own(server.data / target)
        server.admit(only_tls=operation.force)
        server.alter({"ssl": "on"})
        sandbox.note(name, host=host)
    return f"TLS is on, with a certificate for {host}; its CA is tls/ca.pem."


def _kdc(sandbox: Sandbox, operation: Operation) -> str:
    host, realm = _given(operation.name, "name"), _given(operation.realm, "realm")
    kerberos.establish(sandbox.folder, realm, operation.principals, free_port())
    for name in _servers(operation):
        server = sandbox.server(name)
        if "gss" not in server.engine.meets:
            raise LabError(
                f"PostgreSQL {server.engine.version} of {name} was built without Kerberos.", next_step=advice("gss")
            )
        server.must_run()
        keytab = kerberos.enrol(sandbox.folder, f"postgres/{host}")
        server.guise.own(keytab)
        server.alter({"krb_server_keyfile": str(keytab)})
        server.admit(first=kerberos.rules(realm, force=operation.force))
        sandbox.note(name, host=host)
        _restart(sandbox, name)
    return f"The KDC of {realm} runs, and knows the service postgres/{host}."


def _ticket(sandbox: Sandbox, operation: Operation) -> str:
    if operation.destroy:
        kerberos.drop_ticket(sandbox.folder)
        return "There is no ticket any more."
    principal = _given(operation.role, "as")
    kerberos.take_ticket(sandbox.folder, principal)
    return f"The ticket at hand is that of {principal}."


def _login(sandbox: Sandbox, operation: Operation) -> str:
    name, role = _one(operation), operation.role or "learner"
    options = {key: sandbox.fill(value) for key, value in operation.settings.items()}
    password = options.pop("password", "right" if role in {"learner", "checker"} else "")
    conninfo = sandbox.conninfo(name, role, database=operation.database, password=password, **options)
    asked = list(statements(sandbox.fill(operation.sql or "SELECT 1")))
    try:
        try_login(conninfo, kerberos.variables(sandbox.folder) or {"LC_ALL": "C"}, asked)
    except SqlFailedError as cause:
        raise LabError(f"{name}, as {role}: {cause}", next_step="Read the refusal.") from cause
    return f"{role} was logged in to {name}."


def _backup(sandbox: Sandbox, operation: Operation) -> str:
    server = sandbox.server(_one(operation))
    name = _name(operation.to)
    sandbox.must_have_room()
    server.must_run()
    started = time.monotonic()
    target = sandbox.folder / "backups" / name
    remove(target)
    server.base_backup(target)
    sandbox.note_backup(name, server.name)
    return f"backups/{name} was taken from {server.name} in {time.monotonic() - started:.1f} s."


def _restore(sandbox: Sandbox, operation: Operation) -> str:
    backup, name = _name(operation.source), _name(operation.to)
    taken = sandbox.backup(backup)
    until = _moment(sandbox.fill(operation.until), taken["ended"]) if operation.until else None
    source = sandbox.server(taken["server"])
    _archive_all(source)
    if sandbox.has(name) and sandbox.entry(name)["restored"]:
        sandbox.drop(name)  # the one before was a try
    # as on RDS, a restored server has the default settings; but without the source's limits it could not read its WAL
    settings = {key: value for key, value in sandbox.entry(source.name)["settings"].items() if key.startswith("max_")}
    server = sandbox.add(name, source.engine, restored=True, prepared=True, settings=settings)
    try:
        _recover(sandbox, server, sandbox.folder / "backups" / backup, source.archive, until)
    except LabError:
        sandbox.drop(name)
        raise
    return f"{name} was restored from {backup}" + (f" up to {until}." if until else ", up to the end of the archive.")


def _recover(sandbox: Sandbox, server: Server, backup: Path, archive: Path, until: str | None) -> None:
    shutil.copytree(backup, server.data)
    server.data.chmod(0o700)
    (server.data / "recovery.signal").touch()
    server.guise.own(server.data)
    # what the source was told at run time is not the copy's: least of all, to wait for a standby
    server.forget("(?!max_)[a-z_.]+")
    own = settings_of(sandbox, server.name)
    server.configure({**own, "archive_mode": "off", **server.recovery_settings(archive, until)})
    server.admit()
    server.start()
    recovered = server.becomes_true("SELECT NOT pg_is_in_recovery()", _RECOVERY_SECONDS)
    time.sleep(1)  # a server that cannot reach its target has said before that it runs
    if not recovered or not server.running():
        last = sandbox.log_lines(server.name, "FATAL|ERROR|recovery stopping")[-1:]
        raise LabError(
            f"{server.name} could not be recovered: {' '.join(last) or 'it takes too long'}",
            next_step="Choose a time between the end of the backup and the last change that was archived.",
        )


def _archive_all(source: Server) -> None:
    """Bring into the archive all that has happened, and a commit after it, at which a recovery may stop."""
    if not source.running() or source.follows() or source.value("SELECT current_setting('archive_mode')") == "off":
        return
    with source.connect() as connection:
        connection.execute("SELECT pg_logical_emit_message(true, 'pgdojo', 'a restore begins')")
        row = connection.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchone()
        wanted = str(row[0]) if row else ""
        until = time.monotonic() + 10
        while time.monotonic() < until:
            last = connection.execute("SELECT last_archived_wal FROM pg_stat_archiver").fetchone()
            if last and last[0] and str(last[0]) >= wanted:
                return
            time.sleep(0.1)


def _moment(text: str, earliest: str) -> str:
    """The time stamp in `text` as PostgreSQL reads it; between the end of the backup, `earliest`, and now."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as cause:
        raise LabError(f"{text!r} is no time that can be restored to.", next_step=_UNTIL) from cause
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    if moment > datetime.now(UTC):
        raise LabError(f"{text} lies in the future.", next_step=_UNTIL)
    if moment < datetime.fromisoformat(earliest):
        raise LabError(f"{text} lies before the end of the backup, {earliest}.", next_step="Take a later time.")
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00")


def _rejoin(sandbox: Sandbox, operation: Operation) -> str:
    name, to = _one(operation), _given(operation.to, "to")
    server, source = sandbox.server(name), sandbox.server(to)
    source.must_run()
    if source.follows() or name == to:
        raise LabError(f"{to} is no other primary.", next_step="Name the new primary in `to`.")
    if server.engine.major != source.engine.major:
        raise LabError(f"{name} and {to} are not of one major version.", next_step="Use servers of the same version.")
    server.stop()
    server.tidy()
    how = "by pg_rewind"
    settings = settings_of(sandbox, name)
    try:
        server.run("pg_rewind", "-D", server.data, "--source-server", source.conninfo(), "--no-sync")
    except LabError:
        how = "from a new base backup"
        remove(server.data)
        server.clone(source, settings)
    server.configure(settings)  # pg_rewind has brought the source's
    server.follow(source)
    server.guise.own(server.data)
    sandbox.note(name, follows=to, synchronous=False, joined=False)
    server.start()
    if not server.becomes_true("SELECT count(*) > 0 FROM pg_stat_wal_receiver WHERE status = 'streaming'", 20):
        raise LabError(f"{name} does not stream from {to}.", next_step=f"See the log of {name}.")
    return f"{name} follows {to} now, {how}."


def _mark(sandbox: Sandbox, operation: Operation) -> str:
    name = _given(operation.name, "name")
    moment = datetime.now(UTC).isoformat()
    sandbox.remember(name, moment)
    return f"{name} is {moment}."


def _client_start(sandbox: Sandbox, operation: Operation) -> str:
    _end_client(sandbox)
    client.aim(sandbox.folder, [sandbox.conninfo(name) for name in _servers(operation)])
    processes.spawn(sandbox.folder, client.WHAT, "pgdojo.lab.client")
    until = time.monotonic() + 8
    while time.monotonic() < until:
        ledger = client.read_ledger(sandbox.folder)
        if ledger.acknowledged or not ledger.running:
            break
        time.sleep(0.1)
    return "The client writes." if ledger.acknowledged else "The client runs, and no row was acknowledged so far."


def _client_stop(sandbox: Sandbox, operation: Operation) -> str:  # noqa: ARG001 - the shape of all operations
    _end_client(sandbox)
    ledger = client.read_ledger(sandbox.folder)
    lost = "unknown" if ledger.lost is None else ledger.lost
    return f"The client has stopped: {ledger.acknowledged} rows acknowledged, {lost} lost."


def _end_client(sandbox: Sandbox) -> None:
    processes.end(processes.remembered(sandbox.folder, client.WHAT), seconds=6)


def _dump(sandbox: Sandbox, operation: Operation) -> str:
    server = sandbox.server(_one(operation))
    sandbox.must_have_room()
    server.must_run()
    engine = newest("pg_dump", server.engine.version) or server.engine
    path = _dump_path(sandbox, operation.to)
    server.run("pg_dump", "-Fc", "-f", path, *_connection(server, operation.database), engine=engine)
    return f"{path.relative_to(sandbox.folder)} was written by pg_dump {engine.version}."


def _load(sandbox: Sandbox, operation: Operation) -> str:
    server = sandbox.server(_one(operation))
    path = _dump_path(sandbox, operation.source)
    if not path.is_file():
        raise LabError(f"There is no dump {path.stem}.", next_step="Write one first.")
    server.must_run()
    engine = newest("pg_restore", server.engine.version) or server.engine
    command: list[str | Path] = [engine.tool("pg_restore"), *_connection(server, operation.database), path]
    done = server.guise.run(command, folder=sandbox.folder, password=server.password, seconds=120)
    errors = [line for line in done.stderr.splitlines() if " error: " in line and _HARMLESS not in line]
    if done.returncode != 0 and (errors or _HARMLESS not in done.stderr):
        raise LabError(f"pg_restore failed on {server.name}: {(errors or [done.stderr.strip()])[0]}")
    return f"{path.name} was loaded into {server.name} by pg_restore {engine.version}."


def _dump_path(sandbox: Sandbox, name: str | None) -> Path:
    return sandbox.folder / "dumps" / f"{_name(name)}.dump"


def _connection(server: Server, database: str) -> tuple[str, ...]:
    return ("-h", LOOPBACK, "-p", str(server.port), "-U", SUPERUSER, "-d", database)


def _upgrade(sandbox: Sandbox, operation: Operation) -> str:
    old = sandbox.server(_given(operation.source, "from"))
    new = sandbox.server(_given(operation.to, "to"))
    for server in (old, new):
        server.must_rest()
    if new.engine.major <= old.engine.major:
        raise LabError(f"{new.name} is not of a newer version than {old.name}.", next_step="Name a newer one in `to`.")
    if sandbox.entry(new.name)["prepared"]:
        raise LabError(f"{new.name} is not empty.", next_step="Name a server that was never started in `to`.")
    with _sockets(old) as sockets:
        new.run(
            "pg_upgrade",
            *("-b", old.engine.bin, "-B", new.engine.bin, "-d", old.data, "-D", new.data, "-U", SUPERUSER),
            *("-p", str(old.port), "-P", str(new.port), "-s", sockets, "--no-sync"),
            seconds=180,
        )
    sandbox.note(new.name, prepared=True)
    return f"{old.name} {old.engine.version} is {new.name} {new.engine.version} now; run ANALYZE on it."


def _sleep(sandbox: Sandbox, operation: Operation) -> str:  # noqa: ARG001 - the shape of all operations
    time.sleep(operation.seconds or 1)
    return f"{operation.seconds or 1:g} s have passed."


_ON_EACH: dict[str, Callable[[Sandbox, str], str]] = {
    "start": _start,
    "stop": _stop,
    "restart": _restart,
    "reload": _reload,
    "kill": _kill,
    "promote": _promote,
    "cut": _cut,
    "mend": _mend,
}
_OPERATIONS: dict[str, Callable[[Sandbox, Operation], str]] = {
    "rejoin": _rejoin,
    "set": _set,
    "tls": _tls,
    "kdc": _kdc,
    "ticket": _ticket,
    "login": _login,
    "backup": _backup,
    "restore": _restore,
    "mark": _mark,
    "client_start": _client_start,
    "client_stop": _client_stop,
    "dump": _dump,
    "load": _load,
    "upgrade": _upgrade,
    "sleep": _sleep,
}


def _servers(operation: Operation) -> tuple[str, ...]:
    if not operation.servers:
        raise LabError(f"{_in_words(operation)} does not say on which server.", next_step="Name it in `on`.")
    return operation.servers


def _one(operation: Operation) -> str:
    return _servers(operation)[0]


def _given(value: str | None, field: str) -> str:
    if value is None:
        raise LabError(f"The operation lacks `{field}`.", next_step="Add it to the lab.")
    return value


def _name(value: str | None) -> str:
    """A name that becomes one of a folder or file."""
    if value is None or not _NAME.fullmatch(value):
        raise LabError(f"{value!r} is no name here.", next_step="Use small letters, digits, _ and -.")
    return value


def _has_content(text: str) -> bool:
    return bool(re.sub(r"--[^\n]*|/\*.*?\*/", "", text, flags=re.DOTALL).strip())


def _in_words(operation: Operation) -> str:
    return operation.do or operation.aws or (operation.sql or "")[:60]


@contextmanager
def _sockets(server: Server) -> Iterator[Path]:
    """A folder for the sockets of pg_upgrade, whose paths must be short."""
    folder = Path(tempfile.mkdtemp(prefix="pgdojo"))
    server.guise.own(folder)
    try:
        yield folder
    finally:
        remove(folder)
