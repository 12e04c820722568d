"""The pages without a browser: each state that a learner meets, from the entry file on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import tomllib

import fakes
import pytest
import streamlit as st
from streamlit import config
from streamlit.testing.v1 import AppTest

from pgdojo.ask.records import Answer
from pgdojo.course.records import SUPERSEDED
from pgdojo.errors import SearchIndexError, UsageError
from pgdojo.web import api, glossary, headers, resources, server, text, transcript
from pgdojo.web.questions import REASONS

pytestmark = pytest.mark.slow

ASK, BOOK = "app_pages/ask.py", "app_pages/book.py"


@pytest.fixture
def dojo(journal, served):
    return served(fakes.FakeDojo(journal))


@pytest.fixture
def visit(dojo):  # noqa: ARG001  # it must be open before the first visit
    """Opens the page Ask as a new visitor, under an address if one is given."""

    def visiting(**query):
        page = AppTest.from_file(str(server.MAIN), default_timeout=20).run().switch_page(ASK)
        for name, value in query.items():
            page.query_params[name] = value
        return page.run()

    return visiting


def read(visit, **query):
    """Opens the book under an address."""
    page = visit()
    for name, value in query.items():
        page.query_params[name] = value
    page = page.switch_page(BOOK)
    for name, value in query.items():
        page.query_params[name] = value
    return page.run()


def ask(page, question):
    return page.chat_input(key="ask_input").set_value(question).run()


def shown(page):
    """All text of a page."""
    kinds = (page.title, page.header, page.subheader, page.markdown, page.caption, page.info)
    return "\n".join(str(element.value) for elements in kinds for element in elements)


def conversation(page):
    value = page.query_params["c"]
    return value[0] if isinstance(value, list) else value


def turns_of(dojo):
    found = dojo.journal.conversations("local")
    return [turn for one in found for turn in dojo.journal.turns("local", one.id)]


def only_turn(dojo):
    (turn,) = turns_of(dojo)
    return turn


def test_an_empty_page_offers_the_four_questions_that_the_course_can_answer(visit, dojo):
    page = visit()

    assert not page.exception
    offered = [page.button(key=f"ask_suggestion_{n}").label.replace("\\", "") for n in range(4)]
    assert offered == list(dojo.suggestions())


def test_one_tap_on_a_suggestion_answers_it(visit, dojo):
    page = visit().button(key="ask_suggestion_0").click().run()

    assert not page.exception
    assert only_turn(dojo).question == fakes.FAILOVER
    assert "60 to 120 seconds" in shown(page)


def test_an_answer_shows_its_sentences_numbers_and_chips(visit, dojo):
    page = ask(visit(), fakes.FAILOVER)

    answer = Answer.from_plain(only_turn(dojo).answer)
    assert not page.exception
    assert "[\\[1\\]](book?passage=facts%23" in shown(page)
    for citation in answer.citations:
        assert text.literal(citation.document) in shown(page)
        assert text.as_of(citation.as_of) in shown(page)
    assert ":blue-background[" in shown(page)


def test_an_answer_that_rests_on_something_changed_quotes_the_notes_in_amber(visit, dojo):
    fact = next(one for one in dojo.facts() if one.standing in SUPERSEDED and one.notes_lines and one.asks)

    page = ask(visit(), fact.asks[0])

    answer = Answer.from_plain(only_turn(dojo).answer)
    then = [sentence for sentence in answer.sentences if sentence.role == "then"]
    assert then
    assert "**Changed since the notes**" in shown(page)
    assert text.literal(then[0].text) in shown(page)


def test_a_comparison_stands_in_one_column_a_subject(visit):
    page = ask(visit(), fakes.COMPARE)

    assert not page.exception
    assert "**RDS for PostgreSQL**" in shown(page)
    assert "**Aurora PostgreSQL**" in shown(page)


@pytest.mark.parametrize(
    ("question", "said", "gap"),
    [
        ("Who invented the umbrella?", "The material does not say this", True),
        ("What is the weather?", "not about the weather", False),
        ("zz", "too short to search for", False),
    ],
    ids=["not in the material", "out of scope", "unclear"],
)
def test_a_refusal_is_calm_and_offers_a_way_on(visit, dojo, question, said, gap):
    page = ask(visit(), question)

    key = only_turn(dojo).key
    assert not page.exception
    assert not page.error
    assert said in shown(page)
    assert (f"ask_gap_{key}" in [button.key for button in page.button]) is gap


def test_a_gap_is_stored_once_however_often_it_is_sent(visit, dojo):
    page = ask(visit(), "Who invented the umbrella?")
    turn = only_turn(dojo)

    second = visit(c=conversation(page))

    page.button(key=f"ask_gap_{turn.key}").click().run()
    again = second.button(key=f"ask_gap_{turn.key}").click().run()

    assert "Noted for the authors" in shown(again)
    assert len(dojo.journal.gaps()) == 1
    assert dojo.journal.gaps()[0].nearest


def test_a_follow_up_says_what_was_searched_for_and_can_be_reworded(visit, dojo):
    page = ask(visit(), fakes.FAILOVER)
    page = ask(page, "and for Aurora?")

    follow_up = turns_of(dojo)[1]
    assert "Searched for: How long does a Multi\\-AZ failover take, and for Aurora?" in shown(page)

    page.text_input(key=f"ask_reword_{follow_up.key}").set_value("How long does an Aurora failover take?")
    page = page.button(key=f"ask_again_{follow_up.key}").click().run()

    assert not page.exception
    assert turns_of(dojo)[2].standalone == "How long does an Aurora failover take?"


def test_a_next_question_is_asked_in_the_same_conversation(visit, dojo):
    page = ask(visit(), fakes.FAILOVER)
    key = only_turn(dojo).key

    page = page.pills(key=f"ask_next_{key}").set_value("What does Multi-AZ not detect?").run()

    turns = turns_of(dojo)
    assert not page.exception
    assert [turn.question for turn in turns] == [fakes.FAILOVER, "What does Multi-AZ not detect?"]
    assert len({turn.conversation for turn in turns}) == 1


def test_a_reload_finds_the_conversation_as_it_was(visit, dojo):
    first = ask(visit(), fakes.FAILOVER)

    again = visit(c=conversation(first))

    assert not again.exception
    assert [heading.value for heading in again.subheader] == [heading.value for heading in first.subheader]
    assert "60 to 120 seconds" in shown(again)
    assert len(turns_of(dojo)) == 1


@pytest.mark.parametrize("address", ["nosuch", "0" * 32, "a\0b", "x" * 5000])
def test_an_address_without_a_conversation_says_so_and_invites(visit, address):
    page = visit(c=address)

    assert not page.exception
    assert "There is no conversation under this address" in shown(page)
    assert page.button(key="ask_suggestion_0")
    assert not ask(page, fakes.FAILOVER).exception


def test_a_thumb_down_asks_for_a_reason_and_both_are_kept(visit, dojo):
    page = ask(visit(), fakes.FAILOVER)
    key = only_turn(dojo).key

    page = page.feedback(key=f"ask_thumbs_{key}").set_value(0).run()
    page = page.pills(key=f"ask_reason_{key}").set_value(REASONS[1]).run()
    again = visit(c=conversation(page))

    assert not again.exception
    given = dojo.journal.feedback("local", conversation(page))[key]
    assert (given.helpful, given.reason) == (False, REASONS[1])
    assert again.pills(key=f"ask_reason_{key}").value == REASONS[1]


def test_a_thumb_up_after_a_thumb_down_counts(visit, dojo):
    page = ask(visit(), fakes.FAILOVER)
    key = only_turn(dojo).key

    for thumb in (0, 1):
        page = page.feedback(key=f"ask_thumbs_{key}").set_value(thumb).run()

    assert dojo.journal.feedback("local", conversation(page))[key].helpful is True
    assert f"ask_reason_{key}" not in [pills.key for pills in page.pills]


@pytest.mark.parametrize(
    "question",
    [
        "<img src=x onerror=alert(1)>",
        "![x](http://elsewhere.example/x.png)",
        "[a](javascript:alert(1)) :red[b] $x$ `c` **d**",
        "# heading\n- list\n| a | b |",
    ],
)
def test_markup_in_a_question_is_text(visit, dojo, question):
    page = ask(visit(), question)

    heading = page.subheader[0].value
    assert not page.exception
    assert only_turn(dojo).question == question
    for sign in "<![`*$|":
        assert f"\\{sign}" in heading or sign not in heading


def test_a_conversation_can_be_renamed_and_deleted(visit, dojo):
    page = ask(visit(), fakes.FAILOVER)
    one = conversation(page)
    page.session_state[f"sidebar_menu_{one}"] = True
    page = page.run()

    page = page.text_input(key=f"sidebar_name_{one}").set_value("Failover times").run()
    assert dojo.journal.conversations("local")[0].title == "Failover times"

    page = page.button(key=f"sidebar_delete_{one}").click().run()
    assert len(dojo.journal.conversations("local")) == 1, "one tap deletes nothing"
    page = page.button(key=f"sidebar_really_{one}").click().run()

    assert not page.exception
    assert dojo.journal.conversations("local") == []
    assert page.button(key="ask_suggestion_0")


def test_a_download_holds_every_question_with_numbered_references(visit, dojo):
    page = ask(ask(visit(), fakes.FAILOVER), "and for Aurora?")
    turns = dojo.journal.turns("local", conversation(page))

    written = transcript.as_markdown(dojo.title, "Failover", turns)

    assert written.startswith("# Failover\n")
    assert f"## {fakes.FAILOVER}" in written
    assert "[1] " in written
    assert "knowledge/facts/" in written
    assert "https://docs.aws.amazon.com" in written


def test_the_contents_list_every_document(visit, dojo):
    page = read(visit)

    assert not page.exception
    labels = " ".join(link.label for link in page.get("page_link")).replace("\\", "")
    for document in dojo.documents():
        assert document.title in labels


@pytest.mark.parametrize("slug", [document.slug for document in fakes.course().documents])
def test_every_document_can_be_read(visit, slug):
    page = read(visit, doc=slug)

    assert not page.exception
    assert len(page.title) == 1


def test_a_deep_link_opens_the_document_with_the_words_highlighted_and_says_where(visit, dojo):
    passage = dojo.passage("handbook/backups#point-in-time-restore")
    span = passage.sentences[1]

    page = read(visit, passage=passage.id, **{"from": str(span.start), "to": str(span.end)})

    assert not page.exception
    assert "You are at: Backups and restore › Point\\-in\\-time restore" in shown(page)
    assert ":blue-background[Every five minutes " in shown(page)
    assert dojo.journal.passages_read("local")[0].passage == passage.id


def test_a_passage_is_recorded_as_read_once_a_visit(visit, dojo):
    page = read(visit, passage="notes#rds-postgresql-backups")

    page.run()

    assert [read.times for read in dojo.journal.passages_read("local")] == [1]


@pytest.mark.parametrize("bounds", [("9", "3"), ("x", "5"), ("0", "999999"), ("-1", "4")])
def test_bounds_that_make_no_sense_show_the_whole_passage(visit, bounds):
    page = read(visit, passage="notes#rds-postgresql-backups", **{"from": bounds[0], "to": bounds[1]})

    assert not page.exception
    assert ":blue-background[" not in shown(page)


def test_an_address_that_leads_nowhere_says_so(visit):
    page = read(visit, passage="notes#nosuch")

    assert not page.exception
    assert page.title[0].value == "Not in the book"


def test_the_notes_show_the_standing_of_each_line_with_its_facts(visit):
    page = read(visit, doc="notes")

    line = "Supports 9\\.4, 9\\.5, 9\\.6, 10, and 11"
    assert line in shown(page)
    labels = [popover.proto.popover.label for popover in page.get("popover")]
    assert any("Retired" in label for label in labels)


def test_a_handbook_page_draws_diagrams_boxes_and_fact_marks(visit):
    page = read(visit, doc="handbook/backups")

    assert "```mermaid" in shown(page)
    assert "**Then and now**" in shown(page)
    assert "[facts#" not in shown(page)
    assert "(book?passage=facts%23bk-two-kinds)" in shown(page)


def test_the_first_use_of_a_word_in_a_section_is_explained_on_hovering(visit, dojo):
    page = read(visit, doc="handbook/backups")

    sections = [said.value for said in page.markdown if "[RDS](#word-" in said.value]
    assert sections
    assert all(said.count("[RDS](#word-") == 1 for said in sections)
    term = next(term for term in dojo.terms() if term.term == "RDS")
    assert term.definition.split(";")[0] in sections[0]


def test_words_in_code_links_and_fact_marks_are_left_alone():
    terms = fakes.course().terms
    written = "`RDS` [RDS](https://x.example/RDS) [facts#rds] https://x.example/RDS"

    assert glossary.explained(written, terms, set()) == written


def test_the_ledger_is_filtered_by_words_topic_standing_and_date(visit, dojo):
    page = read(visit, doc="facts")
    assert "**300 facts**" in shown(page)

    page = page.text_input(key="book_text").set_value("failover seconds").run()
    page = page.pills(key="book_standing").set_value(["new"]).run()
    page = page.selectbox(key="book_year").set_value("2026").run()
    page = page.selectbox(key="book_topic_").set_value("ha").run()

    words = ("failover", "seconds")
    wanted = [
        fact
        for fact in dojo.facts()
        if fact.topic == "ha"
        and fact.standing == "new"
        and fact.as_of.startswith("2026")
        and all(word in f"{fact.subject} {fact.text} {fact.source_title} {fact.id}".lower() for word in words)
    ]
    assert wanted
    assert not page.exception
    assert f"**{len(wanted)} fact" in shown(page)
    for fact in wanted:
        assert text.literal(fact.text) in shown(page)


def test_filters_that_fit_nothing_say_what_to_do(visit):
    page = read(visit, doc="facts").text_input(key="book_text").set_value("umbrella").run()

    assert "No fact fits all of this" in shown(page)


def test_the_words_are_found_by_a_part_of_them(visit):
    page = read(visit, doc="words").text_input(key="book_words_text").set_value("kms").run()

    assert not page.exception
    assert "Key Management" in shown(page)


def test_while_the_index_is_built_the_page_shows_how_far_it_is(journal, monkeypatch):
    built = threading.Event()

    def slowly(report):
        report("Reading passages", 103, 412)
        built.wait(20)
        return fakes.FakeDojo(journal)

    monkeypatch.setattr(resources, "_open_course", slowly)
    monkeypatch.setattr("pgdojo.web.waiting.PATIENCE", 0.05)
    st.cache_resource.clear()

    page = AppTest.from_file(str(server.MAIN), default_timeout=20).run()
    assert not page.exception
    assert page.get("progress")[0].proto.value == 25
    assert "Reading passages\\: 103 of 412" in page.get("progress")[0].proto.text

    built.set()
    resources.opening().wait(5)
    assert page.run().title[0].value == "Welcome"


def test_a_course_that_cannot_be_opened_says_what_to_do_and_can_be_tried_again(journal, monkeypatch):
    tries = []

    def broken(_report):
        tries.append(1)
        if len(tries) > 1:
            return fakes.FakeDojo(journal)
        raise SearchIndexError("The search index is damaged.", next_step="Run pgdojo index to build it anew.")

    monkeypatch.setattr(resources, "_open_course", broken)
    st.cache_resource.clear()

    page = AppTest.from_file(str(server.MAIN), default_timeout=20).run()
    assert "Run pgdojo index to build it anew" in shown(page)

    page = page.button(key="waiting_again").click().run()
    assert page.title[0].value == "Welcome"


def test_a_stored_answer_comes_back_equal_by_way_of_json(dojo):
    for question in (fakes.FAILOVER, fakes.COMPARE, "Who invented the umbrella?"):
        answer = dojo.ask(question)

        assert Answer.from_plain(json.loads(json.dumps(answer.to_plain()))) == answer


def test_the_two_copies_of_the_settings_are_equal():
    at_the_root = fakes.ROOT / ".streamlit" / "config.toml"

    assert at_the_root.read_text(encoding="utf-8") == server.SETTINGS.read_text(encoding="utf-8")


def test_every_setting_is_known_to_streamlit():
    known = config.get_config_options()
    settings = server.settings()

    assert tomllib.loads(server.SETTINGS.read_text(encoding="utf-8"))
    assert [name for name in settings if name not in known] == []


STARTS = {
    "pgdojo serve": "from pgdojo.web.server import serve; serve(port=0)",
    "streamlit run app.py": (
        "from streamlit.web import cli; sys.argv = ['streamlit', 'run', sys.argv[1], "
        "'--server.port', '0', '--server.headless', 'true']; cli.main()"
    ),
}
WATCH = """
import json, os, signal, sys, threading, time, urllib.request
from streamlit import config

