"""Which highlight a card of a chat is about, and what is said of each card that fits none."""

import json

import pytest

from ankiforge.draft.chat import NOT_ASKED_HINT, make_label, parse_chat_reply
from ankiforge.draft.privacy import PrivacyFilter
from ankiforge.draft.prompt import load_prompt_file
from ankiforge.draft.reply_checks import (
    explain_unusable_reply,
)
from ankiforge.model import (
    CardKind,
    Document,
    DocumentKey,
    DraftingInstructions,
    DraftingTask,
    Highlight,
    HighlightKey,
    HighlightKind,
    PrivateText,
    Problem,
)

DOCUMENT = Document(DocumentKey("d"), "papers", "d")
PROMPT = load_prompt_file("cards")
NO_JSON = "tell the chat “Give me the same cards as JSON, as I asked, in one code block”"
SLEEP = "Slow-wave sleep fills the first third of the night. It releases growth hormone."
NETS = "Convolutional networks share weights. Recurrent networks keep a hidden state."
AROUND = "Moulds grow slowly on sourdough because it is acid."


def mark(name: str, exact: str, **fields: object) -> Highlight:
    key = HighlightKey(f"d/{name}")
    return Highlight(DOCUMENT, "d", HighlightKind.HIGHLIGHT, exact, key=key, **fields)  # type: ignore[arg-type]


MARKS = (
    mark("sleep", SLEEP),
    mark("nets", NETS, surrounding_text=f"{NETS} {AROUND}"),
    mark("short", "it"),
)


def parse(
    *cards: dict[str, str],
    find_faults=lambda draft, highlight: (),
    answered: tuple[Highlight, ...] = (),
    **fields: object,
):
    task = PrivacyFilter(()).make_sendable_task(DraftingTask(DOCUMENT, MARKS, **fields))  # type: ignore[arg-type]
    text = json.dumps({"cards": cards})
    return parse_chat_reply(text, [task], PROMPT, find_faults, answered)


def make(quote: str = "", name: str = "", **fields: str) -> dict[str, str]:
    card = {"front": "What is it?", "back": "A", "quote": quote, **fields}
    return {**card, "h": make_label(f"d/{name}")} if name else card


NONE_HAS = "“What is it?”: no highlight that still needs a card has "
OTHER_LABEL = make_label("d/other")


@pytest.mark.parametrize(
    ("card", "name", "problems"),
    [
        # the highlight that is named, if it is quoted, or if nothing is
        (make("releases growth hormone", "sleep"), "sleep", []),
        (make("", "sleep"), "sleep", []),
        (make("…", "sleep"), "sleep", []),
        (make(f"So: {SLEEP}", "sleep"), "sleep", []),
        # the one that is quoted, and that is told
        (make("share weights. Recurrent", "sleep"), "nets", [
            Problem("", f"1 card assigned to the passage quoted, not to the passage named: “What is it?” for “{NETS[:59]}…”", is_notice=True)
        ]),
        (make("share weights. Recurrent"), "nets", []),
        (make("share weights.", h="ffffffff"), "nets", []),
        # the text around the highlight that is named
        (make("it is acid", "nets"), "nets", []),
        (make("slowly on sourdough because it", "nets"), "nets", []),
        # eleven letters are too few to tell by, twelve are enough
        (make("hidden state"), "", [Problem("", f"{NONE_HAS}its quote “hidden state”", NOT_ASKED_HINT)]),
        (make("a hidden state"), "nets", []),
        # none
        (make("hidden state", "sleep"), "", [Problem("", f"“What is it?”: “{SLEEP[:59]}…” does not say “hidden state”")]),
        (make("sleep fills the last third", "sleep"), "", [Problem("", f"“What is it?”: “{SLEEP[:59]}…” does not say “last third” after “sleep fills the”")]),
        (make("Cells divide every day."), "", [Problem("", f"{NONE_HAS}its quote “Cells divide every day.”", NOT_ASKED_HINT)]),
        (make("Cells divide every day.", "other"), "", [Problem("", f"{NONE_HAS}its label '{OTHER_LABEL}' or its quote “Cells divide every day.”", NOT_ASKED_HINT)]),
        (make("", "other"), "", [Problem("", f"{NONE_HAS}its label '{OTHER_LABEL}'", NOT_ASKED_HINT)]),
        (make(), "", [Problem("", "“What is it?”: it has neither a label nor a quote", "ask the chat for the JSON only, with h and quote of each card")]),
        # declined
        ({"h": make_label("d/nets"), "kind": "none", "why_none": "an aside"}, "nets", []),
        ({"h": OTHER_LABEL, "kind": "none", "why_none": "an aside"}, "", [Problem("", f"“an aside”: no highlight that still needs a card has its label '{OTHER_LABEL}'", NOT_ASKED_HINT)]),
        ({"kind": "none", "why_none": "an aside", "quote": SLEEP}, "", [Problem("", "“an aside”: it has neither a label nor a quote", "ask the chat for the JSON only, with h and quote of each card")]),
    ],
)  # fmt: skip
def test_the_highlight_of_a_card(card, name, problems):
    reply = parse(card)
    assert [result.highlight.key for result in reply.results] == (
        [f"d/{name}"] if name else []
    )
    assert reply.problems == tuple(problems)


