"""Match what came with what went, once every source has listed everything.

A passage may have moved from one document to another, or from one source to another; and
what is only likely becomes a question. `match` has the order of the steps, and the
pure functions of each.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import msgspec

from ankiforge.ledger import facts
from ankiforge.ledger.draft_changes import SAME_WORDS
from ankiforge.ledger.events import PERSON, SOURCE, Passage, hash_of_words
from ankiforge.ledger.ingest_rows import known_mark
from ankiforge.ledger.marks import mark_of
from ankiforge.ledger.match import (
    LONG,
    PERHAPS,
    Mark,
    Pairs,
    has_joined,
    likeness,
    likeness_around,
    match_in_document,
    match_labels,
    match_moved,
    match_spots,
    resembling,
    with_half_of_marks,
)
from ankiforge.ledger.readings import ListedDocuments, Report
from ankiforge.ledger.store import Row, Store
from ankiforge.ledger.tables import documents, highlights, journaled, passages, sentences
from ankiforge.ledger.tables.highlights import decode_highlight
from ankiforge.model import DocumentId


class MatchedDocument(msgspec.Struct):
    """The highlights that a document had in which something came or went, and those it has."""

    known: list[Mark]
    found: list[Mark]

    def paired(self) -> tuple[dict[str, Mark], Pairs, list[Mark]]:
        """Return the marks that it had by key, the pairs, and those found that match nothing."""
        had = {known.key: known for known in self.known}
        pairs = {}
        for found in self.found:
            if found.known and found.known.key in had:
                pairs[found] = had[found.known.key]
        return had, pairs, [found for found in self.found if not found.known]


class Moves:
    """Matches across documents; call `match`."""

    def __init__(
        self,
        store: Store,
        listing: ListedDocuments,
        report: Report,
        documents: list[MatchedDocument],
        absent: list[Mark],
    ) -> None:
        """Take over the highlights that `match_in_document` left.

        Args:
            store: the database, in a transaction.
            listing: the documents that the sources listed.
            report: to which moves are added.
            documents: the documents in which something came or went.
            absent: known highlights that were not found where they were.
        """
        self._store = store
        self._listing = listing
        self._report = report
        self._documents = documents
        self._found = list(chain.from_iterable(each.found for each in documents))
        self._matched = {found.known.key: found for found in self._found if found.known}
        """The marks that are found and known, by key."""
        self._absent = absent
        self._sharing: dict[DocumentId, set[DocumentId]] = {}
        """By document: itself, and those that share half of the shorter one's marks."""
        self._names: set[str] = set()
        """The names of the long sentences of what was found, once one is asked for."""

    def match(self) -> list[Mark]:
        """Match the marks that moved, note the questions, and return the marks still absent."""
        new = [found for found in self._found if not found.known]
        alike = [found for found in self._found if is_only_alike(found)]
        gone = self._gone(any_new=bool(new or alike))

        new += self._match_moved(gone, new, alike)
        self._match_together()
        taken = {found.known.key for found in new if found.known}
        self._absent = [known for known in self._absent if known.key not in taken]
        self._hand_over_keys()

        # what is new may be a passage that went and has a decision
        gone = [known for known in gone if known.key not in taken]
        new = [found for found in new if not found.known]
        for found, known in resembling(gone, new).items():
            if not self._stands(known.key):
                found.asks = known.key
        for document in self._documents:
            self._ask_about_spots(document)
        self._ask_about_joined()
        self._compare_with_journal()
        self._ask_about_later_versions()
        return self._absent

    def _match_moved(
        self, gone: Sequence[Mark], new: Sequence[Mark], alike: Iterable[Mark]
    ) -> list[Mark]:
        """Match new marks with those that went; return which of the alike ones are new, too.

        Equal words that went from another document outrank words here that are only alike.
        """
        gone_from = defaultdict(set)
        for known in gone:
            for reading in known.readings:
                gone_from[reading.text].add(known.document)
        before: dict[Mark, Mark] = {}
        for found in alike:
            text = found.newest.text
            documents = gone_from.get(text, set()) - {found.document}
            if found.known and len(text) >= LONG and documents:
                before[found] = found.known
                self._matched.pop(found.known.key, None)
                found.known = None
        self._take(match_moved(gone, [*new, *before]))
        for found, known_before in before.items():
            if found.known is None:  # its words are another passage's
                self._take({found: known_before})
            else:
                self._absent.append(known_before)
        return list(before)

    def _match_together(self) -> None:
        """Match the highlights of joined documents as of one; then by neighbours and labels."""
        joined = self._joined()
        for document in joined:
            known_left = [
                each for each in document.known if each.key not in self._matched
            ]
            found_left = [each for each in document.found if not each.known]
            self._take(match_in_document(known_left, found_left))
        absent_keys = {known.key for known in self._absent}
        for document in (*self._documents, *joined):
            self._match_by_place(document, absent_keys)

    def _stands(self, key: str) -> bool:
        """Return whether all decided sentences of a passage stand word for word: no question."""
        passage = self._store.passage(key)
        last = facts.of_cards(passage.decisions)
        names = {facts.name_of_card(card, last.get(card.guid)) for card in passage.live}
        for decision in () if passage.live else passage.decisions:
            names.update(facts.names_of_long(decision.sentences))
            if decision.own:
                return False
        return bool(names) and all(map(self._is_here, names))

    def _is_here(self, name: str) -> bool:
        """Return whether a long sentence stands in some highlight that is read now."""
        if not self._names:
            for found in self._found:
                text = facts.text_of(found.highlight)
                self._names.update(facts.names_of_long(facts.sentences(text)))
        if name in self._names:
            return True
        left = self._matched.keys() | {known.key for known in self._absent}
        return not left.issuperset(sentences.places_of(self._store, name))

    def _take(self, pairs: Pairs) -> None:
        """Match each mark that was found with the known one of its pair."""
        for found, known in pairs.items():
            found.known = known
            self._matched[known.key] = found

    def _gone(self, *, any_new: bool) -> list[Mark]:
        """Return the marks that are not where they were, those that went before, too.

        The latter are only read if there is something new that they could be.
        """
        if not any_new:
            return self._absent
        absent_keys = {known.key for known in self._absent}
        accounted_for = absent_keys | self._matched.keys()
        rows = highlights.absent(self._store)

        # what only the journal knows of may be in documents that are listed and were not read
        from_journal = {row["document"] for row in rows if row["state"] == "journal"}
        not_read = from_journal - {found.document for found in self._found}
        unread = set()
        if from_journal:
            for row in documents.places(self._store):
                if row["id"] not in not_read:
                    continue
                if self._listing.has(row["container"], row["place"]):
                    unread.add(row["id"])

        earlier = []
        for row in rows:
            if row["key"] not in accounted_for and row["document"] not in unread:
                earlier.append(known_mark(self._store, row))
        return self._absent + earlier

    def _joined(self) -> list[MatchedDocument]:
        """Return pairs of documents, with the marks of the old and those of the new one.

        So it is where a note was split, or merged into another one: half of what went from
        the one, or of what came to the other, has moved.
        """
        known_in = defaultdict(list)
        found_in = {}
        for document in self._documents:
            for known in document.known:
                known_in[known.document].append(known)
            for found in document.found:
                found_in[found.document] = document.found
        read = set(known_in)
        for known in self._absent:
            if known.document not in read:
                known_in[known.document].append(known)

        moved = Counter[tuple[int, int]]()
        for found in self._found:
            if found.known and found.known.document != found.document:
                moved[found.known.document, found.document] += 1
        went = Counter(each.document for each in self._absent if each.was_there)
        came = Counter(found.document for found in self._found if not found.known)
        joined = []
        for (old, new), count in moved.most_common():
            if count >= min(went[old] - count, came[new]) > 0:
                joined.append(MatchedDocument(known_in[old], found_in[new]))
        return joined

    def _match_by_place(self, document: MatchedDocument, absent: set[str]) -> None:
        """Match the marks left in a document by their neighbours, and then by labels."""
        had, pairs, found_left = document.paired()
        known_left = [known for key, known in had.items() if key not in self._matched]
        if not known_left or not found_left:
            return
        no_copies = [found for found in found_left if not self._is_copy(found, absent)]
        both = document.known, document.found
        in_spots = match_spots(*both, pairs, known_left, no_copies)
        matched = set(in_spots.values())
        known_left = [known for known in known_left if known not in matched]
        found_left = [found for found in found_left if found not in in_spots]
        self._take(in_spots)
        self._take(match_labels(known_left, found_left, document.known))

    def _is_copy(self, found: Mark, absent: set[str]) -> bool:
        """Return whether a passage with exactly these words is there: it is no edit of another."""
        text = found.newest.text
        if len(text) < LONG:
            return False
        for row in highlights.present_with(self._store, [text]):
            now = self._matched.get(row["key"])
            if now is None and row["key"] not in absent:
                return True
            if now is not None and now.newest.text == text:
                return True
        return False

    def _ask_about_spots(self, document: MatchedDocument) -> None:
        """Ask about marks that stand where a passage stood whose words are elsewhere now.

        The equal text elsewhere keeps the key; but perhaps it is a copy, and the passage
        was improved in its place.
        """
        had, pairs, unmatched = document.paired()
        unmatched = [found for found in unmatched if not found.asks]
        if not unmatched:
            return
        elsewhere = []
        for key, known in had.items():
            now = self._matched.get(key)
            if not now or now.document == known.document or self._stands(key):
                continue
            if self._store.passage(key).live:
                elsewhere.append(known)
        both = document.known, document.found
        matched = match_spots(*both, pairs, elsewhere, unmatched)
        for found, known in matched.items():
            if likeness(known, found) >= PERHAPS:
                found.asks = known.key
                found.beside = True

    # --- copies that take over a key ----------------------------------------------------

    def _hand_over_keys(self) -> None:
        """Give the key of a decided passage that went to an undecided one of equal text.

        So a note or PDF that was copied, and deleted in a later run, keeps its cards.
        """
        gone = list(self._absent)
        # passages that nothing selects any more, and whose copy is in the same place elsewhere
        for row in highlights.unselected_and_copied(self._store):
            if len(self._store.keys(row["key"])) == 1:
                gone.append(known_mark(self._store, row))
        # passages of the journal whose document went, and that are elsewhere
        for row in highlights.heard_of_and_copied(self._store):
            container = row["container"]
            is_sure = container in self._listing.complete
            is_sure &= container not in self._report.doubtful
            if is_sure and not self._listing.has(container, row["place"]):
                gone.append(known_mark(self._store, row))

        absent = {known.key for known in self._absent}
        for known in gone:
            heirs = self._heirs(known, absent) if known.decided else []
            if heirs:
                _, heir, place = min(heirs)
                self._store.add("same", heir, SOURCE, {"old": known.key})
                self._report.moved.append((known.key, place))

    def _heirs(self, gone: Mark, absent: set[str]) -> list[tuple[float, str, str]]:
        """Return (rank, key, place) of the passages that may take over a key.

        The least is the best. A short text is no coincidence if it was reported as a copy, or
        is in the same context.
        """
        text = gone.newest.text
        heirs = []
        for row in highlights.equals_of(self._store, text, gone.key):
            key = row["key"]
            if key not in self._matched and row["state"] != "present":
                continue
            if key in absent or self._store.passage(key).decided:
                continue
            mark = self._matched.get(key) or mark_of(decode_highlight(row))
            if mark.newest.text != text:
                continue
            may_inherit = len(text) >= LONG or row["reason"].startswith(SAME_WORDS)
            if not may_inherit and gone.exact == row["exact"]:
                may_inherit = bool(match_moved([gone], [mark]))
            if may_inherit:
                heirs.append((-likeness_around(gone, mark), key, row["place"]))
        return heirs

    # --- questions ----------------------------------------------------------------------

    def _ask_about_joined(self) -> None:
        """Ask about passages that went into another one of their document.

        The cards of both would ask one fact.
        """
        # the passages that were in a document before, in other words
        changed = defaultdict(list)
        for found in self._found:
            known = found.known
            if known is None or known.state != "present":
                continue
            if known.document != found.document:
                continue
            if found.newest.text != known.newest.text:
                changed[found.document].append((found, known))

        for gone in self._absent:
            if gone.document not in changed or gone.state != "present":
                continue
            if not self._store.passage(gone.key).live or self._stands(gone.key):
                continue
            for found, known in changed[gone.document]:
                if not found.asks and has_joined(gone, known, found):
                    found.asks = gone.key
                    break

    def _ask_about_later_versions(self) -> None:
        """Ask about cards whose passage goes while a later version of it is there.

        The version was an exact copy once; or it was first seen after the card was made, in
        the same document or in one with half of its marks. Policy may have accepted it; if a
        person has, then only a copy is asked about.
        """
        absent_keys = {known.key for known in self._absent}

        def is_here(row: Row) -> bool:
            return row["key"] in self._matched or row["key"] not in absent_keys

        asked = {found.asks for found in self._found}
        for key in passages.asking(self._store):
            asked.update(self._store.passage(key).asked.values())
        for gone in self._absent:
            passage = self._store.passage(gone.key)
            if gone.state not in ("present", "missing") or not passage.live:
                continue
            if self._stands(gone.key):
                continue
            places = highlights.present(self._store, passage.keys)
            if any(map(is_here, places)) or not asked.isdisjoint(passage.keys):
                continue
            best: tuple[float, str] = (PERHAPS, "")
            for row in self._later_versions(gone, passage):
                if is_here(row):
                    key = row["key"]
                    mark = self._matched.get(key) or mark_of(decode_highlight(row))
                    best = max(best, (likeness(gone, mark), key))
            _, later_key = best
            if later_key:
                self._store.add("ask", later_key, SOURCE, {"old": gone.key})

    def _later_versions(self, gone: Mark, passage: Passage) -> Iterator[Row]:
        """Yield the present highlights that may be later versions of a passage that goes."""
        hashes = [hash_of_words(text.exact) for text in passage.texts]
        copies = journaled.with_words(self._store, hashes)
        copied_keys = {event.key for event in copies}
        if gone.document not in self._sharing:
            self._sharing[gone.document] = self._sharing_marks(gone.document)
        sharing = self._sharing[gone.document]
        rows = highlights.present_among(self._store, copied_keys, sharing)
        places_of_gone = {(text.container, text.place) for text in passage.texts}
        accepted = journaled.of_kinds(self._store, passage.keys, "accept", "adopt")
        decided_at = min((event.n for event in accepted), default=0)
        for row in rows:
            key = row["key"]
            other = self._store.passage(key)
            if other.key == passage.key or other.told_apart_from(passage):
                continue
            if other.rejected or other.skipped or key in other.asked:
                continue
            if key in copied_keys and len(other.live) == len(other.cards):
                yield row
                continue
            if any(card.by == PERSON for card in other.cards.values()):
                continue
            issued = journaled.of_kinds(self._store, [key], "key")
            first = min(issued, key=lambda event: event.order, default=None)
            if first is None or first.n < decided_at:
                continue
            first_place = first.body["container"], first.body["place"]
            came_to_copy = row["document"] != gone.document
            if came_to_copy or first_place in places_of_gone:
                yield row

    def _sharing_marks(self, document: int) -> set[DocumentId]:
        """Return a document, and those that share half of the shorter one's marks with it."""
        texts = defaultdict(set)
        for row in highlights.sharing_texts(self._store, document):
            texts[row["document"]].add(row["folded"])
        mine = frozenset(texts.pop(document, ()))
        others = {id: frozenset(folded) for id, folded in texts.items()}
        return {document, *with_half_of_marks(mine, others)}

    def _compare_with_journal(self) -> None:
        """Compare absent passages with those that another machine found in other words.

        It did so before the journals met: each of the two machines has a key for the
        passage. If the machine knew the absent one, its new key says that this is another.
        """
        absent = [known for known in self._absent if known.state == "present"]
        from_journal = []
        for found in self._found:
            if found.known and found.known.state == "journal":
                from_journal.append(found)
        for found, old in resembling(absent, from_journal).items():
            if self._knew(old, found.key):
                continue
            if found.document == old.document and match_in_document([old], [found]):
                self._store.add("same", found.key, SOURCE, {"old": old.key})
            elif not self._stands(old.key):
                found.asks = old.key

    def _knew(self, old: Mark, key: str) -> bool:
        """Return whether a machine that issued a key knew another passage before."""
        events = self._store.events(self._store.keys(old.key))
        for issued in journaled.of_kinds(self._store, [key], "key"):
            for event in events:
                if event.machine == issued.machine and event.n < issued.n:
                    return True
        return False


def is_only_alike(found: Mark) -> bool:
    """Return whether a mark was matched because its words are like those of a passage."""
    known = found.known
    if known is None:
        return False
    if found.names & known.names or found.labels & known.labels:
        return False
    if found.question and found.question == known.question:
        return False
    return all(found.newest.text != reading.text for reading in known.readings)
