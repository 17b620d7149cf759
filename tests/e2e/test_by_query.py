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


def guid_of(forge: Any, back: str) -> str:
    [guid] = [card["guid"] for card in forge.cards() if card["fields"]["Back"] == back]
    return guid


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
    assert "'makes' means 1 card" in refused.stderr
    hint = "hint: ankiforge --json reject --reason 'too easy' --all --filter makes"
    [told] = [line for line in refused.stderr.splitlines() if line.startswith("hint: ")]
    assert sorted(told.split()) == sorted(hint.split())
    assert set(verdicts(desk).values()) == {"pending"}

    desk.ok("reject", "--reason", "too easy", "--all", "--filter", "makes")
    assert verdicts(desk)["The ribosome"] == "rejected"


def test_a_person_sees_the_cards_and_says_yes_or_no(desk, says):
    says("n\n")
    asked = desk.ok("accept", "kind:basic")
    assert "accept 3 cards? [y/N]" in asked.stderr
    assert "What makes proteins?" in asked.stderr
    assert set(verdicts(desk).values()) == {"pending"}
    says("y\n")
    desk.ok("accept", "makes", "proteins")
    assert verdicts(desk)["The ribosome"] == "accepted"
    assert list(verdicts(desk).values()).count("pending") == 2


def test_a_word_of_the_form_of_an_id_is_one_and_never_a_query(desk, says):
    says("y\n")
    guid = guid_of(desk, "The ribosome")
    unknown = desk("reject", "affected", code=2)
    assert "no card id begins with 'affected'" in unknown.stderr
    assert "is not the id of a card" in desk("reject", guid[:10], "powers", code=2).stderr
    assert "an empty word" in desk("reject", "", code=2).stderr
    assert "nothing to reject" in desk("reject", "nowhere", code=2).stderr
    assert set(verdicts(desk).values()) == {"pending"}
    shown = desk.ok("show", "-v", "verdict:pending", "DNA", "--json").lines
    assert [card["fields"]["Back"] for card in shown] == ["The nucleus"]
    assert "nothing to show" in desk("show", "nowhere", code=2).stderr
    assert "3 are named" in desk("edit", "kind:basic", "--field", "Back", "x", code=2).stderr
    desk.ok("edit", "proteins", "--field", "Back", "Ribosomes")
    assert "Ribosomes" in verdicts(desk)


# --- undo -------------------------------------------------------------------------------------


def test_undo_of_a_card_leaves_alone_what_was_decided_in_one_go_with_it(desk):
    desk.ok("reject", "--all")
    guid = guid_of(desk, "The nucleus")
    assert f"undone: reject {guid}" in desk.ok("undo", guid[:10]).stderr
    assert list(verdicts(desk).values()).count("rejected") == 2
    assert verdicts(desk)["The nucleus"] == "pending"
    again = desk("undo", guid, code=1)
    assert "left to undo" in again.stderr
    desk.ok("undo")
    assert set(verdicts(desk).values()) == {"pending"}
    went = desk.json("merge", guid, guid_of(desk, "The ribosome"))["merged"]
    desk.ok("undo", went)
    assert {card["standing"] for card in desk.cards()} == {"live"}
    assert {card["guid"]: card["also"] for card in desk.cards()}[guid] == []


def test_undo_of_many_takes_back_the_last_of_each(desk):
    nucleus = guid_of(desk, "The nucleus")
    desk.ok("reject", "--all", "--filter", "proteins")
    desk.ok("accept", "--all")
    desk.ok("reject", nucleus)
    assert "'What' means 3 cards" in desk("undo", "What", code=2).stderr
    told = desk.ok("undo", "--all", "--filter", "-proteins", "--json").lines
    assert sorted(one["undone"] for one in told) == ["accept", "reject"]
    assert verdicts(desk) == {
        "The mitochondrion": "pending",
        "The nucleus": "accepted",
        "The ribosome": "rejected",
    }


def test_undo_of_many_says_how_many_and_shows_three_with_their_words(desk, vault):
    more = "".join(f"What is fact {n}?::Answer {n}\n\n" for n in range(20))
    (vault / "More.md").write_text(more, encoding="utf-8")
    desk.ok("run", vault, "--accept", "review")
    desk.ok("reject", "--all")

    told = desk.ok("undo").stderr.splitlines()

    assert told[0] == "undone: 23 decisions (23 reject), such as:"
    assert len(told) == 4
    assert all("What " in line and "?" in line for line in told[1:])
    desk.ok("reject", "--all")
    assert len(desk.ok("undo", "--json").lines) == 23
    desk.ok("reject", guid := guid_of(desk, "The nucleus"))
    assert desk.ok("undo").stderr == f"undone: reject {guid}  What holds the DNA?\n"


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
        monkeypatch.setattr("ankiforge.cli.decide.need_terminal", lambda *_: None)
        return tmp_path / "seen"

    return editor


