"""Proposals as a person decides on them; `tests/golden/histories/proposals.yaml` plays longer
histories."""

import re

import pytest

from ankiforge.ledger import pending_items
from ankiforge.ledger.draft_groups import iter_draft_groups
from ankiforge.ledger.tables.highlights import load_usefulness
from ankiforge.pipeline.workspace import Workspace
from ankiforge.review import Review, batches
from ankiforge.review.decisions import Accept, Reject
from tests.makers.pdf_writer import Page, mark, paragraph, write_pdf

WAR = "The Thirty Years' War is the conflict of European powers that the Peace of Westphalia ended in 1648."
CARTA = "The Magna Carta is called the charter of liberties because King John sealed it at Runnymede."
CELLS = "Mitochondria are called the power plants of the cell because their membrane produces most of its ATP."
BILE = "The liver produces bile, which helps the digestion of fat."
ADVICE = "You should get up when you want to, my friend!"
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


def without(forge, *words):
    return forge.ok("list", "--no-card", *words, "--json").lines


def proposed(forge):
    """Return the words of the passages that have a proposal."""
    return [each["exact"] for each in without(forge) if each["suggestion"]]


def sentence_of(proposal):
    return re.sub(r"\{\{c1::(.*?)\}\}", r"\1", proposal["fields"]["Text"])


def decide_on_the_first(forge, decision):
    """Decide on the proposal that a sitting begins with."""
    with forge.here(), Workspace() as opened:
        order = pending_items.load_pending_items(opened.ledger)
        [pile] = batches.group_by_document(order.drafts, order.without_card)
        review = Review(opened)
        [item] = pile.select_best_items(review.load_item)
        review.decide(decision(item.id, item.content_hash))


def revisions(forge):
    return forge.ok("list", "drafter:propose", "verdict:waiting", "--json").lines


def test_a_less_certain_proposal_is_shown_only_to_who_asks_for_more(forge, note):
    came = note(f"=={WAR}==", f"=={BILE}==")
    counts = came["state"]["highlights"]
    assert (counts["waiting"], counts["more"], counts["without"]) == (1, 1, 0)
    told = forge.ok("status").stdout
    assert "  1 new card waiting\n  1 more highlight without a card: " in told
    [row] = forge.ok("list", "--json").lines
    assert (row["by"], row["decision"], row["certain"]) == ("suggested", "card", True)
    rows = forge.ok("list", "--more", "--json").lines
    assert [each["certain"] for each in rows] == [True, False]

    shown = forge.ok("list", "--no-card").stdout
    assert "  a possible card\n" in shown
    assert "[digestion of fat]" not in shown
    for options in (["--no-card", "--more"], ["--more"]):
        assert "[digestion of fat]" in forge.ok("list", *options).stdout
    decide_on_the_first(forge, Accept)

    with forge.here(), Workspace() as opened:
        order = pending_items.load_pending_items(opened.ledger)
        [pile] = batches.group_by_document(order.drafts, order.without_card)
        load_item = Review(opened).load_item
        assert (len(pile.suggestions), pile.select_best_items(load_item)) == (
            0,
            [],
        )
        [more] = pile.select_best_items(load_item, more=True)
        assert more.proposal.quote == BILE


def test_a_suggested_card_is_made_where_it_is_shown_and_stored_nowhere(forge, note):
    came = note(f"=={WAR}==", f"=={ADVICE}==")

    assert came["cards"]["drafted"] == 0
    assert came["waits"] == {}
    war, advice = without(forge)
    gaps = war["suggestion"]["gaps"]
    assert 1 < len(gaps) <= 4
    assert f"::{gaps[0]}}}}}" in war["suggestion"]["fields"]["Text"]
    assert 0.3 <= war["suggestion"]["confidence"] <= 1
    assert war["confidence"] > advice["confidence"] == 0
    assert (war["reason"], advice["suggestion"]) == ("", None)
    assert advice["reason"]
    [row] = forge.ok("list", "--json").lines
    assert (row["by"], row["highlight"]) == ("suggested", war["key"])
    listed = forge.ok("list").stdout
    assert f"[{gaps[0]}]" in listed
    assert all(gap in listed for gap in gaps)
    assert forge.ok("list", "--json", "drafter:propose").lines == []


