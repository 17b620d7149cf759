"""What documents say cannot steer the terminal or break a line of JSON."""

import json
import os
import pty
import re
import termios
from contextlib import suppress

from tests.limits import PATIENCE


def test_control_signs_of_a_title_do_not_reach_the_terminal(forge, vault):
    (vault / "A.md").write_text("Katze\x1b[2J\x07:::cat\x9b31m\x08\n", encoding="utf-8")
    forge.ok("run", vault)
    shown = forge.ok("list", "--all", "-v").stdout
    assert "cat" in shown
    assert not {"\x1b", "\x07", "\x08", "\x9b"} & set(shown)


def test_a_line_of_json_is_one_line_to_every_reader(forge, vault):
    (vault / "A.md").write_text("Katze\u2028x:::cat\u0085y\n", encoding="utf-8")
    forge.ok("run", vault)
    [line] = forge.ok("list", "--json").stdout.splitlines()
    assert "cat" in json.loads(line)["fields"]["Back"]


def test_a_person_sees_how_many_of_how_many_documents_are_read(forge, vault):
    for number in range(150):
        words = "\n\n".join(f"What is fact {n} of note {number}?::Answer {n}" for n in range(3))
        (vault / f"{number:03}.md").write_text(words, encoding="utf-8")
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, 120))
    running = forge.started("run", vault, terminal=slave)
    os.close(slave)
    shown = b""
    with suppress(OSError):  # the end of a terminal
        while piece := os.read(master, 65536):
            shown += piece
    os.close(master)

    assert running.wait(timeout=PATIENCE) == 0
    assert re.search(rb"\b\d{1,3}/150 documents", shown), shown
