"""People: who may do what to whom, what is recorded of a learner, and what is left when they are forgotten."""

from __future__ import annotations

import csv
import inspect
import io
import json
import signal
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

import fakes
import journal_events as events
import pytest
from databases import SqlitePlace
from typer.testing import CliRunner

from pgdojo import cli
from pgdojo.errors import AccessError, JournalError, UsageError
from pgdojo.learner import forget as forgetting
from pgdojo.learner import own_data, schema
from pgdojo.learner.journal import Journal
from pgdojo.learner.records import LOCAL, Turn
from pgdojo.quiz.service import Quizmaster
from pgdojo.team.access import OPERATOR, Access
from pgdojo.team.people import People

pytestmark = pytest.mark.slow

SECRET = "Zanzibar"
"""A word that ann writes wherever she can write."""


@pytest.fixture
def journal(place):
    with Journal.open(place.url) as opened:
        yield opened


@pytest.fixture
def file(tmp_path):
    with Journal.open(f"sqlite:///{tmp_path / 'journal.sqlite3'}") as opened:
        yield opened


@pytest.fixture
def people(file):
    """A team: ann and bob learn, mia is bob's mentor, tom trains, zoe is blocked."""
    for learner in ("ann", "bob", "mia", "tom", "zoe"):
        file.people.see(learner, issuer="id", subject=learner, name=learner.title(), email=f"{learner}@example.com")
    for learner, role in (("mia", "mentor"), ("tom", "trainer"), ("zoe", "blocked")):
        file.people.grant(learner, role, by=OPERATOR)
    file.people.enrol("bob", track="dba", mentor="mia")
    return People(file, Access(file.people, solo=False))


def the_words_of(journal, learner, word=SECRET):
    """Writes the word wherever a learner can write, and answers a few questions."""
    turn = Turn(
        key=f"{learner}-t",
        conversation=f"{learner}-c",
        learner=learner,
        question=f"{word} one?",
        standalone=f"{word} one?",
        answer={"sentences": [{"text": word}]},
        asked_at=events.MONDAY,
    )
    journal.record_turn(turn)
    journal.rename_conversation(f"{learner}-n", learner=learner, conversation=f"{learner}-c", title=word)
    journal.record_feedback(f"{learner}-f", learner=learner, turn=f"{learner}-t", helpful=False, reason=word)
    journal.record_gap(f"{learner}-g", learner=learner, question=f"{word} two?", nearest=[])
    journal.record_read(f"{learner}-r", learner=learner, passage="notes#backups", document="notes")
    journal.people.see(learner, issuer="id", subject=learner, name=f"Ann {word}", email=f"{word}@example.com")
    journal.people.enrol(learner, track="dba", mentor=word)
    journal.people.sign_off(f"{learner}-s", learner=learner, task="drill", state="asked", by=learner, note=word)
    journal.people.make_token(learner, word)
    journal.people.certify(f"{learner}-b", learner=learner, badge={"name": word})
    journal.quiz.prefer(f"{learner}-p", learner=learner, name="minutes", value=word)


def sits(quizzes, learner, *, rightly=True, typed="35 days"):
    """Answers three questions: a pick, several picks, and a typed one."""
    sitting = quizzes.start(f"{learner}-quiz", learner, "practice", items=["q-single", "q-multiple", "q-numeric"])
    given = {
        "q-single": {"picked": "a" if rightly else "b"},
        "q-multiple": {"picked": ["a", "b"]},
        "q-numeric": {"text": typed},
    }
    while question := quizzes.question(learner, quizzes.progress(learner, sitting.key)):
        quizzes.answer(learner, question.attempt, given[question.attempt.item], "sure")


def a_quizmaster(journal):
    return Quizmaster(fakes.small_quiz(), fakes.passages().get, journal.quiz)


def _keywords(parameters):
    return {one.name: "" for one in parameters if one.kind is one.KEYWORD_ONLY}