def test_the_list_is_in_the_order_of_worth(forge, note):
    note(*(f"=={words}==" for words in (ADVICE, CELLS, WAR, CARTA)))

    sure = [each["confidence"] for each in without(forge)]
    assert len(set(sure)) == 4
    assert sure == sorted(sure, reverse=True)


def test_each_gap_is_a_card_of_its_words(forge, note):
    note(f"=={WAR}==")
    [passage] = without(forge)
    guids = set()
    for number, words in enumerate(passage["suggestion"]["gaps"], start=1):
        [done] = forge.ok("accept", passage["key"], "--gap", f"{number}", "--json").lines
        guids.add(done["guid"])
        [card] = forge.ok("list", "-v", done["guid"], "--json").lines
        assert f"{{{{c1::{words}}}}}" in card["fields"]["Text"]
        assert card["origin"]["drafter"] == "propose"
        assert without(forge) == []
        forge.ok("undo")
    assert len(guids) == len(passage["suggestion"]["gaps"])
    [again] = without(forge)
    assert again["suggestion"] == passage["suggestion"]


def test_a_further_sentence_has_a_proposal_beside_the_card_of_another(forge, note):
    note(f"=={WAR} {CARTA}==")
    [passage] = without(forge)

    forge.ok("accept", passage["key"])
    forge.ok("accept", passage["key"])

    assert {each["quote"] for each in forge.cards("verdict:accepted")} == {WAR, CARTA}
    refused = forge("accept", passage["key"], code=1)
    assert "no card is suggested: its sentences have cards already" in refused.stderr


@pytest.mark.parametrize("act", [Accept, Reject])
def test_each_open_sentence_is_offered_until_it_is_decided(forge, note, act):
    mark = f"=={WAR} {CARTA} {CELLS} {ADVICE}=="
    note(mark)
    open_ones = {WAR, CARTA, CELLS}
    while open_ones:
        [passage] = without(forge)
        waits = forge.json("status")["highlights"]
        assert (waits["waiting"], waits["more"], waits["without"]) == (1, 0, 0)
        decide_on_the_first(forge, act)
        open_ones.remove(sentence_of(passage["suggestion"]))
        if len(open_ones) == 1:
            (forge.folder / ".ankiforge/ledger.db").unlink()
            note(mark)
    assert proposed(forge) == []
    assert forge.json("status")["highlights"]["waiting"] == 0


def test_a_sentence_is_offered_that_joined_one_that_was_rejected(forge, note):
    note(f"=={WAR}==")
    decide_on_the_first(forge, Reject)
    assert forge.json("status")["highlights"]["waiting"] == 0

    note(f"=={WAR} {CARTA}==")

    assert forge.json("status")["highlights"]["waiting"] == 1
    [passage] = without(forge)
    assert sentence_of(passage["suggestion"]) == CARTA
    decide_on_the_first(forge, Accept)
    assert without(forge) == []
    refused = forge("accept", passage["key"], code=1)
    assert (
        "no card is suggested: you have decided on its sentences already"
        in refused.stderr
    )


def test_a_shelf_and_a_sitting_offer_what_is_open_beside_a_card(forge, note):
    note(f"=={WAR} {CARTA}==", f"=={ADVICE}==")
    decide_on_the_first(forge, Accept)
    with forge.here(), Workspace(read_only=True) as opened:
        order = pending_items.load_pending_items(opened.ledger)
        [pile] = batches.group_by_document(order.drafts, order.without_card)
        [item] = pile.select_best_items(Review(opened).load_item)
        assert item.proposal


