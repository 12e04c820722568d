"""Material: what it does not answer, what people found wrong with it, and what grows old."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pgdojo.errors import UsageError
from pgdojo.team.access import Action
from pgdojo.web import resources
from pgdojo.web.identity import me
from pgdojo.web.material import age, complaints, gaps, items
from pgdojo.web.text import literal

dojo = resources.dojo()


def draw() -> None:
    material = dojo.material
    try:
        sources = material.sources(me())
    except UsageError as cause:
        st.warning(literal(str(cause)))
        sources = []
    open_gaps, thumbs, disputes = material.gaps(me()), material.thumbs_down(me()), material.disputes(me())
    health, old = material.health(me()), material.old_facts(me())
    looked = [one.state for one in sources if one.state is not None]
    # A nought would say that all were reached.
    unreached = sum(state.found != "reached" for state in looked) if looked else "?"
    sections: dict[str, tuple[int | str, Callable[[], None]]] = {
        "Gaps": (len(open_gaps), lambda: gaps.draw(dojo, open_gaps)),
        "Thumbs down": (len(thumbs), lambda: complaints.draw_thumbs(dojo, thumbs)),
        "Disputes": (len(disputes), lambda: complaints.draw_disputes(dojo, disputes)),
        "Questions": (sum(bool(one.flags) for one in health), lambda: items.draw(dojo, health)),
        "Old facts": (len(old), lambda: age.draw_facts(old)),
        "Links": (unreached, lambda: age.draw_sources(sources)),
    }
    chosen = st.segmented_control(
        "What to look at",
        list(sections),
        default="Gaps",
        format_func=lambda name: f"{name} {sections[name][0]}",
        required=True,
        key="material_section",
        label_visibility="collapsed",
    )
    sections[chosen or "Gaps"][1]()


st.title("Material", anchor=False)
if dojo.access.may(me(), Action.SEE_MATERIAL):
    draw()
else:
    st.info("What the material lacks is for trainers. Ask the one of your team.", icon=":material/lock:")
