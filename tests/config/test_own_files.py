"""Huge and damaged files in the place of a workspace's own: refused by name.

Each call is a process with a time limit, for what is tested may otherwise wait for ever.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ankiforge.ledger.journal import REQUIRED_KEYS

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs links and pipes")

SETTINGS = "sources: [obsidian: {name: n, path: notes}]\nanki: {collection: none}\n"
WITH_MODEL = f"{SETTINGS}llm: {{model: m}}\n"
SECONDS = 60
GIB = 1 << 30


def begin(forge: Any, text: str = SETTINGS) -> None:
    (forge.folder / "notes").mkdir()
    (forge.folder / "notes/a.md").write_text(
        "Sleep has ==four stages== in a night.\n\nWhat is two?::2\n"
    )
    forge.settings(text)


@pytest.fixture
def used(forge: Any) -> Any:
    """A workspace that was used before."""
    begin(forge)
    forge.ok("run")
    (forge.folder / "decks").mkdir()
    (forge.folder / "prompts").mkdir()
    return forge


CALLER = """
import importlib, io, json, os, pkgutil, signal, sys
from contextlib import redirect_stderr, redirect_stdout
import ankiforge
from ankiforge.cli import main
import openai, yaml
for module in pkgutil.walk_packages(ankiforge.__path__, "ankiforge."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
for line in sys.stdin:
    folder, environment, arguments, seconds = json.loads(line)
    reading, writing = os.pipe()
    if not (child := os.fork()):
        signal.alarm(seconds)  # kills the child, also in a system call that never ends
        os.chdir(folder)
        os.environ |= environment
        out, code = io.StringIO(), "hangs"
        with redirect_stdout(out), redirect_stderr(out):
            try:
                main(arguments)
            except SystemExit as ended:
                code = ended.code
            except BaseException as error:
                code = repr(error)
        with os.fdopen(writing, "w") as pipe:
            json.dump([code, out.getvalue()], pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    print(told or '["hangs", ""]', flush=True)
"""
"""Calls the program in a fork of its own each time: forks import nothing anew, and can be killed."""


@pytest.fixture(scope="module")
def caller() -> Iterator[subprocess.Popen[str]]:
    """What calls the program, with a time limit."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    command = [sys.executable, "-c", CALLER]
    with subprocess.Popen(command, text=True, encoding="utf-8", **pipes) as process:
        yield process
        assert process.stdin
        process.stdin.close()


@pytest.fixture
def said(caller: subprocess.Popen[str]) -> Callable[..., str]:
    """What a command says, which must end with a code, and soon."""

    def called(forge: Any, *command: str, code: int = 2) -> str:
        assert caller.stdin
        assert caller.stdout
        request = [str(forge.folder), forge.environment, command, SECONDS]
        caller.stdin.write(json.dumps(request) + "\n")
        caller.stdin.flush()
        came, told = json.loads(caller.stdout.readline())
        assert came == code, (command, told)
        return str(told)

    return called


@pytest.mark.parametrize("command", ["status", "accept --all"])
def test_no_command_waits_for_a_pipe_in_the_journal(said, used, command):
    os.mkfifo(used.folder / "journal/other.jsonl")
    assert "other.jsonl: is not a file" in said(used, *command.split(), code=4)


# --- links -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["journal", "decks", "ankiforge.yaml", "decks/a.yaml"])
def test_what_a_person_keeps_elsewhere_and_links_is_used_there(said, used, name):
    (used.folder / "decks/a.yaml").write_text("deck: Mine\n")
    outside = used.folder.parent / "outside"
    path = used.folder / name
    shutil.move(path, outside)
    path.symlink_to(outside)
    (used.folder / "notes/b.md").write_text("What is three?::3\n")
    said(used, "run", code=0)
    [card] = [card for card in used.cards() if card["fields"].get("Back") == "3"]
    assert card["deck"] == "Mine"
    assert path.is_symlink()


def test_a_workspace_that_is_reached_through_a_link_is_fine(said, used):
    link = used.folder.parent / "Link"
    link.symlink_to(used.folder)
    said(used, "-C", str(link), "run", code=0)
    elsewhere = used.folder.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "up").symlink_to(used.folder.parent)
    said(used, "-C", str(elsewhere / "up" / used.folder.name), "status", code=0)


# --- huge files ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("ankiforge.yaml", "status"),
        ("decks/a.yaml", "run"),
        ("prompts/cards.md", "draft --drafter llm --estimate"),
        ("journal/x.jsonl", "status"),
        (".ankiforge/sources.yaml", "status"),
    ],
)
def test_a_huge_file_is_not_read(said, used, name, command):
    if "llm" in command:
        used.settings(WITH_MODEL)
    path = used.folder / name
    with path.open("wb") as file:
        file.truncate(2 * GIB)
    told = said(used, *command.split(), code=4 if name.startswith("journal") else 2)
    assert f"{path}: is larger than" in told
    assert "move it away" in told


