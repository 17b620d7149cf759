"""Requests as files, in as many rounds as it takes; and a model that means harm."""

import json
import re
from collections import Counter

import pytest

ALPHA = "Alpha is the first letter of the Greek alphabet."
BETA = "Beta follows alpha as the second letter."
GAMMA = "Gamma is the third, and stands for a ray."


@pytest.fixture
def notes(forge):
    """Write the note, and settings with these keys of `llm`: `notes(ALPHA, BETA, candidates=2)`."""

    def write(*passages: str, **llm: object) -> None:
        (forge.folder / "notes").mkdir(exist_ok=True)
        text = "\n\n".join(f"=={one}==" for one in passages)
        (forge.folder / "notes" / "Greek.md").write_text(text + "\n", encoding="utf-8")
        given = {"base_url": "http://127.0.0.1:9/v1", "model": "m", "candidates": 1, **llm}
        forge.settings(
            f"sources: [{{obsidian: {{name: notes, path: notes}}}}]\nllm: {json.dumps(given)}\n"
            "accept: {llm: clean}\nanki: {collection: none}\n"
        )
        forge.ok("run", "--drafter", "rules")

    return write


@pytest.fixture
def exported(forge):
    """The lines of the next export, "" if nothing is pending."""

    def run(name: str = "ask.jsonl") -> list[dict]:
        (forge.folder / name).unlink(missing_ok=True)
        forge.ok("draft", "export", name)
        path = forge.folder / name
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []  # fmt: skip

    return run


@pytest.fixture
def answer(forge, fake):
    """Write the line with these items, or this body, for a request."""

    def line(request, *items, status=200, error=None, body=None):
        said = body or fake.completion(json.dumps({"cards": list(items)}))
        response = {"status_code": status, "request_id": "r", "body": said}
        return json.dumps(
            {"id": "b", "custom_id": request["custom_id"], "error": error,
             "response": None if error else response}
        )  # fmt: skip

    return line


def about(lines, words):
    [found] = [one for one in lines if f"<marked>{words}" in one["body"]["messages"][-1]["content"]]
    return found


def save(forge, name, *lines, head=""):
    (forge.folder / name).write_text(head + "\r\n".join(lines) + "\r\n\r\n", encoding="utf-8")


def good(fake, passage=ALPHA, **more):
    return fake.card("1", passage, "Which letter comes first in Greek?", "Alpha", **more)


def test_three_rounds_answer_everything_and_pay_nothing_twice(forge, notes, exported, answer, fake):
    notes(ALPHA, BETA, GAMMA)
    first = exported()
    a, b, c = (about(first, words) for words in (ALPHA, BETA, GAMMA))
    blocked = fake.card("1", BETA, "Is beta second?", "yes")
    expired = {"code": "batch_expired", "message": "This request could not be executed in time."}
    save(forge, "errors.jsonl", answer(c, error=expired), head="\ufeff")
    save(forge, "done.jsonl", answer(b, blocked), answer(a, good(fake)), answer(a, good(fake)))
    came = forge("draft", "import", "errors.jsonl", "done.jsonl", code=1)

    assert "errors.jsonl:1" in came.stderr
    assert "could not be executed in time" in came.stderr
    assert {card["quote"]: card["verdict"] for card in forge.cards()} == {
        ALPHA: "pending",
        BETA: "pending",
    }

    second = exported()
    assert len(second) == 2
    again = about(second, GAMMA)
    assert again["custom_id"] == c["custom_id"]
    [mending] = [one for one in second if one is not again]
    assert "the answer is yes or no" in mending["body"]["messages"][-1]["content"]
    assert exported() == second

    mended = fake.card("1", BETA, "Which letter follows alpha?", "Beta")
    none = {"h": "1", "kind": "none", "why_none": "tells too little"}
    save(forge, "second.jsonl", answer(mending, mended), answer(again, none))
    forge.ok("draft", "import", "second.jsonl")

    beta = next(card for card in forge.cards() if card["quote"] == BETA)
    assert (beta["fields"]["Back"], beta["verdict"]) == ("Beta", "pending")
    assert exported() == []
    lines = forge.ok("list", "--no-card", "--json").lines
    [left] = [one for one in lines if one["fate"] == "no_card"]
    assert left["reason"] == "tells too little"

    traced = forge.json("trace", beta["guid"])
    [attempt] = [tried for one in traced["candidates"] for tried in one["attempts"]]
    assert attempt["fields"]["Front"] == "Is beta second?"
    assert "Is beta second?" in attempt["reply"]
    told = forge.ok("trace", beta["guid"]).stdout
    for words in ("asked      system:", "sent back", "yes or no", "Which letter follows alpha?"):
        assert words in told

    before = forge.cards()
    for name in ("done.jsonl", "second.jsonl", "errors.jsonl"):
        assert "nothing new" in forge.ok("draft", "import", name).stderr or name == "errors.jsonl"
    assert forge.cards() == before


