"""Labs without a browser: each state that a learner meets, from the entry file on, with a real server behind it."""

from __future__ import annotations

import time

import fakes
import pytest
from streamlit.testing.v1 import AppTest

from pgdojo.course.lab_records import Lab
from pgdojo.errors import LabError
from pgdojo.lab import runner
from pgdojo.web import server
from pgdojo.web.labs import plot, practise, statements
from pgdojo.web.labs.bench import AGAIN, SAME_STATEMENT, Bench

pytestmark = pytest.mark.slow

LABS, ASK, BOOK = "app_pages/labs.py", "app_pages/ask.py", "app_pages/book.py"
LEARNER = "local"
FACT = "facts#ha-rds-failover-time-instance"
OTHER = "facts#ha-replica-async"

HINTS = {
    "nudge": "What would hold a row?",
    "pointer": FACT,
    "partial": "CREATE TABLE begins it.",
    "solution": "CREATE TABLE tea (id int);",
}

SMALL = Lab.model_validate(
    {
        "id": "small",
        "rev": 1,
        "title": "One table, one crash",
        "summary": "You make a table, then you kill its server.",
        "topic": "ha",
        "order": 1,
        "level": "apply",
        "minutes": 3,
        "objectives": ["ob-single"],
        "cites": [FACT],
        "as_of": "2026-11",
        "review_by": "2099-01",
        "debrief": ["q-single", "q-short"],
        "sandbox": {"servers": [{"name": "primary"}]},
        "steps": [
            {
                "id": "table",
                "title": "Make a table",
                "why": "Rows need a place.",
                "do": "Make a table `tea` and put two rows into it.",
                "commands": [
                    {"in": "sql", "on": "primary", "run": "SELECT count(*) AS teas FROM tea;", "says": "Counts."},
                    {"in": "shell", "run": 'psql "$PRIMARY"'},
                ],
                "actions": [{"label": "Make it for me", "on": "primary", "sql": "CREATE TABLE tea (id int)"}],
                "cites": [FACT, OTHER],
                "checks": [
                    {
                        "id": "rows",
                        "kind": "sql",
                        "on": "primary",
                        "run": "SELECT count(*) FROM tea",
                        "expect": {"equals": "2"},
                        "why": "An empty table proves nothing.",
                        "next": "Count the rows yourself.",
                        "cites": [OTHER],
                        "when": [
                            {"error": "42P01", "status": "not_yet", "say": "There is no table tea yet."},
                            {"found": {"equals": "0"}, "status": "misconfigured", "say": "The table is empty."},
                        ],
                    }
                ],
                "hints": HINTS,
                "solution": [
                    {"on": "primary", "sql": "CREATE TABLE IF NOT EXISTS tea (id int)"},
                    {"on": "primary", "sql": "INSERT INTO tea VALUES (1), (2)"},
                ],
            },
            {
                "id": "crash",
                "title": "Kill the server",
                "why": "Servers die.",
                "do": "Kill it and start it again.",
                "predict": {"ask": "For how long do writes stop?", "unit": "seconds", "measure": "step_seconds"},
                "actions": [
                    {"label": "Kill it", "do": "kill", "on": "primary", "danger": True},
                    {"label": "Start it", "do": "start", "on": "primary"},
                ],
                "cites": [FACT],
                "checks": [
                    {
                        "id": "up",
                        "kind": "sql",
                        "on": "primary",
                        "run": "SELECT count(*) FROM tea",
                        "expect": {"equals": "2"},
                        "why": "A crash may not lose what was committed.",
                        "next": "Start the server.",
                    }
                ],
                "hints": HINTS,
                "solution": [{"do": "kill", "on": "primary"}, {"do": "start", "on": "primary"}],
            },
        ],
    }
)


@pytest.fixture
def dojo(journal, served, tmp_path):
    """A course with one small lab, whose sandbox is gone when the test is over."""
    found = served(fakes.FakeDojo(journal, labs={"small": SMALL}, home=tmp_path / "labs"))
    yield found
    found.labs.stop("small")


def visit(path=LABS, **query):
    """Opens a page under an address, as a new visitor."""
    page = AppTest.from_file(str(server.MAIN), default_timeout=60).run()
    return move(page, path, **query)


def move(page, path, **query):
    page = page.switch_page(path)
    page.query_params.clear()
    for name, value in query.items():
        page.query_params[name] = value
    return page.run()


def begun(page, *keys, seconds=60):
    """Clicks buttons one after the other, and waits for what each begins."""
    for key in keys:
        time.sleep(AGAIN)  # nobody clicks twice as fast as this test unless by a double click
        page.button(key=key).click().run()
        until_idle(page, seconds)
    return page


def until_idle(page, seconds=60):
    end = time.monotonic() + seconds
    while ":shimmer[" in shown(page):
        assert time.monotonic() < end, shown(page)
        time.sleep(0.2)
        page.run()
    assert not page.exception
    return page


