"""What the rules make of a highlight, whole, or why nothing: phrases, clozes, sides, questions, decks."""

import pytest
from msgspec.structs import replace

from ankiforge.draft.rules import (
    IMAGE_WITHOUT_QUESTION,
    MARKED_HEADING,
    MISSING_ANSWER,
    NO_QUESTION,
    STRUCK_OUT,
    TEXT_FRAME_WITHOUT_QUESTION,
    WHOLE_SENTENCE_MARKED,
    draft_task,
)
from ankiforge.model import (
    WORD_AND_TRANSLATION,
    CardKind,
    Document,
    DocumentKey,
    DraftingInstructions,
    DraftingTask,
    Highlight,
    HighlightForm,
    HighlightKey,
    HighlightKind,
)

DOCUMENT = Document(DocumentKey("d"), "notes", "Metals")
KEY = HighlightKey("v:n/1")
BASIC, CLOZE, TWO_WAY = CardKind.BASIC, CardKind.CLOZE, CardKind.TWO_WAY
AS_CARD = WHOLE_SENTENCE_MARKED.format(form="it as question::answer")
AS_COMMENT = WHOLE_SENTENCE_MARKED.format(form="your question as its comment")


def mark(exact: str, *phrases: str, form: str = "phrase", is_markdown: bool = False, **fields: object):  # fmt: skip
    """A highlight of some phrases of a text, which are also those of its Markdown."""
    gaps = []
    for phrase in phrases:
        start = exact.index(phrase, gaps[-1][1] if gaps else 0)
        gaps.append((start, start + len(phrase)))
    if is_markdown:
        fields |= {"markdown": (exact,), "markdown_gaps": tuple(gaps)}
    given = {"kind": HighlightKind.HIGHLIGHT, "key": KEY, **fields}
    return Highlight(DOCUMENT, "v:n", exact=exact, form=HighlightForm(form), gaps=tuple(gaps), **given)  # type: ignore[arg-type]  # fmt: skip


def draft(highlight: Highlight, *, figures: bool = True, **instructions: object):
    """The reason, or (kind, texts, answer, start, drafter) of each draft."""
    brief = DraftingInstructions(**instructions)  # type: ignore[arg-type]
    task = DraftingTask(DOCUMENT, (highlight,), instructions=brief)
    [result] = draft_task(task, figures=figures)
    assert bool(result.reason) is not bool(result.drafts)
    assert all(each.key == KEY for each in result.drafts)
    return result.reason or [
        (each.kind, *(text for _, text in each.fields), each.answer, each.start, each.origin.drafter)
        for each in result.drafts
    ]  # fmt: skip


def gap(text: str, answer: str, start: int = 0):
    return [("cloze", text, answer, start, "rules:phrase")]


WET = "Iron rusts in wet air."
LABEL = "Falling sales: Sales of papers fall."
NOTE = "Note: iron rusts in wet air."


