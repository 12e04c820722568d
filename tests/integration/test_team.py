"""What a trainer sees of the learners: who needs help and why, what the team knows, and what waits to be signed."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

import fakes
import pytest
from journal_events import MONDAY

from pgdojo.course.labs import load_labs
from pgdojo.course.path_records import LearningPath
from pgdojo.errors import AccessError, UsageError
from pgdojo.learner.journal import Journal
from pgdojo.learner.records import LabCheck, Turn
from pgdojo.path.progress import Pathfinder
from pgdojo.quiz.schedule import LEECH
from pgdojo.quiz.service import Quizmaster
from pgdojo.team import demo_answers
from pgdojo.team.access import OPERATOR, Access
from pgdojo.team.people import People
from pgdojo.team.records import Cell, Left, wilson
from pgdojo.team.roster import Team

pytestmark = pytest.mark.slow

FAILOVER = load_labs(fakes.ROOT)["failover"]
HIGH, PLAIN = "ob-single", "ob-multiple"
PATH = LearningPath.model_validate(
    {
        "title": "Backups",
        "tracks": [{"id": "dba", "name": "Administrator", "says": "You run databases."}],
        "modules": [
            {
                "id": "backups",
                "title": "Backups",
                "why": "Data is lost.",
                "minutes": 30,
                "objectives": [HIGH, PLAIN, "ob-numeric"],
                "labs": ["failover"],
                "team": [{"id": "list-our-databases", "title": "List them", "do": "Write a list.", "why": "To know."}],
            }
        ],
    }
)


class School:
    """A team on a clock that is set by hand: ann, bob and cid learn, mia is ann's mentor, tom trains."""

    def __init__(self, url):
        self.now = MONDAY
        self.journal = Journal.open(url, clock=self.clock)
        people = self.journal.people
        for learner in ("ann", "bob", "cid", "mia", "tom"):
            people.see(learner, issuer="id", subject=learner, name=learner.title())
        people.grant("mia", "mentor", by=OPERATOR)
        people.grant("tom", "trainer", by=OPERATOR)
        access = Access(people, solo=False)
        self.quizzes = Quizmaster(fakes.small_quiz(), fakes.passages().get, self.journal.quiz, self.clock)
        course = fakes.course()
        finder = Pathfinder(
            PATH,
            {FAILOVER.id: FAILOVER},
            self.quizzes,
            self.journal,
            documents=course.documents,
            passages=lambda slug: tuple(one for one in fakes.passages().values() if one.id.startswith(f"{slug}#")),
            clock=self.clock,
        )
        self.team = Team(self.journal, finder, self.quizzes, access, self.clock)
        self.people = People(self.journal, access, self.clock, on_forgotten=self.team.drop)
        self.sittings = 0

    def clock(self):
        return self.now

    def day(self, number, hour=9):
        self.now = MONDAY + timedelta(days=number, hours=hour)

    def answer(self, learner, objective, *, right=True, certainty="fairly"):
        item = next(one for one in self.quizzes.items.values() if one.objective == objective)
        self.sittings += 1
        sitting = self.quizzes.start(f"{self.sittings:032x}", learner, "practice", items=[item.id], count=1)
        question = self.quizzes.question(learner, self.quizzes.progress(learner, sitting.key))
        self.now += timedelta(seconds=20)
        given = demo_answers.given(item, random.Random(1), right=right)
        return self.quizzes.answer(learner, question.attempt, given, certainty)

    def check(self, learner, step, status, cause="held-up"):
        finding = {"check": cause, "status": status, "say": "It is not."}
        self.sittings += 1
        self.journal.lab.check(
            LabCheck(
                key=f"c{self.sittings}",
                learner=learner,
                lab=FAILOVER.id,
                rev=FAILOVER.rev,
                step=FAILOVER.steps[step].id,
                status=status,
                evidence={"findings": [finding]},
                checked_at=self.now,
            )
        )

    def troubles(self):
        return [(one.learner, one.troubles[0].reason) for one in self.team.help_today("tom")]


@pytest.fixture
def school(place):
    made = School(place.url)
    yield made
    made.journal.close()


# Who needs help


def test_whoever_fails_a_step_for_two_days_is_stuck_on_it(school):
    school.check("ann", 1, "not_yet")
    school.day(2)
    school.check("ann", 1, "misconfigured")

    (found,) = school.team.help_today("tom")

    (trouble,) = found.troubles
    assert (found.name, trouble.reason, trouble.about, trouble.times) == ("Ann", "stuck", "failover", 2)
    assert trouble.since == MONDAY
    assert FAILOVER.steps[1].title in trouble.title


