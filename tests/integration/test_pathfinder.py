"""Where a learner stands is read from a real journal: what is done, what comes next, and what the map shows of it."""

from __future__ import annotations

import threading
import uuid
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest

from pgdojo.course.banks import Quizzes, fingerprint
from pgdojo.course.items import Objective, Single
from pgdojo.course.path_records import LearningPath
from pgdojo.course.records import Document, Passage
from pgdojo.errors import UsageError
from pgdojo.learner.journal import Journal
from pgdojo.learner.records import LabCheck, Turn
from pgdojo.path.progress import Pathfinder, lab_task
from pgdojo.quiz.service import Quizmaster

MONDAY = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)

PATH = LearningPath.model_validate(
    {
        "title": "From flour to bread",
        "tracks": [
            {"id": "baker", "name": "Baker", "says": "You bake."},
            {"id": "seller", "name": "Seller", "says": "You sell."},
        ],
        "modules": [
            {
                "id": "dough",
                "title": "Dough",
                "why": "Nothing rises without it.",
                "minutes": 30,
                "read": ["handbook/bread#knead"],
                "ask": ["How long does dough rest?"],
                "objectives": ["knead", "rest"],
                "gate": {"count": 3, "pass_mark": 0.5},
            },
            {
                "id": "oven",
                "title": "The oven",
                "why": "It is hot.",
                "minutes": 20,
                "tracks": ["baker"],
                "after": ["dough"],
                "objectives": ["heat"],
                "labs": ["light"],
                "team": [{"id": "find-our-oven", "title": "Find our oven", "do": "Look.", "why": "You will need it."}],
            },
            {
                "id": "shop",
                "title": "The shop",
                "why": "It sells.",
                "minutes": 5,
                "after": ["oven"],
                "ask": ["Who buys?"],
            },
        ],
    }
)


def passage(name, heading, *, facts=(), **more):
    document = name.split("#")[0]
    fields = {"kind": "fact" if document == "facts" else "handbook", "sentences": (), "first_line": 1, **more}
    return Passage(
        id=name, document=document, title="Bread", heading=heading, text=f"About {name}.", facts=facts, **fields
    )


PASSAGES = {
    "handbook/bread": (
        passage("handbook/bread#knead", ("Bread", "Knead"), facts=("facts#knead",)),
        passage("handbook/bread#knead.2", ("Bread", "Knead"), facts=("facts#rest",)),
        passage("handbook/bread#bake", ("Bread", "Bake"), facts=("facts#heat",)),
    ),
    "facts": tuple(
        passage(f"facts#{name}", (), subject=f"To {name}", as_of="2026-04") for name in ("knead", "rest", "heat")
    ),
}
DOCUMENT = Document(
    path="knowledge/handbook/bread.md",
    slug="handbook/bread",
    title="Bread",
    kind="handbook",
    topic="bread",
    summary="",
    order=1,
    text="",
    body_line=1,
)
OBJECTIVES = {"knead": "normal", "rest": "high", "heat": "normal"}


def item(objective, number, **more):
    right, wrong = (
        {"id": name, "text": f"Option {name}", "correct": name == "a", "why": f"Because of {name}."} for name in "ab"
    )
    fields = {"kind": "single", "rev": 1, "status": "published", "level": "apply", **more}
    dated = {"as_of": "2026-04", "review_by": "2027-04", "stem": "What?", "cites": [f"facts#{objective}"]}
    return Single.model_validate(
        {"id": f"{objective}-{number}", "objective": objective, "options": [right, wrong], **fields, **dated}
    )


ITEMS = [item(objective, number) for objective in OBJECTIVES for number in (1, 2)]
LAB = SimpleNamespace(
    id="light",
    rev=2,
    title="Light the oven",
    minutes=10,
    objectives=("heat",),
    steps=(SimpleNamespace(id="strike", cites=("facts#heat",)), SimpleNamespace(id="look", cites=())),
)


def find(name):
    return next((one for those in PASSAGES.values() for one in those if one.id == name), None)


