"""The frame around every page: name, menu, conversations, and the wait while the course is opened."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pgdojo.web import demo, identity, resources, sidebar, sign_in, teaching, waiting

ASSETS = Path(__file__).with_name("assets")

st.set_page_config(page_title="pgdojo", page_icon=str(ASSETS / "mark.svg"), layout="centered")
st.logo(str(ASSETS / "logo.svg"), size="large", icon_image=str(ASSETS / "mark.svg"))
st.html(ASSETS / "style.css")

path = st.Page("app_pages/path.py", title="Path", icon=":material/route:", default=True)
ask = st.Page("app_pages/ask.py", title="Ask", icon=":material/forum:", url_path="ask")
book = st.Page("app_pages/book.py", title="Read", icon=":material/menu_book:", url_path="book")
quiz = st.Page("app_pages/quiz.py", title="Quiz", icon=":material/quiz:", url_path="quiz")
review = st.Page("app_pages/review.py", title="Review", icon=":material/event_repeat:", url_path="review")
labs = st.Page("app_pages/labs.py", title="Labs", icon=":material/science:", url_path="labs")
team = st.Page("app_pages/team.py", title="Team", icon=":material/group:", url_path="team")
material = st.Page("app_pages/material.py", title="Material", icon=":material/lab_profile:", url_path="material")
you = st.Page("app_pages/you.py", title="You", icon=":material/person:", url_path="you")

opened = waiting.until_open(resources.opening())
visitor = identity.visitor(resources.dojo().journal.people) if opened else identity.Visitor()
menu = {"Learn": [path, ask, book], "Practise": [quiz, review, labs]}
if visitor.learner:
    teach = [
        one
        for one, is_shown in ((team, teaching.sees_team), (material, teaching.sees_material))
        if is_shown(resources.dojo())
    ]
    menu |= {"Teach": teach} if teach else {}
page = st.navigation({**menu, "Yours": [you]}, position="sidebar" if visitor.learner else "hidden")

# Ask was the first page once, and addresses of conversations and questions were kept.
kept = {name: st.query_params[name] for name in ("c", "q") if name in st.query_params}
if page.url_path == path.url_path and kept:
    st.switch_page(ask, query_params=kept)

if visitor.learner:
    demo.banner(resources.dojo())
    page.run()
    sidebar.draw(resources.dojo(), ask)  # after the page, so that a conversation just begun is in the list
    sign_in.draw_way_out(visitor)
elif opened:
    sign_in.draw(visitor)
