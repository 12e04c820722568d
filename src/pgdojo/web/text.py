"""Foreign text made safe for Streamlit's Markdown: shown as typed, or drawn without images, tags and odd links."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime

_PUNCTUATION = re.compile(r"([\\`*_{}\[\]()#+.!|<>~$:&\"'^=-])")
_SHORTCODE = re.compile(r":(?=[a-zA-Z+-][\w+-]*:)")
_JOINER = "\u2060"
"""An invisible mark that keeps the name of a sign from being turned into the sign, which no escape does."""
_CODE = re.compile(r"(^```.*?^```[ \t]*$|`+[^`\n]+`+)", re.DOTALL | re.MULTILINE)
_SAFE_TARGET = re.compile(r"\]\((?!https?://|#|book\?)")
_DEFINITION = re.compile(r"^([ ]{0,3})\[(?=[^\]\n]+\]:)", re.MULTILINE)
_DIRECTIVE = re.compile(r":(?=[a-zA-Z][\w-]*(?:\[|\{|:)|material/|\+1:|-1:)")
_FACT_MARK = re.compile(r"[ \t]*\[facts#[a-z0-9-]+\]")
_OPEN, _CLOSE = "\ue000", "\ue001"
"""Private characters that stand for the beginning and the end of a highlight while the text is made safe."""
_BULLET = re.compile(r"[ \t>]*(?:(?:[-*+]|\d{1,3}[.)])[ \t]+)?")
_RULE = re.compile(r"^\s*\|?[\s:|-]+\|?\s*$")

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
          "November", "December")  # fmt: skip


def literal(text: str) -> str:
    """`text` as Markdown that shows exactly these characters: no tag, image, formula or directive comes alive.

    A bare web address is still drawn as a link to itself.
    """
    return _PUNCTUATION.sub(r"\\\1", _SHORTCODE.sub(":" + _JOINER, text))


def one_line(text: str) -> str:
    """`text` literally, on one line: for headings and labels."""
    return literal(" ".join(text.split()))


def literal_lines(text: str) -> str:
    """`text` literally, with its line breaks and without its indents."""
    return "  \n".join(literal(line.strip()) for line in text.split("\n"))


def without_marks(text: str) -> str:
    """A handbook's text without the marks that name its facts."""
    return _FACT_MARK.sub("", text)


def safe_markdown(text: str) -> str:
    """A document's Markdown without what fetches or acts: images, tags, formulas, directives and odd links are text."""
    parts = _CODE.split(text)
    return "".join(part if odd % 2 else _defused(part) for odd, part in enumerate(parts))


def _defused(text: str) -> str:
    text = text.replace("![", "!\\[").replace("$", "\\$")
    text = re.sub(r"<(?!https?://[^\s<>]+>)", r"\\<", text)
    text = _SAFE_TARGET.sub(r"]\\(", text)
    text = _DEFINITION.sub(r"\1\\[", text)
    return _DIRECTIVE.sub(r"\\:", text)


def marked(text: str, start: int, end: int) -> str:
    """`text` with private marks around `text[start:end]`, by line and by cell, so that Markdown stays whole."""
    text = text.replace(_OPEN, "\ufffd").replace(_CLOSE, "\ufffd")
    out: list[str] = []
    position = 0
    in_code = False
    for line in text.split("\n"):
        begin, stop = max(start, position) - position, min(end, position + len(line)) - position
        in_code ^= line.lstrip().startswith("```")
        position += len(line) + 1
        if in_code or begin >= stop or _RULE.match(line):
            out.append(line)
        elif line.lstrip().startswith("|"):
            out.append("|".join(_around(cell, 0, len(cell)) for cell in line.split("|")))
        else:
            bullet = _BULLET.match(line)
            out.append(_around(line, max(begin, bullet.end() if bullet else 0), stop))
    return "\n".join(out)


def _around(line: str, begin: int, stop: int) -> str:
    inner = line[begin:stop]
    begin += len(inner) - len(inner.lstrip())
    stop -= len(inner) - len(inner.rstrip())
    inner = line[begin:stop]
    balanced = inner.count("[") == inner.count("]") and inner.count("`") % 2 == 0 and inner.count("**") % 2 == 0
    return f"{line[:begin]}{_OPEN}{inner}{_CLOSE}{line[stop:]}" if inner and balanced else line


def highlighted(text: str) -> str:
    """Private marks turned into a highlight."""
    return text.replace(_OPEN, ":blue-background[").replace(_CLOSE, "]")


def quotation(text: str, start: int, end: int, render: Callable[[str], str] = safe_markdown) -> str:
    """A passage's text as safe Markdown with `text[start:end]` highlighted."""
    return highlighted(render(marked(text, start, end)))


def day(moment: date | datetime) -> str:
    """A date as readers see it: 14 Dec 2026; a time of day is first brought to the machine's zone."""
    local = moment.astimezone() if isinstance(moment, datetime) else moment
    return f"{local.day} {MONTHS[local.month - 1][:3]} {local.year}"


def as_of(value: str) -> str:
    """The date of a source, as exact as it is known: 2026-04-30, 2026-04 and 2026 as 30 Apr 2026, April 2026, 2026."""
    year, *rest = value.split("-")
    if not rest:
        return year
    month = MONTHS[int(rest[0]) - 1]
    return f"{month} {year}" if len(rest) == 1 else f"{int(rest[1])} {month[:3]} {year}"


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun: 1 fact, 2 facts."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