class Learner:
    """Somebody who learns on a small course, on a clock that is set by hand."""

    def __init__(self, url):
        self.now = MONDAY
        self.journal = Journal.open(url, clock=self.clock)
        self.use(ITEMS)

    def clock(self):
        return self.now

    def use(self, items, *, path=PATH, passages=PASSAGES, objectives=OBJECTIVES):
        """Go on with a course as it is now."""
        lock = {one.id: {cited: fingerprint(find(cited)) for cited in one.cites} for one in items}
        known = {
            name: Objective(id=name, topic="bread", objective=f"To {name}.", criticality=criticality)
            for name, criticality in objectives.items()
        }
        quizzes = Quizzes(objectives=known, lock=lock, items={one.id: one for one in items})
        self.quizzes = Quizmaster(quizzes, find, self.journal.quiz, clock=self.clock)
        self.finder = Pathfinder(
            path,
            {"light": LAB},
            self.quizzes,
            self.journal,
            documents=[DOCUMENT],
            passages=lambda slug: passages.get(slug, ()),
            clock=self.clock,
        )

    def enrol(self, track="baker", **more):
        self.journal.people.enrol("ann", track=track, **more)
        self.finder.skip_placement("ann")

    def sit(self, *items, right=True, mode="practice", module=""):
        """Answer `items` in one sitting, unless there are none a quiz on `module`."""
        key = uuid.uuid4().hex
        if items:
            self.quizzes.start(key, "ann", mode, items=items, count=len(items), module=module)
        else:
            self.finder.start_quiz(key, "ann", module)
        asked = []
        while question := self.quizzes.question("ann", self.quizzes.progress("ann", key)):
            self.quizzes.answer("ann", question.attempt, {"picked": "a" if right else "b"}, "sure")
            asked.append(question.attempt.item)
        return asked

    def master(self, *objectives):
        """Answer as the rule of mastery wants it, over three days."""
        for number in (1, 2, 1):
            self.sit(*(f"{objective}-{number}" for objective in objectives))
            self.now += DAY

    def check(self, step, status, *, rev=2):
        self.journal.lab.check(
            LabCheck(
                key=uuid.uuid4().hex,
                learner="ann",
                lab="light",
                rev=rev,
                step=step,
                status=status,
                evidence={},
                checked_at=self.now,
            )
        )

    def ask(self, question, *cited, conversation="c1"):
        self.journal.record_turn(
            Turn(
                key=uuid.uuid4().hex,
                conversation=conversation,
                learner="ann",
                question=question,
                standalone=question,
                answer={"citations": [{"passage_id": name} for name in cited]},
                asked_at=self.now,
            )
        )

    def read(self, name):
        self.journal.record_read(uuid.uuid4().hex, learner="ann", passage=name, document="bread")

    def sign(self, task, state="signed"):
        self.journal.people.sign_off(uuid.uuid4().hex, learner="ann", task=task, state=state, by="bob", note="Seen.")

    @property
    def progress(self):
        return self.finder.progress("ann")

    @property
    def next(self):
        step = self.progress.next
        return step.kind, step.target

    def module(self, name):
        return next(one for one in self.progress.modules if one.module.id == name)

    def cell(self, name):
        return next(one for row in self.progress.heat for one in row.cells if one.passage == name)


@pytest.fixture
def ann(place):
    learner = Learner(place.url)
    yield learner
    learner.journal.close()


# What comes next


