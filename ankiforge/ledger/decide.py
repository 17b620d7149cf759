"""Decisions of a person or of the policy: each is an event, and can be undone.

Questions are what holds back a card or a correction until a person answers. They are computed from the
tables each time; an answer is an event, and the question is gone because its condition is.

What must stay true:

- A decision adds events in one `action`, and takes its drafts away with `put_away`: `undo` needs both.
- After `undo`, everything is as it was before, or `undo` refuses and says why.
- A question has no row of its own, and its id is made of what it is about: only its id answers it.

`tests/unit/ledger/test_decisions.py` takes back each kind of decision by each name that `undo` takes;
questions and answers are in `tests/golden/histories` (`decisions.yaml`, `machines.yaml`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

import msgspec
from msgspec.structs import replace

from ankiforge.errors import RefusedError
from ankiforge.ledger import belonging, cards, dialects, drafts
from ankiforge.ledger.events import (
    MERGED,
    PERSON,
    POLICY,
    SILENT,
    SOURCE,
    Event,
    Wording,
    content_of,
    exact,
    guid_of,
)
from ankiforge.ledger.readings import decode_highlight
from ankiforge.ledger.store import EACH, Store, encode
from ankiforge.ledger.views import AGAIN, DELETED, graves_of
from ankiforge.model import (
    AGENT,
    UNREVIEWED,
    Adopted,
    Conflict,
    Guid,
    HighlightKey,
    Json,
    Proposal,
    Question,
    Severity,
    Strings,
    Texts,
    Value,
    Waiting,
    h16,
)
from ankiforge.text.fold import fold

FLOOD = 300
"""Policy accepts at most so many cards in one run; the rest waits."""
FORM_ASKED = 3
"""So many lines of one form are asked about once."""


def _changed_fields(event: Event) -> set[str]:
    if event.what == "edit":
        return set(event.body["fields"])
    return set(event.body["draft"]["fields"])


def accept_clean(store: Store, allows: Callable[[Waiting], bool]) -> list[Guid]:
    """Accept, by policy, drafts that need no person. `allows` tells what the settings accept."""
    accepted: list[Guid] = []
    with store.transaction():
        drafts.drop_resolved(store)
        for one, wording in drafts.each_waiting(store):
            if len(accepted) == FLOOD:
                break
            if one.remarks or one.revises or one.replaces or not one.proposal.clean:
                continue
            if allows(one):
                key = one.highlight.key
                if wording.drafter == "llm":
                    wording = replace(wording, tags=(*wording.tags, UNREVIEWED))
                accepted.append(make_card(store, key, one.proposal, wording, POLICY, one.id))
    return accepted


def accept(store: Store, id: str, *, forced: bool = False) -> Guid:
    """Accept a draft; a revision gives its card the new words.

    Raises:
        RefusedError: a check blocks it, its passage is in doubt, or it is a card already.
    """
    if id.startswith("af"):
        state, _ = cards.state_of(store, id)
        raise RefusedError(f"{id} is {state.verdict}", hint=f"ankiforge undo {id}")
    with store.action():
        row = drafts.draft_row(store, id)
        proposal, key = drafts.decode_proposal(row["body"]), row["key"]
        wording, passage = drafts.wording_in(row), store.passage(key)
        if proposal.blocked and not forced:
            worst = next(one for one in proposal.findings if one.severity is Severity.BLOCK)
            raise RefusedError(
                f"{id}: {worst.message}", hint=f"ankiforge edit {id}, or accept --force {id}"
            )
        if row["revises"]:
            guid = Guid(row["revises"])
            body = {"guid": guid, "draft": msgspec.to_builtins(wording)}
            drafts.put_away(store, id, store.add("revise", passage.key, PERSON, body))
            return guid
        for twin in drafts.twins(store, passage, row["content"]):
            if twin["live"]:
                store.add("different", passage.key, PERSON, {"old": twin["passage"]})
        return make_card(store, key, proposal, wording, PERSON, id, forced=forced)


def make_card(
    store: Store,
    key: str,
    proposal: Proposal,
    wording: Wording,
    by: str,
    id: str,
    *,
    forced: bool = False,
) -> Guid:
    """Make the card of a draft, and drop its alternatives."""
    passage = store.passage(key)
    guid = guid_of(passage.key, wording)
    body: Json = {"guid": guid, "draft": msgspec.to_builtins(wording)}
    body |= {"deck": proposal.deck} if proposal.deck else {}
    body |= {"forced": True} if forced else {}
    if by == PERSON and drafts.was_buried(passage, wording, graves_of(store)):
        body[AGAIN] = True
    others = {row["id"]: row for row in store.rows("SELECT * FROM draft WHERE key = ?", key)}
    row = others.pop(id, None)
    if row and row["replaces"]:
        body["instead"] = row["replaces"]
    passed = {}
    for other in others.values():
        draft = drafts.decode_proposal(other["body"]).draft
        origin, intent = draft.origin, draft.intent
        same = (origin, intent) == (proposal.draft.origin, proposal.draft.intent)
        if same and origin.request and row:  # a reply numbers the facts that its drafts are about
            passed[other["id"]] = other["content"]
    body |= {"passed": [*passed.values()]} if passed else {}
    event = store.add("accept", passage.key, by, body)
    for one in (id, *passed):
        if by == PERSON:
            drafts.put_away(store, one, event)
        else:
            store.write("DELETE FROM draft WHERE id = ?", one)
    return Guid(guid)


class Taken(Value):
    """What is taken over from another tool for one passage."""

    id: str
    """The draft, or the guid of a card that exists."""
    note: Adopted | None = None
    text: str = ""
    """The note's text with clozes in Markdown: the card keeps its numbers."""
    deck: str = ""
    schedule: tuple[tuple[str, int, int], ...] = ()
    """As in `Card`."""


