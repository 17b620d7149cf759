"""A decision and its undo leave every list as it was, also after a source has changed."""

import shutil
from collections import defaultdict
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ankiforge.check import compute_search_terms
from ankiforge.config import Config
from ankiforge.config.workspace import WorkspaceDirectory
from ankiforge.errors import RefusedError
from ankiforge.ledger import (
    Ledger,
    QueryTerm,
    decide,
    draft_recording,
    item_lists,
    pending_items,
)
from ankiforge.ledger.cards import load_highlight
from ankiforge.ledger.draft_groups import iter_draft_groups
from ankiforge.ledger.events import USER
from ankiforge.model import (
    Draft,
    DraftingResult,
    Origin,
    Proposal,
    RemarkKind,
    Verdict,
    is_card_id,
)
from ankiforge.pipeline.draft import draft_pending_highlights
from ankiforge.pipeline.proposals import accept_proposal, find_proposal
from ankiforge.pipeline.run_result import RunParameters
from ankiforge.review.items import select_clean_drafts
from tests.examples import examples
from tests.ledger.world import World, by_rules, model_draft

WAR = "The Peace of Westphalia ended the Thirty Years' War in 1648."
CELL = "The mitochondrion is the part of a cell that makes most of its energy."
CANAL = "The Suez Canal connects the Mediterranean with the Red Sea since 1869."
SHORT = "It took years."
ANSWERS = {
    WAR: ("1648", "the Thirty Years' War"),
    CELL: ("the mitochondrion", "energy"),
    CANAL: ("the Suez Canal", "1869"),
    SHORT: ("years", "It"),
}
TEXTS = st.lists(st.sampled_from(list(ANSWERS)), min_size=1, max_size=3, unique=True)
NOTES = st.lists(TEXTS, min_size=2, max_size=4)
DRAFTS = st.tuples(
    st.integers(0, 9), st.integers(0, 9), st.integers(0, 1), st.integers(0, 1), st.booleans()
)  # fmt: skip
ACTS = [
    *("accept", "reject", "edit", "accept all", "reject all"),
    *("propose", "reject proposal", "write", "skip", "reject card", "edit card"),
    *("draft again", "draft more", "reword"),
]
REWORDED = {
    WAR: WAR.replace("1648", "1649"),
    CELL: CELL.replace("most of its energy", "nearly all of its energy"),
    CANAL: CANAL.replace("connects", "has connected"),
    SHORT: "It took decades.",
}
"""What the sources say after they have changed."""
DECISIONS = st.tuples(st.sampled_from(ACTS), st.integers(0, 9))


def write_note(world: World, number: int, sentences: list[str], phrases: int) -> None:
    line = f"=={' '.join(sentences)}=="
    if number < phrases:  # a phrase is marked within its sentence
        cell = REWORDED[CELL] if set(sentences) & {*REWORDED.values()} else CELL
        line = cell.replace("mitochondrion", "==mitochondrion==")
    world.note(f"{number}.md", line)


def build(folder: Path, notes, phrases, drafts) -> World:
    """Return a vault of which a model drafted some sentences."""
    world = World(folder)
    for number, sentences in enumerate(notes):
        write_note(world, number, sentences, phrases)
    world.run(ship=False)
    ledger = world["a"]
    keys = [each.highlight.key for each in pending_items.iter_highlight_outcomes(ledger)]
    batches: dict[str, list[Draft]] = defaultdict(list)
    for number, (place, at, answer, front, is_requested) in enumerate(drafts):
        highlight = load_highlight(ledger, keys[place % len(keys)])
        inside = [each for each in ANSWERS if each in highlight.exact] or [CELL]
        sentence = inside[at % len(inside)]
        back = ANSWERS[sentence][answer]
        draft = model_draft(highlight.key, f"Question {front} of {back}?", back, sentence)
        batches[f"{number}" if is_requested else highlight.key].append(draft)
    for name, batch in sorted(batches.items(), reverse=True):
        result = DraftingResult(load_highlight(ledger, batch[0].key), tuple(batch))
        draft_recording.record_drafts(
            ledger,
            [result],
            compute_search_terms,
            by_model=True,
            keeps_pending=name.isdigit(),
        )
    return world


def list_everything(ledger: Ledger) -> dict[str, object]:
    """Return all lists: what waits and in which order, what is proposed, and every card."""
    waits = pending_items.load_pending_items(ledger)
    keys = [each.highlight.key for each in pending_items.iter_highlight_outcomes(ledger)]
    uncarded = []
    for outcome in pending_items.iter_highlight_outcomes(ledger, document_ranks={}):
        found = find_proposal(ledger, outcome)
        shown = found.fields if isinstance(found, Proposal) else found
        uncarded.append((outcome.highlight.key, outcome.status, outcome.reason, shown))
    offers = []
    for offer in iter_draft_groups(ledger, keys):
        for draft in offer:
            # that an acceptance was undone is remembered, so that no setting repeats it
            remarks = [
                f"{each.kind}: {each.detail}"
                for each in draft.remarks
                if each.kind is not RemarkKind.TAKEN_BACK
                and not (each.detail or "").endswith(Verdict.TAKEN_BACK)
            ]
            offers.append(
                (
                    draft.id,
                    draft.offer_id,
                    draft.revised_guid,
                    draft.similar_removed_sentence,
                    *remarks,
                )
            )
    # what a person wrote stays in the list, so that it is not lost
    written = [QueryTerm("drafter", USER), QueryTerm("verdict", Verdict.TAKEN_BACK.value)]
    own = item_lists.find_items(ledger, written)
    return {
        "waiting": (waits.new_drafts, waits.changed_cards, waits.questions),
        "open": [place.id for place in waits.without_card],
        "offers": offers,
        "no card": uncarded,
        "all": [
            id
            for id in item_lists.find_items(ledger, (), everything=True)
            if id not in own
        ],
        "counts": (
            pending_items.count_waiting(waits),
            pending_items.count_highlights(ledger),
            pending_items.count_cards(ledger),
        ),
    }