def test_a_newcomer_is_led_from_the_choice_of_a_track_to_the_end(ann):
    steps = [ann.next]
    ann.journal.people.enrol("ann", track="baker")
    steps.append(ann.next)
    ann.finder.skip_placement("ann")
    steps.append(ann.next)
    ann.read("handbook/bread#knead.2")
    steps.append(ann.next)
    ann.ask("how long does dough  rest")
    steps.append(ann.next)
    ann.sit(module="dough")
    steps.append(ann.next)
    ann.sit(module="oven")
    steps.append(ann.next)
    ann.check("strike", "passed")
    ann.check("look", "passed")
    steps.append(ann.next)
    ann.sign("find-our-oven", "asked")
    steps.append(ann.next)
    ann.ask("Who buys?")
    ann.sign("find-our-oven")
    steps.append(ann.next)
    ann.now += DAY
    ann.sit("knead-2", "rest-2", "heat-2")
    ann.now += DAY
    ann.sit("knead-1", "rest-1", "heat-1")
    steps.append(ann.next)

    assert steps == [
        ("enrol", ""),
        ("place", ""),
        ("read", "handbook/bread#knead"),
        ("ask", "How long does dough rest?"),
        ("quiz", "dough"),
        ("quiz", "oven"),
        ("lab", "light"),
        ("task", "find-our-oven"),
        ("ask", "Who buys?"),
        ("done", ""),
        ("certificate", ""),
    ]
    assert ann.progress.next.label == "The path is done"


def test_on_a_day_without_anything_to_do_the_next_review_is_named(ann):
    ann.use(ITEMS, path=PATH.model_copy(update={"modules": PATH.modules[:1]}))
    ann.enrol()
    ann.read("handbook/bread#knead")
    ann.ask("How long does dough rest?")
    ann.sit(module="dough")

    step = ann.progress.next

    # The objective of high criticality comes back after a day.
    assert (step.kind, step.label) == ("done", "That is all for today")
    assert "The next review comes on 2026-05-05" in step.says


def test_reviews_come_first_where_many_are_due_and_last_where_few_are(ann):
    ann.enrol()
    ann.sit("knead-1", "rest-1", "heat-1")
    ann.now += 10 * DAY
    few = ann.progress.due, ann.next

    names = [f"many-{letter}" for letter in "abcdefghij"]
    items = [*ITEMS, *(item(name, 1).model_copy(update={"cites": ("facts#heat",)}) for name in names)]
    ann.use(items, objectives={**OBJECTIVES, **dict.fromkeys(names, "normal")})
    ann.sit(*(f"{name}-1" for name in names))
    ann.now += 10 * DAY

    assert few == (3, ("read", "handbook/bread#knead"))
    assert (ann.progress.due, ann.next) == (13, ("review", ""))


def test_a_placement_that_was_begun_is_not_offered_again(ann):
    ann.journal.people.enrol("ann", track="baker")
    ann.quizzes.start("p", "ann", "placement")

    assert ann.next == ("read", "handbook/bread#knead")


def test_a_course_without_a_path_has_a_map_and_reviews_and_nothing_to_choose(ann):
    ann.use(ITEMS, path=LearningPath())

    progress = ann.progress

    assert (progress.track, progress.modules, progress.next.kind, progress.done) == (None, (), "done", False)
    assert len(progress.heat[0].cells) == 2


def test_a_track_that_has_left_the_path_is_chosen_anew(ann):
    ann.enrol("miller")

    assert ann.next == ("enrol", "")


# Modules


def test_a_module_waits_until_the_gate_before_it_is_passed(ann):
    ann.enrol()
    before = ann.module("oven")
    ann.sit(module="dough", right=False)
    failed = ann.module("oven")
    ann.sit(module="dough")
    passed = ann.module("oven")

    assert (before.state, before.waits_for) == ("waiting", ("Dough",))
    assert failed.state == "waiting"
    assert (passed.state, passed.waits_for) == ("open", ())


def test_a_module_that_the_track_leaves_out_holds_nothing_up(ann):
    ann.enrol("seller")

    assert [(one.module.id, one.state) for one in ann.progress.modules] == [("dough", "open"), ("shop", "open")]


def test_a_gate_counts_the_best_quiz_and_what_was_left_open_as_wrong(ann):
    ann.finder.start_quiz("q", "ann", "dough")
    unanswered = ann.module("dough").gate_best
    question = ann.quizzes.question("ann", ann.quizzes.progress("ann", "q"))
    ann.quizzes.answer("ann", question.attempt, {"picked": "a"})
    half = ann.module("dough").gate_best
    ann.sit("knead-1", module="dough", right=False)
    ann.sit("rest-1")

    assert (unanswered, half, ann.module("dough").gate_best) == (0.0, 0.5, 0.5)
    assert ann.module("oven").gate_best is None


