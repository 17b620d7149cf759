import re
from pathlib import Path

import pytest

from ankiforge.check import Context, DuplicateIndex, check
from ankiforge.config import shipped
from ankiforge.draft.prompt import Shape, load, parse, passage
from ankiforge.draft.reply import drafts_of, objects, reasons, usable
from ankiforge.errors import ConfigError
from ankiforge.model import CardKind, Origin

HEAD = "---\nname: mine\nversion: 1\nkinds: [basic]\nvariables: [schema, highlights]\n---\n"
GOOD = HEAD + "Rules. {{ schema }}\n---\n{{highlights}}\n"


def wrong(text):
    with pytest.raises(ConfigError) as caught:
        parse(text, Path("prompts/mine.md"))
    assert caught.value.message.startswith("prompts/mine.md")
    return f"{caught.value.message} ({caught.value.hint})"


@pytest.mark.parametrize(
    "path", sorted(shipped("prompts").glob("*.md")), ids=lambda path: path.stem
)
def test_every_shipped_prompt_is_a_prompt_of_its_own_name(path):
    prompt = load(path.stem, [shipped("prompts")])
    assert prompt.name == path.stem
    assert "{{ highlights }}" in prompt.user
    assert "{{ schema }}" in prompt.system
    assert "data" in prompt.system


def examples(system, highlight):
    """(passage, the items that answer it) of the examples in a prompt."""
    blocks = re.findall(r'<highlight h="(\w+)">(.*?)</highlight>', system, re.DOTALL)
    answers = [found for found in objects(system) if "h" in found and "kind" in found]
    assert len(blocks) == len(answers)
    for (label, block), answer in zip(blocks, answers, strict=True):
        assert str(answer["h"]) == label
        parts = dict(re.findall(r"<(\w+)>(.*?)</\1>", block, re.DOTALL))
        passage = highlight(
            parts["marked"],
            prefix=parts.get("before", ""),
            suffix=parts.get("after", ""),
            heading=parts.get("heading", ""),
            comment=parts.get("comment", ""),
        )
        yield passage, usable([answer], (label,))


@pytest.mark.parametrize(
    "path", sorted(shipped("prompts").glob("*.md")), ids=lambda path: path.stem
)
def test_the_examples_of_a_prompt_pass_all_checks(path, highlight):
    prompt = load(path.stem, [shipped("prompts")])
    shape = Shape(prompt.kinds)
    none = 0
    for marked, read in examples(prompt.system, highlight):
        drafts = drafts_of(read, marked, Origin("llm"), shape)
        none += not drafts and bool(list(reasons(read)))
        for draft in drafts:
            assert check(draft, Context(marked, DuplicateIndex())) == (), draft
    assert none == 1


def test_holes_are_filled_and_values_are_never_searched_for_holes():
    prompt = parse(GOOD, Path("prompts/mine.md"))
    messages = prompt.messages({"schema": "{}", "highlights": "see {{ schema }} and {{c1::x}}"})
    assert messages == (
        {"role": "system", "content": "Rules. {}"},
        {"role": "user", "content": "see {{ schema }} and {{c1::x}}"},
    )


def test_without_a_cut_all_is_the_users():
    prompt = parse(HEAD + "{{ schema }} {{ highlights }}", Path("prompts/mine.md"))
    assert [message["role"] for message in prompt.messages({"schema": "a", "highlights": "b"})] == [
        "user"
    ]


def test_a_cloze_in_the_text_is_no_hole():
    text = GOOD.replace("Rules.", "Write {{c1::answer}}.")
    assert "{{c1::answer}}" in parse(text, Path("prompts/mine.md")).system


def test_the_fingerprint_follows_every_word_and_nothing_else():
    here, there = Path("prompts/mine.md"), Path("elsewhere/mine.md")
    first = parse(GOOD, here).fingerprint
    assert first.startswith("mine@")
    assert len(first) == len("mine@") + 8
    assert parse(GOOD, there).fingerprint == first
    for changed in (("Rules.", "Rules!"), ("version: 1", "version: 2"), ("[basic]", "[cloze]")):
        assert parse(GOOD.replace(*changed), here).fingerprint != first


def test_kinds_are_typed():
    assert parse(GOOD, Path("prompts/mine.md")).kinds == (CardKind.BASIC,)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("version: 1\n", ""), "version"),
        (("version: 1", "version: 1\ncolour: red"), "colour: unknown key"),
        (("[basic]", "[basic, haiku]"), "kinds"),
        (("[basic]", "basic"), "kinds"),
        (("[basic]", "[[basic]]"), "kinds"),
        (("[schema, highlights]", "[schema]"), "highlights is in the text"),
        (("[schema, highlights]", "[schema, highlights, mood]"), "mood is not a known variable"),
        (("[schema, highlights]", "[schema, highlights, title]"), "title is declared but not in"),
        (("[schema, highlights]", "[[schema], highlights]"), "a list of names"),
        (("[schema, highlights]", "schema"), "a list of names"),
        (("Rules. {{ schema }}", "Rules."), "schema is declared but not in"),
        (("Rules.", "Rules {{ moon }}."), "moon is in the text"),
        (("name: mine", "name: [mine"), "not YAML"),
        ((HEAD, "---\n- a\n---\n"), "not a mapping"),
        ((HEAD, ""), "no head"),
    ],
)
def test_a_mistake_names_the_file_and_what_is_wrong(change, says):
    assert says in wrong(GOOD.replace(*change))


def test_a_prompt_needs_the_passages():
    text = GOOD.replace(", highlights]", "]").replace("{{highlights}}", "")
    assert "highlights must be in the text" in wrong(text)


def test_the_workspaces_prompt_comes_before_the_shipped_one(tmp_path):
    (tmp_path / "cards.md").write_text(GOOD, encoding="utf-8")
    assert load("cards", [tmp_path, shipped("prompts")]).name == "mine"
    assert load("cards-small", [tmp_path, shipped("prompts")]).name == "cards-small"


def test_an_unknown_prompt_lists_those_there_are():
    with pytest.raises(ConfigError) as caught:
        load("poems", [shipped("prompts")])
    assert "cards" in caught.value.hint


def test_a_name_never_leaves_its_folder(tmp_path):
    (tmp_path / "secret.md").write_text(GOOD, encoding="utf-8")
    (tmp_path / "prompts").mkdir()
    with pytest.raises(ConfigError):
        load("../secret", [tmp_path / "prompts"])


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"x" * 300_000])
def test_a_file_that_is_no_prompt_is_a_config_error(tmp_path, content):
    (tmp_path / "cards.md").write_bytes(content)
    with pytest.raises(ConfigError):
        load("cards", [tmp_path])


def test_context_that_was_cut_begins_and_ends_with_whole_words(highlight):
    long = (
        "vement of water in the bends of a river, which turns about itself as it moves on its way"
    )
    text = passage("1", highlight("It is helicoidal.", prefix=long[:80], suffix=long[:80]))
    assert "<before>… of water" in text
    assert "itself as it moves …</after>" in text
    short = passage("1", highlight("It is helicoidal.", prefix="Whole words ", suffix=" and more"))
    assert "<before>Whole words </before>" in short
    assert "<after> and more</after>" in short
