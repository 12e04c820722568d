"""A Kerberos realm below a sandbox: a KDC on a port of its own, keytabs, and one cache of tickets.

It is MIT Kerberos, as Linux distributions package it. All of it lies in the folder `kerberos` of the sandbox, and
nothing is read from or written to the system's own configuration.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from pgdojo.errors import LabError
from pgdojo.lab import processes
from pgdojo.lab.engines import advice

WHAT = "kdc"
"""How the ledger of processes calls the KDC."""
GROUP = "rds_ad"
"""Whose members log in by Kerberos, as on RDS."""

_TOOLS = ("krb5kdc", "kdb5_util", "kadmin.local", "kinit", "kdestroy")
_PLACES = ("/usr/sbin", "/usr/local/sbin", "/sbin")
_REALM = re.compile(r"[A-Z][A-Z0-9-]{0,30}(?:\.[A-Z0-9-]{1,30}){0,4}")
_PRINCIPAL = re.compile(r"[a-z][a-z0-9_-]{0,30}(?:/[a-z0-9](?:[a-z0-9.-]{0,200}[a-z0-9])?)?")
_SECONDS = 30
_START_SECONDS = 10.0

_CLIENT = """\
[libdefaults]
    default_realm = {realm}
    dns_lookup_realm = false
    dns_lookup_kdc = false
    dns_canonicalize_hostname = false
    rdns = false
    qualify_shortname = ""
    udp_preference_limit = 1
    ticket_lifetime = 8h
    default_rcache_name = none:
[realms]
    {realm} = {{
        kdc = 127.0.0.1:{port}
    }}
"""
_SERVER = """\
[kdcdefaults]
    kdc_listen = ""
    kdc_tcp_listen = 127.0.0.1:{port}
[realms]
    {realm} = {{
        database_name = {folder}/principal
        key_stash_file = {folder}/stash
        acl_file = {folder}/acl
        max_life = 8h
    }}
[logging]
    kdc = FILE:{folder}/kdc.log
