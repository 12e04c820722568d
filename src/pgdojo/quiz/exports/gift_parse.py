"""GIFT as text, cut into questions and answers; what they become is not decided here.

A question is a run of lines without a blank one between them. A backslash takes the meaning from the mark behind it.
Source: https://docs.moodle.org/en/GIFT_format; where it is silent, what Moodle's importer does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from pgdojo.errors import CourseError, Fault
from pgdojo.quiz.exports.gift import MARKUPS, META

Shape = Literal["choice", "true-false", "numeric", "short", "matching", "essay", "description"]

_ESCAPE = r"\\[\\:#={}~n]"
_CATEGORY = "$CATEGORY:"
_MARKUP = re.compile(rf"\[({MARKUPS})\]")
_WEIGHT = re.compile(r"%(?P<weight>-?\d{1,3}(?:\.\d*)?)%")
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_VALUE = re.compile(rf"(?P<value>{_NUMBER})\s*(?::\s*(?P<tolerance>{_NUMBER}))?")
_RANGE = re.compile(rf"(?P<least>{_NUMBER})\s*\.\.\s*(?P<most>{_NUMBER})")
_VERDICT = re.compile(r"(?P<true>T|TRUE)|F|FALSE", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """One answer of a question; what it means depends on the question's shape."""

    text: str
    """For a true-false question `true` or `false`; for a matching the left side."""
    weight: float = 100.0
    """Percent of the mark."""
    feedback: str = ""
    right: str = ""
    """The right side of a matching."""
    value: float | None = None
    """The number of a numeric answer, None for whatever else is typed."""
    tolerance: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """One question of a file, its escapes undone."""

    line: int
    """1-based line on which it begins."""
    name: str
    stem: str
    shape: Shape
    answers: tuple[Answer, ...] = ()
    general: str = ""
    one: bool = False
    """For a choice: whether a single answer is to be picked."""
    markup: str = ""
    """Of its texts; empty where the question does not say."""
    gap: bool = False
    """Whether the answer stood amid the sentence."""
    meta: dict[str, Any] = field(default_factory=dict)
    """What our own export keeps in a comment; empty in other files."""


def parse(text: str, file: str) -> tuple[Question, ...]:
    """The questions of the file called `file`, in its order.

    Raises:
        CourseError: A question cannot be read; each one that cannot has a fault with its line.
    """
    questions: list[Question] = []
    faults: list[Fault] = []
    for block in _blocks(text, file):
        try:
            questions.append(_question(block))
        except CourseError as cause:
            faults += cause.faults
    if faults:
        raise CourseError(faults)
    return tuple(questions)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Block:
    """The lines of one question, comments blanked out."""

    file: str
    first: int
    text: str
    meta: str
    meta_line: int

    def fault(self, problem: str, next_step: str, at: int = 0) -> CourseError:
        """What is wrong at the character `at` of the text."""
        line = self.first + self.text.count("\n", 0, at)
        return CourseError([Fault(file=self.file, line=line, problem=problem, next_step=next_step)])


def _blocks(text: str, file: str) -> Iterator[_Block]:
    lines: list[str] = []
    first, meta, meta_line = 0, "", 0
    for place, line in enumerate([*text.split("\n"), ""], 1):
        bare = line.strip(" \t")
        if not bare:
            if lines:
                yield _Block(file=file, first=first, text="\n".join(lines), meta=meta, meta_line=meta_line)
            lines, meta = [], ""
        elif bare.startswith("//"):
            if bare.startswith(META):
                meta, meta_line = bare.removeprefix(META), place
            if lines:
                lines.append("")
        elif lines or not bare.startswith(_CATEGORY):
            first = first if lines else place
            lines.append(line)


def _marks(text: str, mark: str) -> list[int]:
    """Where `mark`, a pattern, stands in `text` without a backslash before it."""
    return [found.start() for found in re.finditer(rf"{_ESCAPE}|(?P<mark>{mark})", text) if found["mark"]]


def _plain(text: str) -> str:
    """A text with its escapes undone."""
    return re.sub(_ESCAPE, lambda found: "\n" if found[0] == "\\n" else found[0][1], text.strip()).strip()


def _formatted(text: str) -> tuple[str, str]:
    """The name of a text's markup, empty where it has none, and the text."""
    found = _MARKUP.match(text.strip())
    return (found[1], _plain(text.strip()[found.end() :])) if found else ("", _plain(text))


def _prose(text: str) -> str:
    return _formatted(text)[1]


