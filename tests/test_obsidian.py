"""The plug-in for Obsidian runs in Node, with a stand-in of Obsidian's classes and the real program.

Each test reads the script that TypeScript makes of `main.ts`, as the release does.
"""

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
TSC = ROOT / ".axe/node_modules/.bin/tsc"
PROJECT = ROOT / "tests/obsidian/tsconfig.json"
SHARED_DIRECTORIES = ("/bin", "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin")

pytestmark = [
    pytest.mark.skipif(
        os.name == "nt", reason="the programs of these tests are shell scripts"
    ),
    pytest.mark.skipif(
        not ((NODE and TSC.exists()) or os.environ.get("ANKIFORGE_REQUIRE_ALL")),
        reason="node or TypeScript is not installed (make axe)",
    ),
]

NOTE = """# Memory

How many chunks does working memory hold?::about four

==Sleep consolidates memory by replaying experiences in the hippocampus.==

Forgetting follows a curve that is steep at first and then flattens out.
"""
STATUS = {
    "waiting": {"total": 15, "new": 13, "changed": 1, "questions": 1},
    "highlights": {"more": 1, "without": 2},
    "documents": {"Memory": 10},
    "remembered": [],
    "next": "review",
    "why": "",
    "text": "the text of the note",
}


REPORT: dict[str, Any] = STATUS | {
    "highlights": STATUS["highlights"] | {"new": 1, "changed": 0, "gone": 0},
    "cards": {"accepted": 1, "drafted": 1},
    "notes": {"added": 1, "updated": 0},
    "packages": ["/nowhere/cards.apkg"],
    "text": "the text of the note",
}
"""What `run` and `status` print, in one value."""
INSTALL_HINT = (
    "hint: install ankiforge, as this plug-in's page in the list of community plug-ins says; "
    "if it is installed, set its path in the plug-in's settings"
)
NOTHING_LEFT = {"more": 0, "without": 0}
NOTHING_WAITS = {"total": 0, "new": 0, "changed": 0, "questions": 0}
NEXT_IS_CHAT = (
    "next: Copy this note's text for my chat "
    "(your chat writes the questions: copy, paste back)"
)


@dataclass
class Modal:
    """A window of Obsidian with lines of text above buttons."""

    title: str
    lines: list[str]
    buttons: list[str]


@dataclass
class Seen:
    """What the user saw: notices, modals, opened files, texts of the status bar, the clipboard."""

    notices: list[str]
    modals: list[Modal]
    opened: list[str]
    statusBar: list[str]
    clipboard: str
    pages: list[Any]
    settings: list[dict[str, Any]]
    data: dict[str, Any]


@dataclass
class Obsidian:
    """A vault, and the plug-in in a process of Node for each `play`."""

    script: Path
    root: Path
    vault: Path
    settings: dict[str, Any] = field(default_factory=dict)
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
            "main": str(self.script),
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
        seen = json.loads(ended.stdout)
        return Seen(**seen | {"modals": [Modal(**modal) for modal in seen["modals"]]})