def adopt_notes(store: Store, chosen: Iterable[Taken]) -> str:
    """Make cards of the notes and schedules of other tools, and return the id for `undo`."""
    with store.action() as action:
        for one in chosen:
            if one.id.startswith("af"):  # its words stay as they are
                _, passage = cards.state_of(store, one.id)
                body: Json = {"guid": one.id, "schedule": one.schedule}
                store.add("adopt", passage.key, PERSON, body)
                continue
            wording = drafts.wording_of_id(store, one.id)
            passage = store.passage(drafts.draft_row(store, one.id)["key"])
            if one.text:
                text = cards.keep_numbers(one.text, wording.fields.get("Text", ""))
                wording = replace(wording, fields={**wording.fields, "Text": text})
            guid = guid_of(passage.key, wording)
            body = {"guid": guid, "draft": msgspec.to_builtins(wording)}
            body |= {"deck": one.deck} if one.deck else {}
            body |= {"note": msgspec.to_builtins(one.note)} if one.note else {}
            body |= {"schedule": one.schedule} if one.schedule else {}
            drafts.put_away(store, one.id, store.add("adopt", passage.key, PERSON, body))
        store.set_meta("app anki state", "")  # the notes are to be looked at again
    return action.id


def reject(store: Store, id: str, why: str = "") -> None:
    """Reject a draft or a card. Its words are not offered again."""
    with store.action():
        if id.startswith("dr"):
            row = drafts.draft_row(store, id)
            wording, key = drafts.wording_of_id(store, id), store.first(row["key"])
            guid = "" if row["revises"] else guid_of(key, wording)
            slot = wording.slot if wording.own and not row["revises"] else ""
            content, fields = wording.content, wording.fields
        else:
            state, passage = cards.state_of(store, id)
            fields = state.wording.fields
            key, guid, content = passage.key, id, content_of(fields)
            slot = state.place if state.wording.own else ""
        body = {"guid": guid, "content": content, "slot": slot, "fields": fields}
        event = store.add("reject", key, PERSON, body | ({"why": why} if why else {}))
        drafts.put_away(store, id, event)


def edit(store: Store, id: str, fields: Texts, *, forced: bool = False) -> Guid:
    """Change fields of a card, or accept a draft in other words. They are the person's from now on."""
    with store.action():
        guid = id
        if id.startswith("dr"):
            row = drafts.draft_row(store, id)
            if row["revises"]:
                guid = accept(store, id, forced=True)  # the checks judge the person's words
            else:
                proposal = drafts.decode_proposal(row["body"])
                wording = drafts.wording_of_id(store, id)
                guid = make_card(store, row["key"], proposal, wording, PERSON, id, forced=forced)
        state, passage = cards.state_of(store, guid)
        now = state.wording.fields
        changed = {name: text for name, text in fields.items() if now.get(name, "") != text}
        body: Json = {"guid": guid, "fields": changed}
        if state.wording.kind != "cloze" and "Reverse" in fields:
            body["kind"] = "two-way" if fields["Reverse"] else "basic"
        if changed:
            store.add("edit", passage.key, PERSON, body)
    return Guid(guid)


