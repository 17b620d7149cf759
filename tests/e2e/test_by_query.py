"""Decisions on the terminal: by ids, by a query that is asked about, or by `--all --filter`."""

import io
import json
import os
import pty
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ankiforge.cli.output import Output

NOTE = """\
What powers the cell?::The mitochondrion

What holds the DNA?::The nucleus

What makes proteins?::The ribosome
"""


@pytest.fixture
def desk(forge: Any, vault: Path) -> Any:
    """Three cards that wait."""
    (vault / "Cells.md").write_text(NOTE, encoding="utf-8")
    forge.ok("run", vault, "--accept", "review")
    return forge


def verdicts(forge: Any) -> dict[str, str]:
    return {card["fields"]["Back"]: card["verdict"] for card in forge.cards()}


def id_of(forge: Any, back: str) -> str:
    [id] = [card["id"] for card in forge.cards() if card["fields"]["Back"] == back]
    return id


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A person sits at the terminal, and types this."""

    def says(words: str) -> None:
        monkeypatch.setattr(Output, "interactive", True)
        monkeypatch.setattr(sys, "stdin", io.StringIO(words))

    return says


# --- a query is asked about -------------------------------------------------------------------


def test_a_query_decides_nothing_where_nobody_can_be_asked_but_tells_how(desk):
    refused = desk("reject", "makes", "--reason", "too easy", "--json", code=2)
    assert "'makes' means 1 line" in refused.stderr
    assert "hint: ankiforge list --all makes -v" in refused.stderr
    assert set(verdicts(desk).values()) == {"pending"}

    desk.ok("reject", "--reason", "too easy", "--all", "--filter", "makes")
    assert "The ribosome" not in verdicts(desk)
    [done] = desk.ok("list", "--view", "recent", "--json").lines
    assert (done["what"], "too easy" in done["text"]) == ("reject", True)


def test_a_person_sees_the_cards_and_says_yes_or_no(desk, says):
    says("n\n")
    asked = desk.ok("accept", "kind:basic")
    assert "accept 3 lines? [y/N]" in asked.stderr
    assert "What makes proteins?" in asked.stderr
    assert set(verdicts(desk).values()) == {"pending"}
    says("y\n")
    desk.ok("accept", "makes", "proteins")
    assert verdicts(desk)["The ribosome"] == "accepted"
    assert list(verdicts(desk).values()).count("pending") == 2


def test_a_word_of_the_form_of_an_id_is_one_and_never_a_query(desk, says):
    says("y\n")
    unknown = desk("reject", "affected", code=2)
    assert "no id begins with 'affected'" in unknown.stderr
    assert "nothing to reject" in desk("reject", "nowhere", code=2).stderr
    assert set(verdicts(desk).values()) == {"pending"}
    shown = desk.ok("show", "-v", "verdict:pending", "DNA", "--json").lines
    assert [card["fields"]["Back"] for card in shown] == ["The nucleus"]
    assert "nothing to show" in desk("show", "nowhere", code=2).stderr
    assert "no id begins with" in desk("edit", "kind:basic", "--field", "Back", "x", code=2).stderr


# --- undo -------------------------------------------------------------------------------------


def test_undo_of_a_card_leaves_alone_what_was_decided_in_one_go_with_it(desk):
    desk.ok("accept", "--all")
    desk.ok("reject", "--all", "--filter", "verdict:accepted")
    nucleus = id_of(desk, "The nucleus")
    assert "1 undone" in desk.ok("undo", nucleus[:10]).stderr
    assert list(verdicts(desk).values()).count("rejected") == 2
    assert verdicts(desk)["The nucleus"] == "accepted"
    desk.ok("undo")
    assert set(verdicts(desk).values()) == {"accepted"}
    desk.ok("undo")
    assert set(verdicts(desk).values()) == {"pending"}
    assert "nothing to undo" in desk("undo", code=1).stderr
    desk.ok("run", "--accept", "review")
    assert len(desk.ok("list", "--view", "new", "--json").lines) == 3


# --- edit -------------------------------------------------------------------------------------


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Makes an `$EDITOR` that puts words in place of others, each time it is opened the next.

    What it was shown is in the file that is returned, each text ended by a form feed.
    """

    def editor(*changes: tuple[str, str]) -> Path:
        script, left = tmp_path / "editor.py", tmp_path / "changes.json"
        left.write_text(json.dumps(changes))
        script.write_text(
            f"#!{sys.executable}\n"
            "import json, os, pathlib, sys\n"
            f"left, seen = pathlib.Path({str(left)!r}), pathlib.Path({str(tmp_path / 'seen')!r})\n"
            "[(old, new), *rest] = json.loads(left.read_text()) or [('', '')]\n"
            "left.write_text(json.dumps(rest))\n"
            "file = pathlib.Path(sys.argv[1])\n"
            "text = file.read_text('utf-8')\n"
            "with seen.open('a') as log: log.write(text + '\\f')\n"
            "if old:\n"
            "    before, _, after = text.rpartition(old)\n"
            "    file.write_text(before + new + after if old != '*' else new, 'utf-8')\n"
            "    later = file.stat().st_mtime + 5\n"
            "    os.utime(file, (later, later))\n"
        )
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("VISUAL", str(script))
        monkeypatch.setattr("ankiforge.cli.decide._need_terminal", lambda *_: None)
        return tmp_path / "seen"

    return editor


