"""What scripts rely on: shapes of JSON, clean streams, exit codes, and that a look is but a look."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.makers.clippings import write_clippings
from tests.makers.papers import write_predictions

NUMBER = (int, float)


def each(names: str, kind: Any = str) -> dict[str, Any]:
    return dict.fromkeys(names.split(), kind)


HIGHLIGHT = {
    **each(
        "key source kind exact prefix suffix comment colour author page_label heading uri"
    ),
    **each("gaps tags links", list),
    "document": {**each("key title issued"), "creators": list, "identifiers": dict},
}
CARD = {
    **each("id kind verdict anki deck quote highlight document"),
    **each("tags findings", list),
    **each("fields html", dict),
    "guid": (str, type(None)),
    "origin": each("drafter model prompt"),
    "change": (dict, type(None)),
}
FINDING = each("check severity message twin")
NOTES = each("written added updated withheld missing conflicts tombstones", int)
PROBLEM = each("where what hint")
RUN = {
    "highlights": each("seen new changed gone unchanged", int),
    "no_card": dict,
    "cards": each("drafted accepted changed", int),
    "state": {
        "highlights": each("total with_card waiting more without skipped", int),
        "cards": each("accepted rejected retired sourceless left_in_anki", int),
        "waiting": each("total new changed questions more", int),
    },
    **each("next why"),
    "notes": NOTES,
    "packages": list,
    "llm": each("requests cached tokens_in tokens_out cost_usd", NUMBER),
    "problems": list,
}
KINDS = {"highlight", "underline", "strike", "note", "image", "ink", "card"}


def fits(value: Any, shape: Any, where: str = "$") -> None:
    """Every key of the shape is there, with a value of its type."""
    if not isinstance(shape, Mapping):
        assert isinstance(value, shape), f"{where} is {value!r}"
        assert shape is not int or value is not True
        return
    for name, inner in shape.items():
        assert name in value, f"{where} lacks {name}"
        fits(value[name], inner, f"{where}.{name}")


@pytest.fixture
def filled(vault: Path) -> Path:
    """A vault in which every fate but failure happens."""
    (vault / "a.md").write_text(
        "---\ntags: [t]\n---\n# H\n\nWhat is a cell?::A unit of life\n\n"
        "The ==nucleus== holds most of the DNA of an animal.\n\n"
        "Its status:: done\n\n"
        "A {{c1::}} cloze of nothing.\n\n"
        "==Well, who would have thought that?==\n",
        encoding="utf-8",
    )
    (vault / "b.md").write_text(
        "---\nankiforge: false\n---\nHund:::dog\n", encoding="utf-8"
    )
    return vault


# --- JSON -----------------------------------------------------------------------------------


def test_extract_tells_a_highlight_a_line(forge, filled):
    found = forge.ok("run", "--dry-run", "-v", filled, "--json").lines

    assert len(found) >= 4
    assert any(one["gaps"] for one in found)
    for one in found:
        fits(one, HIGHLIGHT)
        assert one["kind"] in KINDS
        assert max(len(one["prefix"]), len(one["suffix"])) <= 80
        assert all(0 <= start < end <= len(one["exact"]) for start, end in one["gaps"])


def test_extract_says_what_counts_where_nothing_is_marked(forge, tmp_path):
    (tmp_path / "plain.md").write_text("Nothing is marked.\n", encoding="utf-8")
    said = forge.ok("run", "--dry-run", "-v", tmp_path / "plain.md").stderr
    assert said.startswith("no highlights found\nwhat counts as a highlight: marks and")
    assert (
        "what counts"
        not in forge.ok("run", "--dry-run", "-v", tmp_path, "--limit", "0").stderr
    )


def test_a_file_that_could_not_be_read_is_a_problem_of_extract_and_run(forge, filled):
    (filled / "broken.pdf").write_bytes(b"%PDF-1.4 nothing")
    [told] = [
        line
        for line in forge("run", "--dry-run", "-v", filled, "--json", code=1).lines
        if "problem" in line
    ]
    [problem] = forge("run", filled, "--json", code=1).data["problems"]
    for one in (told["problem"], problem):
        fits(one, PROBLEM)
        assert "broken.pdf" in one["where"]
    failed = forge("run", filled, "-q", code=1)
    assert failed.stdout == ""
    assert "broken.pdf" in failed.stderr


def test_list_tells_a_card_a_line(forge, filled):
    came = forge("--json", "run", filled, code=0)
    listed = forge.cards()
    assert len(listed) >= 3
    for card in listed:
        fits(card, CARD)
        for finding in card["findings"]:
            fits(finding, FINDING)
    assert {card["guid"] is None for card in listed} == {True, False}
    asked = [{**card, "questions": []} for card in listed]
    ids = [card["id"] for card in listed]
    assert forge.ok("list", *ids, "--json").lines == asked
    assert forge.ok("list", ids[0][:10], "--json").data == asked[0]

    without = [
        entry
        for entry in forge.ok("list", "--no-card", "--all", "--json").lines
        if entry["key"]
    ]
    counts = came.data["state"]["highlights"]
    rows = forge.ok("list", "--json").lines
    suggested = sum(row["by"] == "suggested" for row in rows)
    assert len(without) - suggested == sum(
        counts[name] for name in ("more", "without", "skipped")
    )
    for one in without:
        fits(one, {**HIGHLIGHT, "reason": str})
        assert one["reason"]

    [card] = (card for card in listed if "cell" in str(card["fields"]))
    forge.ok("reject", card["id"])
    assert [card["id"] for card in forge.cards()] == [card["id"] for card in listed]
    left = {card["id"] for card in forge.ok("list", "--json").lines}
    assert left == {one["id"] for one in listed} - {card["id"]}


@pytest.mark.parametrize(
    "more", [(), ("--dry-run",), ("--accept", "review"), ("--limit", "1")]
)
def test_run_tells_one_object_whose_counts_sum_to_what_was_seen(forge, filled, more):
    came = forge.json("run", filled, *more)

    fits(came, RUN)
    counts = came["state"]["highlights"]
    total = counts.pop("total")
    assert sum(counts.values()) == total == came["highlights"]["seen"] > 4
    assert sum(came["no_card"].values()) == counts["more"] + counts["without"]
    read = came["highlights"]
    assert read["new"] + read["changed"] + read["unchanged"] == read["seen"]


@pytest.mark.usefixtures("takes_marks")
def test_every_command_with_json_writes_json_and_nothing_else_to_stdout(
    forge, filled, files
):
    forge.ok("run", filled)
    guid = forge.cards()[0]["guid"]
    before = files(forge.folder, forge.home)
    looks: list[tuple[Any, ...]] = [
        ("list",), ("list", "-v", guid), ("run", "--dry-run", "-v", filled), ("list", "--no-card"),
        ("doctor",), ("status",),
    ]  # fmt: skip
    for call in looks:
        assert forge(*call, "--json").lines, call
    assert files(forge.folder, forge.home) == before, "a look writes nothing"
    for database in forge.folder.parent.rglob(".ankiforge/ledger.db*"):
        database.unlink()
    before = files(forge.folder, forge.home)
    forge.ok("status")
    assert files(forge.folder, forge.home) == before, "a look makes no database"
    built = forge.json("build")
    fits(built, {"notes": NOTES, "packages": list, "problems": list})
    assert built["notes"]["written"] >= 2
    for call in (("run", filled), ("draft",), ("reject", guid), ("undo",)):
        assert forge.ok(*call, "--json").lines, call
    fits(forge.json("draft"), RUN)


# --- streams --------------------------------------------------------------------------------


def test_no_escape_codes_where_nobody_looks(forge, filled):
    (filled / "broken.pdf").write_bytes(b"%PDF-1.4 nothing")
    calls = (("run", filled, "--json"), ("doctor",), ("--help",))
    for result in (forge.finished("run", filled), *(forge(*call) for call in calls)):
        assert "\x1b" not in result.stdout + result.stderr
        assert result.stdout


def test_quiet_commands_that_succeed_print_only_what_was_asked_for(forge, filled):
    quiet = forge.ok("run", filled, "-q")
    assert (quiet.stdout, quiet.stderr) == ("", "")
    for words in ("list -v", "list --no-card", "status", "doctor", "search cat"):
        quiet = forge.ok(*words.split(), "-q")
        assert quiet.stdout == forge.ok(*words.split()).stdout, words
        assert quiet.stderr == "", words
    assert forge.ok("list", "-q").stdout
    for words in ("build", "draft", "accept --all", "list nowhere-else"):
        quiet = forge.ok(*words.split(), "-q")
        assert (quiet.stdout, quiet.stderr) == ("", ""), words


# --- looks ----------------------------------------------------------------------------------


@pytest.mark.parametrize("known", [False, True], ids=["at first sight", "later"])
def test_a_dry_run_writes_nothing_at_all(forge, filled, files, known):
    if known:
        forge.ok("run", filled)
        (filled / "c.md").write_text("Katze:::cat\n", encoding="utf-8")
    before = files(forge.folder, forge.home, filled)
    dry = forge.json("run", filled, "--dry-run")

    assert files(forge.folder, forge.home, filled) == before
    assert dry["packages"] == []
    wet = forge.json("run", filled)
    assert wet["state"] == dry["state"]
    assert wet["cards"] == dry["cards"]


def test_a_look_at_nothing_makes_nothing(forge, files):
    assert forge.ok("list").stdout == ""
    assert not forge.home.exists() or not files(forge.home)


def test_no_command_writes_into_a_source(forge, filled, files):
    write_predictions(filled / "paper.pdf")
    write_clippings(filled / "My Clippings.txt")
    before = files(filled)
    forge.ok("run", filled)
    guid = forge.cards()[0]["guid"]
    for words in (f"edit {guid} --field Extra mine", f"reject {guid}", "undo",
                  "accept --all", "draft export ask.md", "build", "patch", "doctor"):  # fmt: skip
        forge.ok(*words.split())

    assert files(filled) == before


def test_extract_tells_the_keys_that_a_run_gives(forge, filled):
    would_be = [
        one["key"] for one in forge.ok("run", "--dry-run", "-v", filled, "--json").lines
    ]
    forge.ok("run", filled)

    assert [
        one["key"] for one in forge.ok("run", "--dry-run", "-v", filled, "--json").lines
    ] == would_be
    assert {card["highlight"] for card in forge.cards()} <= set(would_be)


# --- the way of a card ----------------------------------------------------------------------


@pytest.mark.usefixtures("takes_marks")
def test_list_v_of_an_id_tells_decisions_and_shipments(forge, filled):
    forge.ok("run", filled)
    [card] = [card for card in forge.cards() if "nucleus" in str(card["fields"])]
    forge.ok("edit", card["guid"], "--field", "Extra", "mine")
    forge.ok("build")
    way = forge.ok("list", "-v", card["guid"], "--json").data

    happened = [decided["what"] for decided in way["decisions"]]
    assert happened == ["accept", "shipped", "edit", "shipped"]
    told = forge.ok("list", "-v", card["guid"]).stdout
    for words in ("accepted by person", "edited by person", "shipped by policy"):
        assert words in told


WRONG_CALLS = [
    (["lst"], 2, "there is no command ankiforge lst", "did you mean ankiforge list?"),
    (["list", "--vew"], 2, "there is no option --vew", "did you mean --view?"),
    (["list", "--limit", "x"], 2, "invalid value for '--limit'", ""),
    (["list", 'nofield:"x"'], 2, "query: no field called 'nofield'", "fields: deck"),
    (["run", "nowhere.pdf"], 2, "there is no such file or folder", ""),
    (["list", "-v", "dr00000000"], 2, "no id begins with 'dr00000000'", "ankiforge list"),
    (["edit"], 2, "missing argument", "ankiforge edit -h"),
    ([], 2, "missing command", "ankiforge -h"),
    (["draft", "import"], 2, "missing argument", "ankiforge draft import -h"),
    (["-C", "nowhere", "status"], 2, "nowhere", "ankiforge init"),
    (["undo"], 1, "", ""),
]


def test_with_json_an_error_is_one_line_of_json_on_stderr(forge):
    for words, code, what, hint in WRONG_CALLS:
        for place in (0, len(words)):
            told = forge(*words[:place], "--json", *words[place:], code=code)
            if code == 1:  # a decision that is refused is a value
                assert (told.data["done"], told.data["refused"]) == (
                    False,
                    "nothing to undo",
                )
                continue
            assert told.stdout == ""
            [line] = told.stderr.splitlines()
            error = json.loads(line)["error"]
            assert [*error] == ["what", "hint", "code"]
            assert error["code"] == code, words
            assert what in error["what"], words
            assert hint in error["hint"], words
        text = forge(*words, code=code).stderr
        assert '{"error"' not in text