def make(store: Store, key: str, proposal: Proposal) -> Guid:
    """Make a card that a person wrote for a passage."""
    with store.action():
        cards.highlight_row(store, key)
        drafts.refuse_doubtful(store, key)
        wording = drafts.wording_of(proposal.draft, own=False)
        return make_card(store, key, proposal, wording, PERSON, "")


def skip(store: Store, key: str, why: str = "") -> None:
    """Draft nothing for a highlight any more."""
    with store.action():
        first = store.first(cards.highlight_row(store, key)["key"])
        drafts.refuse_doubtful(store, key)
        event = store.add("skip", first, PERSON, {"why": why} if why else {})
        keys = ", ".join("?" * len(store.keys(first)))
        for row in store.rows(f"SELECT id FROM draft WHERE key IN ({keys})", *store.keys(first)):
            drafts.put_away(store, row["id"], event)


def undo(store: Store, target: str = "", *, as_new: bool = False) -> str:
    """Take back a decision: the last one, an action by its id, or the last one about a card.

    Args:
        store: the store.
        target: an id of `recent`, a guid, the key of a highlight, the draft of an agent, or "" for the
            last decision.
        as_new: a change by the source states another fact, which gets a card of its own.

    Returns:
        The id of the action that was taken back.

    Raises:
        RefusedError: there is none, or a later change of the same field stands on it.
    """
    if target.startswith("dr"):
        return _withdraw(store, target)
    with store.action():
        events = _to_undo(store, target)
        for event in events:
            _refuse_below(store, event)
        for event in reversed(events):
            store.add("undo", event.key, PERSON, {"event": event.id})
            back = drafts.bring_back(store, event)
            if event.what == "adopt":
                store.set_meta("app anki state", "")
                store.passage(event.key)  # the card is gone
            if event.what == "resolve" and event.body.get("was"):
                fields = {event.body["field"]: event.body["was"]}
                body = {"guid": event.body["guid"], "fields": fields}
                store.add("edit", event.key, POLICY, body)  # no decision that could be undone
            if event.what == "retire" and event.body.get("why") == DELETED:  # send it again
                query = "DELETE FROM seen WHERE guid = ? AND absent"
                store.write(query, event.body["guid"])
            if as_new and event.what == "revise" and event.by == SOURCE:
                _split_off_new_fact(store, event.key)
            for key in () if back else store.keys(event.key):
                query = "UPDATE highlight SET drafted = '', modelled = '' WHERE key = ?"
                store.write(query, key)
            if event.what == "decline":
                belonging.draft_again(store, event.key)
            if event.what == "form":  # which may have left them out
                store.write("UPDATE highlight SET drafted = '' WHERE fate = 'ignored'")
        return events[0].act or events[0].id


def _withdraw(store: Store, id: str) -> str:
    """Drop a draft as if no agent had proposed it."""
    with store.transaction():
        row = drafts.draft_row(store, id)
        if row["drafter"] != AGENT:
            hint = "ankiforge list --view recent shows what can be"
            raise RefusedError(f"nothing about {id} can be undone", hint=hint)
        store.write("DELETE FROM draft WHERE id = ?", id)
        store.write("UPDATE highlight SET modelled = '' WHERE key = ?", row["key"])
    return id


def _to_undo(store: Store, target: str) -> list[Event]:
    """Return the events of the decision to take back, oldest first.

    `SILENT` is left out: what was read or shipped, and `undo`, which is never taken back itself.
    """
    undone = {one.body["event"] for one in store.select_events("what = 'undo'")}
    standing = f"what NOT IN {SILENT}"
    keys: Strings = ()
    if target.startswith("af") or "/" in target:
        key = cards.state_of(store, target)[1].key if target.startswith("af") else target
        keys = store.keys(key)
        events = sorted(store.events(keys), key=lambda one: one.order)
        events = [
            one
            for one in events
            if one.what not in SILENT
            and one.id not in undone
            and (one.by == PERSON or one.what == "revise")
            and (not target.startswith("af") or one.body.get("guid", target) == target)
        ]
        last = events[-1:]
    elif target:
        last = [
            one
            for one in store.select_events(f"(act = ? OR id = ?) AND {standing}", target, target)
            if one.id not in undone
        ][-1:]
    else:
        found = store.select_events(
            f"by = 'person' AND machine = ? AND {standing} ORDER BY n DESC LIMIT 200", store.machine
        )
        last = [one for one in found if one.id not in undone][:1]
    if not last:
        what = f"nothing about {target} can be undone" if target else "there is nothing to undo"
        raise RefusedError(what, hint="ankiforge list --view recent shows what can be")
    act = last[0].act
    if not act or (target.startswith("af") and last[0].by != PERSON):
        return last
    events = [one for one in store.select_events("act = ?", act) if one.id not in undone]
    if target.startswith("af"):  # not what was decided about other cards in one go with it
        events = [
            one for one in events if one.key in keys and one.body.get("guid", target) == target
        ]
    return sorted((one for one in events if one.what not in SILENT), key=lambda one: one.order)