def rows_of_everybody(journal):
    with journal.engine.connect() as connection:
        return {
            name: [dict(row) for row in connection.execute(table.select().order_by(table.c.id)).mappings()]
            for name, table in schema.metadata.tables.items()
        }


# Who may act on whom


def test_every_call_asks_first_whether_it_may_be_done(people):
    calls = [call for name, call in inspect.getmembers(people, inspect.ismethod) if not name.startswith("_")]
    allowed = {"name_of"}  # what somebody is called stands wherever they are named

    for call in calls:
        needed = [one for one in inspect.signature(call).parameters.values() if one.default is one.empty]
        with pytest.raises(AccessError) if call.__name__ not in allowed else nullcontext():
            call(*("" for one in needed if one.kind is one.POSITIONAL_OR_KEYWORD), **_keywords(needed))


def test_only_the_operator_gives_roles_and_the_audit_log_says_so(people, file):
    people.grant(OPERATOR, "ann", "mentor", reason="knows it")

    with pytest.raises(AccessError):
        people.grant("tom", "ann", "trainer")

    deed = people.audit(OPERATOR)[0]
    assert file.people.role("ann").role == "mentor"
    assert (deed.learner, deed.action, deed.about, deed.detail) == (
        OPERATOR,
        "change roles",
        "ann",
        {"role": "mentor", "reason": "knows it"},
    )


def test_a_role_that_does_not_exist_is_refused_with_those_that_do(people):
    with pytest.raises(UsageError, match="learner, mentor, trainer, blocked"):
        people.grant(OPERATOR, "ann", "king")


@pytest.mark.parametrize("who", ["ann", "bob", "mia", "zoe", ""])
def test_lists_of_everybody_are_not_for_learners_and_mentors(people, who):
    for call in (people.list, people.delete_requests, people.audit, partial(people.find, who="bob")):
        with pytest.raises(AccessError):
            call(who)


def test_a_trainer_sees_everybody_with_the_role_and_the_aim_of_now(people):
    members = {one.person.learner: one for one in people.list("tom")}

    assert {name: one.role for name, one in members.items()} == {
        "ann": "learner",
        "bob": "learner",
        "mia": "mentor",
        "tom": "trainer",
        "zoe": "blocked",
    }
    assert members["bob"].enrolment.mentor == "mia"


def test_a_trainer_whose_role_is_taken_is_refused_at_the_next_call(people):
    people.list("tom")

    people.grant(OPERATOR, "tom", "learner")

    with pytest.raises(AccessError):
        people.list("tom")


@pytest.mark.parametrize("who", ["bob@example.com", "BOB@Example.com", "Bob", "bob", "  bob "])
def test_people_are_found_by_id_address_and_name(people, who):
    assert people.find(OPERATOR, who) == "bob"


def test_a_name_that_several_bear_is_listed_with_their_ids(people, file):
    file.people.see("bob-2", issuer="id", subject="bob-2", name="Bob", email="b2@example.com")

    with pytest.raises(UsageError, match=r"Bob <bob@example\.com> is bob; Bob <b2@example\.com> is bob-2"):
        people.find(OPERATOR, "BOB")


def test_a_slip_in_a_name_is_answered_with_the_nearest(people):
    with pytest.raises(UsageError, match=r"Did you mean bob@example\.com"):
        people.find(OPERATOR, "bob@exmaple.com")


def test_a_mentor_is_meant_by_name_and_anything_else_stays_as_typed(people):
    by_name = people.enrol("ann", track="dba", mentor="mia")
    a_learner = people.enrol("ann", track="dba", mentor="Bob")
    nobody = people.enrol("ann", track="dba", target=date(2030, 1, 1), mentor="  Somebody   else ")

    assert (by_name.mentor, a_learner.mentor, nobody.mentor) == ("mia", "Bob", "Somebody else")
    assert people.name_of("mia") == "Mia"
    assert people.name_of("Somebody else") == "Somebody else"