def test_a_module_is_done_when_four_of_five_and_all_of_high_criticality_are_mastered(ann):
    ann.enrol()
    ann.master("knead")
    without_high = ann.module("dough")
    ann.master("rest")
    ann.sit("knead-2")

    done = ann.module("dough")

    assert (without_high.state, without_high.mastered, without_high.high_left) == ("open", 1, ("rest",))
    assert (done.state, done.mastered, done.total, done.high_left) == ("done", 2, 2, ())


def test_the_placement_does_for_a_normal_objective_and_not_for_one_of_high_criticality(ann):
    ann.quizzes.start("p", "ann", "placement")
    while question := ann.quizzes.question("ann", ann.quizzes.progress("ann", "p")):
        ann.quizzes.answer("ann", question.attempt, {"picked": "a"}, "sure")

    mastery = ann.finder.mastery("ann")

    assert {name: one.state for name, one in mastery.items()} == dict.fromkeys(OBJECTIVES, "known")
    assert ann.module("dough").high_left == ("rest",)
    assert ann.module("oven").state == "done"


def test_an_objective_that_has_nothing_to_ask_holds_no_module_up(ann):
    ann.use([one for one in ITEMS if one.objective != "rest"])
    ann.enrol()
    ann.master("knead")

    assert (ann.module("dough").state, ann.module("dough").total) == ("done", 1)


def test_a_module_on_which_nothing_can_be_asked_is_done_by_doing_the_rest(ann):
    ann.use(ITEMS, path=PATH.model_copy(update={"modules": (PATH.modules[1].model_copy(update={"objectives": ()}),)}))
    ann.enrol()
    ann.check("strike", "passed")
    ann.check("look", "passed")
    before = ann.module("oven").state
    ann.sign("find-our-oven")

    assert (before, ann.module("oven").state) == ("open", "done")


def test_a_task_stands_as_the_last_word_on_it_says(ann):
    unsaid = ann.module("oven").tasks["find-our-oven"]
    ann.sign("find-our-oven")
    ann.sign("find-our-oven", "revoked")

    assert unsaid is None
    assert ann.module("oven").tasks["find-our-oven"].state == "revoked"


# Labs


def test_a_lab_is_passed_when_every_step_of_its_present_revision_passed_once(ann):
    ann.check("strike", "passed")
    ann.check("look", "passed", rev=1)
    ann.check("look", "not_yet")
    before = ann.finder.labs_done("ann")
    ann.check("look", "passed")
    ann.check("look", "misconfigured")

    assert (before, ann.finder.labs_done("ann")) == (frozenset(), {"light"})


def test_a_step_that_could_not_be_checked_passes_no_lab_until_a_person_signs_for_it(ann):
    ann.check("strike", "passed")
    ann.check("look", "could_not_check")
    before, to_sign = ann.finder.labs_done("ann"), ann.module("oven").labs_to_sign
    ann.sign(lab_task("light"))

    assert (before, to_sign) == (frozenset(), ("light",))
    assert ann.finder.labs_done("ann") == {"light"}
    assert ann.module("oven").labs_to_sign == ()


def test_a_signature_does_not_stand_in_for_a_step_that_could_be_checked(ann):
    ann.check("look", "could_not_check")
    ann.sign(lab_task("light"))

    assert ann.finder.labs_done("ann") == frozenset()


def test_a_lab_is_wanted_only_on_a_track_that_holds_it(ann):
    ann.enrol("seller")
    seller = ann.finder.mastery("ann")["heat"].labs_wanted
    ann.enrol("baker")

    assert (seller, ann.finder.mastery("ann")["heat"].labs_wanted) == ((), ("light",))


# A quiz on a module


