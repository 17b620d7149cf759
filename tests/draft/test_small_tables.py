"""Tables of small decisions: comments, prompts by model, prices, what is drafted first."""

import json

import pytest
from msgspec.structs import replace

from ankiforge.draft.client import Completion
from ankiforge.draft.instructions import (
    UNANSWERED_NOTE_REASON,
    ClozeRequest,
    QuestionRequest,
    SkipRequest,
    find_drafting_skip_reason,
    find_user_skip_reason,
    parse_instruction,
    remove_comment_from_context,
)
from ankiforge.draft.llm import Estimate
from ankiforge.draft.privacy import PrivacyFilter
from ankiforge.draft.prompt import (
    ReplyShape,
    build_reply_schema,
)
from ankiforge.draft.propose.excerpts import get_complete_sentence
from ankiforge.draft.reply_cards import parse_all_cards
from ankiforge.draft.reply_checks import explain_unusable_reply
from ankiforge.draft.server import (
    describe_question_quality,
    is_small_model,
)
from ankiforge.model import (
    Document,
    DocumentKey,
    DraftingResult,
    DraftingStatus,
    Highlight,
    HighlightKey,
    HighlightKind,
)
from ankiforge.pipeline.run_result import summarize_drafted_cards

HERE, ELSEWHERE = "http://127.0.0.1:11434/v1", "https://llm.example/v1"


@pytest.mark.parametrize(
    ("comment", "instruction"),
    [
        ("skip", SkipRequest()),
        ("Skip.", SkipRequest()),
        ("skip: known", SkipRequest("known")),
        ("skip connections matter", None),
        ("? What is REM?", QuestionRequest("What is REM?")),
        ("?", None),
        ("q: What is REM", QuestionRequest("What is REM")),
        ("What happens in REM?", QuestionRequest("What happens in REM?")),
        ("why?", None),
        ("¿por qué?", None),
        ("quelle cause ?", None),
        ("レム睡眠とは何か？", QuestionRequest("レム睡眠とは何か？")),
        ("c: four stages", ClozeRequest("four stages")),
        ("c:", ClozeRequest()),
        ("cf. Walker", None),
        ("#no-llm skip", SkipRequest()),
        (
            "? What is\nREM\n↳ Bo: Sleep.\n↳ Is it?",
            QuestionRequest("What is REM"),
        ),
        ("skip\n↳ Bo: Why?", SkipRequest()),
        ("↳ Bo: Is it one phase or two?", None),
        ("What is REM — a dream?", QuestionRequest("What is REM — a dream?")),
        ("", None),
    ],
)
def test_a_comment_is_understood(comment, instruction):
    assert parse_instruction(comment) == instruction


PLAIN = Highlight(
    Document(DocumentKey("d"), "v", "d"),
    "v",
    HighlightKind.HIGHLIGHT,
    "pumps blood",
)
LEFT_OUT, NO_CARD = DraftingStatus.LEFT_OUT, DraftingStatus.NO_CARD
DRAWING = "a drawing: write its question as the comment: `? …`"
NO_PICTURE = "it has no picture: its place on the page is empty, or cannot be drawn"
NOTE, INK, IMAGE = (
    {"kind": kind, "exact": ""}
    for kind in (HighlightKind.NOTE, HighlightKind.INK, HighlightKind.IMAGE)
)


