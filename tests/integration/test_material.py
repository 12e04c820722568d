"""What a trainer sees of the material: gaps by meaning, complaints, what grows old; and what learners hear of it."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import fakes
import pytest
import yaml
from journal_events import one_event_of_every_table

from pgdojo.course.schemas import FactEntry
from pgdojo.errors import AccessError, UsageError
from pgdojo.learner.journal import Journal
from pgdojo.learner.material_journal import Unanswered
from pgdojo.learner.records import Turn
from pgdojo.team import gaps, links
from pgdojo.team.access import OPERATOR, Access
from pgdojo.team.material import Material
from pgdojo.web import questions

pytestmark = pytest.mark.slow

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
SPLUNK = "Can RDS send its logs to Splunk?"


@pytest.fixture
def journal(place):
    with Journal.open(place.url) as opened:
        yield opened


@pytest.fixture
def team(journal, tmp_path):
    """A team whose trainer is tom; ann and bob learn."""
    journal.people.grant("tom", "trainer", by=OPERATOR)
    served = fakes.FakeDojo(journal, home=tmp_path)
    served.access = Access(journal.people, solo=False)
    served.material = Material(
        served, journal, served.quizzes, served.access, served.clock, results=tmp_path / "links.json"
    )
    return served


def ask(team, question, learner="ann", *, key, note=False, conversation="c"):
    """Asks as the page Ask does, and notes the gap where that is wanted."""
    answer = team.ask(question)
    turn = Turn(
        key=key,
        conversation=conversation,
        learner=learner,
        question=question,
        standalone=answer.standalone,
        answer=answer.to_plain(),
        asked_at=NOON,
    )
    team.journal.record_turn(turn)
    if note:
        questions.note_gap(team, key, answer, learner=learner)
    return answer


def asked(question, *, key="k", learner="ann", noted=False):
    return Unanswered(key=key, learner=learner, question=question, nearest=(), asked_at=NOON, noted=noted)


# Gaps


def test_wordings_of_one_question_are_one_gap_and_other_questions_are_others(dojo):
    wanted = [
        [SPLUNK, "how do i ship postgres logs to splunk", "splunk integration for rds logs"],
        ["How do I tune autovacuum for a large table?", "autovacuum settings for big tables"],
        ["how many connections can a db.r6g.large take", "connection limit of a t4g.medium?"],
        ["Which time zone do maintenance windows use?"],
    ]
    said = [question for group in wanted for question in group]

    found = gaps.grouped([asked(one, key=str(n)) for n, one in enumerate(said)], dojo.encode(said))

    assert sorted(sorted(one.question for one in group.wordings) for group in found) == sorted(map(sorted, wanted))


def test_a_gap_counts_people_and_comes_first_where_most_people_asked(team):
    ask(team, "zebra zebra?", "ann", key="a" * 32)
    ask(team, "zebra zebra?", "ann", key="b" * 32)
    ask(team, "Walrus walrus?", "ann", key="c" * 32)
    ask(team, "walrus walrus?", "bob", key="d" * 32, note=True)

    first, second = team.material.gaps("tom")

    assert (first.group.question, first.group.asked, first.group.askers, first.group.noted) == (
        "walrus walrus?",
        2,
        2,
        1,
    )
    assert (second.group.question, second.group.asked, second.group.askers) == ("zebra zebra?", 2, 1)
    assert second.group.last_at == NOON


def test_a_gap_that_is_noted_after_somebody_looked_is_counted_at_once(team):
    answer = ask(team, "zebra zebra?", key="a" * 32)
    assert [one.group.noted for one in team.material.gaps("tom")] == [0]

    questions.note_gap(team, "a" * 32, answer, learner="ann")

    assert [one.group.noted for one in team.material.gaps("tom")] == [1]


def test_what_was_answered_or_is_not_of_the_course_is_no_gap(team):
    assert not ask(team, fakes.FAILOVER, key="a" * 32).refused
    assert ask(team, "What will the weather be?", key="b" * 32).refusal.kind == "out_of_scope"

    assert team.material.gaps("tom") == []


def test_a_deleted_conversation_shows_no_gap_but_one_that_was_noted_stays(team):
    ask(team, "zebra zebra?", key="a" * 32)
    ask(team, "walrus walrus?", key="b" * 32, note=True)
    team.journal.delete_conversation("d", learner="ann", conversation="c")

    assert [one.group.question for one in team.material.gaps("tom")] == ["walrus walrus?"]


def test_a_forgotten_learners_questions_are_gone_at_once(team):
    ask(team, "zebra zebra?", key="a" * 32)
    assert len(team.material.gaps("tom")) == 1

    team.people.forget(OPERATOR, "ann")

    assert team.material.gaps("tom") == []


def test_the_stub_is_an_entry_of_the_ledger_that_only_lacks_its_words(team, dojo):
    team.search = dojo.search
    ask(team, "zebra backups zebra?", key="a" * 32)
    (gap,) = team.material.gaps("tom")

    (entry,) = yaml.safe_load(gap.stub.fact)

    filled = FactEntry(
        **entry | {"id": "new-fact", "source": "https://example.com/a", "fact": "A zebra uses no port at all."}
    )
    assert filled.asks == (gap.group.question,)
    assert gap.stub.facts_file == "knowledge/facts/backups.yaml"
    assert gap.stub.page == "knowledge/handbook/backups.md"
    assert f"# {gap.stub.heading}\n" in (fakes.ROOT / gap.stub.page).read_text(encoding="utf-8")


def test_a_settled_gap_is_not_shown_again_and_its_note_is_kept(team):
    ask(team, "zebra zebra?", key="a" * 32)
    (gap,) = team.material.gaps("tom")

    team.material.resolve("tom", "gap", gap.group.keys, "dismissed", " not ours ")

    assert team.material.gaps("tom") == []
    (resolution,) = team.journal.people.resolutions("gap").values()
    assert (resolution.learner, resolution.verdict, resolution.note) == ("tom", "dismissed", "not ours")


def test_a_verdict_that_does_not_exist_is_named(team):
    with pytest.raises(UsageError, match="gap cannot be burnt"):
        team.material.resolve("tom", "gap", ["k"], "burnt")


# Now answered


def learn_to_answer(team, question):
    """The course changes, so that it answers `question`."""
    before = team.ask
    team.ask = lambda asked, history=(): before(fakes.FAILOVER if asked == question else asked, history)
    team.version = f"with {question}"


def test_a_filled_gap_is_closed_and_its_askers_are_told_once(team):
    ask(team, "zebra zebra?", "ann", key="a" * 32)
    ask(team, "zebra zebra?", "bob", key="b" * 32)
    ask(team, "walrus walrus?", "ann", key="c" * 32)
    learn_to_answer(team, "zebra zebra?")

    closed = team.material.rerun()

    assert closed == 2
    assert [one.group.question for one in team.material.gaps("tom")] == ["walrus walrus?"]
    (told,) = team.material.answered_for("ann")
    assert (told.question, told.passages[0]) == ("zebra zebra?", "facts#ha-rds-failover-time-instance")
    team.material.seen("ann")
    assert team.material.answered_for("ann") == []
    assert [one.question for one in team.material.answered_for("bob")] == ["zebra zebra?"]


def test_what_is_answered_later_is_told_after_the_first_was_seen(team):
    ask(team, "zebra zebra?", key="a" * 32)
    ask(team, "walrus walrus?", key="c" * 32)
    learn_to_answer(team, "zebra zebra?")
    team.material.rerun()
    team.material.seen("ann")
    learn_to_answer(team, "walrus walrus?")

    team.material.rerun()

    assert [one.question for one in team.material.answered_for("ann")] == ["walrus walrus?"]


def test_questions_are_asked_again_only_where_the_course_has_changed(team):
    ask(team, "zebra zebra?", key="a" * 32)
    team.material.rerun()
    told = []
    team.ask = lambda question, history=(): told.append(question)  # noqa: ARG005

    assert team.material.rerun() == 0
    assert told == []


# Thumbs, disputes, items


def test_a_thumb_down_is_shown_until_it_is_settled_and_again_after_a_new_one(team):
    ask(team, fakes.FAILOVER, key="a" * 32)
    team.journal.record_feedback("f1", learner="ann", turn="a" * 32, helpful=False, reason="Out of date")
    (one,) = team.material.thumbs_down("tom")
    assert (one.question, one.reason) == (fakes.FAILOVER, "Out of date")

    team.material.resolve("tom", "thumb", [one.turn], "handled")
    assert team.material.thumbs_down("tom") == []

    team.journal.record_feedback("f2", learner="ann", turn="a" * 32, helpful=False, reason="Wrong")
    assert [one.reason for one in team.material.thumbs_down("tom")] == ["Wrong"]


def test_a_thumb_that_was_turned_up_is_no_complaint(team):
    ask(team, fakes.FAILOVER, key="a" * 32)
    team.journal.record_feedback("f1", learner="ann", turn="a" * 32, helpful=False)
    team.journal.record_feedback("f2", learner="ann", turn="a" * 32, helpful=True)

    assert team.material.thumbs_down("tom") == []


def test_a_dispute_names_the_item_until_it_is_settled(team):
    one_event_of_every_table(team.journal)
    (one,) = team.material.disputes("tom")

    team.material.resolve("tom", "dispute", [one.dispute.attempt], "handled", "the key was wrong")

    assert one.dispute.words
    assert team.material.disputes("tom") == []


def test_items_with_fewer_than_five_answers_have_no_figures(team):
    one_event_of_every_table(team.journal)

    assert team.quizzes.health() == [] or max(one.answers for one in team.quizzes.health()) < 5
    assert team.material.health("tom") == []


# What grows old


@pytest.mark.parametrize(
    ("as_of", "last_day", "is_old"),
    [
        ("2025", date(2025, 12, 31), False),
        ("2024", date(2024, 12, 31), True),
        ("2025-11", date(2025, 11, 30), False),
        ("2025-10", date(2025, 10, 31), True),
        ("2024-02", date(2024, 2, 29), True),
        ("2025-11-02", date(2025, 11, 2), False),
        ("2025-11-01", date(2025, 11, 1), True),
    ],
)
def test_a_fact_is_old_a_year_after_the_last_day_that_its_date_may_mean(team, as_of, last_day, is_old):
    fact = replace(team.facts()[0], as_of=as_of)
    team.facts = lambda: (fact,)
    material = Material(team, team.journal, team.quizzes, team.access, lambda: NOON)

    assert [one.last_day for one in material.old_facts("tom")] == ([last_day] if is_old else [])


class Pages(BaseHTTPRequestHandler):
    """`/here` is there, `/gone` is not, `/old` has moved, `/shy` refuses HEAD, `/broken` fails."""

    def do_HEAD(self):
        self.answer({"/shy": 405}.get(self.path))

    def do_GET(self):
        self.answer(None)

    def answer(self, status):
        status = status or {"/gone": 404, "/old": 301, "/broken": 500}.get(self.path, 200)
        self.send_response(status)
        if status == 301:
            self.send_header("Location", "/here")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def site():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_each_page_is_looked_for_once_and_told_as_it_was_found(site):
    names = ["here", "here#part", "gone", "old", "shy", "broken"]

    states = links.check_links([*(f"{site}/{name}" for name in names), "http://127.0.0.1:9/closed"])

    assert {one.url.rsplit("/", 1)[1]: one.found for one in states} == {
        "here": "reached", "gone": "gone", "old": "moved", "shy": "reached", "broken": "unclear", "closed": "unclear",
    }  # fmt: skip
    assert [one.says for one in states if one.found == "moved"] == [f"now at {site}/here"]


def test_pages_that_are_gone_come_first_with_the_facts_that_rest_on_them(team, site, tmp_path):
    facts = [replace(one, source=f"{site}/{name}") for one, name in zip(team.facts(), ("here#x", "gone"), strict=False)]
    team.facts = lambda: tuple(facts)
    assert [one.state for one in team.material.sources("tom")] == [None, None]

    links.keep(links.check_links([one.source for one in facts]), tmp_path / "links.json")

    gone, here = team.material.sources("tom")
    assert (gone.url, gone.state.found, gone.facts) == (f"{site}/gone", "gone", (facts[1].id,))
    assert (here.url, here.state.found) == (f"{site}/here", "reached")


def test_what_was_not_looked_at_this_time_keeps_its_last_result(tmp_path):
    file = tmp_path / "links.json"
    first = links.LinkState(url="https://a.example", found="gone", says="status 404", checked_at=NOON)
    second = replace(first, url="https://b.example", found="reached")

    links.keep([first], file)
    links.keep([second, replace(second, checked_at=NOON + timedelta(days=1))], file)

    assert [(one.url, one.checked_at.day) for one in links.read(file)] == [
        ("https://a.example", 2),
        ("https://b.example", 3),
    ]


@pytest.mark.parametrize("held", ["no JSON", "[1]", json.dumps([{"url": "x"}])])
def test_a_damaged_file_of_results_is_named(tmp_path, held):
    file = tmp_path / "links.json"
    file.write_text(held, encoding="utf-8")

    with pytest.raises(UsageError, match=r"links\.json does not hold the results"):
        links.read(file)


# Who may see it


@pytest.mark.parametrize("by", ["ann", ""])
@pytest.mark.parametrize(
    "look",
    [
        lambda material, by: material.gaps(by),
        lambda material, by: material.thumbs_down(by),
        lambda material, by: material.disputes(by),
        lambda material, by: material.health(by),
        lambda material, by: material.old_facts(by),
        lambda material, by: material.sources(by),
        lambda material, by: material.resolve(by, "gap", ["k"], "handled"),
    ],
)
def test_the_material_is_shown_to_nobody_who_only_learns(team, by, look):
    with pytest.raises(AccessError):
        look(team.material, by)
