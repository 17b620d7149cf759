"""Answers as chats give them: each sound card comes in, each other is named.

`chats/KIND.md` is a pasted answer about `chats/passages.json`, and `chats/found.json` says what
came of it. To write that anew: `ANKIFORGE_GOLDEN=1 python -m pytest tests/draft/test_chats.py`.
"""

import json
import os

import pytest

from ankiforge.draft.chat import label_for, read_answer
from ankiforge.draft.prompt import load
from ankiforge.draft.sendable import Privacy
from ankiforge.model import (
    Document,
    DocumentKey,
    Highlight,
    HighlightKey,
    HighlightKind,
    Task,
)
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


@pytest.mark.parametrize(
    ("exact", "back", "taken"),
    [
        ("Sleep is light.", "light [1]", "light"),
        ("Sleep is light.", "light[1][3].", "light."),
        ("Sleep is light [1].", "light [1]", "light [1]"),  # the passage has it, too
        ("Sleep is light.", "light :contentReference[oaicite:0]{index=0}", "light"),
        ("Sleep is light.", "light【4†source】", "light"),
        ("Sleep is light.", "light citeturn0search2", "light"),
        ("Sleep is x[12].", "x[12]", "x[12]"),
    ],
)
def test_the_marks_of_a_chat_window_are_on_no_card(exact, back, taken):
    document = Document(DocumentKey("d"), "papers", "d")
    key = HighlightKey("d/sleep")
    highlight = Highlight(document, "d", HighlightKind.HIGHLIGHT, exact, key=key)
    task = Privacy(()).task(Task(document, (highlight,)))
    card = {"h": label_for(key), "quote": exact, "front": "What is it?", "back": back}
    said = json.dumps({"cards": [card]}, ensure_ascii=False)
    answer = read_answer(said, [task], PROMPT)
    [draft] = [draft for drafted in answer.drafted for draft in drafted.drafts]
    assert dict(draft.fields)["Back"] == taken


def test_the_bulk_of_five_megabytes_is_read():
    from tests.limits import no_hang

    text = (HERE / "json-in-prose.md").read_text("utf-8")
    with no_hang():
        for huge in (text * 1_500, "x {y} lorem\n" * 400_000 + text):
            assert len(answered(read_answer(huge, TASKS, PROMPT))) == len(PASSAGES)


SLEEP = "Slow-wave sleep fills the first third of the night. It releases growth hormone."
NETS = "Convolutional networks share weights. Recurrent networks keep a hidden state of two layers."


@pytest.mark.parametrize(
    ("named", "quote", "back", "at", "told"),
    [
        ("sleep", "It releases growth hormone.", "growth hormone", "sleep", ""),
        # the label is wrong: where its quote is, and that is told
        ("nets", "It releases growth hormone.", "growth hormone", "sleep", "taken for"),
        # the quote is wrong: the answer is where the label says
        (
            "nets",
            "It releases growth hormone.",
            "a hidden state",
            "",
            "does not have its",
        ),
        # without a quote, an answer is no part of a word
        ("sleep", "", "growth hormone", "sleep", ""),
        ("", "", "work", "", "no highlight"),
        ("", "", "two", "nets", ""),
    ],
)
def test_a_card_is_of_the_passage_that_it_quotes(named, quote, back, at, told):
    document = Document(DocumentKey("d"), "papers", "d")
    highlights = [
        Highlight(
            document, "d", HighlightKind.HIGHLIGHT, exact, key=HighlightKey(f"d/{name}")
        )
        for name, exact in (("sleep", SLEEP), ("nets", NETS))
    ]
    card = {"quote": quote, "front": "What about networks and layers?", "back": back}
    if named:
        card["h"] = label_for(f"d/{named}")
    task = Privacy(()).task(Task(document, tuple(highlights)))
    answer = read_answer(json.dumps({"cards": [card]}), [task], PROMPT)
    drafts = [draft for drafted in answer.drafted for draft in drafted.drafts]
    assert [draft.key for draft in drafts] == ([f"d/{at}"] if at else [])
    assert [told in problem.what for problem in answer.unused] == ([True] if told else [])
    assert all(back in draft.quote for draft in drafts)


BEFORE = "Sourdough is acid."
AFTER = "Yeast likes it, though."
TERM = "Moulds never grow slowly on it."


@pytest.mark.parametrize(
    ("mark", "quote", "fault"),
    [
        ("So moulds grow slowly on it.", BEFORE, ""),
        ("This keeps moulds away.", f"“{BEFORE}”", ""),
        ("C’est pourquoi les moisissures s'y développent mal.", BEFORE, ""),
        ("Da wächst kein Schimmel.", BEFORE, ""),
        ("Moulds grow slowly on it.", f"{BEFORE} Moulds grow", ""),
        ("Moulds grow slowly on it.", BEFORE, "stands beside “Moulds"),
        ("So moulds grow slowly on it.", "Sourdough is", "stands beside “So"),
        ("So moulds grow slowly on it.", AFTER, "stands beside “So"),
        ("Some moulds grow on it.", BEFORE, "stands beside “Some"),
        ("So moulds grow slowly on it.", "Sourdough is sweet.", "does not have its quote"),
        # a term is shown as a phrase of its sentence
        ("Moulds", "never grow slowly on it", ""),
        ("Moulds", BEFORE, "stands beside “Moulds"),
    ],
)  # fmt: skip
def test_a_quote_reaches_into_the_mark_or_is_the_sentence_that_the_mark_needs(
    mark, quote, fault
):
    passage = Highlight(
        document=Document(DocumentKey("d"), "papers", "Bread"),
        namespace="pdf:d",
        kind=HighlightKind.HIGHLIGHT,
        exact=mark,
        key=HighlightKey("pdf:d/1"),
        nearby=f"{BEFORE} {TERM if mark in TERM else mark} {AFTER}",
        sentence=TERM if mark in TERM else "",
    )
    card = {"h": label_for(passage.key), "kind": "basic", "front": "Why do moulds grow slowly on sourdough?",
            "back": "It is acid.", "text": "", "quote": quote, "why_none": ""}  # fmt: skip
    task = Privacy(()).task(Task(passage.document, (passage,)))
    answer = read_answer(json.dumps({"cards": [card]}), [task], PROMPT)
    named = "; ".join(unused.what for unused in answer.unused)
    assert fault in named
    drafts = [draft for drafted in answer.drafted for draft in drafted.drafts]
    assert len(drafts) == (0 if fault else 1), named