def test_nobody_is_their_own_mentor(people):
    assert [one.learner for one in people.mentors("mia")] == ["tom"]
    assert [one.learner for one in people.mentors("ann")] == ["mia", "tom"]


def test_one_ends_ones_own_sessions_and_the_operator_everybodys(people, file):
    people.end_sessions("ann", "ann")
    people.end_sessions(OPERATOR, "bob")

    with pytest.raises(AccessError):
        people.end_sessions("tom", "mia")

    assert file.people.sessions_valid_after("ann")
    assert file.people.sessions_valid_after("bob")
    assert file.people.sessions_valid_after("mia") is None


def test_a_token_works_until_its_owner_ends_it(people, file):
    secret = people.make_token("ann", " laptop ")
    (token,) = people.tokens("ann")
    before = file.people.owner_of(secret)

    with pytest.raises(UsageError):
        people.end_token("bob", token.key)
    people.end_token("ann", token.key)

    assert (before, token.label, file.people.owner_of(secret)) == ("ann", "laptop", None)


def test_one_who_is_blocked_may_nothing(people):
    calls = (
        lambda: people.enrol("zoe", track="dba"),
        lambda: people.tokens("zoe"),
        lambda: people.make_token("zoe", "x"),
        lambda: people.own_data("zoe", "zoe"),
        lambda: people.kinds("zoe", "zoe"),
        lambda: people.end_sessions("zoe", "zoe"),
        lambda: people.ask_to_be_forgotten("zoe"),
        lambda: people.mentors("zoe"),
    )

    for call in calls:
        with pytest.raises(AccessError):
            call()


# What is recorded of oneself


def test_everything_of_a_learner_is_told_from_every_table(journal):
    events.one_event_of_every_table(journal)

    data = own_data.everything(journal, "ann")

    theirs = {name for name in events.EVERY if name != "resolutions"}  # that one is bob's
    assert {name for name, rows in data.items() if rows} == theirs
    assert {kind.table for kind in own_data.kinds(journal, "ann")} == theirs
    assert data["turns"][0]["question"] == "How long are backups kept?"
    assert datetime.fromisoformat(data["turns"][0]["asked_at"]) == events.MONDAY


def test_every_table_belongs_to_a_learner_and_has_a_name_in_words():
    assert [name for name, table in schema.metadata.tables.items() if "learner" not in table.columns] == []
    assert set(own_data.TITLES) == set(schema.metadata.tables)


def test_own_data_holds_no_row_of_anybody_else_and_no_digest_of_a_token(journal):
    the_words_of(journal, "ann")
    the_words_of(journal, "bob", "Timbuktu")

    told = own_data.as_json(own_data.everything(journal, "bob")).decode()

    assert "Timbuktu" in told
    assert SECRET not in told
    assert "digest" not in told


def test_each_kind_is_counted_with_its_last_day(file):
    file.record_turn(events.a_turn())
    file.record_turn(events.a_turn("t2", asked_at=datetime(2026, 6, 1, 8, 0, tzinfo=UTC)))

    (kind,) = own_data.kinds(file, "ann")

    assert (kind.title, kind.rows) == ("Questions and answers", 2)
    assert kind.last_at == datetime(2026, 6, 1, 8, 0, tzinfo=UTC)


def test_a_spreadsheet_runs_nothing_of_what_was_typed(file):
    for number, question in enumerate(("=1+1", "+1", "-1", "@x", "\tx", "plain")):
        file.record_gap(f"g{number}", learner="ann", question=question, nearest=["a", "b"])

    packed = zipfile.ZipFile(io.BytesIO(own_data.as_zip(own_data.everything(file, "ann"))))

    rows = list(csv.DictReader(io.StringIO(packed.read("gaps.csv").decode("utf-8-sig"), newline="")))
    assert packed.namelist() == ["gaps.csv"]
    assert [row["question"] for row in rows] == ["'=1+1", "'+1", "'-1", "'@x", "'\tx", "plain"]
    assert json.loads(rows[0]["nearest"]) == ["a", "b"]


