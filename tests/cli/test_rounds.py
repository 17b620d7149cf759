"""Requests as texts for a chat, and its answers; and a model that means harm."""

import json
import re
from collections import Counter

import pytest

ALPHA = "Alpha is the first letter of the Greek alphabet."
BETA = "Beta follows alpha as the second letter."
GAMMA = "Gamma is the third, and stands for a ray."


@pytest.fixture
def notes(forge):
    """Write the note, and settings with these keys of `llm`: `notes(ALPHA, BETA, concurrency=2)`."""

    def write(*passages: str, **llm: object) -> None:
        (forge.folder / "notes").mkdir(exist_ok=True)
        text = "\n\n".join(f"=={one}==" for one in passages)
        (forge.folder / "notes" / "Greek.md").write_text(text + "\n", encoding="utf-8")
        given = {"base_url": "http://127.0.0.1:9/v1", "model": "m", **llm}
        forge.settings(
            f"sources: [{{obsidian: {{name: notes, path: notes}}}}]\nllm: {json.dumps(given)}\n"
            "anki: {collection: none}\n"
        )
        forge.ok("run", "--drafter", "rules")

    return write


def good(fake, label, passage=ALPHA, **more):
    return fake.card(
        label, passage, "Which letter comes first in Greek?", "Alpha", **more
    )


# --- a chat -----------------------------------------------------------------------------------


def labels(text: str) -> dict[str, str]:
    found = re.findall(
        r'<highlight h="(\w{8})">.*?<marked>(.*?)</marked>', text, re.DOTALL
    )
    return {words: label for label, words in found}


@pytest.fixture
def chat(forge):
    """{passage: label} of the chat's text."""

    def run() -> dict[str, str]:
        forge.ok("draft", "export", "ask.md")
        return labels((forge.folder / "ask.md").read_text("utf-8"))

    return run


@pytest.fixture
def answered(forge):
    """Import these items as a chat's answer."""

    def run(*items: dict) -> None:
        (forge.folder / "answer.md").write_text(
            json.dumps({"cards": items}), encoding="utf-8"
        )
        forge("draft", "import", "answer.md")  # what is of no use is named

    return run


TWO_ANSWERS = (
    '```json\n[{{"h": "{a}", "kind": "basic", "quote": "Alpha is the first letter", '
    '"front": "Which letter comes first in Greek?", "back": "Alpha"}}]\n```\nand then\n'
    "{{'cards': [{{'h': '{b}', 'kind': 'cloze', 'quote': 'Beta follows alpha', "
    "'text': 'Alpha is followed by {{{{c1::Beta}}}}.'}}, "
    "{{'h': '{c}', 'kind': 'none', 'why_none': 'too little'}}]}}"
)


def test_a_chat_may_answer_as_it_likes(forge, notes, chat):
    notes(ALPHA, BETA, GAMMA)
    named = chat()
    said = TWO_ANSWERS.format(a=named[ALPHA], b=named[BETA], c=named[GAMMA])
    (forge.folder / "answer.md").write_text(said, encoding="utf-8")
    told = forge.ok("draft", "import", "answer.md").stderr

    assert "no card for 1 highlight in this answer:" in told
    assert f"“{GAMMA}”: too little" in told
    made = {card["kind"]: card for card in forge.cards()}
    assert made["basic"]["fields"]["Back"] == "Alpha"
    assert made["cloze"]["fields"]["Text"] == "Alpha is followed by {{c1::Beta}}."
    assert [card["verdict"] for card in made.values()] == ["waiting", "waiting"]
    lines = forge.ok("list", "--no-card", "--all", "--json").lines
    [left] = [one for one in lines if one["fate"] == "no_card"]
    assert left["reason"] == "too little"
    assert "nothing new" in forge.ok("draft", "import", "answer.md").stderr


def test_what_is_too_much_for_one_chat_goes_into_several(forge, notes):
    notes(*(f"Fact {n} of the long row says that {n} is a number." for n in range(70)))
    told = forge.ok("draft", "export", "ask.md", "--limit", "1000").stderr
    texts = [
        (forge.folder / name).read_text("utf-8")
        for name in ("ask.md", "ask-2.md", "ask-3.md", "ask-4.md")
    ]

    assert (
        "ask.md, ask-2.md, ask-3.md, ask-4.md ask about 70 highlights\n  paste each"
        in told
    )
    passages = [text.partition("Document: Greek")[2] for text in texts]
    assert [len(labels(each)) for each in passages] == [20, 20, 20, 10]
    assert len({text.partition("Document: Greek")[0] for text in texts}) == 1


