"""Each command that a first week prints works when it is pasted where it was printed."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ankiforge.text import quote_path

MARKED = "Osmosis is the diffusion of water through a semipermeable membrane."
NOTES = {
    "Lecture one.md": "# Lecture one\n\nThe heart has four chambers and beats all day.\n",
    "It's week 2.md": "# Week 2\n\nThe kidneys filter the blood about forty times a day.\n",
}
CLIPPINGS = (
    "Outlive (Peter Attia)\n- Your Highlight on page 3 | Location 30-31 | Added on Monday,"
    " 2 March 2026 10:00:00\n\nMuscle is what most people lack in their last ten years.\n"
    "==========\n"
)
_COMMAND = re.compile(
    r"(?m)ankiforge ((?:-C \S+ )?[a-z].*?)(?=   |; |, (?:or|ankiforge) |”|$)"
)
_PLACEHOLDER = re.compile(
    r"\b(?:PATH|FILE|FOLDER|ID|QUERY|NAME|TEXT|WORDS|PLACE)\b|…|\.\.\."
)
SERVERS = ("review", "watch")
"""Commands that run until Ctrl-C."""


class Week:
    """A new user's workspace, whose printed commands are pasted into a shell."""

    def __init__(self, forge) -> None:
        self.forge = forge
        self.pasted: set[str] = set()

    def say(self, *words: str | Path) -> None:
        """Call the program, and paste each command that it prints."""
        done = self.forge(*words)
        for command in _COMMAND.findall(f"{done.stdout}\n{done.stderr}"):
            command = command.strip().rstrip(".")
            if command.count(")") > command.count("("):
                command = command.removesuffix(")")
            if not _PLACEHOLDER.search(command) and command not in self.pasted:
                self.pasted.add(command)
                self.paste(command)

    def paste(self, command: str) -> None:
        """Run a command of a shell, and take back what it did."""
        words = self.split(command)
        if words[0] in SERVERS:
            words = [words[0], "-h"]
        root = self.forge.home.parent
        saved = root.with_name(f"{root.name} saved")
        shutil.copytree(root, saved)
        done = self.forge(*words)
        shutil.rmtree(root)
        shutil.move(saved, root)
        assert done.exit_code in (0, 1, 3), (command, done)
        assert "no such file" not in done.stderr, (command, done)

    def split(self, command: str) -> list[str]:
        """Return the words that a shell makes of a command."""
        shown = f"printf '%s\\n' {command}"
        environment = {**os.environ, **self.forge.environment}
        printed = subprocess.run(
            ["sh", "-c", shown], cwd=self.forge.folder, env=environment,
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return printed.stdout.splitlines()


@pytest.fixture
def week(forge_in, tmp_path) -> Week:
    return Week(forge_in(tmp_path / "world"))


@pytest.mark.parametrize("place", ["here", "below", "spaces", "home"])
def test_each_printed_command_works_where_it_was_printed(week, place):
    forge = week.forge
    folder = {
        "here": forge.folder,
        "below": forge.folder / "notes",
        "spaces": forge.folder / "My notes (2)",
        "home": forge.home / "My vault",
    }[place]
    given = "." if place == "here" else folder
    folder.mkdir(parents=True, exist_ok=True)
    (forge.folder / "ANSWER.md").write_text('{"cards": []}', "utf-8")
    for name, text in NOTES.items():
        (folder / name).write_text(text, "utf-8")

    # nothing is marked
    week.say("run", given)
    week.say("status")
    week.say("draft", given)
    assert any(command.startswith("draft ") for command in week.pasted)

    # the first marks, cards and a change
    note = folder / "Cells.md"
    note.write_text(f"=={MARKED}==\n\nWhat is a ribosome?::a maker\n", "utf-8")
    for words in ("run", "status", "list", "list --no-card --all", "list -v"):
        week.say(*words.split())
    week.say("accept", "--all")
    week.say("accept", forge.json("list", "--no-card")["key"])
    week.say("build")
    note.write_text(note.read_text("utf-8").replace("a maker", "the maker"), "utf-8")
    week.say("run")
    week.say("list", "--view", "changed")
    week.say("undo")

    # a book, a chat, and mistakes
    clippings = forge.folder / "My Clippings.txt"
    clippings.write_text(CLIPPINGS, "utf-8")
    week.say("run", clippings)
    week.say("draft", "export", "ask.md", "Outlive")
    week.say("draft", "export", "ask.md", "--from", "Outlive")
    assert "Muscle is what" in (forge.folder / "ask.md").read_text("utf-8")
    assert MARKED not in (forge.folder / "ask.md").read_text("utf-8")
    week.say("run", "nowhere.pdf")
    week.say("list", "nothing-like-this")
    note.unlink()
    week.say("run")
    week.say("run")
    week.say("doctor")
    week.say("forget", given)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("{cwd}", "."),
        ("{cwd}/a.pdf", "a.pdf"),
        ("{cwd}/my notes/a.pdf", "'my notes/a.pdf'"),
        ("{cwd}/-x.md", "./-x.md"),
        ("{home}", "~"),
        ("{home}/V", "~/V"),
        ("{home}/It's mine", "~/'It'\"'\"'s mine'"),
        ("/nowhere else/a", "'/nowhere else/a'"),
    ],
)
def test_a_path_is_an_argument_that_a_shell_understands(
    path, shown, tmp_path, monkeypatch
):
    home, desk = tmp_path / "home", tmp_path / "desk"
    desk.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(desk)
    assert quote_path(path.format(cwd=desk, home=home)) == shown


def test_a_quoted_tilde_is_understood(forge):
    note = forge.home / "V" / "a.md"
    note.parent.mkdir(parents=True)
    note.write_text("What is a ribosome?::a maker\n", "utf-8")
    assert "1 highlight" in forge.ok("run", "~/V").stdout


def test_more_than_five_files_are_not_written_unasked(forge):
    folder = forge.folder / "notes"
    folder.mkdir()
    sentence = "The kidneys filter the blood about forty times in the course of a day. "
    for number in range(6):
        (folder / f"{number}.md").write_text(
            f"# Part {number}\n\n{sentence * 400}", "utf-8"
        )
    refused = forge("draft", "export", "ask.md", "--from", "notes", code=2)
    assert "files were not written" in refused.stderr
    assert "--yes" in refused.stderr
    assert not [*forge.folder.glob("ask*.md")]
    forge.ok("draft", "export", "ask.md", "--from", "notes", "--yes")
    assert len([*forge.folder.glob("ask*.md")]) > 5


def test_a_folder_of_drafts_never_counts_what_the_chat_said(forge):
    note = forge.folder / "a.md"
    note.write_text(
        "# Heart\n\nThe heart has four chambers and beats all day.\n", "utf-8"
    )
    forge.ok("draft", "export", "ask.md", "--from", ".")
    card = '{"cards": [{"kind": "basic", "front": "How many?", "back": "four", "quote": "four"}]}'
    (forge.folder / "ANSWER.md").write_text(card, "utf-8")
    again = forge.ok("draft", "export", "again.md", "--from", ".")
    said = f"{again.stdout}{again.stderr}"
    assert "ANSWER.md: it is the answer of a chat" in said
    assert "How many?" not in (forge.folder / "again.md").read_text("utf-8")
