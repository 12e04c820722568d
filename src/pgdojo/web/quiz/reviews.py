"""Drawing the reviews: today's queue within its budget, the forecast, and readiness on a date."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Literal

import streamlit as st

from pgdojo.quiz import review
from pgdojo.quiz.schedule import Schedule
from pgdojo.web.identity import me
from pgdojo.web.questions import mint
from pgdojo.web.quiz import charts
from pgdojo.web.quiz.words import in_days, inline, topic
from pgdojo.web.text import counted, day

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo

QUIZ = "app_pages/quiz.py"
BUDGETS = (5, 12, 20, 30)
_BUDGET, _READY_BY = "review minutes", "ready by"


def draw(dojo: Dojo) -> None:
    """The page from what is due to what lies ahead."""
    quizmaster = dojo.quizzes
    st.title("Review", anchor=False)
    if sitting := st.session_state.pop("review_opened", ""):
        st.switch_page(QUIZ, query_params={"s": sitting})
    schedule = quizmaster.schedule(me())
    if not schedule.memories:
        _empty()
        return
    preferences = quizmaster.journal.preferences(me())
    minutes = int(preferences.get(_BUDGET, review.BUDGET_MINUTES))
    _today(dojo, schedule, minutes)
    _forecast(dojo, schedule)
    _ready(dojo, schedule, preferences)


def _empty() -> None:
    st.caption("Whatever you answer in a quiz comes back here, on the day when you would begin to forget it.")
    if st.button("Take a first quiz", type="primary", key="review_first"):
        st.switch_page(QUIZ)


def _today(dojo: Dojo, schedule: Schedule, minutes: int) -> None:
    queue = dojo.quizzes.queue(me(), minutes=minutes)
    now = datetime.now(UTC)
    st.caption("Each answer decides when its objective comes back: later when you knew it, soon when you did not.")
    with st.container(border=True, key="review_today"):
        if queue.today:
            takes = max(1, round(review.minutes_of(queue.today)))
            st.markdown(f"**{counted(len(queue.today), 'review')} today**, about {takes} min")
            if queue.postponed:
                waiting = counted(len(queue.postponed), "more waits", "more wait")
                st.caption(f"{waiting} until tomorrow: the least well remembered come first.")
            _begin(dojo, "Start the review", "review", minutes, kind="primary")
        else:
            following = min((memory.due for memory in schedule.memories.values()), default=now)
            st.markdown(f"**Nothing is due today.** The next review is {in_days(following, now)}.")
            _begin(dojo, "Look ahead", "ahead", minutes, kind="secondary")
            st.caption("Looking ahead changes nothing in the schedule.")
    _budget(dojo, minutes)


def _begin(
    dojo: Dojo, label: str, mode: Literal["review", "ahead"], minutes: int, kind: Literal["primary", "secondary"]
) -> None:
    st.session_state.setdefault("review_key", mint())

    def begin() -> None:
        key = st.session_state.pop("review_key")
        st.session_state["review_opened"] = dojo.quizzes.start_review(key, me(), minutes=minutes, mode=mode).key

    st.button(label, type=kind, key=f"review_begin_{mode}", on_click=begin)


def _budget(dojo: Dojo, minutes: int) -> None:
    def store() -> None:
        dojo.quizzes.journal.prefer(mint(), learner=me(), name=_BUDGET, value=st.session_state["review_minutes"])

    st.segmented_control(
        "Minutes a day",
        BUDGETS,
        default=minutes if minutes in BUDGETS else review.BUDGET_MINUTES,
        required=True,
        key="review_minutes",
        on_change=store,
    )


def _forecast(dojo: Dojo, schedule: Schedule) -> None:
    days = review.forecast(schedule, dojo.quizzes.objectives(), datetime.now(UTC))
    st.subheader(_finding(days), anchor=False)
    charts.reviews(days, "review_forecast")


def _finding(days: Sequence[tuple[date, int]]) -> str:
    """What the forecast says, as a title."""
    today, ahead = days[0][1], [(day, count) for day, count in days[1:] if count]
    begin = f"{counted(today, 'review')} today" if today else "None today"
    if not ahead:
        return f"{begin}, then none for {len(days)} days"
    busiest = max(ahead, key=lambda one: one[1])
    return f"{begin}, then most on {day(busiest[0])}: {busiest[1]}"


def _ready(dojo: Dojo, schedule: Schedule, preferences: dict[str, Any]) -> None:
    st.subheader("Ready by a date", anchor=False)
    today = datetime.now(UTC).date()
    stored = preferences.get(_READY_BY)
    wanted = max(date.fromisoformat(stored), today) if stored else today + timedelta(days=30)

    def store() -> None:
        chosen = st.session_state["review_ready_by"]
        if chosen:
            dojo.quizzes.journal.prefer(mint(), learner=me(), name=_READY_BY, value=chosen.isoformat())

    st.date_input("The day", value=wanted, min_value=today, key="review_ready_by", on_change=store, width=200)
    on = datetime.combine(wanted, time(9), tzinfo=UTC)
    report = review.readiness(schedule, dojo.quizzes.objectives_by_topic(), on)
    shares = {one.topic: (one.recall, one.objectives) for one in report}
    charts.topics(shares, "review_ready")
    minutes = review.minutes_a_day(report, datetime.now(UTC), on)
    below = sum(len(one.below) for one in report)
    st.caption(
        f"Predicted recall on {day(wanted)} if nothing is asked until then; what was never asked counts as not known. "
        + (f"About {max(1, round(minutes))} min a day lift {counted(below, 'objective')} above 90 %." if below else "")
    )
    _weakest(dojo, schedule, report, on)


def _weakest(dojo: Dojo, schedule: Schedule, report: Sequence[review.Readiness], on: datetime) -> None:
    known = [
        (schedule.memories[name].recall(on), name, one.topic)
        for one in report
        for name in one.below
        if name in schedule.memories
    ]
    if not known:
        return
    with st.expander("What will be forgotten first", key="review_weakest"):
        for recall, name, about in sorted(known)[:8]:
            text = dojo.quizzes.quizzes.objectives[name].objective
            st.markdown(f"**{recall:.0%}** {inline(text)} :small[{topic(about)}]")
