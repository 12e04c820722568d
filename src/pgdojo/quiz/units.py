"""Amounts as people type them: `5 min`, `300 s`, `0,5 TiB`, `1,000`."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TIME = {
    "milliseconds": (0.001, "ms millisecond msec"),
    "seconds": (1.0, "s sec secs second"),
    "minutes": (60.0, "m min mins minute"),
    "hours": (3600.0, "h hr hrs hour"),
    "days": (86_400.0, "d day"),
    "weeks": (604_800.0, "w wk wks week"),
    "months": (2_629_800.0, "mo mon month"),
    "years": (31_557_600.0, "y yr yrs year"),
}
"""Seconds in each unit, and its other names; a month is a twelfth of a year of 365.25 days."""

_SIZES = "KiB MiB GiB TiB PiB".split()
_SPELLED = "kilo mega giga tera peta".split()
_SIZE = {"bytes": (1.0, "b byte")} | {
    unit.casefold(): (1024.0**power, f"{unit[0]}B {unit[0]} {unit[:2]} {spelled}byte {spelled}bytes".casefold())
    for power, (unit, spelled) in enumerate(zip(_SIZES, _SPELLED, strict=True), 1)
}
"""Bytes in each unit. People write GB for GiB, as the notes do, and are understood."""

_PERCENT = {"percent": (1.0, "% pct per-cent")}

_AMOUNT = re.compile(
    r"\s*(?:about|approximately|approx\.?|ca\.?|[~≈])?\s*(?P<number>[+-]?[\d., ]*\d)\s*(?P<unit>.*?)\s*"
)
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}([,. ])\d{3}(?:\1\d{3})*")


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit within its family."""

    family: str
    """`Time`, `Size`, `Percent`, or the unit's own name in small letters where it has no relatives."""
    factor: float
    """How many of the family's first unit it is."""


_FAMILIES: dict[str, dict[str, Unit]] = {
    family: {name: Unit(family, factor) for unit, (factor, others) in table.items() for name in (unit, *others.split())}
    for family, table in (("Time", _TIME), ("Size", _SIZE), ("Percent", _PERCENT))
}


def unit_of(name: str, family: str = "") -> Unit:
    """The unit that people call `name`; a word that is none of the known ones is a unit of its own.

    Args:
        name: As it is typed; blanks between its words count as hyphens.
        family: Where to look first: `m` is a minute among times and a MiB among sizes.
    """
    word = "-".join(name.casefold().split()).rstrip(".")
    found = (units[word] for units in (_FAMILIES.get(family, {}), *_FAMILIES.values()) if word in units)
    return next(found, Unit(word.removesuffix("s"), 1.0))


def amount_in(text: str, unit: str) -> float | None:
    """The number that `text` gives, in `unit`; a text without a unit is taken to be in it.

    Returns:
        None where `text` holds no number, or a unit of another family.
    """
    found = _AMOUNT.fullmatch(text)
    if not found:
        return None
    number = _number(found["number"])
    wanted = unit_of(unit)
    word = found["unit"].rstrip(".")
    given = unit_of(word, wanted.family) if word else wanted
    if number is None or given.family != wanted.family:
        return None
    return number * given.factor / wanted.factor


def _number(text: str) -> float | None:
    """A number with a point or a comma: a lone comma is decimal unless three digits follow it."""
    plain = text.strip()
    if _GROUPED.fullmatch(plain) and not re.fullmatch(r"[+-]?\d{1,3}\.\d{3}", plain):
        plain = re.sub(r"[,. ]", "", plain)
    elif "," in plain and "." in plain:
        thousands = min(",.", key=plain.rfind)
        plain = plain.replace(thousands, "").replace(",", ".")
    plain = plain.replace(",", ".")
    try:
        return float(plain)
    except ValueError:
        return None
