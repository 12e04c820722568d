"""Labs where pgdojo has no servers of its own: on an AWS account, or by answers that the learner pastes.

Nothing here writes to an account. What is done there, the learner does; pgdojo looks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Literal

from pgdojo.course.lab_records import Check
from pgdojo.errors import LabError

Mode = Literal["simulated", "real", "paste"]
"""Where the AWS of a lab is: the small RDS on this machine, an account, or in what is pasted."""

STATE = "away.json"
"""The file in a lab's folder that says where it is."""
AS_BOTO3 = "Write it as boto3 does: rds.describe_db_instances."
TAG, VALUE = "training", "true"
"""What an account for labs, and everything that a lab has there, is tagged with."""


class NotJudgedError(LabError):
    """There is no saying what is there; it speaks of the place or the access, and not of the learner."""


class Away(ABC):
    """A sandbox that is not on this machine."""

    mode: Mode

    @abstractmethod
    def why_not(self, check: Check) -> str:
        """Why `check` cannot be made there; empty where it can."""

    @abstractmethod
    def cannot(self, check: Check) -> str:
        """As `why_not`, for what the place itself does not allow; without asking anybody for anything."""

    def prepared(self, check: Check) -> Check:
        """A check as it is made there."""
        return check

    @abstractmethod
    def told(self, finding: Any) -> Any:
        """A finding with what has to be added to it there."""

    @abstractmethod
    def must_be_empty(self, lab: Any) -> None:
        """Raise LabError where something of `lab` is left there that has to be removed first."""
