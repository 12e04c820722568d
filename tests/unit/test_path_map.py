"""The map of the material as a page draws it: every cell leads to its place, and no word of an author comes alive."""

from __future__ import annotations

from pgdojo.path.progress import HeatCell, HeatRow
from pgdojo.web.path.coverage import as_html

CELL = HeatCell(
    passage="handbook/ha#failover", heading=("HA", "Failover"), read=True, asked=False, right=True, practised=False
)


def test_a_cell_says_what_was_done_and_leads_to_its_place():
    shown = as_html((HeatRow(document="handbook/ha", title="High availability", cells=(CELL,)),))

    assert 'href="book?passage=handbook%2Fha%23failover"' in shown
    assert 'aria-label="HA · Failover: read, answered right"' in shown
    assert '<i class="path-read"></i><i class=""></i><i class="path-right"></i><i class=""></i></a>' in shown


def test_a_heading_with_a_tag_in_it_stays_text():
    evil = HeatCell(
        passage="notes#a", heading=('"><script>x</script>',), read=False, asked=False, right=False, practised=False
    )

    shown = as_html((HeatRow(document="notes", title="<b>Notes</b>", cells=(evil,)),))

    assert "<script>" not in shown
    assert "<b>" not in shown
    assert "nothing yet" in shown