def test_a_huge_database_that_is_none_is_made_anew(said, used):
    before = used.cards()
    for name in ("ledger.db", "memory.db"):
        with (used.folder / ".ankiforge" / name).open("wb") as file:
            file.truncate(2 * GIB)
    said(used, "run", code=0)
    assert used.cards() == before


def test_a_package_that_is_huge_is_not_ours(said, used):
    with (used.folder / "ankiforge.apkg").open("wb") as file:
        file.truncate(2 * GIB)
    assert "is not a package of ankiforge" in said(used, "run")


@pytest.mark.slow
def test_a_long_list_in_a_deck_file_is_read_or_refused(said, used):
    deck = used.folder / "decks/a.yaml"
    deck.write_text(
        f"deck: A\nselect: {{tag: [{', '.join(f't{n}' for n in range(9_000))}]}}\n"
    )
    said(used, "run", code=0)
    for patterns in ("a, " * 20_000, f"'{'*a' * 50_000}'"):
        deck.write_text(f"deck: A\nselect: {{tag: [{patterns}]}}\n")
        assert "decks/a.yaml:2: select.tag" in said(used, "run")


# --- the journal -----------------------------------------------------------------------------------


def nested(levels: int) -> str:
    return '{"n": 9, "body": ' + '{"a": ' * levels + "1" + "}" * levels + "}\n"


@pytest.mark.parametrize("levels", [70, pytest.param(100_000, marks=pytest.mark.slow)])
def test_a_line_that_is_nested_deep_is_left_out_and_said(said, used, levels):
    [journal] = (used.folder / "journal").glob("*.jsonl")
    before = used.cards()
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join([*lines[:2], nested(levels), *lines[2:]]))
    (used.folder / "journal/other.jsonl").write_text(nested(levels).replace("{", "["))

    for command in ("status", "list", "run", "list", "run", "build"):
        assert "2 lines could not be read" in said(used, command, code=0), command
    assert used.cards() == before
    shutil.rmtree(used.folder / ".ankiforge")
    said(used, "run", code=0)
    assert used.cards() == before


def test_a_deep_line_is_not_accepted_when_python_would_read_it(said, used):
    """What one Python reads, another one, called from deeper down, does not."""
    [journal] = (used.folder / "journal").glob("*.jsonl")
    event = json.loads(journal.read_text().splitlines()[0])
    body: Any = 1
    for _ in range(100):
        body = [body]
    line = json.dumps({**event, "n": 99, "body": {"deep": body}})
    (used.folder / "journal/other.jsonl").write_text(line + "\n")
    assert "1 line could not be read" in said(used, "status", code=0)


def test_lines_that_no_program_of_ours_wrote_are_left_out_and_said(said, used):
    [journal] = (used.folder / "journal").glob("*.jsonl")
    before = used.cards()
    event = json.loads(journal.read_text().splitlines()[0])
    names = (
        "guid",
        "draft",
        "old",
        "exact",
        "event",
        "fields",
        "content",
        "choice",
        "field",
        "why",
    )
    bodies = (
        dict.fromkeys(names, 1),
        {name: ["x"] for name in names},
        dict.fromkeys(names),
    )
    lines = [
        json.dumps({**event, "n": 99, "what": kind, "body": body})
        for kind in sorted({*REQUIRED_KEYS} - {"decline"})  # its body holds nothing
        for body in bodies
    ]
    lines.append(json.dumps({**event, "n": 1 << 63}))
    lines.append(json.dumps({**event, "what": "of a later version", "body": {}}))
    (used.folder / "journal/other.jsonl").write_text("\n".join(lines) + "\n")

    for command in ("status", "run", "list", "build"):
        told = said(used, command, code=0)
        assert f"{len(lines) - 1} lines could not be read" in told, command
    assert used.cards() == before


# --- what cannot be written ------------------------------------------------------------------------


@pytest.mark.slow
def test_a_workspace_that_cannot_be_written_says_so(used):
    """Root may write anywhere, unless it gives up that right."""
    before: tuple[str, ...] = ()
    if os.geteuid() == 0:
        if not shutil.which("setpriv"):
            pytest.skip("needs setpriv")
        before = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")
    for path in (used.folder, *used.folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        for command in (
            ("run",),
            ("build",),
            ("accept", "--all"),
            ("draft",),
            ("undo",),
            ("init", "."),
            ("search", "sleep"),
            ("status",),
            ("list",),
        ):
            result = used.finished(*command, before=before)
            assert "Traceback" not in result.stderr, (command, result.stderr)
            if command[0] in ("run", "build", "accept", "draft"):
                assert result.exit_code in (1, 2, 4), (command, result)
                assert "writ" in result.stderr
                assert "hint: " in result.stderr
    finally:
        for path in (used.folder, *used.folder.rglob("*")):
            path.chmod(0o755)
