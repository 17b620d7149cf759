"""`list`, `status` and `search`: what is there, what waits, and what settles it."""

import json
from datetime import datetime, timedelta

import msgspec
import pytest
from msgspec.structs import replace

from ankiforge.draft.propose import RejectionReason
from ankiforge.ledger.events import Event
from ankiforge.ledger.item_lists import compute_min_id_length
from ankiforge.pipeline.query import looks_like_id, parse_query

NOTE = """---
tags: [Biology/Cell]
---
# Cells

Osmosis is the steady movement of ==water== across a membrane.

Schrödinger's ==axolotl== sleeps in a box of steel.

What is C++?::a language

==Well, who would have thought that?==
"""
LATER = "# Later\n\nCross-validation is the ==splitting== of data for tests.\n"


@pytest.fixture
def read(forge, vault):
    """A vault with accepted cards in one note, and a draft that waits in another."""
    (vault / "cells.md").write_text(NOTE, encoding="utf-8")
    forge.ok("run", vault, "--deck", "Life::Cells")
    (vault / "later.md").write_text(LATER, encoding="utf-8")
    forge.ok("run", "--accept", "review")
    return forge


def backs(result):
    return {
        one["fields"].get("Back") or one["fields"]["Text"].split("::")[1]
        for one in result.lines
    }


QUERIES = [
    ([], {"water}} across a membrane.", "axolotl}} sleeps in a box of steel.", "a language", "splitting}} of data for tests."}),
    (["verdict:waiting"], {"splitting}} of data for tests."}),
    (["cross validation"], {"splitting}} of data for tests."}),
    (["schrodinger"], {"axolotl}} sleeps in a box of steel."}),
    (["C++"], {"a language"}),
    (["document:later"], {"splitting}} of data for tests."}),
    (["-document:cells"], {"splitting}} of data for tests."}),
    (["-verdict:accepted"], {"splitting}} of data for tests."}),
    (["-verdict:waiting", "language"], {"a language"}),
    (["--", "-verdict:accepted"], {"splitting}} of data for tests."}),
    (["kind:cl*", "verdict:accepted", "--", "-water"], {"axolotl}} sleeps in a box of steel."}),
    (["tag:biology", "membrane"], {"water}} across a membrane."}),
    (["tag:#biology/cell", "membrane"], {"water}} across a membrane."}),
    (["tag:bio"], set()),
    (["deck:life", "language"], {"a language"}),
    (["deck:lif"], set()),
    (["drafter:rules", "source:notes", "key:vault:", "language"], {"a language"}),
    (["anki:none"], {"splitting}} of data for tests."}),
    (["anki:written", "language"], {"a language"}),
    (["verdict:rejected"], set()),
    (["nothing has these words"], set()),
]  # fmt: skip


@pytest.mark.usefixtures("takes_marks")
def test_a_query_finds_cards_and_drafts(read):
    for words, found in QUERIES:
        assert backs(read.ok("list", "--json", *words)) == found, words


def test_a_condition_beside_options_leaves_them_what_they_are(read):
    in_full = read.ok("list", "-v", "-verdict:accepted").stdout
    assert "deck      " in in_full
    assert "deck      " not in read.ok("list", "-verdict:accepted").stdout


def test_an_empty_list_names_the_lists_that_may_have_it(read):
    for options, others in (
        ([], "ankiforge list --all, ankiforge list --no-card"),
        (["--all"], "ankiforge list --no-card"),
        (["--no-card"], "ankiforge list --no-card --all, ankiforge list"),
        (["--no-card", "--all"], "ankiforge list"),
    ):
        nothing = "nothing matches “no such words”"
        told = read.ok("list", *options, "no such words").stderr
        assert told == f"{nothing}; see also: {others}\n"
        told = read.ok("list", *options, "no", "such").stderr
        each = "nothing matches “no such”, because a card must match each word"
        assert told == f"{each}; see also: {others}\n"
        assert read.ok("list", *options, "--limit", "0").stderr == ""
        assert "no option --nope" in read("list", *options, "--nope", code=2).stderr