def tell():
    while True:
        time.sleep(0.1)
        try:
            port = config.get_option("server.port")
            address = f"http://127.0.0.1:{port}"
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=2)
            break
        except OSError:
            continue
    page = urllib.request.urlopen(address, timeout=5)
    options = {name: option.value for name, option in config.get_config_options().items()}
    with open(told, "w") as file:
        json.dump({"options": options, "headers": dict(page.headers)}, file, default=str)
    os.kill(os.getpid(), signal.SIGTERM)

told = sys.argv[-1]
threading.Thread(target=tell, daemon=True).start()
"""


@pytest.mark.parametrize("start", STARTS)
def test_the_running_server_has_the_settings_and_headers_that_are_promised(start, tmp_path):
    told = tmp_path / "told.json"
    environment = {**os.environ, "PYTHONPATH": str(fakes.ROOT / "src"), "HOME": str(tmp_path)}
    program = WATCH + STARTS[start]

    subprocess.run(
        [sys.executable, "-c", program, str(fakes.ROOT / "app.py"), str(told)],
        cwd=tmp_path,
        env=environment,
        timeout=60,
        check=False,
        capture_output=True,
    )

    effective = json.loads(told.read_text(encoding="utf-8"))
    promised = server.settings()
    assert {name: effective["options"][name] for name in promised} == promised
    sent = {name.lower(): value for name, value in effective["headers"].items()}
    assert sent["content-security-policy"] == headers.content_security_policy()
    assert "unsafe-eval'" not in sent["content-security-policy"].replace("'wasm-unsafe-eval'", "")
    assert (sent["x-content-type-options"], sent["x-frame-options"]) == ("nosniff", "DENY")
    assert sent["referrer-policy"] == "no-referrer"


def test_serving_other_machines_is_refused():
    with pytest.raises(UsageError, match="has no sign-in"):
        server.serve(host="0.0.0.0")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b"{}", "holds no text"),
        (b'{"question": ""}', "holds no text"),
        (b'{"question": 5}', "holds no text"),
        (b'{"question": "a", "more": 1}', "not known"),
        (b'{"question": "a", "history": "b"}', "history"),
        (b'{"question": "a", "history": [1]}', "history"),
        (b'{"question": "\\ud800"}', "no text"),
        (b'{"question": "' + b"a" * 5000 + b'"}', "the most"),
        (b"[" * 20000, "not JSON"),
        (b"\xff\xfe", "not JSON"),
    ],
)
def test_the_api_names_what_is_wrong_with_a_body(body, problem):
    with pytest.raises(UsageError, match=problem):
        api.parse(body)


def test_only_addresses_of_this_machine_are_loopback():
    inside = ("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1")
    outside = ("10.0.0.1", "0.0.0.0", "localhost", "", "::ffff:10.0.0.1", "testclient")

    assert all(map(headers.is_loopback, inside))
    assert not any(map(headers.is_loopback, outside))


@pytest.mark.parametrize(
    "written",
    [
        "![a](http://x.example/a.png)",
        "![a][b]\n\n[b]: http://x.example/a.png",
        "<img src=http://x.example/a.png>",
        "[a](javascript:alert(1))",
        "[a](data:text/html,b)",
        "<javascript:alert(1)>",
        ":red[a] :material/home: :streamlit:",
    ],
)
def test_a_document_can_neither_fetch_nor_act(written):
    safe = text.safe_markdown(written)

    assert "![" not in safe
    assert "](j" not in safe
    assert "](d" not in safe
    assert not [at for at in range(len(safe)) if safe[at] == "<" and safe[at - 1] != "\\"]
    assert ":red[" not in safe.replace("\\:red[", "")


def test_code_in_a_document_is_left_as_it_is():
    written = "Run `psql -c \"select '<b>' $1\"` and\n```\n![x](y) $z$\n```\n"

    assert text.safe_markdown(written) == written


@pytest.mark.parametrize(
    ("written", "start", "end", "drawn"),
    [
        ("One. Two. Three.", 5, 9, "One. :blue-background[Two.] Three."),
        ("- one\n- two", 2, 11, "- :blue-background[one]\n- :blue-background[two]"),
        ("| a | b |", 0, 9, "| :blue-background[a] | :blue-background[b] |"),
        ("a [b] c", 2, 4, "a [b] c"),
    ],
)
def test_a_highlight_keeps_the_markdown_whole(written, start, end, drawn):
    assert text.quotation(written, start, end) == drawn


@pytest.mark.parametrize(
    ("value", "said"), [("2026", "2026"), ("2026-04", "April 2026"), ("2026-12-14", "14 Dec 2026")]
)
def test_dates_are_as_exact_as_they_are_known(value, said):
    assert text.as_of(value) == said