@pytest.mark.parametrize(
    ("highlight", "drafts"),
    [
        (mark(WET, "Iron"), gap("{{c1::Iron}} rusts in wet air.", "Iron")),
        (mark(WET, "Iron", "wet"), gap("{{c1::Iron}} rusts in {{c2::wet}} air.", "Iron · wet")),
        (mark("Iron *rusts* slowly.", "Iron"), gap(r"{{c1::Iron}} \*rusts\* slowly.", "Iron")),
        (mark("Iron *rusts* slowly.", "slowly", is_markdown=True), gap("Iron *rusts* {{c1::slowly}}.", "slowly", 13)),
        # punctuation behind a phrase is no part of it, an entity is
        (mark("Iron rusts in wet air:", "wet air:", is_markdown=True), gap("Iron rusts in {{c1::wet air}}:", "wet air", 14)),
        (mark("Iron &amp; zinc rust slowly.", "Iron &amp;", is_markdown=True), gap("{{c1::Iron &amp;}} zinc rust slowly.", "Iron &amp;")),
        # a number has its unit, unless both are marked
        (mark("It rusts in 5 mg of air.", "5"), gap("It rusts in {{c1::5 mg}} of air.", "5 mg")),
        (mark("It has 5 mg of air.", "5", "mg"), gap("It has {{c1::5}} {{c2::mg}} of air.", "5 · mg")),
        (replace(mark("It has 5 mg of air."), gaps=((9, 11), (7, 8))), gap("It has {{c1::5}} {{c2::mg}} of air.", "5 · mg")),
        # a footnote is shown with the answer
        (mark(WET, "Iron", markdown=(WET, "a note"), markdown_gaps=((0, 4),)), [("cloze", "{{c1::Iron}} rusts in wet air.", "a note", "Iron", 0, "rules:phrase")]),
        # what is left around the gaps: two words, or five letters of a script without spaces
        (mark("Iron rusts.", "Iron rusts."), AS_CARD),
        (mark("Iron rusts.", "Iron"), NO_QUESTION),
        (mark("Iron rusts now.", "Iron"), gap("{{c1::Iron}} rusts now.", "Iron")),
        (mark("Iron rusts now.", "Iron", "rusts", "now"), AS_CARD),
        (mark("Iron rusts now.", "Iron", "rusts now"), AS_CARD),
        (mark("铁会生锈了呢", "铁"), gap("{{c1::铁}}会生锈了呢", "铁")),
        (mark("铁会生锈了", "铁"), NO_QUESTION),
        (mark("Iron abcdef", "Iron"), NO_QUESTION),
        (mark("iron", "iron", sentence="metal | iron"), gap("{{c1::iron}}", "iron")),
        (mark("Iron rusts now.", " "), NO_QUESTION),
        # nine words are a phrase, ten a passage; a formula is one word
        (mark("a b c d e f g h i j k", "a b c d e f g h i"), gap("{{c1::a b c d e f g h i}} j k", "a b c d e f g h i")),
        (mark("a b c d e f g h i j k l", "a b c d e f g h i j"), AS_CARD),
        (mark("$a b c d$ is b c d e f g in k", "$a b c d$ is b c d e f g"), [*gap(r"{{c1::\$a b c d\$ is b c d e f g}} in k", "$a b c d$ is b c d e f g")]),
        # a label whose words the rest repeats
        (mark(LABEL, "Falling sales"), MARKED_HEADING),
        (mark(LABEL, "Falling sales:"), MARKED_HEADING),
        (mark(LABEL, "Falling sales", is_markdown=True, line_syntax="**"), [("basic", "Falling sales", "Sales of papers fall.", "Sales of papers fall.", 0, "rules:phrase")]),
        (mark(LABEL, "Falling sales", "papers", is_markdown=True, line_syntax="**"), MARKED_HEADING),
        (mark(LABEL, "Sales of"), gap("Falling sales: {{c1::Sales of}} papers fall.", "Sales of")),
        (mark("Falling sales: They go down.", "Falling sales"), gap("{{c1::Falling sales}}: They go down.", "Falling sales")),
        # a bold word that only leads in
        (mark(NOTE, "Note:", is_markdown=True, line_syntax="**"), MARKED_HEADING),
        (mark(NOTE, "Note:", "wet", is_markdown=True, line_syntax="**"), gap("Note: iron rusts in {{c1::wet}} air.", "wet", 20)),
        (mark(NOTE, "Note:", is_markdown=True), gap("{{c1::Note}}: iron rusts in wet air.", "Note")),
        (mark(f"So {NOTE}", "Note:", is_markdown=True, line_syntax="**"), gap("So {{c1::Note}}: iron rusts in wet air.", "Note", 3)),
        # struck out
        (mark("Iron ~~rusts in~~ air now", "rusts", is_markdown=True), STRUCK_OUT),
        (mark("Iron ~~rusts in~~ air now", "air", is_markdown=True), gap("Iron ~~rusts in~~ {{c1::air}} now", "air", 18)),
    ],
)  # fmt: skip
def test_a_marked_phrase(highlight, drafts):
    assert draft(highlight) == drafts


@pytest.mark.parametrize(
    ("exact", "fields", "reason"),
    [
        ("2.1 Related work", {}, MARKED_HEADING),
        ("BACKGROUND", {}, MARKED_HEADING),
        ("Background", {}, NO_QUESTION),
        ("Of cells", {"heading": "One › of Cells"}, MARKED_HEADING),
        ("Of cells", {"heading": "Of cells and more"}, NO_QUESTION),
        ("Iron rusts.", {"sentence": "Iron rusts."}, AS_COMMENT),
        ("Iron rusts.", {"sentence": "So Iron rusts."}, NO_QUESTION),
        ("Iron rusts.", {}, NO_QUESTION),
        ("2.1 Related work", {"form": "inline"}, NO_QUESTION),
    ],
)
def test_why_a_mark_has_no_card(exact, fields, reason):
    assert draft(mark(exact, **{"form": "mark", **fields})) == reason