def test_suggestions_are_listed_and_a_sentence_is_suggested_once(forge):
    canal = "Osmosis is the diffusion of water through a semipermeable membrane."
    notes = forge.folder / "notes"
    notes.mkdir()
    (notes / "a.md").write_text(
        f"=={canal}==\n\n==Water boils here. {canal}==\n", "utf-8"
    )
    forge.ok("run", notes)
    heading, *lines = forge.ok("list").stdout.splitlines()
    assert heading == "a  1 waiting"
    assert [line.split()[1] for line in lines] == ["○"]
    assert lines[0].endswith("  suggested · gap 2: semipermeable membrane")
    assert "waiting" not in forge.ok("list", "no such words").stderr
    heading, *lines = forge.ok("list", "--no-card").stdout.splitlines()
    assert heading == "a  1 waiting, 2 highlights"
    assert [line.split()[1] for line in lines] == ["○", "·"]
    assert lines[1].endswith("  suggested above")
    rows = forge.ok("list", "--no-card", "--json").lines
    assert all(row["suggestion"] for row in rows)
    assert len(rows) == 2


def test_a_question_is_above_the_drafts_on_which_it_decides(forge, vault):
    lines = ["Gains :: Pomerania", "Elector :: one of eight", "Dutch :: independent"]
    (vault / "a.md").write_text("\n\n".join([*lines, "The ==Peace== of Münster."]))
    forge.ok("run", vault)
    question, asked, _, heading, *rows = forge.ok("list").stdout.splitlines()
    assert (question, asked.split()[1]) == ("Questions  1 waiting", "?")
    assert heading == "a  1 waiting"
    assert sorted(row.split()[1] for row in rows) == ["…", "…", "…", "○"]
    decisions = [row["decision"] for row in forge.ok("list", "--json").lines]
    assert sorted(map(str, decisions)) == ["None", "None", "None", "card", "question"]


def test_a_changed_card_is_one_row(forge, vault):
    note = vault / "a.md"
    canal = "The Suez Canal connects the Mediterranean with the Red Sea since 1869."
    note.write_text(f"=={canal}==\n", "utf-8")
    forge.ok("run", vault)
    [proposed] = forge.ok("list", "--no-card", "--json").lines
    forge.ok("accept", proposed["key"])
    note.write_text(f"=={canal.replace('since', 'since November')}==\n", "utf-8")
    forge.ok("run")
    decisions = [row["decision"] for row in forge.ok("list", "--json").lines]
    assert sorted(map(str, decisions)) == ["None", "change"]
    _, row = forge.ok("list").stdout.splitlines()
    assert row.split()[1] == "○"
    assert "changed card" in row


def test_what_looks_like_a_mark_is_listed_with_its_place_and_reason(read, vault):
    (vault / "open.md").write_text(
        "---\ntitle: Open\n---\n# Part\n\nAn ==open mark.\n\nA ==mark==.\n"
    )
    read.ok("run")
    every = read.ok("list", "--no-card", "--all", "--json").lines
    [found] = [one for one in every if one.get("path") == "open.md"]
    assert found.pop("reason")
    assert found == {
        "key": None, "source": "notes", "kind": "==mark==", "exact": "",
        "place": "open.md, line 6", "fate": "left_out", "path": "open.md", "title": "Open",
    }  # fmt: skip
    lines = read.ok("list", "--no-card", "--all", "-v").stdout.splitlines()
    at = lines.index("open.md, line 6: ==mark==")
    assert lines[at + 1].startswith("    left out: ")


PASSAGE = "Mitochondria are organelles that produce most of the chemical energy that a cell needs."


def test_cards_whose_source_says_something_else_are_found(read, vault):
    note = vault / "energy.md"
    note.write_text(f"# Energy\n\n=={PASSAGE}==\n", encoding="utf-8")
    read.ok("run")
    [passage] = read.ok("list", "--no-card", "organelles", "--json").lines
    read.ok("accept", passage["key"])
    assert read.ok("list", "finding:source_changed", "--json").lines == []
    note.write_text(
        note.read_text("utf-8").replace("most of the", "all"), encoding="utf-8"
    )
    read.ok("run")
    for query in ("finding:source_changed", "finding:source_*"):
        [card] = read.ok("list", query, "--json").lines
        assert card["verdict"] == "accepted"
        assert [each["check"] for each in card["findings"]] == ["source_changed"]
    others = read.ok("list", "energy", "-finding:source_changed", "--json").lines
    assert card["id"] not in [other["id"] for other in others]


@pytest.mark.usefixtures("takes_marks")
def test_a_line_has_an_id_for_decisions_and_a_guid_once_accepted(read):
    [waits] = read.ok("list", "verdict:waiting", "--json").lines
    assert waits["id"].startswith("dr")
    assert waits["guid"] is None
    assert waits["waits"] == "Made of your highlight; you decide."
    [card] = read.ok("list", "language", "--json").lines
    assert card["id"] == card["guid"]
    assert (card["verdict"], card["anki"], card["deck"]) == (
        "accepted",
        "written",
        "Life::Cells",
    )

    assert read.ok("list", "verdict:waiting", "--json").lines == [waits]
    read.ok("accept", waits["id"])
    assert read.ok("list", "verdict:waiting", "--json").lines == []
    [accepted] = read.ok("list", "splitting", "--json").lines
    assert (accepted["verdict"], accepted["quote"]) == ("accepted", waits["quote"])


