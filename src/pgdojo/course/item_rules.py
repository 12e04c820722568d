"""The item-writing rules that a program can judge; each fault names its rule.

Source: Haladyna, Downing and Rodriguez, A review of multiple-choice item-writing guidelines, 2002,
doi:10.1207/S15324818AME1503_5; the ones on citations, dates and scope are our own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from pgdojo.course.banks import Find, Quizzes
from pgdojo.course.claims import figures, names
from pgdojo.course.items import (
    Item,
    Matching,
    Multiple,
    Numeric,
    Option,
    Ordering,
    Scenario,
    ShortText,
    Single,
)
from pgdojo.course.markdown import plain
from pgdojo.course.records import Passage
from pgdojo.errors import Fault

LONGER = 1.3
"""How many times as long as its longest distractor a key may be."""
SHORT = 40
"""Characters; below this a longer key gives nothing away."""
RARE = 3
"""Facts that may hold a word which still counts as rare."""

_WHOLE = re.compile(r"[?.:][*_`\"”’)]*$")
_NEGATION = re.compile(r"\b(?:not|except|never|cannot|without exception)\b|n['’]t\b", re.IGNORECASE)
_BOLD = re.compile(r"\*\*.+?\*\*")
_CATCH_ALL = re.compile(
    r"\b(?:all|none|both|any|neither) of (?:the|these|them)\b.{0,12}$|\bboth a and b\b|\b[abc] and [abc]\b(?=.{0,3}$)",
    re.IGNORECASE,
)
_ABSOLUTE = re.compile(r"\b(?:always|never|impossible|guaranteed|under no circumstances)\b", re.IGNORECASE)
_VERDICT = re.compile(r"^(?:correct|right|wrong|incorrect|true|false|yes|no)\s*[.!,:;–-]", re.IGNORECASE)
_NUMBER = re.compile(r"^[~≈<>]?\s*(\d[\d,]*(?:\.\d+)?)\s*[\w%./-]*(?:\s\w+)?$")
_VERSION = re.compile(r"\b(?:PostgreSQL|Postgres|version|versions)\s+\d", re.IGNORECASE)
_PRODUCT = re.compile(r"\b(?:RDS|Aurora)\b")
_COUNTED = "zero one two three four five six seven eight nine ten eleven twelve".split()

Finding: TypeAlias = tuple[tuple[str | int, ...], str]
"""Where in the item, and what is wrong."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """What an item is judged against."""

    quizzes: Quizzes
    find: Find
    today: date
    frequency: Mapping[str, int]
    """Facts that hold each word."""


def judge(quizzes: Quizzes, find: Find, facts: Sequence[Passage], today: date) -> Iterator[Fault]:
    """The faults of each item by itself.

    Args:
        quizzes: What is judged.
        find: Gives the passages that are cited.
        facts: The ledger, for how rare a word is.
        today: Against which dates are judged.
    """
    frequency = Counter(word for fact in facts for word in set(_words(fact.text)))
    context = Context(quizzes=quizzes, find=find, today=today, frequency=frequency)
    for bank in quizzes.banks:
        for item in bank.items:
            for rule, finds in RULES.items():
                for place, problem in finds(item, context):
                    line = bank.line(item.id, *place)
                    yield Fault(file=bank.name, line=line, item=item.id, problem=f"{rule}: {problem}")


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z][a-z_-]{5,}", text.casefold())


def _key(options: Sequence[Option]) -> list[Option]:
    return [option for option in options if option.correct]


def _distractors(options: Sequence[Option]) -> list[Option]:
    return [option for option in options if not option.correct]


def _whole_stem(item: Item, _: Context) -> Iterator[Finding]:
    count, most = len(item.stem.split()), 90 if isinstance(item, Scenario) else 60
    if not 5 <= count <= most:
        yield ("stem",), f"the stem has {count} words, not 5 to {most}."
    if not _WHOLE.search(item.stem):
        yield ("stem",), "the stem is no whole question or task; end it with a question mark, a full stop or a colon."


def _no_negation(item: Item, _: Context) -> Iterator[Finding]:
    question = re.split(r"(?<=[.?!])\s+", item.stem)[-1]
    found = _NEGATION.search(_BOLD.sub("", question))
    if found:
        yield ("stem",), f"“{found[0]}” in the question is easily overlooked; turn it round or set it in **bold**."


def _three_options(item: Item, _: Context) -> Iterator[Finding]:
    most = 6 if isinstance(item, Multiple) else 4 if isinstance(item, Scenario) else 5
    least = 2 if isinstance(item, Scenario) else 3
    counts = [len(group) for group in item.option_groups()]
    if isinstance(item, Ordering):
        counts, most = [len(item.steps)], 7
    if isinstance(item, Matching):
        counts, most = [len(item.pairs)], 6
    for count in counts:
        if not least <= count <= most:
            yield (), f"there are {count} to choose from, not {least} to {most}."


def _one_key(item: Item, _: Context) -> Iterator[Finding]:
    for group in item.option_groups():
        keys = len(_key(group))
        if isinstance(item, Multiple):
            if not 0 < keys < len(group):
                yield ("options",), "some options must be correct and some not."
        elif keys != 1:
            yield ("options",), f"{keys} options are marked correct; one must be. Where more are, set kind: multiple."


def _ids_once(item: Item, _: Context) -> Iterator[Finding]:
    groups: list[Sequence[str]] = [[option.id for option in group] for group in item.option_groups()]
    if isinstance(item, Ordering):
        groups.append([step.id for step in item.steps])
    if isinstance(item, Scenario):
        groups.append(item.places)
    for group in groups:
        for name, times in Counter(group).items():
            if times > 1:
                yield (), f"the id {name} stands {times} times in one list."


def _no_catch_all(item: Item, _: Context) -> Iterator[Finding]:
    for group in item.option_groups():
        for option in group:
            if _CATCH_ALL.search(option.text):
                yield ("options",), f"“{option.text[:60]}” stands for other options; write what it means."


def _key_not_longest(item: Item, _: Context) -> Iterator[Finding]:
    for group in item.option_groups():
        key = max((len(plain(option.text)) for option in _key(group)), default=0)
        other = max((len(plain(option.text)) for option in _distractors(group)), default=key)
        if key > SHORT and key > LONGER * other:
            yield (
                ("options",),
                f"the key has {key} characters, the longest distractor {other}; its length gives it away.",
            )


def _no_echo(item: Item, context: Context) -> Iterator[Finding]:
    for place, group in _asked_groups(item):
        others = {word for option in _distractors(group) for word in _words(option.text)}
        for option in _key(group):
            echo = (set(_words(option.text)) & set(_words(place))) - others
            rare = sorted(word for word in echo if context.frequency.get(word, 0) <= RARE)
            if rare:
                yield ("options",), f"the key repeats “{rare[0]}” of the stem, and no distractor does."


def _asked_groups(item: Item) -> Iterator[tuple[str, Sequence[Option]]]:
    """What is asked, and the options that answer it."""
    if isinstance(item, Scenario):
        yield from ((turn.ask, turn.choices) for turn in item.turns)
    else:
        yield from ((item.stem, group) for group in item.option_groups())


def _one_kind(item: Item, _: Context) -> Iterator[Finding]:
    for group in item.option_groups():
        shapes = Counter(_shape(option.text) for option in group)
        if len(group) >= 3 and len(shapes) == 2 and min(shapes.values()) == 1:
            odd = min(shapes, key=lambda shape: shapes[shape])
            yield ("options",), f"one option is {odd} and the others are not; make them alike."


def _shape(text: str) -> str:
    if _NUMBER.match(text.strip()):
        return "a number"
    return "code" if re.fullmatch(r"`[^`]+`", text.strip()) else "a text"


def _no_absolutes(item: Item, _: Context) -> Iterator[Finding]:
    for group in item.option_groups():
        if any(_ABSOLUTE.search(option.text) for option in _key(group)):
            continue
        for option in _distractors(group):
            found = _ABSOLUTE.search(option.text)
            if found:
                yield ("options",), f"“{found[0]}” stands in a distractor alone, which gives it away."


def _misconceptions(item: Item, context: Context) -> Iterator[Finding]:
    for group in item.option_groups():
        for option in group:
            name = option.misconception
            if name is not None and name not in context.quizzes.misconceptions:
                yield ("options",), f"there is no misconception {name}."


def _misconception_named(item: Item, context: Context) -> Iterator[Finding]:
    if not context.quizzes.is_critical(item):
        return
    for group in item.option_groups():
        for option in _distractors(group):
            if option.misconception is None:
                yield ("options",), f"option {option.id} names no misconception; the objective is of high criticality."


def _why_of_its_own(item: Item, _: Context) -> Iterator[Finding]:
    seen: set[str] = set()
    for why in item.whys():
        if len(why.split()) < 5:
            yield (), f"“{why}” is too short to explain anything."
        if _VERDICT.match(why):
            yield (), f"“{why[:40]}” judges; explain instead."
        key = " ".join(why.casefold().split())
        if key in seen:
            yield (), f"“{why[:40]}” explains two options; each needs its own."
        seen.add(key)


def _options_differ(item: Item, _: Context) -> Iterator[Finding]:
    groups: list[list[str]] = [[option.text for option in group] for group in item.option_groups()]
    if isinstance(item, Ordering):
        groups.append([step.text for step in item.steps])
    if isinstance(item, Matching):
        groups += [[pair.left for pair in item.pairs], list(item.rights)]
    for group in groups:
        for text, times in Counter(" ".join(plain(text).casefold().split()) for text in group).items():
            if times > 1:
                yield (), f"“{text[:60]}” stands {times} times."


def _cites_resolve(item: Item, context: Context) -> Iterator[Finding]:
    for number, cited in enumerate(item.cites):
        if context.find(cited) is None:
            yield ("cites", number), f"there is no passage {cited}."


def _key_in_passage(item: Item, context: Context) -> Iterator[Finding]:
    passages = [passage for cited in item.cites if (passage := context.find(cited))]
    given = " ".join([item.stem, *(turn.ask for turn in item.turns)]) if isinstance(item, Scenario) else item.stem
    held = " ".join([given, *(f"{passage.subject} {plain(passage.text)}" for passage in passages)]).casefold()
    known = set(figures(held)) | {
        str(number) for number, word in enumerate(_COUNTED) if re.search(rf"\b{word}\b", held)
    }
    known |= {figure.replace(",", "") for figure in known}
    for text in map(plain, item.key_texts()):
        # The clock of an incident runs on; what it shows stands in no passage.
        lost = [] if isinstance(item, Scenario) else [figure for figure in figures(text) if figure not in known]
        lost += [name for name in names(text) if name.casefold() not in held]
        if lost:
            yield ("cites",), f"“{lost[0]}” of the key stands in no passage that is cited."


def _numbers_in_order(item: Item, _: Context) -> Iterator[Finding]:
    if not isinstance(item, Single):
        return
    numbers = [_NUMBER.match(option.text.strip()) for option in item.options]
    values = [float(number[1].replace(",", "")) for number in numbers if number]
    if len(values) < len(numbers) or not numbers:
        return
    if item.shuffle or values != sorted(values):
        yield ("options",), "options that are numbers rise in order, with shuffle: false."


def _wrong_is_wrong(item: Item, _: Context) -> Iterator[Finding]:
    if isinstance(item, Numeric):
        for wrong in item.wrong_values:
            if abs(wrong.value - item.answer.value) <= item.answer.tolerance:
                yield ("wrong_values",), f"{wrong.value:g} would be marked right."
    if isinstance(item, ShortText):
        for miss in item.near:
            if item.accepts(miss.text):
                yield ("near",), f"“{miss.text}” would be marked right."


def _hint_hides(item: Item, _: Context) -> Iterator[Finding]:
    hint = plain(item.hint or "").casefold()
    for text in item.key_texts():
        if hint and re.search(rf"(?<!\w){re.escape(plain(text).casefold())}(?!\w)", hint):
            yield ("hint",), "the hint gives the key away."


def _scope_named(item: Item, _: Context) -> Iterator[Finding]:
    if _PRODUCT.search(item.stem) and not item.applies_to.products:
        yield ("stem",), "the stem names RDS or Aurora; say in applies_to.products which products it holds for."
    if _VERSION.search(item.stem) and item.applies_to.versions is None:
        yield ("stem",), "the stem names a version; say in applies_to.versions for which ones it holds."


def _dates_in_order(item: Item, context: Context) -> Iterator[Finding]:
    known = [passage.as_of for cited in item.cites if (passage := context.find(cited)) and passage.as_of]
    newest = max(known, default=context.today.isoformat())
    if _later(item.as_of, newest):
        yield ("as_of",), f"{item.as_of} is later than the newest passage cited, {newest}."
    if not _later(item.review_by, item.as_of):
        yield ("review_by",), f"{item.review_by} does not come after as_of, {item.as_of}."
    limit = context.today.replace(year=context.today.year + 1, day=min(context.today.day, 28)).isoformat()
    if _later(item.review_by, limit):
        yield ("review_by",), f"{item.review_by} is more than twelve months ahead."


def _later(one: str, other: str) -> bool:
    """Whether `one` is after `other`, as far as both are precise."""
    length = min(len(one), len(other))
    return one[:length] > other[:length]


def _scenario_leads(item: Item, _: Context) -> Iterator[Finding]:
    if not isinstance(item, Scenario):
        return
    if item.turn(item.start) is None:
        yield ("start",), f"there is no turn {item.start}."
    for turn in item.turns:
        for choice in turn.choices:
            if choice.goto not in item.places:
                yield ("turns",), f"{turn.id} leads to {choice.goto}, which is no turn and no ending."


def _scenario_ends(item: Item, context: Context) -> Iterator[Finding]:
    if not isinstance(item, Scenario) or any(_scenario_leads(item, context)):
        return
    reached = {item.start} | _onward(item, item.start)
    circle = next((turn.id for turn in item.turns if turn.id in reached & _onward(item, turn.id)), "")
    for name in sorted(set(item.places) - reached):
        yield ("turns",), f"no way leads to {name}."
    if circle:
        yield ("turns",), f"one can go in a circle through {circle}."
        return
    place = item.start
    while turn := item.turn(place):
        place = next((choice.goto for choice in turn.choices if choice.correct), "")
    ending = item.ending(place)
    if ending is None or not ending.good:
        yield ("endings",), "the right choices lead to no good ending."


def _onward(item: Scenario, place: str) -> set[str]:
    """Every turn and ending that lies one step or more beyond `place`."""
    found: set[str] = set()
    ahead = [place]
    while ahead:
        turn = item.turn(ahead.pop())
        new = {choice.goto for choice in turn.choices} - found if turn else set()
        found |= new
        ahead += new
    return found


def _confirmed(item: Item, context: Context) -> Iterator[Finding]:
    if item.id not in context.quizzes.lock:
        yield (), f"no author has confirmed it yet. Run pgdojo check --confirm {item.id}."
        return
    changed = context.quizzes.unconfirmed(item, context.find)
    if changed:
        advice = f"Read both, then run pgdojo check --confirm {item.id}."
        yield ("cites",), f"{changed[0]} has changed since the item was confirmed, so that it is not asked. {advice}"


RULES: dict[str, Callable[[Item, Context], Iterator[Finding]]] = {
    "whole-stem": _whole_stem,
    "no-negation": _no_negation,
    "three-options": _three_options,
    "one-key": _one_key,
    "id-once": _ids_once,
    "no-all-of-the-above": _no_catch_all,
    "key-not-longest": _key_not_longest,
    "no-echo": _no_echo,
    "one-kind-of-option": _one_kind,
    "no-absolutes": _no_absolutes,
    "misconception-known": _misconceptions,
    "misconception-named": _misconception_named,
    "why-of-its-own": _why_of_its_own,
    "options-differ": _options_differ,
    "cites-resolve": _cites_resolve,
    "key-in-passage": _key_in_passage,
    "numbers-in-order": _numbers_in_order,
    "wrong-is-wrong": _wrong_is_wrong,
    "hint-hides": _hint_hides,
    "scope-named": _scope_named,
    "dates-in-order": _dates_in_order,
    "scenario-leads": _scenario_leads,
    "scenario-ends": _scenario_ends,
    "confirmed": _confirmed,
}
"""The rules on one item, by their names."""