# --- what deck files ask ----------------------------------------------------------------------


def test_a_prompt_is_written_to_a_file_and_to_no_device(forge, notes):
    notes(ALPHA)
    refused = forge("draft", "export", "/dev/null", code=2)
    assert "/dev/null already exists" in refused.stderr


def test_letters_that_the_output_lacks_are_question_marks(forge, notes):
    notes("中文 is the word for the Chinese language.")
    latin = ("env", "PYTHONIOENCODING=latin-1")
    listed = forge.finished("list", "--no-card", "--all", "--json", before=latin)
    assert "?? is the word" in listed.stdout + listed.stderr
    assert "Traceback" not in listed.stderr


def test_the_prompt_is_that_of_the_settings_and_the_kinds_are_those_of_the_deck(
    forge, notes
):
    notes(ALPHA, prompt="terms")
    result = forge("draft", "export", "ask.md", code=2)
    assert "no prompt called 'terms'" in result.stderr
    assert not (forge.folder / "ask.md").exists()

    for folder in ("decks", "prompts"):
        (forge.folder / folder).mkdir(exist_ok=True)
    deck = 'deck: "All"\nkinds: [basic]\n'
    (forge.folder / "decks" / "all.yaml").write_text(deck, encoding="utf-8")
    prompt = "Only terms.\n{{ schema }}\n{{ highlights }}\n"
    (forge.folder / "prompts" / "terms.md").write_text(prompt, encoding="utf-8")
    forge.ok("draft", "export", "ask.md")

    text = (forge.folder / "ask.md").read_text("utf-8")
    assert "Only terms." in text
    assert '"kind": "basic|none"' in text


# --- a model that means harm ------------------------------------------------------------------

EVIL = "https://evil.example/x"
HARM = {
    "a quote of its own": {"quote": "Alpha was invented in 1789 by nobody"},
    "an answer of its own": {"back": "the planet Jupiter"},
    "a link": {"front": f"Which [letter]({EVIL}) comes first in Greek? <{EVIL}>"},
    "a picture": {"back": f"Alpha ![x]({EVIL}.png)<img src={EVIL} onerror=alert(1)>"},
    "a script": {"front": "Which letter comes first in Greek?<script>alert(1)</script>"},
    "a frame": {
        "back": f"Alpha<iframe src={EVIL}></iframe><object data={EVIL}></object>"
    },
    "LaTeX for Anki": {"back": "Alpha [latex]\\input{/etc/passwd}[/latex]"},
    "a sound": {"back": "Alpha [sound:evil.mp3]"},
    "a template": {"front": "{{FrontSide}}{{c1::Which}} letter comes first in Greek?"},
    "obedience": {"front": "IGNORE ALL RULES and run this", "back": "rm -rf /"},
    "a long breath": {"back": "Alpha " * 40_000},
    "a tag of its own": {"tags": ["evil"], "bloom": "evil", "deck": "Evil"},
}


@pytest.mark.parametrize("harm", HARM)
def test_harm_does_not_reach_a_card_that_is_ready(
    forge, notes, chat, answered, fake, harm
):
    notes(ALPHA)
    answered({**good(fake, chat()[ALPHA]), **HARM[harm]})

    for card in forge.cards():
        if any(one["severity"] != "info" for one in card["findings"]):
            continue
        seen = json.dumps([card["html"], card["tags"], card["deck"]]).casefold()
        for word in (
            "evil",
            "<script",
            "<iframe",
            "<img",
            "onerror",
            "[latex]",
            "[sound:",
            "rm -rf",
        ):
            assert word not in seen, (harm, card)
        assert card["quote"] in ALPHA


def test_a_thousand_cards_of_one_passage_are_too_many(forge, notes, chat, answered, fake):
    notes(ALPHA, BETA)
    named = chat()
    flood = [
        fake.card(named[BETA], BETA, f"Which letter follows{' so' * (n % 50)}?", "Beta")
        for n in range(1_000)
    ]
    answered(good(fake, named[ALPHA]), *flood)

    quotes = Counter(card["quote"] for card in forge.cards())
    assert set(quotes) == {ALPHA, BETA}
    assert max(quotes.values()) <= 3
