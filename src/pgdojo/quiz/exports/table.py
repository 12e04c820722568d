"""Writes a table as CSV, a row an item, for spreadsheets and statistics."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

from pgdojo.course.items import Item, ItemBase
from pgdojo.quiz.exports.records import Loss, Selection, Written, key_of, why_of_key

COLUMNS = (
    "id rev kind topic objective criticality level difficulty as_of review_by products versions stem key options "
    "why_of_key cites sources"
).split()

MAX_CELL = 32_767
"""Characters that a spreadsheet's cell holds."""

_OF_EVERY_ITEM = set(ItemBase.model_fields) - {"hint"}


def write(selection: Selection) -> Written:
    """The items as a table in UTF-8, with the mark at its beginning by which spreadsheets know that."""
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, COLUMNS)
    writer.writeheader()
    losses: list[Loss] = []
    for item in selection.items:
        row = _row(item, selection)
        losses += _losses(item.id, row)
        writer.writerow({column: _guarded(cell) for column, cell in row.items()})
    content = file.getvalue().encode("utf-8-sig")
    return Written(content=content, items=len(selection.items), losses=tuple(losses))


def _row(item: Item, selection: Selection) -> dict[str, str]:
    return {
        "id": item.id,
        "rev": str(item.rev),
        "kind": item.kind,
        "topic": selection.topic(item),
        "objective": item.objective,
        "criticality": selection.criticality(item),
        "level": item.level,
        "difficulty": str(item.difficulty),
        "as_of": item.as_of,
        "review_by": item.review_by,
        "products": " ".join(item.applies_to.products),
        "versions": item.applies_to.versions or "",
        "stem": item.stem,
        "key": "\n".join(key_of(item)),
        "options": _options(item),
        "why_of_key": "\n".join(why_of_key(item)),
        "cites": " ".join(item.cites),
        "sources": "\n".join(str(source) for source in selection.sources(item)),
    }


def _options(item: Item) -> str:
    """All that the kind of the item adds to what every item has, and the hint, as JSON."""
    fields = item.model_dump(mode="json", exclude=_OF_EVERY_ITEM, exclude_none=True)
    return json.dumps(fields, ensure_ascii=False)


def _is_formula(cell: str) -> bool:
    return cell.startswith(("=", "+", "-", "@", "\t", "\r"))


def _guarded(cell: str) -> str:
    # A spreadsheet would run such a cell. See https://owasp.org/www-community/attacks/CSV_Injection.
    return f"'{cell}" if _is_formula(cell) else cell


def _losses(item: str, row: dict[str, str]) -> Iterator[Loss]:
    for column, cell in row.items():
        if _is_formula(cell):
            yield Loss(item=item, what=f"{column} that begins like a formula", how="a ' stands before it")
        if len(cell) > MAX_CELL:
            yield Loss(item=item, what=f"{column} of {len(cell):,} characters", how="whole here; a spreadsheet cuts it")