def draft_again(world: World, key: str) -> bool:
    """Let the rules draft a highlight again; return whether there is something to undo."""
    ledger = world["a"]
    before = decide.find_last_action(ledger)
    folder = WorkspaceDirectory(world.root, Config(), world.root)
    job = RunParameters(
        by_rules, world.rules, folder.pictures_directory, redrafted=frozenset([key])
    )
    list(draft_pending_highlights(job, ledger))
    return not decide.is_last_action(ledger, before)


def draft_more(ledger: Ledger, key: str, number: int) -> bool:
    """Let a model draft a card, in an odd turn beside what waits, or find nothing worth one.

    Returns whether there is something to undo.
    """
    before = decide.find_last_action(ledger)
    highlight = load_highlight(ledger, key)
    answers = ANSWERS | {new: ANSWERS[old] for old, new in REWORDED.items()}
    drafts = []
    for sentence in [each for each in answers if each in highlight.exact][:1]:
        back = answers[sentence][number % 2]
        front = f"Question {number % 3} of {back}?"
        drafts.append(model_draft(highlight.key, front, back, sentence))
    draft_recording.record_drafts(
        ledger,
        [DraftingResult(highlight, tuple(drafts))],
        compute_search_terms,
        by_model=True,
        keeps_pending=number % 2 == 1,
        drafting_id=draft_recording.make_drafting_id(ledger),
    )
    return not decide.is_last_action(ledger, before)


def perform(world: World, act: str, number: int) -> bool:
    """Make one decision, on one of those on which it can be made; return whether there is one."""
    ledger = world["a"]
    drafts = [draft.id for draft in world.waiting()]
    cards = [id for id in item_lists.find_items(ledger, ()) if is_card_id(id)]
    outcomes = list(pending_items.iter_highlight_outcomes(ledger))
    proposals = [find_proposal(ledger, outcome) for outcome in outcomes]
    proposals = [each for each in proposals if isinstance(each, Proposal)]
    candidates = {
        "propose": proposals,
        "reject proposal": proposals,
        "reject card": cards,
        "edit card": cards,
    }
    keys = [outcome.highlight.key for outcome in outcomes]
    candidates |= dict.fromkeys(("write", "skip", "draft again", "draft more"), keys)
    chosen = candidates.get(act, drafts)
    if not chosen:
        return False
    it = chosen[number % len(chosen)]
    if act == "draft again":
        return draft_again(world, it)
    if act == "draft more":
        return draft_more(ledger, it, number)
    with ledger.action():
        match act:
            case "accept":
                ledger.accept(it)
            case "reject" | "skip" | "reject card":
                ledger.reject(it)
            case "edit" | "edit card":  # what changes nothing is no decision
                text = f"mine, after {len(ledger.list_history())} decisions"
                decide.edit_item(ledger, it, {"Extra": text})
            case "accept all":
                ids, _ = select_clean_drafts(ledger, drafts, "")
                for id in ids:
                    ledger.accept(id)
                return bool(ids)
            case "reject all":
                for id in drafts:
                    if id in {draft.id for draft in world.waiting()}:
                        ledger.reject(id)
            case "propose":
                accept_proposal(ledger, it, world.rules)
            case "reject proposal":
                decide.reject_proposal(ledger, it)
            case "write":
                highlight = load_highlight(ledger, it)
                words = model_draft(it, "Mine?", "1648", highlight.exact)
                decide.make_card_without_draft(
                    ledger, replace(words, origin=Origin(USER))
                )
    return True


@examples(8)
@given(
    notes=NOTES,
    phrases=st.integers(0, 1),
    drafts=st.lists(DRAFTS, max_size=6),
    decisions=st.lists(DECISIONS, min_size=1, max_size=6),
)
def test_undo_is_the_inverse_of_every_decision(
    tmp_path_factory, notes, phrases, drafts, decisions
):
    world = build(tmp_path_factory.mktemp("world"), notes, phrases, drafts)
    try:
        before = []
        for act, number in decisions:
            if act == "reword":
                number %= len(notes)
                notes[number] = [REWORDED.get(each, each) for each in notes[number]]
                write_note(world, number, notes[number], phrases)
                world.run(ship=False)
                before.clear()  # what was decided before cannot be compared any more
                continue
            state = list_everything(world["a"])
            try:
                if not perform(world, act, number):
                    assert list_everything(world["a"]) == state, act
                    continue
            except RefusedError:
                continue
            decide.undo_decision(world["a"])
            assert list_everything(world["a"]) == state, act
            # `accept all` leaves out what was accepted and undone
            if perform(world, act, number):
                before.append(state)
        for state in reversed(before):
            decide.undo_decision(world["a"])
            assert list_everything(world["a"]) == state
    finally:
        world.close()
        shutil.rmtree(world.root)