def test_what_is_told_of_a_refused_card_has_no_private_words_of_its_sentence():
    """The user may paste it into the chat."""
    sentence = f"{SLEEP} Anna took lithium for it."
    marked = mark("sleep", SLEEP, sentence=sentence[-60:])
    privacy = PrivacyFilter([PrivateText("lithium", DOCUMENT.key)])
    task = privacy.make_sendable_task(DraftingTask(DOCUMENT, (marked,)))
    text = json.dumps({"cards": [make("", "sleep")]})

    def find_faults(draft: object, highlight: Highlight) -> tuple[str, ...]:
        return (f"not in “{highlight.sentence}”",)

    [problem] = parse_chat_reply(text, [task], PROMPT, find_faults).problems
    assert "lithium" not in problem.message
    assert problem.message.count("Anna took […] for it") == 2


def test_what_was_imported_before_is_told_last():
    reply = parse(make("", "other"), make(), {"h": "1", "kind": "basic"})
    assert [problem.hint == NOT_ASKED_HINT for problem in reply.problems] == [False, False, True]  # fmt: skip
    assert (
        reply.problems[1].message
        == 'no card can be made from {"h": "1", "kind": "basic"}'
    )


def test_a_highlight_that_may_get_no_kind_of_card_is_asked_about_again():
    no_kind = DraftingInstructions(kinds=(CardKind.CLOZE,), requested_kind="question")
    [result] = parse(make("", "sleep"), instructions=no_kind).results
    assert (result.drafts, result.should_retry) == ((), True)
    assert result.reason == "its colour asks for a question, its deck for clozes"


@pytest.mark.parametrize(
    ("text", "is_refused", "says"),
    [
        (" \n", False, "nothing was pasted: copy the whole answer of the chat"),
        ('{"cards": [{"h": "0a1b', False, "it ends in the middle of its first card: copy the whole answer of the chat"),
        ('{"h": "1", "front": "Q", "back": "A"} {"h": "2', False, "no card in it is about these highlights: it answers another text, or was imported before; if not, ask again in a new chat"),
        ('{"h": "1", "front": "Q", "back": "A"}', True, "no card in it can be used: ask the chat for others"),
        ('{"h": "1", "front": "Q"}', True, "its cards lack a question or an answer: ask the chat for the JSON only"),
        ("I see.", True, f"it contains no card as JSON: {NO_JSON}"),
    ],
)  # fmt: skip
def test_why_a_reply_cannot_be_used(text, is_refused, says):
    assert explain_unusable_reply(text, is_refused=is_refused) == says


@pytest.mark.parametrize(
    ("cards", "message", "count"),
    [
        ("I see.", "it contains no card as JSON", 1),
        ('{"h": "1", "front": "Q", "back": "A"} {"h": "2', "the answer ends in the middle of a card: ask the chat for that card and the rest again, each whole", 2),
        ('{"h": "2', "the answer ends in the middle of a card: ask the chat for that card and the rest again, each whole", 1),
        ('{"h": "", "kind": "cloze|basic|none", "front": ""} {"h": "2', "the answer ends in the middle of a card: ask the chat for that card and the rest again, each whole", 1),
    ],
)  # fmt: skip
def test_what_is_missing_in_a_reply_is_told(cards, message, count):
    messages = [problem.message for problem in parse_chat_reply(cards, [], PROMPT).problems]  # fmt: skip
    assert message in messages
    assert len(messages) == count
