"""`ankiforge eval` as a person calls it: drawn, rated blind, counted."""

import csv
import io
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

FACTS = [
    {"exact": f"The {name} of the machine weighs {at + 2} kilograms.", "deserves": True}
    for at, name in enumerate(
        ["axle", "boiler", "crank", "damper", "engine", "flue", "gauge", "hopper", "idler", "jack"]
    )
]
CHAT = {"exact": "Thank you for reading so far, dear reader.", "deserves": False}


def cards_of(fake: Any) -> Any:
    """One card a fact, none for what weighs nothing."""

    def answer(request: dict[str, Any]) -> Any:
        made = []
        for label, words in fake.marked(request):
            found = re.match(r"The (\w+) of the machine weighs (\d+ kilograms)", words)
            made.append(
                fake.card(
                    label, words, f"How much does the {found[1]} of the machine weigh?", found[2]
                )
                if found
                else {"h": label, "kind": "none", "why_none": "thanks the reader"}
            )
        return fake.cards(*made)

    return answer


@pytest.fixture
def model(server: Any, fake: Any) -> Any:
    server.otherwise = cards_of(fake)
    return server


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))


def filled(path: Path) -> bytes:
    """Rate the first card."""
    text = path.read_text(encoding="utf-8").replace(",,,,,,,", ",1,1,1,1,1,1,", 1)
    path.write_text(text, encoding="utf-8")
    return path.read_bytes()


# --- drawing --------------------------------------------------------------------------------


def test_the_rules_draw_the_shipped_set_and_nothing_is_written(forge):
    came = forge.json("eval")

    assert came["highlights"]["seen"] >= 60
    assert came["labelled"]["left_alone"] == came["labelled"]["undeserving"] > 0
    assert came["cards"]["drawn"] > 5
    assert came["cards"]["blocked"] == 0
    assert list(forge.folder.iterdir()) == []


def test_a_model_draws_once_and_is_remembered_and_no_card_reaches_the_workspace(
    forge, model, passages
):
    path = passages(*FACTS, CHAT)

    first = forge.json("eval", path, "--drafter", "llm")
    asked = len(model.asked)
    second = forge.json("eval", path, "--drafter", "llm")

    assert first["highlights"] == {
        "seen": 11, "carded": 10, "blocked": 0, "no_card": 1, "failed": 0,
    }  # fmt: skip
    assert first["labelled"] == {
        "deserving": 10, "deserving_carded": 10, "undeserving": 1, "left_alone": 1,
    }  # fmt: skip
    assert first["no_card"] == {"thanks the reader": 1}
    assert len(model.asked) == asked
    assert second["llm"]["requests"] == 0
    assert second["llm"]["cached"] > 0
    assert forge.cards() == []


def test_what_the_label_says_is_never_sent(forge, model, passages):
    forge.ok("eval", passages({**FACTS[0], "why": "SECRET"}), "--drafter", "llm")

    assert "SECRET" not in json.dumps(model.asked)
    assert "deserves" not in json.dumps(model.asked)


def test_a_server_that_is_not_there_is_exit_3_and_what_was_drawn_is_told(forge, server, passages):
    path = passages(*FACTS)
    server.stop()

    done = forge("eval", path, "--drafter", "llm", "--json", code=3)

    assert done.data["highlights"]["failed"] == 10