@pytest.mark.parametrize("by", ["bob", "mia", "tom", ""])
def test_nobody_but_the_operator_reads_what_is_recorded_of_another(people, by):
    for call in (people.own_data, people.kinds):
        with pytest.raises(AccessError):
            call(by, "ann")


def test_the_operators_look_is_in_the_audit_log_and_in_ones_own_data(people):
    people.own_data(OPERATOR, "ann")

    (deed,) = people.own_data("ann", "ann")["audit"]
    assert (deed["learner"], deed["about"]) == (OPERATOR, "ann")


# A learner never reads another's


def test_no_service_gives_a_learner_anothers_rows(journal):
    events.one_event_of_every_table(journal)
    journal.record_turn(events.a_turn("t9", conversation="c9"))
    quiz, lab, team = journal.quiz, journal.lab, journal.people

    of_bob = (
        journal.conversations("bob"),
        journal.turns("bob", "c9"),
        journal.feedback("bob", "c1"),
        journal.passages_read("bob"),
        quiz.sittings("bob"),
        quiz.sitting("bob", "s1") or [],
        quiz.attempts("bob", "s1"),
        quiz.responses("bob", "s1"),
        quiz.reviews_since("bob"),
        quiz.path("bob", "s1-0"),
        quiz.preferences("bob"),
        lab.runs("bob", "failover"),
        lab.checks("bob", "failover"),
        lab.hints("bob", "failover"),
        lab.predictions("bob", "failover"),
        team.sign_offs("bob"),
        team.tokens("bob"),
        team.certificates("bob"),
        team.enrolment("bob") or [],
    )

    assert [len(found) for found in of_bob] == [0] * len(of_bob)
    assert not journal.has_gap("g1", learner="bob")
    assert not quiz.hinted("bob", "s1-0")
    assert len(journal.turns("ann", "c9")) == 1


# The wish to be forgotten


def test_a_wish_waits_for_a_trainer_who_carries_it_out(people, file):
    people.ask_to_be_forgotten("bob")
    people.ask_to_be_forgotten("bob")
    (request,) = people.delete_requests("tom")

    people.confirm_forget("tom", "bob")

    assert (request.learner, request.name, request.email) == ("bob", "Bob", "bob@example.com")
    assert people.delete_requests("tom") == []
    assert file.people.person("bob") is None


def test_a_wish_can_be_taken_back(people):
    people.ask_to_be_forgotten("bob")
    people.take_back("bob")

    assert people.delete_requests("tom") == []
    assert people.asked_to_be_forgotten("bob") is None
    with pytest.raises(UsageError, match="Bob has not asked to be deleted"):
        people.confirm_forget("tom", "bob")


@pytest.mark.parametrize("by", ["ann", "bob", "mia", "zoe", ""])
def test_only_a_trainer_carries_it_out(people, file, by):
    people.ask_to_be_forgotten("bob")

    with pytest.raises(AccessError):
        people.confirm_forget(by, "bob")

    assert file.people.person("bob")


def test_only_the_operator_forgets_unasked_and_the_one_person_of_a_machine_themselves(people, file):
    alone = People(file, Access(file.people, solo=True))
    file.record_gap("g", learner=LOCAL, question="Is it raining?", nearest=[])

    with pytest.raises(AccessError):
        people.forget("tom", "bob")
    with pytest.raises(AccessError):
        alone.forget(LOCAL, "bob")
    people.forget(OPERATOR, "bob")
    alone.forget(LOCAL, LOCAL)

    assert own_data.count(file, LOCAL) == 0
    assert file.people.person("bob") is None


# What is left


