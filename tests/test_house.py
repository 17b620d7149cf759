"""What every command imports, its help, the error tree, and that sources are never written."""

import ast
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import click
import pytest

from ankiforge import errors, ledger
from ankiforge.cli import forge as program
from ankiforge.cli.commands import COMMANDS
from ankiforge.cli.run import choose
from tests.limits import PATIENCE
from tests.makers.pdf_writer import Page, mark, paragraph, write_pdf
from tests.makers.zotero_writer import Annotation, Attachment, Library, Work, write_zotero
from tools import floors, size

HEAVY_WORDS = (
    "openai httpx httpx2 pyzotero pypdf pypdfium2 genanki markdown_it msgspec rapidfuzz rich"
    " sqlite3 yaml flask werkzeug jinja2 waitress watchfiles"
)
HEAVY = HEAVY_WORDS.split()


# --- lightness ------------------------------------------------------------------------------


EVERY_HELP = """
import click
from ankiforge.cli import COMMANDS, forge
with click.Context(forge) as context:
    for name in COMMANDS:
        forge.get_command(context, name)
"""


@pytest.mark.parametrize(
    ("called", "unwanted"),
    [
        ("from ankiforge.cli import main; main(['--help'])", HEAVY),
        ("from ankiforge.cli import main; main(['--version'])", HEAVY),
        (EVERY_HELP, [*HEAVY, *(f"ankiforge.{one}" for one in ["ledger", "check", "model", "config", "run"])]),
    ],
)  # fmt: skip
def test_help_is_told_without_loading_what_only_commands_need(called, unwanted):
    told = (
        f"print(*(name for name in {unwanted!r} if name in sys.modules), file=sys.stderr)"
    )
    script = f"import atexit, sys\natexit.register(lambda: {told})\n{called}\n"
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    assert done.stderr.split() == []


# --- the command line -----------------------------------------------------------------------


def commands() -> dict[str, click.Command]:
    """Every command by its words, those of groups too."""
    with click.Context(program) as context:
        found = {name: program.get_command(context, name) for name in COMMANDS}
    assert None not in found.values()
    whole: dict[str, click.Command] = {}
    for name, command in found.items():
        assert command is not None
        whole[name] = command
        if isinstance(command, click.Group):
            whole |= {f"{name} {inner}": sub for inner, sub in command.commands.items()}
    return whole


@pytest.mark.parametrize("words", commands())
def test_every_command_says_what_it_does_by_an_example_and_takes_the_common_options(
    forge, words
):
    told = forge.ok(*words.split(), "--help").stdout
    assert f"ankiforge {words}" in told.partition("Example")[2]
    command = commands()[words]
    assert command.help
    names = {name for option in command.params for name in option.opts}
    assert {"-C", "--workspace", "--json", "-q", "-v", "--offline"} <= names
    for option in command.params:
        assert isinstance(option, click.Argument) or getattr(option, "help", ""), (
            option.name
        )


def examples() -> Iterator[list[str]]:
    """Yield the words of each example in a command's help, from `ankiforge` on."""
    for command in commands().values():
        for line in (command.epilog or "").splitlines():
            example = line.strip().partition("  ")[0]
            if re.match(r"(\S+ .*\| )?ankiforge ", example):
                yield shlex.split(example[example.index("ankiforge ") :])


@pytest.mark.parametrize("example", [*examples()], ids=" ".join)
def test_an_example_of_help_has_options_that_its_command_has(example):
    named = commands()
    words = [word for word in example[1:] if word in named]
    inner = named.get(" ".join(example[1:3]))
    families = inner or named[words[0]], *([choose] if words[0] == "draft" else [])
    own = {name for command in families for each in command.params for name in each.opts}
    own |= {"-h", "--help", "--version", "|"}
    for word in takewhile(lambda word: word not in "|>", example):
        assert not re.match(r"--?[a-z]", word) or word.partition("=")[0] in own, word


def test_every_error_and_its_exit_code_stand_in_the_tree():
    tree = errors.__doc__ or ""
    classes = [one for one in vars(errors).values() if isinstance(one, type)]
    for one in classes:
        if issubclass(one, errors.ForgeError):
            [line] = [line for line in tree.splitlines() if f"{one.__name__} " in line]
            assert f" {one.exit_code} " in line, line


# --- the ledger -----------------------------------------------------------------------------

