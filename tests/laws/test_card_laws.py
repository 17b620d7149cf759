"""A law of cards: the page, the terminal, JSON and agents show the same of a card at any stage.

They agree on its question, its answer, its stage, and why it waits.
"""

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ankiforge.check.rules_and_text import make_finding
from ankiforge.config.workspace import find_workspace
from ankiforge.extract import registry
from ankiforge.features.agents.agent import item_to_json
from ankiforge.features.ask.index import FoundPassage
from ankiforge.features.ask.report import hit_to_json
from ankiforge.model import (
    CardKind,
    LocalCard,
    PendingDraft,
    Proposal,
    Remark,
    RemarkKind,
    ShownCard,
    Verdict,
)
from ankiforge.pipeline.draft import load_privacy_filter
from ankiforge.pipeline.workspace import Workspace
from ankiforge.reports.cards import (
    RowRole,
    format_item_in_full,
    format_row,
    format_sides,
    list_row_to_json,
    suggestion_to_json,
)
from ankiforge.reports.view import view_card
from ankiforge.review import Item, Review
from ankiforge.text import remove_bold_marks
from ankiforge.web.card_view import render_card, render_row
from ankiforge.web.documents import PageRenderer
from ankiforge.web.session import ReviewSession
from tests.cards import made
from tests.examples import examples

NOTE = "==Osmosis is the diffusion of water through a membrane.== It is slow.\n"
WORDS = st.text("abcé漢XYZ019 .,;?", min_size=1, max_size=24).map(str.strip).filter(bool)
PIECES = st.one_of(
    WORDS,
    WORDS.map("**{}**".format),
    WORDS.map("`{}`".format),
    WORDS.map("<b>{}</b>".format),
)
TEXTS = st.lists(PIECES, min_size=1, max_size=3).map(" and ".join)
GAPS = st.builds("{{{{c{}::{}}}}}".format, st.integers(1, 3), WORDS)
TABLES = st.builds("| a | b |\n|---|---|\n| {} | {} |".format, WORDS, GAPS)
CLOZES = st.builds("{} is {} or {}".format, TEXTS, GAPS, TEXTS) | TABLES
FIGURES = st.builds("hide all\n1 .1 .2 .3 .4 {}".format, WORDS)
FIELDS = st.one_of(
    st.tuples(st.sampled_from((CardKind.BASIC, CardKind.TWO_WAY)), TEXTS, TEXTS).map(
        lambda card: (card[0], (("Front", card[1]), ("Back", card[2])))
    ),
    CLOZES.map(lambda text: (CardKind.CLOZE, (("Text", text),))),
    FIGURES.map(
        lambda masks: (CardKind.OCCLUSION, (("Occlusion", masks), ("Image", "x")))
    ),
)
RULES = ("gap_gt8w", "gap_leak", "number_altered", "open_end", "quote_not_in_source")
FINDINGS = st.lists(st.sampled_from(RULES).map(make_finding), max_size=2).map(tuple)
REMARKS = st.lists(st.sampled_from(RemarkKind).map(Remark), max_size=2).map(tuple)


@pytest.fixture(scope="module")
def desk(forge_in: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A workspace with one passage, of which every card is made."""
    forge = forge_in(tmp_path_factory.mktemp("cards"))
    (forge.folder / "notes").mkdir()
    (forge.folder / "notes/Cells.md").write_text(NOTE, encoding="utf-8")
    forge.settings(
        "sources: [{obsidian: {name: notes, path: notes}}]\nanki: {collection: none}\n"
    )
    forge.ok("run")
    folder = find_workspace(Path(forge.folder), Path(forge.folder), registry)
    with Workspace(folder) as workspace:
        session = ReviewSession(workspace, PageRenderer())
        [key] = session.render_list("none")["ids"] or session.render_list("new")["ids"]
        item = Review(workspace).load_item(key)
        yield session, load_privacy_filter(workspace.ledger), workspace, item.highlight


@st.composite
def cards(draw: st.DrawFn) -> ShownCard:
    """A card at any stage: suggested, waiting, blocked, accepted, in Anki, rejected."""
    kind, fields = draw(FIELDS)
    text: dict[str, Any] = {"kind": kind, "fields": fields}
    stage = draw(st.sampled_from((Proposal, PendingDraft, LocalCard)))
    if stage is LocalCard:
        verdict = draw(st.sampled_from((Verdict.LIVE, Verdict.REJECTED, Verdict.RETIRED)))
        anki = draw(st.sampled_from(("none", "written", "seen", "missing", "deleted")))
        return made(LocalCard, **text, verdict=verdict, anki_state=anki)
    text["findings"] = draw(FINDINGS)
    if stage is Proposal:
        return made(Proposal, **text)
    return made(PendingDraft, **text, remarks=draw(REMARKS))


def letters(shown: str) -> str:
    """What is left of a text without its markup, brackets and blanks."""
    return "".join(filter(str.isalnum, html.unescape(re.sub(r"<[^>]*>", " ", shown))))


@examples(60)
@given(card=cards())
def test_every_door_shows_the_same_of_a_card(desk, card):
    session, privacy, workspace, highlight = desk
    card = replace(card, key=highlight.key, passages=(highlight,))
    view = view_card(card)
    role = RowRole.CARD if isinstance(card, LocalCard) else RowRole.DECISION
    row, _, tail = format_row(view, "", role).partition("\t")
    sides = letters(" ".join(format_sides(view)))
    if isinstance(card, Proposal):
        data = suggestion_to_json(card)
        page = session._renderer.render_item(Item("x", proposal=card))
    else:
        data = list_row_to_json(workspace.ledger, card, workspace.decks)
        page = {"cards": [render_card(card, lambda *_: None)], "why": None}
        if isinstance(card, PendingDraft):
            page = session._renderer.render_item(Item(card.id, drafts=(card,)))
        assert render_row(card)["state"].casefold() == data["state"].casefold()
        entry = item_to_json(card, "", privacy)
        assert entry == privacy.mask_json_entry({**entry, **view.to_json()})
        [found] = hit_to_json(
            FoundPassage(highlight, 1.0, "", (card,)), is_confident=True
        )["cards"]
        assert found == {name: data[name] for name in found}
        told = [*format_item_in_full(workspace.ledger, card)]
        # `list -v` names commands as the remedy
        reason = re.split(r"[.:] ", data["waits"])[0]
        assert letters(reason).casefold() in letters(" ".join(told)).casefold()
    [shown] = page["cards"]

    # the question and the answer
    assert remove_bold_marks(row)[2:].startswith(data["front"])
    assert letters(data["front"]) == letters(shown["title"])
    if card.kind is CardKind.CLOZE:
        marked = "".join(re.findall(r'class="cloze">(.*?)</span>', shown["question"]))
        assert letters(marked) == letters(data["back"])
        assert letters("".join(re.findall(r"\[(.*?)\]", data["front"]))) == letters(
            marked
        )
    else:
        assert letters(shown["answer"]) == letters(data["back"])
    assert letters(data["front"]) in letters(shown["question"])
    assert letters(data["front"]) in sides
    assert card.kind is CardKind.CLOZE or letters(data["back"]) in sides

    # the stage, and why it waits
    assert data["state"] == view.state
    is_spelt_out = tail.startswith(view.state)
    assert is_spelt_out == row.startswith("✗")
    why = (page["why"] or page["cards"][0].get("why") or {"text": ""})["text"]
    if isinstance(card, PendingDraft):
        assert data["waits"]
        assert why in ("", data["waits"])
        assert bool(why) == bool(view.warning)
