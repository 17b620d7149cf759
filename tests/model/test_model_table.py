"""What ids, kinds, passages and questions answer about themselves, row by row."""

import pytest

from ankiforge.model import (
    CardKind,
    Change,
    Conflict,
    Document,
    DocumentKey,
    Highlight,
    HighlightKind,
    LateText,
    NoteInAnki,
    PerhapsSame,
    Question,
    QuestionKind,
    hints,
    is_card_id,
)
from ankiforge.model.values import ID_BASE, card_id, may_be_ours, note_id


@pytest.mark.parametrize(
    ("id", "is_card"),
    [
        ("afwzt4zod3cvzvawywfas35hcl", True),
        ("afcdbefdbf67.5", False),  # a decision of a computer that is called so
        ("drb69b072830f21cfe", False),
    ],
)
def test_a_card_is_known_by_its_id(id, is_card):
    assert is_card_id(id) == is_card


def test_ids_in_anki_never_change():
    assert note_id("af" + "a" * 24) == 1519419621668
    assert card_id("af" + "f" * 24, 0) == 1477522496022
    edges = (ID_BASE - 1, ID_BASE, ID_BASE + 2**37 - 1, ID_BASE + 2**37)
    assert [may_be_ours(id) for id in edges] == [False, True, True, False]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ({"Text": "{{c1::a}}"}, "cloze"),
        ({"Front": "a", "Back": "b"}, "basic"),
        ({"Front": "a", "Back": "b", "Reverse": ""}, "basic"),
        ({"Front": "a", "Back": "b", "Reverse": "y"}, "two-way"),
    ],
)
def test_the_kind_of_a_card_follows_from_its_words(words, kind):
    assert CardKind.of(words) == kind


@pytest.mark.parametrize(
    ("parts", "context"),
    [
        ({"exact": "It is."}, "It is."),
        ({"exact": "is", "sentence": "It is."}, "It is."),
        ({"exact": "It is.", "prefix": "So.", "suffix": "Or not."}, "So.|It is.|Or not."),
        ({"exact": "", "prefix": "So."}, "So."),
    ],
)
def test_the_text_around_a_mark_has_no_empty_lines(parts, context):
    document = Document(DocumentKey("a:b/c"), "a", "", path="Notes/A.md")
    highlight = Highlight(document, "a:b", HighlightKind.HIGHLIGHT, **parts)
    assert highlight.context == context.replace("|", "\n")
    assert (document.name, highlight.page) == ("Notes/A.md", "")


def conflict(edited_here: bool) -> Conflict:
    return Conflict("af1", "Back", "mine", "theirs", "1", "2", edited_here=edited_here)


HERE, SOURCE = conflict(edited_here=True), conflict(edited_here=False)
PAIR = PerhapsSame("qu1", "k", "g", "new words", "old words", ("af1",), 70.0)


@pytest.mark.parametrize(
    ("of", "accept", "reject"),
    [
        ({"conflicts": (SOURCE,)}, "take the source", "keep mine"),
        ({"conflicts": (HERE, SOURCE)}, "take the source", "keep mine"),
        ({"conflicts": ()}, "take the source", "keep mine"),
        ({"conflicts": (HERE,)}, "take the words from here", "keep those in Anki"),
        (
            {"conflicts": (HERE,), "repair": "m1.2"},
            "send the repair",
            "all of the repair back",
        ),
        ({"kind": QuestionKind.SAME}, "the same", "two cards"),
        ({"kind": QuestionKind.SAME, "pairs": (PAIR,)}, "the ticked", "two cards each"),
    ],
)
def test_a_question_says_what_its_answers_do(of, accept, reject):
    question = Question(**{"id": "q", "kind": QuestionKind.CONFLICT, "text": "?", **of})
    assert accept in question.accept
    assert reject in question.reject


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ([("Front", "a"), ("Back", "b")], [("Front", "a"), ("Back", "c")], "Back b c"),
        ([("Front", "a")], [("Front", "a"), ("Extra", "e")], "Extra  e"),
        ([("Front", "a"), ("Extra", "e")], [("Front", "a")], "Extra e "),
        ([("Front", "a")], [("Front", "a")], ""),
    ],
)
def test_a_change_names_the_fields_that_differ(before, after, words):
    change = Change("af1", tuple(before), tuple(after))
    assert "; ".join(" ".join(each) for each in change.words) == words


@pytest.mark.parametrize(
    ("tags", "leech", "kept"),
    [
        (("Leech", "biology"), True, ("Leech",)),
        (("marked",), False, ("marked",)),
        (("leeches", "biology"), False, ()),
    ],
)
def test_ankis_own_tags_are_known_in_any_case(tags, leech, kept):
    note = NoteInAnki("g", 1, 1, (), tags, "Deck", None)
    assert (note.leech, note.scheduler_tags) == (leech, kept)


def test_a_hint_is_found_by_its_scheme():
    ids = (
        hints.pdf_annotation("n1"),
        hints.anki_note("17"),
        hints.zotero_annotation("A"),
    )
    assert hints.anki_note_in(ids) == "17"
    assert hints.anki_note_in(ids[:1]) == ""
    assert hints.split_hint(ids[0]) == ("nm", "n1")


def test_a_late_text_is_computed_when_it_is_read():
    assert LateText(lambda: "words").read() == "words"
