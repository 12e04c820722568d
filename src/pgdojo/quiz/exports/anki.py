"""Writes an Anki package: a deck for each topic, a note for each item, a card for each note.

Ids come from names, so that whoever imports the package again gets newer words on the cards and keeps their intervals.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import sqlite3
import tempfile
import time
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pgdojo.course.items import Item, Matching, Numeric, Option, Ordering, Scenario, ShortText, TrueFalse
from pgdojo.errors import UsageError
from pgdojo.quiz.exports import markup
from pgdojo.quiz.exports.records import EVERY_ITEM, Loss, Selection, Written, number

_FIELDS = ("Item", "Front", "Back", "Hint")

_FRONT = '<div class="dojo">{{Front}}{{#Hint}}<div class="hint">{{hint:Hint}}</div>{{/Hint}}</div>'
_BACK = '<div class="dojo">{{Front}}<hr id="answer">{{Back}}</div>'

_CSS = """\
.card { font-family: system-ui, sans-serif; font-size: 18px; line-height: 1.5; color: #1f2933; background: #fdfdfc; }
.dojo { max-width: 42em; margin: 0 auto; text-align: left; }
.dojo code { font-family: ui-monospace, monospace; font-size: .9em; padding: .1em .3em; background: #e9ecef;
  border-radius: 3px; }
.dojo pre { overflow-x: auto; }
.dojo li { margin: .4em 0; }
.dojo .key { font-weight: 600; color: #17633a; }
.dojo .why { color: #4a5763; }
.dojo .source, .dojo .hint { margin-top: 1em; font-size: .85em; }
.nightMode.card, .night_mode .card { color: #e4e7eb; background: #1e2329; }
.nightMode .dojo code, .night_mode .dojo code { background: #323a43; }
.nightMode .dojo .key, .night_mode .dojo .key { color: #7ed6a2; }
.nightMode .dojo .why, .night_mode .dojo .why { color: #b4bec8; }
.nightMode a, .night_mode a { color: #8ab8ff; }
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Card:
    """What one note shows."""

    name: str
    front: str
    back: str


def write(selection: Selection) -> Written:
    """The items as an Anki package.

    Raises:
        UsageError: genanki is not installed.
    """
    genanki = _genanki()
    model = genanki.Model(
        _id("model 1"),
        "pgdojo",
        fields=[{"name": name} for name in _FIELDS],
        templates=[{"name": "Card 1", "qfmt": _FRONT, "afmt": _BACK}],
        css=_CSS,
    )
    decks = []
    for topic, items in selection.by_topic():
        name = f"pgdojo::{_deck_part(selection.title)}::{topic}"
        deck = genanki.Deck(_id(f"deck {name}"), name)
        for item in items:
            hint = _shown(markup.inline(item.hint)) if item.hint else ""
            for card in _cards(item, _sources(selection, item)):
                fields = [card.name, _shown(card.front), _shown(card.back), hint]
                deck.add_note(genanki.Note(model, fields, guid=card.name, tags=_tags(selection, item)))
        decks.append(deck)
    losses = [loss for item in selection.items for loss in _losses(item)]
    marking = Loss(item=EVERY_ITEM, what="marking", how="learners turn the card and judge themselves")
    return Written(content=_packed(genanki.Package(decks)), items=len(selection.items), losses=(marking, *losses))


def _genanki() -> Any:
    try:
        import genanki  # type: ignore[import-untyped]
    except ImportError as cause:
        raise UsageError(
            "Anki packages need genanki, which is not installed.",
            next_step='Install it with: pip install "pgdojo[anki]"',
        ) from cause
    return genanki


def _id(name: str) -> int:
    """A number that stays with a name; Anki asks for one between 2 ** 30 and 2 ** 31."""
    return (1 << 30) + int.from_bytes(hashlib.sha256(f"pgdojo {name}".encode()).digest()[:4]) % (1 << 30)


def _deck_part(title: str) -> str:
    # Two colons would make a deck below this one.
    return " ".join(title.replace("::", ":").split())


def _tags(selection: Selection, item: Item) -> list[str]:
    return [
        f"topic::{selection.topic(item)}",
        f"level::{item.level}",
        f"criticality::{selection.criticality(item)}",
        f"objective::{item.objective}",
    ]


def _packed(package: Any) -> bytes:
    """The package as a file; genanki's own way leaves its database behind in the folder for temporary files."""
    now = time.time()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "collection.anki2"
        with closing(sqlite3.connect(path)) as connection:
            package.write_to_db(connection.cursor(), now, itertools.count(int(now * 1000)))
            connection.commit()
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(path, path.name)
            archive.writestr("media", "{}")
    return content.getvalue()


def _shown(text: str) -> str:
    # Anki plays, typesets and speaks what stands in some square brackets.
    return text.replace("[", "&#91;")


def _sources(selection: Selection, item: Item) -> str:
    return "".join(f'<div class="source">Source: {markup.source(source)}</div>' for source in selection.sources(item))


def _list(rows: Iterable[str], tag: str = "ul") -> str:
    return f"<{tag}>{''.join(f'<li>{row}</li>' for row in rows)}</{tag}>"


def _row(text: str, why: str, *, key: bool = False) -> str:
    """An answer with its reason."""
    shown = f'<span class="key">✓ {markup.inline(text)}</span>' if key else markup.inline(text)
    return f'{shown}<div class="why">{markup.inline(why)}</div>'


def _why(text: str) -> str:
    return f'<div class="why">{markup.block(text)}</div>'


def _plain_list(options: Iterable[Option]) -> str:
    return _list(markup.inline(option.text) for option in options)


def _marked_list(options: Iterable[Option]) -> str:
    return _list(_row(option.text, option.why, key=option.correct) for option in options)


def _cards(item: Item, sources: str) -> Iterator[_Card]:
    if not isinstance(item, Scenario):
        front, back = _sides(item)
        yield _Card(name=item.id, front=markup.block(item.stem) + front, back=back + sources)
        return
    for turn in item.turns:
        rows = (_row(choice.text, f"{choice.why} {choice.then}", key=choice.correct) for choice in turn.choices)
        yield _Card(
            name=f"{item.id}-{turn.id}",
            front=markup.block(item.stem) + markup.block(turn.ask) + _plain_list(turn.choices),
            back=_list(rows) + sources,
        )


def _sides(item: Item) -> tuple[str, str]:
    """What stands below the stem, and what the back adds."""
    match item:
        case TrueFalse():
            verdicts = _list(
                [_row("True", item.why_true, key=item.answer), _row("False", item.why_false, key=not item.answer)]
            )
            front = f"<p>True or false? {markup.inline(item.reason.ask)}</p>{_plain_list(item.reason.options)}"
            return front, verdicts + _marked_list(item.reason.options)
        case Ordering():
            # In the order of the words, so that the front does not give the order away.
            front = _list(markup.inline(step.text) for step in sorted(item.steps, key=lambda step: step.text))
            return front, _list((_row(step.text, step.why) for step in item.steps), "ol") + _why(item.why)
        case Numeric():
            tolerance = f" (± {number(item.answer.tolerance)})" if item.answer.tolerance else ""
            key = _row(f"{number(item.answer.value)} {item.answer.unit}{tolerance}", item.why, key=True)
            wrong = (_row(number(wrong.value), wrong.why) for wrong in item.wrong_values)
            return f"<p>In {markup.inline(item.answer.unit)}.</p>", _list([key, *wrong])
        case ShortText():
            key = _row(" / ".join(item.accept), item.why, key=True)
            return "", _list([key, *(_row(miss.text, miss.why) for miss in item.near)])
        case Matching():
            lefts = _list(markup.inline(pair.left) for pair in item.pairs)
            rights = _list(markup.inline(right) for right in sorted(item.rights))
            pairs = [_row(f"{pair.left} → {pair.right}", pair.why, key=True) for pair in item.pairs]
            return lefts + rights, _list([*pairs, *(_row(extra.text, extra.why) for extra in item.extra)])
        case Scenario():
            raise AssertionError("a scenario has a card for each turn")
        case _:
            return _plain_list(item.options), _marked_list(item.options)


def _losses(item: Item) -> Iterator[Loss]:
    if any(option.misconception for group in item.option_groups() for option in group):
        yield Loss(item=item.id, what="misconceptions behind options", how="left out; each why stays")
    if isinstance(item, Scenario):
        yield Loss(
            item=item.id,
            what="way through the turns",
            how="each turn is a card of its own; minutes and endings are left out",
        )
