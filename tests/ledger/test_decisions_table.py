"""Which events `undo` takes back, why a draft waits for a person, and which waits no longer, row
by row."""

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from ankiforge.errors import RefusedError
from ankiforge.ledger import (
    cards,
    decide,
    draft_changes,
    draft_completion,
    draft_groups,
    questions,
    waiting,
)
from ankiforge.ledger.events import (
    POLICY,
    RETIRED_TAG_REASON,
    SOURCE,
    USER,
    Event,
    Passage,
    hash_fields_with_markup,
    hash_question_and_answer,
    make_guid,
)
from ankiforge.ledger.passage_links import are_sentences_still_present
from ankiforge.ledger.sentence_decisions import (
    hash_sentence,
)
from ankiforge.ledger.snapshots import HighlightSnapshot
from ankiforge.ledger.store import Store, to_json
from ankiforge.model import (
    AGENT_DRAFTER,
    Card,
    CardKind,
    Document,
    DocumentKey,
    DraftingResult,
    FieldEdits,
    Finding,
    Highlight,
    HighlightKey,
    HighlightKind,
    Origin,
    Remark,
    RemarkKind,
    Severity,
    SourceChange,
    SourceKind,
    StoredDraft,
    compute_note_id,
)
from ankiforge.reports import history
from tests.cards import card_of, made

