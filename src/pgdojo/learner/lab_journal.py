"""What the journal remembers of labs: runs, checks, hints and predictions."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any, TypeVar

from sqlalchemy import Table, select

from pgdojo.learner import schema
from pgdojo.learner.records import LabCheck, LabHint, LabPrediction, LabRun
from pgdojo.learner.store import Store

_Record = TypeVar("_Record", LabRun, LabCheck, LabHint, LabPrediction)


class LabJournal(Store):
    """The labs' part of the journal; each write is one transaction, and a repeated one changes nothing."""

    def start(self, run: LabRun) -> bool:
        """Store that a lab was started; False if its key was stored before."""
        return self._append(schema.lab_runs, **asdict(run))

    def runs(self, learner: str, lab: str) -> list[LabRun]:
        """Every start of a lab, the oldest first."""
        return self._of(schema.lab_runs, LabRun, learner, lab)

    def check(self, check: LabCheck) -> bool:
        """Store what the checks of a step found; False if its key was stored before.

        Raises:
            TypeError, ValueError: The evidence is no JSON: it holds objects, NaN or infinity.
        """
        return self._append(schema.lab_checks, **asdict(check))

    def checks(self, learner: str, lab: str) -> list[LabCheck]:
        """Every check of a lab's steps, the oldest first."""
        return self._of(schema.lab_checks, LabCheck, learner, lab)

    def last_checks(self, learner: str, most: int) -> list[LabCheck]:
        """What the learner's last checks found in all labs, the latest first."""
        table = schema.lab_checks
        query = select(table).where(table.c.learner == learner).order_by(table.c.id.desc()).limit(most)
        return [_record(LabCheck, row) for row in self._rows(query)]

    def show_hint(self, hint: LabHint) -> bool:
        """Note that a rung was shown; False if it had been before."""
        return self._append(schema.lab_hints, once=("learner", "lab", "rev", "step", "rung"), **asdict(hint))

    def hints(self, learner: str, lab: str) -> list[LabHint]:
        """Every rung that was shown in a lab, the oldest first."""
        return self._of(schema.lab_hints, LabHint, learner, lab)

    def predict(self, prediction: LabPrediction) -> bool:
        """Store a prediction; it replaces the earlier one of its step when read back."""
        return self._append(schema.lab_predictions, **asdict(prediction))

    def predictions(self, learner: str, lab: str) -> list[LabPrediction]:
        """Every prediction in a lab, the oldest first."""
        return self._of(schema.lab_predictions, LabPrediction, learner, lab)

    def _of(self, table: Table, kind: type[_Record], learner: str, lab: str) -> list[_Record]:
        def read() -> list[_Record]:
            mine = (table.c.learner == learner) & (table.c.lab == lab)
            rows: Any = self._rows(select(table).where(mine).order_by(table.c.id))
            return [_record(kind, row) for row in rows]

        return self._unless_changed((table.name, learner, lab), read)


def _record(kind: type[_Record], row: Any) -> _Record:
    return kind(**{field.name: getattr(row, field.name) for field in fields(kind)})
