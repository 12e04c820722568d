"""The map of the material as a page draws it: every cell leads to its place, and no word of an author comes alive."""

from __future__ import annotations

import pytest

from pgdojo.path.progress import HeatCell, HeatRow
from pgdojo.web.path import coverage, head

CELL = HeatCell(
    passage="handbook/ha#failover", heading=("HA", "Failover"), read=True, asked=False, right=True, practised=False
)
ROWS = (HeatRow(document="handbook/ha", title="High availability", cells=(CELL,)),)
EVIL = HeatCell(
    passage="notes#a", heading=('"><script>x</script>',), read=False, asked=False, right=False, practised=False
)


@pytest.mark.parametrize("drawn", [coverage.as_html, coverage.as_table])
def test_a_heading_leads_to_its_place(drawn):
    assert 'href="book?passage=handbook%2Fha%23failover"' in drawn(ROWS)


def test_a_cell_says_what_was_done():
    shown = coverage.as_html(ROWS)

    assert 'aria-label="HA · Failover: read, answered right"' in shown
    assert '<i class="path-read"></i><i class=""></i><i class="path-right"></i><i class=""></i></a>' in shown


def test_the_legend_names_each_quarter():
    shown = coverage.as_html(ROWS)

    for name, said in (
        ("read", "read"),
        ("asked", "asked about"),
        ("right", "answered right"),
        ("practised", "practised"),
    ):
        assert f'class="path-{name}"' in shown
        assert f"</span>{said}</span>" in shown


def test_the_table_says_the_same_in_words():
    shown = coverage.as_table(ROWS)

    assert "<caption>High availability</caption>" in shown
    assert ">Failover</a></th><td>yes</td><td>–</td><td>yes</td><td>–</td></tr>" in shown


@pytest.mark.parametrize("drawn", [coverage.as_html, coverage.as_table])
def test_a_heading_with_a_tag_in_it_stays_text(drawn):
    shown = drawn((HeatRow(document="notes", title="<b>Notes</b>", cells=(EVIL,)),))

    assert "<script>" not in shown
    assert "<b>" not in shown


def test_a_heading_nobody_touched_says_so():
    assert "nothing yet" in coverage.as_html((HeatRow(document="notes", title="Notes", cells=(EVIL,)),))


def test_figures_are_text_as_well():
    assert "<dt>A &lt;b&gt;</dt><dd>1 of 2</dd>" in head.as_html({"A <b>": "1 of 2"})