P, Q = "v:v/p", "v:v/q"
WORDS = {"kind": "basic", "fields": {"Front": "q", "Back": "a"}}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store in which each test begins where the others began."""
    folder: Path = tmp_path_factory.mktemp("store")
    opened = Store(folder / "a.db", folder, "a")
    opened.merge_journal()
    yield opened
    opened.close()


class TakenBack(Exception):
    """Ends a transaction of which nothing is to be kept."""


@pytest.fixture
def empty(store: Store) -> Iterator[Store]:
    """The store in a transaction that is taken back."""
    with pytest.raises(TakenBack), store.transaction():
        for key in (P, Q):
            store.record_event("key", key, SOURCE, {"exact": "The heart pumps blood."})
        yield store
        raise TakenBack


# --- which events are taken back ----------------------------------------------------------


def recorded(store: Store) -> dict[str, Event]:
    """Record decisions: two of a person, one with two events; and what is none of theirs."""
    events = {}

    def add(name: str, kind: str, key: str, by: str, **body: Any) -> None:
        if kind in ("accept", "revise"):
            body["draft"] = WORDS
        events[name] = store.record_event(kind, key, by, body)

    with store.action():
        add("accept 1", "accept", P, USER, guid="af1")
        add("fact", "fact", P, USER, of="", sentences=[], passage=[])
    with store.action():
        add("accept 2", "accept", Q, USER, guid="af2")
        add("reject", "reject", P, USER, guid="", content="c")
    add("by policy", "accept", P, POLICY, guid="af3")
    add("by the source", "revise", P, SOURCE, guid="af1")
    add("found", "accept", Q, USER, guid="af4", found=True)
    add("retired before", "retire", P, USER, guid="af3", why=RETIRED_TAG_REASON)
    return events


@pytest.mark.parametrize(
    ("undone", "target", "taken_back"),
    [
        # the last decision of the person: all of its action; what was found is none
        ("", "", "accept 2, reject"),
        ("reject", "", "accept 2"),
        ("accept 2, reject", "", "accept 1"),
        # about a card: what the source did, too; of an action, only what is about the card
        ("", "af1", "by the source"),
        ("by the source", "af1", "accept 1"),
        ("", "af2", "accept 2"),
        ("", "af3", "retired before"),
        ("retired before", "af3", ""),  # policy's alone
        ("", "af4", ""),
        # about a passage: the whole action
        ("retired before", P, "by the source"),
        ("by the source, retired before", P, "accept 2, reject"),
        ("", Q, "accept 2, reject"),
        ("accept 2, reject", Q, ""),
        # by the id of an event
        ("", "accept 1", "accept 1"),
        ("", "reject", "accept 2, reject"),
        ("reject", "reject", ""),
        ("", "by policy", "by policy"),
        ("", "fact", ""),  # is no decision
        ("", "v:v/unknown", ""),
        ("accept 1, accept 2, reject", "", ""),
    ],
)
def test_what_undo_takes_back(empty, undone, target, taken_back):
    events = recorded(empty)
    names = {event.id: name for name, event in events.items()}
    for name in filter(None, undone.split(", ")):
        empty.record_event("undo", events[name].key, USER, {"event": events[name].id})
    id = events[target].id if target in events else target
    if not taken_back:
        with pytest.raises(RefusedError, match=r"can be undone|nothing to undo"):
            decide._find_events_to_undo(empty, id)
        return
    found = decide._find_events_to_undo(empty, id)
    assert [names[event.id] for event in found] == taken_back.split(", ")


def test_an_action_is_taken_back_by_its_id(empty):
    events = recorded(empty)
    found = decide._find_events_to_undo(empty, events["reject"].action_id)
    assert found == [events["accept 2"], events["reject"]]


def test_what_was_taken_back_is_told_once_for_each_card_and_for_a_passage_without(empty):
    told = []
    with empty.action():
        told.append(
            empty.record_event("accept", P, USER, {"guid": "af1", "draft": WORDS})
        )
        empty.record_event("different", P, USER, {"old": Q})  # it is about the card, too
        told.append(empty.record_event("skip", Q, USER, {}))
        empty.record_event("skip", Q, USER, {"why": "too easy"})
    entries = decide.undo_decision(empty).entries
    assert [entry.id for entry in entries] == [told[0].action_id, told[0].action_id]
    assert [entry.event.kind for entry in entries] == ["accept", "skip"]


@pytest.mark.parametrize("is_one_action", [True, False])
def test_what_was_taken_back_is_told_by_its_action_or_its_event(empty, is_one_action):
    with empty.action() if is_one_action else nullcontext():
        event = empty.record_event("accept", P, USER, {"guid": "af1", "draft": WORDS})
    assert bool(event.action_id) is is_one_action
    assert decide.undo_decision(empty, event.id).id == (event.action_id or event.id)


def test_what_an_agent_proposed_is_as_if_it_had_not(empty):
    store_highlights(empty, {P: "present"})
    empty.execute(
        "UPDATE highlight SET modelled = 'before', body = ?", to_json(HIGHLIGHT)
    )
    for id, drafter in (("dr1", AGENT_DRAFTER), ("dr2", "llm")):
        body = to_json(replace(DRAFT, origin=Origin(drafter)))
        row = draft_columns(id=id, drafter=drafter, body=body)
        empty.insert("draft", [row])
    undone = decide.undo_decision(empty, "dr1")
    assert [draft.quote for draft in undone.drafts or ()] == [DRAFT.quote]
    assert (undone.id, undone.entries, undone.rewording_count) == ("dr1", (), 0)
    assert empty.fetch_value("SELECT group_concat(id) FROM draft") == "dr2"
    assert empty.fetch_value("SELECT modelled FROM highlight") == ""
    with pytest.raises(RefusedError, match="nothing about dr2 can be undone"):
        decide.undo_decision(empty, "dr2")


@pytest.mark.parametrize(
    ("pinned", "choice", "offered"),
    [
        # the person changed it in Anki, which may have the words that were chosen
        ("", "source", "of the source"),
        ("", "mine", "of the source"),
        # the person changed it here
        ("mine", "source", "of the source"),
        ("mine", "mine", "of the source"),
        # the source has said the same since
        ("", "source", "mine"),
    ],
)
def test_a_conflict_whose_answer_is_taken_back_is_asked_again(
    empty, pinned, choice, offered
):
    empty.record_event("accept", P, USER, {"guid": "af1", "draft": WORDS})
    if pinned:
        empty.record_event("edit", P, USER, {"guid": "af1", "fields": {"Back": pinned}})
    of_source = {"kind": "basic", "fields": {"Front": "q", "Back": offered}}
    empty.record_event("revise", P, SOURCE, {"guid": "af1", "draft": of_source})
    answer = {"field": "Back", "choice": choice, "theirs": "", "ours": "", "was": "mine"}
    with empty.action():
        empty.record_event("resolve", P, USER, {"guid": "af1", **answer})
    decide.undo_decision(empty)
    card = empty.get_passage(P).cards["af1"]
    assert (card.get_field("Back"), card.edits.pinned) == ("mine", ("Back",))
    assert card.edits.source_texts_offered == (
        {} if offered == "mine" else {"Back": offered}
    )


# --- which drafts wait no longer ------------------------------------------------------------

DOCUMENT = Document(DocumentKey("d"), "v", "Hearts")
HIGHLIGHT = Highlight(
    DOCUMENT, "v", HighlightKind.HIGHLIGHT, "The heart pumps blood.", HighlightKey(P)
)
TEXT = (("Text", "The {{c1::heart}} pumps blood."), ("Extra", ""))
OTHER_TEXT = (("Text", "The heart {{c1::pumps}} blood."), ("Extra", ""))
DRAFT = made(
    StoredDraft, key=HighlightKey(P), fields=TEXT, quote=HIGHLIGHT.exact, answer="heart"
)
FORM = replace(DRAFT, user_text_number=0, origin=Origin("rules:phrase"))


def card_with(fields: tuple[tuple[str, str], ...]) -> Card:
    """Return the card in the slot of FORM, which got these fields of its source last."""
    form = replace(FORM, fields=fields)
    return card_of(
        form,
        edits=FieldEdits(
            source_text_hashes=(("a", hash_fields_with_markup(form.fields)),)
        ),
    )


LIVE = card_with(OTHER_TEXT)
SAME = card_with(TEXT)


# --- which highlights a model is to draft ---------------------------------------------------

BY_MODEL = replace(LIVE, origin=Origin("llm"), quote=HIGHLIGHT.exact)


def draft_columns(**columns: object) -> dict[str, object]:
    """Return the columns of a draft of P that waits; those not given are empty."""
    names = "id key passage offer content slot kind deck drafter severity fact near revises replaces"
    names += " findings tags words body"
    return {**dict.fromkeys(names.split(), ""), "position": 0, "key": P, **columns}


# --- why a draft waits for a person ---------------------------------------------------------

OCCLUSION = replace(DRAFT, kind=CardKind.OCCLUSION, fields=(("Occlusion", "m"),))
ELSEWHERE = {"kind": "cloze", "fields": dict(TEXT)}


def remarks_on(store: Store, draft: StoredDraft) -> list[Remark]:
    finder = draft_groups.RemarkFinder(store)
    finder.load([draft])
    return list(finder.find_remarks(draft, HIGHLIGHT))


def accepted(key: str, guid: str) -> tuple[str, str, dict[str, Any]]:
    return "accept", key, {"guid": guid, "draft": ELSEWHERE}


@pytest.mark.parametrize(
    ("draft", "events", "unknown_notes", "buried", "remarks"),
    [
        (DRAFT, [], [], None, []),
        (replace(DRAFT, revised_guid="af1"), [], [], None, [RemarkKind.REVISION]),
        (replace(DRAFT, replaced_guid="af1"), [], [], None, [RemarkKind.REPLACEMENT]),
        (replace(DRAFT, similar_removed_sentence="A."), [], [], None, [RemarkKind.NEAR]),
        (replace(DRAFT, similar_removed_sentence="A.", revised_guid="af1"), [], [], None, [RemarkKind.REVISION]),
        # a grave says that its note was deleted; another's says nothing
        (DRAFT, [], [], make_guid(P, DRAFT), [RemarkKind.NOTE_DELETED]),
        (DRAFT, [], [], make_guid(Q, DRAFT), []),
        (DRAFT, [accepted(P, make_guid(P, DRAFT))], [], make_guid(P, DRAFT), []),  # it has its card
        # notes in Anki that no card here has
        (DRAFT, [], ["ankiforge::doc::hearts"], None, [RemarkKind.UNKNOWN_NOTES]),
        (DRAFT, [], [make_guid(P, DRAFT)], None, [RemarkKind.UNKNOWN_NOTES]),
        (DRAFT, [], ["ankiforge::doc::livers"], None, []),
        # the same words elsewhere
        (DRAFT, [accepted(Q, "af2")], [], None, [RemarkKind.EQUAL_CARD]),
        (DRAFT, [accepted(P, "af2")], [], None, []),
        (DRAFT, [("reject", Q, {"content": hash_question_and_answer(DRAFT.fields)})], [], None, [RemarkKind.REJECTED_ELSEWHERE]),
        (DRAFT, [("reject", Q, {"content": "other words"})], [], None, []),
        # the person dropped what its passage says
        (DRAFT, [("skip", P, {})], [], None, [RemarkKind.DECIDED_BEFORE]),
        (replace(DRAFT, similar_removed_sentence="A."), [("skip", P, {})], [], None, [RemarkKind.NEAR]),
        # what a figure hides is to be looked at, once
        (OCCLUSION, [], [], None, [RemarkKind.FIGURE]),
        (replace(OCCLUSION, revised_guid="af1"), [], [], None, [RemarkKind.REVISION]),
    ],
)  # fmt: skip
def test_why_a_draft_waits(empty, draft, events, unknown_notes, buried, remarks):
    for what, key, body in events:
        empty.record_event(what, key, USER, body)
    if buried:
        empty.insert("grave", [{"id": compute_note_id(buried)}])
    empty.set_value("strangers", unknown_notes)
    found = remarks_on(empty, draft)
    assert [remark.kind for remark in found] == remarks


@pytest.mark.parametrize(
    ("accepted_by", "then", "remark"),
    [
        (USER, [], RemarkKind.TAKEN_BACK),
        # that a person does not want what policy accepted is a decision
        (POLICY, [], RemarkKind.DECIDED_BEFORE),
        # and so is what they decide on another card of the sentence
        (USER, [("reject", {"guid": "", "content": "c"})], RemarkKind.DECIDED_BEFORE),
        (USER, [("skip", {})], RemarkKind.DECIDED_BEFORE),
    ],
)
def test_what_was_taken_back_waits_for_the_person(empty, accepted_by, then, remark):
    guid = make_guid(P, FORM)
    words = {
        "kind": "cloze",
        "fields": dict(TEXT),
        "quote": FORM.quote,
        "drafter": "rules:phrase",
    }
    body = {"guid": guid, "draft": words, "slot": FORM.stored_text_number}
    made = empty.record_event("accept", P, accepted_by, body)
    about: dict[str, Any] = {"sentences": [FORM.quote], "passage": [], "facts": []}
    empty.record_event("fact", P, accepted_by, {"of": made.id, "guid": guid, **about})
    empty.record_event("undo", P, USER, {"event": made.id})
    for what, other in then:
        decided = empty.record_event(what, P, USER, other)
        empty.record_event("fact", P, USER, {"of": decided.id, "guid": "", **about})
    assert [each.kind for each in remarks_on(empty, FORM)] == [remark]


@pytest.mark.parametrize(
    ("ended", "detail"),
    [
        ("", "af2"),
        ("reject", "af2, which is rejected"),
        ("retire", "af2, which is retired"),
        ("undo", "af2, which is undone"),
    ],
)
def test_an_equal_card_is_named(empty, ended, detail):
    _, key, body = accepted(Q, "af2")
    made = empty.record_event("accept", key, USER, body)
    if ended == "undo":
        empty.record_event("undo", Q, USER, {"event": made.id})
    elif ended:
        empty.record_event(ended, Q, USER, {"guid": "af2", "content": ""})
    [remark] = remarks_on(empty, DRAFT)
    assert remark.detail == detail


def store_highlights(store: Store, states: dict[str, str]) -> None:
    """Store a document with highlights, by their keys in these states."""
    for place, (key, state) in enumerate(states.items()):
        columns = {"document": 1, "position": place, "kind": "highlight", "folded": ""}
        store.insert("highlight", [{"key": key, "state": state, **columns}])


# --- what is asked where a passage may be in other words -------------------------------------

STANDS, GOES = "The heart pumps blood all day.", "The lungs take in air all day."


def fact(guid: str, *sentences: str) -> tuple[str, str, dict[str, Any]]:
    body = {"of": "", "sentences": sentences, "passage": [], "facts": [], "guid": guid}
    return "fact", P, body


@pytest.mark.parametrize(
    ("events", "stands"),
    [
        ([], False),
        ([accepted(P, "af1"), fact("af1", STANDS)], True),
        ([accepted(P, "af1"), fact("af1", GOES)], False),
        ([accepted(P, "af1"), fact("af1", "A.")], False),  # a coincidence
        ([accepted(P, "af1"), fact("af1")], False),  # of all of it
        ([accepted(P, "af1"), fact("af2", STANDS)], False),
        ([("accept", P, {"guid": "af1", "draft": ELSEWHERE | {"own": True}}), fact("af1", STANDS)], False),
        ([("reject", P, {"content": "c"}), fact("", STANDS)], True),
        ([("reject", P, {"content": "c"}), fact("", GOES)], False),
        ([("reject", P, {"content": "c", "slot": "0"}), fact("", STANDS)], False),
        ([("skip", P, {}), fact("", STANDS)], True),
    ],
)  # fmt: skip
def test_nothing_is_asked_where_all_that_was_decided_stands(empty, events, stands):
    decision = ""
    for what, key, body in events:
        if what == "fact":
            body = {**body, "of": decision}
        decision = empty.record_event(what, key, USER, body).id
    store_highlights(empty, {"vault:notes/here": "present"})
    empty.execute(
        "INSERT INTO sentence (name, key) VALUES (?, ?)",
        hash_sentence(STANDS),
        "vault:notes/here",
    )
    assert are_sentences_still_present(empty, P) is stands


# --- what becomes of drafts that wait, and of cards, when their passage is drafted anew -------

BY_RULES, BY_MODEL, BESIDE = (
    {},
    {"is_model": True},
    {"is_model": True, "keeps_pending": True},
)
BLOCKING = Finding("cut", Severity.BLOCK, "cut off")


@pytest.mark.parametrize(
    ("card", "draft", "why"),
    [
        (LIVE, FORM, None),
        (LIVE, replace(FORM, findings=(BLOCKING,)), "a check blocks"),
        (LIVE, replace(FORM, fields=(("Text", "The {{c1::he\ufffdrt}} pumps."),)), "are damaged: “"),
        # it was so before
        (replace(LIVE, fields=(("Text", "The he\ufffdrt {{c1::pumps}}."),)), replace(FORM, fields=(("Text", "The {{c1::he\ufffdrt}}."),)), None),
    ],
)  # fmt: skip
def test_why_a_card_does_not_follow_its_source(card, draft, why):
    held = waiting.explain_confirmation(card, draft)
    assert held is None if why is None else why in held


FIGURE = replace(
    FORM, kind=CardKind.OCCLUSION, fields=(("Occlusion", "hide all 0123456789abcdef\n1 .1 .1 .2 .2 Femur"), ("Image", "![](a.png)"))
)  # fmt: skip


@pytest.mark.parametrize(
    ("words", "masks", "field"),
    [
        (FIGURE, "hide one\n1- .1 .1 .2 .2 Femur\n2+ 0.30004 0.5 7 0.25 ", "hide one 0123456789abcdef\n1- .1 .1 .2 .2 Femur\n2+ .3 .5 1 .25"),
        # it stays the figure that it is, with the words of its labels
        (FIGURE, "hide all ffffffffffffffff\n1 .1 .1 .3 .3 Tibia", "hide all 0123456789abcdef\n1 .1 .1 .3 .3 Femur"),
        (FIGURE, "hide all\n1 .1 .1 .2 .2\n1 .1 .1 .3 .3\n2 nan .1 .2 .2", "hide all 0123456789abcdef\n1 .1 .1 .3 .3 Femur"),
        (FIGURE, "hide all\n1- .1 .1 .2 .2 Femur", None),
        (FIGURE, "", None),
        (FORM, "hide all\n1 .1 .1 .2 .2 Femur", None),
    ],
)  # fmt: skip
def test_the_masks_that_a_person_wants(words, masks, field):
    with pytest.raises(RefusedError) if field is None else nullcontext():
        fields = dict(decide._replace_masks(words, masks))
        assert fields == {"Occlusion": field, "Image": "![](a.png)"}


SAME = "0123456789abcdef"


@pytest.mark.parametrize(
    ("masks", "other_field", "is_new"),
    [
        (f"hide all {SAME}", None, False),  # the user drew the masks of the card
        (f"hide all {SAME}\n1 .5 .5 .2 .2 Tibia", None, False),
        (f"hide all {SAME}", ("Image", "![](b.png)"), True),
        (f"hide all {SAME}", ("Header", "A thigh"), True),
        ("hide all ffffffffffffffff", None, True),
        ("hide all", None, True),
    ],
)
def test_other_masks_of_the_same_figure_are_no_new_text(masks, other_field, is_new):
    card = replace(LIVE, fields=FIGURE.fields)
    fields = (
        dict(FIGURE.fields)
        | {"Occlusion": masks}
        | dict([other_field] if other_field else [])
    )
    draft = replace(FIGURE, fields=tuple(fields.items()))
    assert draft_completion.has_new_source_text(card, draft, "a") is is_new


@pytest.mark.parametrize(
    ("source", "kind", "draft", "derived"),
    [
        (SourceKind.PDF, HighlightKind.HIGHLIGHT, FORM, True),
        (SourceKind.PDF, HighlightKind.CARD, FORM, False),  # the person wrote it there
        (SourceKind.PDF, HighlightKind.IMAGE, OCCLUSION, False),
        (SourceKind.VAULT, HighlightKind.HIGHLIGHT, FORM, False),
    ],
)
def test_which_words_were_read_from_a_page(source, kind, draft, derived):
    namespace = {SourceKind.PDF: "pdf:p", SourceKind.VAULT: "vault:v"}[source]
    highlight = replace(HIGHLIGHT, kind=kind, namespace=namespace)
    assert highlight.source_kind is source
    assert waiting.is_from_pdf_page(draft, highlight) is derived


@pytest.mark.parametrize(
    ("events", "draft", "stands"),
    [
        ([], FORM, False),
        (["accept"], FORM, True),
        (["accept"], replace(FORM, fields=OTHER_TEXT), False),
        (["accept", "retire"], FORM, False),
        (["accept", "reject"], FORM, False),
    ],
)
def test_a_draft_stands_as_a_card_with_its_words(empty, events, draft, stands):
    words = {"kind": "cloze", "fields": {"Text": FORM.get_field("Text")}}
    body = {
        "guid": "af1",
        "draft": words,
        "slot": "0",
        "content": hash_question_and_answer(FORM.fields),
    }
    for what in events:
        empty.record_event(what, P, USER, body)
    assert (
        draft_completion.repeats_live_card(
            empty.get_passage(P), replace(draft, user_text_number=0)
        )
        is stands
    )


def here_of(highlight: Highlight, **more: Any) -> HighlightSnapshot:
    """Return an undecided passage by its highlight."""
    passage = Passage((highlight.key,))
    return HighlightSnapshot(
        passage, highlight.exact, highlight=highlight, content_hash="now", **more
    )


@pytest.mark.parametrize(("has_updated_cards", "follows"), [(False, ["af1"]), (True, [])])
def test_cards_follow_first_and_all_else_is_recorded_then(has_updated_cards, follows):
    passage = Passage((P,), cards={"af1": LIVE})
    here = replace(here_of(HIGHLIGHT), passage=passage)
    drafted = DraftingResult(HIGHLIGHT, (replace(FORM, user_text_number=0).to_draft(),))
    by = draft_changes.DraftingMode("a")
    changes = draft_changes.compute_draft_changes(
        here, drafted, by, has_updated_cards=has_updated_cards
    )
    assert [each.event.body["guid"] for each in changes.card_updates] == follows
    assert (changes.drafting is None) is bool(follows)


@pytest.mark.parametrize(
    ("what", "key", "body", "said", "text"),
    [
        ("accept", P, {"draft": WORDS}, "accepted", "q / a"),
        ("edit", P, {"fields": {"Back": "b"}}, "edited", "b"),
        ("skip", P, {"why": "too easy"}, "no card", "too easy"),
        ("reject", P, {"fields": {"Back": "b"}, "why": "too easy"}, "rejected", "b (too easy)"),
        ("resolve", P, {"choice": "source"}, "the source's words taken", ""),
        ("resolve", P, {"choice": "mine"}, "your words kept", ""),
        ("form", "form:v:A :: B", {"choice": "accept"}, "made into cards", "lines like `A :: B` in v"),
        ("form", "form:v:A :: B", {"choice": "never"}, "no cards", "lines like `A :: B` in v"),
        ("placed", P, {"deck": "D", "added": ["x", "y"], "removed": ["z"]}, "deck and tags", "D +x +y −z"),
        ("placed", P, {"removed": ["z"]}, "deck and tags", "−z"),
        ("dialects", "dialects:v", {"read": ["osr", "o2a"]}, "the cards of obsidian-spaced-repetition and Obsidian_to_Anki read", "in v"),
        ("dialects", "dialects:v", {"read": []}, "plain notes read", "in v"),
        ("decline", "tool:osr", {}, "history declined", "of obsidian-spaced-repetition"),
        ("decline", "tool:x", {}, "history declined", "of another tool"),
    ],
)  # fmt: skip
def test_what_is_told_of_a_past_decision(empty, what, key, body, said, text):
    event = Event(1, "a", "2026-01-01", USER, what, key, body)
    entry = cards.load_history_entry(empty, event)
    assert (history.describe_event(entry).name, history.format_decision_text(entry)) == (
        said,
        text,
    )
    assert entry.id == event.id
    acted = cards.load_history_entry(empty, replace(event, action_id="t1"))
    assert acted.id == "t1"


def test_an_answer_to_no_question_is_told_where_questions_are(empty):
    with pytest.raises(RefusedError) as raised:
        questions.answer_question(empty, "qu1", yes=True)
    assert raised.value.hint == "ankiforge list --view questions"


@pytest.mark.parametrize(
    ("card", "sentence", "fields"),
    [
        (
            DRAFT,
            "Every heart pumps.",
            {"Text": "Every {{c1::heart}} pumps.", "Extra": ""},
        ),
        (
            DRAFT,
            "Every {heart} pumps.",
            {"Text": "Every {{{c1::heart}}} pumps.", "Extra": ""},
        ),
        (
            DRAFT,
            "Sweetheart, a heart has a heart.",
            {"Text": "Sweetheart, a {{c1::heart}} has a heart.", "Extra": ""},
        ),
        (DRAFT, "Hearts pump, say sweethearts.", {}),  # no half words
        (DRAFT, "heart", {}),  # nothing would be asked
        (replace(DRAFT, fields=(("Text", "No gap."),)), "No gap.", {}),
    ],
)
def test_the_words_of_a_card_in_a_sentence_that_changed(card, sentence, fields):
    found = draft_completion.reword_fields(sentence, card)
    assert found == fields


@pytest.mark.parametrize(
    ("quote", "states", "remarks"),
    [
        ("pumps blood", ["present"], ()),
        ("pumps water", ["present"], (SourceChange.SOURCE_CHANGED,)),
        ("", ["present"], ()),
        ("pumps blood", ["gone"], (SourceChange.SOURCE_GONE,)),
        ("pumps blood", ["missing"], ()),
        ("pumps blood", ["gone", "unselected"], ()),  # a setting left it out
    ],
)
def test_what_became_of_the_source_of_a_card(quote, states, remarks):
    card = replace(LIVE, quote=quote)
    rows = []
    for state in states:
        body = msgspec.json.encode(HIGHLIGHT).decode()
        rows.append({"key": P, "state": state, "body": body, "route": "vault"})
    found = cards._combine_with_passage(card, Passage((P,)), rows)
    assert found.source_changes == remarks


# --- what a decision says of the facts of its passage -----------------------------------------
