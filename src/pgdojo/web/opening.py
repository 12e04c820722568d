"""The Dojo on its way from closed to open, beside the server, so that a visitor sees progress and no blank page."""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from pgdojo.errors import PgdojoError

if TYPE_CHECKING:
    from pgdojo.dojo import Dojo

_log = logging.getLogger(__name__)

Report: TypeAlias = Callable[[str, int, int], None]
"""Told the stage, how much of it is done and how much there is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far the opening has come."""

    stage: str = "Opening the course"
    done: int = 0
    total: int = 0
    """0 where the length is not known."""

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0


class Opening:
    """Opens a Dojo once, in a thread of its own; every visitor and route looks at the same one."""

    def __init__(self, open_it: Callable[[Report], Dojo]) -> None:
        """Begin at once with `open_it`, which is called with a function that takes its progress."""
        self._open_it = open_it
        self._finished = threading.Event()
        self.progress = Progress()
        self.dojo: Dojo | None = None
        self.failure: Exception | None = None
        # A daemon: an index is renamed into place when it is whole, so a build may end with the server.
        threading.Thread(target=self._run, name="open-dojo", daemon=True).start()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until it is open or has failed, for at most `seconds`; returns whether it has come to an end."""
        return self._finished.wait(seconds)

    def _report(self, stage: str, done: int, total: int) -> None:
        self.progress = Progress(stage=stage, done=done, total=total)

    def _run(self) -> None:
        try:
            dojo = self._open_it(self._report)
            _warm(dojo)
            # What is loaded now stays: the collector need not walk it again at each click.
            gc.collect()
            gc.freeze()
            self.dojo = dojo
        except Exception as cause:  # noqa: BLE001  # whatever it is, a page must be able to say it
            _log.exception("The course could not be opened.")
            self.failure = cause
        finally:
            self._finished.set()


def _warm(dojo: Dojo) -> None:
    """Load what is loaded at its first use, so that no visitor waits for it and a fault shows at once."""
    dojo.journal.conversations("local")
    dojo.documents()
    with suppress(PgdojoError):  # a fault in a quiz or a lab is told on the pages that need it
        dojo.pathfinder.progress("local")
    for question in dojo.suggestions()[:1]:
        dojo.ask(question)
