"""Answers as chats give them: each sound card comes in, each other is named.

`chats/KIND.md` is a pasted answer about `chats/passages.json`, and `chats/found.json` says what
came of it. To write that anew: `ANKIFORGE_GOLDEN=1 python -m pytest tests/draft/test_chats.py`.
"""

import json
import os

import pytest

from ankiforge.draft.chat import read_answer
from ankiforge.draft.prompt import load
from tests.draft.chats import HERE, PASSAGES, TASKS, answered

FOUND = HERE / "found.json"
KINDS = sorted(path.stem for path in HERE.glob("*.md"))
PROMPT = load("cards")


@pytest.mark.parametrize("kind", KINDS)
def test_every_sound_card_of_an_answer_comes_in(kind):
    answer = read_answer((HERE / f"{kind}.md").read_text("utf-8"), TASKS, PROMPT)
    cards = answered(answer)
    for number, draft in cards:
        fields = dict(draft.fields)
        passage = PASSAGES[number]
        assert (fields["Front"], fields["Back"]) == (passage["front"], passage["back"])
        assert draft.quote in passage["exact"]
    found = {
        "cards": [number for number, _ in cards],
        "none": [one.reason for one in answer.drafted if not one.drafts],
        "named": [unused.what for unused in answer.unused],
    }
    if os.environ.get("ANKIFORGE_GOLDEN"):
        known = json.loads(FOUND.read_text("utf-8")) if FOUND.exists() else {}
        rows = [
            f" {json.dumps(name)}: {json.dumps(row, ensure_ascii=False)}"
            for name, row in sorted({**known, kind: found}.items())
        ]
        FOUND.write_text("{\n" + ",\n".join(rows) + "\n}\n", "utf-8")
    assert found == json.loads(FOUND.read_text("utf-8"))[kind]


def test_the_bulk_of_five_megabytes_is_read():
    from tests.limits import no_hang

    text = (HERE / "json-in-prose.md").read_text("utf-8")
    with no_hang():
        for huge in (text * 1_500, "x {y} lorem\n" * 400_000 + text):
            assert len(answered(read_answer(huge, TASKS, PROMPT))) == len(PASSAGES)
