"""What the page shows and does: lists, items, decisions, undo.

It knows neither HTTP nor HTML pages.

The order of what waits is read once and kept; it is read again when another program has
written, or when an answer may have changed more than its own item. A decision names the
`turn` of the item that was painted, and is refused with the new item if that has changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from datetime import datetime
from functools import partial
from itertools import groupby, islice
from operator import attrgetter
from pathlib import Path
from shlex import quote
from threading import Thread
from typing import NamedTuple

from msgspec.structs import replace

from ankiforge.errors import ForgeError, LedgerError, RefusedError
from ankiforge.ledger import WITHOUT, Line, Order, QueryTerm, cards
from ankiforge.model import (
    CardKind,
    Draft,
    Fields,
    Highlight,
    Json,
    Media,
    Question,
    QuestionKind,
    SourceKind,
    Strings,
    Texts,
    Value,
    Waiting,
    h16,
    is_card_id,
    is_draft_id,
    is_highlight_key,
    is_question_id,
)
from ankiforge.pipeline.collection import as_in_anki, lines_as_in_anki
from ankiforge.pipeline.decide import edit, make
from ankiforge.pipeline.fields import new_fields
from ankiforge.pipeline.figures import set_masks
from ankiforge.pipeline.intake import (
    Forecast,
    Inputs,
    accepted_today,
    compute,
    inputs,
    kept_forecast,
    state_of,
)
from ankiforge.pipeline.opener import open_file
from ankiforge.pipeline.pictures import picture_at
from ankiforge.pipeline.query import lately, parse
from ankiforge.pipeline.result import RunResult
from ankiforge.pipeline.selection import fields_from_sentence, fields_from_spans
from ankiforge.pipeline.workspace import Workspace
from ankiforge.reports.intake import forecast_svg, intake_line
from ankiforge.text import counted, occlusion
from ankiforge.text.occlusion import Wish
from ankiforge.web.card_view import card_of, card_view, line_of
from ankiforge.web.items import Item, Items, Subject
from ankiforge.web.papers import PagePictures, page_of, paper_of

ROUND = 10
"""Items that are sent at once."""
MOST_ROWS = 100
MOST_CHANGES = 50
MOST_AT_ONCE = 5_000
"""Cards that are decided on together."""
MOST_REASONS = 5
"""Reasons that are shown for what was refused."""
NAMES = {
    "new": "New",
    "changed": "Changed",
    "questions": "Questions",
    "none": "No card yet",
    "all": "All",
    "recent": "Recent",
}
"""The lists, by their ids."""
STATES = {
    "Waiting": "verdict:waiting",
    "Accepted": "verdict:accepted -anki:seen",
    "In Anki": "verdict:accepted anki:seen",
    "Rejected": "verdict:rejected",
    "Retired": "verdict:retired",
}
"""The states in the list of all, as queries."""


class Decision(Value, forbid_unknown_fields=True):
    """A decision, as the script sends it."""

    id: str
    turn: str
    act: str
    choice: int = 0
    """The card that was chosen of several."""
    gap: int = 1
    """The gap of a proposal, the best one first."""
    text: str = ""
    """The reason for a rejection, or the question of a new card."""
    fields: Texts = {}
    lines: Strings = ()
    """The ticked lines of a form."""
    later: bool = False
    """Whether the answer holds for later lines of the form."""
    mode: str = "cloze"
    spans: str = ""
    """The chosen words of a passage."""
    masks: tuple[Wish, ...] = ()
    """All masks of a figure, as the person left them."""
    hide: str = occlusion.ALL
    """What is hidden on the question of a figure."""
    forced: bool = False
    """Whether the person insists although a check blocks the words."""


class Several(Value, forbid_unknown_fields=True):
    """A decision on several cards and drafts."""

    ids: Strings
    accepts: bool


class StaleError(RefusedError):
    """The item has changed since it was painted, or no longer waits."""

    def __init__(self, item: Item | None) -> None:
        self.item = item
        message = (
            "This has changed meanwhile. Look again." if item else "This no longer waits."
        )
        super().__init__(message)


class _Decided(NamedTuple):
    """What `undo` must know of a decision of this session."""

    list_id: str
    """The list from which the item was taken."""
    id: str
    """The item."""
    settled: bool
    """Whether nothing of the item was left."""


def _foresee(
    future: Future[Forecast], given: Inputs, minutes: int, now: datetime
) -> None:
    """Compute what fits into the minutes a day."""
    try:
        future.set_result(compute(given, minutes, now))
    except Exception as error:  # noqa: BLE001 - whatever it is, the page goes on without a forecast
        future.set_exception(error)


class ReviewSession:
    """One person's session at the page."""

    def __init__(self, workspace: Workspace) -> None:
        """Open a session at the page."""
        self._workspace = workspace
        self._ledger = workspace.ledger
        self._decks = workspace.decks
        # The pictures and papers that were shown, by the names that the browser asks for.
        self._files: dict[str, Path] = {}
        self.pages = PagePictures()
        asks = workspace.folder.config.drafter == "llm"
        self._items = Items(
            self._ledger,
            find=self._picture,
            paper=self._paper,
            page=self._page,
            reply=self._kept_reply,
            asks=asks,
        )
        self._queues: dict[str, list[str]] = {}
        # What was skipped, oldest first: it comes last.
        self._later: dict[str, None] = {}
        # The decisions of this session, by what `undo` takes.
        self._undos: dict[str, _Decided] = {}
        # How many items were decided in this session, by their lists.
        self._done = Counter[str]()
        self._order: Order | None = None
        # Foresees Anki beside the thread that answers, which must not wait for it.
        self._foreseeing: Future[Forecast] | None = None

    # --- minutes a day ------------------------------------------------------------------

    def minutes(self) -> Json:
        """Return how many new cards fit into the minutes of the settings: {line, plot, ready}.

        The first call begins to compute it. Until then, and without the setting, the line is
        empty; `ready` is whether there is nothing to wait for.
        """
        nothing: Json = {"line": "", "plot": "", "ready": True}
        config = self._workspace.folder.config
        if not config.minutes:
            return nothing
        now = datetime.now().astimezone()
        if self._foreseeing is None:
            given = inputs(config.anki, self._ledger, Path.home(), now)
            if given is None:
                return nothing
            kept = kept_forecast(self._ledger, state_of(given, config.minutes, now))
            self._foreseeing = Future()
            if kept is not None:
                self._foreseeing.set_result(kept)
            else:
                work = partial(_foresee, self._foreseeing, given, config.minutes, now)
                Thread(target=work, daemon=True).start()
        if not self._foreseeing.done():
            return {**nothing, "ready": False}
        if self._foreseeing.exception() is not None:
            return nothing  # `run` and `doctor` say why the collection cannot be read
        forecast = self._foreseeing.result()
        accepted = accepted_today(self._ledger, now)
        return {
            "line": intake_line(forecast, accepted),
            "plot": "minutes.svg" if forecast.waiting_in_anki else "",
            "ready": True,
        }

    def plot(self) -> str:
        """Return the picture of the coming year; "" if there is none yet."""
        if self._foreseeing is None or not self._foreseeing.done():
            return ""
        if self._foreseeing.exception() is not None:
            return ""
        return forecast_svg(self._foreseeing.result())

    def _kept_reply(self, name: str) -> str | None:
        """Return what is kept of a model; None if there is nothing, or it cannot be read."""
        try:
            return self._workspace.kept_reply(name)
        except LedgerError:
            return None

    # --- lists --------------------------------------------------------------------------

    def state(self) -> Json:
        """Return the lists with what is left in each, and how many cards Anki lacks."""
        self._read()
        lists = []
        for id, name in NAMES.items():
            entry: Json = {"id": id, "name": name}
            if id in self._queues:
                entry["left"] = len(self._queues[id])
                entry["done"] = self._done[id]
            lists.append(entry)
        return {"lists": lists, "ready": self._ledger.counts("unsent")["unsent"].total()}

    def listed(
        self, list_id: str, words: str = "", state: str = "", start: int = 0
    ) -> Json:
        """Return a list: {items} of what waits, {rows} of what is to be looked at, or both.

        Args:
            list_id: which one.
            words: of the list of all cards, those that have these words.
            state: of the list of all cards, those in this state.
            start: how many cards to leave out: they are shown already.

        Raises:
            UsageError: the words are not a query.
        """
        self._read()
        content: Json = {}
        if list_id == "all":
            content = self._all(words.strip(), state, start)
        elif list_id == "recent":
            content = {"rows": [*self._recent()], "empty": "Nothing was decided yet."}
        elif list_id in NAMES:
            content = {"items": [*islice(self._next(list_id), ROUND)]}
            if list_id == "changed":
                content["rows"] = [*self._changed_rows(), *self._sourceless_rows()]
        return {**content, **self.state()}

    def item(self, id: str) -> Item | None:
        """Return one item; None if it no longer waits."""
        subject = self._subject_of(id)
        return self._items.item(subject) if subject else None

    def _subject_of(self, id: str) -> Subject | None:
        """Return what the item with an id shows; None if it no longer waits."""
        if is_draft_id(id):
            return self._subject_of_draft(id)
        if is_question_id(id):
            for question in self._ledger.questions():
                if question.id == id:
                    return Subject(id, question=question)
            return None
        if is_highlight_key(id):
            outcome = next(self._ledger.fates(id), None)
            if outcome and outcome.fate in WITHOUT:
                return Subject(id, fate=outcome)
            return None
        line = next(lines_as_in_anki(self._ledger, self._ledger.lines([id])), None)
        return Subject(id, card=line.card, findings=line.findings) if line else None

    def _subject_of_draft(self, id: str) -> Subject | None:
        """Return all drafts of a passage, or one with the card that it would change."""
        waiting = next(self._ledger.drafts([id]), None)
        if waiting is None:
            return None
        guid = waiting.revises or waiting.replaces
        if not guid:
            return Subject(id, self._of_passage(waiting))
        card = next(self._ledger.cards(guid))
        return Subject(id, (waiting,), as_in_anki(self._ledger, card))

    def _of_passage(self, waiting: Waiting) -> tuple[Waiting, ...]:
        """Return the drafts of new cards of a passage, over all its keys, the best first."""
        places = cards.places(self._ledger, waiting.highlight.key)
        keys = [place.key for place in places]
        drafts = []
        for draft in self._ledger.drafts(keys):
            is_new_card = not draft.revises and not draft.replaces
            if is_new_card:
                drafts.append(draft)
        return tuple(sorted(drafts, key=_place_in_passage))

    def _read(self) -> None:
        """Read what waits, if that may have changed outside this page."""
        order = self._ledger.order(self._order)
        if order is self._order:
            return
        self._order = order
        self._queues = {
            "new": _first_of_each_passage(order),
            "changed": order.changed,
            "questions": [*order.questions],
            "none": [*order.without],
        }
        skipped = {id: place for place, id in enumerate(self._later, 1)}
        for queue in self._queues.values():
            queue.sort(key=lambda id: skipped.get(id, 0))

    def _next(self, list_id: str) -> Iterator[Item]:
        """Yield the items of a list; what no longer waits is dropped from it."""
        for id in [*self._queues.get(list_id, ())]:
            item = self.item(id)
            if item is None:
                self._queues[list_id].remove(id)
            else:
                yield item

    def _all(self, words: str, state: str, start: int) -> Json:
        """Return all cards and drafts that words match, and are in a state."""
        terms = parse(words) + parse(STATES.get(state, ""))
        ids = self._ledger.find(terms, everything=True)
        lines = lines_as_in_anki(
            self._ledger, self._ledger.lines(ids[start : start + MOST_ROWS])
        )
        return {
            "rows": [self._row(line) for line in lines],
            "total": len(ids),
            "states": [*STATES],
            "empty": "No card has these words.",
        }

    def _row(self, line: Line) -> Json:
        shown = _without_pictures(line)
        if line.blocked:
            state = "Blocked"
        elif line.anki == "seen" and line.verdict == "accepted":
            state = "In Anki"
        elif line.verdict == "waiting":
            state = "Waiting"
        else:
            state = line.verdict.capitalize()
        return {
            "id": line.id,
            "title": shown["line"],
            "sub": shown["answer_line"],
            "state": state,
        }

    def _recent(self) -> Iterator[Json]:
        """Yield the newest decisions, one for all events of an action."""
        for id, group in groupby(self._ledger.history(), attrgetter("id")):
            entries = [*group]
            first = next((entry for entry in entries if entry.text), entries[0])
            title = line_of(first.text or first.key.rpartition(":")[2])
            if len(entries) > 1:
                title.append((f" and {len(entries) - 1} more", ""))
            yield {
                "id": id,
                "title": title,
                "sub": [(_when(first.at), "")],
                "state": first.said.capitalize(),
                "undo": id,
            }

    def _changed_rows(self) -> Iterator[Json]:
        """Yield what sources changed in cards: there is nothing to answer."""
        for entry in self._ledger.history(changes_since=lately())[:MOST_CHANGES]:
            assert entry.change is not None
            old = " / ".join(old for _, old, _ in entry.change.words)
            new = " / ".join(new for _, _, new in entry.change.words)
            yield {
                "id": entry.guid,
                "open": True,
                "title": line_of(new),
                "sub": [("before: ", ""), *line_of(old)],
                "state": _when(entry.at),
                "undo": entry.id,
            }

    def _sourceless_rows(self) -> Iterator[Json]:
        """Yield the cards whose passage is gone."""
        gone = self._ledger.find([QueryTerm("finding", "source_gone")])
        lines = self._ledger.lines(gone[:MOST_CHANGES])
        for line in lines_as_in_anki(self._ledger, lines):
            shown = _without_pictures(line)
            yield {
                "id": line.id,
                "open": True,
                "title": shown["line"],
                "state": "Source gone",
                "sub": [(f"in {line.highlight.document.title}", "")],
            }

    # --- decisions ----------------------------------------------------------------------

    def decide(self, decision: Decision) -> Json:
        """Carry out a decision.

        Returns:
            The new counts; `undo`, what takes it back; and `item`, the other drafts of the
            passage, if one was accepted and others still wait.

        Raises:
            StaleError: the item is not the one that was painted.
            ForgeError: the decision is refused, with the reason.
        """
        if decision.act == "later":
            self._skip(decision.id)
            return {**self.state(), "undo": ""}
        if decision.act == "now":
            self._resume(decision.id)
            return {**self.state(), "undo": ""}
        subject = self._subject_of(decision.id)
        if subject is None:
            self._leave(decision.id)
            raise StaleError(None)
        if subject.turn != decision.turn:
            raise StaleError(self._items.item(subject))
        if decision.act == "others":
            return self._others(subject)
        with self._ledger.action() as action:
            undoable = self._act(decision, subject)

        # take the item out of its list; what is left of its passage comes next
        list_id = self._leave(decision.id)
        rest = self._rest(subject)
        if rest is not None:
            self._queues[list_id or "new"].insert(0, rest.id)
        else:
            self._done[list_id] += 1
        is_of_card = is_question_id(decision.id) or is_card_id(decision.id)
        changes_other_items = is_of_card or decision.act == "none"
        if changes_other_items:
            self._order = None
        if undoable:
            self._undos[action] = _Decided(list_id, decision.id, settled=rest is None)

        reply = {**self.state(), "undo": action if undoable else ""}
        if rest is not None:
            reply["item"] = self._items.item(rest)
        return reply

    def decide_several(self, ids: Strings, *, accepts: bool) -> Json:
        """Accept or reject several cards and drafts, as one action that `undo` takes back.

        Returns:
            The new counts; `undo`; `done`, how many were decided on; and `refused`, why
            others were not.
        """
        refused = []
        done = 0
        with self._ledger.action() as action:
            for id in ids[:MOST_AT_ONCE]:
                try:
                    if accepts:
                        self._ledger.accept(id)
                    else:
                        self._ledger.reject(id)
                except ForgeError as error:
                    refused.append(error.message)
                else:
                    done += 1
        self._order = None
        return {
            **self.state(),
            "undo": action if done else "",
            "done": done,
            "refused": refused[:MOST_REASONS],
        }

    def preview(self, decision: Decision) -> Json:
        """Return the card that the fields of the editor make, as Anki would show it.

        Raises:
            StaleError: the item no longer waits.
            UsageError: the fields make no card.
        """
        subject = self._subject_of(decision.id)
        if subject is None:
            raise StaleError(None)
        if subject.fate:
            fields = new_fields(decision.fields)
            is_cloze = "Text" in dict(fields)
            kind = CardKind.CLOZE if is_cloze else CardKind.BASIC
            card = card_of(kind, fields, subject.fate.highlight, "")
        elif subject.drafts:
            waiting = _chosen(subject.drafts, decision.choice)
            fields = _with_changes(waiting.draft.fields, decision.fields)
            draft = waiting.draft
            card = card_of(draft.kind, fields, waiting.highlight, draft.quote)
        elif subject.card:
            card = replace(
                subject.card, fields=_with_changes(subject.card.fields, decision.fields)
            )
        else:
            raise RefusedError("This cannot be edited.")
        return card_view(card, self._picture)

    def patch(self) -> Json:
        """Return the edits made in Anki as a patch of the notes.

        Returns:
            `text`, the `command` that applies it once it is saved, how many `files` it
            changes, and what is left out.
        """
        patch = self._workspace.patch()
        refused = [
            f"“{edit.words}” in {edit.where}: {edit.reason}" for edit in patch.refused
        ]
        folders = sorted({str(file.root) for file in patch.files})
        files = [file for file in patch.files if str(file.root) == folders[0]]
        for folder in folders[1:]:  # a patch is applied in one folder
            refused.insert(
                0, f"{folder}: for its edits, apply this patch, run, and copy again"
            )
        return {
            "text": b"".join(file.diff for file in files).decode(errors="replace"),
            "command": f"git -C {quote(folders[0])} apply" if folders else "",
            "files": len(files),
            "refused": refused[:MOST_REASONS],
        }

    def _rest(self, subject: Subject) -> Subject | None:
        """Return the drafts of the same passage that still wait, if any."""
        if not subject.drafts or subject.card:
            return None
        drafts = self._of_passage(subject.drafts[0])
        return Subject(drafts[0].id, drafts) if drafts else None

    def _skip(self, id: str) -> None:
        """Put an item at the end of its list."""
        list_id = self._leave(id)
        self._later[id] = None
        if list_id:
            self._queues[list_id].append(id)

    def _resume(self, id: str) -> None:
        """Put an item that was skipped back at the beginning of its list."""
        list_id = self._leave(id)
        if list_id:
            self._queues[list_id].insert(0, id)

    def _leave(self, id: str) -> str:
        """Take an item out of its list. Return the list's id; "" if it is in none."""
        self._later.pop(id, None)
        for list_id, queue in self._queues.items():
            if id in queue:
                queue.remove(id)
                return list_id
        return ""

    def _act(self, decision: Decision, subject: Subject) -> bool:
        """Do what a decision says. Return whether it can be undone."""
        if subject.question:
            return self._answer(decision, subject.question)
        if subject.fate:
            self._make(decision, subject.fate.highlight)
            return True
        if decision.act == "restore":
            self._ledger.undo(decision.id)
            return False
        if subject.drafts:
            self._decide_on_drafts(decision, subject.drafts)
        else:
            self._decide_on(decision.id, decision)
        return True

    def _decide_on_drafts(
        self, decision: Decision, alternatives: tuple[Waiting, ...]
    ) -> None:
        """Decide on the drafts of a passage: reject all of them, or use the chosen one."""
        if decision.act == "reject":
            for waiting in alternatives:
                self._ledger.reject(waiting.id, decision.text)
            return
        chosen = _chosen(alternatives, decision.choice)
        if decision.act == "make" and chosen.draft.gaps:
            self._make_of_proposal(decision, chosen.draft)
            return
        self._decide_on(chosen.id, decision)

    def _decide_on(self, id: str, decision: Decision) -> None:
        """Decide on one card or draft.

        Raises:
            RefusedError: the decision is for other items.
        """
        ledger = self._ledger
        match decision.act:
            case "accept" | "masks" if decision.masks:
                set_masks(ledger, id, decision.masks, decision.hide)
            case "accept":
                ledger.accept(id, gap=decision.gap)
            case "force":
                ledger.accept(id, gap=decision.gap, forced=True)
            case "reject":
                ledger.reject(id, decision.text)
            case "edit":
                edit(ledger, id, decision.fields, forced=decision.forced)
            case _:
                raise RefusedError(f"This cannot be done here: {decision.act}")

    def _others(self, subject: Subject) -> Json:
        """Let the model draft other cards of a passage. Return the new counts, and their item."""
        highlight = (
            subject.fate.highlight if subject.fate else subject.drafts[0].highlight
        )
        key = highlight.key
        before = {line.id for line in self._ledger.lines([key])}
        self._workspace.draft_others(key)
        after = [line.id for line in self._ledger.lines([key])]
        new = next((id for id in after if id not in before), None)
        if new is None:
            raise RefusedError("The model has no other card for this passage.")
        self._order = None
        return {**self.state(), "item": self.item(new)}

    def _answer(self, decision: Decision, question: Question) -> bool:
        """Answer a question. Return whether the answer can be undone."""
        accepts = decision.act == "accept"
        if question.kind is QuestionKind.FORM and accepts:
            self._accept_lines(decision, question)
        elif accepts:
            self._ledger.accept(decision.id)
        else:
            self._ledger.reject(decision.id)
        return question.kind is not QuestionKind.EMPTIED

    def _accept_lines(self, decision: Decision, question: Question) -> None:
        """Make cards of the ticked lines of a form, and none of the others.

        A tick may stand for several lines with one front.
        """
        ledger = self._ledger
        ticked = set(" ".join(decision.lines).split()).intersection(question.drafts)
        unticked = [id for id in question.drafts if id not in ticked]
        if decision.later and ticked:
            ledger.accept(decision.id, without=unticked)
        else:
            for id in unticked:
                ledger.reject(id)
        for line in ledger.lines(ticked):
            if not line.blocked:
                ledger.accept(line.id)

    def _make(self, decision: Decision, highlight: Highlight) -> None:
        """Make a card of a passage, or note that none is wanted."""
        from ankiforge.pipeline.check import deck_for

        if decision.act == "none":
            self._ledger.reject(decision.id)
            return
        if decision.act == "write":
            fields = new_fields(decision.fields)
        elif decision.act == "make":
            question = None if decision.mode == "cloze" else decision.text
            fields = fields_from_spans(highlight, decision.spans, question)
        else:
            raise RefusedError(f"This cannot be done here: {decision.act}")
        deck = deck_for(self._decks, "", highlight)
        make(self._ledger, highlight, fields, deck, forced=decision.forced)

    def _make_of_proposal(self, decision: Decision, draft: Draft) -> None:
        """Make a card of words of a proposal's sentence that a person chose."""
        from ankiforge.pipeline.check import deck_for

        question = None if decision.mode == "cloze" else decision.text
        fields = fields_from_sentence(draft, decision.spans, question)
        highlight = self._ledger.highlight(draft.highlight)
        deck = deck_for(self._decks, "", highlight)
        make(self._ledger, highlight, fields, deck, forced=decision.forced)

    def undo(self, action: str) -> Json:
        """Take back a decision. Return the new counts, and the item that waits again.

        Raises:
            RefusedError: it cannot be undone, with the reason.
        """
        self._ledger.undo(action)
        list_id, id, settled = self._undos.pop(action, _Decided("", "", settled=False))
        self._done[list_id] -= settled
        subject = self._subject_of(id) if id else None
        if is_draft_id(id) and list_id:
            for waiting in subject.drafts if subject else ():
                self._leave(waiting.id)
            self._queues[list_id].insert(0, id)
        else:
            self._order = None
        item = self._items.item(subject) if subject else None
        return {**self.state(), "list": list_id, "item": item}

    def send(self) -> Json:
        """Send to Anki what it lacks: to a running Anki, else as a package that is opened.

        Returns:
            The new counts; `said`, what became of it; and `path` of the package, if there is one
            to import.
        """
        result = self._workspace.push()
        self._order = None
        written = [each for each in result.published if each.notes]
        if result.pushed is not None or not written:
            return {**self.state(), "said": _sent_text(result), "path": ""}
        [package] = written
        notes = counted(package.notes, "note")
        if open_file(package.path):
            message = f"Anki opens with {notes}: press Import there."
            return {**self.state(), "said": message, "path": ""}
        path = str(package.path)
        message = (
            f"{notes} to import: double-click this file, or choose File › Import in Anki."
        )
        return {**self.state(), "said": message, "path": path}

    # --- files --------------------------------------------------------------------------

    def file(self, name: str) -> Path | None:
        """Return a picture or paper that was shown, by its name."""
        return self._files.get(name)

    def _picture(self, highlight: Highlight, path: str) -> Media | None:
        media = picture_at(self._ledger, highlight, path, self._workspace.folder.pictures)
        if not isinstance(media, Media):
            return None
        self._files[media.name] = Path(media.path)
        return media

    def _paper(self, highlight: Highlight) -> list[Texts]:
        """Return a link to the page of a PDF that is on this machine."""
        if highlight.source_kind is not SourceKind.PDF:  # Zotero opens its own
            return []
        path = paper_of(self._ledger, highlight)
        if path is None:
            return []
        name = f"{h16('paper', str(path))}.pdf"
        self._files[name] = path
        label = "Open the PDF"
        href = f"/paper/{name}"
        if highlight.block.isdecimal():
            href += f"#page={int(highlight.block) + 1}"
            if highlight.page_label:
                label = f"Open page {highlight.page_label}"
        return [{"label": label, "href": href}]

    def _page(self, highlight: Highlight) -> str:
        """Return the name of the picture of the page on which a passage is marked, or ""."""
        page = page_of(self._ledger, highlight)
        return self.pages.offer(page) if page else ""


