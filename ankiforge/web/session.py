"""The state of the review page: lists, items, decisions, undo.

It knows neither HTTP nor HTML pages.

The order of what waits is read once and kept; it is read again when another program has
written, or when an answer may have changed more than its own item. A decision names the
`turn` of the item that was painted, and is refused with the new item if that has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace

from ankiforge.errors import ForgeError, UsageError
from ankiforge.ledger import Order, decide, lists, overview, questions
from ankiforge.ledger.cards import highlight_of, highlights_of
from ankiforge.ledger.decide import undo
from ankiforge.ledger.events import PERSON
from ankiforge.ledger.offers import offers
from ankiforge.ledger.overview import Place
from ankiforge.ledger.tables.lines import facets
from ankiforge.model import (
    WORD_AND_TRANSLATION,
    CardKind,
    Highlight,
    HighlightKey,
    Json,
    Media,
    Origin,
    Pair,
    Preview,
    Shown,
    SourceKind,
    Strings,
    Texts,
    Value,
    h16,
    is_card_id,
    is_question_id,
)
from ankiforge.pipeline import chats, choosing
from ankiforge.pipeline.collection import lines_as_in_anki
from ankiforge.pipeline.decks import decks_known, placement_of
from ankiforge.pipeline.deliver import open_file
from ankiforge.pipeline.pictures import picture_at
from ankiforge.pipeline.query import names_field, parse
from ankiforge.pipeline.workspace import Workspace
from ankiforge.review import Decision, Item, Review, StaleError, shelf
from ankiforge.review.items import made_by, sentence
from ankiforge.review.shelf import Pile, Sitting, how_many
from ankiforge.text import counted
from ankiforge.web.card_view import card_view
from ankiforge.web.documents import Documents, Pages, document_id, kind_of, paper_of
from ankiforge.web.faces import Faces, words_of
from ankiforge.web.page_part import PageList, PagePart
from ankiforge.web.unmarked import PREFIX, SelectedWords, UnmarkedDocuments

MOST_ROWS = 100
MOST_CREATORS = 2
"""Authors who are named on the shelf."""
MOST_AT_ONCE = 5_000
"""Cards that are decided on together."""
MOST_REASONS = 5
"""Reasons that are shown for what was refused."""
ROWS = {
    "you": ("Only you can answer", "changed cards, questions"),
    "words": ("Words", "with your translation"),
}
"""The lists of the ledger that are rows of the shelf while something waits in them: name, and what
it is. Those of features stand between both."""
NO_MARKS = "Nothing is marked here yet."
CHOOSE = "Select words in the document and press Enter, or let your chat choose ten."
_LATER = "later:"
"""Begins what takes back that an item was put off."""
STATES = {
    "Waiting": "verdict:waiting",
    "Accepted": "verdict:accepted -anki:seen",
    "In Anki": "verdict:accepted anki:seen",
    "Rejected": "verdict:rejected",
    "Retired": "verdict:retired",
    "Source gone": "finding:source_gone",
}
"""The states in the list of all, as queries."""

FILTERS = {
    "document": "All documents",
    "deck": "All decks",
    "kind": "All kinds",
    "added": "Any date",
}
"""The fields to whose values the list of all is narrowed, and how that is named if it is not."""
PERIODS = ("1", "7", "30", "365")
"""The days since which a card may have been added."""
VALUES = {
    "cloze": "Gaps",
    "basic": "Question and answer",
    "two-way": "Both ways",
    "occlusion": "Figures",
    "1": "Added today",
    "7": "In the last 7 days",
    "30": "In the last 30 days",
    "365": "In the last year",
}
"""Values that have other names on the page."""


AddedParts = Callable[[Workspace, Faces], Iterable[PagePart]]


class Several(Value, forbid_unknown_fields=True):
    """A decision on several cards and drafts."""

    ids: Strings
    accepts: bool
    words: str | None = None
    """Instead of the ids: all that these words match."""


class _Undoable(NamedTuple):
    """A decision of this session that `undo` may take back."""

    id: str
    """The item."""
    number: int
    """Of the sitting; 0 for none."""
    sitting: Sitting | None
    """As it was before the decision."""


class ReviewSession:
    """One person's session at the page."""

    def __init__(
        self,
        workspace: Workspace,
        pages: Pages,
        query: str = "",
        begins: Path | None = None,
        added: AddedParts = lambda workspace, faces: (),
    ) -> None:
        """Open a session at the page.

        Args:
            workspace: where things wait.
            pages: draws the pages of PDFs.
            query: the page begins with the best document in which it matches anything.
            begins: a file without marks with which the page begins.
            added: returns what features add.
        """
        self._query = query
        self._begins = begins
        self._workspace = workspace
        self._ledger = workspace.ledger
        self._review = Review(workspace)
        # The pictures and papers that were shown, by the names that the browser asks for.
        self._files: dict[str, Path] = {}
        self.documents = Documents(self._ledger, self._picture, pages)
        self._unmarked = UnmarkedDocuments(workspace, self.documents)
        asks = workspace.folder.config.drafter == "llm"
        self._faces = Faces(
            self._ledger,
            paper=self._paper,
            documents=self.documents,
            asks=asks,
        )
        self._lists: dict[str, PageList] = {}
        """Those of features, by their ids."""
        self.reads: dict[str, Callable[[Texts], Json]] = {}
        """What their scripts may ask for, by its name."""
        self.writes: dict[str, tuple[Any, Callable[[Any], Json]]] = {}
        """What their scripts may have done, by its name."""
        for part in added(workspace, self._faces):
            self._lists |= {each.id: each for each in part.lists}
            self.reads |= part.reads
            self.writes |= part.writes
        self._queues: dict[str, list[str]] = {}
        # What was skipped, oldest first: it comes last.
        self._later: dict[str, None] = {}
        # The decisions of this session, by what `undo` takes.
        self._undos: dict[str, _Undoable] = {}
        # Each that was shown, by its number.
        self._sittings: dict[int, Sitting] = {}
        self._order: Order | None = None
        # The highlights that the chat was asked about last.
        self._asked = frozenset[HighlightKey]()
        # A highlight of the document about which alone it was asked, or a card that fails.
        self._chat_key = ""
        # The document without marks about which it is asked; None = it is about highlights.
        self._asking: choosing.Asking | None = None

    # --- lists --------------------------------------------------------------------------

    def state(self) -> Json:
        """Return how much is `left` of each list, and how many cards Anki lacks."""
        self._read()
        left = {id: len(queue) for id, queue in self._queues.items()}
        return {
            "left": left | {id: added.left for id, added in self._lists.items()},
            "ready": overview.counts(self._ledger, "unsent")["unsent"].total(),
        }

    def listed(self, list_id: str, words: str = "", start: int = 0) -> Json:
        """Return a list: a sitting to decide on, {rows} to look at, or both.

        Args:
            list_id: which one.
            words: of the list of all cards, those that have these words.
            start: how many cards or items to leave out: they are shown already.

        Raises:
            UsageError: the words are not a query.
        """
        self._read()
        content: Json = {}
        if list_id == "all":
            content = self._all(words.strip(), start)
        elif list_id in self._lists:
            added = self._lists[list_id]
            added.read()
            content = self._begun(added.faces(start, shelf.TEN), list_id=list_id)
        else:
            # what no longer waits is dropped from its list
            faces: list[Json] = []
            for id in self._queues.get(list_id, [])[start:]:
                if len(faces) == shelf.TEN:
                    break
                face = self.item(id)
                if face is None:
                    self._queues[list_id].remove(id)
                else:
                    faces.append(face)
            content = self._begun(faces, list_id=list_id)
        return {**content, **self.state()}

    # --- the shelf, and a sitting at one of its documents -------------------------------

    def shelf(self) -> Json:
        """Return the documents with marks that have no card, the best first; then the other rows.

        Each has how many drafts are `waiting` and marks `proposed`, or says in `rest` why none is;
        and it may be `weak`: a chat asks better about it. `is_open` is whether anything waits or is
        proposed. `model` is whether one is set. `begins` names the document or list at which the
        page begins; "" for the shelf. `without` says why the other highlights have no proposal.
        """
        self._read()
        piles = self._piles()
        firsts = [(*pile.places, *pile.proposed, *pile.rest)[0] for pile in piles]
        best = highlights_of(self._ledger, [first.key for first in firsts])
        asked = shelf.queue(self._ledger, self._query) if self._query else []
        begins = "you" if asked and asked[0] in self._queues["you"] else ""
        named = set[int]()
        if self._query and not asked:
            found = shelf.documents_named(self._ledger, self._query)
            named.update(pile.document for pile in found[:1])
        entries = []
        for pile, first in zip(piles, firsts, strict=True):
            highlight = best[first.key]
            id = document_id(highlight.document)
            waits = {place.id for place in pile.places}
            if pile.document in named or (asked and asked[0] in waits):
                begins = f"paper={id}"
            entries.append(
                {
                    "id": id,
                    "key": highlight.key,
                    "title": pile.title,
                    "by": ", ".join(highlight.document.creators[:MOST_CREATORS]),
                    "kind": kind_of(highlight),
                    "waiting": len(pile.places),
                    "proposed": len(pile.proposed),
                    "rest": f"{len(pile.rest):,} without a card",
                    "is_open": bool(pile.places or pile.proposed),
                    "weak": pile.is_weak,
                }
            )
        unmarked = self._unmarked.entries()
        if self._begins:
            begun = self._unmarked.id_of(self._begins)
            begins = f"paper={begun}" if begun else begins
        rows = self._rows()
        opened = sum(bool(entry["is_open"]) for entry in entries)
        waiting = sum(len(pile.places) for pile in piles)
        waiting += sum(row["waiting"] for row in rows if row["id"] in ROWS)
        proposed = sum(len(pile.proposed) for pile in piles)
        without = sum(len(pile.rest) for pile in piles)
        return {
            **self.state(),
            "waiting": waiting,
            "proposed": proposed,
            "documents": [*entries[:opened], *rows, *entries[opened:], *unmarked],
            "model": self._workspace.folder.config.drafter == "llm",
            "begins": begins,
            "without": self._why_none(without) if without else "",
        }

    def _rows(self) -> list[Json]:
        """Return the rows of the lists in which something waits."""
        rows = []
        left = self.state()["left"]
        shown = {id: (added.title, added.about) for id, added in self._lists.items()}
        for id, (title, about) in {"you": ROWS["you"], **shown, **ROWS}.items():
            if not left[id]:
                continue
            row: Json = {"id": id, "list": id, "key": "", "title": title, "by": about}
            row |= {"waiting": left[id], "proposed": 0, "is_open": True}
            if id in self._lists:
                row |= {"cover": self._lists[id].cover, "by_item": True}
            rows.append(row)
        return rows

    def _why_none(self, without: int) -> str:
        """Return a line with the number of highlights without a proposal, and the reasons."""
        counts = overview.reasons_for_none(self._ledger)
        shown = [
            (reason.partition(":")[0], number)
            for reason, number in counts.most_common(MOST_REASONS)
        ]
        others = without - sum(number for _, number in shown)
        if others > 0:
            shown.append(("for other reasons", others))
        if len(shown) == 1:
            why = shown[0][0]
        else:
            why = " · ".join(f"{reason} ({number:,})" for reason, number in shown)
        return f"{counted(without, 'highlight')} without a proposal: {why}"

    def sitting(self, key: str) -> Json:
        """Return the best ten of the document of a highlight, in reading order.

        Of each mark it is the best fact.
        """
        self._read()
        pile = self._pile(key)
        ten = pile.ten(self._review.item, self._later) if pile else []
        faces = [self._with_next(item) for item in ten]
        if ten or pile is None:
            return self._begun([face for face in faces if face], key=key)
        # no sentence is sure enough: a person chooses the words
        marks = sorted((*pile.proposed, *pile.rest), key=attrgetter("position"))
        chosen = [self.item(place.id) for place in marks[: shelf.TEN]]
        begun = self._begun([face for face in chosen if face], key=key)
        return {**begun, "without": True}

    def _begun(self, faces: Sequence[Json], key: str = "", list_id: str = "") -> Json:
        """Begin to decide on items of a document or list."""
        ids = tuple(face["id"] for face in faces)
        sitting = Sitting(ids, key=key, list_id=list_id)
        return self._shown(len(self._sittings) + 1, sitting, faces)

    def _shown(self, number: int, sitting: Sitting, faces: Sequence[Json]) -> Json:
        """Hold a sitting under its number. Return it with the `items` that are new in it."""
        self._sittings[number] = sitting
        shown = {"ids": sitting.ids, "results": sitting.results}
        return {"number": number, **shown, "items": faces}

    def _pile(self, key: str) -> Pile | None:
        """Return the drafts and proposals of a highlight's document; None if there are none."""
        return next(iter(self._piles(key)), None)

    def _piles(self, beside: str = "") -> list[Pile]:
        """Return the documents with drafts or proposals; `beside`: as for `shelf.piles`."""
        undecided = set(self._queues["none"])
        marks = [place for place in self._without() if place.id in undecided]
        return shelf.piles(self._ledger, self._queues["new"], marks, beside)

    def _without(self) -> Sequence[Place]:
        """Return the marks without card or draft when the lists were read."""
        return self._order.without if self._order else ()

    def _with_next(self, item: Item) -> Json | None:
        """Return the face of an item; of a draft with `then`, the next fact of its passage."""
        face = self.face_of(item)
        if face and face.get("several") and item.highlight:
            for offer in offers(self._ledger, [item.highlight.key]):
                if offer[0].changes is None and item.id not in {
                    each.id for each in offer
                }:
                    following = self.item(offer[0].id)
                    if following:
                        face["then"] = following
                    break
        return face

    def face_of(self, item: Item | None) -> Json | None:
        """Return an item as the page shows it."""
        return self._faces.face(item) if item else None

    def _list_of(self, id: str) -> PageList | None:
        """Return the list of a feature that has an item; None for those of the ledger."""
        for added in self._lists.values():
            if id.startswith(added.prefix):
                return added
        return None

    def item(self, id: str) -> Json | None:
        """Return one item; None if it no longer waits."""
        added = self._list_of(id)
        if added:
            return added.face(id)
        return self.face_of(self._review.item(id))

    def at(self, key: str, number: int) -> Json:
        """Return the `item` of a mark: its offer, else its card, else its passage.

        A new one joins the sitting at its document that has this number.
        """
        passage = self._ledger.passage(HighlightKey(key))
        ids: list[str] = [offer[0].id for offer in offers(self._ledger, [key])]
        ids += [guid for guid, card in passage.cards.items() if card.live]
        face = next(filter(None, map(self.item, (*ids, key))), None)
        sitting = self._sittings.get(number)
        if not (face and sitting and sitting.key):
            return {"item": face}
        if face["id"] not in self._queues["new"] and not face.get("proposal"):
            return {"item": face}
        ids = [*sitting.ids, face["id"]]
        places = overview.places(self._ledger, ids)
        places += [place for place in self._without() if place.id in ids]
        places.sort(key=attrgetter("position"))
        joined = sitting.joined(face["id"], [place.id for place in places])
        return {"item": face, "sitting": self._shown(number, joined, [face])}

    def words(self, key: str) -> Json:
        """Return the words of a passage, of which a card may be made."""
        return words_of(highlight_of(self._ledger, key))

    def _read(self) -> None:
        """Read the lists, if they may have changed outside this page."""
        self._ledger.read_journal()
        order = overview.order(self._ledger, self._order)
        if order is self._order:
            return
        self._order = order
        words = set[str]()
        if order.questions:
            asked = questions.open_questions(self._ledger)
            words.update(each.id for each in asked if each.old == WORD_AND_TRANSLATION)
        yours = [id for id in order.questions if id not in words]
        self._queues = {
            "new": [*order.new],
            "you": [*order.changed, *yours],
            "words": [id for id in order.questions if id in words],
            "none": [place.id for place in order.without],
        }
        skipped = {id: place for place, id in enumerate(self._later, 1)}
        for queue in self._queues.values():
            queue.sort(key=lambda id: skipped.get(id, 0))

    def _all(self, words: str, start: int) -> Json:
        """Return all cards and drafts that words match, how many there are, and the filters."""
        try:
            ids = self._matching(words)
        except UsageError:
            if names_field(words):
                raise
            ids = []  # a question with a colon or an open quote
        lines = lines_as_in_anki(
            self._ledger, lists.lines(self._ledger, ids[start : start + MOST_ROWS])
        )
        rows = []
        for line in lines:
            state = line.state[:1].upper() + line.state[1:]
            shown = card_view(line, lambda *_: None)
            place = " · ".join(filter(None, (line.highlight.document.title, line.deck)))
            sides = {name: shown[name] for name in ("with_gaps", "answer_line")}
            rows.append(_row(line.id, shown["line"], place, state, **sides))
        last = start + len(rows)
        told = counted(len(ids), "card")
        states = {row["state"] for row in rows}
        if 1 < len(ids) == len(rows) and len(states) == 1:  # said once, for all
            [state] = states
            told = f"{len(ids)} {state[:1].lower()}{state[1:]}"
            rows = [{**row, "state": ""} for row in rows]
        if not ids:
            told = "No card has these words."
        elif len(ids) > last:
            told += f"; the first {last:,} are shown"
        left = min(len(ids) - last, MOST_ROWS)
        return {
            "rows": rows,
            "total": len(ids),
            "told": told,
            "more": f"Show {left} more" if left else "",
            "facets": self._facets(),
        }

    def _facets(self) -> list[Json]:
        """Return the filters of the list of all: a label, and options with the term of each."""
        names = {
            **facets(self._ledger),
            "added": [*PERIODS],
        }
        shown = [
            {
                "label": "Any state",
                "options": [
                    {"value": term, "name": name} for name, term in STATES.items()
                ],
            }
        ]
        for field, label in FILTERS.items():
            options = []
            for value in names[field]:
                term = value.replace('"', "*")
                name = VALUES.get(value, value)
                options.append({"value": f'{field}:"{term}"', "name": name})
            if len(options) > 1:
                shown.append({"label": label, "options": options})
        return shown

    def _matching(self, words: str) -> list[str]:
        """Return the ids of all cards and drafts that words match."""
        return lists.find(self._ledger, parse(words.strip()), everything=True)

    # --- decisions ----------------------------------------------------------------------

    def decide(self, decision: Decision) -> Json:
        """Carry out a decision.

        Returns:
            The new counts; `undo`, what takes it back; `sitting`, what has changed in the one
            in which it was made; and `item`, the next fact of the passage, if there is one, or
            the same item as it is after something that leaves it.

        Raises:
            StaleError: the item is not the one that was painted.
            ForgeError: the decision is refused, with the reason.
        """
        before = self._sittings.get(decision.sitting)
        try:
            reply = self._carried_out(decision)
        except StaleError as error:
            error.face = error.face or self.face_of(error.item)
            if error.face is None:
                self._leave(decision.id)
            if before:
                error.sitting = self._replaced(decision, error.face)
            raise
        item = reply.get("item")
        if reply.get("undo"):
            self._undos[reply["undo"]] = _Undoable(decision.id, decision.sitting, before)
        if before and "undo" not in reply:  # the item stays, as it is now
            reply["sitting"] = self._replaced(decision, item)
        elif before:
            further = item["id"] if item else ""
            now = before.decided(decision.id, decision.act, reply["undo"], further)
            reply["sitting"] = self._shown(decision.sitting, now, [item] if item else [])
        return {**self.state(), **reply}

    def _replaced(self, decision: Decision, face: Json | None) -> Json:
        """Show the sitting of a decision with a face in the place of its item."""
        sitting = self._sittings[decision.sitting]
        now = sitting.changed(decision.id, face["id"] if face else "")
        return self._shown(decision.sitting, now, [face] if face else [])

    def _carried_out(self, decision: Decision) -> Json:
        """Carry out a decision; return the same as `decide`, without counts and sitting."""
        added = self._list_of(decision.id)
        if added:
            self._order = None
            return added.decide(decision)
        if decision.act == "later":  # to the end of its list
            list_id = self._leave(decision.id)
            self._later[decision.id] = None
            if list_id:
                self._queues[list_id].append(decision.id)
            return {"undo": f"{_LATER}{decision.id}"}
        if decision.act == "others":
            new = self._review.others(self._review.current(decision))
            self._order = None
            face = self._faces.face(new)
            return {"item": face, "said": "The model has drafted others."}
        decided = self._review.decide(decision)

        # take the item out of its list; what is left of its passage comes next, or last
        queue = self._queues[self._leave(decision.id) or "new"]
        further = None
        rest = decided.rest
        if rest is not None:
            queue.insert(0, rest.id)
            further = self._with_next(rest)
        if decided.later is not None:
            queue.append(decided.later.id)
        # these change other items, too
        if (
            decision.act == "none"
            or is_question_id(decision.id)
            or is_card_id(decision.id)
        ):
            self._order = None
        return {"undo": decided.undo, "item": further}

    def decide_several(self, several: Several) -> Json:
        """Accept or reject several cards and drafts, as one action that `undo` takes back.

        Returns:
            The new counts; `undo`; and what is `said`: how many were decided on, and why
            others were not.
        """
        ids: Sequence[str] = several.ids
        if several.words is not None:
            ids = self._matching(several.words)
        refused = []
        done = 0
        with self._ledger.action() as action:
            for id in decide.read_ahead(self._ledger, ids[:MOST_AT_ONCE]):
                try:
                    if several.accepts:
                        self._ledger.accept(id)
                    else:
                        self._ledger.reject(id)
                except ForgeError as error:
                    refused.append(error.message)
                else:
                    done += 1
        self._order = None
        said = f"{'Accepted' if several.accepts else 'Rejected'} {counted(done, 'card')}."
        left = len(ids) - done
        if left:
            were = "it was" if left == 1 else "they were"
            why = refused[0] if refused else f"{MOST_AT_ONCE:,} are decided on at once."
            said += f" {counted(left, 'card')} left as {were}: {why}"
        return {**self.state(), "undo": action if done else "", "said": said}

    def ending(self, number: int) -> Json | None:
        """Return the ending of a sitting: its `heading`, the sentences `told`, and the `cards`.

        Each card has the `key` of its mark and the printed number of its `page`; those of a
        document stand in reading order. None: there is no such sitting.
        """
        sitting = self._sittings.get(number)
        if sitting is None:
            return None
        decided = len(sitting.results)
        cards = []
        count = 0
        for card in made_by(self._ledger, sitting.actions):
            view = card_view(card, self._picture)
            if "figure" in view:
                number = sum(mask["on"] for mask in view["figure"]["masks"])
                view["cards"] = counted(number, "card")
                count += number
            else:
                count += 1
            place = {"key": card.highlight.key, "page": card.highlight.page_label}
            cards.append({**view, **place})
        if sitting.key:
            marks = overview.marks(self._ledger, sitting.key)
            order = [highlight.key for highlight, _ in marks]
            cards.sort(key=lambda each: order.index(each["key"]))

        if sitting.key.startswith(PREFIX):
            return {"heading": NO_MARKS, "told": CHOOSE, "cards": [], "chat": True}
        left = self._left(sitting)
        made = counted(count, "card") if count else "No card"
        rejected = sitting.results.count("none")
        if sitting.key and count and rejected:
            made += f", {rejected} rejected"
        told: list[str] = []
        if sitting.list_id in self._lists:
            made = f"{decided} decided"
            told.append(self._lists[sitting.list_id].ending)
        heading = f"{made}. Nothing waits here."
        if left:
            heading = f"{made}. Here: {left}."
        if not decided:
            heading = "All put off for later." if left else "Nothing waits here."
        return {"heading": heading, "told": " ".join(told), "cards": cards}

    def _left(self, sitting: Sitting) -> str:
        """Return how much is left of the document or list of a sitting; "" for nothing."""
        self._read()
        if sitting.key:
            pile = self._pile(sitting.key)
            return how_many(len(pile.places), len(pile.proposed)) if pile else ""
        return how_many(self.state()["left"].get(sitting.list_id, 0), 0)

    def preview(self, decision: Decision) -> Json:
        """Return the card that the fields of the editor make, as Anki would show it.

        Of a cloze, it is the card with the number `gap`.

        Raises:
            StaleError: the item no longer waits.
            UsageError: the fields make no card.
        """
        card = (self._list_of(decision.id) or self._review).preview(decision)
        return card_view(card, self._picture, number=decision.gap)

    def placement(self, id: str) -> Json:
        """Return the deck and tags of the card that the editor of an item makes or changes.

        `moves` and `tagged` are whether they may be changed here; `decks` are those to choose from.

        Raises:
            StaleError: the item no longer waits.
        """
        if self._list_of(id):
            return {"deck": "", "tags": [], "moves": False, "tagged": False, "decks": []}
        item = self._review.item(id)
        if item is None or item.highlight is None:
            raise StaleError(item)
        first = item.drafts[0] if item.drafts else None
        words: Shown
        if item.card and (first is None or (first.revises and first.own)):
            words = item.card
        elif item.offered:
            words = item.offered[0]
        else:
            words = Preview(
                item.highlight.key,
                CardKind.BASIC,
                (),
                Origin(PERSON),
                passages=(item.highlight,),
            )
        decks = self._workspace.decks
        placement = placement_of(self._ledger, words, decks)
        return {
            "deck": placement.deck,
            "tags": placement.tags,
            "moves": placement.moves,
            "tagged": placement.tagged,
            "decks": decks_known(self._ledger),
        }

    def _leave(self, id: str) -> str:
        """Take an item out of its list. Return the list's id; "" if it is in none."""
        self._later.pop(id, None)
        for list_id, queue in self._queues.items():
            if id in queue:
                queue.remove(id)
                return list_id
        return ""

    def undo(self, action: str) -> Json:
        """Take back a decision.

        Returns:
            The new counts; `item`, which waits again; and the `sitting` in which it was
            decided on, as it was before.

        Raises:
            RefusedError: it cannot be undone, with the reason.
        """
        if self._unmarked.put_back(action):
            pass
        elif action.startswith(_LATER):
            self._later.pop(action.removeprefix(_LATER), None)
        elif all(added.undo(action) is None for added in self._lists.values()):
            undo(self._ledger, action)
        self._order = None
        done = self._undos.pop(action, None)
        if done is None:
            return self.state()
        face = self.item(done.id)
        reply = {**self.state(), "item": face}
        if face and done.sitting:
            reply["sitting"] = self._shown(done.number, done.sitting, [face])
        return reply

    def send(self) -> Json:
        """Send the cards that Anki lacks, to a running Anki or as a package that is opened.

        Returns:
            The new counts; `said`, what became of it; and `path` of the package, if there is one
            to import.
        """
        from ankiforge.reports.summary import delivery_lines

        result = self._workspace.push()
        self._order = None
        written = [each for each in result.published if each.notes]
        if result.pushed is not None or not written:
            sentences = [result.error.message] if result.error is not None else []
            sentences += delivery_lines(result)
            if not sentences:
                sentences.append("Anki has every card")
            for problem in result.problems:
                if not problem.notice:
                    sentences.append(f"{problem.where}: {problem.what}")
            return {**self.state(), "said": f"{'. '.join(sentences)}.", "path": ""}
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

    # --- marks that are made here ---------------------------------------------------------

    def mark(self, words: SelectedWords) -> Json:
        """Make a highlight of words that a person chose.

        Returns:
            The new counts; `key`, the highlight; and `undo`.

        Raises:
            UsageError: the document does not have the words.
        """
        marked = self._unmarked.mark(words)
        self._order = None
        for number, sitting in self._sittings.items():
            if sitting.key == words.key:  # the document has a highlight by now
                self._sittings[number] = replace(sitting, key=marked["key"])
        return {**self.state(), **marked}

    def unmark(self, key: str) -> Json:
        """Take out a mark that was made here.

        Returns:
            The new counts, and `undo`.

        Raises:
            RefusedError: it is a mark of the file.
        """
        out = self._unmarked.unmark(key)
        self._order = None
        return {**self.state(), **out}

    # --- a chat window ------------------------------------------------------------------

    def ask_chat(self, key: str = "") -> Json:
        """Return the text that asks a chat about the best highlights, and their number.

        `key`: only of the document that holds this highlight; or a card that fails, for which
        repairs are asked.
        """
        self._chat_key = key
        self._asking = self._unmarked.asking(key) if key.startswith(PREFIX) else None
        return self._asked_now()

    def _asked_now(self) -> Json:
        """Return the next question to a chat, as `ask_chat` does."""
        key = self._chat_key
        if self._asking and not self._asking.left:
            return {"said": "", "text": ""}
        if self._asking:
            part = self._asking.left[0]
            text = choosing.text(self._workspace, self._asking, part)
            return {"said": self._asking.asks_about(part), "text": text}
        added = self._list_of(key)
        if added:
            return added.question_about(key)
        document = (
            highlight_of(self._ledger, HighlightKey(key)).document.key if key else ""
        )
        asked = chats.ask(self._workspace, document=document)
        self._asked = asked.keys[0] if asked.keys else frozenset()
        text = asked.texts[0] if asked.texts else ""
        return {"said": sentence(asked.said), "text": text}

    def take_chat(self, answer: str) -> Json:
        """Take the answer of a chat.

        Returns:
            The new counts; `said`, what became of it; `unused`, the cards that came to
            nothing; `brought`, whether anything came in; `next`, what to ask now; and
            `second`, a text by which the chat reads its cards a second time, "" for none.
        """
        added = self._list_of(self._chat_key)
        if added:
            said, brought = added.answered(self._chat_key, answer)
            shown = {"said": said, "unused": [], "brought": brought}
            return {
                **self.state(),
                **shown,
                "next": {"said": "", "text": ""},
                "second": "",
            }
        taken = chats.take(self._workspace, answer, asked=self._asked, about=self._asking)
        self._order = None
        return {
            **self.state(),
            "said": taken.said,
            "unused": [unused.what for unused in taken.unused[:MOST_REASONS]],
            "brought": bool(taken.drafted or taken.read_again),
            "next": self._asked_now(),
            "second": chats.second_text(self._workspace, answer) if taken.drafted else "",
        }

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


def _row(
    id: str, line: list[Pair], place: str | list[Pair], state: str, **more: object
) -> Json:
    """Return a row of a list: a card's words, where it is from, and its state."""
    return {"id": id, "line": line, "place": place, "state": state, **more}
