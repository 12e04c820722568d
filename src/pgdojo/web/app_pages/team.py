"""Team: who needs help today, what waits to be signed, what the team knows, and where labs hold people up."""

from __future__ import annotations

import streamlit as st

from pgdojo.errors import AccessError, UsageError
from pgdojo.team.access import Action
from pgdojo.web import resources
from pgdojo.web.identity import me
from pgdojo.web.team import friction, helping, knowing, person, signing
from pgdojo.web.text import literal

dojo = resources.dojo()


def draw_person(learner: str) -> None:
    try:
        evidence = dojo.team.evidence(me(), learner)
    except (AccessError, UsageError) as cause:
        st.info(literal(str(cause)), icon=":material/lock:")
    else:
        person.draw(dojo, evidence)


def draw_team() -> None:
    st.title("Team", anchor=False)
    sees_all, signs = dojo.access.may(me(), Action.SEE_TEAM), dojo.access.may(me(), Action.SIGN_OFF)
    if not (sees_all or signs):
        st.info("The team is for its trainer and its mentors. What you did is on the page You.", icon=":material/lock:")
        return
    if sees_all:
        with st.spinner("Reading what everybody did"):
            found = dojo.team.help_today(me())
        helping.draw(found)
    else:
        person.draw_mentees(dojo.team.mentees(me()))
    signing.draw(dojo)
    if sees_all:
        knowing.draw(dojo)
        knowing.draw_readiness(dojo)
        friction.draw(dojo.team.friction(me()))


if who := st.query_params.get("who", ""):
    draw_person(who)
else:
    draw_team()
