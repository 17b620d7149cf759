"""What keeps a whole document on this machine: one row for each place of the tag."""

import pytest

from ankiforge.model import Document, DocumentKey
from ankiforge.text.private import IN_ITS_NOTE, why_document


@pytest.mark.parametrize(
    ("about", "why"),
    [
        ({}, ""),
        ({"title": "Diary #no-llm"}, IN_ITS_NOTE),
        ({"path": "#no-llm/Diary.md"}, IN_ITS_NOTE),
        ({"tags": ("no-llm",)}, IN_ITS_NOTE),
        ({"tags": ("#No-LLM/health",)}, IN_ITS_NOTE),
        ({"tags": ("no-llms",)}, ""),
        ({"tags": ("no_llm",)}, IN_ITS_NOTE),
        ({"tags": ("NoLLM",)}, IN_ITS_NOTE),
        ({"tags": ("[[no-llm]]",)}, IN_ITS_NOTE),
        ({"tags": ("no llm",)}, ""),
        ({"title": "Diary [[no-llm]]"}, IN_ITS_NOTE),
        ({"collections": ("Reviews", "Health")}, ""),
        ({"collections": ("#no-llm",)}, IN_ITS_NOTE),
        ({"collections": ("Reviews", "#no-llm/Health")}, IN_ITS_NOTE),
        ({"collections": ("no-llm",)}, ""),
        ({"identifiers": (("file", "paper #no-llm.pdf"),)}, IN_ITS_NOTE),
        ({"identifiers": (("doi", "10.1/#no-llm"),)}, ""),
        (
            {"private": "its front matter cannot be read"},
            "its front matter cannot be read",
        ),
    ],
)
def test_the_tag_counts_in_the_names_that_a_reader_gave(about, why):
    document = Document(DocumentKey("k"), source="s", **{"title": "Diary", **about})
    assert why_document(document) == why
