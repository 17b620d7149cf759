"""The front of a card over several lines keeps every letter."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    "front",
    [
        "What is 2 + 3 in a sum?",
        "What is the **powerhouse** of a cell?",
        "What is *the* organ?",
        "How long is a - b?",
        "What did issue # 5 say?",
        "Who wrote 1984. or 1985) first?",
        "What is a [!note] in Obsidian?",
    ],
)
@pytest.mark.parametrize("before", ["", "- ", "> ", "## ", "3. "])
def test_only_the_sign_a_line_begins_with_is_dropped(forge, vault, front, before) -> None:
    quote = "> " if before == "> " else "  " if before in ("- ", "3. ") else ""
    gap = "   " if before == "3. " else quote
    (vault / "A.md").write_text(f"{before}{front}\n{gap}?\n{gap}five\n", encoding="utf-8")
    forge.ok("run", vault)
    [card] = forge.cards()
    assert card["fields"]["Front"] == front