def test_a_step_that_failed_for_a_day_or_was_passed_since_is_no_trouble(school):
    school.check("ann", 1, "not_yet")
    school.check("bob", 1, "not_yet")
    school.day(1)
    school.check("ann", 1, "not_yet")
    school.day(3)
    school.check("bob", 1, "passed")
    school.now = MONDAY + timedelta(days=1, hours=12)

    assert school.troubles() == []


def test_a_step_that_nobody_tried_for_a_month_is_given_up(school):
    school.check("ann", 1, "not_yet")
    school.day(31)

    assert school.troubles() == []


def test_four_lapses_on_an_objective_ask_for_a_person(school):
    for day in range(LEECH):
        school.day(day)
        school.answer("ann", PLAIN, right=False)
        assert school.troubles() == ([("ann", "lapses")] if day == LEECH - 1 else [])


def test_who_was_sure_and_wrong_on_what_matters_is_named_until_they_answer_rightly(school):
    school.answer("ann", HIGH, right=False, certainty="sure")
    school.answer("bob", HIGH, right=False, certainty="fairly")
    school.answer("cid", PLAIN, right=False, certainty="sure")
    assert school.troubles() == [("ann", "sure-and-wrong")]

    school.day(1)
    school.answer("ann", HIGH)

    assert school.troubles() == []


def test_silence_is_told_a_week_after_the_last_deed_of_somebody_on_the_path(school):
    school.journal.people.enrol("ann", track="dba")
    school.day(3)
    school.answer("ann", PLAIN)
    school.day(9)
    assert school.troubles() == []

    school.day(11)

    assert school.troubles() == [("ann", "quiet")]


def test_whoever_has_never_been_right_on_much_of_the_path_two_weeks_before_their_day_is_late(school):
    school.journal.people.enrol("ann", track="dba", target=date(2026, 6, 8))
    school.answer("ann", PLAIN)
    target = datetime(2026, 6, 8, tzinfo=UTC)

    school.now = target - timedelta(days=14, seconds=1)
    school.journal.record_read("r1", learner="ann", passage="p", document="d")
    assert school.troubles() == []
    school.now = target - timedelta(days=14)
    ((found,),) = [one.troubles for one in school.team.help_today("tom")]

    assert (found.reason, found.since) == ("target", school.now)
    assert found.left == Left(target=target.date(), left=2, total=3, high_left=1)


def test_whoever_was_right_once_on_the_whole_path_or_holds_its_certificate_is_not_late(school):
    for learner in ("ann", "bob"):
        school.journal.people.enrol(learner, track="dba", target=MONDAY.date() + timedelta(days=3))
    for objective in (HIGH, PLAIN, "ob-numeric"):
        school.answer("ann", objective)
    assert school.troubles() == [("bob", "target")]

    school.journal.people.certify("k", learner="bob", badge={})

    assert school.troubles() == []


def test_what_blocks_comes_first_and_then_the_longest(school):
    school.journal.people.enrol("cid", track="dba")
    school.answer("cid", HIGH, right=False, certainty="sure")
    school.day(6)
    school.check("bob", 1, "not_yet")
    school.day(9)
    school.answer("ann", HIGH, right=False, certainty="sure")

    found = school.team.help_today("tom")

    assert [one.learner for one in found] == ["bob", "cid", "ann"]
    assert [one.reason for one in found[1].troubles] == ["sure-and-wrong", "quiet"]


def test_nobody_who_was_blocked_or_only_trains_is_on_the_list(school):
    school.answer("tom", HIGH, right=False, certainty="sure")
    school.answer("ann", HIGH, right=False, certainty="sure")
    school.journal.people.grant("ann", "blocked", by=OPERATOR)

    assert school.troubles() == []


def test_a_forgotten_learner_is_off_the_list_at_once(school):
    school.answer("ann", HIGH, right=False, certainty="sure")
    assert school.troubles()

    school.people.forget(OPERATOR, "ann")

    assert school.troubles() == []


# What the team knows


