"""What labs on learners' own machines tell the team's server: read with care, and stored under the token's owner."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from pgdojo.course.lab_records import Lab, Status
from pgdojo.errors import UsageError
from pgdojo.learner.lab_journal import LabJournal
from pgdojo.learner.records import LabCheck, LabHint, LabPrediction, LabRun
from pgdojo.learner.text import utc_now
from pgdojo.team.access import Access, Action

MOST = 200
"""Records of one kind in one message."""
LATER = timedelta(minutes=5)
"""By how much a learner's clock may be ahead."""
_Key = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
_Name = Annotated[str, Field(min_length=1, max_length=80)]
_Text = Annotated[str, Field(max_length=4000)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)
    """What is not known is left out: whose it is, above all, is for the token to say."""


class _Told(_Part):
    key: _Key
    lab: _Name
    rev: Annotated[int, Field(ge=1, le=100_000)]


class _Run(_Told):
    started_at: AwareDatetime


class _Finding(_Part):
    check: _Name
    status: Status
    expected: _Text
    found: _Text
    say: _Text
    why: _Text
    next: _Text
    cites: Annotated[tuple[_Name, ...], Field(max_length=20)]
    log: Literal[""] = ""


class _Evidence(_Part):
    findings: Annotated[tuple[_Finding, ...], Field(min_length=1, max_length=50)]
    measured: Annotated[float | None, Field(allow_inf_nan=False)] = None
    aws: Literal["simulated", "real", "paste"] | None = None


class _Check(_Told):
    step: _Name
    evidence: _Evidence
    checked_at: AwareDatetime


class _Hint(_Told):
    step: _Name
    rung: Annotated[int, Field(ge=0, le=20)]
    shown_at: AwareDatetime


class _Prediction(_Told):
    step: _Name
    value: Annotated[float, Field(allow_inf_nan=False)]
    predicted_at: AwareDatetime


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    runs: Annotated[tuple[_Run, ...], Field(max_length=MOST)] = ()
    checks: Annotated[tuple[_Check, ...], Field(max_length=MOST)] = ()
    hints: Annotated[tuple[_Hint, ...], Field(max_length=MOST)] = ()
    predictions: Annotated[tuple[_Prediction, ...], Field(max_length=MOST)] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Received:
    """What became of a message."""

    stored: int
    known: int
    """Records that were stored before, or have the key of one that was."""
    unknown: int
    """Records of a lab or a step that the server's course does not have."""


class LabEvidence:
    """Takes what a learner's own machine has seen; safe to share between threads."""

    def __init__(
        self, labs: Mapping[str, Lab], journal: LabJournal, access: Access, clock: Callable[[], datetime] = utc_now
    ) -> None:
        """Store in `journal` what belongs to one of `labs`, asking `access` at each call."""
        self._labs, self._journal, self._access, self._clock = labs, journal, access, clock

    def receive(self, by: str, told: object) -> Received:
        """Store a message of the shape that `messages` makes, under `by` and nobody else.

        Raises:
            AccessError: `by` does no labs here.
            UsageError: It has another shape; nothing of it is stored.
        """
        self._access.require(by, Action.LAB, by)
        try:
            message = _Message.model_validate(told)
        except ValidationError as cause:
            first = cause.errors(include_input=False, include_url=False, include_context=False)[0]
            where = ".".join(map(str, first["loc"])) or "the body"
            raise UsageError(
                f"The evidence cannot be read: {where}: {first['msg']}.",
                next_step="Send it with pgdojo lab send, of the version that the server runs.",
            ) from None
        self._must_be_past(message)
        records = [*_records(by, message)]
        wanted = [one for one in records if self._is_of_course(one)]
        stored = sum(self._store(one) for one in wanted)
        return Received(stored=stored, known=len(wanted) - stored, unknown=len(records) - len(wanted))

    def _must_be_past(self, message: _Message) -> None:
        latest = self._clock() + LATER
        times = [
            *(one.started_at for one in message.runs),
            *(one.checked_at for one in message.checks),
            *(one.shown_at for one in message.hints),
            *(one.predicted_at for one in message.predictions),
        ]
        if any(at > latest for at in times):
            raise UsageError("The evidence is of a time to come.", next_step="Set the clock of your machine.")

    def _is_of_course(self, record: LabRun | LabCheck | LabHint | LabPrediction) -> bool:
        lab = self._labs.get(record.lab)
        return lab is not None and (isinstance(record, LabRun) or lab.step(record.step) is not None)

    def _store(self, record: LabRun | LabCheck | LabHint | LabPrediction) -> bool:
        if isinstance(record, LabRun):
            return self._journal.start(record)
        if isinstance(record, LabCheck):
            return self._journal.check(record)
        if isinstance(record, LabHint):
            return self._journal.show_hint(record)
        return self._journal.predict(record)


def _records(by: str, message: _Message) -> Iterable[LabRun | LabCheck | LabHint | LabPrediction]:
    for run in message.runs:
        yield LabRun(**{**run.model_dump(), "learner": by})
    for check in message.checks:
        evidence = check.evidence.model_dump(mode="json", exclude_none=True)
        evidence.setdefault("measured", None)
        status = check.evidence.findings[-1].status  # and not what the message says beside it
        yield LabCheck(**{**check.model_dump(), "learner": by, "status": status, "evidence": evidence})
    for hint in message.hints:
        yield LabHint(**{**hint.model_dump(), "learner": by})
    for prediction in message.predictions:
        yield LabPrediction(**{**prediction.model_dump(), "learner": by})


def messages(
    journal: LabJournal, labs: Iterable[str], learner: str, since: datetime | None = None
) -> list[dict[str, Any]]:
    """What the journal of this machine holds of labs, in as many messages as it takes, without the checks' logs.

    Args:
        journal: Of this machine.
        labs: Their ids.
        learner: Whose.
        since: Only what is not older; None for everything.
    """
    names = list(labs)
    kinds: dict[str, tuple[Callable[[str, str], list[Any]], str]] = {
        "runs": (journal.runs, "started_at"),
        "checks": (journal.checks, "checked_at"),
        "hints": (journal.hints, "shown_at"),
        "predictions": (journal.predictions, "predicted_at"),
    }
    found: dict[str, list[dict[str, Any]]] = {}
    for kind, (read, when) in kinds.items():
        rows = [row for name in names for row in read(learner, name)]
        found[kind] = [_plain(row, when) for row in rows if since is None or getattr(row, when) >= since]
    size = 50
    most = max(map(len, found.values()))
    return [{kind: rows[at : at + size] for kind, rows in found.items()} for at in range(0, most, size)]


def _plain(row: LabRun | LabCheck | LabHint | LabPrediction, when: str) -> dict[str, Any]:
    told = asdict(row)
    del told["learner"]
    told[when] = told[when].isoformat()
    if isinstance(row, LabCheck):
        del told["status"]
        told["evidence"] = {
            **row.evidence,
            "findings": [{**finding, "log": ""} for finding in row.evidence["findings"]],
        }
    return told