def shown(page):
    """All text of a page, as Markdown."""
    kinds = (page.title, page.header, page.subheader, page.markdown, page.caption, page.info, page.code)
    return "\n".join(str(element.value) for elements in kinds for element in elements)


def keys(page):
    return [button.key for button in page.button]


def filled(page):
    """The buttons that are filled."""
    return [button.key for button in page.button if button.proto.type == "primary"]


def links(page):
    return [(link.proto.label.replace("\\", ""), link.proto.query_string) for link in page.get("page_link")]


def expanders(page):
    return [one.label for one in page.expander]


def type_sql(page, text, server="primary"):
    page.text_area(key=f"lab_sql_{server}").set_value(text)
    return page.button(key=f"lab_run_{server}").click().run()


@pytest.fixture
def running(dojo):  # noqa: ARG001  # it must be open before the first visit
    """The small lab, started by its button."""
    return begun(visit(lab="small"), "lab_start_small")


# Where nothing can be done


def test_a_course_without_labs_says_so(journal, served):
    served(fakes.FakeDojo(journal))

    page = visit()

    assert "This course has no labs yet" in shown(page)
    assert filled(page) == []


@pytest.mark.usefixtures("dojo")
def test_where_no_server_is_installed_the_page_names_the_one_command(monkeypatch):
    monkeypatch.setattr(runner, "_engines", lambda: ())

    catalogue, lab = visit(), visit(lab="small")

    for page in (catalogue, lab):
        assert not page.exception
        assert "pip install 'pgdojo[labs]'" in shown(page)
        assert filled(page) == []
    assert "lab_start_small" not in keys(lab)


@pytest.mark.usefixtures("dojo")
def test_an_unknown_address_leads_to_the_catalogue():
    page = visit(lab="nowhere")

    assert "There is no lab under this address" in shown(page)
    assert filled(page) == ["lab_begin"]


def test_a_start_that_fails_is_told_and_can_be_tried_again(journal, served, tmp_path):
    class Failing:
        @classmethod
        def create(cls, *_args, **_options):
            raise LabError("Port 5432 is taken.", next_step="End what listens there.")

        @classmethod
        def open(cls, _folder):
            return None

    served(fakes.FakeDojo(journal, labs={"small": SMALL}, home=tmp_path, sandboxes=Failing))

    page = begun(visit(lab="small"), "lab_start_small")

    assert "Port 5432 is taken" in shown(page).replace("\\", "")
    assert filled(page) == ["lab_start_small"]


# The catalogue


@pytest.mark.usefixtures("dojo")
def test_the_catalogue_groups_labs_by_topic_and_has_one_filled_button():
    page = visit()

    assert [head.value for head in page.subheader] == ["High availability"]
    assert "3 minutes · apply · 2 steps" in shown(page)
    assert filled(page) == ["lab_begin"]
    page = page.button(key="lab_begin").click().run()
    assert page.title[0].value == "One table, one crash"


@pytest.mark.usefixtures("dojo")
def test_a_lab_tells_what_it_starts_and_what_it_rests_on_before_it_starts():
    page = visit(lab="small")

    assert "Starts 1 server of PostgreSQL on this machine: primary." in shown(page)
    assert any("ha-rds-failover-time-instance" in query for _, query in links(page))
    assert filled(page) == ["lab_start_small"]


# A lab under way


def test_start_wrong_check_hint_right_done(running, dojo):
    page = running
    assert filled(page) == ["lab_check_table"]
    assert "Kill the server" in shown(page)

    begun(page, "lab_check_table")
    assert ":orange-badge[:material/history_edu: Not yet] **There is no table tea yet.**" in shown(page)
    assert "**Look at next** Count the rows yourself." in shown(page)

    begun(page, "lab_action_table_0", "lab_check_table")
    assert ":red-badge[:material/build: There, but not right] **The table is empty.**" in shown(page)

    begun(page, "lab_hint_table_0")
    assert "What would hold a row?" in shown(page)
    assert page.button(key="lab_hint_table_1").disabled

    type_sql(page, "INSERT INTO tea VALUES (1), (2);")
    begun(page, "lab_check_table")
    assert any("Make a table" in label and "check_circle" in label for label in expanders(page))

    assert "lab_check_crash" not in keys(page)
    page.number_input(key="lab_prediction_crash").set_value(4.0)
    page.button(key="lab_commit_crash").click().run()
    assert filled(page) == ["lab_check_crash"]
    begun(page, "lab_danger_really_crash_0")
    assert "Running" in shown(page)
    begun(page, "lab_action_crash_1", "lab_check_crash")

    assert any("predicted 4 seconds, measured" in label for label in expanders(page))
    assert "Every step is passed" in shown(page)
    assert filled(page) == ["lab_debrief_start"]
    assert dojo.labs.catalogue(LEARNER)[0].state == "done"

    page.button(key="lab_debrief_start").click().run()
    assert not page.exception
    (sitting,) = dojo.journal.quiz.sittings(LEARNER)
    assert set(sitting.plan["items"]) == {"q-single", "q-short"}