UNSAVED = ("", "")


def test_what_is_left_unsaved_changes_nothing(desk, editor):
    seen = editor(UNSAVED)
    ribosome = id_of(desk, "The ribosome")
    assert "nothing was changed" in desk.ok("edit", ribosome).stderr
    assert "What makes proteins?" in seen.read_text()
    assert id_of(desk, "The ribosome") == ribosome


def test_text_that_cannot_be_read_is_offered_again_as_it_was_typed(desk, editor):
    seen = editor(("Back: |-", "Back: [oh"), ("Back: [oh", "Back: |-\n  dear,"))
    desk.ok("edit", id_of(desk, "The nucleus"))
    second = seen.read_text().split("\f")[1]
    assert "not valid YAML" in second.splitlines()[0]
    assert "Back: [oh" in second
    assert "dear,\nThe nucleus" in verdicts(desk)


def test_words_that_cannot_be_used_in_the_end_are_printed(desk, editor):
    editor(("Back: |-", "Back: [oh"), UNSAVED)
    refused = desk("edit", id_of(desk, "The nucleus"), code=2)
    assert "Back: [oh" in refused.stderr
    assert "not valid YAML" in refused.stderr
    assert "The nucleus" in verdicts(desk)


def test_words_for_a_card_that_was_changed_meanwhile_are_printed(desk, editor, monkeypatch):
    guid = id_of(desk, "The nucleus")
    editor(("nucleus", "core"), UNSAVED)
    before = os.environ["VISUAL"]
    both = f"{sys.executable} -m ankiforge reject {guid} -q ; {before}"
    script = Path(before).with_name("both")
    script.write_text(f'#!/bin/sh\n{both} "$1"\n')
    script.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(script))
    refused = desk("edit", guid, code=1)
    assert "no longer waits" in refused.stderr
    assert "The core" in refused.stderr
    assert "The nucleus" not in verdicts(desk)


def test_an_emptied_text_or_an_editor_that_fails_changes_nothing(desk, editor, monkeypatch):
    nucleus = id_of(desk, "The nucleus")
    editor(("*", ""))
    assert "nothing was changed" in desk.ok("edit", nucleus).stderr
    monkeypatch.setenv("VISUAL", "false")
    assert "the editor failed" in desk("edit", nucleus, code=2).stderr
    assert set(verdicts(desk).values()) == {"pending"}


def test_a_real_terminal_is_asked_and_opens_an_editor(desk, editor):
    editor(("nucleus", "core"))
    nucleus = id_of(desk, "The nucleus")
    for words, typed in ((["reject", "powers"], b"y\n"), (["edit", nucleus], b"")):
        master, slave = pty.openpty()
        running = desk.started(*words, terminal=slave)
        os.write(master, typed)
        assert running.wait(timeout=30) == 0
        os.close(slave)
        os.close(master)
    assert verdicts(desk) == {
        "The core": "accepted",
        "The ribosome": "pending",
    }
