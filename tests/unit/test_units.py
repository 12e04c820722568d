"""An amount counts however it is typed: in another unit of its kind, with a comma or a point; nonsense is no amount."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pgdojo.quiz.units import Unit, amount_in, unit_of

KIB = 1024.0

UNDERSTOOD = [
    ("5 min", "minutes", 5),
    ("300 s", "minutes", 5),
    ("5 m", "minutes", 5),
    ("5 Minutes", "minutes", 5),
    ("1 hour", "minutes", 60),
    ("90 min", "hours", 1.5),
    ("250 ms", "seconds", 0.25),
    ("2 wk", "days", 14),
    ("1 y", "months", 12),
    ("48 hrs.", "days", 2),
    ("5", "minutes", 5),
    ("5.", "minutes", 5),
    ("  5  ", "minutes", 5),
    ("5min", "minutes", 5),
    ("about 5 min", "minutes", 5),
    ("approx. 5 min", "minutes", 5),
    ("~5 min", "minutes", 5),
    ("ca. 5", "minutes", 5),
    ("-5 days", "days", -5),
    ("+5 days", "days", 5),
    ("0,5", "hours", 0.5),
    ("0.5", "hours", 0.5),
    (".5", "hours", 0.5),
    ("0,125", "hours", 0.125),
    ("12,75", "hours", 12.75),
    ("1.500", "hours", 1.5),
    ("1,000", "connections", 1000),
    ("1 000", "connections", 1000),
    ("1,000,000", "connections", 1_000_000),
    ("1.000.000", "connections", 1_000_000),
    ("1,234.5", "connections", 1234.5),
    ("1.234,5", "connections", 1234.5),
    ("10,000 connections", "connections", 10_000),
    ("1 connection", "connections", 1),
    ("64 TB", "TiB", 64),
    ("64 TiB", "TiB", 64),
    ("64 t", "TiB", 64),
    ("64 terabytes", "TiB", 64),
    ("65536 GB", "TiB", 64),
    ("5 M", "MiB", 5),
    ("0.25 PiB", "TiB", 256),
    ("2 KiB", "bytes", 2048),
    ("1 byte", "bytes", 1),
    ("99 %", "percent", 99),
    ("99%", "percent", 99),
    ("99 pct", "percent", 99),
    ("99 per cent", "percent", 99),
    ("99.99", "percent", 99.99),
    ("6 Availability  Zones", "Availability Zones", 6),
    ("3 times", "times", 3),
]


@pytest.mark.parametrize(("typed", "unit", "amount"), UNDERSTOOD)
def test_an_amount_is_understood(typed, unit, amount):
    assert amount_in(typed, unit) == pytest.approx(amount, rel=1e-12)


NONSENSE = [
    ("", "minutes"),
    ("soon", "minutes"),
    ("five", "minutes"),
    ("min 5", "minutes"),
    ("5 GB", "minutes"),
    ("5 min", "GiB"),
    ("5 percent", "minutes"),
    ("5 copies", "minutes"),
    ("5 min", "copies"),
    ("5 copies", "regions"),
    ("5 times", "seconds"),
    ("5 min", "times"),
    ("5 or 6", "minutes"),
    ("5-6 min", "minutes"),
    ("5:30", "minutes"),
    ("5 min 30 s", "minutes"),
    ("1e3", "connections"),
    ("1.2.3", "connections"),
    ("1 2 3", "connections"),
    ("1,,2", "connections"),
    ("--5", "minutes"),
    ("inf", "minutes"),
    ("nan", "minutes"),
]


@pytest.mark.parametrize(("typed", "unit"), NONSENSE)
def test_what_is_no_amount_of_the_kind_is_none(typed, unit):
    assert amount_in(typed, unit) is None


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("seconds", Unit("Time", 1)),
        ("Min.", Unit("Time", 60)),
        ("KB", Unit("Size", KIB)),
        ("GiB", Unit("Size", KIB**3)),
        ("%", Unit("Percent", 1)),
        ("Copies", Unit("copie", 1)),
        ("m", Unit("Time", 60)),
    ],
)
def test_a_unit_is_known_by_its_names(name, unit):
    assert unit_of(name) == unit


def test_a_letter_of_two_meanings_is_a_unit_of_the_kind_that_was_asked_for():
    assert unit_of("m", "Size") == Unit("Size", KIB**2)
    assert unit_of("m", "Time") == Unit("Time", 60)


UNITS = st.sampled_from(
    "milliseconds seconds minutes hours days weeks months years bytes KiB MiB GiB TiB PiB percent copies".split()
)


@settings(deadline=None)
@given(st.text(max_size=300), st.text(max_size=30))
@example("9" * 400, "seconds")
@example("1" + " 1" * 100 + "\n\n.", "seconds")
def test_no_text_is_an_error(text, unit):
    amount = amount_in(text, unit)

    assert amount is None or isinstance(amount, float)


@settings(deadline=None)
@given(st.text("0123456789., +-~%eEmins", max_size=12), UNITS)
def test_what_looks_like_a_number_is_no_error_either(text, unit):
    amount = amount_in(text, unit)

    assert amount is None or isinstance(amount, float)


@settings(deadline=None)
@given(st.integers(-(10**12), 10**12), UNITS)
def test_a_whole_number_with_its_own_unit_is_itself(number, unit):
    assert amount_in(f"{number} {unit}", unit) == pytest.approx(number, rel=1e-12)
    assert amount_in(f"{number:,}{unit}", unit) == pytest.approx(number, rel=1e-12)
    assert amount_in(f"{number}", unit) == pytest.approx(number, rel=1e-12)


@settings(deadline=None)
@given(st.decimals(-(10**6), 10**6, places=3), UNITS)
def test_a_number_with_a_point_and_its_own_unit_is_itself(number, unit):
    assert amount_in(f"{number} {unit}", unit) == pytest.approx(float(number), rel=1e-12)


@settings(deadline=None)
@given(st.decimals(-(10**6), 10**6, places=2), UNITS)
def test_a_number_with_a_decimal_comma_is_the_one_with_a_point(number, unit):
    assert amount_in(f"{number}".replace(".", ","), unit) == amount_in(f"{number}", unit)
