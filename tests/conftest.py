"""What several tests share: the real course's index, built once, and tiny courses made by hand."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# The processors are shared by whole tests. Threads within one would wait for each other in busy loops.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

ROOT = Path(__file__).parent.parent
TEAM = """
[auth]
redirect_uri = "https://learn.example.org/oauth2callback"
cookie_secret = "0123456789abcdef0123456789abcdef"
client_id = "pgdojo"
client_secret = "hush-hush"
server_metadata_url = "https://id.example.org/.well-known/openid-configuration"

[team]
address = "https://learn.example.org"
roles_claim = "groups"

[team.claim_roles]
dba = "mentor"
leads = "trainer"

[team.roles]
trainer = ["Tom@example.org", "https://id.example.org|42"]
blocked = ["eve@example.org"]
"""
"""A team's settings, whole."""


@pytest.fixture(scope="session")
def dojo():
    """The repository's own course, its index built where it is missing or out of date."""
    from pgdojo.dojo import open_dojo

    return open_dojo(ROOT)


@pytest.fixture
def course(tmp_path):
    """A function that writes files into a new course and returns its folder."""

    def write(files: dict[str, str | bytes]) -> Path:
        for name, content in files.items():
            path = tmp_path / "course" / "knowledge" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return tmp_path / "course"

    return write


@pytest.fixture(scope="session")
def lent_encoder(dojo, tmp_path_factory):
    """A copy of the real course's exported encoder, which tests may have links to."""
    name = dojo.index.manifest.encoder
    return shutil.copytree(dojo.index_folder.encoders / name, tmp_path_factory.mktemp("encoders") / name)


@pytest.fixture
def lend(lent_encoder):
    """A function that puts the encoder beside a course, so that a build needs no torch.

    Its files, of ninety megabytes, are the same for every test: to harm one is to replace it.
    """

    def put(root: Path) -> Path:
        lent = root / "index" / "encoders" / lent_encoder.name
        if not lent.exists():
            shutil.copytree(lent_encoder, lent, copy_function=os.link)
        return root

    return put


@pytest.fixture
def indexed(course, lend):
    """Like `course`, with the encoder put beside it."""
    return lambda files: lend(course(files))


@pytest.fixture
def team_toml():
    """The settings of a team, whole."""
    return TEAM


@pytest.fixture
def team_file(tmp_path, monkeypatch):
    """A function that writes a team's settings, names the file in the environment and returns its path."""
    path = tmp_path / "team.toml"

    def write(text=TEAM, mode=0o600):
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        monkeypatch.setenv("PGDOJO_TEAM", str(path))
        return path

    return write