def test_a_quiz_on_a_module_asks_what_is_lacking_first_and_one_question_an_objective(ann):
    ann.sit("knead-1")

    asked = ann.sit(module="dough")

    assert [name.rsplit("-", 1)[0] for name in asked] == ["rest", "knead"]
    assert asked[1] == "knead-2"


def test_a_quiz_that_is_started_twice_under_one_key_is_one(ann):
    first = ann.finder.start_quiz("q", "ann", "dough")
    second = ann.finder.start_quiz("q", "ann", "dough")

    assert (first, first.plan["module"]) == (second, "dough")


@pytest.mark.parametrize(("module", "says"), [("cellar", "no module cellar"), ("shop", "nothing to ask on “The shop”")])
def test_a_quiz_on_nothing_is_refused_with_a_way_on(ann, module, says):
    with pytest.raises(UsageError, match=says) as error:
        ann.finder.start_quiz("q", "ann", module)

    assert error.value.next_step


# The map


def test_the_map_is_empty_before_anything_was_done(ann):
    assert [one.depth for row in ann.progress.heat for one in row.cells] == [0, 0]


def test_reading_a_piece_of_a_section_colours_its_heading_alone(ann):
    ann.read("handbook/bread#knead.2")

    assert [ann.cell(f"handbook/bread#{name}").read for name in ("knead", "bake")] == [True, False]


def test_an_answer_colours_the_headings_that_rest_on_what_it_cites(ann):
    ann.ask("How hot?", "facts#heat")
    ann.ask("How to knead?", "handbook/bread#knead", conversation="c2")
    both = [ann.cell(f"handbook/bread#{name}").asked for name in ("knead", "bake")]
    ann.journal.delete_conversation("d", learner="ann", conversation="c2")

    assert both == [True, True]
    assert [ann.cell(f"handbook/bread#{name}").asked for name in ("knead", "bake")] == [False, True]


def test_a_right_answer_and_a_passed_step_colour_what_they_rest_on(ann):
    ann.sit("knead-1", right=False)
    wrong = ann.cell("handbook/bread#knead").right
    ann.sit("rest-1")
    ann.check("strike", "passed")

    knead, bake = ann.cell("handbook/bread#knead"), ann.cell("handbook/bread#bake")

    assert wrong is False
    assert (knead.right, knead.practised) == (True, False)
    assert (bake.right, bake.practised) == (False, True)


def test_what_another_learner_did_colours_nothing(ann):
    ann.journal.record_read("r", learner="bob", passage="handbook/bread#knead", document="bread")
    ann.journal.people.enrol("bob", track="seller")

    assert [one.depth for row in ann.progress.heat for one in row.cells] == [0, 0]
    assert ann.progress.track is None


# What has changed


def dated(as_of):
    facts = tuple(
        passage(one.id, (), subject=one.subject, as_of=as_of if one.id == "facts#rest" else one.as_of)
        for one in PASSAGES["facts"]
    )
    return {**PASSAGES, "facts": facts}


@pytest.mark.parametrize(
    "learn",
    [lambda ann: ann.read("facts#rest"), lambda ann: ann.read("handbook/bread#knead"), lambda ann: ann.sit("rest-1")],
)
def test_a_fact_that_has_a_later_date_than_it_was_learned_is_told(ann, learn):
    ann.read("facts#heat")
    learn(ann)
    before = ann.progress.changed

    ann.use(ITEMS, passages=dated("2026-06"))

    assert before == ()
    (told,) = ann.progress.changed
    assert (told.kind, told.passage, told.subject, told.as_of) == ("fact", "facts#rest", "To rest", "2026-06")
    assert told.learned == MONDAY.date()


def test_a_fact_that_was_learned_again_since_it_changed_is_not_told(ann):
    ann.read("facts#rest")
    ann.use(ITEMS, passages=dated("2026-06-02"))
    before = ann.progress.changed
    ann.now = datetime(2026, 6, 3, tzinfo=UTC)
    ann.read("facts#rest")

    assert [one.passage for one in before] == ["facts#rest"]
    assert ann.progress.changed == ()


