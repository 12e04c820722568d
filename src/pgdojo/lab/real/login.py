"""With which user and password the checks look into a database on an account; kept in this process alone."""

from __future__ import annotations

import getpass
import os
import sys
from dataclasses import dataclass, field
from functools import lru_cache

USER, PASSWORD, BUNDLE = "PGDOJO_LAB_USER", "PGDOJO_LAB_PASSWORD", "PGDOJO_LAB_CA"
"""The variables that give the user, the password, and the file of RDS's root certificates."""


@dataclass(frozen=True, slots=True)
class Login:
    """A user of the learner's database."""

    user: str
    password: str = field(repr=False)


def from_environment() -> Login | None:
    """The login that the environment holds, None where it holds none."""
    user, password = os.environ.get(USER), os.environ.get(PASSWORD)
    return Login(user, password) if user and password else None


@lru_cache(maxsize=1)
def in_terminal() -> Login | None:
    """The environment's login, else one that is asked for, once; None where nobody can be asked."""
    known = from_environment()
    if known is not None or not sys.stdin.isatty():
        return known
    user = os.environ.get(USER) or getpass.getuser()
    print(f"For the checks by SQL. It is not stored; {USER} and {PASSWORD} spare the question.", file=sys.stderr)  # noqa: T201
    if USER not in os.environ:
        print("User of the database: ", end="", file=sys.stderr, flush=True)  # noqa: T201
        user = sys.stdin.readline().strip()
    password = getpass.getpass(f"Password of {user}: ")
    return Login(user, password) if user and password else None