def test_the_console_runs_what_was_typed_and_tells_an_error_with_its_sqlstate(running):
    page = type_sql(running, "SELECT 1 AS one, 'a|b' AS two; SELECT nothing;")

    assert "| one | two |" in shown(page)
    assert "| 1 | a\\|b |" in shown(page)
    assert "`42703`" in shown(page)
    assert "The last statements" in expanders(page)


def test_a_command_runs_in_the_console_once_for_a_click(running):
    page = running.button(key="lab_command_table_0").click().run()

    assert "`42P01`" in shown(page)
    assert page.text_area(key="lab_sql_primary").value == "SELECT count(*) AS teas FROM tea;"


def test_the_sidebar_tells_of_a_running_lab_on_every_page_and_stops_it(running, dojo):
    page = move(running, ASK)
    assert ("Lab small is running", "lab=small") in links(page)

    begun(page, "sidebar_lab_stop_small")
    page.run()

    assert dojo.labs.sandbox("small") is None
    assert "sidebar_lab_stop_small" not in keys(page)


def test_on_new_servers_the_passed_steps_can_be_done_again(running):
    type_sql(running, "CREATE TABLE tea (id int); INSERT INTO tea VALUES (1), (2)")
    begun(running, "lab_check_table", "lab_reset_really")
    assert "These servers are new" in shown(running)

    begun(running, "lab_catch_up")

    assert "These servers are new" not in shown(running)
    assert "| 2 |" in shown(type_sql(running, "SELECT count(*) FROM tea"))


# Links


@pytest.mark.usefixtures("dojo")
def test_an_answer_and_a_fact_lead_to_the_lab_that_practises_them():
    page = visit(ASK)
    page.chat_input(key="ask_input").set_value(fakes.FAILOVER).run()
    book = visit(BOOK, passage=FACT)

    link = ("Practise it · One table, one crash", "lab=small")
    assert link in links(page)
    assert link in links(book)


def test_a_lab_that_cannot_be_used_here_leads_nowhere_and_breaks_nothing():
    class Broken:
        @property
        def labs(self):
            raise LabError("No.")

    assert practise.labs(Broken(), [FACT]) == []


# The parts


def test_the_same_click_begins_its_work_once():
    bench, done = Bench(), []

    for _ in range(2):
        bench.begin("small", "step", "Counting", lambda: done.append(1), "one-key")

    assert done == [1]


def test_a_second_half_of_a_double_click_begins_nothing_even_after_the_page_was_drawn():
    bench, done = Bench(), []

    for key in ("first", "second"):
        bench.begin("small", "step", "Counting", lambda: done.append(1), key)

    assert done == [1]


def test_a_statement_runs_once_for_a_double_click_and_again_when_it_is_meant():
    bench, run = Bench(), statements.Run(server="primary", text="insert")

    for key in ("first", "first", "second"):
        bench.run_once("small", key, "primary insert", lambda: run, "console")
    time.sleep(SAME_STATEMENT)
    bench.run_once("small", "third", "primary insert", lambda: run, "console")

    assert len(bench.runs("small")) == 2


def test_a_failure_is_kept_for_the_page_and_the_lab_is_free_again():
    bench = Bench()

    def fail():
        raise LabError("The standby is gone.")

    bench.begin("small", "step", "Promoting", fail, "one")

    assert bench.job("small") is None
    assert bench.told("small", "step").failed
    assert "The standby is gone." in bench.told("small", "step").said


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("select 1; select 2;", ["select 1", "select 2"]),
        ("select ';' as a", ["select ';' as a"]),
        ("do $$begin; end$$; select 1", ["do $$begin; end$$", "select 1"]),
        ("do $x$ a; $y$ b; $x$", ["do $x$ a; $y$ b; $x$"]),
        ("select 1 -- one; two\n; -- nothing", ["select 1 -- one; two"]),
        ("/* a; b */ select E'it\\'s; so'", ["/* a; b */ select E'it\\'s; so'"]),
        ('select "a;b"', ['select "a;b"']),
        (" ; ;", []),
    ],
)
def test_statements_are_parted_outside_of_quotes_and_comments(text, found):
    assert statements.statements(text) == found


def test_an_outage_is_the_longest_time_around_a_failure():
    points = [(0.0, True), (0.2, True), (0.4, False), (1.4, True), (1.6, False), (1.8, True)]

    assert plot.outage(points) == (0.2, 1.4, False)
    assert plot.outage(points[:2]) is None
    assert plot.outage(points[:3]) == (0.2, 0.4, True)