UNSAVED = ("", "")


def test_a_query_opens_one_card_after_another_and_skips_what_is_unsaved(desk, editor):
    seen = editor(("mitochondrion", "mitochondria"), UNSAVED, ("ribosome", "ribosomes"))
    told = desk.ok("edit", "kind:basic").stderr
    assert (told.count("edited: "), told.count("nothing was changed: ")) == (2, 1)
    backs = [card["fields"]["Back"] for card in desk.cards()]
    assert backs == ["The mitochondria", "The nucleus", "The ribosomes"]
    assert "2 of 3" in seen.read_text().split("\f")[1]
    desk.ok("reject", guid_of(desk, "The nucleus"))
    editor(("ribosomes", "ribosome"))
    ids = [guid_of(desk, back) for back in ("The nucleus", "The ribosomes")]
    assert "refused: " in desk("edit", *ids, code=1).stderr, "and the next has its turn"
    assert "The ribosome" in verdicts(desk)


def test_text_that_cannot_be_read_is_offered_again_as_it_was_typed(desk, editor):
    seen = editor(("Back: |-", "Back: [oh"), ("Back: [oh", "Back: |-\n  dear,"))
    desk.ok("edit", guid_of(desk, "The nucleus"))
    second = seen.read_text().split("\f")[1]
    assert "not valid YAML" in second.splitlines()[0]
    assert "Back: [oh" in second
    assert "dear,\nThe nucleus" in verdicts(desk)


def test_text_that_cannot_be_read_twice_is_kept_in_a_file_that_is_named(desk, editor):
    editor(("Back: |-", "Back: [oh"), ("Back: [oh", "Back: [dear"))
    refused = desk("edit", guid_of(desk, "The nucleus"), code=2)
    kept = refused.stderr.rpartition("kept in ")[2].strip()
    assert "Back: [dear" in Path(kept).read_text(encoding="utf-8")
    assert "The nucleus" in verdicts(desk)


def test_words_for_a_card_that_was_changed_meanwhile_are_kept(desk, editor, monkeypatch):
    guid = guid_of(desk, "The nucleus")
    editor(("nucleus", "core"))
    before = os.environ["VISUAL"]
    both = f"{sys.executable} -m ankiforge reject {guid} -q && {before}"
    script = Path(before).with_name("both")
    script.write_text(f'#!/bin/sh\n{both} "$1"\n')
    script.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(script))
    refused = desk("edit", guid, code=1)
    assert "refused: " in refused.stderr
    kept = refused.stderr.rpartition("kept in ")[2].strip()
    assert "The core" in Path(kept).read_text(encoding="utf-8")
    assert verdicts(desk)["The nucleus"] == "rejected"


def test_an_emptied_text_ends_the_round_and_no_file_is_left(desk, editor):
    seen = editor(("mitochondrion", "mitochondria"), ("*", ""), ("ribosome", "x"))
    desk("edit", "kind:basic", code=130)
    assert seen.read_text().count("\f") == 2
    assert {"The mitochondria", "The nucleus", "The ribosome"} == set(verdicts(desk))
    assert not list(desk.home.rglob("typed-*"))


def test_a_text_that_is_no_utf_8_or_an_editor_that_fails_loses_nothing(
    desk, editor, monkeypatch, tmp_path
):
    script = tmp_path / "latin"
    script.write_text('#!/bin/sh\nprintf "Back: d\\351j\\340 vu" > "$1"; touch -d "+5 sec" "$1"\n')
    script.chmod(0o755)
    editor()
    monkeypatch.setenv("VISUAL", str(script))
    for fails in ("", "exit 1\n"):
        script.write_text(script.read_text() + fails)
        refused = desk("edit", guid_of(desk, "The nucleus"), code=2)
        kept = Path(refused.stderr.rpartition("kept in ")[2].strip())
        assert kept.read_bytes().endswith(b"Back: d\xe9j\xe0 vu")


def test_a_real_terminal_is_asked_and_opens_an_editor(desk, editor):
    editor(("nucleus", "core"))
    for words, typed in ((["reject", "powers"], b"y\n"), (["edit", "DNA"], b"")):
        master, slave = pty.openpty()
        running = desk.started(*words, terminal=slave)
        os.write(master, typed)
        assert running.wait(timeout=30) == 0
        os.close(slave)
        os.close(master)
    assert verdicts(desk) == {
        "The mitochondrion": "rejected",
        "The core": "pending",
        "The ribosome": "pending",
    }