def test_nothing_that_a_learner_wrote_or_is_called_is_left_and_everybody_else_keeps_all(journal):
    the_words_of(journal, "ann")
    the_words_of(journal, "bob", "Timbuktu")
    events.one_lab_event_of_each_kind(journal.lab)
    sits(a_quizmaster(journal), "ann", typed=SECRET)
    before = own_data.everything(journal, "bob")

    forgetting.forget(journal, "ann", by=OPERATOR)

    left = rows_of_everybody(journal)
    everything = json.dumps(left, default=str)
    assert SECRET not in everything
    assert '"ann' not in everything.replace(json.dumps(left["session_ends"], default=str), "")
    assert own_data.everything(journal, "bob") == before


def test_answers_stay_of_nobody_by_the_day_and_the_figures_of_the_items_do_not_change(journal):
    quizzes = a_quizmaster(journal)
    for learner, rightly in (("ann", True), ("bob", False), ("eve", True)):
        sits(quizzes, learner, rightly=rightly)
    before = quizzes.health()

    done = forgetting.forget(journal, "ann", by=OPERATOR)

    responses = rows_of_everybody(journal)["responses"]
    (nobody,) = {row["learner"] for row in responses} - {"bob", "eve"}
    theirs = [row for row in responses if row["learner"] == nobody]
    assert quizzes.health() == before
    assert done.kept == {"sittings": 1, "attempts": 3, "responses": 3}
    assert nobody.startswith("nobody-")
    assert [row["certainty"] for row in theirs] == ["sure"] * 3
    assert sorted(map(str, (row["given"] for row in theirs))) == ["{'picked': 'a'}", "{'picked': ['a', 'b']}", "{}"]
    assert {row["answered_at"].strftime("%H:%M:%S.%f") for row in theirs} == {"00:00:00.000000"}
    assert not any("ann" in row["key"] for row in theirs)


def test_a_process_that_knew_the_learner_forgets_their_schedule_and_their_path(file):
    dojo = fakes.FakeDojo(file)
    sits(dojo.quizzes, LOCAL)
    file.record_read("r1", learner=LOCAL, passage="handbook/backups#point-in-time-restore", document="handbook/backups")

    def met():
        cells = [cell for row in dojo.pathfinder.progress(LOCAL).heat for cell in row.cells]
        return sorted(cell.passage for cell in cells if cell.read), len(dojo.quizzes.schedule(LOCAL).memories)

    before = met()
    with Journal.open(f"sqlite:///{file.place}") as another:
        forgetting.forget(another, LOCAL, by=LOCAL)
    # The first row of a table that is empty again has the number of one that is gone.
    file.record_read("r2", learner=LOCAL, passage="handbook/backups#backup-retention", document="handbook/backups")

    assert before == (["handbook/backups#point-in-time-restore"], 3)
    assert met() == (["handbook/backups#backup-retention"], 0)


def test_nothing_is_kept_in_memory_of_who_was_forgotten(file):
    heard = []
    service = People(file, Access(file.people, solo=True), on_forgotten=heard.append)
    dojo = fakes.FakeDojo(file)
    sits(dojo.quizzes, LOCAL)
    before = len(dojo.quizzes.schedule(LOCAL).memories)

    service.forget(LOCAL, LOCAL)
    for part in (dojo.quizzes, dojo.pathfinder):
        part.drop(LOCAL)

    assert (before, heard) == (3, [LOCAL])
    assert len(dojo.quizzes.schedule(LOCAL).memories) == 0


def test_others_go_on_writing_while_somebody_is_forgotten(journal):
    the_words_of(journal, "ann")

    def read(number):
        journal.record_read(f"bob-{number}", learner="bob", passage="notes#backups", document="notes")

    with ThreadPoolExecutor(4) as threads:
        writing = [threads.submit(read, number) for number in range(60)]
        forgetting.forget(journal, "ann", by=OPERATOR)
        stored = [one.result() for one in writing]

    assert len(stored) == 60
    assert [one.times for one in journal.passages_read("bob")] == [60]
    assert SECRET not in json.dumps(rows_of_everybody(journal), default=str)