@pytest.mark.parametrize(
    ("of", "reason"),
    [
        ({}, None),
        ({"skip_reason": "a title"}, (LEFT_OUT, "a title")),
        ({"skip_reason": "a title", "comment": "skip"}, (LEFT_OUT, "a title")),
        ({"skip_reason": "a title", "exact": ""}, (LEFT_OUT, "a title")),
        ({"comment": "skip"}, (LEFT_OUT, "your comment says so")),
        ({"comment": "skip: known"}, (LEFT_OUT, "known")),
        ({"exact": ""}, (NO_CARD, "no text under the mark")),
        (NOTE | {"comment": "good"}, (NO_CARD, "a comment without marked text")),
        (NOTE, (NO_CARD, "an empty comment without marked text")),
        (NOTE | {"comment": "? What is iron"}, (NO_CARD, UNANSWERED_NOTE_REASON)),
        (NOTE | {"comment": "? What is iron\nA: a metal"}, None),
        (NOTE | {"comment": "good", "markdown": "words"}, (NO_CARD, "no text under the mark")),
        (INK, (NO_CARD, DRAWING)),
        (INK | {"comment": "? What is it"}, (NO_CARD, NO_PICTURE)),
        (INK | {"comment": "? What is it", "markdown": "![](a)"}, None),
        (IMAGE, (NO_CARD, NO_PICTURE)),
        (IMAGE | {"markdown": "![](a)"}, None),
    ],
)  # fmt: skip
def test_why_no_drafter_drafts_a_highlight(of, reason):
    found = find_drafting_skip_reason(replace(PLAIN, **of))
    assert (found and (found.status, found.text)) == reason
    assert find_user_skip_reason(replace(PLAIN, **of)) == (
        reason[1] if reason and reason[0] is LEFT_OUT else None
    )


FAR = "word " * 40


@pytest.mark.parametrize(
    ("around", "sentence"),
    [
        ({}, "pumps blood"),
        ({"sentence": " It pumps blood. "}, "It pumps blood."),
        ({"surrounding_text": "Air is thin. The heart pumps blood all day. It beats."}, "The heart pumps blood all day."),
        ({"surrounding_text": "other words", "prefix": "The heart "}, "The heart pumps blood"),
        ({"prefix": "The heart ", "suffix": " all day. More."}, "The heart pumps blood all day."),
        # what may be cut off in the middle of a sentence is left out
        ({"prefix": f"{FAR}heart ", "suffix": " all day."}, "pumps blood all day."),
        ({"prefix": f"{FAR}. The heart "}, "The heart pumps blood"),
        ({"prefix": "The heart ", "suffix": f" all day {FAR}"}, "The heart pumps blood"),
        ({"prefix": "The heart ", "suffix": f" all day. Some {FAR}"}, "The heart pumps blood all day."),
    ],
)  # fmt: skip
def test_the_sentence_of_a_mark_is_as_whole_as_its_source_gives_it(around, sentence):
    assert get_complete_sentence(replace(PLAIN, **around)) == sentence


@pytest.mark.parametrize(
    ("model", "here", "elsewhere"),
    [
        ("qwen3:8b", True, True),
        ("gemma3n:e4b", True, True),
        ("llama-3.2-1B-Instruct", True, True),
        ("smollm:135m", True, True),
        ("qwen3:32b", False, False),
        ("mixtral-8x7b", False, False),
        ("openai/gpt-oss-120b", False, False),
        ("gpt-5-mini", False, False),
        ("phi4", True, False),
        ("my-128k-model", True, False),
    ],
)
def test_small_models_are_known_by_their_names(model, here, elsewhere):
    assert (is_small_model(HERE, model), is_small_model(ELSEWHERE, model)) == (
        here,
        elsewhere,
    )


@pytest.mark.parametrize(
    ("model", "known"),
    [
        ("qwen2.5-coder-1.5b-q4.gguf", "too small"),
        ("smollm:135m", "too small"),
        ("gemma3n:e4b", "too small"),
        ("mistral:7b", "not measured"),
        ("qwen3:8b", "not measured"),
        ("phi4", "not measured"),
        ("qwen3:32b", "4 in 5"),
    ],
)
def test_what_is_known_of_the_questions_of_a_model(model, known):
    assert known in describe_question_quality(HERE, model)


@pytest.mark.parametrize(
    ("usd", "local", "cost"),
    [
        (None, False, "price unknown; set llm.price_usd"),
        (0.0, True, "free (local)"),
        (0.25, False, "about $0.25, without reasoning and second tries"),
    ],
)
def test_an_estimate_says_what_it_costs(usd, local, cost):
    estimate = Estimate(3, 2, 1, 900, 400, 80, usd, local)
    assert estimate.summary.endswith(f"80 out; cost: {cost}")


