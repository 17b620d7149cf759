"""Ingest scan results: recognize known highlights, issue keys, and find removed highlights.

A document in which no highlight appeared or disappeared is written at once. All other documents
are deferred until every source has been scanned, because passages may have moved between documents
or sources; then they are matched in one transaction (see `match` and `passage_links`). A scan that
failed, is incomplete or is suspiciously short removes nothing. A recognized highlight keeps its
key. A run that was killed can be repeated with the same result.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path

from msgspec import convert
from msgspec.structs import replace

from ankiforge.ledger.events import SOURCE, PassageReading, hash_text, normalize_text
from ankiforge.ledger.match import (
    MIN_SHARED_FRACTION,
    DocumentHighlights,
    MatchedHighlight,
    Pairs,
    add_unpaired_candidates,
    find_renamed_documents,
    iter_matches_across_documents,
    iter_matches_in_document,
    select_unmatched,
)
from ankiforge.ledger.passage_links import (
    link_across_source_kinds,
    record_questions_about_removed,
    transfer_keys_to_copies,
)
from ankiforge.ledger.private import ReadDocument
from ankiforge.ledger.readings import (
    DocumentListing,
    IngestReport,
    UnlistedDocuments,
    build_event_body,
    build_highlight_row,
    find_document,
    get_document_path,
    hash_highlight_content,
    iter_document_batches,
    load_stored_highlight,
    load_stored_highlights,
    prepare_scanned_highlights,
    write_document,
    write_highlights,
)
from ankiforge.ledger.source_state import SourceState
from ankiforge.ledger.store import JSON_VALUES, Row, Store, to_json
from ankiforge.ledger.tables import highlights, pending_drafts
from ankiforge.ledger.tables.highlights import schedule_redrafting_of_copies
from ankiforge.model import DocumentId, HighlightKey, Pair, Sighting, Texts, hash16, hints
from ankiforge.text.keys import build_anchor_key, build_source_id_key, get_anchor

MIN_DOUBTED_DOCUMENTS = 10
"""If a container with at least this many documents loses more than half of them, the user is asked
whether they were deleted."""
MIN_GONE_SECONDS = 5.0
"""How long a highlight must be missing, in seconds, before it counts as removed. It may be missing
for a moment because an editor replaces a file in two steps."""


def ingest_scan_results(
    store: Store,
    scan_results: Iterable[Sighting],
    *,
    selections: Mapping[str, str] = {},
    configured_sources: frozenset[str] | None = None,
    missing_sources: Collection[str] = (),
    removed_sources: Collection[str] = (),
    missing_documents: Collection[DocumentId] = (),
) -> IngestReport:
    """Ingest everything that the sources yield in a run.

    If a container has no documents any more or has lost more than half of them, the user is asked
    whether they were deleted. The answer takes effect in the next run.

    Args:
        store: The store, which must have read the journal.
        scan_results: What the sources yield: documents, problems, and ends of scans.
        selections: The settings that select highlights, keyed by container.
        configured_sources: The names of all sources in the settings, or None if unknown.
        missing_sources: The names of the sources whose directory or file is missing. It may have
            been moved.
        removed_sources: The names of those missing sources that are hardly on an unplugged disk.
            If their directory was moved, the passages that it has lost count as missing.
        missing_documents: The documents whose files are missing, even if no source lists their
            container in this run. Such a document has moved if a listed document contains its
            passages.

    Returns:
        The new, changed and removed highlights.
    """
    run = IngestRun(
        store,
        selections=selections,
        configured_sources=configured_sources,
        missing_sources=missing_sources,
        removed_sources=removed_sources,
        missing_documents=missing_documents,
    )
    report = run.run(scan_results)
    with store.transaction():
        for container in run.listing.complete:
            store.delete_meta(f"emptied {container}")
            store.delete_meta(f"unlisted {container}")
            store.delete_meta(f"doubted:{container}")
            if container in report.suspicious_containers:
                left, total = report.suspicious_containers[container]
                directory = run.listing.directories[container]
                unlisted = UnlistedDocuments(left, total, directory)
                store.set_value(f"unlisted {container}", unlisted)
                store.set_value(f"doubted:{container}", run.doubted_documents[container])
    return report


class IngestRun:
    """The state of a single call of `ingest_scan_results`."""

    def __init__(
        self,
        store: Store,
        *,
        selections: Texts,
        configured_sources: frozenset[str] | None,
        missing_sources: Collection[str],
        removed_sources: Collection[str] = (),
        missing_documents: Collection[DocumentId] = (),
    ) -> None:
        self.store = store
        self.selections = selections
        self.configured_sources = configured_sources
        self.sole_keys_by_source = {
            source: self._find_keys_only_in_source(source) for source in missing_sources
        }
        """For each source whose directory or file is missing, the keys of the passages that no
        other source contains."""
        self.removed_sources = removed_sources
        self.missing_documents = set(missing_documents)
        self.run_number = int(store.get_meta("run") or 0) + 1
        self.started_at = time.time()
        self.report = IngestReport()
        self.listing = DocumentListing()
        answers = store.get_metas_with_prefix("emptied ")
        self.confirmed_containers = set()
        """The containers for which the user confirmed that documents were deleted."""
        for container, answer in answers.items():
            if answer == "yes":
                self.confirmed_containers.add(container)

        self.doubted_documents: dict[str, list[DocumentId]] = {}
        """The documents of each container that may have been deleted, if there are many."""

        # used while documents are read
        self.deferred_documents: list[ReadDocument] = []
        """The documents in which highlights appeared or disappeared, to be matched at the end."""
        self.batch_highlights: list[MatchedHighlight] = []
        """The highlights of the current batch, except those in deferred documents."""
        self.batch_pairs: Pairs = {}
        """The pairs of scanned and stored highlights in `batch_highlights`. Highlights without a
        pair are new, because their container had no documents before the run."""
        self.first_scan_documents: set[Pair] = set()
        """The documents of containers that had no documents before the run, as (container, path or
        key)."""
        self.was_empty: dict[str, bool] = {}
        """Whether a container had no documents before the run, by container."""
        query = "SELECT 1 FROM highlight WHERE state != 'present'"
        has_absent = store.fetch_first_row(query) is not None
        self.may_have_moved = (
            has_absent or bool(missing_documents) or bool(self._find_unused_documents())
        )
        """Whether a new highlight may be a stored one that was removed from its document."""
        query = "SELECT 1 FROM document WHERE state != 'journal'"
        self.is_rebuilt = store.fetch_first_row(query) is None
        """Whether the database was lost, so that it has no documents read on this device."""

        # used after all documents were read
        self.pairs: Pairs = {}
        """The pairs of scanned and stored highlights in deferred documents."""
        self.matched_documents: list[DocumentHighlights] = []
        """The deferred documents with their stored and scanned highlights."""
        self.absent_highlights: list[MatchedHighlight] = []
        """The stored highlights that weren't found in their documents."""

    def run(self, scan_results: Iterable[Sighting]) -> IngestReport:
        """Ingest everything that the sources yield.

        Returns a report of the new, changed and removed highlights.
        """
        unselected_before = self._count_unselected()
        for batch in iter_document_batches(self.listing.read_documents(scan_results)):
            self._ingest_batch(batch)
        with self.store.transaction():
            self._relocate_documents()
            query = f"SELECT id FROM document WHERE source IN {JSON_VALUES}"
            missing_ids = self.store.fetch_column(
                query, to_json([*self.sole_keys_by_source])
            )
            unselect_documents(self.store, self._find_documents_to_unselect())
            unselected_before += self._unselect_copied_documents()
            for container in sorted(self.listing.places):
                self._match_container(container)
            scanned_highlights = self._match_across_documents()
            self._report_moved_sources()
            self._link_across_sources(scanned_highlights)
            # drop the drafts of removed highlights that are drafted again if they come back
            drafted_keys = pending_drafts.delete_drafts_of_highlights(
                self.store, self.report.removed_keys, repeatable=True
            )
            highlights.schedule_redrafting(self.store, drafted_keys)
            for container in self.listing.complete & self.selections.keys():
                self.store.set_meta(f"selection {container}", self.selections[container])
            self._report_listed_documents()
        unselected = max(self._count_unselected() - unselected_before, 0)
        in_missing = self._count_unselected(missing_ids) if unselected else 0
        self.report.in_missing_sources = min(in_missing, unselected)
        self.report.unselected = unselected - self.report.in_missing_sources
        return self.report

    def _ingest_batch(self, documents: Iterable[ReadDocument]) -> None:
        """Write the documents of a batch in one transaction, but defer those with changes."""
        with self.store.transaction():
            self.store.set_meta("run", str(self.run_number))
            for document in documents:
                self._write_or_defer(document)
            new_highlights = select_unmatched(self.batch_pairs, self.batch_highlights)
            self._issue_keys(new_highlights)
            self._write_highlights(self.batch_highlights, self.batch_pairs)
            self.batch_highlights.clear()
            self.batch_pairs.clear()

    def _count_unselected(self, documents: Sequence[DocumentId] | None = None) -> int:
        # both conditions about the state are necessary; see `tables.highlights`
        query = (
            "SELECT count(*) FROM highlight WHERE state != 'present'"
            f" AND state = 'unselected' AND (? OR document IN {JSON_VALUES})"
        )
        ids = to_json(documents or ())
        count: int = self.store.fetch_value(query, documents is None, ids)
        return count

    def _report_listed_documents(self) -> None:
        """Report the listed documents, and the number of distinct passages in them."""
        self.report.passage_count = self.store.fetch_value(
            "SELECT count(DISTINCT coalesce(a.first, h.key)) FROM highlight h"
            " JOIN document d ON d.id = h.document LEFT JOIN alias a ON a.key = h.key"
            f" WHERE h.state = 'present' AND d.container IN {JSON_VALUES}"
            f" AND d.id NOT IN {JSON_VALUES}",
            to_json(sorted(self.listing.places)),
            to_json(list(chain.from_iterable(self.doubted_documents.values()))),
        )
        listed_ids = set()
        for row in self.store.fetch_rows("SELECT id, container, place FROM document"):
            if self.listing.is_listed(row["container"], row["place"]):
                listed_ids.add(row["id"])
        self.report.documents = frozenset(listed_ids)

    # --- one document -------------------------------------------------------------------

    def _write_or_defer(self, document: ReadDocument) -> None:
        """Write a document now if no highlight appeared or disappeared, otherwise defer it.

        In a container's first scan, every document is written now, so that little is lost if the
        run is killed. If a source yields a document twice, the second one is compared with the
        first.
        """
        is_first_scan = self._is_first_scan(document.container)
        container_and_place = (document.container, get_document_path(document))
        if is_first_scan and container_and_place not in self.first_scan_documents:
            self.first_scan_documents.add(container_and_place)
            if not document.highlights:
                self.report.unmarked.append(container_and_place)
            document_id = write_document(self.store, document, None)
            self.batch_highlights += prepare_scanned_highlights(document, document_id)
            return
        row = find_document(self.store, *container_and_place)
        if row is None or not self._write_if_all_match(document, row):
            self.deferred_documents.append(document)

    def _is_first_scan(self, container: str) -> bool:
        """Return whether a container had no documents before the run, and none has moved into it.

        The result is kept from before the first document of the container is written.
        """
        if container not in self.was_empty:
            query = "SELECT 1 FROM document WHERE container = ?"
            is_known = self.store.fetch_first_row(query, container) is not None
            self.was_empty[container] = not is_known and not self.may_have_moved
        return self.was_empty[container]

    def _write_if_all_match(self, document: ReadDocument, row: Row) -> bool:
        """Write a document if its highlights are the stored ones, and return whether they are."""
        if row["state"] == SourceState.JOURNAL and not self.is_rebuilt:
            # another device read it, so it may be a document that disappeared on this one
            return False
        document_highlights = DocumentHighlights(
            load_stored_highlights(self.store, row["id"]),
            prepare_scanned_highlights(document, row["id"]),
        )
        pairs: Pairs = {}
        add_unpaired_candidates(
            pairs, iter_matches_in_document(document_highlights, pairs)
        )
        unmatched = document_highlights.select_unmatched(pairs)
        if unmatched.scanned_highlights:
            return False
        # only highlights in the state of their document count as removed: in a document read on
        # this device, those known only from the journal may not have arrived yet
        expected_state = SourceState.PRESENT
        if row["state"] == SourceState.JOURNAL:
            expected_state = SourceState.JOURNAL
        if any(mark.state is expected_state for mark in unmatched.stored_highlights):
            return False
        write_document(self.store, document, row)
        self.batch_highlights += document_highlights.scanned_highlights
        self.batch_pairs |= pairs
        return True

    # --- changes in a container ---------------------------------------------------------

    def _relocate_documents(self) -> None:
        """Assign the documents of each removed directory to the directory that it was moved to.

        They are then compared as if they had been edited in place. A directory was moved if new
        documents at its relative paths have at least half of its passages, or if a new directory
        without a passage has documents at all of its paths. Otherwise, each document is looked for
        by itself (`_find_old_rows`). The sizes of files, by which a run decides before it reads
        them whether `--deck` and `--marks` apply, don't matter, because files may have been edited.
        """
        if not self.removed_sources:
            return
        new_places = self._group_new_places_by_text()
        containers_without_passage = self._find_new_containers_without_passage()
        rows = self.store.fetch_rows(
            "SELECT d.*, h.folded FROM document d"
            " LEFT JOIN highlight h ON h.document = d.id AND h.state = d.state"
            " WHERE d.state IN ('present', 'unselected')"
            f" AND d.source IN {JSON_VALUES} ORDER BY d.container",
            to_json(sorted(self.removed_sources)),
        )
        for _, group in groupby(rows, key=itemgetter("container")):
            rows_of_container = list(group)
            new_directory = self._find_new_directory(
                rows_of_container, new_places, containers_without_passage
            )
            if new_directory is not None:
                container, directory = new_directory
                row_by_id = {row["id"]: row for row in rows_of_container}
                for row in row_by_id.values():
                    self._relocate_document(row, container, directory + row["place"])

    def _group_new_places_by_text(self) -> dict[str, set[Pair]]:
        """Return the containers and paths of new documents, by the text of each passage in them."""
        new_places = defaultdict[str, set[Pair]](set)
        for document in self.deferred_documents:
            container_and_place = (document.container, get_document_path(document))
            if find_document(self.store, *container_and_place) is None:
                for highlight in document.highlights:
                    text, _, _ = get_anchor(highlight)
                    new_places[text].add(container_and_place)
        return new_places

    def _find_new_containers_without_passage(self) -> list[str]:
        known_containers = set(
            self.store.fetch_column("SELECT DISTINCT container FROM document")
        )
        for document in self.deferred_documents:
            if document.highlights:
                known_containers.add(document.container)
        return sorted(self.listing.places.keys() - known_containers)

    def _find_new_directory(
        self,
        rows: Sequence[Row],
        new_places: Mapping[str, set[Pair]],
        containers_without_passage: Iterable[str],
    ) -> Pair | None:
        """Find the container, and the directory in it, to which a removed directory was moved.

        The directory ends with `/`, or is "" for the container itself: if `cells/a.md` is now
        `biology/cells/a.md` in another container, `biology/` is the directory.

        Args:
            rows: The documents of the removed directory, each once for each of its passages.
            new_places: The containers and paths of new documents, by the text of a passage.
            containers_without_passage: New containers whose documents have no passage. One with
                documents at all of the paths counts as having all passages.
        """
        passages = [row for row in rows if row["folded"] is not None]
        found_counts = Counter[Pair]()
        for row in passages:
            for container, place in new_places.get(row["folded"], ()):
                if f"/{place}".endswith(f"/{row['place']}"):
                    found_counts[container, place.removesuffix(row["place"])] += 1
        paths = {row["place"] for row in passages}
        for container in containers_without_passage:
            if paths and paths <= self.listing.places[container]:
                found_counts[container, ""] = len(passages)
        for new_directory, count in found_counts.most_common(1):
            if count >= MIN_SHARED_FRACTION * len(passages):
                return new_directory
        return None

    def _relocate_document(self, row: Row, container: str, place: str) -> None:
        """Assign a document to a new place, if the place is listed and no document has it."""
        is_complete = container in self.listing.complete
        if not is_complete and not self.listing.is_listed(container, place):
            return
        if find_document(self.store, container, place) is not None:
            return
        source = self.listing.sources.get(container, row["source"])
        self.store.execute(
            "UPDATE document SET container = ?, place = ?, source = ?,"
            " state = 'present' WHERE id = ?",
            *(container, place, source, row["id"]),
        )
        query = "UPDATE highlight SET state = 'present' WHERE document = ? AND state = ?"
        self.store.execute(query, row["id"], row["state"])

    def _find_documents_to_unselect(self) -> list[DocumentId]:
        """Find the documents of sources that were removed from the settings or copied elsewhere.

        A missing source counts as copied if each of its decided passages is also in a listed
        document at the same path.
        """
        unused_ids = []
        for row in self._find_unused_documents():
            if row["container"] not in self.listing.places:
                unused_ids.append(row["id"])
        for source in self.sole_keys_by_source:
            rows = self._load_passages_of_source(source)
            if self._are_decided_passages_copied(rows):
                unused_ids += {row["id"] for row in rows}
        return unused_ids

    def _load_passages_of_source(self, source: str) -> list[Row]:
        """Load the key and document id of each present passage of a source, and `is_copied`.

        `is_copied` is whether a listed document at the same path has a passage with the same text.
        """
        return self.store.fetch_rows(
            "SELECT h.key, d.id, EXISTS (SELECT 1 FROM highlight copy JOIN document listed"
            "  ON listed.id = copy.document"
            "  WHERE copy.folded = h.folded AND copy.state = 'present'"
            f"  AND listed.place = d.place AND listed.container IN {JSON_VALUES}) AS is_copied"
            " FROM highlight h JOIN document d ON d.id = h.document"
            " WHERE d.source = ? AND d.state = 'present' AND h.state = 'present'",
            to_json(sorted(self.listing.places)),
            source,
        )

    def _are_decided_passages_copied(self, rows: Iterable[Row]) -> bool:
        """Return whether there are decided passages and all of them are in a listed document."""
        has_decided = False
        for row in rows:
            if self.store.get_passage(row["key"]).was_ever_decided:
                has_decided = True
                if not row["is_copied"]:
                    return False
        return has_decided

    def _unselect_copied_documents(self) -> int:
        """Unselect each missing document whose passages all occur in a single listed document.

        Only stored documents are searched. New documents aren't written yet, so `_find_old_rows`
        compares them. Returns the number of unselected highlights.
        """
        count = 0
        for id in sorted(self.missing_documents):
            copy_row = self._find_listed_copy(id)
            if copy_row is not None:
                count += unselect_documents(self.store, [id])
                self.absent_highlights += load_stored_highlights(self.store, id)
                self._report_moved_document(id, copy_row["container"], copy_row["place"])
        return count

    def _find_listed_copy(self, id: DocumentId) -> Row | None:
        """Find a listed document with all present texts of a document, or None."""
        # the documents that share a text, unless a text of the missing document isn't in them
        for row in self.store.fetch_rows(
            "SELECT DISTINCT other.* FROM highlight lost"
            " JOIN highlight copy ON copy.folded = lost.folded"
            "  AND copy.state = 'present' AND copy.document != lost.document"
            " JOIN document other ON other.id = copy.document"
            " WHERE lost.document = ?1 AND lost.state = 'present' AND NOT EXISTS ("
            "  SELECT 1 FROM highlight p WHERE p.document = ?1 AND p.state = 'present'"
            "  AND p.folded NOT IN (SELECT q.folded FROM highlight q"
            "   WHERE q.document = other.id AND q.state = 'present')) ORDER BY other.id",
            id,
        ):
            if self.listing.is_listed(row["container"], row["place"]):
                return row
        return None

    def _report_moved_document(self, id: DocumentId, container: str, place: str) -> None:
        directory = Path(self.listing.directories.get(container, ""))
        self.report.moved_documents[id] = directory / place

    def _find_unused_documents(self) -> list[Row]:
        if self.configured_sources is None:
            return []
        return self.store.fetch_rows(
            "SELECT * FROM document WHERE state = 'present' AND source != ''"
            f" AND source NOT IN {JSON_VALUES}",
            to_json(list(self.configured_sources)),
        )

    def _find_keys_only_in_source(self, source: str) -> set[str]:
        """Return the keys of the passages that are in a source and in no other one."""
        key_list = self.store.fetch_column(
            "SELECT h.key FROM highlight h JOIN document d ON d.id = h.document"
            " WHERE d.source = ? AND h.state IN ('present', 'unselected')",
            source,
        )
        keys = set(key_list)
        other_keys = set(self.store.get_all_keys(keys)) - keys
        other_rows = highlights.load_current_highlight_rows(self.store, other_keys)
        keys_elsewhere = {row["key"] for row in other_rows}
        sole_keys = set()
        for key in keys:
            if keys_elsewhere.isdisjoint(self.store.get_keys(key)):
                sole_keys.add(key)
        return sole_keys

    def _match_container(self, container: str) -> None:
        """Match the documents that were read in a container, and mark the missing ones as gone."""
        read_documents = []
        for document in self.deferred_documents:
            if document.container == container:
                read_documents.append(document)
        all_rows = self.store.fetch_rows("SELECT * FROM document ORDER BY id")
        stored_rows = [row for row in all_rows if row["container"] == container]
        unlisted_ids = self._find_unlisted_documents(container, stored_rows)
        old_rows = self._find_old_rows(container, read_documents, all_rows, unlisted_ids)
        gone_ids = set(unlisted_ids)
        for document, old_row in zip(read_documents, old_rows, strict=True):
            if old_row is None:
                continue
            gone_ids.discard(old_row["id"])
            if old_row["id"] in self.missing_documents:
                place = get_document_path(document)
                self._report_moved_document(old_row["id"], container, place)

        gone_rows = [row for row in stored_rows if row["id"] in gone_ids]
        self._mark_documents_gone(container, gone_rows)
        for document, old_row in zip(read_documents, old_rows, strict=True):
            self._match_document(document, old_row)

    def _mark_documents_gone(self, container: str, rows: Iterable[Row]) -> None:
        """Mark documents that are no longer listed, and weren't renamed, as gone."""
        states = [SourceState.PRESENT]
        # documents known only from the journal may not have been synchronized yet, if
        # suspiciously little is listed
        is_suspicious = container in self.report.suspicious_containers
        if self.listing.places[container] and not is_suspicious:
            states.append(SourceState.JOURNAL)
        for row in rows:
            if row["state"] in states:
                self.absent_highlights += load_stored_highlights(self.store, row["id"])
                self.store.execute(
                    "UPDATE document SET state = 'gone', fingerprint = '' WHERE id = ?",
                    row["id"],
                )

    def _match_document(self, document: ReadDocument, old_row: Row | None) -> None:
        """Write a document and match its highlights with the stored ones.

        `old_row` is the stored row of the document, or None if the document is new.
        """
        # what a document has lost while its directory was moved counts as missing
        if old_row and old_row["source"] in self.removed_sources:
            query = (
                "UPDATE highlight SET state = 'present' WHERE document = ? AND state = ?"
            )
            self.store.execute(query, old_row["id"], old_row["state"])
        document_id = write_document(self.store, document, old_row)
        stored_highlights: list[MatchedHighlight] = []
        was_present = False
        if old_row is not None:
            stored_highlights = load_stored_highlights(self.store, document_id)
            was_present = old_row["state"] == SourceState.PRESENT
        elif not document.highlights:
            path = get_document_path(document)
            self.report.unmarked.append((document.container, path))
        document_highlights = DocumentHighlights(
            stored_highlights, prepare_scanned_highlights(document, document_id)
        )
        candidates = iter_matches_in_document(
            document_highlights, self.pairs, was_present=was_present
        )
        add_unpaired_candidates(self.pairs, candidates)
        if document.is_fully_read:
            unmatched = document_highlights.select_unmatched(self.pairs)
            self.absent_highlights += unmatched.stored_highlights
        self.matched_documents.append(document_highlights)

    def _match_across_documents(self) -> list[MatchedHighlight]:
        """Match the highlights that moved between documents or sources, and write all highlights.

        Returns the scanned highlights of the deferred documents, which now have their keys.
        """
        earlier_highlights = self._load_earlier_removed()
        candidates = iter_matches_across_documents(
            self.matched_documents, self.absent_highlights, earlier_highlights, self.pairs
        )
        add_unpaired_candidates(self.pairs, candidates)
        self.absent_highlights = select_unmatched(self.pairs, self.absent_highlights)
        removed_highlights = self.absent_highlights + select_unmatched(
            self.pairs, earlier_highlights
        )
        scanned_highlights = []
        for document_highlights in self.matched_documents:
            scanned_highlights += document_highlights.scanned_highlights
        self._issue_keys(select_unmatched(self.pairs, scanned_highlights))
        self._write_highlights(scanned_highlights, self.pairs)
        self._write_absent_highlights()
        transfer_keys_to_copies(self.store, self.report, self.absent_highlights)
        record_questions_about_removed(self.store, removed_highlights, scanned_highlights)
        return scanned_highlights

    def _report_moved_sources(self) -> None:
        """Report the missing sources whose decided passages are now all in other sources."""
        for source, sole_keys in self.sole_keys_by_source.items():
            left_keys = self._find_keys_only_in_source(source)
            if not left_keys < sole_keys:
                continue
            left_passages = map(self.store.get_passage, left_keys)
            if not any(passage.was_ever_decided for passage in left_passages):
                self.report.moved_sources += (source,)

    def _link_across_sources(
        self, scanned_highlights: Iterable[MatchedHighlight]
    ) -> None:
        """Link highlights from different sources that are the same passage."""
        keys = dict.fromkeys(self.report.new)
        keys.update(dict.fromkeys(mark.key for mark in scanned_highlights))
        # nothing can be linked if all highlights are from the same kind of source
        query = "SELECT min(route) != max(route) FROM highlight WHERE route != ''"
        if keys and self.store.fetch_value(query):
            united_keys = link_across_source_kinds(self.store, keys)
            self.report.new = [key for key in self.report.new if key not in united_keys]

    def _load_earlier_removed(self) -> list[MatchedHighlight]:
        """Load the highlights that were removed from their documents in earlier runs.

        A highlight that is missing in a second complete scan is added to `absent_highlights`
        instead, because it may now count as gone. All others can only be matched with new
        highlights, so they are only loaded if there are any.
        """
        has_new = False
        read_documents = set[int]()
        loaded_highlights = {mark.key: mark for mark in self.absent_highlights}
        for document_highlights in self.matched_documents:
            if select_unmatched(self.pairs, document_highlights.scanned_highlights):
                has_new = True
            for mark in document_highlights.scanned_highlights:
                read_documents.add(mark.document)
            for mark in document_highlights.stored_highlights:
                loaded_highlights[mark.key] = mark
        rows = self.store.fetch_rows(
            "SELECT h.*, d.container, d.place"
            " FROM highlight h JOIN document d ON d.id = h.document"
            " WHERE h.state != 'present' AND (h.state = 'missing' OR ?)",
            has_new,
        )

        # highlights of documents that weren't read in this run may be missing once more
        for row in rows:
            if row["state"] != SourceState.MISSING or row["key"] in loaded_highlights:
                continue
            if self._is_certainly_absent(row):
                mark = load_stored_highlight(self.store, row)
                loaded_highlights[row["key"]] = mark
                self.absent_highlights.append(mark)

        if not has_new:
            return []
        matched_or_absent = {*self.absent_highlights, *self.pairs}
        earlier_highlights = []
        for row in rows:
            if self._may_arrive_later(row, read_documents):
                continue
            earlier_mark = loaded_highlights.get(row["key"])
            if earlier_mark is None:
                earlier_mark = load_stored_highlight(self.store, row)
            if earlier_mark not in matched_or_absent:
                earlier_highlights.append(earlier_mark)
        return earlier_highlights

    def _may_arrive_later(self, row: Row, read_documents: Collection[int]) -> bool:
        """Return whether a journal-only highlight is in a listed document that wasn't read."""
        if row["state"] != SourceState.JOURNAL or row["document"] in read_documents:
            return False
        return self.listing.is_listed(row["container"], row["place"])

    def _is_certainly_absent(self, row: Row) -> bool:
        """Return whether this scan would have found a highlight that was missing before."""
        container, place = row["container"], row["place"]
        if self.listing.is_unread(place):
            return False
        # a file passed by itself isn't the whole container, but was read completely
        if self.listing.is_listed(container, place):
            return True
        is_suspicious = container in self.report.suspicious_containers
        return container in self.listing.complete and not is_suspicious

    def _find_old_rows(
        self,
        container: str,
        read_documents: Sequence[ReadDocument],
        all_rows: Sequence[Row],
        unlisted_ids: set[DocumentId],
    ) -> list[Row | None]:
        """Find the stored row of each document that was read in a container.

        A document with a new path may have been renamed. Its highlights are compared with those of
        the documents that are no longer listed and those whose source is no longer used.
        `all_rows` are the rows of all containers.

        Returns:
            The row of each document in the order of `read_documents`, or None if the document is
            new.
        """
        row_by_id = {}
        row_by_place = {}
        removed_ids = unlisted_ids | self.missing_documents
        for row in all_rows:
            row_by_id[row["id"]] = row
            if row["container"] == container:
                row_by_place[row["place"]] = row
            if row["state"] == SourceState.UNSELECTED:
                removed_ids.add(row["id"])

        # a document at a known path is the stored one
        old_rows: list[Row | None] = []
        new_indexes = []
        for index, document in enumerate(read_documents):
            old_row = row_by_place.get(get_document_path(document))
            old_rows.append(old_row)
            if old_row is None:
                new_indexes.append(index)
            else:
                removed_ids.discard(old_row["id"])
        if not new_indexes:
            return old_rows

        # a document at a new path may be one of the remaining removed documents
        removed_texts = {id: self._load_texts(id) for id in sorted(removed_ids)}
        new_texts = [_get_texts(read_documents[index]) for index in new_indexes]
        renamed_ids = find_renamed_documents(removed_texts, new_texts)
        for index, old_id in zip(new_indexes, renamed_ids, strict=True):
            if old_id is not None:
                old_rows[index] = row_by_id.get(old_id)
        return old_rows

    def _load_texts(self, id: DocumentId) -> frozenset[str]:
        """Load the folded texts of all highlights of a document."""
        query = "SELECT folded FROM highlight WHERE document = ?"
        return frozenset(self.store.fetch_column(query, id))

    def _find_unlisted_documents(
        self, container: str, stored_rows: Sequence[Row]
    ) -> set[DocumentId]:
        """Return the ids of the stored documents that the container no longer lists.

        If suspiciously many documents are missing, the listing may be incomplete. The result then
        doesn't include the documents that were listed in the last run, and the container is
        reported in `IngestReport.suspicious_containers`.
        """
        if container not in self.listing.complete:
            return set()
        listed_places = set(self.listing.places[container])
        stored_places = {row["place"] for row in stored_rows}
        new_places = listed_places - stored_places
        listed_places.update(filter(self.listing.is_unread, stored_places))
        unlisted_ids = set()
        present_ids = set()
        for row in stored_rows:
            if row["place"] not in listed_places:
                unlisted_ids.add(row["id"])
            if row["state"] == SourceState.PRESENT:
                present_ids.add(row["id"])

        lost_ids = present_ids & unlisted_ids
        if container in self.confirmed_containers:
            return unlisted_ids
        if self._has_selection_changed(container):
            return unlisted_ids
        is_empty = not listed_places and not self._is_directory_listed(container)
        if not _is_loss_suspicious(
            len(present_ids), len(lost_ids), len(new_places), is_empty=is_empty
        ):
            return unlisted_ids
        left_count = len(present_ids) - len(lost_ids)
        self.report.suspicious_containers[container] = (left_count, len(present_ids))
        self.doubted_documents[container] = sorted(lost_ids)
        return unlisted_ids - present_ids

    def _is_directory_listed(self, container: str) -> bool:
        """Return whether another container lists documents in the directory of this container."""
        directory = Path(self.listing.directories[container])
        for other, places in self.listing.places.items():
            if not places:
                continue
            if directory.is_relative_to(self.listing.directories.get(other, "")):
                return True
        return False

    # --- keys ---------------------------------------------------------------------------

    def _issue_keys(self, new_highlights: Sequence[MatchedHighlight]) -> None:
        """Give each new highlight a key, and record the key in the journal.

        The key is made from the id of the source or, without one, from the text and its context. If
        the key was issued before, such as for a copy, a hash of the path and a number is appended.
        """
        anchors = []
        wanted_keys = []
        for mark in new_highlights:
            anchor = build_anchor_key(mark.highlight, mark.highlight.occurrence)
            anchors.append(anchor)
            wanted_keys.append(build_source_id_key(mark.highlight) or anchor)
        issued_keys = self._find_issued_keys(wanted_keys)
        for mark, anchor, key in zip(new_highlights, anchors, wanted_keys, strict=True):
            number = 0
            free_key = key
            while free_key in issued_keys:
                number += 1
                suffix = hash16(mark.document_path, str(number))
                free_key = HighlightKey(f"{anchor}.{suffix}")
                issued_keys |= self._find_issued_keys([free_key])
            issued_keys.add(free_key)
            self.store.record_event("key", free_key, SOURCE, build_event_body(mark))
            self.report.new.append(free_key)
            mark.highlight = replace(mark.highlight, key=free_key)

    def _find_issued_keys(self, keys: Sequence[str]) -> set[str]:
        issued_keys = {
            row["key"] for row in highlights.load_highlight_rows(self.store, keys)
        }
        query = f"SELECT key FROM event WHERE what = 'key' AND key IN {JSON_VALUES}"
        issued_keys.update(self.store.fetch_column(query, to_json(keys)))
        return issued_keys

    # --- writing ------------------------------------------------------------------------

    def _write_highlights(
        self, scanned_highlights: Iterable[MatchedHighlight], pairs: Pairs
    ) -> None:
        """Write highlights that have keys. Their changes are recorded and reported."""
        rows = []
        for mark in scanned_highlights:
            stored_highlight = mark.stored_highlight = pairs.get(mark)
            exact_hash = hash_text(mark.highlight.exact)
            rows.append(build_highlight_row(mark, exact_hash, self.run_number))
            if stored_highlight is not None:
                self._report_changes(mark, stored_highlight, exact_hash)
                self._record_reading(mark, stored_highlight)
        write_highlights(self.store, rows)

    def _report_changes(
        self, mark: MatchedHighlight, stored_highlight: MatchedHighlight, exact_hash: str
    ) -> None:
        """Report how a highlight differs from the stored one, and schedule its copies."""
        report = self.report
        key = stored_highlight.key
        if stored_highlight.state in (SourceState.MISSING, SourceState.GONE):
            report.restored_keys.append(key)
        if _has_moved(mark, stored_highlight):
            report.moved.append((key, mark.document_path))
        old_text = ""
        if stored_highlight.texts:
            old_text = stored_highlight.texts[0].exact
        has_new_text = stored_highlight.exact_hash not in ("", exact_hash)
        if has_new_text or _has_new_comment(mark, stored_highlight):
            report.changed.append((key, old_text, mark.highlight.exact))
        content = hash_highlight_content(mark.highlight)
        is_back = stored_highlight.state in (SourceState.GONE, SourceState.UNSELECTED)
        if is_back or stored_highlight.content_hash not in ("", content):
            schedule_redrafting_of_copies(self.store, key)

    def _record_reading(
        self, mark: MatchedHighlight, stored_highlight: MatchedHighlight
    ) -> None:
        """Record the text and place of a highlight, if no event has them yet."""
        body = build_event_body(mark)
        if not stored_highlight.texts:
            self.store.record_event("key", stored_highlight.key, SOURCE, body)
            return
        is_chosen = bool(hints.find_choice_event_id(mark.highlight.hints))
        old_reading = stored_highlight.texts[0]
        if _differs(convert(body, PassageReading), old_reading, is_chosen=is_chosen):
            self.store.record_event("text", stored_highlight.key, SOURCE, body)

    def _write_absent_highlights(self) -> None:
        """Mark absent highlights as missing, or as gone if they have been missing long enough.

        If the selection of highlights in the settings has changed, they are marked as unselected
        instead.
        """
        for mark in self.absent_highlights:
            if mark.state in (SourceState.GONE, SourceState.UNSELECTED):
                continue
            query = "SELECT container FROM document WHERE id = ?"
            if self._has_selection_changed(self.store.fetch_value(query, mark.document)):
                highlights.mark_unselected(self.store, mark.key)
                _schedule_copies_of_unselected(self.store, [mark.key])
                continue
            state = SourceState.MISSING
            missing_since = self.started_at
            if mark.state is SourceState.MISSING:  # one scan isn't enough
                missing_since = mark.missing_since
                if self.started_at - missing_since >= MIN_GONE_SECONDS:
                    state = SourceState.GONE
            query = "UPDATE highlight SET state = ?, missed = ? WHERE key = ?"
            self.store.execute(query, state, missing_since, mark.key)
            if state is SourceState.GONE:
                self._report_gone(mark)
                schedule_redrafting_of_copies(self.store, mark.key)
            elif not mark.is_journal_only:
                self.report.missing_keys.append(mark.key)

    def _report_gone(self, mark: MatchedHighlight) -> None:
        if mark.is_journal_only:  # it may have been removed long ago
            self.report.removed_unread_keys.append(mark.key)
        else:
            self.report.removed_keys.append(mark.key)

    def _has_selection_changed(self, container: str) -> bool:
        old_selection = self.store.get_meta(f"selection {container}")
        new_selection = self.selections.get(container, old_selection)
        return bool(old_selection) and old_selection != new_selection


