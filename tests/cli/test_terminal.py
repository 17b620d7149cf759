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


HIDING = [
    "\x1b[8mhidden\x1b[0m",
    "\x1b[30;40mblack\x1b[m",
    "\x1b[38;2;0;0;0mblack",
    "\x9b8mhidden",
    "\x1b]0;a title\x07",
    "\x1b]8;;http://evil.example\x1b\\a link\x1b]8;;\x1b\\",
    "\x1bP1$r\x1b\\",
    "\x1b[1A\x1b[2Kover",
    "\x1bc",
    "\rover",
    "\x08\x08over",
    "\x1b[\x1b[8m8mnested",
]


def test_no_text_of_a_note_hides_words_or_steers_the_terminal(forge, vault):
    for number, sign in enumerate(HIDING):
        (vault / f"A{number}{sign.replace('/', '')}.md").write_text(
            f"# Head{sign}\n\nWhat is cat {number}{sign}::an animal{sign} that purrs\n",
            encoding="utf-8",
            newline="",
        )
    told = [forge("run", vault, "-v"), forge("status")]
    for sign in HIDING:
        told += [
            forge("run", f"no{sign}where", "-v"),
            forge("accept", f"x{sign}"),
            forge("list", f"--{sign}"),
            forge("list", f"deck:{sign}("),
        ]
    for words in ("list --all -v", "list --no-card -v", "seen cat"):
        told.append(forge(*words.split()))
    cards = forge.cards()
    assert len(cards) >= 10, "some signs leave no question"
    told.append(forge.ok("list", "-v", *(card["id"] for card in cards)))
    text = "".join(one.stdout + one.stderr for one in told)
    assert not re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f].{,20}", text)


def test_a_line_of_json_is_one_line_to_every_reader(forge, vault):
    (vault / "A.md").write_text("Katze\u2028x:::cat\u0085y\n", encoding="utf-8")
    forge.ok("run", vault)
    [line] = forge.ok("list", "--json").stdout.splitlines()
    assert "cat" in json.loads(line)["fields"]["Back"]


def test_a_person_sees_how_many_of_how_many_documents_are_read(forge, vault):
    for number in range(150):
        words = f"What is the fact of note {number}?::Answer {number}\n"
        (vault / f"{number:03}.md").write_text(words, encoding="utf-8")
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, 120))
    running = forge.at_terminal("run", vault, terminal=slave)
    os.close(slave)
    shown = b""
    with suppress(OSError):  # the end of a terminal
        while piece := os.read(master, 65536):
            shown += piece
    os.close(master)

    assert running.wait(timeout=PATIENCE) == 0
    plain = re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]", b"", shown)
    assert re.search(rb"reading \S+ +\d{1,3}/150", plain), shown
