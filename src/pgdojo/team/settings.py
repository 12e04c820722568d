"""The settings of a team's server: one TOML file, which holds secrets and is nobody else's to read."""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

from pgdojo.errors import UsageError

TEAM_VARIABLE = "PGDOJO_TEAM"
"""Names the file."""

GivenRole = Literal["learner", "mentor", "trainer", "blocked"]
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_MAKE = 'python -c "import secrets; print(secrets.token_urlsafe(48))"'
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_Text = Annotated[str, Field(min_length=1)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Provider(_Table):
    """The OpenID provider that signs people in, in the words of Streamlit's table [auth]."""

    redirect_uri: _Text
    cookie_secret: SecretStr
    client_id: _Text
    client_secret: SecretStr
    server_metadata_url: _Text
    client_kwargs: Mapping[str, Any] = Field(default_factory=dict)

    @field_validator("cookie_secret")
    @classmethod
    def _long(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value()) < 32:
            raise ValueError(f"has fewer than 32 characters; make one with {_MAKE}")
        return value

    @field_validator("redirect_uri")
    @classmethod
    def _returns(cls, value: str) -> str:
        if urlsplit(value).path != "/oauth2callback":
            raise ValueError("does not end in /oauth2callback, which is where the provider must send people back to")
        return _address(value)

    @field_validator("server_metadata_url")
    @classmethod
    def _metadata(cls, value: str) -> str:
        return _address(value)

    def secrets(self) -> dict[str, Any]:
        """The table as Streamlit reads it, secrets in the clear."""
        told: dict[str, Any] = {
            "redirect_uri": self.redirect_uri,
            "cookie_secret": self.cookie_secret.get_secret_value(),
            "client_id": self.client_id,
            "client_secret": self.client_secret.get_secret_value(),
            "server_metadata_url": self.server_metadata_url,
        }
        return {**told, "client_kwargs": dict(self.client_kwargs)} if self.client_kwargs else told


class _Team(_Table):
    address: _Text
    hosts: tuple[_Text, ...] = ()
    roles_claim: str = ""
    claim_roles: Mapping[str, GivenRole] = Field(default_factory=dict)
    roles: Mapping[GivenRole, tuple[_Text, ...]] = Field(default_factory=dict)
    session_hours: float = Field(default=12, gt=0, le=24 * 30)
    idle_minutes: float = Field(default=60, gt=0, le=24 * 60)
    capacity: int | None = Field(default=None, ge=1)

    @field_validator("address")
    @classmethod
    def _outside(cls, value: str) -> str:
        return _address(value).rstrip("/")

    @model_validator(mode="after")
    def _claim(self) -> _Team:
        if self.claim_roles and not self.roles_claim:
            raise ValueError("claim_roles needs roles_claim, the name of the claim whose values it maps")
        return self


class TeamSettings(_Table):
    """What a team's server is told."""

    auth: Provider
    team: _Team

    @model_validator(mode="after")
    def _one_site(self) -> TeamSettings:
        if _site(self.auth.redirect_uri) != _site(self.team.address):
            raise ValueError("auth.redirect_uri must be the address of [team], with /oauth2callback behind it")
        return self

    @property
    def address(self) -> str:
        """The server's address as people type it."""
        return self.team.address

    @property
    def is_https(self) -> bool:
        """Whether people reach the server by TLS, which a proxy before it ends."""
        return urlsplit(self.address).scheme == "https"

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names under which the server answers."""
        return tuple(dict.fromkeys([urlsplit(self.address).hostname or "", *self.team.hosts, *_LOOPBACK]))

    @property
    def session_hours(self) -> float:
        """How long a sign-in lasts."""
        return self.team.session_hours

    @property
    def idle_minutes(self) -> float:
        """After how long without a click somebody is signed out."""
        return self.team.idle_minutes

    @property
    def capacity(self) -> int | None:
        """How many may be in at once; None leaves it to the server."""
        return self.team.capacity

    def role_of(
        self, *, issuer: str, subject: str, email: str, claims: Mapping[str, Any]
    ) -> tuple[GivenRole, str] | None:
        """The role that the file gives to a person, and whether `config` or `provider` says so; None if neither does.

        Args:
            issuer: Who signed them in.
            subject: Who they are there.
            email: Their address, empty unless the provider has verified it.
            claims: What the provider says of them.
        """
        order: tuple[GivenRole, ...] = ("blocked", "trainer", "mentor", "learner")
        names = {f"{issuer}|{subject}"} | ({email.casefold()} if email else set())
        for role in order:
            if any(name in names or name.casefold() in names for name in self.team.roles.get(role, ())):
                return role, "config"
        said = claims.get(self.team.roles_claim) if self.team.roles_claim else None
        values = said if isinstance(said, list | tuple) else [said]
        mapped = {self.team.claim_roles[one] for one in values if isinstance(one, str) and one in self.team.claim_roles}
        return next(((role, "provider") for role in order if role in mapped), None)


def _address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme == "https" and parts.hostname:
        return value
    if parts.scheme == "http" and parts.hostname in _LOOPBACK:
        return value
    raise ValueError("is no address that begins with https:// (http:// is for this machine alone)")


def _site(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    return parts.scheme, parts.netloc


def team_settings() -> TeamSettings | None:
    """The settings in the file that `PGDOJO_TEAM` names; None where the variable is not set.

    Raises:
        UsageError: The file cannot be read, others can read it, or what it says is wrong.
    """
    told = os.environ.get(TEAM_VARIABLE, "").strip()
    return read(Path(told)) if told else None


def read(file: Path) -> TeamSettings:
    """The settings in `file`, read anew when it changes.

    Raises:
        UsageError: It cannot be read, others can read it, or what it says is wrong.
    """
    try:
        state = file.stat()
    except OSError as cause:
        raise UsageError(
            f"The team's settings {file} cannot be read: {cause.strerror}.",
            next_step=f"Let {TEAM_VARIABLE} name the file; docs/operators.md shows one.",
        ) from cause
    if os.name == "posix" and state.st_mode & _OTHERS:
        raise UsageError(
            f"Others on this machine may read the team's settings {file}, which hold secrets.",
            next_step=f"Run chmod 600 {file}.",
        )
    return _read(file, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=4)
def _read(file: Path, _mtime: int, _size: int) -> TeamSettings:
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as cause:
        raise UsageError(f"The team's settings {file} are no TOML: {cause}.", next_step="Correct that line.") from cause
    except (OSError, UnicodeDecodeError) as cause:
        raise UsageError(f"The team's settings {file} cannot be read: {cause}.") from cause
    try:
        return TeamSettings.model_validate(data)
    except ValidationError as cause:
        raise UsageError(
            f"The team's settings {file} are wrong: {_faults(cause)}.",
            next_step="Correct them; docs/operators.md shows a file.",
        ) from None  # the cause would show secrets


def _faults(error: ValidationError) -> str:
    """Each fault with its field, without the value, which may be a secret."""
    told = []
    for fault in error.errors(include_url=False, include_input=False):
        where = ".".join(map(str, fault["loc"]))
        said = fault["msg"].removeprefix("Value error, ")
        said = {"missing": "is missing", "extra_forbidden": "is not known"}.get(fault["type"], said)
        told.append(f"{where} {said}".strip())
    return "; ".join(told)