def _is_loss_suspicious(
    present_count: int, lost_count: int, new_count: int, *, is_empty: bool
) -> bool:
    """Return whether a source may have failed to list its documents.

    Args:
        present_count: The number of documents that the container had.
        lost_count: How many of them aren't listed any more.
        new_count: The number of new documents. Each may be a lost one that was renamed.
        is_empty: Whether nothing at all is listed.
    """
    if lost_count > 0 and is_empty:
        return True
    if present_count < MIN_DOUBTED_DOCUMENTS:
        return False
    return 2 * (lost_count - new_count) > present_count


def _differs(
    reading: PassageReading, old_reading: PassageReading, *, is_chosen: bool
) -> bool:
    """Return whether a passage was read with another text, or in another place, than before.

    A passage that was chosen in ankiforge is looked for in the container in which it was last
    read, so the container counts as well.
    """
    if reading.document_path != old_reading.document_path:
        return True
    if reading.source_id != old_reading.source_id:
        return True
    if is_chosen and reading.container != old_reading.container:
        return True
    return normalize_text(reading.exact) != normalize_text(old_reading.exact)


def unselect_documents(store: Store, ids: Iterable[DocumentId]) -> int:
    """Mark documents as no longer selected. Returns the number of their highlights.

    The highlights don't count as deleted. They keep their cards, and they get the same keys if
    the documents are read again.
    """
    count = 0
    with store.transaction():
        for id in ids:
            store.execute("UPDATE document SET state = 'unselected' WHERE id = ?", id)
            keys = store.fetch_column(
                "UPDATE highlight SET state = 'unselected'"
                " WHERE document = ? AND state = 'present' RETURNING key",
                id,
            )
            _schedule_copies_of_unselected(store, keys)
            count += len(keys)
    return count


def _schedule_copies_of_unselected(store: Store, keys: Sequence[str]) -> None:
    """Schedule the copies of unselected highlights for drafting.

    Decided highlights are skipped. They keep their cards, so drafting a copy would ask the user
    about the same card again.
    """
    store.preload_passages(keys)
    for key in keys:
        if not store.get_passage(key).was_ever_decided:
            schedule_redrafting_of_copies(store, key)


def _get_texts(document: ReadDocument) -> frozenset[str]:
    """Return the folded texts of a document's highlights."""
    return frozenset(text for text, _, _ in map(get_anchor, document.highlights))


def _has_moved(mark: MatchedHighlight, stored: MatchedHighlight) -> bool:
    """Return whether a highlight read on this device is in another document, or at another path."""
    if stored.state is SourceState.JOURNAL:
        return False
    if mark.document != stored.document:
        return True
    return bool(stored.texts) and stored.texts[0].document_path != mark.document_path


def _has_new_comment(mark: MatchedHighlight, stored: MatchedHighlight) -> bool:
    """Return whether the user's comment on a highlight read on this device has changed."""
    if stored.is_journal_only:
        return False
    return stored.highlight.comment != mark.highlight.comment
