"""`repair` at a real terminal of 80 columns: what is shown, and what keys do."""

import os
import re
import time
from pathlib import Path
from typing import Any

import pytest

from tests.limits import PATIENCE

pty = pytest.importorskip("pty", reason="a terminal of its own")
pytest.importorskip("anki")

from tests.forked import AtTerminal  # noqa: E402
from tests.makers.keyboard import Keyboard  # noqa: E402

COLOURS = re.compile(r"\x1b\[[\d;?]*[a-zA-Z]")


@pytest.fixture
def failing(forge: Any, backend: Any) -> Path:
    """A collection, closed, in which two cards of somebody else fail."""
    with backend.opened(forge.profile) as anki:
        col = anki.col
        now = int(time.time() * 1000)
        for place, sides in enumerate(
            [
                ("What are the three metals?", "iron, zinc, gold"),
                ("What is lava?", "rock"),
            ]
        ):
            note = col.new_note(col.models.by_name("Basic"))
            note.fields[:2] = sides
            col.add_note(note, col.decks.id("Theirs"))
            [card] = note.cards()
            for days in (7, 5, 3, 1):
                at = now - days * 86_400_000 + place
                row = (at, card.id, -1, 1, 1, 2, 2500, 30_000 - place, 1)
                col.db.execute("insert into revlog values (?,?,?,?,?,?,?,?,?)", *row)
            col.db.execute("update cards set type = 2, queue = 2 where id = ?", card.id)
            col.set_user_flag_for_cards(1 - place, [card.id])
    return Path(forge.profile)


@pytest.fixture
def at_terminal(forge: Any) -> Any:
    def started(*arguments: str) -> Keyboard:
        environment = {**os.environ, **forge.environment, "TERM": "xterm-256color"}
        environment["COLUMNS"] = "80"
        for name in ("VISUAL", "EDITOR", "NO_COLOR", "DISPLAY", "WAYLAND_DISPLAY"):
            environment.pop(name, None)
        return Keyboard(
            lambda terminal: AtTerminal(
                [*arguments], forge.folder, environment, terminal
            ),
            PATIENCE,
        )

    return started


def test_cards_are_shown_and_repaired_with_single_keys(forge, failing, at_terminal):
    with at_terminal("repair") as keyboard:
        shown = COLOURS.sub("", keyboard.shown())
        assert "1 of 2" in shown
        assert "What are the three metals?" in shown
        assert "2d✗ 2d✗ 2d✗ 2d✗" in shown
        assert "split into 3 cards, each of which shows the others" in shown
        assert "x suspend · ? more" in shown
        assert max(map(len, shown.splitlines())) <= 80
        assert "f clears it; Enter goes on" in COLOURS.sub("", keyboard.press("1"))
        assert "choose Cards › Flag › No Flag" in " ".join(keyboard.press("f").split())
        assert "2 of 2" in COLOURS.sub("", keyboard.press("\r"))
        said = " ".join(COLOURS.sub("", keyboard.press("x")).split())
        assert "search cid:" in said
        assert "choose Cards › Toggle Suspend; w asks it again" in said
        assert "taken back: left as it is" in COLOURS.sub("", keyboard.press("u"))
        last = keyboard.press("\x1b")
        assert keyboard.ended() == 0
    assert "ankiforge build" in last
    [done] = forge.ok("list", "--view", "recent", "--json").lines
    assert done["what"] == "repair"


def test_where_nobody_can_press_a_key_nothing_is_changed(forge, failing):
    done = forge.ok("repair")
    assert "2 cards fail; in 30 days they took 4 minutes" in done.stderr
    assert "nothing was changed; ankiforge repair nid:" in done.stderr
    assert forge.ok("list", "--view", "recent", "--json").lines == []
