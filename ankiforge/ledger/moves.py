"""Match new highlights with removed ones, after every source has listed everything.

A passage may have moved between documents or between sources. The user is asked about likely
matches. The matching itself is done by the functions of `match`, whose module docstring lists their
order.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import chain

import msgspec

from ankiforge.ledger import facts
from ankiforge.ledger.draft_changes import COPY_REASON_PREFIX
from ankiforge.ledger.events import SOURCE, USER, Passage, hash_text
from ankiforge.ledger.ingest_rows import load_stored_mark
from ankiforge.ledger.marks import to_mark
from ankiforge.ledger.match import (
    MIN_DISTINCTIVE_CHARS,
    MIN_QUESTION_SIMILARITY,
    Mark,
    Pairs,
    compute_context_similarity,
    compute_mark_similarity,
    find_sharing_documents,
    find_similar_removed,
    match_across_documents,
    match_by_labels,
    match_by_neighbours,
    match_in_document,
)
from ankiforge.ledger.readings import IngestReport, ListedDocuments
from ankiforge.ledger.store import Row, Store
from ankiforge.ledger.tables import (
    documents,
    event_queries,
    highlights,
    passages,
    sentences,
)
from ankiforge.ledger.tables.highlights import decode_highlight
from ankiforge.model import DocumentId


class MatchedDocument(msgspec.Struct):
    """The stored and scanned highlights of a document in which some came or went."""

    stored_marks: list[Mark]
    scanned_marks: list[Mark]

    def split_matched(self) -> tuple[dict[str, Mark], Pairs, list[Mark]]:
        """Return the stored highlights by key, the pairs, and the unmatched scanned highlights."""
        stored_by_key = {
            stored_mark.key: stored_mark for stored_mark in self.stored_marks
        }
        pairs = {}
        for mark in self.scanned_marks:
            if mark.stored_mark and mark.stored_mark.key in stored_by_key:
                pairs[mark] = stored_by_key[mark.stored_mark.key]
        return (
            stored_by_key,
            pairs,
            [mark for mark in self.scanned_marks if not mark.stored_mark],
        )


class MoveMatcher:
    """Matches highlights across documents. Call `match` only once."""

    def __init__(
        self,
        store: Store,
        listing: ListedDocuments,
        report: IngestReport,
        documents: list[MatchedDocument],
        absent_marks: list[Mark],
    ) -> None:
        """Prepare to match the highlights that `match_in_document` left unmatched.

        The store must be in a transaction. `documents` are those in which highlights appeared or
        disappeared. `absent_marks` are the stored highlights not found in their documents. Moves
        are added to `report`.
        """
        self._store = store
        self._listing = listing
        self._report = report
        self._documents = documents
        self._scanned_marks = list(
            chain.from_iterable(document.scanned_marks for document in documents)
        )
        self._scanned_by_key = {
            mark.stored_mark.key: mark for mark in self._scanned_marks if mark.stored_mark
        }
        """The matched scanned highlights, by key."""
        self._absent_marks = absent_marks
        self._sharing_documents: dict[DocumentId, set[DocumentId]] = {}
        """A cache of `_find_sharing_documents`, by document."""
        self._scanned_sentences: set[str] = set()
        """The hashes of all long sentences in scanned highlights, computed on first use."""

    def match(self) -> list[Mark]:
        """Match moved highlights, add questions, and return the highlights still absent."""
        new_marks = [mark for mark in self._scanned_marks if not mark.stored_mark]
        removed_marks = self._collect_removed_marks(has_new=bool(new_marks))
        self._apply_pairs(match_across_documents(removed_marks, new_marks))
        self._match_joined_documents()
        matched_keys = {mark.stored_mark.key for mark in new_marks if mark.stored_mark}
        self._absent_marks = [
            mark for mark in self._absent_marks if mark.key not in matched_keys
        ]
        self._transfer_keys()

        # ask whether new passages are removed ones that the user decided on
        removed_marks = [mark for mark in removed_marks if mark.key not in matched_keys]
        new_marks = [mark for mark in new_marks if not mark.stored_mark]
        for new_mark, removed_mark in find_similar_removed(
            removed_marks, new_marks
        ).items():
            if not self._is_still_present(removed_mark.key):
                new_mark.question_key = removed_mark.key
        self._compare_with_journal()
        self._ask_about_later_versions()
        return self._absent_marks

    def _match_joined_documents(self) -> None:
        joined_documents = self._join_documents()
        for document in joined_documents:
            stored_left = [
                mark
                for mark in document.stored_marks
                if mark.key not in self._scanned_by_key
            ]
            scanned_left = [
                mark for mark in document.scanned_marks if not mark.stored_mark
            ]
            self._apply_pairs(match_in_document(stored_left, scanned_left))
        for document in (*self._documents, *joined_documents):
            self._match_by_neighbours(document)

    def _is_still_present(self, key: str) -> bool:
        """Return whether all decided sentences of a passage still occur in some highlight.

        Only long sentences are recognized elsewhere. If the passage has live cards, only the
        sentences of those cards count.
        """
        passage = self._store.get_passage(key)
        last_decisions = facts.find_card_decisions(passage.decisions)
        names = {
            facts.hash_card_sentence(card, last_decisions.get(card.guid))
            for card in passage.live_cards
        }
        for decision in () if passage.live_cards else passage.decisions:
            names.update(facts.hash_long_sentences(decision.sentences))
            if decision.own:
                return False
        return bool(names) and all(map(self._has_sentence, names))

    def _has_sentence(self, name: str) -> bool:
        if not self._scanned_sentences:
            for mark in self._scanned_marks:
                text = facts.get_fact_text(mark.highlight)
                self._scanned_sentences.update(
                    facts.hash_long_sentences(facts.split_sentences(text))
                )
        if name in self._scanned_sentences:
            return True
        excluded_keys = self._scanned_by_key.keys() | {
            mark.key for mark in self._absent_marks
        }
        return not excluded_keys.issuperset(
            sentences.find_present_keys(self._store, name)
        )

    def _apply_pairs(self, pairs: Pairs) -> None:
        for mark, stored_mark in pairs.items():
            mark.stored_mark = stored_mark
            self._scanned_by_key[stored_mark.key] = mark

    def _collect_removed_marks(self, *, has_new: bool) -> list[Mark]:
        """Collect the stored highlights that are no longer in their documents.

        Highlights removed in earlier runs are included only if `has_new`, because only new
        highlights can match them.
        """
        if not has_new:
            return self._absent_marks
        absent_keys = {mark.key for mark in self._absent_marks}
        seen_keys = absent_keys | self._scanned_by_key.keys()
        rows = highlights.load_absent_rows(self._store)

        # journal-only marks may be in documents that are listed, but weren't read
        journal_documents = {row["document"] for row in rows if row["state"] == "journal"}
        not_scanned = journal_documents - {mark.document for mark in self._scanned_marks}
        unread_documents = set()
        if journal_documents:
            for row in documents.load_locations(self._store):
                if row["id"] not in not_scanned:
                    continue
                if self._listing.is_listed(row["container"], row["place"]):
                    unread_documents.add(row["id"])

        earlier_marks = []
        for row in rows:
            if row["key"] not in seen_keys and row["document"] not in unread_documents:
                earlier_marks.append(load_stored_mark(self._store, row))
        return self._absent_marks + earlier_marks

    def _join_documents(self) -> list[MatchedDocument]:
        """Pair documents that were split or merged, joining each pair into one document.

        A joined document has the stored highlights of the old document and the scanned highlights
        of the new one. Two documents are paired if at least half of the highlights that
        disappeared from the old one, or that appeared in the new one, moved between the two.
        """
        stored_by_document = defaultdict(list)
        scanned_by_document = {}
        for document in self._documents:
            for stored_mark in document.stored_marks:
                stored_by_document[stored_mark.document].append(stored_mark)
            for mark in document.scanned_marks:
                scanned_by_document[mark.document] = document.scanned_marks
        changed_documents = set(stored_by_document)
        for stored_mark in self._absent_marks:
            if stored_mark.document not in changed_documents:
                stored_by_document[stored_mark.document].append(stored_mark)

        moved_counts = Counter[tuple[int, int]]()
        for mark in self._scanned_marks:
            if mark.stored_mark and mark.stored_mark.document != mark.document:
                moved_counts[mark.stored_mark.document, mark.document] += 1
        absent_counts = Counter(
            mark.document for mark in self._absent_marks if mark.was_present
        )
        new_counts = Counter(
            mark.document for mark in self._scanned_marks if not mark.stored_mark
        )
        joined_documents = []
        for (old_id, new_id), count in moved_counts.most_common():
            if count >= min(absent_counts[old_id] - count, new_counts[new_id]) > 0:
                document = MatchedDocument(
                    stored_by_document[old_id], scanned_by_document[new_id]
                )
                joined_documents.append(document)
        return joined_documents

    def _match_by_neighbours(self, document: MatchedDocument) -> None:
        stored_by_key, pairs, scanned_left = document.split_matched()
        stored_left = [
            mark for key, mark in stored_by_key.items() if key not in self._scanned_by_key
        ]
        if not stored_left or not scanned_left:
            return
        all_marks = document.stored_marks, document.scanned_marks
        neighbour_pairs = match_by_neighbours(
            *all_marks, pairs, stored_left, scanned_left
        )
        matched_marks = set(neighbour_pairs.values())
        stored_left = [mark for mark in stored_left if mark not in matched_marks]
        scanned_left = [mark for mark in scanned_left if mark not in neighbour_pairs]
        self._apply_pairs(neighbour_pairs)
        self._apply_pairs(
            match_by_labels(stored_left, scanned_left, document.stored_marks)
        )

    # --- copies that inherit a key ------------------------------------------------------

    def _transfer_keys(self) -> None:
        """Transfer the key of a removed, decided passage to an undecided one with equal text.

        This way, if a note or PDF is copied and the original is deleted before a later run, the
        copy keeps the cards.
        """
        removed_marks = list(self._absent_marks)
        # add unselected passages with a copy at the same place in another container
        for row in highlights.load_unselected_copies(self._store):
            if len(self._store.get_keys(row["key"])) == 1:
                removed_marks.append(load_stored_mark(self._store, row))
        # add journal-only passages of removed documents with a copy elsewhere
        for row in highlights.load_journal_only_copies(self._store):
            container = row["container"]
            is_certain = container in self._listing.complete
            is_certain &= container not in self._report.doubtful
            if is_certain and not self._listing.is_listed(container, row["place"]):
                removed_marks.append(load_stored_mark(self._store, row))

        absent_keys = {mark.key for mark in self._absent_marks}
        for mark in removed_marks:
            heirs = self._find_key_heirs(mark, absent_keys) if mark.is_decided else []
            if heirs:
                _, heir, place = min(heirs)
                self._store.record_event("same", heir, SOURCE, {"old": mark.key})
                self._report.moved.append((mark.key, place))

    def _find_key_heirs(
        self, removed_mark: Mark, absent_keys: set[str]
    ) -> list[tuple[float, str, str]]:
        """Find the passages that may take over a removed one's key, as (rank, key, path).

        The lowest rank is the best. A passage with a short text qualifies only if it was reported
        as a copy or has the same context.
        """
        text = removed_mark.newest.text
        heirs = []
        for row in highlights.load_others_by_text(self._store, text, removed_mark.key):
            key = row["key"]
            if key not in self._scanned_by_key and row["state"] != "present":
                continue
            if key in absent_keys or self._store.get_passage(key).is_decided:
                continue
            mark = self._scanned_by_key.get(key) or to_mark(decode_highlight(row))
            if mark.newest.text != text:
                continue
            may_inherit = len(text) >= MIN_DISTINCTIVE_CHARS or row["reason"].startswith(
                COPY_REASON_PREFIX
            )
            if not may_inherit and removed_mark.exact_hash == row["exact"]:
                may_inherit = bool(match_across_documents([removed_mark], [mark]))
            if may_inherit:
                heirs.append(
                    (-compute_context_similarity(removed_mark, mark), key, row["place"])
                )
        return heirs

    # --- questions ----------------------------------------------------------------------

    def _ask_about_later_versions(self) -> None:
        """Ask about cards whose passage is absent but has a later version that still exists.

        A later version was once an exact copy, or was first seen after the card was created,
        either in the same document or in one that shares many highlights with it. The policy may
        already have accepted a card for it.
        """
        absent_keys = {mark.key for mark in self._absent_marks}

        def is_present(row: Row) -> bool:
            return row["key"] in self._scanned_by_key or row["key"] not in absent_keys

        asked_keys = {mark.question_key for mark in self._scanned_marks}
        for key in passages.load_doubtful_keys(self._store):
            asked_keys.update(self._store.get_passage(key).asked.values())
        for absent_mark in self._absent_marks:
            passage = self._store.get_passage(absent_mark.key)
            if absent_mark.state not in ("present", "missing") or not passage.live_cards:
                continue
            if self._is_still_present(absent_mark.key):
                continue
            rows = highlights.load_present_rows(self._store, passage.keys)
            if any(map(is_present, rows)) or not asked_keys.isdisjoint(passage.keys):
                continue
            best: tuple[float, str] = (MIN_QUESTION_SIMILARITY, "")
            for row in self._find_later_versions(absent_mark, passage):
                if is_present(row):
                    key = row["key"]
                    later_mark = self._scanned_by_key.get(key) or to_mark(
                        decode_highlight(row)
                    )
                    best = max(
                        best, (compute_mark_similarity(absent_mark, later_mark), key)
                    )
            _, later_key = best
            if later_key:
                self._store.record_event(
                    "ask", later_key, SOURCE, {"old": absent_mark.key}
                )

    def _find_later_versions(self, absent_mark: Mark, passage: Passage) -> Iterator[Row]:
        """Yield the rows of highlights that may be later versions of an absent passage.

        See `_ask_about_later_versions`. A highlight with a card that the user accepted is yielded
        only if it was once an exact copy.
        """
        hashes = [hash_text(text.exact) for text in passage.texts]
        copy_events = event_queries.iter_readings(self._store, hashes)
        copied_keys = {event.key for event in copy_events}
        if absent_mark.document not in self._sharing_documents:
            self._sharing_documents[absent_mark.document] = self._find_sharing_documents(
                absent_mark.document
            )
        sharing_documents = self._sharing_documents[absent_mark.document]
        rows = highlights.load_present_by_key_or_document(
            self._store, copied_keys, sharing_documents
        )
        old_places = {(text.container, text.place) for text in passage.texts}
        accept_events = event_queries.iter_of_kinds(
            self._store, passage.keys, "accept", "adopt"
        )
        decided_at = min((event.n for event in accept_events), default=0)
        for row in rows:
            key = row["key"]
            other_passage = self._store.get_passage(key)
            if other_passage.key == passage.key or other_passage.is_distinct_from(
                passage
            ):
                continue
            if (
                other_passage.rejected
                or other_passage.skipped
                or key in other_passage.asked
            ):
                continue
            if key in copied_keys and len(other_passage.live_cards) == len(
                other_passage.cards
            ):
                yield row
                continue
            if any(card.by == USER for card in other_passage.cards.values()):
                continue
            key_events = event_queries.iter_of_kinds(self._store, [key], "key")
            first_event = min(key_events, key=lambda event: event.order, default=None)
            if first_event is None or first_event.n < decided_at:
                continue
            first_place = first_event.body["container"], first_event.body["place"]
            is_in_other_document = row["document"] != absent_mark.document
            if is_in_other_document or first_place in old_places:
                yield row

    def _find_sharing_documents(self, document: int) -> set[DocumentId]:
        texts_by_document = defaultdict(set)
        for row in highlights.load_documents_sharing_text(self._store, document):
            texts_by_document[row["document"]].add(row["folded"])
        own_texts = frozenset(texts_by_document.pop(document, ()))
        other_texts = {id: frozenset(texts) for id, texts in texts_by_document.items()}
        return {document, *find_sharing_documents(own_texts, other_texts)}

    def _compare_with_journal(self) -> None:
        """Compare absent passages with those that another device read with different text.

        Two devices that read a passage before synchronizing their journals may each have issued a
        key for it. If the other device already knew the absent passage, its new key is for
        another passage.
        """
        absent_marks = [mark for mark in self._absent_marks if mark.state == "present"]
        journal_marks = []
        for mark in self._scanned_marks:
            if mark.stored_mark and mark.stored_mark.state == "journal":
                journal_marks.append(mark)
        for mark, stored_mark in find_similar_removed(
            absent_marks, journal_marks
        ).items():
            if self._was_known_to_issuer(stored_mark, mark.key):
                continue
            is_in_same_document = mark.document == stored_mark.document
            if is_in_same_document and match_in_document([stored_mark], [mark]):
                self._store.record_event(
                    "same", mark.key, SOURCE, {"old": stored_mark.key}
                )
            elif not self._is_still_present(stored_mark.key):
                mark.question_key = stored_mark.key

    def _was_known_to_issuer(self, stored_mark: Mark, key: str) -> bool:
        """Return whether a device that issued `key` already knew a stored highlight's passage."""
        events = self._store.load_events(self._store.get_keys(stored_mark.key))
        for key_event in event_queries.iter_of_kinds(self._store, [key], "key"):
            for event in events:
                if event.machine == key_event.machine and event.n < key_event.n:
                    return True
        return False