def _refuse_below(store: Store, event: Event) -> None:
    """Refuse to take back a change of a field that a later one changed again."""
    if event.what not in ("revise", "edit"):
        return
    events = store.events(store.keys(event.key))
    undone = {one.body["event"] for one in events if one.what == "undo"}
    names = _changed_fields(event)
    for one in sorted(events, key=lambda each: each.order, reverse=True):
        if one.order <= event.order:
            break
        same_card = one.body.get("guid") == event.body.get("guid")
        later = one.what in ("revise", "edit") and one.id not in undone and same_card
        of_another = not event.act or one.act != event.act
        if later and of_another and names & _changed_fields(one):
            raise RefusedError(
                "a later change of the same card stands on this one",
                hint=f"first: ankiforge undo {one.act or one.id}",
            )


def _split_off_new_fact(store: Store, key: str) -> None:
    """Split a passage in two: its present text gets a new key, and the old key keeps the card."""
    row = cards.present_row(store, store.passage(key))
    if row is None:
        return
    texts = store.passage(key).texts
    highlight = decode_highlight(row)
    new = HighlightKey(f"{highlight.namespace}/{h16(key, highlight.exact, 'another fact')}")
    store.add("key", new, SOURCE, msgspec.to_builtins(texts[0]))
    store.add("different", new, POLICY, {"old": store.first(key)})
    before = next((one for one in texts[1:] if exact(one.exact) != exact(texts[0].exact)), None)
    if before:  # the old card is the old text's
        store.add("text", row["key"], SOURCE, msgspec.to_builtins(before))
    copied = dict(row) | {"key": new, "drafted": "", "modelled": "", "fate": "", "reason": ""}
    copied["body"] = encode(replace(highlight, key=new))
    names, marks = ", ".join(copied), ", ".join("?" * len(copied))
    store.write(f"INSERT INTO highlight ({names}) VALUES ({marks})", *copied.values())
    was = before.exact if before else ""
    words = was or highlight.exact  # other words were marked in the same text
    alone = replace(highlight, exact=words, prefix="", suffix="", sentence="", gaps=(), markdown=())
    query = "UPDATE highlight SET state = 'gone', folded = ?, body = ? WHERE key = ?"
    store.write(query, fold(was), encode(alone), row["key"])
    store.write("DELETE FROM draft WHERE key = ?", row["key"])


# --- questions ------------------------------------------------------------------------------------


def _question_id(kind: str, *parts: str) -> str:
    """Return the id of a question."""
    return f"qu{h16(kind, *parts)}"


def open_questions(store: Store) -> list[Question]:
    """Return what only a person can tell."""
    return [
        *_same_questions(store), *_duplicate_questions(store), *_conflict_questions(store),
        *_anki_questions(store), *_source_questions(store), *_dialect_questions(store),
        *_form_questions(store),
    ]  # fmt: skip


def _same_questions(store: Store) -> Iterator[Question]:
    for row in store.rows("SELECT key FROM passage WHERE asks"):
        passage = store.passage(row["key"])
        for new, old in drafts.asked(store, passage):
            was = store.passage(old)
            guids = tuple(Guid(card.guid) for card in was.live)
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
        if not new.told_apart_from(old):
            guids = (Guid(row["old_guid"]), Guid(row["new_guid"]))
            yield Question(
                _question_id("duplicate", *guids), "duplicate",
                "Two cards ask and answer the same.", "one card: the one with reviews stays",
                "keep both", row["new"], row["old"], guids, (), (row["words"],),
            )  # fmt: skip