def test_the_audit_log_says_that_somebody_was_forgotten_and_not_who(journal):
    the_words_of(journal, "ann")
    journal.people.note("tom", "see somebody's answers", "ann", {"name": f"Ann {SECRET}"})
    journal.people.note("ann", "export the team's records", "everybody")

    forgetting.forget(journal, "ann", by="tom")

    told = [(deed.learner, deed.action, deed.about, deed.detail) for deed in journal.people.audit()]
    assert told == [
        ("tom", "forget", "forgotten", {}),
        ("forgotten", "export the team's records", "everybody", {}),
        ("tom", "see somebody's answers", "forgotten", {}),
    ]


def test_what_a_forgotten_mentor_did_for_others_stays_without_their_name(journal):
    the_words_of(journal, "ann")
    journal.people.enrol("bob", track="dba", mentor="ann")
    journal.people.sign_off("s", learner="bob", task="drill", state="signed", by=f"Ann {SECRET}")
    journal.people.resolve("r", kind="gap", about="bob-g", learner="ann", verdict="filled")

    forgetting.forget(journal, "ann", by=OPERATOR)

    assert journal.people.sign_offs("bob")["drill"].by == "forgotten"
    assert journal.people.enrolment("bob").mentor == ""
    assert journal.people.resolutions("gap")["bob-g"].learner == "forgotten"


def test_what_a_trainer_said_of_a_forgotten_question_goes_with_it(journal):
    the_words_of(journal, "ann")
    journal.people.resolve("r", kind="gap", about="ann-g", learner="tom", verdict="declined", note=f"{SECRET}?")

    forgetting.forget(journal, "ann", by=OPERATOR)

    assert journal.people.resolutions("gap") == {}


def test_a_block_outlives_forgetting_and_so_does_the_end_of_sessions(people, file):
    people.forget(OPERATOR, "zoe")
    people.forget(OPERATOR, "bob")

    assert file.people.role("zoe").role == "blocked"
    assert file.people.role("bob") is None
    assert file.people.sessions_valid_after("bob")


def test_somebody_of_whom_nothing_is_known_is_forgotten_without_complaint(journal):
    done = forgetting.forget(journal, "nobody-here", by=OPERATOR)

    assert (done.removed, done.kept) == ({}, {})


# All or nothing, and the journal refuses changes as before


def test_the_journal_refuses_changes_again_once_somebody_was_forgotten(journal, place):
    events.one_event_of_every_table(journal)
    forgetting.forget(journal, "eve", by=OPERATOR)

    changes = ["DELETE FROM {}", "UPDATE {} SET learner = 'x'", *(["TRUNCATE {} CASCADE"] * (place.kind != "sqlite"))]
    carried_out = [
        change.format(table)
        for table in events.EVERY
        for change in changes
        if "append-only" not in events.refusal_of(place, change.format(table))
    ]

    assert carried_out == []


@pytest.mark.parametrize("at", ["DROP TRIGGER", "DELETE FROM turns", "INSERT INTO responses", "CREATE TRIGGER"])
def test_a_kill_in_the_middle_leaves_everything_as_it_was(file, at):
    the_words_of(file, "ann")
    sits(a_quizmaster(file), "ann")
    before = rows_of_everybody(file)

    child = events.child(KILLED_AT, file.place, at)
    child.communicate(timeout=60)

    assert child.returncode == -signal.SIGKILL
    assert rows_of_everybody(file) == before
    assert "append-only" in events.refusal_of(SqlitePlace(Path(file.place)), "DELETE FROM turns")


KILLED_AT = """
import os, signal, sys
from sqlalchemy import event
from pgdojo.learner.forget import forget
from pgdojo.learner.journal import Journal

journal = Journal.open(f"sqlite:///{sys.argv[1]}")

@event.listens_for(journal.engine, "after_cursor_execute")
def kill(connection, cursor, statement, *rest):
    if statement.startswith(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

forget(journal, "ann", by="operator")
"""


