"""A sitting in the terminal: the same questions, the same journal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from string import ascii_lowercase
from typing import Any, TypeAlias

from pgdojo.course.markdown import plain
from pgdojo.learner.records import Certainty
from pgdojo.quiz.grading import RULES, Line, Response
from pgdojo.quiz.service import CERTAINTIES, Feedback, Quizmaster, Result
from pgdojo.quiz.view import Part, Question

Ask: TypeAlias = Callable[[str], str]
"""Puts a prompt and returns what was typed; raises EOFError at the end of input."""
Say: TypeAlias = Callable[[str], None]


@dataclass(frozen=True)
class Terminal:
    """Someone who reads lines and types lines."""

    quizmaster: Quizmaster
    learner: str
    ask: Ask
    say: Say

    def sit(self, key: str) -> Result:
        """Ask what is left of the sitting `key`; an end of input leaves it to be resumed.

        Raises:
            EOFError: The input ended.
        """
        while True:
            progress = self.quizmaster.progress(self.learner, key)
            question = self.quizmaster.question(self.learner, progress)
            if question is None:
                return self.quizmaster.result(self.quizmaster.progress(self.learner, key))
            if question.kind != "scenario" or not question.past:
                self.say(f"\n{progress.place + 1} of {progress.total}")
                self.say(plain(question.stem))
            if question.kind == "scenario" and question.parts:
                self._decide(question)
                continue
            if question.kind == "scenario":
                self.say(plain(question.ask))
            given = self._response(question)
            response = self.quizmaster.answer(self.learner, question.attempt, given, self._certainty())
            if progress.shows_feedback and (told := self.quizmaster.feedback(response)):
                self._tell(told)

    def _decide(self, question: Question) -> None:
        self.say(plain(question.ask))
        self._list(question.parts)
        while not (choice := self._one(question.parts, "Your choice", without="asks again")):
            self.say("  Choose what you do first.")
        before = len(question.past)
        self.quizmaster.move(self.learner, question.attempt, question.turn, choice)
        progress = self.quizmaster.progress(self.learner, question.attempt.sitting)
        after = self.quizmaster.question(self.learner, progress)
        if after and len(after.past) > before:
            self.say(f"  {plain(after.past[-1].text)}")

    def _list(self, parts: Sequence[Part]) -> None:
        for letter, part in zip(ascii_lowercase, parts, strict=False):
            self.say(f"  {letter}) {plain(part.text)}")

    def _one(self, parts: Sequence[Part], prompt: str, *, without: str = "leaves it blank") -> str:
        """The id of the part whose letter is typed; asked for again until it is one, or nothing."""
        names = {letter: part.id for letter, part in zip(ascii_lowercase, parts, strict=False)}
        while typed := self.ask(f"{prompt} ({'/'.join(names)}, Enter {without}): ").strip().casefold():
            if typed in names:
                return names[typed]
            self.say(f"  Type one of {', '.join(names)}.")
        return ""

    def _many(self, parts: Sequence[Part], prompt: str) -> list[str]:
        names = {letter: part.id for letter, part in zip(ascii_lowercase, parts, strict=False)}
        while True:
            typed = [letter for letter in self.ask(f"{prompt}: ").casefold() if letter.isalpha()]
            if all(letter in names for letter in typed):
                return [names[letter] for letter in typed]
            self.say(f"  Type letters of {', '.join(names)}.")

    def _order(self, parts: Sequence[Part]) -> list[str]:
        """Every part once, or none."""
        while order := self._many(parts, "In order, such as cab"):
            if sorted(order) == sorted(part.id for part in parts):
                return order
            self.say("  Type each letter once.")
        return []

    def _response(self, question: Question) -> Response:
        match question.kind:
            case "single":
                self._list(question.parts)
                return _given(picked=self._one(question.parts, "Your answer"))
            case "multiple":
                self._list(question.parts)
                return _given(picked=self._many(question.parts, "All that apply, such as ac"))
            case "true-false":
                verdict = self._verdict()
                self.say(plain(question.ask))
                self._list(question.parts)
                return _given(verdict=verdict, reason=self._one(question.parts, "Because"))
            case "ordering":
                self._list(question.parts)
                return _given(order=self._order(question.parts))
            case "matching":
                self._list(question.rights)
                return _given(pairs=self._pairs(question))
            case "scenario":
                return {}
            case _:
                unit = f" in {question.unit}" if question.unit else ""
                return _given(text=self.ask(f"Your answer{unit}: ").strip())

    def _verdict(self) -> bool | None:
        while typed := self.ask("True or false (t/f, Enter leaves it blank): ").strip().casefold():
            if typed[0] in "tf":
                return typed[0] == "t"
            self.say("  Type t or f.")
        return None

    def _pairs(self, question: Question) -> dict[str, str]:
        pairs = {part.id: self._one(question.rights, plain(part.text)) for part in question.parts}
        return {left: right for left, right in pairs.items() if right}

    def _certainty(self) -> Certainty:
        typed = self.ask("How sure are you (unsure/fairly/sure, Enter says nothing): ").strip().casefold()
        return next((name for name in CERTAINTIES if typed and name.startswith(typed)), "unsaid")

    def _tell(self, told: Feedback) -> None:
        marked = told.marked
        verdict = "Right." if marked.right else "Partly right." if marked.mark else "Not yet."
        self.say(f"\n{verdict} {RULES[told.item.kind] if 0 < marked.mark < 1 else ''}".rstrip())
        for line in marked.lines:
            if line.taken or line.right or line.instead or not line.text:
                self.say(f"  {_sign(line)} {plain(line.text)}{': ' if line.text else ''}{plain(line.why)}")
        for name, instead in told.misconceptions:
            self.say(f"  {plain(name)}? {plain(instead)}")
        if told.ending:
            self.say(f"  {plain(told.ending)}")
        for cited in told.item.cites:
            passage = self.quizmaster.find(cited)
            if passage:
                self.say(f"  “{' '.join(passage.text.split())}” ({passage.document}, line {passage.first_line})")


def _given(**fields: Any) -> dict[str, Any]:
    """The fields that were answered."""
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}


def _sign(line: Line) -> str:
    if line.right:
        return "+"
    return "-" if line.taken or line.instead else " "