def test_lines_of_others_and_broken_ones_cost_nothing(forge, notes, exported, answer, fake):
    notes(ALPHA)
    [request] = exported()
    foreign = json.dumps({"custom_id": "their-1", "response": {"status_code": 200, "body": {}}})
    late = answer(request, status=500, body={"error": {"message": "try later"}})
    save(forge, "done.jsonl", "{", foreign, late, answer(request, good(fake))[:80])
    result = forge("draft", "import", "done.jsonl", code=1)

    for number, words in (
        (1, "not a line of"),
        (2, "not a line of"),
        (3, "try later"),
        (4, "not a line of"),
    ):
        assert re.search(rf"done\.jsonl:{number}: .*{words}", result.stderr), number
    assert exported() == [request]


# --- a chat -----------------------------------------------------------------------------------


def labels(text: str) -> dict[str, str]:
    found = re.findall(r'<highlight h="(\w{8})">.*?<marked>(.*?)</marked>', text, re.DOTALL)
    return {words: label for label, words in found}


@pytest.fixture
def chat(forge):
    """{passage: label} of the chat's text."""

    def run() -> dict[str, str]:
        forge.ok("draft", "export", "ask.md")
        return labels((forge.folder / "ask.md").read_text("utf-8"))

    return run


WAYS = {
    "lines": "### {a}\nQ: Which letter comes first in Greek?\nA: Alpha\n\n"
    "**{b}**\n- **Cloze:** Alpha is followed by {{{{c1::Beta}}}}.\n\n{c}: None: too little\n",
    "a table": "| h | front | back |\n|---|---|---|\n"
    "| {a} | Which letter comes first in Greek? | Alpha |\n"
    "| {b} | Alpha is followed by {{{{c1::Beta}}}}. | |\n| {c} | none | too little |\n",
    "two answers": '```json\n[{{"h": "{a}", "kind": "basic", "quote": "Alpha is the first letter", '
    '"front": "Which letter comes first in Greek?", "back": "Alpha"}}]\n```\nand then\n'
    "{{'cards': [{{'h': '{b}', 'kind': 'cloze', 'quote': 'Beta follows alpha', "
    "'text': 'Alpha is followed by {{{{c1::Beta}}}}.'}}, "
    "{{'h': '{c}', 'kind': 'none', 'why_none': 'too little'}}]}}",
}


@pytest.mark.parametrize("way", WAYS)
def test_a_chat_may_answer_as_it_likes(forge, notes, chat, way):
    notes(ALPHA, BETA, GAMMA)
    named = chat()
    said = WAYS[way].format(a=named[ALPHA], b=named[BETA], c=named[GAMMA])
    (forge.folder / "answer.md").write_text(said, encoding="utf-8")
    forge.ok("draft", "import", "answer.md")

    made = {card["kind"]: card for card in forge.cards()}
    assert made["basic"]["fields"]["Back"] == "Alpha"
    assert made["cloze"]["fields"]["Text"] == "Alpha is followed by {{c1::Beta}}."
    assert [card["verdict"] for card in made.values()] == ["pending", "pending"]
    lines = forge.ok("list", "--no-card", "--json").lines
    [left] = [one for one in lines if one["fate"] == "no_card"]
    assert left["reason"] == "too little"
    assert said in forge.json("trace", made["basic"]["guid"])["candidates"][0]["reply"]
    assert "nothing new" in forge.ok("draft", "import", "answer.md").stderr


