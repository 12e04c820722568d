"""A class at work: learners on real sockets, half of them asking and half in quizzes, and what they wait for.

Without --address it starts the servers itself, each as `pgdojo serve` with a team's sign-in, a core of its own and an
empty journal in which everybody is enrolled. A learner thinks for ten seconds on average between two clicks, which is
two to four times as fast as one who reads. The static files, which a browser keeps, are not fetched.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
from sqlalchemy import func, select

from servers import ISSUER, free_port, pgdojo, postgresql, signed_in, splitter, team_file
from tab import Action, FullError, Tab, guesses, timed
from timing import questions

THINK = 10.0
TURNS = 10
"""Questions of a conversation and of a sitting."""


@dataclass
class Class:
    """Everybody, and what they saw."""

    actions: list[Action] = field(default_factory=list)
    answered: set[str] = field(default_factory=set)
    """Keys of the answers that the page has acknowledged."""
    asked: Counter[str] = field(default_factory=Counter)
    """Answers seen, a conversation."""
    refused: list[float] = field(default_factory=list)
    """Seconds until one heard that there is no room."""
    received: int = 0


@dataclass
class Learner:
    """One of the class."""

    number: int
    tab: Tab
    room: Class
    until: float
    think: float
    chance: random.Random

    async def come(self, after: float) -> None:
        """Arrive, learn until the end, and leave."""
        await asyncio.sleep(after)
        began = time.monotonic()
        try:
            if not await self._do("open", self.tab.open()):
                return
            works = self._ask if self.number % 2 else self._practise
            while time.monotonic() < self.until:
                if not await works():  # as one who reloads after an error
                    await self._pause()
        except FullError:
            self.room.refused.append(time.monotonic() - began)
        finally:
            self.room.received += self.tab.received
            with contextlib.suppress(Exception):
                await self.tab.close()

    async def _do(self, kind: str, work: Awaitable[None]) -> bool:
        done = await timed(kind, work)
        self.room.actions.append(done)
        return not done.fault

    async def _pause(self) -> bool:
        """Think; returns whether there is time left."""
        await asyncio.sleep(min(self.chance.expovariate(1 / self.think), max(0.0, self.until - time.monotonic())))
        return time.monotonic() < self.until

    async def _ask(self) -> bool:
        if not await self._pause():
            return True
        if not await self._do("page", self.tab.go("ask")):
            return False
        for question in self.chance.sample(QUESTIONS, TURNS):
            if not await self._pause():
                return True
            if not await self._do("ask", self.tab.ask(question)):
                return False
            self.room.asked[self.tab.parameter("c")] += 1
        return True

    async def _practise(self) -> bool:
        if not await self._pause():
            return True
        if not await self._do("page", self.tab.go("quiz")) or not await self._pause():
            return True
        if not await self._do("start", self._press("quiz_start")):
            return False
        while await self._pause():
            button = next((name for name, one in self.tab.elements.items() if _is_send(one)), None)
            if button is None:  # feedback is shown
                if not await self._do("next", self._press("quiz_on_")):
                    return False
                if not any(_is_send(one) for one in self.tab.elements.values()):
                    return True  # the result
                continue
            form = self.tab.elements[button][1].form_id
            if not await self._do("answer", self.tab.click(button, guesses(self.tab, form, self.chance))):
                return False
            if self.tab.parameter("told"):
                self.room.answered.add(form.removeprefix("quiz_form_").rsplit("_", 1)[0])
        return True

    async def _press(self, key: str) -> None:
        await self.tab.click(self.tab.find("button", key))


def _is_send(element: tuple[str, Any]) -> bool:
    kind, proto = element
    return kind == "button" and bool(proto.is_form_submitter)


QUESTIONS: list[str] = questions()


async def attend(options: argparse.Namespace, address: str, secret: str, cpus: list[psutil.Process]) -> Class:
    """Let a class of learners come and learn."""
    room, begin = Class(), time.monotonic()
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    async with httpx.AsyncClient(limits=limits, trust_env=False) as http:
        people = []
        for number in range(options.learners):
            # By pairs, so that each process has those who ask and those in quizzes.
            cookies = {"bench_client": str(number // 2)}
            if secret:
                cookies |= signed_in(secret, address, f"learner-{number}")
            chance = random.Random(number)  # noqa: S311 - behaviour, not a secret
            tab = Tab(address, http, cookies)
            people.append(Learner(number, tab, room, begin + options.seconds, options.think, chance))
        arrivals = [options.arrive * place / max(1, options.learners) for place in range(options.learners)]
        watcher = asyncio.create_task(_watch(cpus, begin, options))
        await asyncio.gather(*[one.come(after) for one, after in zip(people, arrivals, strict=True)])
        await watcher
    room.actions = [one for one in room.actions if one.began - begin >= options.settle or one.kind == "open"]
    return room


async def _warm(options: argparse.Namespace, address: str, secret: str) -> None:
    """Let a few come before, so that what is loaded at its first use is not counted as memory of a session."""
    few = {"learners": 2 * options.processes, "seconds": 10.0, "arrive": 0.0, "settle": 0.0, "think": 0.5}
    await attend(argparse.Namespace(**{**vars(options), **few}), address, secret, [])


async def _watch(cpus: list[psutil.Process], begin: float, options: argparse.Namespace) -> None:
    """Print what the servers use while the class learns."""
    if not cpus:
        return
    await asyncio.sleep(options.settle)
    me = psutil.Process()
    before, since = [_cpu(one) for one in [*cpus, me]], time.monotonic()
    await asyncio.sleep(max(1.0, begin + options.seconds - time.monotonic() - 1))
    took = time.monotonic() - since
    used = [(_cpu(one) - then) / took for one, then in zip([*cpus, me], before, strict=True)]
    memory = ", ".join(f"{one.memory_info().rss / 1e6:.0f} MB" for one in cpus)
    print(f"  CPU of the servers {', '.join(f'{one:.0%}' for one in used[:-1])}; of the class {used[-1]:.0%}")
    print(f"  RSS {memory}")


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def report(room: Class, options: argparse.Namespace) -> float:
    """Print what was waited for; returns the 95th percentile of all but the arrivals."""
    by_kind: dict[str, list[float]] = defaultdict(list)
    for one in room.actions:
        if not one.fault:
            by_kind[one.kind].append(one.seconds)
    every = [one for kind, times in by_kind.items() if kind != "open" for one in times]
    print(f"  {'':8} {'count':>6} {'p50':>7} {'p95':>7} {'max':>7}")
    for kind, times in [*sorted(by_kind.items()), ("all", every)]:
        print(f"  {kind:8} {len(times):6} {_p(times, 50):6.3f}s {_p(times, 95):6.3f}s {max(times, default=0):6.3f}s")
    faults = Counter(one.fault[:150] for one in room.actions if one.fault)
    print(f"  {len(every) / (options.seconds - options.settle):.1f} actions a second, errors: {sum(faults.values())}")
    for fault, count in faults.most_common(5):
        print(f"    {count} times {fault}")
    if room.refused:
        print(f"  refused {len(room.refused)}, told within {max(room.refused):.3f} s")
    print(f"  received {room.received / 1e6:.1f} MB")
    return _p(every, 95)


def _p(times: list[float], percent: int) -> float:
    if len(times) < 2:
        return times[0] if times else 0.0
    return statistics.quantiles(times, n=100, method="inclusive")[percent - 1]


def lost(journal: str, room: Class) -> int:
    """Acknowledged answers and questions that are not in the journal."""
    from pgdojo.learner import schema
    from pgdojo.learner.journal import Journal

    with Journal.open(journal) as opened, opened.engine.connect() as connection:
        kept = set(connection.scalars(select(schema.responses.c.key)))
        counted = select(schema.turns.c.conversation, func.count()).group_by(schema.turns.c.conversation)
        turns = dict(connection.execute(counted).all())
        people = len(set(connection.scalars(select(schema.turns.c.learner).union(select(schema.responses.c.learner)))))
    missing = sum(max(0, seen - turns.get(name, 0)) for name, seen in room.asked.items())
    print(
        f"  acknowledged: {len(room.answered)} answers, {sum(room.asked.values())} questions of {people} learners; ",
        end="",
    )
    print(f"lost: {len(room.answered - kept)} answers, {missing} questions")
    return len(room.answered - kept) + missing


def enrol(journal: str, learners: int) -> None:
    """Let everybody be on the path already, so that its page has something to show."""
    from pgdojo.learner.journal import Journal
    from pgdojo.learner.people_journal import learner_of

    with Journal.open(journal) as opened:
        for number in range(learners):
            subject = f"learner-{number}"
            learner = learner_of(ISSUER, subject)
            opened.people.see(learner, issuer=ISSUER, subject=subject, name=subject)
            opened.people.enrol(learner, track="developer", target=None, mentor="")


@contextlib.asynccontextmanager
async def served(
    options: argparse.Namespace, folder: Path
) -> AsyncIterator[tuple[str, str, list[psutil.Process], str]]:
    """The servers: their address, the secret of their cookies, their processes and their journal."""
    with contextlib.ExitStack() as stack:
        journal = f"sqlite:///{folder / 'journal.sqlite3'}"
        if options.postgresql:
            journal = stack.enter_context(postgresql(folder))
        enrol(journal, 0 if options.solo else options.learners)
        ports = [free_port() for _ in range(options.processes)]
        front = ports[0] if len(ports) == 1 else free_port()
        address, secret = f"127.0.0.1:{front}", ""
        told = {"PGDOJO_CAPACITY": str(options.capacity)}
        if not options.solo:
            file, secret = team_file(folder, address, options.capacity)
            told["PGDOJO_TEAM"] = str(file)
        cores: list[int | None] = [None] if options.unpinned else list(range(psutil.cpu_count() or 1))
        processes = [
            stack.enter_context(pgdojo(folder, port, journal, core=cores[place % len(cores)], **told))
            for place, port in enumerate(ports)
        ]
        async with contextlib.AsyncExitStack() as also:
            if len(ports) > 1:
                await also.enter_async_context(splitter(front, ports))
            yield address, secret, processes, journal


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learners", type=int, default=75)
    parser.add_argument("--seconds", type=float, default=90)
    parser.add_argument("--arrive", type=float, default=10, help="seconds within which all arrive")
    parser.add_argument("--settle", type=float, default=20, help="seconds that do not count at the beginning")
    parser.add_argument("--think", type=float, default=THINK, help="seconds between two clicks, on average")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--capacity", type=int, default=90, help="sessions of a process")
    parser.add_argument("--postgresql", action="store_true", help="instead of SQLite")
    parser.add_argument("--solo", action="store_true", help="no sign-in: all are the one learner of the machine")
    parser.add_argument("--unpinned", action="store_true", help="no core of its own for a process")
    parser.add_argument("--address", help="host:port of a server of one person that runs already")
    return parser.parse_args()


async def run(options: argparse.Namespace) -> None:
    if options.address:
        report(await attend(options, options.address, "", []), options)
        return
    with tempfile.TemporaryDirectory() as scratch:
        async with served(options, Path(scratch)) as (address, secret, processes, journal):
            await _warm(options, address, secret)
            empty = sum(one.memory_info().rss for one in processes)
            room = await attend(options, address, secret, processes)
            more = sum(one.memory_info().rss for one in processes) - empty
            report(room, options)
            lost(journal, room)
            seated = sum(one.kind == "open" and not one.fault for one in room.actions)
            print(f"  memory: {empty / 1e6:.0f} MB before, {more / 1e3 / max(1, seated):.0f} KB more a session")
            for log in sorted(Path(scratch).glob("server-*.log")):
                faults = [line for line in log.read_text().splitlines() if "Error" in line or "Traceback" in line]
                print("\n".join(faults[:10]), end="\n" if faults else "")


def main() -> None:
    options = arguments()
    database = "PostgreSQL" if options.postgresql else "SQLite"
    who = "one learner's sessions" if options.solo else "learners who signed in"
    print(f"{options.learners} {who} within {options.arrive:.0f} s, thinking {options.think:.0f} s; ", end="")
    print(f"{options.processes} process(es), {database}; load average {os.getloadavg()[0]:.2f}")
    asyncio.run(run(options))


if __name__ == "__main__":
    main()