def test_a_cell_counts_answers_and_has_no_share_below_five(school):
    for day in range(4):
        school.day(day)
        school.answer("ann", PLAIN, right=day > 0)
    few = school.team.grid("tom", "backups")

    school.day(5)
    school.answer("ann", PLAIN)
    enough = school.team.grid("tom", "backups")

    place = [name for name, _ in few.columns].index(PLAIN)
    (row,) = [row for row in few.rows if row.learner == "ann"]
    assert (row.cells[place].right, row.cells[place].answers, row.cells[place].share) == (3, 4, None)
    (row,) = [row for row in enough.rows if row.learner == "ann"]
    assert row.cells[place].share == pytest.approx(0.8)
    assert row.cells[place].interval == pytest.approx((0.3755, 0.9638), abs=1e-4)


def test_topics_add_up_objectives_and_everybody_adds_up_learners(school):
    school.answer("ann", PLAIN)
    school.answer("ann", HIGH, right=False)
    school.answer("bob", PLAIN)

    grid = school.team.grid("tom")

    place = [name for name, _ in grid.columns].index("backups")
    assert {row.learner: row.cells[place] for row in grid.rows} == {
        "ann": Cell(answers=2, right=1), "bob": Cell(answers=1, right=1), "cid": None,
    }  # fmt: skip
    assert grid.totals[place] == Cell(answers=3, right=2, learners=2)


def test_a_large_team_is_searched_and_shown_page_by_page(school):
    for number in range(30):
        school.journal.people.see(f"x{number:02d}", issuer="id", subject=str(number), name=f"Xeno {number:02d}")

    second = school.team.grid("tom", search="xeno", begin=25, most=25)

    assert (second.learners, [row.name for row in second.rows]) == (30, [f"Xeno {number}" for number in range(25, 30)])


@pytest.mark.parametrize(
    ("right", "answers", "low", "high"),
    [(0, 5, 0.0, 0.4345), (5, 5, 0.5655, 1.0), (5, 10, 0.2366, 0.7634), (90, 100, 0.8256, 0.9448)],
)
def test_the_interval_is_wilsons(right, answers, low, high):
    assert wilson(right, answers) == pytest.approx((low, high), abs=1e-4)


def test_readiness_is_what_will_be_remembered_on_the_day(school):
    school.journal.people.enrol("ann", track="dba", target=date(2026, 12, 24))
    school.answer("ann", PLAIN)
    school.answer("ann", HIGH)
    school.answer("ann", "ob-numeric", right=False)

    def ready(days):
        (found,) = school.team.readiness("tom", MONDAY.date() + timedelta(days=days))
        return found.ready, found.total, found.high_ready, found.high_total

    # By FSRS-6, recall after one good answer falls to 0.90 within 2.3 days; a wrong one is forgotten within hours.
    assert ready(2) == (2, 3, 1, 1)
    assert ready(30) == (0, 3, 0, 1)
    (schedule,) = [school.quizzes.schedule("ann").memories]
    at = datetime.combine(MONDAY.date() + timedelta(days=2), datetime.min.time(), UTC)
    assert sum(one.recall(at) >= 0.9 for one in schedule.values()) == 2


def test_readiness_tells_first_of_those_whose_target_comes_first(school):
    school.journal.people.enrol("ann", track="dba")
    school.journal.people.enrol("bob", track="dba", target=date(2027, 1, 5))
    school.journal.people.enrol("cid", track="dba", target=date(2026, 12, 24))

    assert school.team.on_the_path("tom") == ["cid", "bob", "ann"]
    assert [one.learner for one in school.team.readiness("tom", MONDAY.date())] == ["cid", "bob", "ann"]


# What waits to be signed


def put_forward(school, learner, task="list-our-databases"):
    school.journal.people.sign_off(
        f"{learner}-{task}", learner=learner, task=task, state="asked", by=learner, note="I did"
    )


def test_a_mentor_sees_and_signs_for_their_mentees_alone(school):
    school.journal.people.enrol("ann", track="dba", mentor="mia")
    put_forward(school, "ann")
    put_forward(school, "bob")

    assert school.team.mentees("mia") == [("ann", "Ann")]
    assert [one.learner for one in school.team.waiting("mia")] == ["ann"]
    assert {one.learner for one in school.team.waiting("tom")} == {"ann", "bob"}
    school.team.sign("mia", "s1", "ann", "list-our-databases", "signed", "I saw it")
    with pytest.raises(AccessError):
        school.team.sign("mia", "s2", "bob", "list-our-databases", "signed", "I saw it")

    said = school.journal.people.sign_offs("ann")["list-our-databases"]
    assert (said.state, said.by, said.note) == ("signed", "Mia", "I saw it")
    assert school.team.waiting("mia") == []
    assert [deed.about for deed in school.journal.people.audit()] == ["ann"]