def _chosen(alternatives: tuple[Waiting, ...], choice: int) -> Waiting:
    """Return the draft with a number, or the best one if none has it."""
    is_there = 0 <= choice < len(alternatives)
    return alternatives[choice] if is_there else alternatives[0]


def _first_of_each_passage(order: Order) -> list[str]:
    """Return the first draft of each passage that has drafts of new cards."""
    first: dict[str, str] = {}
    for id in order.new:
        first.setdefault(order.passages[id], id)
    return list(first.values())


def _with_changes(fields: Fields, typed: Texts) -> Fields:
    """Return fields with what a person typed into some of them."""
    known = dict(fields)
    changed = {
        name: text for name, text in typed.items() if name in known or text.strip()
    }
    return tuple({**known, **changed}.items())


def _place_in_passage(waiting: Waiting) -> tuple[bool, int]:
    """Return the sort key of a draft among those of its passage.

    A person's own forms come first, then proposals, then a model's; what a check blocks is last.
    """
    draft = waiting.draft
    if draft.own:
        rank = 0
    elif draft.gaps:
        rank = 1
    else:
        rank = 2
    return waiting.proposal.blocked, rank


def _without_pictures(line: Line) -> Json:
    """Return the view of a card or draft for a row, in which no picture is shown."""
    card = card_of(line.kind, line.fields, line.highlight, line.words.quote)
    return card_view(card, lambda *_: None)


def _sent_text(result: RunResult) -> str:
    """Return what became of the cards that Anki lacked, in sentences."""
    from ankiforge.reports.summary import delivery_lines

    sentences: list[str] = []
    if result.error is not None:
        sentences.append(result.error.message)
    sentences += delivery_lines(result)
    if not sentences:
        sentences.append("Anki has every card")
    for problem in result.problems:
        if not problem.notice:
            sentences.append(f"{problem.where}: {problem.what}")
    return f"{'. '.join(sentences)}."


def _when(at: str) -> str:
    """Return a time as a person says it: today, or the day."""
    try:
        then = datetime.fromisoformat(at).astimezone()
    except ValueError:
        return at
    is_today = then.date() == datetime.now().astimezone().date()
    return f"{then:%H:%M}" if is_today else f"{then.day} {then:%B %Y}"
