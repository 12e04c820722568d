"""The widgets of each kind of question, and what they hold as a response; nothing is chosen beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from pgdojo.course.markdown import plain
from pgdojo.quiz.view import Part, Question
from pgdojo.web.quiz.words import inline

_PLACES = ("1st", "2nd", "3rd", "4th", "5th", "6th", "7th")


def key_of(question: Question, name: str | int) -> str:
    """The key of a widget: one an attempt and part, so that no answer slips into the next question.

    A part is named by its place on the page. Keys reach the browser, and the ids of steps may tell their order.
    """
    return f"quiz_{question.attempt.key}_{question.turn}_{name}"


def draw(question: Question) -> None:
    """The widgets in which `question` is answered."""
    match question.kind:
        case "single" | "scenario":
            _radio(question, "picked", question.parts)
        case "multiple":
            st.caption("Choose all that apply.")
            with st.container(gap="xsmall", key=key_of(question, "options")):
                for place, part in enumerate(question.parts):
                    st.checkbox(inline(part.text), key=key_of(question, place), width="stretch")
        case "true-false":
            _verdict(question)
        case "ordering":
            _ordering(question)
        case "matching":
            _matching(question)
        case "numeric":
            label = f"A number, in {question.unit} or in a unit that can be converted"
            st.text_input(label, key=key_of(question, "text"), max_chars=60, placeholder=f"such as 12 {question.unit}")
        case _:
            st.text_input("Your answer", key=key_of(question, "text"), max_chars=200)


def _radio(question: Question, name: str, parts: tuple[Part, ...], label: str = "Your answer") -> None:
    texts = {part.id: inline(part.text) for part in parts}
    st.radio(
        label,
        list(texts),
        index=None,
        key=key_of(question, name),
        format_func=lambda part: texts[part],
        label_visibility="collapsed" if label == "Your answer" else "visible",
        width="stretch",
    )


def _verdict(question: Question) -> None:
    st.radio(
        "Is this true?",
        ["True", "False"],
        index=None,
        key=key_of(question, "verdict"),
        horizontal=True,
        label_visibility="collapsed",
    )
    _radio(question, "reason", question.parts, label=inline(question.ask))


def _ordering(question: Question) -> None:
    st.caption("Give each step its place.")
    for shown, part in enumerate(question.parts):
        with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small"):
            st.selectbox(
                f"Place of: {plain(part.text)}",
                range(len(question.parts)),
                index=None,
                key=key_of(question, shown),
                format_func=lambda place: _PLACES[place],
                placeholder="–",
                label_visibility="collapsed",
                width=96,
            )
            st.markdown(inline(part.text), width="stretch")


def _matching(question: Question) -> None:
    texts = {part.id: plain(part.text) for part in question.rights}
    for place, part in enumerate(question.parts):
        st.selectbox(
            inline(part.text),
            list(texts),
            index=None,
            key=key_of(question, place),
            format_func=lambda right: texts[right],
            placeholder="Choose what belongs to it",
        )


def response(question: Question, held: Mapping[Any, Any]) -> dict[str, Any]:
    """What the widgets hold, as a response; what was left blank is left out.

    Args:
        question: Whose widgets they are.
        held: The session's state.
    """
    match question.kind:
        case "single":
            given = {"picked": held.get(key_of(question, "picked"))}
        case "multiple":
            given = {
                "picked": [part.id for place, part in enumerate(question.parts) if held.get(key_of(question, place))]
            }
        case "true-false":
            verdict = {"True": True, "False": False}.get(str(held.get(key_of(question, "verdict"))))
            given = {"verdict": verdict, "reason": held.get(key_of(question, "reason"))}
        case "ordering":
            given = {"order": _order(question, held)}
        case "matching":
            pairs = {part.id: held.get(key_of(question, place)) for place, part in enumerate(question.parts)}
            given = {"pairs": {left: right for left, right in pairs.items() if right is not None}}
        case "scenario":
            given = {}
        case _:
            given = {"text": str(held.get(key_of(question, "text")) or "").strip()}
    return {name: value for name, value in given.items() if value not in (None, "", [], {})}


def _order(question: Question, held: Mapping[Any, Any]) -> list[str]:
    """The steps by the places they were given; one without a place is left out."""
    places = {part.id: held.get(key_of(question, shown)) for shown, part in enumerate(question.parts)}
    given = [(place, name) for name, place in places.items() if place is not None]
    return [name for _, name in sorted(given)]
