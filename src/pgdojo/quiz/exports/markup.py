"""The Markdown of items as HTML that is also XML; everything else that looks like a tag is shown, not obeyed."""

from __future__ import annotations

import html
import re
from functools import cache

from markdown_it import MarkdownIt

from pgdojo.quiz.exports.records import Source

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML cannot hold."""


@cache
def _parser() -> MarkdownIt:
    # A picture would be fetched from wherever an author's text says when a card is shown.
    return MarkdownIt("commonmark", {"html": False, "maxNesting": 40}).disable("image")


def block(text: str) -> str:
    """A text of one or more paragraphs as HTML."""
    return str(_parser().render(_NO_XML.sub("", text))).strip()


def inline(text: str) -> str:
    """A text within a line as HTML."""
    return str(_parser().renderInline(_NO_XML.sub("", text))).strip()


def xml_text(text: str) -> str:
    """A text without the characters that XML cannot hold."""
    return _NO_XML.sub("", text)


def xml_comment(text: str) -> str:
    """A text that cannot end a comment of XML."""
    return xml_text(text).replace("--", "- -").strip("-")


def source(cited: Source) -> str:
    """A source as HTML, with a link where it has an address."""
    if not cited.address:
        return html.escape(xml_text(str(cited)))
    title, address = html.escape(xml_text(cited.title)), html.escape(xml_text(cited.address))
    dated = f", as of {html.escape(cited.as_of)}" if cited.as_of else ""
    return f'<a href="{address}">{title}</a>{dated}'