@pytest.fixture(scope="session")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script that Obsidian loads, without a check of its types."""
    folder = tmp_path_factory.mktemp("plug-in")
    build = [TSC, "-p", PROJECT, "--noEmit", "false", "--noCheck", "--outDir", folder]
    subprocess.run(build, check=True, timeout=PATIENCE)
    return folder / "main.js"


@pytest.fixture
def obsidian(script: Path, tmp_path: Path, vault: Path) -> Obsidian:
    """Obsidian, whose user allowed that notes become sources."""
    (vault / "Memory.md").write_text(NOTE)
    return Obsidian(script, tmp_path, vault, {"asksBeforeAdding": False})


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
    assert canned.play(IDLE).statusBar == ["15 waiting"]


def test_what_waits_is_shown_by_list_and_document(canned):
    seen = canned.play(command("what-waits"), IDLE)

    assert seen.modals == [
        Modal(
            "15 waiting: 13 new cards, 1 changed card, 1 question",
            ["Memory (10)", "3 highlights without a card", "next: Review"],
            ["Review"],
        )
    ]


@pytest.mark.parametrize(
    ("command_line", "step"),
    [
        ("run PATH", "Make cards from this note"),
        ("draft Memory", "Copy this note's text for my chat"),
        ("push", "ankiforge push in a terminal"),
    ],
)
def test_the_next_step_is_a_command_of_obsidian_if_there_is_one(
    canned, command_line, step
):
    status = STATUS | {"next": command_line, "why": "because"}
    canned.settings["program"] = canned.write_program(f"echo '{json.dumps(status)}'")

    seen = canned.play(command("what-waits"), IDLE)

    assert seen.modals[0].lines[-1] == f"next: {step} (because)"


def test_two_saves_at_once_read_the_status_once(canned):
    canned.play(IDLE, ["save", "Memory.md", "a"], ["save", "Memory.md", "b"], IDLE)

    assert canned.calls == ["start status --json", "end"] * 2


def test_a_saved_picture_starts_no_program(canned):
    canned.play(IDLE, ["save", "picture.png", "b"], IDLE)

    assert canned.calls == ["start status --json", "end"]


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

    [modal] = seen.modals
    assert modal.title == "Make cards from this note: Memory"
    assert modal.lines == ["the program ankiforge: not found", INSTALL_HINT]
    assert seen.statusBar == ["ankiforge: not ready"]
    readme = (PLUGIN / "README.md").read_text()
    [line] = [line.strip() for line in readme.splitlines() if "uv tool install" in line]
    assert f"    {line}\n" in (ROOT / "docs/guides/install.md").read_text()


def test_a_path_that_does_not_exist_is_named(obsidian):
    obsidian.settings["program"] = "~/nowhere"

    seen = obsidian.play(command("what-waits"), IDLE)

    assert seen.modals == [
        Modal("What waits", [f"{obsidian.root}/nowhere: not found", INSTALL_HINT], [])
    ]


def test_a_file_that_is_not_a_program_is_reported(obsidian):
    obsidian.settings["program"] = str(obsidian.vault / "Memory.md")

    seen = obsidian.play(command("what-waits"), IDLE)

    assert re.search("Memory.md cannot be started: .*EACCES", seen.modals[0].lines[0])


def test_the_program_is_found_where_uv_and_pipx_put_it(obsidian):
    path = obsidian.write_program(f"echo '{json.dumps(STATUS)}'", ".local/bin/ankiforge")

    seen = obsidian.play(IDLE)

    assert seen.statusBar == ["15 waiting"]
    assert seen.settings == [
        {"name": "Program", "placeholder": path, "value": ""},
        {"name": "Workspace", "placeholder": "", "value": ""},
        {"name": "Ask before a note becomes a source", "placeholder": "", "value": False},
    ]


def test_a_workspace_from_the_settings_is_passed_to_every_command(canned):
    seen = canned.play(IDLE, ["set", "Workspace", "~/cards"], command("what-waits"), IDLE)

    assert seen.data["workspace"] == "~/cards"
    assert canned.calls[2] == f"start -C {canned.root}/cards status --json"


@pytest.mark.parametrize(
    "error",
    [
        "ankiforge: it is broken\\nhint: mend it\\n",
        'a notice\\n{"error":{"what":"it is broken","hint":"mend it","code":2}}\\n',
    ],
)
def test_an_error_is_shown_with_its_hint(obsidian, error):
    obsidian.settings["program"] = obsidian.write_program(
        f"printf '{error}' >&2; (exit 2)"
    )

    seen = obsidian.play(OPEN, command("make-cards"), command("review"), IDLE)

    lines = ["it is broken", "hint: mend it"]
    assert seen.modals == [
        Modal("Make cards from this note: Memory", lines, []),
        Modal("Review: Memory", lines, []),
    ]


def test_a_program_that_ends_without_a_message_is_reported(obsidian):
    obsidian.settings["program"] = obsidian.write_program("(exit 7)")

    seen = obsidian.play(command("what-waits"), IDLE)

    assert seen.modals[0].lines == ["ankiforge ended with code 7, without a message"]


def test_a_slow_program_is_stopped_and_the_next_command_runs(obsidian):
    answer = f"echo '{json.dumps(STATUS)}'"
    obsidian.settings["program"] = obsidian.write_program(
        f'case "$*" in run*) exec sleep {PATIENCE};; *) {answer};; esac'
    )

    seen = obsidian.play(
        IDLE, OPEN, command("make-cards"), command("copy-text"), IDLE, timeout=100
    )

    [modal] = seen.modals
    assert modal.lines == [
        "ankiforge run took too long and was stopped",
        "hint: in a terminal, ankiforge run has no limit of time",
    ]
    assert seen.notices[0].startswith("Memory is copied")


def test_failed_copying_leaves_the_clipboard_as_it_was(obsidian):
    obsidian.settings["program"] = obsidian.write_program("echo no >&2; (exit 1)")

    seen = obsidian.play(OPEN, command("copy-text"), IDLE, clipboard="mine")

    assert (seen.modals[0].lines, seen.clipboard) == (["no"], "mine")


def test_review_shows_the_output_of_a_program_that_opens_no_page(obsidian):
    obsidian.settings["program"] = obsidian.write_program("echo nothing to review")

    seen = obsidian.play(OPEN, command("review"), IDLE)

    assert seen.notices == ["nothing to review"]


@pytest.mark.parametrize(
    ("highlights", "waiting", "buttons"),
    [
        ({}, {}, []),
        ({}, {"total": 1, "questions": 1}, ["Review"]),
        ({}, {"total": 1, "new": 1}, ["Review"]),
        ({"more": 1}, {}, ["Copy text"]),
        ({"without": 1}, {}, ["Copy text"]),
        ({"without": 1}, {"total": 2, "new": 1, "changed": 1}, ["Review", "Copy text"]),
    ],
)
def test_the_buttons_are_for_what_is_left_to_do(canned, highlights, waiting, buttons):
    report = REPORT | {
        "highlights": REPORT["highlights"] | NOTHING_LEFT | highlights,
        "waiting": NOTHING_WAITS | waiting,
        "notes": {"added": 0, "updated": 0},
    }
    canned.settings["program"] = canned.write_program(f"echo '{json.dumps(report)}'")

    seen = canned.play(OPEN, command("make-cards"), IDLE, command("what-waits"), IDLE)

    assert seen.modals[0].buttons == buttons
    assert seen.modals[1].buttons == [text for text in buttons if text == "Review"]


@pytest.mark.parametrize(
    ("button", "call"), [("Review", "review"), ("Copy text", "draft export - --from")]
)
def test_a_button_is_for_the_note_of_its_command(canned, button, call):
    canned.settings["program"] = canned.write_program(f"echo '{json.dumps(REPORT)}'")

    canned.play(OPEN, command("make-cards"), IDLE, ["press", button], IDLE)

    assert any(
        f"start {call} {canned.vault}/Memory.md" in started for started in canned.calls
    )


def test_a_package_that_cannot_be_opened_is_named_with_what_to_do(canned):
    canned.settings["program"] = canned.write_program(f"echo '{json.dumps(REPORT)}'")

    seen = canned.play(OPEN, command("make-cards"), IDLE, ["press", "Open package"], IDLE)

    assert seen.modals[1:] == [
        Modal(
            "Open package",
            [
                "/nowhere/cards.apkg cannot be opened: no such file",
                "hint: import it in Anki, by File, Import",
            ],
            [],
        )
    ]


# --- before a note becomes a source -------------------------------------------------------------


@pytest.fixture
def asking(canned: Obsidian) -> Obsidian:
    """Obsidian as it is first used, with a program that knows no sources."""
    del canned.settings["asksBeforeAdding"]
    return canned


def list_commands(obsidian: Obsidian) -> list[str]:
    """Return the first word of each command that the program was started with."""
    starts = [call.split() for call in obsidian.calls if call.startswith("start")]
    return [words[1] for words in starts]


@pytest.mark.parametrize(
    ("name", "started"),
    [("make-cards", "run"), ("review", "review"), ("copy-text", "draft")],
)
@pytest.mark.parametrize(
    ("answer", "is_read", "asks_again"),
    [
        (["press", "Add this note"], True, True),
        (["press", "Add, and do not ask again"], True, False),
        (["press", "Cancel"], False, True),
        (["close"], False, True),
    ],
)
def test_a_note_becomes_a_source_only_after_a_yes(
    asking, name, started, answer, is_read, asks_again
):
    seen = asking.play(OPEN, command(name), IDLE, answer, IDLE)

    question = seen.modals[0]
    assert question.title == "Add “Memory” to the sources of ankiforge?"
    assert question.lines[1].endswith(f'ankiforge forget "{asking.vault}/Memory.md"')
    assert (started in list_commands(asking)) == is_read
    assert seen.settings[-1]["value"] == asks_again
    assert seen.data.get("asksBeforeAdding", True) == asks_again


@pytest.mark.parametrize(
    ("source", "is_asked"),
    [("", False), ("Memory.md", False), ("Other.md", True), ("Memo", True)],
)
def test_a_note_in_a_source_is_read_without_a_question(asking, source, is_asked):
    status = STATUS | {"remembered": [str(asking.vault / source)]}
    asking.settings["program"] = asking.write_program(f"echo '{json.dumps(status)}'")

    asking.play(OPEN, command("copy-text"), IDLE)

    assert ("draft" not in list_commands(asking)) == is_asked


# --- as the list of plug-ins wants it -----------------------------------------------------------


@pytest.mark.slow
def test_make_builds_what_a_vault_needs(tmp_path):
    make = ["make", "-s", "obsidian", f"PYTHON={sys.executable}", f"DIST={tmp_path}"]

    subprocess.run(make, cwd=ROOT, check=True)

    files = {path.name: path.read_bytes() for path in (tmp_path / "obsidian").iterdir()}
    assert files.keys() == {"main.js", "manifest.json"}
    with zipfile.ZipFile(tmp_path / "ankiforge-obsidian.zip") as package:
        assert {name: package.read(name) for name in package.namelist()} == files


def test_the_folder_can_be_a_repository_of_its_own():
    manifest = json.loads((PLUGIN / "manifest.json").read_text())
    versions = json.loads((PLUGIN / "versions.json").read_text())

    assert versions[manifest["version"]] == manifest["minAppVersion"]
    assert (PLUGIN / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


# --- with the real program ----------------------------------------------------------------------


@pytest.mark.slow
def test_cards_are_made_from_the_open_note_as_it_is_on_the_screen(real):
    edited = NOTE + "\nWhat flattens out?::the curve of forgetting\n"

    seen = real.play(
        IDLE,
        OPEN,
        ["type", "Memory.md", edited],
        command("make-cards"),
        IDLE,
        ["press", "Open package"],
        IDLE,
    )

    assert seen.modals == [
        Modal(
            "Memory: 3 new highlights, 2 new cards",
            [
                f"2 new or updated notes for Anki: import {real.root}/ankiforge.apkg",
                "0 waiting",
                "1 highlight without a card",
                NEXT_IS_CHAT,
            ],
            ["Copy text", "Open package"],
        )
    ]
    assert seen.opened == [f"{real.root}/ankiforge.apkg"]
    assert seen.statusBar == ["0 waiting", "0 waiting"]
    assert (real.vault / "Memory.md").read_text() == edited
    assert {path.name for path in real.vault.iterdir()} == {".obsidian", "Memory.md"}


@pytest.mark.slow
def test_an_unchanged_note_makes_nothing_new(real):
    seen = real.play(OPEN, command("make-cards"), command("make-cards"), IDLE)

    assert seen.modals[1] == Modal(
        "Memory: nothing new",
        ["0 waiting", "1 highlight without a card", NEXT_IS_CHAT],
        ["Copy text"],
    )


@pytest.mark.slow
def test_the_text_goes_to_the_clipboard_and_the_answer_comes_from_it(real):
    copied = real.play(OPEN, command("copy-text"), IDLE)

    assert copied.notices == [
        "Memory is copied: paste it into your chat, copy its answer, "
        "then run “Paste the chat's answer”"
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
    [modal] = pasted.modals
    assert modal.title == "The chat's answer: 1 new highlight, 1 new draft"
    assert modal.lines[:2] == ["1 new card waiting", "Memory (1)"]
    assert modal.buttons == ["Review"]


@pytest.mark.slow
@pytest.mark.parametrize("pasted", ["", "Sorry, I can't do that."])
def test_a_paste_without_cards_is_reported(real, pasted):
    seen = real.play(command("paste-answer"), IDLE, clipboard=pasted)

    assert seen.modals[0].title == "The chat's answer: nothing new"
    assert seen.modals[0].lines[:2] == [
        "it contains no card as JSON",
        "hint: tell the chat “Give me the same cards as JSON, as I asked, in one code block”",
    ]


@pytest.mark.slow
def test_a_note_under_no_llm_is_not_copied(real):
    (real.vault / "Memory.md").write_text(f"---\ntags: [no-llm]\n---\n{NOTE}")

    seen = real.play(OPEN, command("copy-text"), IDLE, clipboard="mine")

    assert seen.modals[0].lines == [
        "Memory.md: kept on this computer (#no-llm in its note)",
        "hint: nothing of it is sent",
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

    assert seen.modals[0].lines == [
        f"{real.root}/nowhere: there is no such folder",
        f"hint: make a workspace there: ankiforge init {real.root}/nowhere",
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
    assert seen.notices == [
        "The review page opens in your browser, until you quit Obsidian"
    ]
    assert seen.modals[0] == Modal(
        "0 waiting", ["1 highlight without a card", NEXT_IS_CHAT], []
    )
