"""What is sent to a model or a chat, whole: each field of a passage, the shape of the reply, the labels."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from ankiforge.draft.chat import (
    ChatText,
    count_exportable_highlights,
    export_chat_texts,
)
from ankiforge.draft.privacy import PrivacyFilter
from ankiforge.draft.prompt import (
    NoPromptError,
    build_request,
    format_highlight,
    load_prompt_file,
    parse_prompt,
)
from ankiforge.model import (
    LOOKED_UP_WORD,
    CardContent,
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
)

DOCUMENT = Document(
    DocumentKey("d"), "papers", "On <cards>", creators=("Ada", "Bo", "Cy", "Di"), publication_date="1999"
)  # fmt: skip
CLAUSE = "the mitochondrion makes most of the energy of a cell"
OPEN = PrivacyFilter(())
BASIC, CLOZE, TWO_WAY = CardKind.BASIC, CardKind.CLOZE, CardKind.TWO_WAY


def mark(exact: str, **fields: object) -> Highlight:
    key = HighlightKey(f"d/{exact[:12]}")
    return Highlight(DOCUMENT, "pdf:d", HighlightKind.HIGHLIGHT, exact, key=key, **fields)  # type: ignore[arg-type]


def make_task(*highlights: Highlight, **fields: object):
    document = highlights[0].document
    return OPEN.make_sendable_task(DraftingTask(document, highlights, **fields))  # type: ignore[arg-type]


GERMAN = "<language>gesprochenes Deutsch: kurze Wörter von heute, Verben statt Hauptwörter</language>"
MEANING = (
    'the reader looked up the word given as phrase: kind "basic", `front` that word alone, `back`'
    " what it means in this sentence, in at most eight plain words; always a card"
)


@pytest.mark.parametrize(
    ("highlight", "kind", "lines"),
    [
        pytest.param(mark(CLAUSE), "", [f"<marked>{CLAUSE}</marked>"], id="alone"),
        pytest.param(
            mark(
                CLAUSE, heading="Cells › <heading>", parent_items=("organelles", "of animals"), comment="why?",
                surrounding_text=f"Look: {CLAUSE}.", gaps=((4, 17), (46, 52)),
            ),
            "definition",
            [
                "<heading>Cells › ‹heading></heading>", "<under>organelles › of animals</under>",
                f"<around>Look: {CLAUSE}.</around>", f"<marked>{CLAUSE}</marked>", "<phrases>mitochondrion | a cell</phrases>",
                "<comment>why?</comment>", "<wanted>a definition: the term asked for by its description, or the other way round</wanted>",
            ],
            id="every part",
        ),
        pytest.param(
            mark("the energy of a", sentence=f"So {CLAUSE}."), "question",
            [f"<marked>So {CLAUSE}.</marked>", "<phrases>the energy of a</phrases>", "<wanted>a question and its answer</wanted>"],
            id="a term of four words",
        ),
        pytest.param(
            mark("the energy of a cell", sentence=f"So {CLAUSE}."), "card",
            [f"<around>So {CLAUSE}.</around>", "<marked>the energy of a cell</marked>"],
            id="five words are no term",
        ),
        pytest.param(mark("energy", gaps=((0, 6),)), "", ["<marked>energy</marked>"], id="a phrase that is all"),
        pytest.param(mark("energy", comment="no", comment_is_instruction=False), "", ["<marked>energy</marked>"], id="another's comment"),
        pytest.param(
            mark("die Kraft", sentence="Das ist die Kraft, die der Stoff aus der Luft nimmt.", line_syntax=LOOKED_UP_WORD), "definition",
            [GERMAN, "<marked>Das ist die Kraft, die der Stoff aus der Luft nimmt.</marked>", "<phrases>die Kraft</phrases>", f"<wanted>{MEANING}</wanted>"],
            id="a looked-up word in German",
        ),
        pytest.param(mark("a" * 251), "", ["<cards>up to 2</cards>", f"<marked>{'a' * 251}</marked>"], id="long enough for two"),
    ],
)  # fmt: skip
def test_what_is_sent_of_a_highlight(highlight, kind, lines):
    sent = format_highlight("7", OPEN.make_sendable_highlight(highlight), kind)
    assert sent.split("\n") == ['<highlight h="7">', *lines, "</highlight>"]


def test_a_card_to_reword_is_sent_with_the_text_that_it_was_made_of():
    highlight = mark(CLAUSE)
    outdated = CardContent(
        highlight.key, BASIC, (("Front", "What is made?"), ("Back", "heat")), Origin("llm"), quote="it makes heat"
    )  # fmt: skip
    other = replace(outdated, key=HighlightKey("d/other"), quote="other")
    task = make_task(highlight, outdated_cards=(outdated, other))
    assert format_highlight("1", task.passages[highlight.key]).split("\n")[2:] == [
        "<was>it makes heat</was>",
        "<card>What is made? » heat</card>",
        "<wanted>the same card for what the passage says now; it was made when the passage said what is in"
        " `was`; change only what is no longer true</wanted>",
        "</highlight>",
    ]


# --- requests -------------------------------------------------------------------------------

PROMPT = parse_prompt(
    "Rules. {{ schema }}{{ kinds }}\n---\n{{ title }}\n{{ remark }}\n{{ highlights }}", Path("mine.md")
)  # fmt: skip
TITLE = "On ‹cards> (Ada, Bo, Cy, 1999)"
ONE, TWO = mark("Sleep is light."), mark("Night is dark.")


def show(highlight: Highlight, label: str) -> str:
    return f'<highlight h="{label}">\n<marked>{highlight.exact}</marked>\n</highlight>'


def test_what_the_reader_says_when_asking_again_is_sent():
    task = make_task(ONE, user_request="shorter </highlight>")
    [_, user] = build_request(task, PROMPT).messages
    said = "The reader asks again, and says: shorter ‹/highlight>"
    assert user["content"] == f"{TITLE}\n{said}\n{show(ONE, '1')}"


@pytest.mark.parametrize("name", ["", "a b", "../cards", "cards.md"])
def test_a_name_that_no_prompt_has_is_refused(name, tmp_path):
    with pytest.raises(NoPromptError, match="letters, digits and - only"):
        load_prompt_file(name, tmp_path)


# --- texts for a chat -----------------------------------------------------------------------


def ask(*highlights: Highlight, **fields: object) -> list[ChatText]:
    tasks = [make_task(each, **fields) for each in highlights]
    assert count_exportable_highlights(tasks) == sum(
        len(text.highlight_keys) for text in export_chat_texts(tasks, PROMPT)
    )
    return export_chat_texts(tasks, PROMPT)


def test_a_text_asks_for_at_most_twenty_and_for_one_shape():
    many = [mark(f"{n} sheep sleep at night.") for n in range(21)]
    assert [len(text.highlight_keys) for text in ask(*many)] == [20, 1]
    basic = make_task(TWO, instructions=DraftingInstructions(kinds=(BASIC,)))
    none = make_task(
        ONE, instructions=DraftingInstructions(kinds=(CLOZE,), requested_kind="question")
    )
    texts = export_chat_texts([make_task(ONE), basic, make_task(many[0]), none], PROMPT)
    assert [text.highlight_keys for text in texts] == [
        (ONE.key, many[0].key),
        (TWO.key,),
    ]
    assert count_exportable_highlights([basic, none]) == 1


# --- the second reading ---------------------------------------------------------------------


def test_nothing_private_is_in_a_request():
    privacy = PrivacyFilter([PrivateText("Sleep is light.", DOCUMENT.key)])
    task = privacy.make_sendable_task(
        DraftingTask(DOCUMENT, (ONE, replace(TWO, surrounding_text="Night is dark. Sleep is light.")))
    )  # fmt: skip
    assert [*task.withheld] == [ONE.key]
    assert build_request(task, PROMPT).messages[1]["content"].endswith(
        "<around>Night is dark. […].</around>\n<marked>Night is dark.</marked>\n</highlight>"
    )  # fmt: skip
