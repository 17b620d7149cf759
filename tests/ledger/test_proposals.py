"""Proposals as a person decides on them; `tests/golden/histories/proposals.yaml` plays longer histories."""

import pytest

WAR = "The Thirty Years' War is the conflict of European powers that the Peace of Westphalia ended in 1648."
CARTA = "The Magna Carta is called the charter of liberties because King John sealed it at Runnymede."
CELLS = "Mitochondria are organelles that produce most of the chemical energy that a cell needs."
SETTINGS = """
sources: [{obsidian: {name: notes, path: notes}}]
accept: {rules: clean}
anki: {collection: none}
"""


@pytest.fixture
def note(forge):
    """Writes the one note of a workspace with proposals, and runs."""
    forge.settings(SETTINGS, proposals=True)
    folder = forge.folder / "notes"
    folder.mkdir()

    def write(*lines, accept="clean"):
        text = "".join(f"{line}\n\n" for line in lines)
        (folder / "Europe.md").write_text(text, encoding="utf-8")
        return forge.json("run", "--accept", accept)

    return write


def proposals(forge):
    return forge.ok("list", "drafter:propose", "verdict:waiting", "--json").lines


def test_a_proposal_waits_with_its_gaps_the_first_of_them_in_its_text(forge, note):
    came = note(f"=={WAR}==")

    [proposal] = proposals(forge)
    assert came["cards"]["accepted"] == 0
    assert came["waits"] == {"propose": 1}
    assert 1 < len(proposal["gaps"]) <= 4
    assert f"::{proposal['gaps'][0]}}}}}" in proposal["fields"]["Text"]
    assert proposal["waits"] == "proposed; you decide"
    listed = forge.ok("list").stdout
    shown = forge.ok("show", proposal["id"]).stdout
    assert all(gap in listed for gap in proposal["gaps"])
    assert all(f"gap {number}" in shown for number in range(1, len(proposal["gaps"]) + 1))
    assert f"ankiforge accept {proposal['id'][:10]} --gap 1" in shown


def test_each_fact_of_a_mark_counts_as_a_proposal(forge, note):
    came = note(f"=={WAR} {CARTA}==")

    assert len(proposals(forge)) == 2
    assert came["cards"]["drafted"] == came["cards"]["proposed"] == 2


def test_each_gap_is_a_card_of_its_words(forge, note):
    note(f"=={WAR}==")
    [proposal] = proposals(forge)
    guids = set()
    for number, words in enumerate(proposal["gaps"], start=1):
        [done] = forge.ok("accept", proposal["id"], "--gap", str(number), "--json").lines
        guids.add(done["guid"])
        [card] = forge.ok("show", done["guid"], "--json").lines
        assert f"{{{{c1::{words}}}}}" in card["fields"]["Text"]
        assert card["gaps"] == []
        forge.ok("undo")
    assert len(guids) == len(proposal["gaps"])
    assert [each["gaps"] for each in proposals(forge)] == [proposal["gaps"]]


@pytest.mark.parametrize(("gap", "code"), [("0", 2), ("5", 2), ("2", 1)])
def test_a_gap_that_is_not_there_is_refused(forge, note, gap, code):
    note("A cell needs ==chemical energy== and water.", f"=={WAR}==", accept="review")
    drafts = forge.cards("verdict:waiting")
    drafter = "rules:phrase" if code == 1 else "propose"
    [draft] = [each for each in drafts if each["origin"]["drafter"] == drafter]

    assert forge("accept", draft["id"], "--gap", gap).exit_code == code
    forge("accept", "--all", "--gap", "1", code=2)


def test_a_rejected_proposal_is_rejected_as_a_whole(forge, note):
    note(f"=={WAR}==")
    [proposal] = proposals(forge)

    forge.ok("reject", proposal["id"])

    note(f"=={WAR}==", "Another line.")
    assert proposals(forge) == []
    [left_out] = forge.ok("list", "--no-card", "--all", "--json").lines
    assert (left_out["fate"], left_out["reason"]) == ("left_out", "rejected by you")


def test_a_passage_that_was_skipped_is_none_without_a_card(forge, note):
    note(f"=={WAR}==", f"=={CARTA}==")
    war, _ = sorted(proposals(forge), key=lambda each: each["quote"], reverse=True)

    forge.ok("reject", war["highlight"])

    [left] = proposals(forge)
    assert left["quote"] == CARTA
    assert forge.ok("list", "--no-card", "--json").stdout == ""