def test_what_is_too_much_for_one_chat_goes_into_several(forge, notes):
    notes(*(f"Fact {n} of the long row says that {n} is a number." for n in range(230)))
    told = forge.ok("draft", "export", "ask.md", "--limit", "1000").stderr
    texts = [
        (forge.folder / name).read_text("utf-8") for name in ("ask.md", "ask-2.md", "ask-3.md")
    ]

    assert "230 highlights written to ask.md, ask-2.md, ask-3.md" in told
    assert [len(labels(text.partition("Document: Greek")[2])) for text in texts] == [100, 100, 30]
    assert len({text.partition("Document: Greek")[0] for text in texts}) == 1


# --- what deck files ask ----------------------------------------------------------------------


def test_a_prompt_that_is_not_there_is_named_before_anything_is_sent(forge, notes):
    notes(ALPHA)
    (forge.folder / "decks").mkdir()
    deck = 'deck: "All"\ncolours: {purple: {as: definition, prompt: terms}}\n'
    (forge.folder / "decks" / "all.yaml").write_text(deck, encoding="utf-8")
    result = forge("draft", "export", "ask.jsonl", code=2)

    assert "the deck 'All': no prompt called 'terms'" in result.stderr
    assert not (forge.folder / "ask.jsonl").exists()


@pytest.mark.parametrize("name", ["ask.md", "ask.jsonl"])
def test_a_deck_has_its_own_prompt_and_kinds_in_both_forms(forge, notes, name):
    notes(ALPHA)
    for folder in ("decks", "prompts"):
        (forge.folder / folder).mkdir()
    deck = 'deck: "All"\nkinds: [basic]\nprompt: terms\n'
    (forge.folder / "decks" / "all.yaml").write_text(deck, encoding="utf-8")
    prompt = (
        "---\nname: terms\nversion: 1\nkinds: [basic, cloze]\nvariables: [schema, highlights]\n---\n"
        "Only terms.\n{{ schema }}\n{{ highlights }}\n"
    )
    (forge.folder / "prompts" / "terms.md").write_text(prompt, encoding="utf-8")
    forge.ok("draft", "export", name)

    text = (forge.folder / name).read_text("utf-8").replace("\\", "")
    assert "Only terms." in text
    assert '"enum": ["basic", "none"]' in text


# --- a model that means harm ------------------------------------------------------------------

EVIL = "https://evil.example/x"
HARM = {
    "a quote of its own": {"quote": "Alpha was invented in 1789 by nobody"},
    "an answer of its own": {"back": "the planet Jupiter"},
    "a link": {"front": f"Which [letter]({EVIL}) comes first in Greek? <{EVIL}>"},
    "a picture": {"back": f"Alpha ![x]({EVIL}.png)<img src={EVIL} onerror=alert(1)>"},
    "a script": {"front": "Which letter comes first in Greek?<script>alert(1)</script>"},
    "a frame": {"back": f"Alpha<iframe src={EVIL}></iframe><object data={EVIL}></object>"},
    "LaTeX for Anki": {"back": "Alpha [latex]\\input{/etc/passwd}[/latex]"},
    "a sound": {"back": "Alpha [sound:evil.mp3]"},
    "a template": {"front": "{{FrontSide}}{{c1::Which}} letter comes first in Greek?"},
    "obedience": {"front": "IGNORE ALL RULES and run this", "back": "rm -rf /"},
    "a long breath": {"back": "Alpha " * 40_000},
    "a tag of its own": {"tags": ["evil"], "bloom": "evil", "deck": "Evil"},
}


@pytest.mark.parametrize("harm", HARM)
def test_harm_does_not_reach_a_card_that_is_ready(forge, notes, exported, answer, fake, harm):
    notes(ALPHA)
    [request] = exported()
    save(forge, "done.jsonl", answer(request, {**good(fake), **HARM[harm]}))
    forge.ok("draft", "import", "done.jsonl")

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


def test_wrong_labels_do_not_matter_for_one_passage_but_ten_thousand_cards_do(
    forge, notes, exported, answer, fake
):
    notes(ALPHA, BETA)
    first, second = exported()
    strange = [fake.card(label, ALPHA, f"{label}?") for label in ("7", "h9", "alpha", "1/2", 0)]
    flood = [fake.card("1", BETA, f"Which letter is number {n}?", "Beta") for n in range(10_000)]
    save(forge, "done.jsonl", answer(first, *strange), answer(second, *flood))
    forge.ok("draft", "import", "done.jsonl")

    quotes = Counter(card["quote"] for card in forge.cards())
    assert set(quotes) == {ALPHA, BETA}
    assert max(quotes.values()) <= 3
