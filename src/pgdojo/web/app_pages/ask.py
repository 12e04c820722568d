"""Ask: a question, its cited answer, and the turns before it."""

from __future__ import annotations

import streamlit as st

from pgdojo.ask.records import Answer
from pgdojo.web import answered, answers, questions, resources
from pgdojo.web.identity import me
from pgdojo.web.text import counted, literal, one_line

dojo = resources.dojo()
if "new" in st.query_params:
    st.query_params.clear()
conversation = st.query_params.get("c", "")
turns = dojo.journal.turns(me(), conversation) if questions.is_minted(conversation) else []
pending = st.session_state.get("ask_pending")


def submit(question: str, *, stands_alone: bool = False) -> None:
    """Take a question in; its key is minted here, so that it is answered and stored once."""
    if not question.strip():
        return
    into = st.query_params.get("c", "")
    into = into if questions.is_minted(into) else questions.mint()
    st.query_params["c"] = into
    st.session_state["ask_pending"] = questions.Submission(
        key=questions.mint(), conversation=into, question=question.strip(), stands_alone=stands_alone
    )


def submit_typed() -> None:
    submit(st.session_state["ask_input"] or "")


wanted = st.query_params.get("q", "")[: questions.MAX_QUESTION]
if wanted:
    st.query_params.clear()
    submit(wanted)
    pending = st.session_state["ask_pending"]
    conversation, turns = pending.conversation, []

st.title("Ask", anchor=False)
if dojo.quizzes.in_exam(me()):
    st.info("You are sitting an exam. Ask opens again when it is over: first what you know, then what is written.")
    with st.container(key="ask_exam_links"):
        st.page_link("app_pages/quiz.py", label="Go on with the exam", icon=":material/quiz:")
    st.stop()
st.caption(
    f"Answers come word for word from *{literal(dojo.title)}*, its handbook and "
    f"{counted(len(dojo.facts()), 'dated fact')}. What they do not say, pgdojo does not say."
)
st.chat_input(
    "Ask about versions, failover, backups, security",
    key="ask_input",
    max_chars=questions.MAX_QUESTION,
    on_submit=submit_typed,
)

answered.draw(dojo)
given = dojo.journal.feedback(me(), conversation) if turns else {}
for turn in turns:
    if pending is not None and turn.key == pending.key:
        continue  # interrupted while it was shown: it is drawn below once more
    answer = Answer.from_plain(turn.answer)
    with st.container(key=f"ask_turn_{turn.key}"):
        answers.draw_question(turn.question, turn.key)
        answers.draw_searched(answer, turn.key, submit)
        answers.draw_answer(dojo, answer, turn.key)
        answers.draw_verdict(dojo, answer, turn.key, given.get(turn.key))
        if turn is turns[-1] and pending is None:
            answers.draw_quiz(dojo, answer, turn.key)
            answers.draw_practise(dojo, answer, turn.key)
            answers.draw_next(answer, turn.key, submit)

if pending is not None and pending.conversation == conversation:
    with st.container(key=f"ask_turn_{pending.key}"):
        answers.draw_question(pending.question, pending.key)
        answer = questions.answer(dojo, pending, [turn for turn in turns if turn.key != pending.key], learner=me())
        del st.session_state["ask_pending"]
        answers.draw_searched(answer, pending.key, submit)
        answers.draw_answer(dojo, answer, pending.key, stream=True)
        answers.draw_verdict(dojo, answer, pending.key, None)
        answers.draw_quiz(dojo, answer, pending.key)
        answers.draw_practise(dojo, answer, pending.key)
        answers.draw_next(answer, pending.key, submit)
elif not turns:
    with st.container(key="ask_empty"):
        if conversation:
            st.info("There is no conversation under this address. Ask a question to begin one.")
        st.markdown("Questions to begin with")
        tiles = st.grid(2, min_column_width=260, key="ask_suggestions")
        for position, question in enumerate(dojo.suggestions()):
            with tiles.cell():
                st.button(
                    one_line(question),
                    key=f"ask_suggestion_{position}",
                    width="stretch",
                    wrap=True,
                    on_click=submit,
                    args=(question,),
                )
