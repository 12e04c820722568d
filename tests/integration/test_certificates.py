"""Certificates out of a real journal: issued once the path is done, fetched from the page, verified in a terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fakes
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from test_pathfinder import DAY, ITEMS, PATH, Learner

from pgdojo.course.path_records import LearningPath
from pgdojo.errors import AccessError, UsageError
from pgdojo.learner.journal import Journal
from pgdojo.learner.records import DEMO, LOCAL
from pgdojo.path.certificate import verify
from pgdojo.path.signing import Signer
from pgdojo.team.access import Access
from pgdojo.team.certificates import Certificates, verify_here
from pgdojo.web import resources, server

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
DOUGH = PATH.model_copy(update={"modules": PATH.modules[:1]})
SECTION = "handbook/backups#point-in-time-restore"
RETENTION = "handbook/backups#backup-retention"
SHORT = LearningPath.model_validate(
    {
        "title": "Nothing is lost",
        "tracks": [{"id": "dba", "name": "Database administrator", "says": "You restore."}],
        "modules": [
            {"id": "restore", "title": "Restore", "why": "It is short.", "minutes": 5, "read": [SECTION]},
            {"id": "retention", "title": "Retention", "why": "It ends.", "minutes": 5, "read": [RETENTION]},
        ],
    }
)


@pytest.fixture
def ann(tmp_path):
    """Somebody on a path of one module, with the certificates of a team."""
    learner = Learner(f"sqlite:///{tmp_path / 'journal.sqlite3'}")
    learner.use(ITEMS, path=DOUGH)
    learner.key = tmp_path / "signing-key.pem"
    learner.journal.people.see("ann", issuer="https://login.example.com", subject="1", name="ann")
    learner.enrol()
    yield learner
    learner.journal.close()


def certificates(ann, *, key=None):
    access = Access(ann.journal.people, solo=False)
    return Certificates(ann.journal, ann.finder, access, key=key or ann.key, clock=ann.clock)


def finish(ann):
    ann.read("handbook/bread#knead")
    ann.ask("How long does dough rest?")
    ann.sit(module="dough")
    ann.now += DAY
    ann.sit("knead-2", "rest-2")
    ann.now += DAY
    ann.sit("knead-1", "rest-1")


def test_who_is_not_done_hears_what_is_lacking_and_nothing_is_stored(ann):
    office = certificates(ann)

    with pytest.raises(UsageError, match="0 of 2 objectives are mastered"):
        office.badge("ann")

    assert office.lacking("ann") == (
        "“Dough”: 0 of 2 objectives are mastered, and 1 objective where a mistake hurts in production must be.",
    )
    assert ann.journal.people.certificates("ann") == []
    assert not ann.key.exists()


def test_the_certificate_is_the_next_step_until_it_was_issued(ann):
    finish(ann)
    ready = ann.progress.next
    certificates(ann).badge("ann")
    ann.now += DAY / 2
    issued = ann.progress.next

    assert (ready.kind, issued.kind) == ("certificate", "certificate")
    assert "is ready" in ready.says
    assert "fetched again" in issued.says


def test_what_counts_is_written_into_it_with_its_days(ann):
    finish(ann)

    badge = certificates(ann).badge("ann")

    record = badge["evidence"][0]["record"]
    assert badge["validFrom"] == "2026-05-06T09:00:00Z"
    assert badge["credentialSubject"]["nameFrom"] == "https://login.example.com"
    assert record["gate"] == {"best": 100, "passMark": 50}
    assert [(one["id"], one["right"], one["days"]) for one in record["objectives"]] == [
        ("knead", 3, ["2026-05-04", "2026-05-05", "2026-05-06"]),
        ("rest", 3, ["2026-05-04", "2026-05-05", "2026-05-06"]),
    ]


def test_it_is_issued_once_and_stays_when_what_was_learned_fades(ann):
    finish(ann)
    office = certificates(ann)

    first = office.badge("ann")
    with ThreadPoolExecutor(4) as pool:
        others = list(pool.map(lambda _: office.badge("ann"), range(4)))
    ann.now += 400 * DAY
    faded = office.badge("ann")

    assert not ann.progress.done
    assert [*others, faded] == [first] * 5
    assert ann.journal.people.certificates("ann") == [first]


def test_both_forms_are_verified_and_were_issued_here(ann, tmp_path):
    finish(ann)
    office = certificates(ann)
    held = ann.journal.people.certificate

    verdicts = []
    for ending in (".pdf", ".json"):
        file = tmp_path / f"certificate{ending}"
        file.write_bytes(office.file("ann", ending))
        verdicts.append(verify(file, Signer.open(ann.key).did, held))

    assert all(verdict.is_good for verdict in verdicts)
    assert all("It was issued here" in "".join(verdict.lines()) for verdict in verdicts)
    with pytest.raises(UsageError, match=r"Use \.pdf or \.json"):
        office.file("ann", ".docx")


def test_another_name_another_key_and_another_demand_are_other_certificates(ann, tmp_path):
    finish(ann)
    first = certificates(ann).badge("ann")
    ann.journal.people.see("ann", issuer="https://login.example.com", subject="1", name="anna")
    renamed = certificates(ann).badge("ann")
    rekeyed = certificates(ann, key=tmp_path / "another.pem").badge("ann")
    more = DOUGH.modules[0].model_copy(update={"labs": ("light",)})
    ann.use(ITEMS, path=DOUGH.model_copy(update={"modules": (more,)}))
    ann.check("strike", "passed")
    ann.check("look", "passed")
    again = ann.progress.next
    demanded = certificates(ann).badge("ann")

    assert len({badge["id"] for badge in (first, renamed, rekeyed, demanded)}) == 4
    assert "is ready" in again.says
    assert demanded["evidence"][0]["record"]["labs"] == [{"id": "light", "title": "Light the oven"}]


def test_whoever_is_blocked_is_given_none(ann):
    finish(ann)
    ann.journal.people.grant("ann", "blocked", by="operator")

    for ask in (certificates(ann).badge, certificates(ann).pdf, certificates(ann).lacking, certificates(ann).held):
        with pytest.raises(AccessError):
            ask("ann")


def test_a_demo_learner_is_given_a_demo_certificate(ann):
    finish(ann)
    ann.journal.people.see("ann", issuer=DEMO, subject="01", name="Demo learner 01")

    assert certificates(ann).badge("ann")["demo"] is True


# In a terminal


def test_verifying_a_file_makes_no_journal_and_no_key(ann, tmp_path, monkeypatch):
    finish(ann)
    file = tmp_path / "certificate.pdf"
    file.write_bytes(certificates(ann).pdf("ann"))
    elsewhere = tmp_path / "elsewhere"
    monkeypatch.setenv("PGDOJO_DATABASE_URL", f"sqlite:///{elsewhere / 'journal.sqlite3'}")
    monkeypatch.setenv("PGDOJO_SIGNING_KEY", str(elsewhere / "key.pem"))

    alone, with_key = verify_here(file), verify_here(file, Signer.open(ann.key).did)

    assert (alone.is_good, with_key.is_good) == (False, True)
    assert not elsewhere.exists()


def test_a_terminal_shows_the_key_and_verifies_a_file_with_exit_codes_for_scripts(ann, tmp_path):
    def pgdojo(*words):
        places = {"PGDOJO_DATABASE_URL": f"sqlite:///{tmp_path / 'journal.sqlite3'}", "PGDOJO_SIGNING_KEY": ann.key}
        command = [sys.executable, "-m", "pgdojo", *words]
        return subprocess.run(
            command, capture_output=True, text=True, encoding="utf-8", env={**os.environ, **places}, check=False
        )

    no_key = pgdojo("certificate", "key")
    finish(ann)
    file = tmp_path / "certificate.json"
    file.write_bytes(certificates(ann).file("ann", ".json"))
    key = pgdojo("certificate", "key")
    good = pgdojo("verify", file, "--key", key.stdout.strip())
    badge = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**badge, "validFrom": "2020-01-01T00:00:00Z"}), encoding="utf-8")
    changed = pgdojo("verify", file)

    assert (no_key.returncode, key.returncode, good.returncode, changed.returncode) == (2, 0, 0, 1)
    assert "It is made with the first certificate." in no_key.stderr
    assert good.stdout.startswith("A good certificate: ann, From flour to bread, Baker, 2026-05-06\n")
    assert "verified     journal: It was issued here" in good.stdout
    assert "refused      signature: " in changed.stdout


# On the page


@pytest.fixture
def dojo(tmp_path, monkeypatch):
    """A course with a path of two short modules, of which the first is done."""
    with Journal.open(f"sqlite:///{tmp_path / 'journal.sqlite3'}") as journal:
        found = fakes.FakeDojo(journal, path=SHORT, home=tmp_path)
        monkeypatch.setattr(resources, "_open_course", lambda _report: found)
        st.cache_resource.clear()
        journal.people.enrol(LOCAL, track="dba")
        found.pathfinder.skip_placement(LOCAL)
        journal.record_read("r1", learner=LOCAL, passage=SECTION, document="knowledge")
        yield found
        st.cache_resource.clear()


def visit():
    return AppTest.from_file(str(server.MAIN), default_timeout=30).run()


def downloads(page):
    return [one.proto.label for one in page.get("download_button")]


def finish_reading(dojo):
    dojo.journal.record_read("r2", learner=LOCAL, passage=RETENTION, document="knowledge")


def test_before_the_last_module_the_page_says_what_the_certificate_still_takes(dojo):  # noqa: ARG001
    page = visit()

    said = [one.value.replace("\\", "") for one in page.caption]
    assert any("To the certificate there is left: “Retention”: 0% of it is done." in one for one in said)
    assert downloads(page) == []


def test_whoever_has_told_no_name_says_it_and_then_finds_both_forms(dojo):
    finish_reading(dojo)

    page = visit()
    asked = downloads(page)
    page.text_input(key="path_holder").set_value("  ann  b ")
    page = page.button(key="path_name_it").click().run()

    assert not page.exception
    assert asked == []
    assert dojo.journal.people.person(LOCAL).name == "ann b"
    assert downloads(page) == ["Certificate (PDF)", "Badge (JSON)"]
    assert "The path is done" in [one.value for one in page.subheader]
    # It is issued when it is fetched, not when a page is looked at.
    assert dojo.journal.people.certificates(LOCAL) == []


def test_a_certificate_can_be_fetched_again_when_the_path_has_grown(dojo):
    finish_reading(dojo)
    dojo.journal.people.see(LOCAL, issuer=LOCAL, subject=LOCAL, name="ann")
    dojo.certificates.badge(LOCAL)
    grown = SHORT.modules[1].model_copy(update={"id": "more", "read": ("handbook/backups#snapshots",)})
    dojo.pathfinder.path = SHORT.model_copy(update={"modules": (*SHORT.modules, grown)})

    page = visit()

    assert not page.exception
    assert page.button(key="path_go").label.startswith("Read")
    assert any("Your certificate of" in one.value for one in page.markdown)
    assert downloads(page) == ["Certificate (PDF)", "Badge (JSON)"]
