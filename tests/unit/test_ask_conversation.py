"""A follow-up is searched for as the question that it stands for."""

from __future__ import annotations

import pytest

from pgdojo.ask.conversation import standalone
from pgdojo.ask.lexicon import Lexicon
from pgdojo.course.records import Term


def term(name: str, *aliases: str, group: str = "") -> Term:
    return Term(id=name, term=name, aliases=aliases, definition="", topic="ha", see=(), group=group)


LEXICON = Lexicon(
    [
        term("Multi-AZ", group="service"),
        term("Aurora", group="service"),
        term("RDS", group="service"),
        term("failover"),
        term("IAM", group="login"),
        term("Kerberos", group="login"),
    ],
    [],
    {},
    known=lambda _word: True,
)


@pytest.mark.parametrize(
    ("history", "question", "wanted"),
    [
        ([], "how long does that take?", "how long does that take?"),
        (["How long does a Multi-AZ failover take?"], "and for Aurora?", "How long does Aurora failover take?"),
        (["How long does a Multi-AZ failover take?"], "what about Aurora", "How long does Aurora failover take?"),
        (["Does IAM need a directory?"], "And Kerberos?", "Does Kerberos need a directory?"),
        (["Is version 15 supported on RDS?"], "what about 17?", "Is version 17 supported on RDS?"),
        (["How do I force a failover on RDS?"], "how long does it take?", "how long does force failover on RDS take?"),
        (["How do I force a failover on RDS?"], "why?", "why: How do I force a failover on RDS?"),
        (["What is an ACU?"], "Does RDS keep backups in S3?", "Does RDS keep backups in S3?"),
        (["How long does a Multi-AZ failover take?", "and for Aurora?"], "what if there is no replica?",
         "what if there is no replica (Aurora failover)?"),
    ],
)  # fmt: skip
def test_a_follow_up_takes_its_subject_from_the_turn_before(history, question, wanted):
    assert standalone(question, history, LEXICON) == wanted


def test_only_the_last_turns_are_looked_back_at():
    history = ["How long does a Multi-AZ failover take?", *["Does RDS keep backups in S3?"] * 6]

    assert standalone("and for Aurora?", history, LEXICON) == "Does Aurora keep backups in S3?"


def test_blank_turns_change_nothing():
    assert standalone("and for Aurora?", ["", "  "], LEXICON) == "and for Aurora?"
    assert standalone("", ["How long does a failover take?"], LEXICON) == ""
