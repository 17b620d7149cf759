import json
import re
from pathlib import Path

import pytest

from ankiforge.check import CheckContext, DuplicateIndex, check_draft
from ankiforge.draft.prompt import (
    ReplyShape,
    compute_max_card_count,
    load_prompt_file,
    parse_prompt,
)
from ankiforge.draft.reply import build_drafts
from ankiforge.draft.reply_cards import parse_cards
from ankiforge.errors import ConfigError
from ankiforge.model import CardKind, DraftingInstructions, Origin

GOOD = "Rules. {{ schema }}\n---\n{{highlights}}\n"
MINE = Path("prompts/mine.md")


_EXAMPLE = re.compile(
    r"""(?mx)^(?:Around:\ "(?P<around>.*?)"\ )?Marked:\ "(?P<marked>.*?)"
    (?:\ Phrases:\ "(?P<phrase>.*?)")?(?:\ Comment:\ "(?P<comment>.*?)")?\n(?:Not:\ .*\n)?
    →\ (?P<kind>[a-z]+)\.\ (?P<card>.*)$"""
)


def test_the_examples_of_the_shipped_prompt_pass_all_checks(highlight):
    examples = [*_EXAMPLE.finditer(load_prompt_file("cards").system)]
    made = []
    for example in examples:
        front, _, back = example["card"].partition(" » ")
        sides = {"front": front, "back": back}
        if example["kind"] == "cloze":
            sides = {"text": front}
        elif example["kind"] == "none":
            sides = {"why_none": front}
        around = example["around"] or example["marked"]
        item = {"h": "1", "kind": example["kind"], "quote": around, **sides}
        marked = highlight(
            example["phrase"] or example["marked"],
            sentence=example["marked"],
            surrounding_text=around,
            comment=example["comment"] or "",
        )
        answer = parse_cards(json.dumps({"cards": [item]}), ("1",))
        for draft in build_drafts(answer, marked, Origin("llm"), ReplyShape()):
            made.append(example["kind"])
            assert check_draft(draft, CheckContext(marked, DuplicateIndex())) == (), draft
    assert len(examples) == load_prompt_file("cards").system.count("\n→ ") == 7
    assert sorted(made) == ["basic"] * 5 + ["cloze"], "and one passage gets none"


def test_placeholders_are_filled_and_values_are_never_searched_for_them():
    prompt = parse_prompt(GOOD.replace("Rules.", "Write {{c1::answer}}."), MINE)
    messages = prompt.render_messages(
        {"schema": "{}", "highlights": "see {{ schema }} and {{c1::x}}"}
    )
    assert messages == (
        {"role": "system", "content": "Write {{c1::answer}}. {}"},
        {"role": "user", "content": "see {{ schema }} and {{c1::x}}"},
    )
    (whole,) = parse_prompt("{{ schema }} {{ highlights }}", MINE).render_messages(
        {"schema": "a", "highlights": "b"}
    )
    assert whole == {"role": "user", "content": "a b"}


def test_the_fingerprint_follows_every_word_and_nothing_else():
    first = parse_prompt(GOOD, MINE).fingerprint
    assert re.fullmatch(r"mine@[0-9a-f]{8}", first)
    assert parse_prompt(GOOD, Path("elsewhere/mine.md")).fingerprint == first
    assert parse_prompt(GOOD.replace("Rules.", "Rules!"), MINE).fingerprint != first


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("Rules. {{ schema }}", "Rules."), "{{ schema }} is missing"),
        (("{{highlights}}", "them"), "{{ highlights }} is missing"),
        (("Rules.", "Rules {{ moon }}."), "{{ moon }} is not a placeholder"),
    ],
)
def test_a_mistake_names_the_file_and_what_is_wrong(change, says):
    with pytest.raises(ConfigError) as caught:
        parse_prompt(GOOD.replace(*change), MINE)
    assert caught.value.message.startswith("prompts/mine.md")
    assert says in caught.value.message