def test_requests_go_out_and_come_back_as_a_batch_file(forge, model, fake, passages):
    path = passages(*FACTS[:3], CHAT)
    forge.ok("eval", path, "--drafter", "llm", "--export", "ask.jsonl")
    asked = (forge.folder / "ask.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in asked.splitlines()]
    replies = [
        {
            "custom_id": line["custom_id"],
            "response": {
                "status_code": 200,
                "body": json.loads(model.otherwise(line["body"]).body),
            },
        }
        for line in reversed(lines[1:])
    ]
    (forge.folder / "out.jsonl").write_text("\n".join(map(json.dumps, replies)))

    came = forge.json("eval", path, "--drafter", "llm", "--import", "out.jsonl", "-o", "s.csv")

    assert model.asked == []
    assert came["highlights"] == {
        "seen": 4, "carded": 2, "blocked": 0, "no_card": 1, "failed": 1,
    }  # fmt: skip
    assert len(rows_of(forge.folder / "s.csv")) == 4  # two cards, one of them twice; one alone
    assert forge.cards() == []


def test_what_a_check_blocked_is_asked_again_by_the_next_export(forge, server, fake, passages):
    path = passages(FACTS[0])
    leaked = fake.cards(fake.card(1, FACTS[0]["exact"], "How heavy is it?", "9 kilograms"))
    mended = fake.cards(
        fake.card(
            1, FACTS[0]["exact"], "How much does the axle of the machine weigh?", "2 kilograms"
        )
    )
    came = {}
    for name, reply in (("first", leaked), ("second", mended)):
        forge.ok("eval", path, "--drafter", "llm", "--export", "ask.jsonl")
        asked = json.loads((forge.folder / "ask.jsonl").read_text(encoding="utf-8"))
        body = json.loads(reply.body)
        answer = {"custom_id": asked["custom_id"], "response": {"status_code": 200, "body": body}}
        (forge.folder / f"{name}.jsonl").write_text(json.dumps(answer))
        came[name] = forge.json("eval", path, "--drafter", "llm", "--import", f"{name}.jsonl")

    assert came["first"]["cards"]["blocked"] == 1
    assert came["second"]["cards"] == {"drawn": 1, "clean": 1, "warned": 0, "blocked": 0}
    done = forge.ok("eval", path, "--drafter", "llm", "--export", "more.jsonl")
    assert "nothing to ask" in done.stderr


def test_a_chat_draws_too(forge, server, passages):
    path = passages(*FACTS[:2])
    forge.ok("eval", path, "--drafter", "llm", "--export", "ask.md")
    labels = re.findall(r'<highlight h="([0-9a-f]{8})"', (forge.folder / "ask.md").read_text())
    card = {
        "h": labels[-2], "kind": "basic", "quote": FACTS[0]["exact"], "text": "", "why_none": "",
        "front": "How heavy is the axle of the machine?", "back": "2 kilograms",
    }  # fmt: skip
    (forge.folder / "answer.md").write_text(f"Here:\n{json.dumps({'cards': [card]})}\n")

    done = forge("eval", path, "--drafter", "llm", "--import", "answer.md", "--json")

    assert done.data["highlights"]["carded"] == 1
    assert done.data["highlights"]["failed"] == 1
    assert next(iter(done.data["origins"])).startswith("chat · cards@")


@pytest.mark.parametrize(
    "words",
    [
        ["--export", "x.jsonl"],
        ["--drafter", "llm", "--export", "x.txt"],
        ["-o", "sheet.pdf"],
        ["--key", "k.json"],
        ["a.jsonl", "b.jsonl"],
        ["--rated"],
        ["--rated", "absent.csv"],
    ],
)
def test_what_cannot_be_meant_is_exit_2(forge, words):
    assert forge("eval", *words, code=2).stderr


# --- the sheet ------------------------------------------------------------------------------


def test_the_sheet_is_blind_and_shuffled_and_a_fifth_comes_twice(forge, model, passages):
    path = passages(*FACTS, CHAT)
    forge.ok("eval", path, "--drafter", "llm", "-o", "s.csv")
    text = (forge.folder / "s.csv").read_text(encoding="utf-8-sig")
    rows = rows_of(forge.folder / "s.csv")
    fronts = [row["front"] for row in rows if row["back"]]
    key = json.loads((forge.folder / "s.key.json").read_text())

    assert len(fronts) == 12
    assert len(set(fronts)) == 10
    assert fronts != sorted(fronts)
    for word in ("cards@", "llm", "deserve", "rules", "thanks the reader"):
        assert word not in text, word
    assert {card["origin"]["model"] for card in key["cards"].values()} == {"m"}
    head = list(rows[0])
    before = head.index("passage")
    assert [name[0] for name in head[:before] if name[1] == "_"] == list("134578")
    assert [name[0] for name in head[before:] if name[1] == "_"] == list("26")


def test_the_same_seed_gives_the_same_sheet_and_another_one_another(forge, model, passages):
    path = passages(*FACTS)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        forge.ok("eval", path, "--drafter", "llm", "-o", f"{name}.csv", "--seed", seed)
    a, b, c = ((forge.folder / f"{name}.csv").read_bytes() for name in "abc")

    assert a == b
    assert a != c


def test_a_sheet_that_was_filled_in_is_not_replaced(forge, model, passages):
    path = passages(*FACTS)
    made = ("eval", path, "--drafter", "llm", "-o", "s.csv")
    forge.ok(*made)
    forge.ok(*made)
    before = filled(forge.folder / "s.csv")

    assert "--force" in forge(*made, code=2).stderr
    assert (forge.folder / "s.csv").read_bytes() == before
    forge.ok(*made, "--force")
    assert (forge.folder / "s.csv").read_bytes() != before


def test_a_spreadsheet_takes_no_cell_for_an_order(forge, passages):
    path = passages(
        {"exact": "=HYPERLINK(1)", "comment": "? What would a spreadsheet make of this?"}
    )
    forge.ok("eval", path, "-o", "s.csv")

    for row in rows_of(forge.folder / "s.csv"):
        assert row["back"] == "'=HYPERLINK(1)"


def test_the_page_stands_alone_and_holds_no_origin(forge, model, passages):
    evil = {"exact": "The axle of the machine weighs 2 kilograms.</script><script>x()</script>"}
    forge.ok("eval", passages(evil, *FACTS[1:]), "--drafter", "llm", "-o", "s.html")
    page = (forge.folder / "s.html").read_text(encoding="utf-8")
    [data] = re.findall(
        r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL
    )
    items = json.loads(data)["items"]

    assert page.count("<script") == 2
    assert "default-src 'none'" in page
    assert not re.search(r"(?:src|href)\s*=\s*[\"']?(?:https?:)?//", page)
    assert len(items) == 12
    for word in ("cards@", '"llm"', "deserves", "origin"):
        assert word not in page, word
    assert json.loads(data)["criteria"][-1]["sourced"]


def test_the_script_of_the_page_rates_and_saves(forge, model, passages, tmp_path):
    """In Node, with as much of a page as the script touches."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    forge.ok("eval", passages(*FACTS[:2], CHAT), "--drafter", "llm", "-o", "s.html")
    page = (forge.folder / "s.html").read_text(encoding="utf-8")
    [data] = re.findall(
        r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL
    )
    script = page.split("<script>")[1].partition("</script>")[0]
    (tmp_path / "run.js").write_text(_STAGE.replace("DATA", json.dumps(data)) + script + _PLAY)

    done = subprocess.run([node, tmp_path / "run.js"], capture_output=True, text=True, check=True)
    seen, saved = done.stdout.split("\x1f")
    (forge.folder / "s.ratings.csv").write_text(saved, encoding="utf-8")
    came = forge.json("eval", "--rated", "s.ratings.csv")

    assert seen.split() == ["6", "8"]  # the passage and its two questions come last
    assert came["cards"]["T3"] == 1
    assert came["cards"]["T0"] == 1
    assert came["sheets"][0]["rated"] == len(json.loads(data)["items"])


_STAGE = """
const nodes = {};
function node(id) {
  const made = { id, children: [], dataset: {}, classList: { toggle() {} }, listeners: {},
    append(...parts) { this.children.push(...parts); },
    replaceChildren(...parts) { this.children = parts; },
    addEventListener(name, act) { this.listeners[name] = act; },
    click() { this.listeners.click?.(); } };
  return made;
}
const document = { listeners: {}, getElementById: (id) => (nodes[id] ||= node(id)),
  createElement: (tag) => ({ ...node(tag), tagName: tag.toUpperCase() }),
  addEventListener(name, act) { this.listeners[name] = act; } };
const kept = {};
const localStorage = { getItem: (k) => kept[k] ?? null, setItem(k, v) { kept[k] = v; } };
const location = { pathname: "/tmp/s.html" }; function scrollTo() {}
document.getElementById("data").textContent = DATA;
"""
_PLAY = """
const press = (key) => document.listeners.keydown(
  { key, target: { tagName: "BODY" }, preventDefault() {} });
const questions = () => nodes.main.children.filter((one) => one.tagName === "FIELDSET").length;
const seen = [questions()];
for (let n = 0; n < 6; n++) press("1");
seen.push(questions());
press("y"); press("y");
while (data.items.some((item) => !done(item))) press(data.items[at].faces.length ? "0" : "n");
process.stdout.write(seen.join(" ") + "\\x1f" + csv());
"""
