"""The wheel alone, far from the repository, answers a question."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from pgdojo.search.index import IndexFolder

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("pgdojo-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The folder with the commands of an environment into which only the wheel was installed."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    packages = Path(sysconfig.get_path("purelib", "venv", vars={"base": str(folder)}))
    # A path in a .pth file lends the parent's packages, but not what its own .pth files add: the editable pgdojo.
    parents = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (packages / "parent.pth").write_text("\n".join(parents), encoding="utf-8")
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*command, str(wheel)], check=True, timeout=120)
    return folder / "bin"


@pytest.fixture(scope="module")
def visitor(installed, tmp_path_factory):
    """Runs commands of the installation as a new user in an empty folder; has that folder and the user's home."""
    return Visitor(installed, tmp_path_factory.mktemp("empty"), tmp_path_factory.mktemp("home"))


class Visitor:
    def __init__(self, commands, folder, home):
        self.commands, self.folder, self.home = commands, folder, home
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "XDG_CACHE_HOME": str(home / "cache"),
            "XDG_DATA_HOME": str(home / "data"),
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
        }

    def run(self, command, *arguments):
        done = subprocess.run(
            [str(self.commands / command), *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=600,  # the first question builds the index
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def answer(visitor, dojo):
    """What the first question gets, for which the installation exports its encoder and builds its index.

    The embeddings, which take longer than all the rest, are those of an index that another pgdojo left in the cache.
    """
    where = "from pgdojo.dojo import find_course, index_folder; print(index_folder(find_course()).path)"
    left = IndexFolder(Path(visitor.run("python", "-c", where).strip()))
    shutil.copytree(dojo.index_folder.generation, left.generations / dojo.index_folder.generation.name)
    left.put_in_use(dojo.index_folder.generation, {})
    return json.loads(visitor.run("pgdojo", "ask", "how long does a Multi-AZ failover take?", "--json"))


def test_the_wheel_carries_the_course_the_look_and_the_migrations(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    course = [path for path in (ROOT / "knowledge").rglob("*") if path.suffix in {".md", ".yaml", ".json"}]

    assert len(course) > 3
    assert [p for p in course if f"pgdojo/bundled/{p.relative_to(ROOT).as_posix()}" not in names] == []
    assert [name for name in names if name.endswith(".streamlit/config.toml")]
    assert [name for name in names if "migrations/versions/" in name and name.endswith(".py")]
    assert [name for name in names if name.endswith("dist-info/licenses/LICENSE")]


def test_the_installed_command_answers_with_citations(answer):
    assert answer["refused"] is False
    assert answer["citations"]
    assert answer["citations"][0]["passage_id"]
    assert answer["citations"][0]["quote"]


def test_the_index_stands_in_the_users_cache_and_nothing_where_the_user_is(visitor, answer):
    assert answer["citations"]
    assert list((visitor.home / "cache").rglob("manifest.json"))
    assert list((visitor.home / "cache").rglob("*.onnx"))
    assert list(visitor.folder.iterdir()) == []


def test_the_journal_stands_in_the_users_data(visitor):
    said = visitor.run("python", "-c", "from pgdojo.learner.journal import Journal; print(Journal.open().place)")

    place = Path(said.strip())

    assert place.is_file()
    assert place.is_relative_to(visitor.home / "data")
