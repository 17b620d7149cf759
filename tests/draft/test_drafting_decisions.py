"""Decisions of drafting, a row for each case: unreadable replies, lists to omit, sentences to complete."""

import pytest

from ankiforge.draft.choose_passages import partition_paragraphs
from ankiforge.draft.client import Completion, ItemReply
from ankiforge.draft.llm import describe_unreadable_reply
from ankiforge.draft.propose.excerpts import get_complete_sentence
from ankiforge.model import Document, DocumentKey, DocumentText, Paragraph
from tests.check.cards import passage

CONTEXT = "or the context window is full: load the model with a larger one"
UNREADABLE = "the model's answer could not be read"


@pytest.mark.parametrize(
    ("completion", "description", "remedy"),
    [
        (Completion("So be it"), f"{UNREADABLE}: 'So be it'", "try another model"),
        (Completion(has_only_reasoning=True), f"{UNREADABLE}: it has reasoning only", "turn the model's thinking off, or try another model"),
        (Completion(" \n"), "the model answered nothing", f"try another model; {CONTEXT}"),
        (Completion("{", finish_reason="length"), "the model's answer was cut off before its first card",
         f"raise max_completion_tokens in llm.extra_body, or turn the model's thinking off; {CONTEXT}"),
    ],
)  # fmt: skip
def test_why_a_reply_gives_no_card(completion, description, remedy):
    fault = describe_unreadable_reply(ItemReply(completion, "key"))
    assert (fault.description, fault.remedy) == (description, remedy)


ENTRY = "Smith, J. (2001). Memory. https://a.example"
FACT = "Memory is the faculty by which it is stored and"


@pytest.mark.parametrize(
    ("texts", "sent"),
    [
        (["References", ENTRY, ENTRY], []),
        # a list is the beginning with the greatest surplus of entries
        (["References", ENTRY, FACT], [FACT]),
        (["References", ENTRY, ENTRY, FACT, ENTRY], [FACT, ENTRY]),
        (["References", FACT, ENTRY], ["References", FACT, ENTRY]),
        (["References", ENTRY[:40], FACT[:40], ENTRY[:40], FACT], [FACT[:40], ENTRY[:40], FACT]),
        (["Memory", ENTRY], ["Memory", ENTRY]),
        ([FACT, "1.2 Memory ........ 7"], [FACT]),
    ],
)  # fmt: skip
def test_a_list_of_references_is_not_sent(texts, sent):
    page = "\n".join(texts)
    paragraphs = []
    start = 0
    for text in texts:
        paragraphs.append(Paragraph(0, start, start + len(text)))
        start += len(text) + 1
    document = Document(DocumentKey("d"), "s", "d")
    whole_text = DocumentText(document, (page,), tuple(paragraphs))
    kept, _ = partition_paragraphs(whole_text)
    assert [whole_text.get_paragraph_text(paragraph) for paragraph in kept] == sent


LONG = "when the night begins, at ten or"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "the brain sleeps"),
        ({"sentence": " All of the brain sleeps. "}, "All of the brain sleeps."),
        ({"surrounding_text": "No. All of the brain sleeps. So be it."}, "All of the brain sleeps."),
        ({"prefix": "No. All of ", "suffix": " deeply. So"}, "All of the brain sleeps deeply."),
        # 32 characters were perhaps cut off within a sentence
        ({"prefix": f"{LONG[:31]} "}, "the brain sleeps"),
        ({"prefix": f"{LONG[:30]} "}, f"{LONG[:30]} the brain sleeps"),
        ({"suffix": f" {LONG[:31]}"}, "the brain sleeps"),
        ({"suffix": f" {LONG[:30]}"}, f"the brain sleeps {LONG[:29]}"),
    ],
)  # fmt: skip
def test_the_sentence_around_a_highlight(changes, sentence):
    assert get_complete_sentence(passage("the brain sleeps", **changes)) == sentence
