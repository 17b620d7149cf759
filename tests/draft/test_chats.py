"""Answers as chats give them: each sound card comes in, each other is named.

`chats/KIND.md` is a pasted answer about `chats/passages.json`, and `chats/found.json` says what
came of it. To write that anew: `ANKIFORGE_GOLDEN=1 python -m pytest tests/draft/test_chats.py`.
"""

import json
import os

import pytest

from ankiforge.draft.chat import make_label, parse_chat_reply
from ankiforge.draft.privacy import PrivacyFilter
from ankiforge.draft.prompt import load_prompt_file
from ankiforge.draft.reply_checks import parse_reply
from ankiforge.model import (
    Document,
    DocumentKey,
    DraftingTask,
    Highlight,
    HighlightKey,
    HighlightKind,
)
from ankiforge.text.located import find_quote
from tests.draft.chats import HERE, PASSAGES, TASKS, answered

FOUND = HERE / "found.json"
KINDS = sorted(path.stem for path in HERE.glob("*.md"))
PROMPT = load_prompt_file("cards")


@pytest.mark.parametrize("kind", KINDS)
def test_every_sound_card_of_an_answer_comes_in(kind):
    answer = parse_chat_reply((HERE / f"{kind}.md").read_text("utf-8"), TASKS, PROMPT)
    cards = answered(answer)
    for number, draft in cards:
        fields = dict(draft.fields)
        passage = PASSAGES[number]
        assert (fields["Front"], fields["Back"]) == (passage["front"], passage["back"])
        assert draft.quote in passage["exact"]
    found = {
        "cards": [number for number, _ in cards],
        "none": [one.reason for one in answer.results if not one.drafts],
        "named": [unused.message for unused in answer.problems],
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
        (
            "Sleep is light.",
            "light \ue200filecite\ue202turn0file0\ue202L1-L3\ue201",
            "light",
        ),
        ("Sleep is light.", "light fileciteturn0file0L1-L3", "light"),
        ("Sleep is light.", "light [cite: 1, 2]", "light"),
        ("Sleep is light.", "[cite_start]light", "light"),
        ("Sleep is light.", "light [citation:2][citation:3]", "light"),
        ("Sleep is light.", "light 【sleep.md】", "light"),
        ("Sleep is light 【2】.", "light 【2】", "light 【2】"),
        ("Sleep is light.", "light (Source: sleep.md)", "light"),
        (
            "Sleep is light (source: Hall).",
            "light (source: Hall)",
            "light (source: Hall)",
        ),
        ("Sleep is light.", "light[^1^].", "light."),
        ("Sleep is light.", "light [1](https://example.org/a)", "light"),
        ("Sleep is light.", "light [oai_citation:0‡a.org](https://a.org/)", "light"),
        ("Sleep is light.", "light ([a.org](https://a.org/), [b][2])", "light"),
        ("Sleep is light.", 'light ([a.org](https://a.org/ "A talk"))', "light"),
        ("Sleep is light.", "light. [1]([a.org](https://a.org/?x=%28))", "light."),
        ("Sleep is light.", "light[^1_2][^1_13].", "light."),
        ("Sleep is light.", "light (in [Rome](https://a.org/))", "light (in Rome)"),
        ("Sleep is light.", "light in [0, 1]", "light in [0, 1]"),
        ("Sleep is light.", "light in [1, 2]", "light in [1, 2]"),
        ("Sleep is light.", "light [1, 12-14]", "light"),
        ("Sleep is light.", "light [web:3]", "light"),
        ("Sleep is light.", "f{2} [1]", "f{2} [1]"),
        ("Sleep is light.", "light [page 3]. (p. 4–5)", "light."),
        ("Sleep is light.", "light [Sleep 3.pdf]", "light"),
        ("Sleep is light.", "light [15:0†source]", "light"),
        ("Sleep is light.", "light.^[1]", "light."),
        ("Sleep is light.", "light¹", "light"),
        ("Sleep is light.", "light.<sup>4</sup>", "light."),
        ("Sleep is light.", "light (sleep.md, p. 1)", "light"),
        ("It is 5 metres².", "5 metres<sup>2</sup>", "5 metres²"),
        ("It is 5 m².", "5 m²", "5 m²"),
        ("Sleep is x[12].", "x[12]", "x[12]"),
    ],
)
def test_the_marks_of_a_chat_window_are_on_no_card(exact, back, taken):
    document = Document(DocumentKey("d"), "papers", "d")
    key = HighlightKey("d/sleep")
    highlight = Highlight(document, "d", HighlightKind.HIGHLIGHT, exact, key=key)
    task = PrivacyFilter(()).make_sendable_task(DraftingTask(document, (highlight,)))
    card = {"h": make_label(key), "quote": exact, "front": "What is it?", "back": back}
    said = json.dumps({"cards": [card]}, ensure_ascii=False)
    answer = parse_chat_reply(said, [task], PROMPT)
    [draft] = [draft for drafted in answer.results for draft in drafted.drafts]
    assert dict(draft.fields)["Back"] == taken


