"""The house keeps its own rules: what the documents promise exists, and what must not be in the tree is not."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from pgdojo.course import item_rules
from pgdojo.course.banks import load_quizzes
from pgdojo.course.items import (
    KINDS,
    Amount,
    Choice,
    Ending,
    Misconception,
    Objective,
    Option,
    Pair,
    Reason,
    Scope,
    Step,
    Text,
    Turn,
    WrongValue,
)
from pgdojo.course.load import load_course
from pgdojo.course.schemas import FactEntry, ForeignEntry, FrontMatter, TermEntry
from pgdojo.course.yaml_files import parse_yaml

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
NOT_OURS = {".venv", ".git", "__pycache__", "build", "dist", "index", "results", ".hypothesis"}

# Each is put together from parts, so that this file does not hold what it looks for.
FORBIDDEN = {
    "loads pickle, which can run code": r"\bpickle" + r"\.loads?\(",
    "lets NumPy load pickle": "allow_pickle" + r"\s*=\s*True",
    "reads YAML with PyYAML's loaders instead of course.yaml_files": r"\byaml\." + r"(unsafe_|full_)?load(_all)?\(",
    "puts raw HTML into a page": "unsafe_allow_html" + r"\s*=\s*True",
    "runs code that comes with a model": "trust_remote_code" + r"\s*=\s*True",
    "names a path of one machine": r"(?<![\w.:/~$})-])/(home|Users|root|work)" + r"/\w",
    "names the host of a package index": r"--(extra-)?index-url[= ]+" + r"https?:",
}


def our_files() -> Iterator[Path]:
    folders = [ROOT]
    while folders:
        for path in sorted(folders.pop().iterdir()):
            if path.name in NOT_OURS or path.name.endswith(("_cache", ".egg-info")):
                continue
            if path.is_dir():
                folders.append(path)
            else:
                yield path


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def canonical(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[\s<>=!~;\[]", requirement)[0]).lower()


def direct_dependencies() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    return {canonical(line) for group in groups for line in group}


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    found = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    return {canonical(name): version for name, version in found.items()}


def section(document: str, heading: str) -> str:
    match = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", document, re.MULTILINE | re.DOTALL)
    assert match is not None, f"there is no section {heading}"
    return match[1]


def test_the_readme_needs_two_commands_and_make_knows_both():
    start = section((ROOT / "README.md").read_text(encoding="utf-8"), "Start")

    named = set(re.findall(r"^make (\w+)", start, re.MULTILINE))

    assert named == {"serve", "test"}
    assert named <= make_targets()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_command_in_a_document_exists(document):
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", document.read_text(encoding="utf-8"), re.MULTILINE))

    assert named <= make_targets()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_in_a_document_leads_to_a_file(document):
    links = re.findall(r"\]\(([^)#\s:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))

    missing = [link for link in links if not (document.parent / link).exists()]

    assert missing == []


def yaml_examples() -> Iterator[dict[str, object]]:
    for document in DOCUMENTS:
        for block in re.findall(r"^```yaml\n(.*?)^```", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
            data = parse_yaml(block, document.name).data
            yield from data if isinstance(data, list) else [entry for entries in data.values() for entry in entries]


def shape_of(entry):
    """What the entry is told by, and the model that reads it; None for a question, which has none."""
    if "stem" in entry:
        return entry["kind"], KINDS[entry["kind"]]
    shapes = {"fact": FactEntry, "definition": TermEntry, "says": ForeignEntry, "instead": Misconception}
    shapes |= {"question": None, "objective": Objective}
    return next((field, shape) for field, shape in shapes.items() if field in entry)


def test_every_example_in_a_document_has_the_shape_that_is_read():
    shown = set()

    for entry in yaml_examples():
        kind, shape = shape_of(entry)
        shown.add(kind)
        if shape:
            shape.model_validate(entry)

    assert shown == {"fact", "definition", "says", "question", "objective", "instead", *KINDS}


def test_every_item_shown_in_a_document_keeps_the_rules():
    course, quizzes = load_course(ROOT), load_quizzes(ROOT)
    context = item_rules.Context(quizzes=quizzes, find=course.passage, today=datetime.now(UTC).date(), frequency={})
    items = [KINDS[entry["kind"]].model_validate(entry) for entry in yaml_examples() if "stem" in entry]

    broken = [
        (item.id, name, problem)
        for item in items
        for name, rule in item_rules.RULES.items()
        # An example is confirmed by nobody, because nobody is asked it.
        if name != "confirmed"
        for _, problem in rule(item, context)
    ]

    assert broken == []
    assert {item.objective for item in items} <= set(quizzes.objectives)


def test_every_objective_and_misconception_shown_in_a_document_is_one_of_the_course():
    quizzes = load_quizzes(ROOT)
    known = {**quizzes.objectives, **quizzes.misconceptions}

    shapes = [(entry, shape_of(entry)[1]) for entry in yaml_examples()]
    shown = [shape.model_validate(entry) for entry, shape in shapes if shape in {Objective, Misconception}]

    assert [entry for entry in shown if entry != known.get(entry.id)] == []


def rules_in_the_code():
    """The names under which faults of the quiz are reported: those of the table, and those that begin a message."""
    sources = [
        ROOT / "src/pgdojo/course/banks.py",
        ROOT / "src/pgdojo/course/bank_rules.py",
        ROOT / "src/pgdojo/quiz/near.py",
    ]
    begins = re.compile(r"f?\"([a-z]+(?:-[a-z]+)+): ")
    return {*item_rules.RULES, *(name for path in sources for name in begins.findall(path.read_text(encoding="utf-8")))}


def test_every_rule_on_items_is_documented_by_its_name_and_no_other_is():
    rules = section((ROOT / "docs" / "quizzes.md").read_text(encoding="utf-8"), "The rules")

    named = [
        name for row in re.findall(r"^\| (`.*?) \|", rules, re.MULTILINE) for name in re.findall(r"`([^`]+)`", row)
    ]

    assert sorted(named) == sorted(rules_in_the_code())


def test_every_field_of_an_item_is_explained():
    text = (ROOT / "docs" / "quizzes.md").read_text(encoding="utf-8")
    parts = (
        Objective,
        Misconception,
        Scope,
        Option,
        Step,
        Pair,
        Text,
        WrongValue,
        Amount,
        Reason,
        Choice,
        Turn,
        Ending,
    )
    fields = {name for model in (*parts, *KINDS.values()) for name in model.model_fields}

    assert [name for name in sorted(fields) if f"`{name}`" not in text] == []


def test_every_kind_of_item_has_a_section():
    text = (ROOT / "docs" / "quizzes.md").read_text(encoding="utf-8")

    assert re.findall(r"^### (.+)$", text, re.MULTILINE) == list(KINDS)


def test_every_fact_shown_in_a_document_stands_in_the_ledger_in_these_words():
    ledger = {fact.id: fact.text for fact in load_course(ROOT).facts}

    shown = {f"facts#{entry['id']}": entry["fact"] for entry in yaml_examples() if "fact" in entry}

    assert [name for name in shown if shown[name] != ledger.get(name)] == []


def test_every_question_shown_in_a_document_stands_in_the_question_set():
    files = (ROOT / "tests" / "questions").glob("*.yaml")
    asked = {
        question["id"]: question for path in files for question in parse_yaml(path.read_text("utf-8"), path.name).data
    }

    shown = {str(entry["id"]): entry for entry in yaml_examples() if "question" in entry}

    assert [name for name in shown if shown[name] != asked.get(name)] == []


def test_every_field_of_the_authors_files_is_explained():
    text = (ROOT / "docs" / "authors.md").read_text(encoding="utf-8")
    fields = {name for model in (FactEntry, TermEntry, ForeignEntry, FrontMatter) for name in model.model_fields}

    assert [name for name in sorted(fields) if f"`{name}`" not in text] == []


def commands_of_the_program():
    """Every command by its name, a group's as `group command`."""
    cli = pytest.importorskip("pgdojo.cli", exc_type=ModuleNotFoundError)
    typer_main = pytest.importorskip("typer.main")
    found = {}
    for name, command in typer_main.get_command(cli.app).commands.items():
        below = getattr(command, "commands", {})
        found |= {f"{name} {sub}": one for sub, one in below.items()} or {name: command}
    return found


