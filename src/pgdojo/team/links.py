"""Whether the pages that facts rest on can still be reached: asked on a terminal, remembered for the page."""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal
from urllib.parse import urldefrag, urlsplit

import httpx
from platformdirs import user_data_path

from pgdojo.errors import UsageError
from pgdojo.learner.text import utc_now

LINKS_VARIABLE = "PGDOJO_LINKS"
AT_ONCE = 4
"""Pages asked for at a time, and no more than two of one host."""
SECONDS = 15.0
"""For which one page is waited."""
_AGENT = "pgdojo-links (checks the sources of a course)"
_NO_HEAD = frozenset({403, 404, 405, 501})
"""Answers to HEAD that some servers give although they would show the page."""

Found = Literal["reached", "moved", "gone", "unclear"]


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkState:
    """What came of asking for a page."""

    url: str
    found: Found
    """`gone`: the server says that there is no such page. `unclear`: it did not answer, or refused to."""
    says: str
    """In a few words."""
    checked_at: datetime


def links_file() -> Path:
    """Where the last results are kept."""
    named = os.environ.get(LINKS_VARIABLE)
    return Path(named) if named else user_data_path("pgdojo", appauthor=False) / "links.json"


def check_links(
    urls: Sequence[str], *, progress: Callable[[int, int], None] | None = None, clock: Callable[[], datetime] = utc_now
) -> list[LinkState]:
    """Ask for each page once, politely: its head alone where that is enough, and few at a time.

    Returns:
        One result a different page, in the order of `urls`; what comes after a `#` is left out.
    """
    pages = list(dict.fromkeys(urldefrag(url).url for url in urls))
    turns: dict[str, threading.Semaphore] = defaultdict(lambda: threading.Semaphore(2))
    for page in pages:
        turns[urlsplit(page).netloc]
    with (
        httpx.Client(timeout=SECONDS, follow_redirects=True, headers={"User-Agent": _AGENT}) as client,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):

        def look(page: str) -> LinkState:
            with turns[urlsplit(page).netloc]:
                found, says = _asked(client, page)
            return LinkState(url=page, found=found, says=says, checked_at=clock())

        states = []
        for state in pool.map(look, pages):
            states.append(state)
            if progress:
                progress(len(states), len(pages))
    return states


def _asked(client: httpx.Client, page: str) -> tuple[Found, str]:
    try:
        answer = client.head(page)
        if answer.status_code in _NO_HEAD:
            with client.stream("GET", page) as answer:
                return _told(page, answer)
        return _told(page, answer)
    except (httpx.HTTPError, httpx.InvalidURL) as cause:
        return "unclear", f"no answer: {type(cause).__name__}"


def _told(page: str, answer: httpx.Response) -> tuple[Found, str]:
    if answer.status_code in {404, 410}:
        return "gone", f"status {answer.status_code}"
    if answer.is_error:
        return "unclear", f"status {answer.status_code}"
    arrived = urldefrag(str(answer.url)).url
    return ("reached", f"status {answer.status_code}") if arrived == page else ("moved", f"now at {arrived}")


def keep(states: Sequence[LinkState], file: Path) -> None:
    """Write results whole or not at all; those of pages that were not asked for this time stay.

    Raises:
        UsageError: The file cannot be written, or what stands there is none of ours.
    """
    known = {one.url: one for one in read(file)} | {one.url: one for one in states}
    plain = [asdict(one) | {"checked_at": one.checked_at.isoformat()} for one in known.values()]
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=file.parent, encoding="utf-8", delete=False) as written:
            json.dump(plain, written, ensure_ascii=False, indent=1)
        Path(written.name).replace(file)
    except OSError as cause:
        raise UsageError(
            f"{file} cannot be written: {cause.strerror}.", next_step=f"Name another file in {LINKS_VARIABLE}."
        ) from cause


def read(file: Path) -> list[LinkState]:
    """The results that were kept; none before the first time.

    Raises:
        UsageError: The file holds something else.
    """
    try:
        plain = json.loads(file.read_text(encoding="utf-8"))
        return [LinkState(**one | {"checked_at": datetime.fromisoformat(one["checked_at"])}) for one in plain]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError) as cause:
        raise UsageError(
            f"{file} does not hold the results of pgdojo links.",
            next_step="Remove the file and run pgdojo links again.",
        ) from cause