def test_a_quote_without_the_footnote_number_of_its_passage_is_found():
    passage = "Self-supervised¹ methods need no labels."
    assert find_quote("Self-supervised methods need no labels.", passage) == (0, 40)
    assert find_quote("supervised¹ methods need", passage) == (5, 29)
    assert find_quote("Self-supervised 2 methods need no labels.", passage) is None


def test_a_mark_behind_a_gap_is_on_no_card():
    card = {"h": "1", "kind": "cloze", "text": "It is {{c1::light}} (a.md, p. 1)."}
    [parsed] = parse_reply(json.dumps(card), ()).cards
    assert parsed.text == "It is {{c1::light}}."


def test_the_bulk_of_a_megabyte_is_read():
    from tests.limits import no_hang

    text = (HERE / "json-in-prose.md").read_text("utf-8")
    with no_hang():
        for huge in (text * 300, "x {y} lorem\n" * 80_000 + text):
            assert len(answered(parse_chat_reply(huge, TASKS, PROMPT))) == len(PASSAGES)


SLEEP = "Slow-wave sleep fills the first third of the night. It releases growth hormone."
NETS = "Convolutional networks share weights. Recurrent networks keep a hidden state of two layers."


@pytest.mark.parametrize(
    ("named", "quote", "back", "at", "told"),
    [
        ("sleep", "It releases growth hormone.", "growth hormone", "sleep", ""),
        # the label is wrong: where its quote is, and that is told
        ("nets", "It releases growth hormone.", "growth hormone", "sleep", "assigned to"),
        # without a quote, the label decides
        ("sleep", "", "growth hormone", "sleep", ""),
        ("", "It releases growth hormone.", "growth hormone", "sleep", ""),
        ("", "", "growth hormone", "", "neither a label nor a quote"),
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
        card["h"] = make_label(f"d/{named}")
    task = PrivacyFilter(()).make_sendable_task(DraftingTask(document, tuple(highlights)))
    answer = parse_chat_reply(json.dumps({"cards": [card]}), [task], PROMPT)
    drafts = [draft for drafted in answer.results for draft in drafted.drafts]
    assert [draft.key for draft in drafts] == ([f"d/{at}"] if at else [])
    assert [told in problem.message for problem in answer.problems] == (
        [True] if told else []
    )
    assert all(back in draft.quote for draft in drafts)


def test_a_short_mark_within_a_quote_takes_no_card_of_the_passage_that_is_named():
    document = Document(DocumentKey("d"), "papers", "d")
    named, short = (
        Highlight(
            document, "d", HighlightKind.HIGHLIGHT, exact, key=HighlightKey(f"d/{exact}"), surrounding_text=SLEEP
        )
        for exact in ("growth hormone", "the night")
    )  # fmt: skip
    card = {"h": make_label(named.key), "front": "What does sleep fill?", "back": "a third",
            "quote": "Slow-wave sleep fills the first third of the night."}  # fmt: skip
    task = PrivacyFilter(()).make_sendable_task(DraftingTask(document, (named, short)))
    [drafted] = [
        result
        for result in parse_chat_reply(
            json.dumps({"cards": [card]}), [task], PROMPT
        ).results
        if result.drafts
    ]
    assert drafted.highlight == named


BEFORE = "Sourdough is acid."


@pytest.mark.parametrize(
    ("quote", "fault"),
    [
        ("Moulds grow slowly on it.", ""),
        (f"“{BEFORE}”", ""),
        ("Sourdough is sweet.", "does not say “"),
    ],
)
def test_a_card_may_quote_what_stands_around_the_mark_that_it_names(quote, fault):
    passage = Highlight(
        document=Document(DocumentKey("d"), "papers", "Bread"),
        namespace="pdf:d",
        kind=HighlightKind.HIGHLIGHT,
        exact="Moulds grow slowly on it.",
        key=HighlightKey("pdf:d/1"),
        surrounding_text=f"{BEFORE} Moulds grow slowly on it.",
    )
    card = {"h": make_label(passage.key), "kind": "basic", "front": "Why do moulds grow slowly on sourdough?",
            "back": "It is acid.", "text": "", "quote": quote, "why_none": ""}  # fmt: skip
    task = PrivacyFilter(()).make_sendable_task(
        DraftingTask(passage.document, (passage,))
    )
    answer = parse_chat_reply(json.dumps({"cards": [card]}), [task], PROMPT)
    named = "; ".join(unused.message for unused in answer.problems)
    assert fault in named
    drafts = [draft for drafted in answer.results for draft in drafted.drafts]
    assert len(drafts) == (0 if fault else 1), named