def test_every_command_has_help_and_is_documented():
    commands = commands_of_the_program()
    documents = "".join((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "docs/operators.md"))

    without_help = [name for name, command in commands.items() if not command.help]
    undocumented = [name for name in commands if f"pgdojo {name}" not in documents]

    assert without_help == []
    assert undocumented == []


def test_every_command_in_a_document_exists():
    commands = commands_of_the_program()
    groups = "|".join({name.split()[0] for name in commands if " " in name})

    text = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
    code = re.findall(r"^```sh\n(.*?)^```|`(pgdojo [^`]+)`", text, re.MULTILINE | re.DOTALL)
    lines = "\n".join(block or span for block, span in code)
    command = rf"^(?:\.venv/bin/)?pgdojo (?:--course \S+ )?((?:(?:{groups}) )?[a-z]+)"
    named = set(re.findall(command, lines, re.MULTILINE))

    assert named == set(commands)


@pytest.mark.parametrize("harm", FORBIDDEN)
def test_no_file_of_the_tree(harm):
    pattern = re.compile(FORBIDDEN[harm])

    found = []
    for path in our_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [
            f"{path.relative_to(ROOT)}:{number}"
            for number, line in enumerate(text.splitlines(), 1)
            if pattern.search(line)
        ]

    assert found == []


def test_the_constraints_pin_every_direct_dependency():
    ours = {"pgdojo"}  # one extra of it brings another

    assert direct_dependencies() - ours - set(pins()) == set()


def test_the_constraints_pin_torch_without_cuda_and_without_a_local_build():
    pinned = pins()

    assert pinned["torch"] == "2.13.0"
    assert [name for name in pinned if name.startswith(("nvidia", "cuda", "triton"))] == []
    assert [name for name, version in pinned.items() if not re.fullmatch(r"[\w.]+", version)] == []


def imported_modules() -> set[str]:
    """The first part of every module that the package imports, at any depth."""
    found = set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.split(".")[0])
    return found


def test_everything_that_is_imported_is_a_direct_dependency():
    distributions = packages_distributions()
    foreign = imported_modules() - sys.stdlib_module_names - {"pgdojo"}

    used = {canonical(name) for module in foreign for name in distributions.get(module, [module])}

    assert used - direct_dependencies() == set()


def test_every_dependency_has_its_reason_beside_it():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = re.search(r"^dependencies = \[$.*?(?=^\[project\.scripts\]$)", text, re.MULTILINE | re.DOTALL)
    assert block is not None
    lines = re.findall(r'^    ".*', block[0], re.MULTILINE)

    bare = [line.strip() for line in lines if not re.search(r'",\s+# \w.{5,}', line)]

    assert {canonical(line.strip().lstrip('"')) for line in lines} == direct_dependencies()
    assert bare == []
