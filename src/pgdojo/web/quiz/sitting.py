"""What stands between two questions of a sitting: feedback on the last answer, or teaching before the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pgdojo.course.items import Item
from pgdojo.quiz.service import Feedback, Progress
from pgdojo.web.identity import me
from pgdojo.web.quiz import feedback, question
from pgdojo.web.quiz.words import inline
from pgdojo.web.text import safe_markdown

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo


def told(dojo: Dojo, progress: Progress) -> Feedback | None:
    """The feedback that the address asks for, which stays until the learner goes on."""
    answered = {str(place): response for place, response in enumerate(progress.responses)}
    asked_for = answered.get(st.query_params.get("told", ""))
    return dojo.quizzes.feedback(asked_for) if asked_for and progress.shows_feedback else None


def draw_feedback(dojo: Dojo, progress: Progress, found: Feedback) -> None:
    """The question with its feedback, and the way on."""
    place = int(st.query_params["told"])
    question.header(dojo, progress, found.item.id, place)
    question.stem(found.item.stem, asks=found.item.kind != "scenario")
    feedback.draw(dojo, found, f"quiz_{found.response.key}")
    st.button(
        "See the result" if progress.finished else "Next question",
        type="primary",
        key=f"quiz_on_{place}",
        shortcut="Alt+N",
        on_click=_go_on,
    )


def _go_on() -> None:
    st.query_params.pop("told", None)


def to_teach(dojo: Dojo, progress: Progress) -> Item | None:
    """In a review, the item to come if asking has not helped so far and its teaching was not read yet."""
    if progress.sitting.mode != "review" or st.query_params.get("taught") == str(progress.place):
        return None
    name = progress.sitting.plan["items"][progress.place]
    item = dojo.quizzes.items.get(name)
    memory = dojo.quizzes.schedule(me()).memories.get(item.objective) if item else None
    return item if memory and memory.is_leech else None


def teach(dojo: Dojo, progress: Progress, item: Item) -> None:
    """The passage and the contrast that make sense of an objective, before it is asked again."""
    question.header(dojo, progress, item.id, progress.place)
    quizzes = dojo.quizzes.quizzes
    st.subheader("Read this first", anchor=False)
    st.caption(
        f"“{inline(quizzes.objectives[item.objective].objective).rstrip('.')}” was missed several times. "
        "Asking once more would not help; the words it rests on do."
    )
    feedback.passages(dojo, item, f"quiz_teach_{progress.place}")
    beliefs = {name for one in quizzes.items.values() if one.objective == item.objective for name in _beliefs(one)}
    for name in sorted(beliefs):
        belief = quizzes.misconceptions[name]
        with st.container(key=f"quiz_teach_{progress.place}_belief_{name}"):
            st.markdown(f":material/psychology_alt: **{inline(belief.name)}?** {safe_markdown(belief.instead)}")
    st.button(
        "I have read it: ask me",
        type="primary",
        key=f"quiz_taught_{progress.place}",
        on_click=_taught,
        args=(progress,),
    )


def _taught(progress: Progress) -> None:
    st.query_params["taught"] = str(progress.place)


def _beliefs(item: Item) -> set[str]:
    return {option.misconception for group in item.option_groups() for option in group if option.misconception}
