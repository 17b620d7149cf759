"""Colours are for terminals that want them; an error names the nearest file or option."""

import os
import pty
import re
import termios
from contextlib import suppress

import click
import pytest
from click.testing import CliRunner

from ankiforge.cli import forge as forge_group
from tests.limits import PATIENCE

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
MARKS = """\
The ==nucleus== holds most of the DNA of a cell, and the rest of it is in the mitochondria.

==Hermann Ebbinghaus published his experiments on forgetting, which he made on himself, in 1885.==

- reduces the cost of this step to ==O(n)==
"""


def at_terminal(forge, columns: int, *arguments: object) -> str:
    """What stands on a terminal with so many columns after a command."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (50, columns))
    running = forge.at_terminal(*arguments, terminal=theirs)
    os.close(theirs)
    shown = b""
    with suppress(OSError):  # the end of a terminal
        while piece := os.read(ours, 65536):
            shown += piece
    os.close(ours)
    assert running.wait(timeout=PATIENCE) in (0, 1, 2)
    return shown.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("columns", [80, 120])
def test_lines_fit_and_commands_stay_whole(forge, vault, columns):
    (vault / "Cells.md").write_text(MARKS, encoding="utf-8")
    forge.ok("run", vault)
    drafts = forge.ok("list", "verdict:waiting", "--json").lines
    waiting = [draft["id"] for draft in drafts]
    for command in (
        ("accept", "--all"),
        ("list", "-v", *waiting),
        ("list", "--no-card", "-v"),
    ):
        shown = COLOUR.sub("", at_terminal(forge, columns, *command)).splitlines()
        # a path is never broken
        assert [one for one in shown if len(one) > columns and "/" not in one] == []
        alone = forge(*command)
        for named in re.findall(
            r"ankiforge [a-z]+ [\w:-]+(?: --filter \S+)?", alone.stdout + alone.stderr
        ):
            assert any(named in line for line in shown), named


def test_without_a_command_three_are_named(forge):
    told = forge(code=2).stderr.splitlines()
    assert len(told) < 10
    named = [line.split()[1] for line in told if line.startswith("  ankiforge ")]
    assert named == ["run", "review", "build"]
    assert "ankiforge -h" in told[-1]


def test_colours_are_for_terminals_that_want_them(forge, vault, monkeypatch):
    (vault / "Cells.md").write_text(MARKS, encoding="utf-8")
    assert not COLOUR.search(forge.ok("run", vault).stdout)
    assert COLOUR.search(at_terminal(forge, 80, "status"))
    monkeypatch.setenv("NO_COLOR", "1")
    assert not COLOUR.search(at_terminal(forge, 80, "status"))


def test_a_missing_file_names_the_nearest(forge, vault):
    (vault / "Memory.md").write_text(MARKS, encoding="utf-8")
    told = forge("run", vault / "Memroy.md", code=2).stderr
    assert "did you mean " in told
    assert f"{vault.name}/Memory.md?" in told  # as it can be pasted
    assert "there is no folder" in forge("run", vault / "no" / "x.md", code=2).stderr


def all_commands(group: click.Group = forge_group) -> dict[str, click.Command]:
    found: dict[str, click.Command] = {}
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command is not None
        found[name] = command
        if isinstance(command, click.Group):
            found |= {
                f"{name} {below}": one for below, one in all_commands(command).items()
            }
    return found


@pytest.mark.parametrize("name", ["", *all_commands()])
def test_help_fits_the_terminal_and_breaks_no_word(name):
    command = all_commands().get(name, forge_group)

    def lines(width: int) -> list[str]:
        context = command.make_context(
            name,
            [],
            parent=click.Context(forge_group, **forge_group.context_settings),
            resilient_parsing=True,
            terminal_width=width,
        )
        return COLOUR.sub("", command.get_help(context)).splitlines()

    for width in (80, 100):
        assert [
            line for line in lines(width) if len(line) > width and len(line.split()) > 1
        ] == []
    if name:
        assert lines(80)[-1].strip().startswith("also: ankiforge -h")


@pytest.mark.parametrize("name", sorted(all_commands()))
def test_no_help_has_an_empty_section(name):
    told = CliRunner().invoke(forge_group, [*name.split(), "-h"]).stdout
    assert not re.search(r"^\w[^\n]*:\n+(?:\w|\Z)", told, re.MULTILINE)