@pytest.mark.parametrize(("gap", "code"), [("0", 2), ("5", 2), ("4", 1)])
def test_a_gap_that_is_not_there_is_refused(forge, note, gap, code):
    note(f"=={CELLS}==")
    [passage] = without(forge)
    assert len(passage["suggestion"]["gaps"]) < 4

    assert forge("accept", passage["key"], "--gap", gap).exit_code == code
    forge("accept", "--all", "--gap", "1", code=2)


def test_what_has_no_proposal_says_why_when_it_is_accepted(forge, note):
    note(f"=={ADVICE}==")
    [passage] = without(forge)

    refused = forge("accept", passage["key"], code=1)

    assert passage["reason"] in refused.stderr
    assert f"ankiforge edit {passage['key']}" in refused.stderr


def test_a_passage_that_went_is_said_to_be_gone_and_nothing_is_lost(forge, note):
    note(f"=={WAR}==", f"=={CARTA}==")
    [war] = [each for each in without(forge) if each["exact"] == WAR]
    note(f"=={CARTA}==")

    refused = forge("accept", war["key"], code=1)

    assert "no longer in its source" in refused.stderr
    assert proposed(forge) == [CARTA]
    assert forge.cards("verdict:accepted") == []


def test_nothing_is_proposed_without_the_setting(forge, note):
    forge.settings(SETTINGS)
    note(f"=={WAR}==")

    [passage] = without(forge)
    assert (passage["suggestion"], passage["confidence"]) == (None, 0)


def test_a_passage_that_was_rejected_is_none_without_a_card(forge, note):
    note(f"=={WAR}==", f"=={CARTA}==")
    [war] = [each for each in without(forge) if each["exact"] == WAR]

    forge.ok("reject", war["key"])

    assert proposed(forge) == [CARTA]
    everything = forge.ok("list", "--no-card", "--all", "--json").lines
    told = [(each["fate"], each["reason"]) for each in everything if each["exact"] == WAR]
    assert told == [("left_out", "rejected by you")]


def test_a_marked_phrase_waits_and_a_bare_accept_all_takes_no_proposal(forge, note):
    note("A cell needs ==chemical energy== and water.", f"=={WAR}==", accept="review")
    draft, suggestion = forge.ok("list", "--json", "verdict:waiting").lines
    assert (draft["by"], suggestion["by"]) == ("yours", "suggested")
    assert draft["origin"]["drafter"] == "rules:phrase"

    forge.ok("accept", "--all")

    assert forge.ok("list", "--json", "verdict:waiting").lines == [suggestion]
    assert len(forge.cards("verdict:accepted")) == 1
    assert proposed(forge) == [WAR]


def test_other_words_of_a_person_take_the_place_of_the_proposal(forge, note):
    note(f"=={WAR}==", f"=={CARTA}==")
    [war] = [each for each in without(forge) if each["exact"] == WAR]
    words = ("--field", "Front", "Which war?", "--field", "Back", "War")

    forge.ok("edit", war["key"], *words)

    assert proposed(forge) == [CARTA]
    (forge.folder / ".ankiforge/ledger.db").unlink()
    note(f"=={WAR}==", f"=={CARTA}==")
    assert proposed(forge) == [CARTA]
    forge.ok("undo")
    note(f"=={WAR}==", f"=={CARTA}==")
    assert set(proposed(forge)) == {WAR, CARTA}


def test_a_lost_database_proposes_the_same(forge, note):
    passages = [f"=={words}==" for words in (CELLS, WAR, CARTA)]
    note(*passages)
    first = [(each["key"], each["suggestion"]) for each in without(forge)]
    (forge.folder / ".ankiforge/ledger.db").unlink()
    note(*passages)

    assert [(each["key"], each["suggestion"]) for each in without(forge)] == first


