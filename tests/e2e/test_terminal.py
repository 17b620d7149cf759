"""What documents say cannot steer the terminal or break a line of JSON."""

from __future__ import annotations

import json


def test_control_signs_of_a_title_do_not_reach_the_terminal(forge, vault) -> None:
    (vault / "A.md").write_text("Katze\x1b[2J\x07:::cat\x9b31m\x08\n", encoding="utf-8")
    forge.ok("run", vault)
    shown = forge.ok("list", "--all", "-v").stdout
    assert "cat" in shown
    assert not {"\x1b", "\x07", "\x08", "\x9b"} & set(shown)


def test_a_line_of_json_is_one_line_to_every_reader(forge, vault) -> None:
    (vault / "A.md").write_text("Katze\u2028x:::cat\u0085y\n", encoding="utf-8")
    forge.ok("run", vault)
    [line] = forge.ok("list", "--json").stdout.splitlines()
    assert "cat" in json.loads(line)["fields"]["Back"]
