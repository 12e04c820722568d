"""The team's settings: what a file may say, and that nothing starts with one that is unsafe."""

from __future__ import annotations

import pytest

from pgdojo.errors import UsageError
from pgdojo.team import settings
from pgdojo.web.server import must_be_safe


def role(told, email="", subject="7", **claims):
    found = told.role_of(issuer="https://id.example.org", subject=subject, email=email, claims=claims)
    return found and found[0]


def test_without_a_file_there_is_no_team(monkeypatch):
    monkeypatch.delenv("PGDOJO_TEAM", raising=False)

    assert settings.team_settings() is None


def test_a_whole_file_says_where_and_for_how_long(team_file):
    team_file()

    told = settings.team_settings()

    assert told.is_https
    assert (told.session_hours, told.idle_minutes, told.capacity) == (12, 60, None)
    assert told.hosts[0] == "learn.example.org"
    assert told.auth.secrets()["client_secret"] == "hush-hush"


def test_a_role_comes_from_the_list_before_the_claim_and_never_from_an_unverified_address(team_file):
    team_file()
    told = settings.team_settings()

    assert role(told, email="tom@example.org") == "trainer"
    assert role(told, subject="42") == "trainer"
    assert role(told, groups=["dba", "others"]) == "mentor"
    assert role(told, groups="leads") == "trainer"
    assert role(told, email="eve@example.org", groups=["leads"]) == "blocked"
    assert role(told, groups=["others", 7]) is None
    assert role(told) is None


def test_secrets_are_not_told_when_settings_are_printed(team_file):
    team_file()

    told = repr(settings.team_settings())

    assert "hush-hush" not in told
    assert "0123456789abcdef" not in told


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('client_id = "pgdojo"\n', "", "auth.client_id is missing"),
        ("0123456789abcdef0123456789abcdef", "short", "auth.cookie_secret has fewer than 32 characters"),
        ("/oauth2callback", "/back", "auth.redirect_uri does not end in /oauth2callback"),
        ("https://id.example.org/.well", "http://id.example.org/.well", "auth.server_metadata_url is no address"),
        ('roles_claim = "groups"\n', "", "claim_roles needs roles_claim"),
        ('dba = "mentor"', 'dba = "king"', "team.claim_roles.dba"),
        ("[team]\n", "[team]\nidle = 5\n", "team.idle is not known"),
        ("[team]\n", "[team]\nidle_minutes = 0\n", "team.idle_minutes"),
        ('address = "https://learn', 'address = "https://other', "must be the address of"),
    ],
)
def test_a_fault_names_the_field_and_tells_no_secret(team_file, team_toml, old, new, says):
    team_file(team_toml.replace(old, new))

    with pytest.raises(UsageError) as told:
        settings.team_settings()

    assert says in str(told.value)
    assert "hush-hush" not in str(told.value)


def test_a_file_that_others_can_read_is_refused_until_they_cannot(team_file):
    path = team_file(mode=0o640)
    with pytest.raises(UsageError, match="chmod 600"):
        settings.team_settings()

    path.chmod(0o600)

    assert settings.team_settings() is not None


def test_a_missing_file_and_a_broken_line_are_named(team_file, monkeypatch, tmp_path):
    team_file("[auth\n")
    with pytest.raises(UsageError, match=r"are no TOML: .*line 1"):
        settings.team_settings()

    monkeypatch.setenv("PGDOJO_TEAM", str(tmp_path / "none.toml"))
    with pytest.raises(UsageError, match="No such file"):
        settings.team_settings()


def test_what_is_changed_in_the_file_counts_from_then_on(team_file, team_toml):
    team_file()
    assert settings.team_settings().idle_minutes == 60

    team_file(team_toml.replace("[team]\n", "[team]\nidle_minutes = 15\n"))

    assert settings.team_settings().idle_minutes == 15


# Starting


def test_nobody_is_served_on_another_address_without_signing_in(team_file):
    with pytest.raises(UsageError, match=r"does not listen on 0\.0\.0\.0"):
        must_be_safe("0.0.0.0", None, for_team=False)
    must_be_safe("127.0.0.1", None, for_team=False)

    team_file()
    must_be_safe("0.0.0.0", settings.team_settings(), for_team=False)


def test_nobody_signs_in_over_the_network_in_the_clear(team_file, team_toml):
    team_file(team_toml.replace("https://learn.example.org", "http://127.0.0.1:8501"))

    with pytest.raises(UsageError, match="in the clear"):
        must_be_safe("0.0.0.0", settings.team_settings(), for_team=True)


def test_a_team_without_a_provider_does_not_start():
    with pytest.raises(UsageError, match="none is configured"):
        must_be_safe("127.0.0.1", None, for_team=True)