def test_a_lab_whose_steps_could_not_be_checked_is_signed_like_a_task(school):
    put_forward(school, "ann", "lab:failover")

    (waiting,) = school.team.waiting("tom")
    school.team.sign("tom", "s1", "ann", "lab:failover", "signed", "Shown to me")

    assert FAILOVER.title in waiting.title
    assert school.journal.people.sign_offs("ann")["lab:failover"].state == "signed"


@pytest.mark.parametrize(
    ("task", "state", "note", "says"),
    [
        ("list-our-databases", "signed", "  ", "needs a note"),
        ("make-coffee", "signed", "seen", "no task 'make-coffee'"),
        ("lab:no-such", "signed", "seen", "no task"),
        ("list-our-databases", "asked", "seen", "cannot be asked"),
    ],
)
def test_a_sign_off_that_says_nothing_is_refused_and_nothing_is_stored(school, task, state, note, says):
    with pytest.raises(UsageError, match=says):
        school.team.sign("tom", "s1", "ann", task, state, note)

    assert school.journal.people.sign_offs("ann") == {}


def test_nobody_signs_for_themselves(school):
    put_forward(school, "tom")

    with pytest.raises(AccessError):
        school.team.sign("tom", "s1", "tom", "list-our-databases", "signed", "I saw it")


# One learner, and the labs


def test_a_look_at_what_somebody_did_is_written_down_and_a_look_at_ones_own_is_not(school):
    school.answer("ann", HIGH, right=False, certainty="sure")
    school.check("ann", 0, "passed")

    seen = school.team.evidence("tom", "ann")
    school.team.evidence("ann", "ann")

    assert [one.reason for one in seen.troubles] == ["sure-and-wrong"]
    assert [one.item for one in seen.responses] == [school.team.evidence("ann", "ann").responses[0].item]
    assert [one.status for one in seen.checks] == ["passed"]
    assert [(deed.learner, deed.about) for deed in school.journal.people.audit()] == [("tom", "ann")]


def test_somebody_who_is_not_there_is_named(school):
    with pytest.raises(UsageError, match="Nobody learns here as 'zed'"):
        school.team.evidence("tom", "zed")


def test_labs_are_judged_by_who_is_left_at_which_step_and_why(school):
    school.check("ann", 0, "not_yet", "replica-follows")
    school.check("ann", 0, "passed")
    for learner in ("ann", "bob"):
        school.check(learner, 1, "not_yet", "held-up")
    school.check("cid", 0, "could_not_check")

    found = school.team.friction("tom")

    assert found[0].asks == next(one.next for one in FAILOVER.steps[1].checks if one.id == "held-up")
    assert [(one.step, one.tried, one.passed, one.checks, one.could_not, one.cause) for one in found] == [
        (FAILOVER.steps[1].id, 2, 0, 2, 0, "held-up"),
        (FAILOVER.steps[0].id, 2, 1, 3, 1, "replica-follows"),
    ]


# Who may see it


@pytest.mark.parametrize("by", ["ann", "mia", ""])
@pytest.mark.parametrize(
    "look",
    [
        lambda team, by: team.help_today(by),
        lambda team, by: team.grid(by),
        lambda team, by: team.readiness(by, date(2026, 12, 1)),
        lambda team, by: team.on_the_path(by),
        lambda team, by: team.evidence(by, "bob"),
        lambda team, by: team.friction(by),
    ],
)
def test_the_team_is_shown_to_nobody_but_its_trainer(school, by, look):
    with pytest.raises(AccessError):
        look(school.team, by)


def test_a_trainer_who_was_revoked_is_refused_at_the_next_call(school):
    school.team.help_today("tom")
    school.journal.people.grant("tom", "learner", by=OPERATOR)

    with pytest.raises(AccessError):
        school.team.help_today("tom")


def test_what_others_did_meanwhile_is_seen_at_the_next_look(school, place):
    school.journal.people.enrol("ann", track="dba")
    school.day(9)
    assert school.troubles() == [("ann", "quiet")]

    with Journal.open(place.url) as other:
        other.record_turn(
            Turn(
                key="k",
                conversation="c",
                learner="ann",
                question="q",
                standalone="q",
                answer={"refusal": None},
                asked_at=school.now,
            )
        )

    assert school.troubles() == []