RULES = (
    "events sentence_decisions event_replay match gap_numbers snapshots draft_completion"
    " waiting draft_changes decision_plans undo anki_changes source_state"
).split()
"""The modules of the ledger that are rules: functions of values, which ask no database."""


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_of_the_ledger_imports_rules_only(rule):
    module = Path(ledger.__file__).parent / f"{rule}.py"
    imported = set()
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            imported.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "ankiforge.ledger":
            imported.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module))
    own = {name for name in imported if name.startswith("ankiforge.ledger")}
    assert own <= {f"ankiforge.ledger.{name}" for name in RULES}
    assert not imported & {"sqlite3", "datetime", "time"}


SQL = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE FROM|WHERE|ORDER BY|JOIN|PRAGMA)\b")
PUT_TOGETHER = {
    "ledger/database.py": 2,  # `Database.insert` and `put`, and a size
}
"""By module, how many of its statements are put together from pieces; none is to be added."""


def sql_in(module: Path) -> Iterator[ast.Constant | ast.JoinedStr]:
    """Yield the strings of a module that hold SQL, but for its docstrings."""
    tree = ast.parse(module.read_text("utf-8"))
    left_out = set[int]()
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant() as docstring):
                left_out.add(id(docstring))
            case ast.JoinedStr(values=parts):
                left_out.update(map(id, parts))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant | ast.JoinedStr) or id(node) in left_out:
            continue
        if SQL.search(ast.unparse(node)):
            yield node


def is_put_together(statement: ast.Constant | ast.JoinedStr) -> bool:
    """Return whether a statement has a hole for anything but a list of values."""
    return any(
        isinstance(node, ast.FormattedValue) and ast.unparse(node.value) != "JSON_VALUES"
        for node in ast.walk(statement)
    )


@pytest.mark.slow
def test_sql_is_in_the_ledger_but_for_its_rules_and_whole():
    package = Path(ledger.__file__).parents[1]
    misplaced = set()
    put_together = {}
    for folder in "ledger pipeline review reports web cli features".split():
        for module in (package / folder).rglob("*.py"):
            found = list(sql_in(module))
            is_rule = module.parent.name == "ledger" and module.stem in RULES
            if found and (folder != "ledger" or is_rule):
                misplaced.add(module.name)
            pieces = sum(map(is_put_together, found))
            if pieces:
                put_together[module.relative_to(package).as_posix()] = pieces
    assert misplaced == {"index.py"}  # of the feature `ask`, whose tables are its own
    assert put_together == PUT_TOGETHER


# --- size -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_table_of_sizes_is_true_and_has_every_package():
    page = size.PAGE.read_text("utf-8")
    counts = size.counted()
    assert page == size.with_sizes(page, counts), "write it anew: python -m tools.size"
    named = {row["name"] for row in size.ROW.finditer(page)}
    assert named == set(counts)


def test_lines_of_code_are_neither_comments_nor_docstrings_nor_blank():
    module = '''"""Two
lines."""

# a comment
def double(number):
    """Return twice a number."""
    text = """a
value"""
    return 2 * number  # why
'''
    assert size.lines_of_code(module) == 4


# --- what is the reader's -------------------------------------------------------------------


def test_nothing_that_is_read_is_ever_changed(forge, tmp_path):
    sources = tmp_path / "sources"
    (sources / "vault" / ".obsidian").mkdir(parents=True)
    note = (
        "---\ntags: [a]\n---\nKatze:::cat\n\nThe ==cell== divides.\r\n\n- [ ] to do ^b1\n"
    )
    (sources / "vault" / "a.md").write_bytes(note.encode())
    words = "The transfer of a plasmid from cell to cell is called conjugation."
    write_pdf(sources / "paper.pdf", [Page((paragraph(words),), (mark(words),))])
    attachment = Attachment("ATTACH01", "a.pdf", (Annotation("MARKAAA2", words),))
    library = Library((Work("PAPER001", {"title": "T"}, attachments=(attachment,)),))
    write_zotero(sources / "zotero.sqlite", [library])
    before = _state(sources)

    forge.ok("run", sources / "vault", sources / "paper.pdf", sources / "zotero.sqlite")
    forge.ok(
        "run",
        "--dry-run",
        "-v",
        sources / "vault",
        sources / "paper.pdf",
        sources / "zotero.sqlite",
    )
    forge("reject", "--all", code=0)
    assert _state(sources) == before


def _state(folder: Path) -> dict[Path, tuple[bytes, int]]:
    """Every file with its bytes and time."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_the_map_of_the_ledger_shows_each_module_above_what_it_imports():
    rows = [line.split(maxsplit=2) for line in floors.draw_map().splitlines()]
    assert all(len(row) == 3 for row in rows), "a module has no docstring"
    floor_by_module = {module: int(floor) for floor, module, _ in rows}
    assert floor_by_module["events"] == 1
    assert floor_by_module["events"] < floor_by_module["store"] < floor_by_module["core"]
