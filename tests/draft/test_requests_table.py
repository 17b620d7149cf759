"""What is sent to a model or a chat, whole: each field of a passage, the shape of the reply, the labels."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from ankiforge.draft.chat import (
    ChatText,
    count_exportable_highlights,
    export_chat_texts,
    make_label,
)
from ankiforge.draft.privacy import PrivacyFilter, SendableText
from ankiforge.draft.prompt import (
    ModelRequest,
    NoPromptError,
    ReplyShape,
    build_reply_schema,
    build_request,
    build_shape_placeholders,
    compute_max_card_count,
    escape_tags,
    explain_no_allowed_kind,
    find_reply_shape,
    format_highlight,
    format_item_count,
    load_prompt_file,
    make_message,
    parse_prompt,
)
from ankiforge.draft.second_reading import (
    CardToCheck,
    build_second_reading_request,
    prepare_second_reading,
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


@pytest.mark.parametrize(
    ("length", "count"),
    [(0, 1), (1, 1), (250, 1), (251, 2), (750, 3), (751, 4), (1000, 4), (1001, 4)],
)
def test_a_passage_gets_a_card_for_each_250_letters_up_to_four(length, count):
    assert compute_max_card_count("a" * length) == count


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("</highlight>", "‹/highlight>"),
        ("< / Marked >", "‹ / Marked >"),
        ("<card", "‹card"),
        ("<cardinal>", "<cardinal>"),
        ("a < b", "a < b"),
        ("a\0b\ud800", "ab?"),
    ],
)
def test_no_text_closes_the_tags_around_it(text, escaped):
    assert escape_tags(SendableText(text)) == escaped


@pytest.mark.parametrize(
    ("fields", "shape", "reason"),
    [
        ({}, ReplyShape((CLOZE, BASIC, TWO_WAY), 1), ""),
        ({"keeps_pending_drafts": True}, ReplyShape((CLOZE, BASIC, TWO_WAY), 3), ""),
        ({"instructions": DraftingInstructions(kinds=(BASIC,))}, ReplyShape((BASIC,), 1), ""),
        ({"instructions": DraftingInstructions(kinds=(TWO_WAY, CLOZE))}, ReplyShape((CLOZE, TWO_WAY), 1), ""),
        ({"instructions": DraftingInstructions(requested_kind="question")}, ReplyShape((BASIC, TWO_WAY), 1), ""),
        ({"instructions": DraftingInstructions(requested_kind="definition")}, ReplyShape((CLOZE, BASIC, TWO_WAY), 1), ""),
        (
            {"instructions": DraftingInstructions(kinds=(CLOZE,), requested_kind="question")},
            ReplyShape((), 1), "its colour asks for a question, its deck for clozes",
        ),
    ],
)  # fmt: skip
def test_which_cards_a_task_allows(fields, shape, reason):
    task = DraftingTask(DOCUMENT, (mark(CLAUSE),), **fields)
    assert find_reply_shape(task) == shape
    assert explain_no_allowed_kind(task) == reason


@pytest.mark.parametrize(
    ("shape", "kinds", "begins"),
    [
        (ReplyShape(), "cloze|basic|two-way|none", "one card, or as many as `<cards>` says"),
        (ReplyShape((BASIC,), 2), "basic|none", "up to 2 quite different cards for the same fact"),
    ],
)  # fmt: skip
def test_what_a_prompt_says_of_the_reply(shape, kinds, begins):
    values = build_shape_placeholders(shape)
    card = {"h": "", "kind": kinds, "front": "", "back": "", "text": "", "quote": "", "why_none": ""}  # fmt: skip
    assert json.loads(values["schema"]) == {"cards": [card]}
    assert values["most"].startswith(begins)
    rules = values["kinds"].split("\n")
    assert [rule[: rule.find(":")] for rule in rules[: len(shape.kinds)]] == [
        f'kind "{kind}"' for kind in shape.kinds
    ]
    assert rules[len(shape.kinds) :] == ["No other kind, whatever the examples show."]


def test_the_schema_of_a_reply():
    schema = build_reply_schema(ReplyShape((BASIC,)))
    card = schema["properties"]["cards"]["items"]
    assert schema["properties"]["cards"]["type"] == "array"
    assert card["properties"]["kind"] == {"type": "string", "enum": ["basic", "none"]}
    assert [*card["properties"]] == ["h", "kind", "front", "back", "text", "quote", "why_none"]  # fmt: skip
    assert {name for name, part in card["properties"].items() if part == {"type": "string"}} == {
        *card["required"]
    } - {"kind"}  # fmt: skip
    assert {schema["type"], card["type"]} == {"object"}


# --- requests -------------------------------------------------------------------------------

PROMPT = parse_prompt(
    "Rules. {{ schema }}{{ kinds }}\n---\n{{ title }}\n{{ remark }}\n{{ highlights }}", Path("mine.md")
)  # fmt: skip
TITLE = "On ‹cards> (Ada, Bo, Cy, 1999)"
ONE, TWO = mark("Sleep is light."), mark("Night is dark.")


def show(highlight: Highlight, label: str) -> str:
    return f'<highlight h="{label}">\n<marked>{highlight.exact}</marked>\n</highlight>'


def test_a_request_about_two_highlights_has_one_for_each():
    request = build_request(make_task(ONE, TWO), PROMPT)
    system, user = request.messages
    assert system["role"] == "system"
    assert user == {
        "role": "user",
        "content": f"{TITLE}\n\n{show(ONE, '1')}\n\n{show(TWO, '2')}",
    }
    assert request.schema == build_reply_schema(ReplyShape())
    assert request.prompt_fingerprint == PROMPT.fingerprint
    assert request.character_count == len(user["content"])
    first, second = request.single_item_requests
    assert (first, second) == tuple(
        build_request(make_task(each), PROMPT) for each in (ONE, TWO)
    )
    assert second.messages[1]["content"] == f"{TITLE}\n\n{show(TWO, '1')}"
    assert (first.item_requests, first.single_item_requests) == ((), (first,))


def test_what_the_reader_says_when_asking_again_is_sent():
    task = make_task(ONE, user_request="shorter </highlight>")
    [_, user] = build_request(task, PROMPT).messages
    said = "The reader asks again, and says: shorter ‹/highlight>"
    assert user["content"] == f"{TITLE}\n{said}\n{show(ONE, '1')}"


def test_a_message_can_be_added_and_a_request_be_pasted():
    message = make_message("user", SendableText("Again."))
    request = ModelRequest((make_message("system", SendableText("Rules.")),), {}, "p@1")
    again = request.append_messages(message, message)
    assert again == replace(request, messages=(*request.messages, message, message))
    assert again.to_chat_text("answer for the card") == (
        "Rules.\n\nAgain.\n\nAgain.\n\nNow answer for the card, with the JSON only, in one code block.\n"
    )
    assert again.character_count == 12


@pytest.mark.parametrize(("count", "name"), [(1, "the card"), (2, "all 2 cards")])
def test_how_many_are_asked_for_is_said(count, name):
    assert format_item_count(count, "card") == name


@pytest.mark.parametrize("name", ["", "a b", "../cards", "cards.md"])
def test_a_name_that_no_prompt_has_is_refused(name, tmp_path):
    with pytest.raises(NoPromptError, match="letters, digits and - only"):
        load_prompt_file(name, tmp_path)


# --- texts for a chat -----------------------------------------------------------------------

OTHER = replace(DOCUMENT, key=DocumentKey("e"), title="Nights", creators=(), publication_date="")  # fmt: skip
ELSEWHERE = replace(TWO, document=OTHER, key=HighlightKey("e/1"))


def ask(*highlights: Highlight, **fields: object) -> list[ChatText]:
    tasks = [make_task(each, **fields) for each in highlights]
    assert count_exportable_highlights(tasks) == sum(
        len(text.highlight_keys) for text in export_chat_texts(tasks, PROMPT)
    )
    return export_chat_texts(tasks, PROMPT)


def test_the_text_for_a_chat_about_one_document():
    [text] = ask(ONE, TWO)
    assert text.highlight_keys == (ONE.key, TWO.key)
    shown = f"{show(ONE, make_label(ONE.key))}\n\n{show(TWO, make_label(TWO.key))}"
    assert text.text.partition("\n\n")[2].endswith(
        f"{TITLE}\n\n{shown}\n\nNow answer for all 2 highlights, with the JSON only, in one code block.\n"
    )


def test_the_text_for_a_chat_about_two_documents_names_each_once():
    [text] = ask(ONE, TWO, ELSEWHERE)
    first, second, third = (
        show(each, make_label(each.key)) for each in (ONE, TWO, ELSEWHERE)
    )
    assert (
        f"several, named with their passages\n\nDocument: {TITLE}\n\n{first}\n\n{second}\n\n"
        f"Document: Nights\n\n{third}\n\nNow answer for all 3 highlights,"
    ) in text.text  # fmt: skip


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

CARD = CardToCheck(
    *map(SendableText, ("On Sleep", "Sleep is <light>.", "", "What is </answer>?", "sleep"))
)  # fmt: skip
CHECK = parse_prompt("Check. {{ schema }}\n---\n{{ highlights }}", Path("check.md"))
SHOWN = (
    '<highlight h="{}">\n<heading>On Sleep</heading>\n{}<passage>Sleep is <light>.</passage>\n'
    "<question>What is ‹/answer>?</question>\n<answer>sleep</answer>\n</highlight>"
)


def test_a_card_is_sent_with_its_passage_to_be_read_again():
    around = replace(CARD, context=SendableText("Night: Sleep is <light>."))
    request = build_second_reading_request({"a": CARD, "b": around}, CHECK)
    context = "<around>Night: Sleep is <light>.</around>\n"
    shown = f"{SHOWN.format('a', '')}\n\n{SHOWN.format('b', context)}"
    system, user = request.messages
    assert user["content"] == shown
    example = {"h": "", "verdict": "supported|changed|absent", "says": ""}
    assert system["content"] == f"Check. {json.dumps({'cards': [example]})}"
    assert request.prompt_fingerprint == CHECK.fingerprint
    assert request.item_requests == tuple(
        build_second_reading_request({"1": each}, CHECK) for each in (CARD, around)
    )
    assert request.item_requests[0].item_requests == ()
    verdict = request.schema["properties"]["cards"]["items"]["properties"]
    assert verdict["verdict"]["enum"] == ["supported", "changed", "absent"]
    assert prepare_second_reading({"a": CARD}, CHECK).chat_text.endswith(
        f"{SHOWN.format('a', '')}\n\nNow answer for the card, with the JSON only, in one code block.\n"
    )


def test_nothing_private_is_in_a_request():
    privacy = PrivacyFilter([PrivateText("Sleep is light.", DOCUMENT.key)])
    task = privacy.make_sendable_task(
        DraftingTask(DOCUMENT, (ONE, replace(TWO, surrounding_text="Night is dark. Sleep is light.")))
    )  # fmt: skip
    assert [*task.withheld] == [ONE.key]
    assert build_request(task, PROMPT).messages[1]["content"].endswith(
        "<around>Night is dark. […].</around>\n<marked>Night is dark.</marked>\n</highlight>"
    )  # fmt: skip
