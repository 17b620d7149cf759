"""Which highlight a card of a chat is about, and what is said of each card that fits none."""

import json

import pytest

from ankiforge.draft.chat import NOT_ASKED_HINT, make_label, parse_chat_reply
from ankiforge.draft.privacy import PrivacyFilter
from ankiforge.draft.prompt import load_prompt_file
from ankiforge.draft.reply_checks import (
    abbreviate_in_quotes,
    explain_unusable_reply,
    make_pasted_reply_key,
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
    Origin,
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


@pytest.mark.parametrize(
    ("card", "name"),
    [
        # an answered mark in the same sentence as a pending one keeps its card
        (make("Slow-wave sleep fills the first third of the night.", "wave"), ""),
        (make("Slow-wave sleep fills the first third of the night."), ""),
        # another mark is quoted
        (make("share weights. Recurrent", "wave"), "nets"),
        # the pending mark is named
        (make("Slow-wave sleep fills the first third of the night.", "sleep"), "sleep"),
    ],
)
def test_a_card_of_an_answered_highlight_moves_to_no_other(card, name):
    reply = parse(card, answered=(mark("wave", "Slow-wave sleep"),))
    names = [f"d/{name}"] if name else []
    assert [result.highlight.key for result in reply.results] == names
    hints = [problem.hint for problem in reply.problems if not problem.is_notice]
    assert hints == ([] if name else [NOT_ASKED_HINT])


def test_what_was_imported_before_is_told_last():
    reply = parse(make("", "other"), make(), {"h": "1", "kind": "basic"})
    assert [problem.hint == NOT_ASKED_HINT for problem in reply.problems] == [False, False, True]  # fmt: skip
    assert (
        reply.problems[1].message
        == 'no card can be made from {"h": "1", "kind": "basic"}'
    )


def test_three_cards_that_were_moved_are_named():
    cards = [make("share weights. Recurrent", "sleep", front=f"Q{n}?") for n in range(4)]
    [notice, *over] = parse(*cards).problems
    assert notice.message.startswith("4 cards assigned to the passage quoted")
    assert [f"Q{n}?" in notice.message for n in range(4)] == [True, True, True, False]
    assert all(problem.is_notice for problem in over)


def test_a_card_with_a_fault_leaves_its_highlight_without_a_result():
    def find_faults(draft, highlight):
        return ("too long", "no quote") if "bad" in draft.answer else ()

    bad, good = (make("", "sleep", back=back) for back in ("bad", "good"))
    reply = parse(bad, find_faults=find_faults)
    assert reply.results == ()
    words = f"“What is it?” for “{SLEEP[:59]}…”: too long; no quote"
    assert [problem.message for problem in reply.problems] == [words]
    reply = parse(bad, good, find_faults=find_faults)
    assert [draft.answer for result in reply.results for draft in result.drafts] == ["good"]  # fmt: skip


def test_more_cards_than_a_passage_gets_are_named():
    cards = [make("", "sleep", front=f"Q{n}?", back=f"A{n}") for n in (1, 2, 3)]
    reply = parse(*cards, cards[0])
    assert [len(result.drafts) for result in reply.results] == [1]
    words = f"for “{SLEEP[:59]}…”: it has 1 card"
    assert reply.problems == tuple(
        Problem("", f"“Q{n}?” {words}", is_notice=True) for n in (2, 3)
    )


def test_the_drafts_of_a_chat_name_it_and_its_reply():
    card = make("", "sleep")
    text = json.dumps({"cards": [card]})
    [result] = parse(card).results
    key = make_pasted_reply_key(text)
    assert {draft.origin for draft in result.drafts} == {
        Origin("llm", "chat", PROMPT.fingerprint, key)
    }
    assert key.startswith("chat/")
    assert key != make_pasted_reply_key(f"{text} ")


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


@pytest.mark.parametrize(("text", "shown"), [("a\nb", "“a b”"), ("a" * 61, f"“{'a' * 59}…”"), ("", "“”")])  # fmt: skip
def test_a_text_is_quoted_short(text, shown):
    assert abbreviate_in_quotes(text) == shown