@pytest.mark.usefixtures("takes_marks")
def test_cards_count_as_added_when_accepted_and_drafts_when_read(read):
    def added(days):
        return {line["id"] for line in read.ok("list", f"added:{days}", "--json").lines}

    every = {line["id"] for line in read.ok("list", "--json").lines}
    assert added(1) == added(7) == every

    # all that was read and decided until now is ten days old
    [journal] = read.folder.parent.rglob("journal/*.jsonl")
    events = [json.loads(line) for line in journal.read_text("utf-8").splitlines()]
    for event in events:
        then = datetime.fromisoformat(event["at"]) - timedelta(days=10)
        event["at"] = then.isoformat(timespec="seconds")
    journal.write_text("".join(f"{json.dumps(event)}\n" for event in events), "utf-8")
    for file in journal.parent.with_name(".ankiforge").glob("ledger.db*"):
        file.unlink()
    read.ok("run", "--accept", "review")
    assert (added(7), added(30)) == (set(), every)

    [draft] = read.ok("list", "verdict:waiting", "--json").lines
    read.ok("accept", draft["id"])
    [card] = read.ok("list", "splitting", "--json").lines
    assert added(1) == {card["id"]}
    older = read.ok("list", "-added:7", "--json").lines
    assert {line["id"] for line in older} == every - {draft["id"]}


def test_a_query_that_cannot_mean_anything_is_refused(read):
    for words in (
        "verdict:never",
        "colour:",
        "nofield:x",
        '"open',
        "-",
        "added:0",
        "added:lately",
    ):
        assert read("list", words).exit_code == 2, words


def test_highlights_without_a_card_have_a_reason(read):
    [none] = read.ok("list", "--no-card", "--json").lines
    assert none["fate"] == "no_card"
    assert none["reason"] in {reason.value for reason in RejectionReason}
    assert none["exact"].startswith("Well")
    assert read.ok("list", "--no-card", "splitting", "--json").lines == [], (
        "it has a draft"
    )
    assert none["key"] not in read.ok("list", "--no-card").stdout


def test_the_id_of_a_change_is_not_the_beginning_of_a_card_s():
    assert not looks_like_id("af2b3c4d5e6f7a2b")
    assert looks_like_id("af2b3c4d5e")
    assert looks_like_id("afwzt4zod3cvzvawywfas35hcl")


@pytest.mark.usefixtures("takes_marks")
def test_what_the_source_changed_is_listed_with_old_and_new_words(read, vault):
    (vault / "cells.md").write_text(NOTE.replace("steady", "slow"), encoding="utf-8")
    read.ok("run")

    [change] = read.ok("list", "--view", "changed", "--json").lines
    assert "steady" in change["before"]["Text"]
    assert "slow" in change["after"]["Text"]
    told = read.ok("list", "-v", change["guid"]).stdout
    assert "new words by source" in told
    assert change["id"] in told

    read.ok("undo", change["id"])
    assert read.ok("list", "--view", "changed", "--json").lines == []

    whole = NOTE.replace(
        "Schrödinger's ==axolotl== sleeps in a box of steel.",
        "{{c1::Schrödinger's axolotl sleeps in a box of steel.}}",
    )
    (vault / "cells.md").write_text(whole, encoding="utf-8")
    assert "1 card kept the old words" in read.ok("run").stdout
    [kept] = read.ok("list", "--view", "changed", "--json").lines
    assert (kept["verdict"], kept["findings"][0]["severity"]) == ("waiting", "block")


@pytest.mark.usefixtures("takes_marks")
def test_a_change_whose_id_begins_as_a_card_s_is_undone(read, vault):
    (vault / "cells.md").write_text(NOTE.replace("steady", "slow"), encoding="utf-8")
    read.ok("run")
    # the same change, with a number by which its id begins with `af`
    [file] = read.folder.parent.rglob("journal/*.jsonl")
    events = [
        msgspec.json.decode(line, type=Event) for line in file.read_bytes().splitlines()
    ]
    [place] = [at for at, event in enumerate(events) if event.kind == "revise"]
    numbered = (replace(events[place], number=number) for number in range(100, 100_000))
    events[place] = next(each for each in numbered if each.id.startswith("af"))
    file.write_bytes(b"".join(msgspec.json.encode(event) + b"\n" for event in events))
    for cache in read.folder.parent.rglob("ledger.db*"):
        cache.unlink()
    read.ok("run")

    [change] = read.ok("list", "--view", "changed", "--json").lines
    assert change["id"] == events[place].id
    read.ok("undo", change["id"])
    assert "steady" in read.cards("steady")[0]["fields"]["Text"]
    assert read.ok("list", "--view", "changed", "--json").lines == []


