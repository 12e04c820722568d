"""YAML read the careful way: no tags, no aliases, no doubled keys, no depth, every scalar a text.

PyYAML's loaders build whatever nests, so 30 KB of open brackets end the process, an alias of a few
bytes unfolds into millions of nodes, `no` turns into False and `12:30:45` into 45045. Here one walk over the
parser's events stops at the first of these and keeps the line of each value; the schema decides the types.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from pgdojo.errors import CourseError, Fault

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # PyYAML without its C part reads the same events, more slowly
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]

MAX_BYTES = 1_000_000
MAX_DEPTH = 12

_UNUSABLE = re.compile(
    "\r(?!\n)|[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
"""Characters that YAML forbids, and line ends that YAML counts and an editor does not, which would shift every line."""

Place: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class YamlFile:
    """The data of a file and where in it each value stands."""

    data: Any
    lines: dict[Place, int] = field(repr=False)
    """1-based line of each value, by its path of keys and positions."""
    text: str = field(default="", repr=False)
    """What was parsed, with the line ends of the file."""

    def line(self, place: Place) -> int | None:
        """Line of the value at `place`, or of the nearest value around it."""
        while place:
            if place in self.lines:
                return self.lines[place]
            place = place[:-1]
        return self.lines.get(())


def read_yaml(path: Path, name: str) -> YamlFile:
    """Read `path`, called `name` in messages, into lists, dictionaries and strings; an empty value is None.

    Raises:
        CourseError: The file is not UTF-8, over `MAX_BYTES`, no YAML, nested over `MAX_DEPTH`, or holds a
            tag, an alias, a second document or a key twice.
    """
    try:
        raw = path.read_bytes()
    except OSError as cause:
        raise _fault(name, None, f"the file cannot be read ({cause.strerror}).", "Look at its permissions.") from cause
    if len(raw) > MAX_BYTES:
        raise _fault(name, None, f"the file has {len(raw):,} bytes, over the limit of {MAX_BYTES:,}.", "Split it.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as cause:
        line = raw.count(b"\n", 0, cause.start) + 1
        raise _fault(name, line, "a byte here is not UTF-8.", "Save the file as UTF-8.") from cause
    return parse_yaml(text, name)


def parse_yaml(text: str, name: str, first_line: int = 1) -> YamlFile:
    """Parse `text` as `read_yaml` does; `first_line` is where it begins in the file called `name`.

    Raises:
        CourseError: As `read_yaml`, or `text` holds a character that YAML forbids.
    """
    unusable = _UNUSABLE.search(text)
    if unusable:
        above = text.count("\n", 0, unusable.start())
        problem = f"the character U+{ord(unusable[0]):04X} is not allowed here."
        advice = "Replace it by a blank, or by a line end as your editor writes it."
        raise _fault(name, above + first_line, problem, advice)
    builder = _Builder(name, first_line)
    try:
        for event in yaml.parse(text, Loader=_Loader):
            builder.take(event)
    except (yaml.YAMLError, ValueError, OverflowError) as cause:  # PyYAML's own reader lets the last two through
        mark = getattr(cause, "problem_mark", None)
        line = mark.line + first_line if mark else None
        problem = getattr(cause, "problem", None) or str(cause).splitlines()[0]
        raise _fault(name, line, f"this is not YAML: {problem}.", _advice(problem)) from cause
    return YamlFile(builder.root, builder.lines, text)


@dataclass(slots=True)
class _Frame:
    """A list or mapping under construction."""

    value: list[Any] | dict[str, Any]
    place: Place
    key: str | None = None


@dataclass(slots=True)
class _Builder:
    """Turns a stream of YAML events into plain data."""

    name: str
    first_line: int
    root: Any = None
    lines: dict[Place, int] = field(default_factory=dict)
    stack: list[_Frame] = field(default_factory=list)
    documents: int = 0

    def take(self, event: yaml.Event) -> None:
        line = (event.start_mark.line if event.start_mark else 0) + self.first_line
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise _fault(self.name, line, "a second document begins here.", "Keep one document a file.")
        elif isinstance(event, yaml.AliasEvent):
            raise _fault(self.name, line, f"the alias *{event.anchor} is not allowed.", "Write the value out.")
        elif isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
            self.stack.pop()
        elif isinstance(event, yaml.NodeEvent):
            self._node(event, line)

    def _node(self, event: Any, line: int) -> None:
        if event.tag is not None and event.tag != "!":
            raise _fault(self.name, line, f"the tag {event.tag} is not allowed.", "Write a plain value.")
        if isinstance(event, yaml.ScalarEvent):
            self._put(None if _is_empty(event) else event.value, line)
            return
        if len(self.stack) >= MAX_DEPTH:
            raise _fault(self.name, line, f"values are nested more than {MAX_DEPTH} deep.", "Close a bracket.")
        value: list[Any] | dict[str, Any] = [] if isinstance(event, yaml.SequenceStartEvent) else {}
        place = self._put(value, line)
        self.stack.append(_Frame(value, place))

    def _put(self, value: Any, line: int) -> Place:
        """Add `value` to the innermost list or mapping and return its place."""
        place: Place = ()
        if not self.stack:
            self.root = value
        else:
            frame = self.stack[-1]
            if isinstance(frame.value, list):
                place = (*frame.place, len(frame.value))
                frame.value.append(value)
            elif frame.key is None:
                if not isinstance(value, str):
                    raise _fault(self.name, line, "a key must be a plain text.", "Put it in quotes.")
                if value in frame.value:
                    raise _fault(self.name, line, f"the key {value} stands twice here.", "Keep one.")
                frame.key = value
                return frame.place
            else:
                place = (*frame.place, frame.key)
                frame.value[frame.key] = value
                frame.key = None
        self.lines[place] = line
        return place


def _advice(problem: str) -> str:
    if "\\t" in problem or "tab" in problem or "cannot start any token" in problem:
        return "Indent with blanks, not tabs, and put a value that begins with @, `, % or & in quotes."
    if "mapping values" in problem:
        return "Put a value that holds a colon and a blank in quotes."
    return "Look at the indent and the quotes on this line and the one above."


def _is_empty(event: yaml.ScalarEvent) -> bool:
    """Whether nothing was written; PyYAML's C part marks a plain scalar by an empty style, its own by None."""
    return not event.style and event.value == ""


def _fault(name: str, line: int | None, problem: str, next_step: str = "") -> CourseError:
    return CourseError([Fault(file=name, line=line, problem=problem, next_step=next_step)])
