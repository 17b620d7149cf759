"""Questions: what holds back a card or a correction until a person answers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from ankiforge.errors import RefusedError
from ankiforge.ledger import cards, decide, drafts
from ankiforge.ledger.events import PERSON
from ankiforge.ledger.store import Store
from ankiforge.ledger.views import DELETED
from ankiforge.model import Conflict, Guid, Question, Waiting, h16

FORM_ASKED = 3
"""So many lines of one form are asked about once."""


def _question_id(kind: str, *parts: str) -> str:
    """Return the id of a question."""
    return f"qu{h16(kind, *parts)}"


def open_questions(store: Store) -> list[Question]:
    """Return what only a person can tell."""
    return [
        *_same_questions(store), *_duplicate_questions(store), *_conflict_questions(store),
        *_anki_questions(store), *_source_questions(store), *_form_questions(store),
    ]  # fmt: skip


def _same_questions(store: Store) -> Iterator[Question]:
    for row in store.rows("SELECT key FROM passage WHERE asks"):
        passage = store.passage(row["key"])
        for new, old in drafts.asked(store, passage):
            was = store.passage(old)
            guids = tuple(Guid(card.guid) for card in was.cards.values())
            texts = tuple(one.texts[0].exact for one in (passage, was) if one.texts)
            yield Question(
                _question_id("same", new, old), "same",
                "Is this passage the one of a card whose passage is gone?",
                "the same: the old card moves here", "two cards", new, old, guids, (), texts,
                tuple(row["id"] for row in store.rows("SELECT id FROM draft WHERE key = ?", new)),
            )  # fmt: skip


def _duplicate_questions(store: Store) -> Iterator[Question]:
    twins = store.rows(
        "SELECT a.guid AS old_guid, b.guid AS new_guid, a.passage AS old, b.passage AS new,"
        " a.words AS words FROM card a JOIN card b ON a.content = b.content"
        " WHERE a.live AND b.live AND a.guid < b.guid"
    )
    for row in twins:
        new, old = store.passage(row["new"]), store.passage(row["old"])
        if not {*new.keys} & old.apart and not {*old.keys} & new.apart:
            guids = (Guid(row["old_guid"]), Guid(row["new_guid"]))
            yield Question(
                _question_id("duplicate", *guids), "duplicate",
                "Two cards ask and answer the same.", "one card: the one with reviews stays",
                "keep both", row["new"], row["old"], guids, (), (row["words"],),
            )  # fmt: skip


def _conflict_questions(store: Store) -> Iterator[Question]:
    found: dict[str, list[Conflict]] = defaultdict(list)
    for row in store.rows("SELECT passage, guid FROM card WHERE live AND offered"):
        card = store.passage(row["passage"]).cards[row["guid"]]
        for name, text in card.offered.items():
            mine = card.wording.fields.get(name, "")
            found[card.guid].append(Conflict(Guid(card.guid), name, mine, text))
    for row in store.rows("SELECT * FROM conflict ORDER BY guid, field"):
        if all(one.field != row["field"] for one in found[row["guid"]]):
            found[row["guid"]].append(Conflict(Guid(row["guid"]), *tuple(row)[1:]))
    for guid, conflicts in found.items():
        yield Question(
            _question_id("conflict", guid), "conflict",
            "You changed this card, and so did its source.", "take the source's words",
            "keep mine", guid, "", (Guid(guid),), tuple(conflicts),
        )  # fmt: skip


def _anki_questions(store: Store) -> Iterator[Question]:
    rows = store.rows(
        "SELECT s.guid, c.words FROM seen s JOIN card c USING (guid) WHERE s.absent AND c.live"
    )
    if rows:
        guids = tuple(Guid(row["guid"]) for row in rows)
        yield Question(
            _question_id("absent", *guids), "absent",
            f"{len(guids)} notes are missing in Anki. Did you delete them?",
            "they were deleted", "nothing happened: send them again", "", "", guids, (),
            tuple(row["words"] for row in rows[:5]),
        )  # fmt: skip


def _source_questions(store: Store) -> Iterator[Question]:
    for row in store.rows("SELECT name FROM meta WHERE name LIKE 'emptied %' AND value = 'asked'"):
        container = row["name"].removeprefix("emptied ")
        yield Question(
            _question_id("emptied", container), "emptied",
            f"{container} lists nothing, or lost more than half of its documents. Were they deleted?",
            "they were deleted", "nothing happened", container,
        )  # fmt: skip


def _form_questions(store: Store) -> Iterator[Question]:
    """Yield a question for each form of hand-written cards of which several wait in one source."""
    forms: dict[tuple[str, str], list[Waiting]] = defaultdict(list)
    for one in drafts.each_waiting(store, "h.kind = 'card' AND d.revises = ''"):
        if one.highlight.written and "form" in one.remarks:
            forms[one.highlight.document.source, one.highlight.written].append(one)
    for (source, written), waiting in sorted(forms.items()):
        if len(waiting) >= FORM_ASKED:
            yield Question(
                _question_id("form", source, written), "form",
                f"{len(waiting)} lines like `{written}` in {source}: are they cards?",
                "these are cards, and later ones", "no cards here", source, written, (), (),
                tuple(" ".join(one.highlight.exact.split()) for one in waiting),
                tuple(one.id for one in waiting),
            )  # fmt: skip


def _find_question(store: Store, id: str) -> Question:
    """Return an open question by its id or the beginning of it."""
    found = [one for one in open_questions(store) if one.id.startswith(id)]
    if len(found) != 1:
        raise RefusedError(
            f"{id}: there is no such open question", hint="ankiforge list --view questions"
        )
    return found[0]


def answer(store: Store, id: str, *, yes: bool, without: Collection[str] = ()) -> None:
    """Answer a question; what each answer does is told in the question.

    `without`: the drafts of a form that are no cards; they are rejected.
    """
    with store.action():
        question = _find_question(store, id)
        for draft in set(without).intersection(question.drafts if question.kind == "form" else ()):
            decide.reject(store, draft)
        _answer(store, question, yes=yes)


def _answer(store: Store, question: Question, *, yes: bool) -> None:
    match question.kind:
        case "same":
            store.add("same" if yes else "different", question.new, PERSON, {"old": question.old})
        case "duplicate" if yes:
            _merge(store, question.guids)
        case "duplicate":
            store.add("different", question.new, PERSON, {"old": question.old})
        case "conflict":
            _resolve(store, question.conflicts, "source" if yes else "mine")
        case "absent":
            for guid in question.guids:
                key = cards.state_of(store, guid)[1].key
                body = {"guid": guid, "why": DELETED} if yes else {"guid": guid}
                store.add("retire" if yes else "unseen", key, PERSON, body)
                store.write("DELETE FROM seen WHERE guid = ?", guid)
        case "emptied":
            store.set_meta(f"emptied {question.new}", "yes" if yes else "no")
        case "form":
            key = drafts.form_key(question.new, question.old)
            store.add("form", key, PERSON, {"choice": "accept" if yes else "never"})
            _apply_form(store, question, yes=yes)


def _apply_form(store: Store, question: Question, *, yes: bool) -> None:
    for one in drafts.waiting(store):
        highlight = one.highlight
        if (highlight.document.source, highlight.written) == (question.new, question.old):
            if yes and one.proposal.clean and not set(one.remarks) - {"form"}:
                wording = drafts.wording_of_id(store, one.id)
                decide.make_card(store, highlight.key, one.proposal, wording, PERSON, one.id)
            elif not yes:
                store.write("DELETE FROM draft WHERE id = ?", one.id)
                query = "UPDATE highlight SET fate = 'ignored', reason = ? WHERE key = ?"
                store.write(query, drafts.LEFT_OUT.removeprefix("skip: "), highlight.key)


def _merge(store: Store, guids: Sequence[Guid]) -> None:
    """Make one card of two: the one with more reviews stays, else the older one."""

    def worth(guid: Guid) -> tuple[int, int, str]:
        reviews = store.value("SELECT reviews FROM seen WHERE guid = ?", guid) or 0
        key = cards.state_of(store, guid)[1].key
        age = store.value("SELECT min(n) FROM event WHERE key = ? AND what = 'accept'", key)
        return (-reviews, age or 0, guid)

    first, *others = sorted(guids, key=worth)
    for guid in others:
        _state, passage = cards.state_of(store, guid)
        body = {"guid": guid, "why": f"one card with {first}"}
        store.add("retire", passage.key, PERSON, body)


def _resolve(store: Store, conflicts: Sequence[Conflict], choice: str) -> None:
    for one in conflicts:
        _state, passage = cards.state_of(store, one.guid)
        body = {
            "guid": one.guid, "field": one.field, "choice": choice,
            "theirs": h16(one.theirs), "ours": h16(one.ours),
        }  # fmt: skip
        if choice == "source":
            body["was"] = one.words or one.theirs
        store.add("resolve", passage.key, PERSON, body)
        store.write("DELETE FROM conflict WHERE guid = ? AND field = ?", one.guid, one.field)