@pytest.mark.usefixtures("takes_marks")
def test_a_card_whose_passage_is_gone_is_listed(read, vault, no_waiting):
    (vault / "cells.md").write_text(
        NOTE.replace("What is C++?::a language", ""), encoding="utf-8"
    )
    assert read.json("run")["cards"]["lost"] == 0
    assert read.json("run")["cards"]["lost"] == 1
    [card] = read.ok("list", "finding:source_gone", "--json").lines
    assert read.ok("list", "--view", "changed", "--json").lines == []
    assert card["fields"]["Back"] == "a language"
    assert [one["check"] for one in card["findings"]] == ["source_gone"]
    assert read.json("status")["cards"]["sourceless"] == 1
    told = read.json("run")
    assert (told["state"]["cards"]["sourceless"], told["notes"]["written"]) == (1, 4), (
        "it stays"
    )
    assert read.ok("list", "finding:source_gone", "--json").lines == [card]


@pytest.mark.usefixtures("takes_marks")
def test_recent_decisions_have_the_id_that_undo_takes(read):
    [draft] = read.ok("list", "verdict:waiting", "--json").lines
    read.ok("reject", draft["id"])
    newest = read.ok("list", "--view", "recent", "--json").lines[0]
    assert (newest["what"], newest["by"]) == ("reject", "person")
    assert "splitting" in newest["text"]
    read.ok("undo", newest["id"])
    read.ok("run", "--accept", "review")
    assert read.ok("list", "verdict:waiting", "--json").lines[0]["id"] == draft["id"]


def test_a_list_begins_with_what_waits_in_the_order_of_the_review(forge, vault):
    note = "A card::of mine\n\nA fragment of ==positive weights== only\n\n"
    note += "Osmosis is the steady movement of ==water== across a membrane.\n"
    (vault / "cells.md").write_text(note, encoding="utf-8")
    forge.ok("run", vault, "--accept", "review")
    card = next(line["id"] for line in forge.ok("list", "--json", "mine").lines)
    forge.ok("accept", card)

    waiting = [line["id"] for line in forge.ok("list", "verdict:waiting", "--json").lines]
    listed = forge.ok("list", "--json").lines

    assert [line["id"] for line in listed[:2]] == waiting
    texts = [line["fields"]["Text"] for line in listed[:2]]
    assert "weights" in texts[0], "the ten stand in reading order"
    assert "water" in texts[1]
    assert listed[2]["verdict"] == "accepted"


# --- rows by document -------------------------------------------------------------------------


@pytest.fixture
def folders(forge, vault):
    """Notes in two folders of a vault, with drafts and cards of each."""
    for folder, name, answer in (
        ("Networking", "TCP", "A handshake of ==three segments== opens a connection."),
        ("Biology", "Cells", "Osmosis is the movement of ==water== across a membrane."),
        ("Biology/Plants", "Moss", "Mosses spread by ==spores== instead of seeds."),
    ):
        (vault / folder).mkdir(exist_ok=True)
        (vault / folder / f"{name}.md").write_text(
            f"What is {name} about?::{answer.split()[0]}\n\n{answer}\n", encoding="utf-8"
        )
    forge.ok("run", vault, "--accept", "clean")
    return forge


def test_rows_have_a_heading_for_each_document_and_the_ids_that_commands_take(folders):
    lines = folders.ok("list").stdout.splitlines()
    titles = {line.partition("  ")[0] for line in lines[::4]}
    assert titles == {"TCP", "Cells", "Moss"}
    at = lines.index("Moss  Biology/Plants/  1 waiting, 1 card")
    draft, card = lines[at + 1 : at + 3]
    told = draft.partition(" ")[2]
    assert told == "○ Mosses spread by [spores] instead of seeds.  yours"
    assert card.partition(" ")[2] == "✓ What is Moss about?"
    shown = folders.ok("list", "-v", card.split()[0], "--json").data
    assert shown["fields"]["Back"] == "Mosses"
    folders.ok("edit", card.split()[0], "--field", "Back", "moss")
    folders.ok("accept", draft.split()[0])
    lines = folders.ok("list", "Moss").stdout.splitlines()
    assert lines[0] == "Moss  Biology/Plants/  2 cards"
    folders.ok("reject", card.split()[0], "--reason", "known for years")
    _, row = folders.ok("list", "verdict:rejected").stdout.splitlines()
    assert row.endswith(" ✗ What is Moss about?  rejected: known for years")