IRON = "iron rusts in wet air"
SO = f"So {IRON}, too."
NONE_LEFT = "no text would be left around the blanked-out words"


@pytest.mark.parametrize(
    ("comment", "fields", "expected"),
    [
        ("c: wet", {}, ("iron rusts in {{c1::wet}} air", "wet", IRON)),
        ("c: *wet*", {}, ("iron rusts in {{c1::wet}} air", "wet", IRON)),
        ("c: iron", {"markdown": (f"**iron**{IRON[4:]}",)}, ("**{{c1::iron}}** rusts in wet air", "iron", IRON)),
        ("c: too", {"sentence": SO}, (f"So {IRON}, {{{{c1::too}}}}.", "too", SO)),
        ("c:", {"sentence": SO}, (f"So {{{{c1::{IRON}}}}}, too.", IRON, SO)),
        ("c:", {}, NONE_LEFT),
        (f"c: {IRON}", {}, NONE_LEFT),
        ("c: <b>", {"exact": "The <b> tag is old"}, (r"The {{c1::\<b>}} tag is old", "<b>", "The <b> tag is old")),
        ("c: dry", {}, "“dry” is not in the passage"),
        ("c: dry", {"prefix": "in dry "}, NONE_LEFT),
    ],
)  # fmt: skip
def test_a_cloze_that_a_comment_asks_for(comment, fields, expected):
    highlight = replace(mark(IRON, form="mark", comment=comment), **fields)
    drafts = draft(highlight)
    if isinstance(expected, str):
        assert drafts == expected
        return
    text, answer, quote = expected
    assert drafts == [("cloze", text, answer, 0, "rules:comment-cloze")]
    [result] = draft_task(DraftingTask(DOCUMENT, (highlight,)))
    assert [each.quote for each in result.drafts] == [quote]


@pytest.mark.parametrize(
    ("sides", "fields", "drafts"),
    [
        (("a", "b"), {}, [("basic", "a", "b", "b", 0, "rules:inline")]),
        (("a", "*b*", "c"), {}, [("basic", "a", "*b*", "c", "b", 0, "rules:inline")]),
        (("a", "![](x.png)"), {}, [("basic", "a", "![](x.png)", "x.png", 0, "rules:inline")]),
        (("a", "![](x.png) ![](y.png)"), {}, [("basic", "a", "![](x.png) ![](y.png)", "x.png · y.png", 0, "rules:inline")]),
        (("a", "b"), {"is_two_way": True}, [("two-way", "a", "b", "y", "b", 0, "rules:inline")]),
        (("a", " "), {}, "a card with an empty side"),
        (("a",), {}, "a card with an empty side"),
        (("a", "b", "c", "d"), {}, "a card with an empty side"),
        ((), {}, "a card with an empty side"),
        ((), {"form": "block"}, MISSING_ANSWER),
        (("a", ""), {"form": "block"}, "a card with an empty side"),
        (("{{c1::a}} b", "x", "y"), {"form": "cloze"}, [("cloze", "{{c1::a}} b", "x", "a", 0, "rules:cloze")]),
        (("{{c1::a}} b", ""), {"form": "cloze"}, [("cloze", "{{c1::a}} b", "a", 0, "rules:cloze")]),
        (("a", "b"), {"form": "term"}, [("basic", "a", "b", "b", 0, "rules:term")]),
    ],
)  # fmt: skip
def test_a_hand_written_card(sides, fields, drafts):
    given = {"form": "inline", "kind": HighlightKind.CARD, "markdown": sides, **fields}
    highlight = mark("a::b", **given)
    # a deck and a colour take what the user wrote, but not what a mark of a term makes
    assert draft(highlight) == drafts
    if given["form"] != "term":
        assert draft(highlight, kinds=(TWO_WAY,), requested_kind="question") == drafts
    for each in draft_task(DraftingTask(DOCUMENT, (highlight,)))[0].drafts:
        assert each.is_card_in_source is (given["form"] != "term")
        assert each.quote == "a::b"


IMAGE = {"exact": "", "kind": HighlightKind.IMAGE, "markdown": ("![](a)",)}
LONG = "why does iron rust in it?"


