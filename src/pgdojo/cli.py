"""The same services in a terminal.

Results go to standard output, everything else to standard error: one line that says what failed and what to do next.
Exit codes: 0 fine, 1 the course or a check failed, 2 wrong use.
"""

from __future__ import annotations

import json
import os
import sys
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from pgdojo import __version__, cli_lab, cli_path, cli_people, cli_team
from pgdojo.errors import CourseError, PgdojoError, UsageError

if TYPE_CHECKING:
    from pgdojo.ask.records import Answer
    from pgdojo.dojo import Progress

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

app = typer.Typer(
    name="pgdojo",
    help="Ask a course, and read, search, check and serve it.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

exports = typer.Typer(help="Write what the course holds for other programs.", no_args_is_help=True)
imports = typer.Typer(help="Read what other programs have written.", no_args_is_help=True)
app.add_typer(exports, name="export")
app.add_typer(imports, name="import")
app.add_typer(cli_lab.app, name="lab")
app.add_typer(cli_team.app)
app.add_typer(cli_people.app)
app.add_typer(cli_path.app, name="path")


def _say_version(wanted: bool) -> None:  # noqa: FBT001 - typer's shape
    if wanted:
        typer.echo(f"pgdojo {__version__}")
        raise typer.Exit


class _State:
    """What the options before the command say."""

    course: Path | None = None
    debug = False


@app.callback()
def _options(
    course: Annotated[
        Path | None, typer.Option("--course", help="Folder of the course; the one in use here, or pgdojo's own.")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the trace of a failure.")] = False,  # noqa: FBT002
    version: Annotated[  # noqa: ARG001, FBT002
        bool, typer.Option("--version", help="Say the version and stop.", is_eager=True, callback=_say_version)
    ] = False,
) -> None:
    _State.course, _State.debug = course, debug


def main() -> None:
    """Run the command line and leave with its exit code."""
    try:
        app(standalone_mode=True)
    except BrokenPipeError:
        # The reader of a pipe left; there is nobody to tell.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123
        sys.exit(0)
    except PgdojoError as cause:
        if _State.debug:
            raise
        if isinstance(cause, CourseError):
            for fault in cause.faults[1:]:
                _say(str(fault))
        _say(str(cause))
        sys.exit(cause.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


def _say(text: str) -> None:
    """One line on standard error, without any control character that a course or a question may hold."""
    line = "".join(character if character.isprintable() else " " for character in text)
    print(f"pgdojo: {line}", file=sys.stderr)


def _print(text: str) -> None:
    kept = "".join(character if character.isprintable() or character in "\n\t" else " " for character in text)
    print(kept)


@contextmanager
def _progress() -> Iterator[Progress | None]:
    """A bar on standard error, where that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        rows: dict[str, Any] = {}

        def hear(stage: str, done: int, total: int) -> None:
            if stage not in rows:
                rows[stage] = bar.add_task(stage, total=total)
            bar.update(rows[stage], completed=done, total=total)

        yield hear


@app.command()
def ask(
    question: Annotated[str | None, typer.Argument(help="The question, in quotes.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,  # noqa: FBT002
    batch: Annotated[
        str | None,
        typer.Option("--batch", help='Lines {"id", "question", "history"?} of a file, or - for standard input.'),
    ] = None,
) -> None:
    """Answer a question with citations, or a file of them line by line.

    Usage: pgdojo ask "how long does a Multi-AZ failover take?" [--json]
           pgdojo ask --batch questions.jsonl > answers.jsonl
    """
    if (question is None) == (batch is None):
        raise UsageError("Give either a question or --batch FILE.", next_step="See pgdojo ask --help.")
    dojo = _open()
    if question is not None:
        answer = dojo.ask(question)
        _print(json.dumps(answer.as_json(), ensure_ascii=False, indent=2) if as_json else _as_text(answer))
        return
    with _batch_lines(batch or "-") as lines, _progress() as hear:
        for done, (number, line) in enumerate(lines, 1):
            asked = _batch_question(line, number)
            answer = dojo.ask(asked["question"], asked["history"])
            print(json.dumps({"id": asked["id"], **answer.as_json()}, ensure_ascii=False), flush=True)
            if hear and done % 20 == 0:
                hear("Answering", done, done)


@contextmanager
def _batch_lines(name: str) -> Iterator[Iterable[tuple[int, str]]]:
    """The numbered lines of a file or of standard input, blank ones left out."""

    def lines(file: TextIO) -> Iterator[tuple[int, str]]:
        try:
            yield from ((number, line) for number, line in enumerate(file, 1) if line.strip())
        except UnicodeDecodeError as cause:
            raise UsageError(f"{name} is not UTF-8.", next_step="Save it as UTF-8.") from cause

    if name == "-":
        yield lines(sys.stdin)
        return
    try:
        with Path(name).open(encoding="utf-8-sig") as file:
            yield lines(file)
    except FileNotFoundError as cause:
        raise UsageError(f"There is no file {name}.", next_step="Name one, or - for standard input.") from cause


def _batch_question(line: str, number: int) -> dict[str, Any]:
    """One line of a batch, with its history as the texts of the earlier questions."""
    try:
        data = json.loads(line)
    except ValueError as cause:
        raise UsageError(f"Line {number} is not JSON.", next_step='Write {"id": ..., "question": ...}.') from cause
    if not isinstance(data, dict) or not isinstance(data.get("question"), str):
        raise UsageError(f"Line {number} has no question.", next_step='Write {"id": ..., "question": ...}.')
    history = data.get("history") or []
    if not isinstance(history, list):
        raise UsageError(f"Line {number}: history is no list.", next_step="Give the earlier questions, oldest first.")
    return {"id": data.get("id"), "question": data["question"], "history": _earlier_questions(history, number)}


def _earlier_questions(history: list[Any], number: int) -> list[str]:
    found = []
    for turn in history:
        if isinstance(turn, str):
            found.append(turn)
        elif isinstance(turn, dict):
            if turn.get("role") not in {None, "user"}:
                continue
            text = turn.get("standalone") or turn.get("question") or turn.get("content")
            if isinstance(text, str):
                found.append(text)
        else:
            raise UsageError(f"Line {number}: a turn of history is neither a text nor an object.")
    return found


def _as_text(answer: Answer) -> str:
    """An answer for a terminal: what was searched for, the text, and the numbered words that it rests on."""
    parts = [f"Searched for: {answer.standalone}\n"] if answer.rewritten else []
    parts.append(answer.text)
    if answer.refusal:
        parts += [f"  - {heading.label} ({heading.passage_id})" for heading in answer.refusal.nearest]
    for citation in answer.citations:
        lines = f"line {citation.first_line}"
        if citation.last_line > citation.first_line:
            lines = f"lines {citation.first_line}-{citation.last_line}"
        about = ", ".join(
            part for part in (citation.standing or "", f"as of {citation.as_of}" if citation.as_of else "") if part
        )
        parts.append(f"\n[{citation.n}] {citation.label} ({citation.document}, {lines}{'; ' + about if about else ''})")
        parts.append(f"    “{citation.quote}”")
        if citation.source:
            parts.append(f"    {citation.source}")
    if answer.next_questions:
        parts += ["\nAsk next:", *(f"  - {question}" for question in answer.next_questions)]
    return "\n".join(parts)


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="What to look for.")],
    k: Annotated[int, typer.Option("-k", help="How many passages.", min=1, max=1000)] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print the passages as JSON.")] = False,  # noqa: FBT002
) -> None:
    """Find the passages that fit a query, best first.

    Usage: pgdojo search "restore to a point in time" -k 3 [--json]
    """
    found = _open().search(query, k)
    if as_json:
        rows = [
            {
                "rank": hit.rank,
                "score": round(hit.score, 4),
                "passage_id": hit.passage.id,
                "document": hit.passage.document,
                "heading": " > ".join(hit.passage.heading),
                "lines": [hit.passage.first_line, hit.passage.last_line],
                "text": hit.passage.text,
            }
            for hit in found
        ]
        _print(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for hit in found:
        place = f"{hit.passage.document}, line {hit.passage.first_line}"
        _print(f"{hit.rank:2}. {hit.score:.3f}  {hit.passage.id}  ({place})\n    {hit.passage.text[:300]}")


@app.command()
def index(
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Embed everything anew.")] = False,  # noqa: FBT002
    model: Annotated[
        str | None, typer.Option("--model", help="A sentence-transformers model, by name or folder; stays in use.")
    ] = None,
    progress: Annotated[str, typer.Option("--progress", help="bar, or json for a line a step.")] = "bar",
) -> None:
    """Build the search index; only what changed is embedded.

    Usage: pgdojo --course DIR index [--rebuild] [--model NAME_OR_PATH]
    """
    from pgdojo.dojo import build, find_course, index_folder

    course = find_course(_State.course)
    if progress == "json":
        manifest = build(course, model=model, rebuild=rebuild, progress=_json_progress)
    else:
        with _progress() as hear:
            manifest = build(course, model=model, rebuild=rebuild, progress=hear)
        _print(
            f"{manifest.passages:,} passages from {manifest.documents:,} documents, "
            f"{manifest.embedded:,} texts embedded, in {index_folder(course).path}"
        )
    for fault in _skipped(course):
        _say(fault)
    if manifest.fallback_reason:
        _say(f"{manifest.model} runs in sentence-transformers, because {manifest.fallback_reason}. Answers are slower.")


def _json_progress(stage: str, done: int, total: int) -> None:
    print(json.dumps({"stage": stage, "done": done, "total": total}), flush=True)


def _skipped(course: Path) -> list[str]:
    from pgdojo.course.load import load_course

    return [str(fault) for fault in load_course(course).skipped]


@app.command()
def check(
    confirm: Annotated[
        list[str] | None,
        typer.Option("--confirm", help="Id of a quiz item that is right as its passages now stand; all for every one."),
    ] = None,
) -> None:
    """Validate the course and name every fault with file, line, item and field.

    Usage: pgdojo --course DIR check [--confirm ID]...
    """
    from pgdojo import dojo

    course = dojo.find_course(_State.course)
    if confirm:
        changed = dojo.confirm(course, confirm)
        _say(f"Confirmed {len(changed)} item{'' if len(changed) == 1 else 's'}.")
    report = dojo.check(course)
    for fault in report.faults:
        _say(str(fault))
    for notice in report.notices:
        _say(f"note: {notice}")
    _print(report.summary)
    if report.faults:
        raise typer.Exit(1)


@app.command("eval")
def evaluate(
    questions: Annotated[
        Path | None, typer.Option("--questions", help="Folder of question files; the course's tests/questions.")
    ] = None,
    fit: Annotated[bool, typer.Option("--fit", help="Fit the gate on the questions and keep it.")] = False,  # noqa: FBT002
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,  # noqa: FBT002
) -> None:
    """Ask the course's questions and print how well they were answered; exit 1 below the recorded floors.

    Usage: pgdojo eval [--fit] [--json]
    """
    from pgdojo.ask.report import as_tables, below_floors
    from pgdojo.dojo import evaluation_of, find_course

    course = find_course(_State.course)
    folder = questions or course / "tests" / "questions"
    with _progress() as hear:
        figures = evaluation_of(course, folder, fit=fit, progress=hear)
    _print(json.dumps(figures, indent=2) if as_json else as_tables(figures))
    missed = below_floors(figures, folder.parent / "floors.json")
    for line in missed:
        _say(line)
    if missed:
        raise typer.Exit(1)


@app.command()
def quiz(
    topic: Annotated[
        list[str] | None, typer.Option("--topic", help="A topic, such as backups; all topics without it.")
    ] = None,
    count: Annotated[int, typer.Option("-n", min=1, max=100, help="How many questions.")] = 10,
) -> None:
    """Take a quiz in the terminal; answers go into the same journal as on the page.

    Usage: pgdojo quiz [--topic backups] [-n 5]
    """
    from pgdojo.learner.records import LOCAL
    from pgdojo.terminal import Terminal

    quizmaster = _open().quizzes
    known = quizmaster.topics()
    for name in topic or ():
        if name not in known:
            raise UsageError(f"There is no topic {name}.", next_step=f"Choose among {', '.join(known) or 'none'}.")
    sitting = quizmaster.start(uuid.uuid4().hex, LOCAL, "practice", topics=topic or (), count=count)
    try:
        result = Terminal(quizmaster, LOCAL, input, _print).sit(sitting.key)
    except EOFError:
        _print("\nThe sitting waits for you on the page Quiz.")
        return
    _print(f"\n{result.earned:.3g} of {result.progress.total} marks.")


@app.command()
def items(
    as_json: Annotated[bool, typer.Option("--json", help="Print every figure of every item as JSON.")] = False,  # noqa: FBT002
) -> None:
    """Say how good the quiz items are, from everybody's first answers: those to look at first.

    Usage: pgdojo items [--json]
    """
    found = _open().quizzes.health()
    if as_json:
        _print(json.dumps([asdict(one) for one in found], indent=2))
        return
    _print(f"{len(found)} items have been answered; {sum(bool(one.flags) for one in found)} deserve a look.")
    for one in found:
        if one.flags:
            _print(f"{one.item}: facility {one.facility:.2f} in {one.answers} answers; {'; '.join(one.flags)}.")


@exports.command("quizzes")
def export_quizzes(
    target: Annotated[Path | None, typer.Argument(help="File to write; quizzes with the format's ending here.")] = None,
    form: Annotated[str, typer.Option("--format", help="gift, anki, csv or qti.")] = "gift",
) -> None:
    """Write the quiz items for another program, and report what it cannot carry.

    Usage: pgdojo export quizzes [FILE] --format gift|anki|csv|qti
    """
    from pgdojo import dojo

    _print(dojo.export_quizzes(dojo.find_course(_State.course), form, target).as_text())


@imports.command("quizzes")
def import_quizzes(source: Annotated[Path, typer.Argument(help="A file in Moodle's GIFT format.")]) -> None:
    """Turn a GIFT file into a bank of drafts below quizzes/.

    Usage: pgdojo --course DIR import quizzes FILE.gift
    """
    from pgdojo.dojo import find_course
    from pgdojo.quiz.exports import import_gift

    _print(import_gift(source, find_course(_State.course)).as_text())


@app.command()
def serve(
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", help="Port to listen on; 0 takes a free one.", min=0, max=65535)
    ] = 8501,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the first page.")] = True,  # noqa: FBT002
    team: Annotated[  # noqa: FBT002
        bool, typer.Option("--team", help="Serve a team, whose settings PGDOJO_TEAM names; without them, refuse.")
    ] = False,
) -> None:
    """Serve the pages; the index is built first where that is needed.

    Usage: pgdojo serve [--port 8501] [--no-browser]
           pgdojo serve --team [--host 0.0.0.0]
    """
    from pgdojo.dojo import find_course
    from pgdojo.team.settings import team_settings
    from pgdojo.web.server import must_be_safe

    must_be_safe(host.strip("[]"), team_settings(), for_team=team)
    course = find_course(_State.course)
    _build_if_needed(course)
    from pgdojo.web.server import serve as start

    start(course, host, port, open_browser=browser and _has_display() and not team, for_team=team)


def _build_if_needed(course: Path) -> None:
    from pgdojo.dojo import build_beside, index_folder
    from pgdojo.errors import SearchIndexError

    with suppress(SearchIndexError):
        if not index_folder(course).is_stale(course):
            return
    with _progress() as hear:
        build_beside(course, progress=hear)


def _has_display() -> bool:
    return sys.platform in {"darwin", "win32"} or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


@app.command()
def doctor() -> None:
    """Say what is installed, where things are, and what to do about each fault.

    Usage: pgdojo doctor
    """
    from pgdojo.doctor import examine

    findings = examine(_State.course)
    for finding in findings:
        mark = "ok " if finding.fine else "FAULT"
        _print(
            f"{mark:5} {finding.name}: {finding.says}" + (f"\n      {finding.next_step}" if finding.next_step else "")
        )
    if not all(finding.fine for finding in findings):
        raise typer.Exit(1)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="The new course's folder; it is made if it does not exist.")],
    source: Annotated[
        Path | None,
        typer.Option("--from", help="A folder of Markdown files to copy in; the new folder's own without it."),
    ] = None,
) -> None:
    """Make a course out of a folder of Markdown.

    Usage: pgdojo init DIR [--from FOLDER_OF_MARKDOWN]
    """
    from pgdojo.course.start import start_course

    made = start_course(folder, source)
    _print(f"{made.documents} documents are in {folder}/knowledge. Next: pgdojo --course {folder} index")


def _open() -> Any:
    from pgdojo.dojo import open_dojo

    with _progress() as hear:
        return open_dojo(_State.course, progress=hear)