def _question(block: _Block) -> Question:
    meta = _meta(block)
    name, begin = _name(block)
    opening, closing = _braces(block, begin)
    if opening < 0:
        markup, stem = _formatted(block.text[begin:])
        return Question(line=block.first, name=name, stem=stem, markup=markup, shape="description", meta=meta)
    head, tail = block.text[begin:opening], block.text[closing + 1 :]
    gap = bool(tail.strip())
    markup, stem = _formatted(f"{head}____{tail}" if gap else head)
    body = block.text[opening + 1 : closing]
    generals = _marks(body, "#(?=###)")
    general = _prose(body[generals[-1] + 4 :]) if generals else ""
    part = _Part(block=block, text=body[: generals[-1]] if generals else body, at=opening + 1)
    shape, answers = _answers(part)
    one = shape == "choice" and bool(_marks(part.text, "="))
    return Question(
        line=block.first,
        name=name,
        stem=stem,
        shape=shape,
        answers=answers,
        general=general,
        one=one,
        markup=markup,
        gap=gap,
        meta=meta,
    )


def _meta(block: _Block) -> dict[str, Any]:
    if not block.meta:
        return {}
    try:
        meta = json.loads(block.meta)
        json.dumps(meta, ensure_ascii=False).encode()  # half a character can be written down, but not be stored
    except (ValueError, RecursionError):
        meta = None
    if isinstance(meta, dict):
        return meta
    problem = f"what stands behind {META} is not a JSON object."
    fault = Fault(
        file=block.file, line=block.meta_line, problem=problem, next_step="Take the line back as it was, or delete it."
    )
    raise CourseError([fault])


def _name(block: _Block) -> tuple[str, int]:
    """A question's name, empty where it has none, and where its text begins."""
    start = len(block.text) - len(block.text.lstrip())
    if not block.text.startswith("::", start):
        return "", start
    ends = _marks(block.text[start + 2 :], "::")
    if not ends:
        raise block.fault("the name that begins with :: does not end.", "Put :: behind the name as well.", start)
    end = start + 2 + ends[0]
    return _plain(block.text[start + 2 : end]), end + 2


def _braces(block: _Block, begin: int) -> tuple[int, int]:
    """Where the answers begin and end, -1 twice where there are none."""
    marks = [begin + place for place in _marks(block.text[begin:], "[{}]")]
    if not marks:
        return -1, -1
    step = "Put a backslash before a brace that belongs to the text."
    if block.text[marks[0]] == "}":
        raise block.fault("a closing brace stands here without an opening one.", step, marks[0])
    if len(marks) == 1:
        step = "Close it with }; inside a question there must be no blank line."
        raise block.fault("the answers that begin here do not end.", step, marks[0])
    if block.text[marks[1]] == "{" or len(marks) > 2:
        place = marks[1] if block.text[marks[1]] == "{" else marks[2]
        step = f"{step} Separate questions by a blank line."
        raise block.fault("a second brace of its kind stands here.", step, place)
    return marks[0], marks[1]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Part:
    """A stretch of a block."""

    block: _Block
    text: str
    at: int
    """Where in the block's text it begins."""

    def fault(self, problem: str, next_step: str) -> CourseError:
        """What is wrong where this part's words begin."""
        return self.block.fault(problem, next_step, self.at + len(self.text) - len(self.text.lstrip()))

    def after(self, count: int) -> _Part:
        """The part without its first `count` characters."""
        return _Part(block=self.block, text=self.text[count:], at=self.at + count)

    def split(self, marks: str) -> list[_Part]:
        """The pieces that begin with one of `marks`, each with its mark."""
        starts = _marks(self.text, marks)
        if self.text[: starts[0] if starts else None].strip():
            raise self.fault(
                "a text stands before the first answer.", "Put = before a right answer and ~ before others."
            )
        ends = [*starts[1:], len(self.text)]
        return [
            _Part(block=self.block, text=self.text[start:end], at=self.at + start)
            for start, end in zip(starts, ends, strict=True)
        ]

    def feedback(self) -> tuple[str, str]:
        """The text before the first hash, raw, and what is said of it."""
        hashes = _marks(self.text, "#")
        if not hashes:
            return self.text, ""
        return self.text[: hashes[0]], _prose(self.text[hashes[0] + 1 :])

    def weight(self, default: float) -> tuple[float, _Part]:
        """The weight at the beginning, and the rest."""
        start = len(self.text) - len(self.text.lstrip())
        found = _WEIGHT.match(self.text, start)
        if not found:
            return default, self
        weight = float(found["weight"])
        if not -100 <= weight <= 100:
            raise self.fault(f"a weight of {weight:g} % is not possible.", "Write one from -100 to 100.")
        return weight, self.after(found.end())