@pytest.mark.parametrize(
    ("comment", "fields", "texts", "drafter"),
    [
        ("? why", {}, ("why", IRON, IRON), "rules:comment"),
        ("? why", {"markdown": ("**iron**",)}, ("why", "**iron**", IRON), "rules:comment"),
        ("? why", {"exact": "iron¹ *rusts*"}, ("why", r"iron \*rusts\*", "iron¹ *rusts*"), "rules:comment"),
        ("? why\nA: <so>", {}, ("why", r"\<so>", "<so>"), "rules:comment"),
        (f"First this.\n\n{LONG}", {}, (LONG, IRON, "First this.", IRON), "rules:comment-more"),
        ("? why", IMAGE, ("why", "![](a)", "a"), "rules:comment-picture"),
        ("? why", IMAGE | {"source_id": "ID"}, ("why", "![](a)", "ID"), "rules:comment-picture"),
        ("? why\nA: so", IMAGE, ("why", "so\n\n![](a)", "so"), "rules:comment-picture"),
        ("? why\nA: so", {"exact": "", "kind": HighlightKind.NOTE}, ("why", "so", "so"), "rules:comment-more"),
    ],
)  # fmt: skip
def test_a_question_of_a_comment(comment, fields, texts, drafter):
    highlight = replace(mark(IRON, form="mark", comment=comment), **fields)
    assert draft(highlight) == [("basic", *texts, 0, drafter)]
    assert draft(highlight, kinds=(CLOZE,)) == [("basic", *texts, 0, drafter)]


@pytest.mark.parametrize(
    ("sentence", "front"),
    [
        ("Das ist die Lampe, die brennt.", "Lampe\n\nDas ist die **Lampe**, die brennt."),
        ("Lampenlicht hat die Lampe.", "Lampe\n\nLampenlicht hat die **Lampe**."),
        ("Lampenlicht ist *gelb*.", "Lampe\n\n**Lampe**nlicht ist \\*gelb\\*."),
        ("Lampe", "Lampe"),
        ("", "Lampe"),
    ],
)
def test_a_word_is_shown_in_its_sentence(sentence, front):
    word = mark(
        "Lampe,", form="mark", comment=" *lamp* ", sentence=sentence, line_syntax=WORD_AND_TRANSLATION
    )  # fmt: skip
    assert draft(word) == [("basic", front, "*lamp*", "lamp", 0, "rules:comment-translation")]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "figures", "drafts"),
    [
        ({}, True, [("occlusion", "hide all", "![](a)", "", 0, "rules:figure")]),
        ({}, False, IMAGE_WITHOUT_QUESTION),
        ({"figure_hash": "text-1"}, True, TEXT_FRAME_WITHOUT_QUESTION),
        ({"figure_hash": "text-1"}, False, TEXT_FRAME_WITHOUT_QUESTION),
    ],
)
def test_a_framed_figure(fields, figures, drafts):
    assert (
        draft(replace(mark("x", form="mark"), **{**IMAGE, **fields}), figures=figures)
        == drafts
    )


COLOUR = "its colour asks for a question: write it as the comment: `? …`"


@pytest.mark.parametrize(
    ("kinds", "requested", "reason"),
    [
        ((CLOZE,), "card", ""),
        ((), "definition", ""),
        ((BASIC,), "card", "its deck takes only basic cards"),
        ((BASIC, TWO_WAY), "card", "its deck takes only basic and two-way cards"),
        ((), "question", COLOUR),
        ((TWO_WAY, CLOZE), "question", COLOUR),
        ((CLOZE,), "question", "its deck takes only cloze cards"),
    ],
)
def test_a_deck_or_a_colour_that_takes_no_cloze(kinds, requested, reason):
    found = draft(mark(WET, "Iron"), kinds=kinds, requested_kind=requested)
    assert found == (reason or gap("{{c1::Iron}} rusts in wet air.", "Iron"))


def test_a_highlight_that_cannot_be_drafted_is_told_and_the_others_are_drafted():
    broken = mark(
        LABEL, "Falling sales", line_syntax="**"
    )  # no reader omits the Markdown
    highlights = (broken, mark(WET, "Iron"))
    failed, drafted = draft_task(DraftingTask(DOCUMENT, highlights))
    assert failed.highlight == broken
    assert failed.problem is not None
    assert failed.problem.message.startswith(f"“{LABEL}”: ")
    assert (failed.drafts, len(drafted.drafts)) == ((), 1)