def test_a_prompt_is_found_by_its_name_and_nowhere_else(tmp_path):
    own = tmp_path / "prompts"
    own.mkdir()
    (own / "cards.md").write_text(GOOD, encoding="utf-8")
    assert load_prompt_file("cards", tmp_path).system.startswith("Rules."), (
        "the workspace's comes first"
    )
    with pytest.raises(ConfigError) as caught:
        load_prompt_file("poems", tmp_path)
    assert "cards" in caught.value.hint
    (own / "bad.md").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"bad\.md"):
        load_prompt_file("bad", tmp_path)
    with pytest.raises(ConfigError):
        load_prompt_file("../secret", tmp_path)


# --- what deck files ask ----------------------------------------------------------------------


def words(asked):
    return "\n".join(message["content"] for message in asked["messages"])


def test_what_a_deck_and_a_colour_ask_for_is_in_the_request(draft, task, server):
    draft(task("One fact.", instructions=DraftingInstructions(kinds=(CardKind.BASIC,))))
    draft(
        task("Two facts.", instructions=DraftingInstructions(requested_kind="definition"))
    )
    draft(task("Three facts.", keeps_pending_drafts=True))
    kinds, colour, again = server.asked
    schema = kinds["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["cards"]["items"]["properties"]["kind"]["enum"] == [
        "basic",
        "none",
    ]
    assert 'kind "cloze"' not in words(kinds)
    assert "<wanted>a definition" in words(colour)
    assert "<wanted>" not in words(kinds)
    assert "quite different cards" in words(again), "a person asks for others"
    assert "quite different cards" not in words(kinds)


def test_the_paragraph_is_sent_once_with_its_passage(draft, task, highlight, server):
    paragraph = "Rivers bend. It is helicoidal. So sand moves."
    draft(
        task(
            highlight(
                "It is helicoidal.", prefix="Rivers bend. ", surrounding_text=paragraph
            )
        )
    )
    draft(task(highlight("It moves.", prefix="Sand falls. ", suffix=" It stops.")))
    draft(task(highlight("Sand moves.")))
    first, second, third = map(words, server.asked)
    assert f"<around>{paragraph}</around>" in first
    assert "<around>Sand falls. It moves. It stops.</around>" in second
    assert "</around>\n<marked>" not in third


@pytest.mark.parametrize(
    ("marked", "beside", "is_german"),
    [
        ("Die Kirche ist der Ort, an dem sie sich trifft.", "It is the place where they are.", True),
        ("It is the place where they are.", "Die Kirche ist der Ort, an dem sie sich trifft.", False),
        ("Photosynthese", "Das ist der Stoff, den die Pflanze aus der Luft nimmt.", True),
    ],
)  # fmt: skip
def test_a_question_is_asked_for_in_the_language_of_the_marked_words(
    draft, task, highlight, server, marked, beside, is_german
):
    draft(task(highlight(marked, surrounding_text=f"{beside * 3} {marked} {beside}")))
    [asked] = map(words, server.asked)
    assert ("<language>gesprochenes Deutsch" in asked) == is_german


@pytest.mark.parametrize(
    ("marked", "sentence", "shown"),
    [
        (
            "helicoidal",
            "The flow is helicoidal.",
            ("The flow is helicoidal.", "helicoidal"),
        ),
        ("It is helicoidal.", "It is helicoidal.", ("It is helicoidal.", "")),
        ("helicoidal", "", ("helicoidal", "")),
        ("The flow is helicoidal there", "The flow is helicoidal there, they say.", None),
    ],
)
def test_a_term_marked_alone_is_sent_as_a_phrase_of_its_sentence(
    draft, task, highlight, server, marked, sentence, shown
):
    draft(task(highlight(marked, sentence=sentence)))
    [asked] = map(words, server.asked)
    passage, phrase = shown or (marked, "")
    assert f"<marked>{passage}</marked>" in asked
    assert re.findall("<phrases>(.*)</phrases>", asked) == ([phrase] if phrase else [])


@pytest.mark.parametrize(
    ("letters", "most"), [(0, 1), (250, 1), (251, 2), (750, 3), (751, 4), (9_000, 4)]
)
def test_a_passage_gets_a_card_for_each_begun_250_letters_up_to_four(letters, most):
    assert compute_max_card_count("a" * letters) == most