def test_a_date_without_a_day_is_not_later_than_a_day_within_it(ann):
    ann.read("facts#rest")

    ann.use(ITEMS, passages=dated("2026-05"))

    assert ann.progress.changed == ()


def test_a_question_that_has_another_right_answer_is_told_until_it_is_answered_anew(ann):
    ann.sit("knead-1")
    changed = [one if one.id != "knead-1" else item("knead", 1, rev=2, rev_kind="key") for one in ITEMS]

    ann.use(changed)
    before = ann.progress.changed
    ann.sit("knead-1")

    assert [(one.kind, one.item, one.passage) for one in before] == [("question", "knead-1", "facts#knead")]
    assert ann.progress.changed == ()


# The target date


def test_the_outlook_says_what_will_be_remembered_on_the_target_date(ann):
    ann.sit("knead-1", "rest-1")
    ann.journal.people.enrol("ann", track="baker", target=date(2026, 5, 5))
    soon = ann.progress.outlook
    ann.journal.people.enrol("ann", track="baker", target=date(2026, 8, 4))
    late = ann.progress.outlook

    # After one right answer recall falls to 0.9 after 2.3 days.
    assert (soon.ready, soon.total, soon.high_ready, soon.high_total) == (2, 3, 1, 1)
    assert (late.ready, late.high_ready) == (0, 0)


def test_without_a_target_date_there_is_no_outlook(ann):
    ann.enrol()

    assert (ann.progress.target, ann.progress.outlook) == (None, None)


# What is kept in memory


def test_what_was_read_bit_by_bit_is_what_a_fresh_start_reads_at_once(ann):
    ann.enrol(target=date(2026, 8, 4))
    for act in (
        lambda: ann.read("handbook/bread#knead"),
        lambda: ann.sit(module="dough"),
        lambda: ann.ask("Who buys?", "facts#heat"),
        lambda: ann.check("strike", "passed"),
        lambda: ann.sit("rest-2", right=False),
        lambda: ann.journal.delete_conversation("d", learner="ann", conversation="c1"),
    ):
        act()
        kept = ann.progress

    ann.use(ITEMS)

    assert ann.progress == kept


def test_a_learner_who_was_forgotten_begins_anew_in_a_process_that_knew_them(ann, place):
    ann.read("handbook/bread#knead")
    ann.sit("rest-1")
    known = ann.cell("handbook/bread#knead").depth

    lifted = {"sqlite": "DROP TRIGGER reads_refuse_delete", "postgresql": "SET session_replication_role = replica"}
    place.run(lifted[place.kind], "DELETE FROM reads")

    assert (known, ann.cell("handbook/bread#knead").depth) == (2, 1)


def test_threads_that_ask_at_once_get_the_same_answer(ann):
    ann.sit(module="dough")
    found = []

    threads = [threading.Thread(target=lambda: found.append(ann.progress)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 8
    assert all(one == found[0] for one in found)


def test_the_whole_course_tells_a_newcomer_where_to_begin(dojo, tmp_path):
    from pgdojo.course.labs import load_labs
    from pgdojo.course.paths import load_path

    with Journal.open(f"sqlite:///{tmp_path}/journal.sqlite3") as journal:
        quizzes = Quizmaster(dojo.quizzes.quizzes, dojo.passage, journal.quiz)
        finder = Pathfinder(
            load_path(dojo.course_folder),
            load_labs(dojo.course_folder),
            quizzes,
            journal,
            documents=dojo.documents(),
            passages=dojo.passages,
        )
        journal.people.enrol("ann", track="dba")
        finder.skip_placement("ann")

        progress = finder.progress("ann")

    assert (progress.next.kind, progress.next.label) == ("read", "Read “PostgreSQL options on AWS”")
    assert [one.state for one in progress.modules] == ["open", *["waiting"] * 9]
    assert sum(one.total for one in progress.modules) == 135
    assert len(progress.heat) == 10