def test_no_byte_of_what_was_written_is_left_in_the_file(file, tmp_path):
    for number in range(300):
        file.record_turn(events.a_turn(f"t{number}", question=f"{SECRET} {number} " + "x" * 300))
    assert SECRET.encode() in (tmp_path / "journal.sqlite3").read_bytes()

    done = forgetting.forget(file, "ann", by=OPERATOR)

    left = b"".join(path.read_bytes() for path in tmp_path.glob("journal.sqlite3*"))
    assert done.swept
    assert SECRET.encode() not in left


def test_a_role_that_may_only_add_rows_is_told_who_can(server_place):
    with Journal.open(server_place.url) as owner:
        the_words_of(owner, "ann")
    name = f"app_{server_place.name}"
    server_place.run(
        f"CREATE ROLE {name} LOGIN PASSWORD 'app'",
        f"GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO {name}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {name}",
    )

    with (
        Journal.open(server_place.url_of(name, "app")) as journal,
        pytest.raises(JournalError, match="pgdojo forget as the role that owns the tables"),
    ):
        forgetting.forget(journal, "ann", by="tom")

    assert server_place.count("turns") == 1
    server_place.run(f"DROP OWNED BY {name}", f"DROP ROLE {name}")


# In a terminal


@pytest.fixture
def pgdojo(people, file, monkeypatch):  # noqa: ARG001 - a team is there
    """Runs a command of the operator on the team's journal."""
    monkeypatch.setenv("PGDOJO_DATABASE_URL", f"sqlite:///{file.place}")

    def run(*arguments, answer=""):
        return CliRunner().invoke(cli.app, arguments, input=answer, catch_exceptions=True)

    return run


def test_the_operator_lists_people_grants_a_role_and_reads_that_in_the_audit_log(pgdojo, file):
    listed = pgdojo("people", "list").output.splitlines()
    granted = pgdojo("people", "grant", "ANN@example.com", "trainer", "--reason", "leads")
    audit = pgdojo("people", "audit").output

    assert [line for line in listed if "bob" in line] == ["learner  Bob <bob@example.com>  dba, mentor Mia  bob"]
    assert granted.output == "Ann is trainer now.\n"
    assert file.people.role("ann").role == "trainer"
    assert "operator: change roles, Ann (role trainer, reason leads)" in audit


def test_the_operator_signs_somebody_out(pgdojo, file):
    assert pgdojo("people", "signout", "bob").output == "Bob is signed out everywhere.\n"
    assert file.people.sessions_valid_after("bob")


def test_the_operator_hands_somebody_what_is_recorded_of_them_in_a_file_that_others_cannot_read(pgdojo, tmp_path):
    told = pgdojo("people", "export", "bob", str(tmp_path / "bob.json"))
    again = pgdojo("people", "export", "bob", str(tmp_path / "bob.json"))

    assert told.exit_code == 0
    assert json.loads((tmp_path / "bob.json").read_text())["enrolments"][0]["mentor"] == "mia"
    assert (tmp_path / "bob.json").stat().st_mode & 0o077 == 0
    assert isinstance(again.exception, UsageError)


def test_forgetting_says_what_goes_and_asks_before(pgdojo, file):
    file.record_gap("g", learner="bob", question="Is it raining?", nearest=[])

    declined = pgdojo("forget", "bob", answer="n\n")
    still_there = file.people.person("bob")
    done = pgdojo("forget", "bob", answer="y\n")

    assert "1  Questions without an answer" in declined.output
    assert (declined.exit_code, bool(still_there)) == (1, True)
    assert "3 rows are gone" in done.output
    assert file.people.person("bob") is None


def test_forgetting_somebody_who_is_not_there_names_the_nearest_and_changes_nothing(pgdojo, file):
    refused = pgdojo("forget", "bbo", "--yes")

    assert "Did you mean Bob?" in str(refused.exception)
    assert file.people.person("bob")