def _conflict_questions(store: Store) -> Iterator[Question]:
    found = defaultdict(list)
    for row in store.rows("SELECT passage, guid FROM card WHERE live AND offered"):
        card = store.passage(row["passage"]).cards[row["guid"]]
        for name, text in card.offered.items():
            mine = card.wording.fields.get(name, "")
            found[card.guid].append(Conflict(Guid(card.guid), name, mine, text))
    stored = "SELECT f.* FROM conflict f JOIN card c USING (guid) WHERE c.live ORDER BY guid, field"
    for row in store.rows(stored):
        if all(one.field != row["field"] for one in found[row["guid"]]):
            found[row["guid"]].append(Conflict(Guid(row["guid"]), *tuple(row)[1:]))
    for guid, conflicts in found.items():
        yield Question(
            _question_id("conflict", guid), "conflict",
            "You changed this card, and so did its source.", "take the source's words",
            "keep mine", guid, "", (Guid(guid),), tuple(conflicts),
        )  # fmt: skip


def in_conflict(store: Store) -> set[str]:
    """Return the guids of the cards about whose words an open question asks."""
    return {question.guids[0] for question in _conflict_questions(store)}


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


def _dialect_questions(store: Store) -> Iterator[Question]:
    """Yield a question for each vault whose plugins are other ones than those it is read by."""
    for pending in dialects.pending(store):
        yield Question(
            _question_id("dialect", pending.container, *pending.read, "", *pending.difference.on),
            "dialect", dialects.asked(pending), "yes, from the next run on",
            "no: the notes are read as before", pending.container,
        )  # fmt: skip


def _form_questions(store: Store) -> Iterator[Question]:
    """Yield a question for each form of hand-written cards of which several wait in one source."""
    forms = defaultdict(list)
    cards_of = "SELECT body FROM highlight WHERE state = 'present' AND kind = 'card' AND key IN (SELECT key FROM draft)"
    marks = map(decode_highlight, store.rows(cards_of))
    asked = encode([mark.key for mark in marks if drafts.asks_form(store, mark)])
    for one in drafts.waiting(store, f"d.key IN {EACH} AND d.revises = ''", asked):
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
            reject(store, draft)
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
        case "dialect":
            _answer_dialect(store, question.new, yes=yes)
        case "form":
            key = drafts.form_key(question.new, question.old)
            store.add("form", key, PERSON, {"choice": "accept" if yes else "never"})
            _apply_form(store, question, yes=yes)


def _answer_dialect(store: Store, container: str, *, yes: bool) -> None:
    """Record by which dialects a vault is read; the next run reads it so."""
    for pending in dialects.pending(store):
        if pending.container != container:
            continue
        on = pending.difference.on
        body = {"read": on} if yes else {"read": pending.read, "declined": on}
        store.add("dialects", dialects.key_of(container), PERSON, body)


def _apply_form(store: Store, question: Question, *, yes: bool) -> None:
    for one in drafts.waiting(store):
        highlight = one.highlight
        form = (highlight.document.source, highlight.written)
        if form != (question.new, question.old) or not drafts.is_doubtful(highlight):
            continue
        if yes and one.proposal.clean and not set(one.remarks) - {"form"}:
            wording = drafts.wording_of_id(store, one.id)
            make_card(store, highlight.key, one.proposal, wording, PERSON, one.id)
        elif not yes:
            store.write("DELETE FROM draft WHERE id = ?", one.id)
            query = "UPDATE highlight SET fate = 'ignored', reason = ? WHERE key = ?"
            store.write(query, drafts.LEFT_OUT.removeprefix("skip: "), highlight.key)


def _merge(store: Store, guids: Sequence[Guid]) -> None:
    """Make one card of two: the one with more reviews stays, else the older one."""

    def worth(guid: Guid) -> tuple[int, int, str]:
        reviews = store.value("SELECT reviews FROM seen WHERE guid = ?", guid) or 0
        key = cards.state_of(store, guid)[1].key
        accepts = store.select_events("key = ? AND what = 'accept'", key)
        return (-reviews, min((event.n for event in accepts), default=None) or 0, guid)

    first, *others = sorted(guids, key=worth)
    for guid in others:
        _state, passage = cards.state_of(store, guid)
        body = {"guid": guid, "why": f"{MERGED}{first}"}
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
