"""What a lab costs on an account, about: from its own solution and a dated list of prices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from importlib.resources import files
from typing import Any

from pgdojo.course.lab_records import Lab, Operation
from pgdojo.course.yaml_files import parse_yaml
from pgdojo.errors import LabError

FILE = "prices.yaml"
DAY = 24 * 60
_MONTH_HOURS = Decimal(730)
_CENT = Decimal("0.01")
_TRUE = "true"
_COPIES = frozenset(
    """rds.create_db_instance_read_replica rds.restore_db_instance_from_db_snapshot
    rds.restore_db_instance_to_point_in_time""".split()
)
"""Calls whose instance has the class of the one that it comes from, unless they name another."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """What a lab costs, about, in USD, rounded up to cents."""

    lab: Decimal
    """For as long as the lab takes."""
    minutes: int
    day: Decimal
    """If it is forgotten for a day."""
    as_of: str
    region: str
    assumed: bool
    """Whether one of the prices is ours to be looked up again."""
    sources: tuple[str, ...]

    def in_words(self) -> str:
        """The estimate as one reads it before the start."""
        sure = "Some prices are assumptions" if self.assumed else "Prices are those of AWS's page"
        return (
            f"about USD {self.lab} for {self.minutes} minutes, USD {self.day} if forgotten for a day. {sure}, as of "
            f"{self.as_of}, for {self.region}; other Regions differ, and traffic is not counted. "
            f"Compare: {', '.join(self.sources)}"
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Instance:
    name: str
    engine: str
    kind: str
    zones: int
    gigabytes: int


def estimate(lab: Lab, prices: Mapping[str, Any] | None = None) -> Estimate:
    """Add up everything that the lab's own solution creates, as if all of it ran from the first minute to the last.

    Raises:
        LabError: There is no price for something that it creates.
    """
    known = prices or load_prices()
    used = [price for one in _instances(lab) for price in _of_instance(known, one)]
    used += [(known["secret_month"], Decimal(1) / _MONTH_HOURS)] * _secrets(lab)
    hour = sum((Decimal(price["usd"]) * amount for price, amount in used), Decimal(0))
    billed = max(lab.minutes, int(known["minimum_minutes"]))
    return Estimate(
        lab=_cents(hour * billed / 60),
        minutes=lab.minutes,
        day=_cents(hour * DAY / 60),
        # The oldest date is the one that can be promised.
        as_of=min((price["as_of"] for price, _ in used), default=known["as_of"]),
        region=known["region"],
        assumed=any(price.get("assumed") == _TRUE for price, _ in used),
        sources=tuple(dict.fromkeys(price["source"] for price, _ in used)),
    )


def load_prices() -> dict[str, Any]:
    """The list of prices that comes with pgdojo; all its values are text."""
    text = files("pgdojo.lab.real").joinpath(FILE).read_text("utf-8")
    return dict(parse_yaml(text, FILE).data)


def made_by(lab: Lab) -> Iterator[Operation]:
    """The calls of the lab's own solution that create or change something."""
    return (one for step in lab.steps for one in step.solution if one.aws is not None)


def _instances(lab: Lab) -> list[_Instance]:
    found: dict[str, _Instance] = {}
    for one in made_by(lab):
        params = one.params
        if one.aws == "rds.create_db_instance":
            found[params["DBInstanceIdentifier"]] = _created(params)
        elif one.aws in _COPIES:
            made = _copied(params, found)
            found[made.name] = made
        elif one.aws == "rds.modify_db_instance" and params["DBInstanceIdentifier"] in found:
            old = found[params["DBInstanceIdentifier"]]
            zones = 2 if params.get("MultiAZ") == _TRUE else 1
            # An instance counts as what it was at its largest.
            found[old.name] = _Instance(
                name=old.name,
                engine=old.engine,
                kind=params.get("DBInstanceClass", old.kind),
                zones=max(old.zones, zones),
                gigabytes=max(old.gigabytes, int(params.get("AllocatedStorage", 0))),
            )
    return list(found.values())


def _created(params: Mapping[str, Any]) -> _Instance:
    return _Instance(
        name=params["DBInstanceIdentifier"],
        engine=params.get("Engine", "postgres"),
        kind=params["DBInstanceClass"],
        zones=2 if params.get("MultiAZ") == _TRUE else 1,
        gigabytes=int(params.get("AllocatedStorage", 1)),
    )


def _copied(params: Mapping[str, Any], known: Mapping[str, _Instance]) -> _Instance:
    source = known.get(params.get("SourceDBInstanceIdentifier", "")) or next(iter(known.values()), None)
    return _Instance(
        name=params.get("TargetDBInstanceIdentifier") or params["DBInstanceIdentifier"],
        engine=source.engine if source else "postgres",
        kind=params.get("DBInstanceClass") or (source.kind if source else "an instance without a class"),
        zones=2 if params.get("MultiAZ") == _TRUE else 1,
        gigabytes=source.gigabytes if source else 20,
    )


def _of_instance(prices: Mapping[str, Any], one: _Instance) -> list[tuple[Mapping[str, str], Decimal]]:
    hour = next((row for row in prices["hours"] if (row["engine"], row["class"]) == (one.engine, one.kind)), None)
    storage = next((row for row in prices["gb_month"] if row["engine"] == one.engine), None)
    if one.kind == "db.serverless":
        hour = prices["acu_hour"]
    if hour is None or storage is None:
        raise LabError(
            f"There is no price for {one.engine} on {one.kind}, so that {one.name} cannot be estimated.",
            next_step=f"Look it up on AWS's page of prices and add it to {FILE}.",
        )
    return [(hour, Decimal(one.zones)), (storage, Decimal(one.gigabytes * one.zones) / _MONTH_HOURS)]


def _secrets(lab: Lab) -> int:
    managed = {
        one.params.get("DBInstanceIdentifier") or one.params.get("DBClusterIdentifier")
        for one in made_by(lab)
        if one.params.get("ManageMasterUserPassword") == _TRUE
    }
    return len(managed) + sum(one.aws == "secretsmanager.create_secret" for one in made_by(lab))


def _cents(amount: Decimal) -> Decimal:
    return max(amount.quantize(_CENT, ROUND_UP), _CENT)