def test_other_words_of_a_person_settle_the_proposal(forge, note):
    note(f"=={WAR}==", f"=={CARTA}==")
    war, carta = sorted(proposals(forge), key=lambda each: each["quote"], reverse=True)

    forge.ok(
        "edit",
        war["highlight"],
        "--field",
        "Front",
        "Which war?",
        "--field",
        "Back",
        "War",
    )
    text = CARTA.replace("King John", "{{c1::King John}}")
    guid = forge.json("edit", carta["id"], "--field", "Text", text)["guid"]

    assert proposals(forge) == []
    [card] = forge.ok("show", guid, "--json").lines
    assert card["fields"]["Text"] == text
    (forge.folder / ".ankiforge/ledger.db").unlink()
    note(f"=={WAR}==", f"=={CARTA}==")
    assert proposals(forge) == []
    forge.ok("undo")
    note(f"=={WAR}==", f"=={CARTA}==")
    assert [each["quote"] for each in proposals(forge)] == [CARTA]


def test_a_bare_accept_all_takes_no_proposal(forge, note):
    note("A cell needs ==chemical energy== and water.", f"=={WAR}==", f"=={CARTA}==")

    told = forge.ok("accept", "--all").stderr
    assert "ankiforge accept --all --filter drafter:propose" in told
    forge.ok("accept", "--all", "--filter", "verdict:waiting document:Europe")
    assert len(proposals(forge)) == 2
    forge.ok("accept", "--all", "--filter", "drafter:propose Runnymede")
    assert [each["quote"] for each in proposals(forge)] == [WAR]


def test_the_surest_card_is_offered_first(forge, note):
    from ankiforge.ledger import lists, overview
    from ankiforge.pipeline.workspace import Workspace

    note(*(f"=={words}==" for words in (CELLS, WAR, CARTA)))

    with Workspace(forge.folder, read_only=True) as workspace:
        new = overview.order(workspace.ledger).new
        sure = [
            line.sureness for line in lists.lines(workspace.ledger, new) if line.waits
        ]
    assert len(sure) > 1
    assert all(sure)
    assert sure == sorted(sure, reverse=True)


def test_a_lost_database_proposes_the_same(forge, note):
    passages = [f"=={words}==" for words in (CELLS, WAR, CARTA)]
    note(*passages)
    first = [(each["id"], each["gaps"]) for each in proposals(forge)]
    (forge.folder / ".ankiforge/ledger.db").unlink()
    note(*reversed(passages), "Another line.")
    again = [(each["id"], each["gaps"]) for each in proposals(forge)]

    assert first
    assert sorted(again) == sorted(first)


def test_a_changed_passage_is_one_revision_of_its_card_and_no_more_once_it_is_rejected(
    forge, note
):
    note(f"=={WAR}==")
    [proposal] = proposals(forge)
    [done] = forge.ok("accept", proposal["id"], "--gap", "2", "--json").lines
    changed = WAR.replace("ended in", "ended only in")

    note(f"=={changed}==")
    [card] = forge.ok("show", done["guid"], "--json").lines
    [revision] = proposals(forge)
    assert revision["revises"] == done["guid"]
    assert revision["gaps"][0] == proposal["gaps"][1], (
        "the gap that the person chose comes first"
    )
    forge.ok("accept", "--all", "--filter", "drafter:propose")
    assert proposals(forge) == [revision], "a revision is accepted by its id"

    forge.ok("accept", revision["id"])
    (forge.folder / ".ankiforge/ledger.db").unlink()
    note(f"=={changed}==")
    assert proposals(forge) == []
    [revised] = forge.ok("show", done["guid"], "--json").lines
    assert "only in" not in card["fields"]["Text"]
    assert "only in" in revised["fields"]["Text"]

    note(f"=={WAR.replace('in 1648', 'in late 1648')}==")
    [revision] = proposals(forge)
    forge.ok("reject", revision["id"])
    note(f"=={WAR.replace('in 1648', 'in late 1648')}==", "Another line.")
    assert proposals(forge) == []
    assert forge.ok("show", done["guid"], "--json").lines[0]["verdict"] == "accepted"


def test_a_card_in_the_person_s_own_words_asks_for_new_ones_too(forge, note):
    note(f"=={WAR}==")
    [proposal] = proposals(forge)
    key = proposal["highlight"]
    forge.ok(
        "edit", key, "--field", "Front", "When did it end?", "--field", "Back", "1648"
    )

    note(f"=={WAR.replace('in 1648', 'in October 1648')}==")

    [card] = forge.cards("verdict:accepted")
    assert [each["revises"] for each in proposals(forge)] == [card["guid"]]