def test_a_changed_passage_is_one_revision_of_its_card_and_no_more_once_it_is_rejected(
    forge, note
):
    note(f"=={WAR}==")
    [passage] = without(forge)
    [done] = forge.ok("accept", passage["key"], "--gap", "2", "--json").lines
    hidden = f"{{{{c1::{passage['suggestion']['gaps'][1]}}}}}"
    changed = WAR.replace("ended in", "ended only in")

    note(f"=={changed}==")
    [card] = forge.ok("list", "-v", done["guid"], "--json").lines
    [revision] = revisions(forge)
    assert revision["changes"] == done["guid"]
    assert hidden in revision["fields"]["Text"], "the gap that the person chose"
    assert without(forge) == []
    forge.ok("accept", "--all", "--filter", "drafter:propose")
    assert revisions(forge) == [revision], "a revision is accepted by its id"

    forge.ok("accept", revision["id"])
    (forge.folder / ".ankiforge/ledger.db").unlink()
    note(f"=={changed}==")
    assert revisions(forge) == []
    [revised] = forge.ok("list", "-v", done["guid"], "--json").lines
    assert "only in" not in card["fields"]["Text"]
    assert "only in" in revised["fields"]["Text"]

    note(f"=={WAR.replace('in 1648', 'in late 1648')}==")
    [revision] = revisions(forge)
    forge.ok("reject", revision["id"])
    note(f"=={WAR.replace('in 1648', 'in late 1648')}==", "Another line.")
    assert revisions(forge) == []
    assert (
        forge.ok("list", "-v", done["guid"], "--json").lines[0]["verdict"] == "accepted"
    )


def test_a_card_whose_answer_was_changed_is_asked_about_with_the_new_one(forge, note):
    note(f"=={WAR}==")
    [passage] = without(forge)
    gap = 1 + passage["suggestion"]["gaps"].index("1648")
    [done] = forge.ok("accept", passage["key"], "--gap", str(gap), "--json").lines

    note(f"=={WAR.replace('1648', '1649')}==")

    [revision] = revisions(forge)
    assert revision["changes"] == done["guid"]
    assert "{{c1::1649}}" in revision["fields"]["Text"]


def test_a_card_in_the_person_s_own_words_asks_for_new_ones_too(forge, note):
    note(f"=={WAR}==")
    [passage] = without(forge)
    words = ("--field", "Front", "When did it end?", "--field", "Back", "1648")
    forge.ok("edit", passage["key"], *words)

    note(f"=={WAR.replace('in 1648', 'in October 1648')}==")

    [card] = forge.cards("verdict:accepted")
    [revision] = forge.ok("list", "verdict:waiting", "--json").lines
    assert (revision["changes"], revision["keeps_text"]) == (card["guid"], True)
    assert revision["fields"] == {"Front": "When did it end?", "Back": "1648"}


@pytest.mark.parametrize("policy", ["clean", "review"])
def test_after_a_question_in_a_comment_is_rejected_its_passage_is_proposed(
    forge, tmp_path, policy
):
    path = tmp_path / "war.pdf"
    question = "Why did the war of the powers last so long?"
    write_pdf(path, [Page([paragraph(WAR)], [mark(WAR, comment=question)])])
    forge.settings(
        f"sources: [{{pdf: {{path: {path}}}}}]\nanki: {{collection: none}}",
        proposals=True,
    )
    forge.ok("run", "--accept", policy)
    [card] = forge.cards()
    assert card["fields"]["Front"] == question
    assert without(forge) == []
    forge.ok("reject", card["id"])
    forge.ok("run", "--accept", policy)
    assert proposed(forge) == [WAR]
    assert "1 highlight" in forge.ok("draft", "export", "ask.md").stderr
    forge.ok("undo")
    assert without(forge) == []
    assert [each["verdict"] for each in forge.cards()] == [card["verdict"]]


def test_a_mark_that_the_rules_drafted_is_as_useful_as_its_draft(forge, note):
    note(
        "The ==Magna Carta== is the charter of liberties of 1215.", BILE, accept="review"
    )
    with Workspace(forge.folder) as workspace:
        [row] = load_usefulness(workspace.ledger)
        [offer] = iter_draft_groups(workspace.ledger, [row["key"]])
    assert row["worth"] == offer[0].confidence > 0.3