def _answers(part: _Part) -> tuple[Shape, tuple[Answer, ...]]:
    bare = part.text.strip()
    if not bare:
        return "essay", ()
    if bare.startswith("#"):
        return "numeric", _numeric(part.after(part.text.index("#") + 1))
    verdict = _VERDICT.fullmatch(part.feedback()[0].strip())
    if verdict:
        return "true-false", _true_false(part, truth=verdict["true"] is not None)
    if _marks(part.text, "~"):
        return "choice", _choice(part)
    pieces = part.split("=") if _marks(part.text, "=") else [_Part(block=part.block, text=f"={part.text}", at=part.at)]
    arrows = [bool("->" in piece.feedback()[0]) for piece in pieces]
    if all(arrows):
        return "matching", tuple(_pair(piece.after(1)) for piece in pieces)
    if any(arrows):
        piece = pieces[arrows.index(False)]
        raise piece.fault("a pair of this matching has no ->.", "Write it as =left -> right.")
    return "short", tuple(_short(piece.after(1)) for piece in pieces)


def _true_false(part: _Part, *, truth: bool) -> tuple[Answer, ...]:
    texts = [_prose(part.text[start + 1 : end]) for start, end in _between(part.text)]
    wrong, right = (*texts, "", "")[:2]
    return (
        Answer(text="true", weight=100.0 * truth, feedback=right if truth else wrong),
        Answer(text="false", weight=100.0 * (not truth), feedback=wrong if truth else right),
    )


def _between(text: str) -> Iterator[tuple[int, int]]:
    """Where the feedbacks of a true-false question begin and end: the one on a wrong answer, then the other."""
    hashes = _marks(text, "#")[:2]
    return zip(hashes, [*hashes[1:], len(text)], strict=True)


def _choice(part: _Part) -> tuple[Answer, ...]:
    pieces = part.split("[=~]")
    if len(pieces) < 2:
        raise part.fault("there is one answer to choose from.", "Add another with ~.")
    answers = tuple(_option(piece) for piece in pieces)
    if not any(answer.weight > 0 for answer in answers):
        raise part.fault("no answer is right.", "Put = before the right one, or weights such as %50% behind ~.")
    return answers


def _option(piece: _Part) -> Answer:
    right = piece.text.startswith("=")
    # Behind =, a percentage belongs to the text; Moodle reads it so as well.
    weight, rest = (100.0, piece.after(1)) if right else piece.after(1).weight(0.0)
    text, feedback = rest.feedback()
    return Answer(text=_filled(piece, _prose(text)), weight=weight, feedback=feedback)


def _filled(piece: _Part, text: str) -> str:
    if not text:
        raise piece.fault("an answer is empty.", "Write it behind its mark, or delete the mark.")
    return text


def _short(piece: _Part) -> Answer:
    weight, rest = piece.weight(100.0)
    text, feedback = rest.feedback()
    return Answer(text=_filled(piece, _prose(text)), weight=weight, feedback=feedback)


def _pair(piece: _Part) -> Answer:
    text, feedback = piece.feedback()
    left, right = text.split("->", 1)
    return Answer(text=_prose(left), right=_filled(piece, _plain(right)), feedback=feedback)


def _numeric(part: _Part) -> tuple[Answer, ...]:
    others = _marks(part.text, "~")
    cut = others[0] if others else len(part.text)
    values = _Part(block=part.block, text=part.text[:cut], at=part.at)
    # The first number may stand without its mark.
    begins = _marks(values.text, "=")
    head = values.text[: begins[0]] if begins else values.text
    pieces = [_Part(block=part.block, text=head, at=part.at)] if head.strip() else []
    pieces += [piece.after(1) for piece in values.after(len(head)).split("=")] if begins else []
    if not pieces:
        raise part.fault("a numeric question has no number.", "Write one as 35, 35:2 or 30..40.")
    answers = [_amount(piece) for piece in pieces]
    if others:
        answers.append(Answer(text="", weight=0.0, feedback=part.after(cut + 1).feedback()[1]))
    return tuple(answers)


def _amount(piece: _Part) -> Answer:
    weight, rest = piece.weight(100.0)
    text, feedback = rest.feedback()
    bare = text.strip()[:100]
    if bare == "*":
        return Answer(text="", weight=weight, feedback=feedback)
    value, tolerance = _value(bare)
    if value is None or tolerance is None or abs(value) > 1e300:
        raise piece.fault(f"“{bare[:40]}” is no number.", "Write it as 35, 35:2 or 30..40, with a point for decimals.")
    return Answer(text=bare, weight=weight, feedback=feedback, value=value, tolerance=tolerance)


def _value(text: str) -> tuple[float | None, float | None]:
    """A number and how far off still counts, None where there is none."""
    between = _RANGE.fullmatch(text)
    if between:
        least, most = sorted((float(between["least"]), float(between["most"])))
        middle = (least + most) / 2
        return middle, most - middle
    found = _VALUE.fullmatch(text)
    if not found:
        return None, None
    return float(found["value"]), abs(float(found["tolerance"] or 0))
