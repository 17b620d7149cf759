"""The plug-in for Obsidian runs in Node, with a stand-in of Obsidian's classes and the real program."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.limits import PATIENCE

ROOT = Path(__file__).parents[1]
PLUGIN = ROOT / "packaging/obsidian"
NODE = shutil.which("node")
SHARED_DIRECTORIES = ("/bin", "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin")

pytestmark = [
    pytest.mark.skipif(
        os.name == "nt", reason="the programs of these tests are shell scripts"
    ),
    pytest.mark.skipif(
        not (NODE or os.environ.get("ANKIFORGE_REQUIRE_ALL")),
        reason="node is not installed",
    ),
]

NOTE = """# Memory

How many chunks does working memory hold?::about four

==Sleep consolidates memory by replaying experiences in the hippocampus.==

Forgetting follows a curve that is steep at first and then flattens out.
"""
STATUS = {
    "waiting": {"new": 10, "changed": 1, "questions": 1, "held": 1},
    "highlights": {"proposed": 3},
    "documents": {"Memory": 10},
    "next": "review",
    "why": "",
    "text": "the text of the note",
}


@dataclass
class Seen:
    """What the user saw: the notices, each text of the status bar, and the clipboard."""

    notices: list[str]
    statusBar: list[str]
    clipboard: str
    pages: list[Any]
    settings: list[dict[str, str]]
    data: dict[str, str]


@dataclass
class Obsidian:
    """A vault, and the plug-in in a process of Node for each `play`."""

    root: Path
    vault: Path
    settings: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)

    def write_program(self, script: str, path: str = "program") -> str:
        """Write an executable shell script that records its arguments in `calls` first."""
        program = self.root / path
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(
            f'#!/bin/sh\necho "start $*" >> "{self.root}/calls"\n{script}\n'
            f'code=$?\necho "end" >> "{self.root}/calls"\nexit $code\n'
        )
        program.chmod(0o755)
        return str(program)

    @property
    def calls(self) -> list[str]:
        path = self.root / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def play(self, *steps: list[str], clipboard: str = "", **fields: int) -> Seen:
        scenario = {
            "main": str(PLUGIN / "main.js"),
            "vault": str(self.vault),
            "settings": self.settings,
            "fields": {"saveDelay": 50, **fields},
            "clipboard": clipboard,
            "steps": steps,
        }
        assert NODE, "node is not installed"
        ended = subprocess.run(
            [NODE, str(ROOT / "tests/obsidian/play.js")],
            input=json.dumps(scenario),
            env={
                **os.environ,
                "HOME": str(self.root),
                "PATH": "/usr/bin:/bin",
                "NODE_PATH": str(ROOT / "tests/obsidian"),
                **self.environment,
            },
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert (ended.returncode, ended.stderr) == (0, "")
        return Seen(**json.loads(ended.stdout))


@pytest.fixture
def obsidian(tmp_path: Path, vault: Path) -> Obsidian:
    (vault / "Memory.md").write_text(NOTE)
    return Obsidian(tmp_path, vault)


@pytest.fixture
def real(obsidian: Obsidian) -> Obsidian:
    """Obsidian, with the real command line."""
    exec_python = f'exec env PYTHONPATH="{ROOT}" "{sys.executable}" -m ankiforge "$@"'
    obsidian.settings["program"] = obsidian.write_program(exec_python)
    obsidian.environment["ANKIFORGE_HOME"] = str(obsidian.root / "home")
    return obsidian


OPEN = ["open", "Memory.md"]
IDLE = ["idle"]


def command(name: str) -> list[str]:
    return ["command", name]


# --- with a program that answers at once --------------------------------------------------------


@pytest.fixture
def canned(obsidian: Obsidian) -> Obsidian:
    """Obsidian, with a program that prints the same status for every command."""
    obsidian.settings["program"] = obsidian.write_program(f"echo '{json.dumps(STATUS)}'")
    return obsidian


def test_the_status_bar_counts_what_waits_when_obsidian_has_started(canned):
    assert canned.play(IDLE).statusBar == ["12 waiting"]


def test_what_waits_is_shown_by_list_and_document(canned):
    seen = canned.play(command("what-waits"), IDLE)

    assert seen.notices == [
        "12 waiting: 10 drafts, 1 change, 1 question\nMemory (10)\n3 proposals\nnext: Review"
    ]


def test_two_saves_at_once_read_the_status_once(canned):
    canned.play(IDLE, ["save", "Memory.md", "a"], ["save", "Memory.md", "b"], IDLE)

    assert canned.calls == ["start status --json", "end"] * 2


def test_a_save_starts_no_program_while_the_text_is_the_same(canned):
    saved = ["save", "Memory.md", "a"]

    canned.play(IDLE, saved, IDLE, saved, IDLE, ["save", "picture.png", "b"], IDLE)

    assert canned.calls == ["start status --json", "end"] * 2


def test_only_one_program_runs_at_a_time(canned):
    canned.settings["program"] = canned.write_program(
        f"sleep 0.05; echo '{json.dumps(STATUS)}'"
    )

    canned.play(
        OPEN,
        command("copy-text"),
        command("copy-text"),
        ["save", "Memory.md", "a"],
        IDLE,
    )

    assert len(canned.calls) >= 6
    assert canned.calls[1::2] == ["end"] * (len(canned.calls) // 2)


def test_a_command_for_a_note_is_only_offered_when_one_is_open(canned):
    seen = canned.play(IDLE, command("make-cards"), IDLE)

    assert seen.notices == ["make-cards is not offered"]


@pytest.mark.skipif(
    any(Path(folder, "ankiforge").exists() for folder in SHARED_DIRECTORIES),
    reason="ankiforge is installed for all users",
)
def test_a_missing_program_is_reported_with_how_to_install_it(obsidian):
    seen = obsidian.play(OPEN, command("make-cards"), IDLE)

    hint = "hint: uv tool install . (in the folder of its repository), or set its path in the settings"
    assert seen.notices == [f"the program ankiforge: not found\n{hint}"]
    assert seen.statusBar == ["ankiforge: not ready"]
    assert "    uv tool install .\n" in (ROOT / "docs/guides/install.md").read_text()


def test_a_path_that_does_not_exist_is_named(obsidian):
    obsidian.settings["program"] = "~/nowhere"

    seen = obsidian.play(command("what-waits"), IDLE)

    assert seen.notices[0].startswith(
        f"{obsidian.root}/nowhere: not found\nhint: uv tool"
    )


def test_a_file_that_is_not_a_program_is_reported(obsidian):
    obsidian.settings["program"] = str(obsidian.vault / "Memory.md")

    seen = obsidian.play(command("what-waits"), IDLE)

    assert re.search("Memory.md cannot be started: .*EACCES", seen.notices[0])


def test_the_program_is_found_where_uv_and_pipx_put_it(obsidian):
    path = obsidian.write_program(f"echo '{json.dumps(STATUS)}'", ".local/bin/ankiforge")

    seen = obsidian.play(IDLE, ["settings"])

    assert seen.statusBar == ["12 waiting"]
    assert seen.settings == [
        {"name": "Program", "placeholder": path, "value": ""},
        {"name": "Workspace", "placeholder": "", "value": ""},
    ]


def test_a_workspace_from_the_settings_is_passed_to_every_command(canned):
    seen = canned.play(
        IDLE, ["settings"], ["set", "Workspace", "~/cards"], command("what-waits"), IDLE
    )

    assert seen.data["workspace"] == "~/cards"
    assert canned.calls[2] == f"start -C {canned.root}/cards status --json"


def test_an_error_is_shown_with_its_hint(obsidian):
    obsidian.settings["program"] = obsidian.write_program(
        "printf 'ankiforge: it is broken\\nhint: mend it\\n' >&2; (exit 2)"
    )

    seen = obsidian.play(OPEN, command("make-cards"), command("review"), IDLE)

    assert seen.notices == ["it is broken\nhint: mend it"] * 2


def test_a_program_that_ends_without_a_message_is_reported(obsidian):
    obsidian.settings["program"] = obsidian.write_program("(exit 7)")

    seen = obsidian.play(command("what-waits"), IDLE)

    assert seen.notices == ["ankiforge ended with code 7, without a message"]


def test_a_slow_program_is_stopped_and_the_next_command_runs(obsidian):
    answer = f"echo '{json.dumps(STATUS)}'"
    obsidian.settings["program"] = obsidian.write_program(
        f'case "$*" in run*) exec sleep {PATIENCE};; *) {answer};; esac'
    )

    seen = obsidian.play(
        IDLE, OPEN, command("make-cards"), command("what-waits"), IDLE, timeout=100
    )

    assert seen.notices[0] == (
        "ankiforge run took too long and was stopped\nhint: run it in a terminal"
    )
    assert seen.notices[1].startswith("12 waiting")


def test_failed_copying_leaves_the_clipboard_as_it_was(obsidian):
    obsidian.settings["program"] = obsidian.write_program("echo no >&2; (exit 1)")

    seen = obsidian.play(OPEN, command("copy-text"), IDLE, clipboard="mine")

    assert (seen.notices, seen.clipboard) == (["no"], "mine")


def test_review_shows_the_output_of_a_program_that_opens_no_page(obsidian):
    obsidian.settings["program"] = obsidian.write_program("echo nothing to review")

    seen = obsidian.play(OPEN, command("review"), IDLE)

    assert seen.notices == ["nothing to review"]


def test_make_packs_what_a_vault_needs(tmp_path):
    make = ["make", "-s", "obsidian", f"PYTHON={sys.executable}", f"DIST={tmp_path}"]

    subprocess.run(make, cwd=ROOT, check=True)

    with zipfile.ZipFile(tmp_path / "ankiforge-obsidian.zip") as package:
        assert package.namelist() == ["main.js", "manifest.json"]


# --- with the real program ----------------------------------------------------------------------


@pytest.mark.slow
def test_cards_are_made_from_the_open_note_as_it_is_on_the_screen(real):
    edited = NOTE + "\nWhat flattens out?::the curve of forgetting\n"

    seen = real.play(
        IDLE, OPEN, ["type", "Memory.md", edited], command("make-cards"), IDLE
    )

    assert seen.notices == [
        f"Memory: 3 new highlights, 2 new cards\n"
        f"2 new or updated notes for Anki: import {real.root}/ankiforge.apkg\n"
        "0 waiting\n1 proposal\nnext: Review (decide on the proposals)"
    ]
    assert seen.statusBar == ["0 waiting", "0 waiting"]
    assert (real.vault / "Memory.md").read_text() == edited
    assert {path.name for path in real.vault.iterdir()} == {".obsidian", "Memory.md"}


@pytest.mark.slow
def test_an_unchanged_note_makes_nothing_new(real):
    seen = real.play(OPEN, command("make-cards"), command("make-cards"), IDLE)

    assert seen.notices[1] == (
        "Memory: nothing new\n0 waiting\n1 proposal\nnext: Review (decide on the proposals)"
    )


@pytest.mark.slow
def test_the_text_goes_to_the_clipboard_and_the_answer_comes_from_it(real):
    copied = real.play(OPEN, command("copy-text"), IDLE)

    assert copied.notices == [
        "Memory is copied: paste it into any chat, copy the whole answer\n"
        "next: Paste the chat's answer"
    ]
    assert "Forgetting follows a curve" in copied.clipboard
    [label] = re.findall('<text h="(.+)">', copied.clipboard)
    card = {
        "h": label,
        "kind": "basic",
        "front": "How does forgetting begin?",
        "back": "steeply",
        "text": "",
        "quote": "Forgetting follows a curve that is steep at first and then flattens out.",
        "why_none": "",
    }
    answer = f"```json\n{json.dumps({'cards': [card]})}\n```"

    pasted = real.play(command("paste-answer"), IDLE, clipboard=answer)

    assert pasted.statusBar[-1] == "1 waiting"
    assert pasted.notices[0].splitlines()[0] == (
        "The chat's answer: 1 new highlight, 1 new draft"
    )
    assert "1 waiting: 1 draft\nMemory (1)\n" in pasted.notices[0]


@pytest.mark.slow
@pytest.mark.parametrize("pasted", ["", "Sorry, I can't do that."])
def test_a_paste_without_cards_is_reported(real, pasted):
    seen = real.play(command("paste-answer"), IDLE, clipboard=pasted)

    assert seen.notices[0].splitlines()[:3] == [
        "The chat's answer: nothing new",
        "it contains no readable card",
        "hint: paste the whole answer, or ask the chat for the JSON only",
    ]


@pytest.mark.slow
def test_a_note_under_no_llm_is_not_copied(real):
    (real.vault / "Memory.md").write_text(f"---\ntags: [no-llm]\n---\n{NOTE}")

    seen = real.play(OPEN, command("copy-text"), IDLE, clipboard="mine")

    assert seen.notices == [
        "Memory.md: kept on this computer (#no-llm in its note)\nhint: nothing of it is sent"
    ]
    assert seen.clipboard == "mine"


@pytest.mark.slow
def test_a_paragraph_under_no_llm_is_not_copied(real):
    (real.vault / "Memory.md").write_text(f"{NOTE}\nMy diary names the zebra. #no-llm\n")

    seen = real.play(OPEN, command("copy-text"), IDLE)

    assert "Forgetting follows a curve" in seen.clipboard
    assert "zebra" not in seen.clipboard


def test_a_wrong_workspace_is_reported_with_its_hint(real):
    real.settings["workspace"] = "~/nowhere"

    seen = real.play(command("what-waits"), IDLE)

    assert seen.notices == [
        f"{real.root}/nowhere: there is no such folder\n"
        f"hint: make a workspace there: ankiforge init {real.root}/nowhere"
    ]


@pytest.mark.slow
def test_the_review_page_opens_in_the_browser_until_obsidian_quits(real):
    page = real.root / "page.html"
    browser = real.root / "browser"
    browser.write_text(f'#!/bin/sh\ncp "${{1#file://}}" "{page}"\n')
    browser.chmod(0o755)
    real.environment["BROWSER"] = str(browser)

    seen = real.play(
        OPEN,
        command("review"),
        IDLE,
        ["fetch", str(page)],
        command("what-waits"),
        ["focus"],
        IDLE,
        ["unload"],
        ["fetch", str(page)],
    )

    assert seen.pages == [303, "closed"]  # the page itself has no token in its URL
    assert seen.notices[0] == (
        "The review page opens in your browser. It closes when you quit Obsidian."
    )
    assert seen.notices[1].startswith("0 waiting\n1 proposal")