def test_a_state_and_a_chat_are_named_by_the_words_that_lists_show():
    for words, field, value in (
        ("verdict:blocked", "finding", "block"),
        ("drafter:chat", "model", "chat"),
        ("drafter:llm", "drafter", "llm"),
    ):
        [term] = parse_query(f"-{words}")
        assert (term.field, term.value, term.negated) == (field, value, True)


def test_ids_are_as_long_as_tells_them_apart():
    assert compute_min_id_length([]) == compute_min_id_length(["dr0123456"]) == 6
    assert compute_min_id_length(["dr0123456", "dr0123457", "af0123456"]) == 9
    assert compute_min_id_length(["dr0123456", "dr0123456"]) == 6


def test_a_highlight_has_an_id_for_every_command(forge):
    canal = "The Suez Canal connects the Mediterranean with the Red Sea since 1869."
    (forge.folder / "notes").mkdir()
    (forge.folder / "notes/a.md").write_text(f"=={canal}==\n\n==Well!==\n", "utf-8")
    forge.ok("run", "notes")
    _, proposal, other = forge.ok("list", "--no-card").stdout.splitlines()
    first, second = proposal.split()[0], other.split()[0]
    assert (first[:2], len(first)) == ("hl", 6)
    assert f"ankiforge accept {first}" in forge.ok("list", "-v", first).stdout
    forge.ok("accept", first, "--gap", "2")
    assert "{{c1::Suez Canal}}" not in forge.cards()[0]["fields"]["Text"]
    forge.ok("edit", second, "--field", "Front", "What?", "--field", "Back", "Well")
    assert len(forge.cards()) == 2
    forge.ok("undo")
    forge.ok("reject", second)
    assert forge.ok("list", "--no-card").stdout == ""
    told = forge("accept", "hl0000000000000000", code=2).stderr
    assert "no id begins with 'hl0000000000000000'" in told


FOLDERS = [
    ("Biology/", {"Cells", "Moss"}),
    ("biology/", {"Cells", "Moss"}),
    ("Plants/", {"Moss"}),
    ("Biology/Plants/", {"Moss"}),
    ("notes/Networking/", {"TCP"}),
    ("/home/anybody/notes/Networking/", {"TCP"}),
    ("./notes/", {"TCP", "Cells", "Moss"}),
    ("ology/", set()),
    ("/", set()),
    ("/home/anybody/Other/Networking/", set()),
    ("TCP/", set()),
]


def test_a_list_that_a_limit_cuts_says_so(folders):
    told = folders.ok("list", "--limit", "1").stderr
    assert told == "1 of 6 shown; --limit 6 shows all\n"
    for words in ("list", "list --limit 6", "list --limit 1 --json"):
        assert not folders.ok(*words.split()).stderr


def test_a_folder_is_a_filter(folders, vault):
    def names(*words):
        return {card["title"] for card in folders.ok("list", "--json", *words).lines}

    for folder, found in FOLDERS:
        assert names(folder) == found, folder
    assert names("--", "-Biology/") == {"TCP"}
    assert names("Biology/", "verdict:waiting", "--", "-Plants/") == {"Cells"}
    assert "1 accepted" in folders.ok("accept", "Networking/").stderr
    assert names("verdict:waiting") == {"Cells", "Moss"}
    assert "2 accepted" in folders.ok("accept", "--all", "--filter", "Biology/").stderr
    folders.ok("undo")
    (vault / "Biology").rename(vault / "Cell biology")
    folders.ok("run")
    told = folders.ok("accept", "--all", "--filter", "Cell biology/").stderr
    assert "2 accepted" in told, "the name of the folder is one argument"
    told = folders("reject", "Biology/", code=2).stderr
    assert "--all --filter QUERY" in told, "it would take the cards, too"


@pytest.mark.parametrize(
    "words",
    [
        "run", "list", "status", "build --full", "push", "pull", "accept --all", "undo",
        "doctor", "search water", "draft", "list --no-card", "show af",
    ],
)  # fmt: skip
def test_stdout_is_json_and_nothing_else(read, words):
    read.settings("anki: {connect: 'http://127.0.0.1:9'}\n", trust=True)
    done = read(*words.split(), "--json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert rows or '"error"' in done.stderr
