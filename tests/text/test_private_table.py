"""What keeps a whole document on this machine: one row for each place of the tag."""

import pytest

from ankiforge.model import (
    AnkiNote,
    Document,
    DocumentKey,
    Guid,
    Highlight,
    HighlightKind,
)
from ankiforge.text.private import (
    PRIVATE_DOCUMENT_REASON,
    PRIVATE_PASSAGE_REASON,
    contains_private_tag,
    contains_private_tag_name,
    find_private_tag,
    get_document_privacy_reason,
    get_privacy_reason,
    has_private_tag,
    is_name,
    is_only_private_tag,
    is_private_note,
    list_private_phrases,
    list_private_texts,
    makes_document_private,
    remove_private_tag,
)


@pytest.mark.parametrize(
    ("about", "why"),
    [
        ({}, None),
        ({"title": "Diary #no-llm"}, PRIVATE_DOCUMENT_REASON),
        ({"path": "#no-llm/Diary.md"}, PRIVATE_DOCUMENT_REASON),
        ({"tags": ("no-llm",)}, PRIVATE_DOCUMENT_REASON),
        ({"tags": ("#No-LLM/health",)}, PRIVATE_DOCUMENT_REASON),
        ({"tags": ("no-llms",)}, None),
        ({"tags": ("no_llm",)}, PRIVATE_DOCUMENT_REASON),
        ({"tags": ("NoLLM",)}, PRIVATE_DOCUMENT_REASON),
        ({"tags": ("[[no-llm]]",)}, PRIVATE_DOCUMENT_REASON),
        ({"tags": ("no llm",)}, None),
        ({"title": "Diary [[no-llm]]"}, PRIVATE_DOCUMENT_REASON),
        ({"collections": ("Reviews", "Health")}, None),
        ({"collections": ("#no-llm",)}, PRIVATE_DOCUMENT_REASON),
        ({"collections": ("Reviews", "#no-llm/Health")}, PRIVATE_DOCUMENT_REASON),
        ({"collections": ("no-llm",)}, None),
        ({"identifiers": (("file", "paper #no-llm.pdf"),)}, PRIVATE_DOCUMENT_REASON),
        ({"identifiers": (("doi", "10.1/#no-llm"),)}, None),
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
    ("fields", "tags", "is_private"),
    [
        (("What?", "energy"), ("leech", "no-llms", "x::no-llm"), False),
        (("What?", "no-llm"), (), False),
        (("What?", "energy", "mine #no-llm"), (), True),
        (("What?", "<div>[[no_llm]]</div>"), (), True),
        (("What?", "energy"), ("leech", "NoLLM"), True),
        (("What?", "energy"), ("no-llm::diary",), True),
    ],
)
def test_the_tag_of_a_note_in_anki_is_a_tag_or_in_any_field(fields, tags, is_private):
    note = AnkiNote(Guid("g"), 1, 0, fields, tags, "D", None)
    assert is_private_note(note) is is_private


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


@pytest.mark.parametrize(
    ("text", "has_tag", "has_name", "is_tag", "is_only_tag", "rest"),
    [
        ("#no-llm", True, True, True, True, " "),
        ("[[no-llm]]", True, True, True, True, " "),
        ("[[#no-llm|mine]]", True, True, True, True, " "),
        ("#no-llm/diary", True, True, True, True, " /diary"),
        ("#nollm", True, True, True, True, " "),
        ("no-llm", False, True, True, True, "no-llm"),
        ("#no-llm.", True, True, False, True, " ."),
        ("＃NO_LLM x", True, True, False, False, "  x"),
        ("x#no-llm", True, True, False, False, "x "),
        ("# no-llm", False, True, False, False, "# no-llm"),
        ("xno-llm", False, False, False, False, "xno-llm"),
        ("#no-llm-yet", False, False, False, False, "#no-llm-yet"),
        ("#no-llms", False, False, False, False, "#no-llms"),
        ("#no-llm_x", False, False, False, False, "#no-llm_x"),
        ("about llm", False, False, False, False, "about llm"),
        ("", False, False, False, True, ""),
    ],
)
def test_what_is_the_tag_and_what_remains_without_it(
    text, has_tag, has_name, is_tag, is_only_tag, rest
):
    assert contains_private_tag(text) is has_tag
    assert contains_private_tag_name(text) is has_name
    assert has_private_tag(("other", f" {text} ")) is is_tag
    assert is_only_private_tag(text) is is_only_tag
    assert remove_private_tag(text) == rest
    expected = ("no-llm",) if has_tag or is_tag else ()
    assert find_private_tag(["other", text]) == expected


def test_a_link_that_lost_its_brackets_is_the_tag_at_the_end_of_a_line():
    text = "I am ill. no-llm\nso no-llm is\nno-llm"
    assert remove_private_tag(text) == "I am ill. \nso no-llm is\nno-llm"


def highlight(exact: str = "words", **more) -> Highlight:
    document = Document(DocumentKey("k"), source="s", title=more.pop("title", "Diary"))
    return Highlight(document, "n", HighlightKind.HIGHLIGHT, exact, **more)


@pytest.mark.parametrize(
    ("passage", "why"),
    [
        (highlight(), None),
        (highlight("a #no-llm"), PRIVATE_PASSAGE_REASON),
        (highlight(markdown=("a", "b #no-llm")), PRIVATE_PASSAGE_REASON),
        (highlight(comment="[[no-llm]]"), PRIVATE_PASSAGE_REASON),
        (highlight(heading="A › B #no-llm"), PRIVATE_PASSAGE_REASON),
        (highlight(tags=("x", "no-llm")), PRIVATE_PASSAGE_REASON),
        (highlight(parent_items=("a", "b #no-llm")), PRIVATE_PASSAGE_REASON),
        (highlight("a #no-llm", title="B #no-llm"), PRIVATE_PASSAGE_REASON),
        (highlight(title="B #no-llm"), PRIVATE_DOCUMENT_REASON),
        (highlight(surrounding_text="#no-llm", prefix="#no-llm"), None),
        (highlight(tags=("x #no-llm",)), None),
    ],
)
def test_where_the_tag_keeps_a_passage_here(passage, why):
    assert get_privacy_reason(passage) == why


@pytest.mark.parametrize(
    ("passage", "is_whole_document"),
    [
        (highlight("#no-llm"), True),
        (highlight("#no-llm !"), True),
        (highlight("", comment="#no-llm"), True),
        (highlight("a #no-llm"), False),
        (highlight("words", comment="#no-llm"), False),
        (highlight("", comment="a #no-llm"), False),
        (highlight("no-llm"), False),
        (highlight(""), False),
    ],
)
def test_a_passage_of_nothing_but_the_tag_keeps_its_document_here(
    passage, is_whole_document
):
    assert makes_document_private(passage) is is_whole_document


def test_the_texts_and_phrases_of_a_private_passage():
    passage = highlight(
        "a b c", markdown=("**a**", " "), comment="mine #no-llm", gaps=((0, 1), (4, 5))
    )
    assert list_private_texts(passage) == ("a b c", "**a**", "mine  ")
    assert list_private_phrases(passage) == ("a", "c")
    assert list_private_texts(highlight("", comment="#no-llm")) == ()