@pytest.mark.parametrize(
    ("thought", "finish", "content"),
    [
        ('{"cards": []}', "stop", '{"cards": []}'),
        ('{"cards": []}', "length", ""),  # it was still thinking
        ("Which cards?", "stop", ""),
    ],
)
def test_reasoning_that_is_the_answer_is_taken_for_it(thought, finish, content):
    message = {"content": "", "reasoning_content": thought}
    choice = {"message": message, "finish_reason": finish}
    reply = Completion.parse(json.dumps({"choices": [choice]}))
    assert reply is not None
    assert (reply.content, reply.has_only_reasoning) == (content, not content)


# --- what is beside a mark -----------------------------------------------------------------

DOCUMENT = Document(DocumentKey("doc"), "Cells", "vault")
CLAUSE = "the mitochondrion makes most of the energy of a cell"


def marked(exact, comment="", **fields):
    return Highlight(
        DOCUMENT, "pdf:p", HighlightKind.HIGHLIGHT, exact, comment=comment, **fields
    )


def test_a_comment_that_stands_beside_its_quote_is_no_evidence():
    quote = marked(
        CLAUSE, "found by  Altmann in 1890", suffix=". found by Altmann in 18",
        surrounding_text=f"{CLAUSE}.\nfound by Altmann in 1890\nIt has two membranes.",
    )  # fmt: skip
    bare = remove_comment_from_context(quote)
    assert "Altmann" not in bare.suffix + bare.surrounding_text
    assert "two membranes" in bare.surrounding_text


@pytest.mark.parametrize(
    ("comments", "is_private"),
    [
        (("", "#no-llm"), True),
        (("#no-llm", ""), True),
        (("", ""), False),
        ((), False),  # it was never read on this computer
    ],
)
def test_a_passage_is_private_if_one_of_its_places_is(comments, is_private):
    places = [marked(CLAUSE, comment) for comment in comments]
    privacy = PrivacyFilter((), lambda key: places)
    assert privacy.is_private_passage(HighlightKey("pdf:p/1")) is is_private


NONE_MADE = DraftingResult(marked(CLAUSE), is_declined=True)


@pytest.mark.parametrize(
    ("drafted", "asked", "said"),
    [
        ((NONE_MADE,), 1, "0 of 1 got a question; 1 not worth one"),
        (
            (NONE_MADE,),
            3,
            "0 of 3 got a question; 1 not worth one; 2 still without a question",
        ),
    ],
)
def test_what_an_answer_of_a_chat_gave(drafted, asked, said):
    summary = summarize_drafted_cards(
        drafted, asked=asked, unanswered=asked - len(drafted), unused=0
    )
    assert summary == said


@pytest.mark.parametrize(
    ("quote", "kept"),
    [
        ("b", ""),
        ("of", ""),
        ("“t”", ""),
        ("RNA", "RNA"),
        ("盐", "盐"),
        ("1.5", "1.5"),
        ("the rest", "the rest"),
    ],
)
def test_a_quote_that_every_passage_has_is_none(quote, kept):
    card = {"h": "1", "kind": "basic", "front": "a?", "back": "b", "quote": quote}
    [item] = parse_all_cards(json.dumps({"cards": [card]}))[0]
    assert item.quote == kept


def test_a_card_has_all_parts_of_the_schema_and_no_others():
    reply = build_reply_schema(ReplyShape())
    card = reply["properties"]["cards"]["items"]
    for schema in (reply, card):
        assert schema["required"] == [*schema["properties"]]
        assert schema["additionalProperties"] is False


CARD = '{"h": "0a1b2c3d", "front": "What?", "back": "That."}'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("  \n", "nothing was pasted: copy"),
        ('<highlight h="0a1b2c3d">', "this is the text for the chat, not its answer"),
        ('{"cards": [{"h": "0a1b', "it ends in the middle of its first card"),
        (f'{{"cards": [{CARD}]}}', "no card in it is about these highlights"),
        ('{"cards": [{"h": "0a1b2c3d", "front": ""}]}', "its cards lack a question"),
        ("Here are they.", "it contains no card as JSON"),
    ],
)
def test_why_a_text_is_no_answer_is_told(text, says):
    assert explain_unusable_reply(text).startswith(says)