"""


def available() -> bool:
    """Whether this machine has all that a KDC and its clients need."""
    return os.name == "posix" and all(_find(tool) for tool in _TOOLS)


def variables(root: Path) -> dict[str, str]:
    """What a process needs to see the realm of the sandbox in `root` and its tickets; empty where there is none."""
    folder = root / "kerberos"
    if not (folder / "krb5.conf").exists():
        return {}
    return {"KRB5_CONFIG": str(folder / "krb5.conf"), "KRB5CCNAME": f"FILE:{folder / 'tickets'}"}


def establish(root: Path, realm: str, principals: Iterable[str], port: int) -> None:
    """Make a realm and start its KDC on `port`, or take up the one there is; then add who is missing.

    Args:
        root: The folder of the sandbox.
        realm: Such as LAB.TEST.
        principals: Users, each of whom gets a keytab `kerberos/NAME.keytab`.
        port: Of 127.0.0.1, for a KDC that is still to be started.

    Raises:
        LabError: A name is none, a tool is missing, or the KDC does not start.
    """
    if not _REALM.fullmatch(realm):
        raise LabError(f"{realm!r} is no name of a realm.", next_step="Use capitals, digits, dots and hyphens.")
    folder = root / "kerberos"
    if not (folder / "principal").exists():
        _lay_out(folder, realm, port)
        _run(root, "kdb5_util", "create", "-s", "-r", realm, "-P", secrets.token_urlsafe(18))
    if not processes.remembered(root, WHAT):
        _start(root, realm)
    for principal in principals:
        enrol(root, principal)


def enrol(root: Path, principal: str) -> Path:
    """Add a user or a service with a random key, and return its keytab; an old one stays as it is.

    Raises:
        LabError: `principal` is no name.
    """
    if not _PRINCIPAL.fullmatch(principal):
        raise LabError(f"{principal!r} is no name of a principal.", next_step="Use small letters, digits and hyphens.")
    keytab = root / "kerberos" / f"{principal.replace('/', '-')}.keytab"
    if not keytab.exists():
        _run(root, "kadmin.local", "-q", f"addprinc -randkey {principal}")
        _run(root, "kadmin.local", "-q", f"ktadd -k {keytab.name} {principal}")
    if not keytab.exists():
        raise LabError(f"The KDC made no key for {principal}.", next_step="Reset the lab and start it again.")
    return keytab


def take_ticket(root: Path, principal: str) -> None:
    """Take a ticket for a user into the sandbox's cache, in place of the one before.

    Raises:
        LabError: There is no such user, or the KDC does not answer.
    """
    if not variables(root):
        raise LabError("There is no KDC in this lab yet.", next_step="Start one with the operation kdc.")
    keytab = root / "kerberos" / f"{principal}.keytab"
    if not _PRINCIPAL.fullmatch(principal) or not keytab.exists():
        raise LabError(f"The realm has no user {principal!r}.", next_step="Name one of its principals.")
    _run(root, "kinit", "-k", "-t", keytab.name, principal)


def drop_ticket(root: Path) -> None:
    """Destroy the ticket in the cache; nothing where there is none."""
    if variables(root) and (root / "kerberos" / "tickets").exists():
        _run(root, "kdestroy", "-q")


def rules(realm: str, *, force: bool) -> str:
    """The lines that pg_hba.conf has to begin with, so that members of rds_ad log in by Kerberos.

    Args:
        realm: Whose users are let in, by their names without it.
        force: Whether they must encrypt by GSSAPI as well.
    """
    own = "host all postgres,learner,checker 127.0.0.1/32 scram-sha-256\n"
    method = f"127.0.0.1/32 gss include_realm=0 krb_realm={realm}\n"
    if force:
        return f"{own}hostgssenc all +{GROUP} {method}host all +{GROUP} 127.0.0.1/32 reject\n"
    return f"{own}host all +{GROUP} {method}"


def _lay_out(folder: Path, realm: str, port: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o711)
    for name, text in (("krb5.conf", _CLIENT), ("kdc.conf", _SERVER), ("acl", "")):
        (folder / name).write_text(text.format(realm=realm, port=port, folder=folder), "utf-8")
    # the server reads it too, which may run as another user
    (folder / "krb5.conf").chmod(0o644)


def _start(root: Path, realm: str) -> None:
    folder = root / "kerberos"
    note = folder / "kdc.pid"
    note.unlink(missing_ok=True)
    # without -n it goes to the background by itself, and its command line names the folder
    _run(root, "krb5kdc", "-r", realm, "-P", str(note))
    port = int(re.findall(r"kdc = 127\.0\.0\.1:(\d+)", (folder / "krb5.conf").read_text("utf-8"))[0])
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        if (pid := _number(note)) and _answers(port):
            processes.remember(root, pid, WHAT)
            return
        time.sleep(0.05)
    if pid := _number(note):
        processes.end([pid])
    raise LabError("The KDC does not start.", next_step="See kerberos/kdc.log in the lab's folder.")


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text("ascii"))
    except (OSError, ValueError):
        return None


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _find(tool: str) -> str | None:
    return shutil.which(tool) or shutil.which(tool, path=os.pathsep.join(_PLACES))


def _run(root: Path, tool: str, *arguments: str) -> None:
    program = _find(tool)
    if program is None:
        raise LabError(f"This machine has no {tool}.", next_step=f"Add it: {advice('kdc')}")
    folder = root / "kerberos"
    environment = {**os.environ, **variables(root), "KRB5_KDC_PROFILE": str(folder / "kdc.conf"), "LC_ALL": "C"}
    try:
        done = subprocess.run(  # noqa: S603 - a tool of Kerberos, with names that were looked at
            [program, *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as cause:
        raise LabError(f"{tool} did not run to its end ({cause}).", next_step="Reset the lab.") from cause
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines() or ["it did not say why"]
        raise LabError(f"{tool} failed: {said[-1]}", next_step="See kerberos/kdc.log in the lab's folder.")
