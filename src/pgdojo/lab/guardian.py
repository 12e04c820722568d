"""Closes a sandbox when its owner has ended, however it ended.

Started as `python -m pgdojo.lab.guardian FOLDER` with a pipe as its input, which nobody writes to. Its end says that
whoever started it is gone; the owner, where it is another process, is looked at each half second.
"""

from __future__ import annotations

import select
import signal
import sys
from pathlib import Path

from pgdojo.lab.sandbox import Sandbox

WHAT = "guardian"
"""How the ledger of processes calls it."""


def watch(folder: Path) -> None:
    """Wait until the sandbox is gone, or its owner is; then close what is left of it."""
    watched = [sys.stdin]
    while Sandbox.owned(folder):
        if select.select(watched, [], [], 0.5)[0]:
            watched = []  # the one who started us has ended, who is the owner as a rule, but not always
    Sandbox(folder).close()


def main() -> None:
    """Guard the sandbox in the folder that is named on the command line."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    watch(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
