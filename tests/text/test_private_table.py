"""What keeps a whole document on this machine: one row for each place of the tag."""

import pytest

from ankiforge.model import Document, DocumentKey
from ankiforge.text.private import (
    PRIVATE_DOCUMENT_REASON,
    get_document_privacy_reason,
    is_name,
)


@pytest.mark.parametrize(
    ("about", "why"),
    [
        ({}, ""),
        ({"title": "Diary #no-llm"}, PRIVATE_DOCUMENT_REASON),
        ({"path": "#no-llm/Diary.md"}, PRIVATE_DOCUMENT_REASON),
        ({"tags": ("no-llm",)}, PRIVATE_DOCUMENT_REASON),
        ({"tags": ("#No-LLM/health",)}, PRIVATE_DOCUMENT_REASON),
        ({"tags": ("no-llms",)}, ""),
        ({"tags": ("no_llm",)}, PRIVATE_DOCUMENT_REASON),
        ({"tags": ("NoLLM",)}, PRIVATE_DOCUMENT_REASON),
        ({"tags": ("[[no-llm]]",)}, PRIVATE_DOCUMENT_REASON),
        ({"tags": ("no llm",)}, ""),
        ({"title": "Diary [[no-llm]]"}, PRIVATE_DOCUMENT_REASON),
        ({"collections": ("Reviews", "Health")}, ""),
        ({"collections": ("#no-llm",)}, PRIVATE_DOCUMENT_REASON),
        ({"collections": ("Reviews", "#no-llm/Health")}, PRIVATE_DOCUMENT_REASON),
        ({"collections": ("no-llm",)}, ""),
        ({"identifiers": (("file", "paper #no-llm.pdf"),)}, PRIVATE_DOCUMENT_REASON),
        ({"identifiers": (("doi", "10.1/#no-llm"),)}, ""),
        (
            {"privacy_reason": "its front matter cannot be read"},
            "its front matter cannot be read",
        ),
    ],
)
def test_the_tag_counts_in_the_names_that_a_reader_gave(about, why):
    document = Document(DocumentKey("k"), source="s", **{"title": "Diary", **about})
    assert get_document_privacy_reason(document) == why


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("", True),
        ("The theory of evolution", True),
        ("The theory of evolution #no-llm", True),
        ("What is the theory of evolution?", True),
        ("1. The theory of Dr. Darwin", True),
        ("My HIV test is positive.", False),
        ("My HIV test is positive. #no-llm", False),
        ("“My HIV test is positive!”", False),
        ("My test is positive (of HIV.)", False),
        ("I am ill. So is Anna", False),
        ("Am I ill? So is Anna", False),
        ("我的艾滋病检查呈阳性。", False),
        ("我的艾滋病检查呈阳性", True),
        ("मैं बीमार हूँ।", False),
    ],
)
def test_what_has_a_full_stop_is_no_name(text, name):
    assert is_name(text) is name
