"""What a question asks for is read from its words."""

from __future__ import annotations

import pytest

from pgdojo.ask.lexicon import Lexicon
from pgdojo.ask.question import Question, clean, understand, without_markup
from pgdojo.course.records import Foreign, Term

TERMS = [
    Term(id="pitr", term="point-in-time recovery", aliases=("PITR",), definition="", topic="backups", see=()),
    Term(id="rds", term="RDS", aliases=("Amazon RDS",), definition="", topic="options", see=()),
    Term(id="proxy", term="RDS Proxy", aliases=(), typed=("rds proxi",), definition="", topic="ha", see=()),
]
FOREIGN = [Foreign(term="Cosmos DB", group="database", aliases=("cosmosdb",), says="Cosmos DB is a database of Azure.")]
WORDS = {"restore": 9, "failover": 30, "replica": 20, "pages": 4, "serverless": 12, "storage": 25, "rds": 80}
ENGLISH = {"the", "weather", "pager", "how", "does", "work", "table"}


@pytest.fixture
def lexicon():
    return Lexicon(TERMS, FOREIGN, WORDS, known=ENGLISH.__contains__)


def read(text: str) -> Question:
    return Question(text=text, terms=(), foreign=())


@pytest.mark.parametrize(
    ("typed", "seen"),
    [
        ("how\tlong\n\ndoes it take", "how long does it take"),
        ("a\x00b\x1b[31mc", "a b [31mc"),
        ("zero\u200bwidth and \u202eright to left", "zero width and right to left"),
        ("lone \ud800 surrogate", "lone surrogate"),
        ("", ""),
    ],
)
def test_what_cannot_be_seen_falls_away(typed, seen):
    assert clean(typed) == seen


def test_markup_is_not_searched_for():
    assert without_markup("<img src=x onerror=alert(1)> what is an ACU?") == "what is an ACU?"
    assert without_markup("is 3 < 5 and 7 > 2") == "is 3 < 5 and 7 > 2"
    assert without_markup("<b></b>") == "<b></b>"


@pytest.mark.parametrize(
    ("text", "wants"),
    [
        ("What does RDS Proxy cost per month?", {"price", "sum of money"}),
        ("Which port does it use?", {"port"}),
        ("Since when has Serverless v2 been available?", {"date"}),
        ("How long does a failover take?", {"duration"}),
        ("How many replicas can I have?", {"count"}),
        ("Why is the first read slow?", {"reason"}),
    ],
)
def test_the_kind_of_thing_asked_for_is_known(text, wants):
    assert wants <= {want.name for want in read(text).wants}


@pytest.mark.parametrize(
    ("text", "is_yes_no"),
    [
        ("Can I read from the standby?", True),
        ("is the standby readable", True),
        ("Is it RDS or Aurora?", False),
        ("How do I read from the standby?", False),
        ("What is a standby?", False),
    ],
)
def test_a_yes_no_question_is_known_by_its_opening(text, is_yes_no):
    assert read(text).yes_no is is_yes_no


def test_the_noun_that_is_asked_for_is_its_focus():
    assert read("Which storage class do snapshots use?").focus == ["storag", "class"]
    assert read("How does it work?").focus == []


def test_a_term_is_found_by_any_name_and_the_longest_wins(lexicon):
    assert [term.id for term in lexicon.names("does PITR work behind RDS Proxy").terms] == ["pitr", "proxy"]
    assert [term.id for term in lexicon.names("point in time recovery on Amazon RDS").terms] == ["pitr", "rds"]


def test_a_foreign_subject_is_named(lexicon):
    assert [entry.term for entry in lexicon.names("is cosmosdb faster").foreign] == ["Cosmos DB"]


@pytest.mark.parametrize(
    ("typed", "mended"),
    [
        ("how does failvoer work", "how does failover work"),
        ("servreless storge", "serverless storage"),
        ("rds proxi", "RDS Proxy"),
        ("the weather pager", "the weather pager"),  # words of the language
        ("db.r8g.large v2", "db.r8g.large v2"),  # identifiers
        ("replicas", "replicas"),  # a plural
    ],
)
def test_slips_are_mended_and_right_words_left_alone(lexicon, typed, mended):
    assert lexicon.mend(typed) == mended


def test_the_word_index_is_asked_for_a_terms_own_words_too(lexicon):
    assert {"point", "time", "recoveri", "granular"} <= set(understand("pitr granularity", lexicon).index_terms)
