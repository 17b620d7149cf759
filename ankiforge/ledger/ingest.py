"""Ingest what sources list: recognise highlights, issue keys, find what is gone.

    sightings ─▶ documents of a known place ─▶ written at once, if nothing came or went
                 all others ─▶ kept until all sources have listed all ─▶ matched, written

A passage may have moved from one document to another, or from one source to another. So
what came or went is matched last, in one transaction; see `moves`, and `match` for the
order of all steps.

What must stay true:

- Nothing is absent because a source failed, was not complete, or lists suspiciously
  little.
- A key is issued once. What is found again keeps its key, and its event only says the new
  words.
- Of a note that a person is writing (`in_progress`), no event is written.
- A run that was killed ends, when it is repeated, like one that was not: what a transaction
  needs, it reads itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from msgspec.structs import replace

from ankiforge.ledger.events import SOURCE, Text, exact, hash_of_words
from ankiforge.ledger.ingest_rows import (
    event_body,
    found_in,
    highlight_row,
    known_in,
    known_mark,
    write_document,
    write_highlights,
)
from ankiforge.ledger.match import (
    ComparedDocument,
    Mark,
    match_documents,
    match_in_document,
    remember,
)
from ankiforge.ledger.moves import MatchedDocument, Moves, is_only_alike
from ankiforge.ledger.readings import (
    ListedDocuments,
    ReadDocument,
    Report,
    batches,
    compared,
    content_of_highlight,
    place_of,
    with_words_of,
)
from ankiforge.ledger.routes import unite_routes
from ankiforge.ledger.store import Row, Store
from ankiforge.ledger.tables import documents, highlights, journaled, waiting
from ankiforge.ledger.tables.highlights import draft_copies_again
from ankiforge.model import DocumentId, HighlightKey, Json, Pair, Sighting, Texts, h16
from ankiforge.text.keys import anchor_key, own_key

MANY_DOCUMENTS = 10
"""Documents of a container from which a loss of more than half is doubted."""
GONE_SECONDS = 5.0
"""How far apart two scans must be for a passage to be gone.

An editor replaces a file in two steps.
"""


def ingest(
    store: Store,
    sightings: Iterable[Sighting],
    *,
    selections: Mapping[str, str] = {},
    in_use: frozenset[str] | None = None,
    missing: Collection[str] = (),
    in_progress: Callable[[str, str], bool] = lambda container, place: False,
) -> Report:
    """Ingest all that the sources of a run list.

    Nothing is matched before all have listed. A container that lists nothing, or lost more
    than half of its documents, is asked about; the answer counts in the next run.

    Args:
        store: the store, which has read the journal.
        sightings: what the sources yield.
        selections: by container, the settings that select highlights in it.
        in_use: the names of all sources that the workspace reads; None = unknown.
        missing: the names of sources whose places are missing: they may have moved.
        in_progress: whether a person is still writing a document (container, place): nothing
            of it goes into the journal yet.
    """
    run = Ingest(
        store,
        selections=selections,
        in_use=in_use,
        missing=missing,
        in_progress=in_progress,
    )
    report = run.run(sightings)
    with store.transaction():
        for container in run.listing.complete:
            store.forget(f"emptied {container}")
            if container in report.doubtful:
                left, known = report.doubtful[container]
                folder = run.listing.folders[container]
                store.set_meta(f"emptied {container}", f"asked {left} {known} {folder}")
    return report


class Ingest:
    """One run; use the function `ingest`."""

    def __init__(
        self,
        store: Store,
        *,
        selections: Texts,
        in_use: frozenset[str] | None,
        missing: Collection[str],
        in_progress: Callable[[str, str], bool],
    ) -> None:
        self.store = store
        self.selections = selections
        self.in_use = in_use
        self.missing = {source: self._only_in(source) for source in missing}
        """By source whose place is missing: the passages that are nowhere else."""
        self.in_progress = in_progress
        self.run_number = int(store.meta("run") or 0) + 1
        self.started = time.time()
        self.report = Report()
        self.listing = ListedDocuments()
        answers = store.metas("emptied ")
        self.confirmed = {each for each, value in answers.items() if value == "yes"}
        """Containers of which a person said that they really lost that much."""

        # while documents are read
        self.unmatched: list[ReadDocument] = []
        """Documents in which something came or went: they are matched when all are read."""
        self.first_read: list[Mark] = []
        """The marks of this batch in containers that were empty before the run: all new."""
        self.first_read_documents: set[Pair] = set()
        """The documents of such containers, as (container, place)."""
        self.was_empty: dict[str, bool] = {}
        """By container, whether it was empty before the run."""
        self.may_have_moved = highlights.any_absent(store) or bool(
            self._unused_documents()
        )
        """Whether a new highlight may be one that is known and not in its document."""
        self.is_rebuilt = not documents.were_read(store)
        """Whether only the journal knows of documents, as after a lost database."""

        # when all are read
        self.documents: list[MatchedDocument] = []
        """The documents read, with the highlights that they had and have."""
        self.absent: list[Mark] = []
        """Known highlights that were not found where they were."""

    def run(self, sightings: Iterable[Sighting]) -> Report:
        """Ingest everything."""
        unselected_before = highlights.number_unselected(self.store)
        for batch in batches(self.listing.read_documents(sightings)):
            with self.store.transaction():
                self.store.set_meta("run", str(self.run_number))
                for document in batch:
                    self._write_or_put_off(document)
                self._issue_keys(self.first_read)
                self._write(self.first_read)
                self.first_read.clear()
            self.store.forget_passages()
        with self.store.transaction():
            # documents go whose sources no setting names any more
            unused = []
            for row in self._unused_documents():
                if row["container"] not in self.listing.places:
                    unused.append(row["id"])
            for source in self.missing:
                if self._is_copied(source):
                    of_source = documents.present_of(self.store, source)
                    unused += [row["id"] for row in of_source]
            unselect(self.store, unused)
            for container in sorted(self.listing.places):
                self._match_container(container)
            moves = Moves(
                self.store, self.listing, self.report, self.documents, self.absent
            )
            self.absent = moves.match()
            found = self._found()
            self._issue_keys([highlight for highlight in found if not highlight.known])

            # ask about passages that may be others
            for mark in found:
                if mark.asks and not self.in_progress(mark.container, mark.place):
                    body: Json = {"old": mark.asks}
                    if mark.beside:
                        body["beside"] = True
                    self.store.add("ask", mark.key, SOURCE, body)

            self._write(found)
            self._write_absent()

            # a source has moved if all that was decided in it is elsewhere
            for source, before in self.missing.items():
                left = self._only_in(source)
                if left < before and not any(map(self._is_decided, left)):
                    self.report.moved_sources += (source,)

            # unite the places of one passage in several sources
            keys = dict.fromkeys((*self.report.new, *[each.key for each in found]))
            if keys and highlights.have_several_routes(self.store):
                united = unite_routes(self.store, keys)
                self.report.new = [key for key in self.report.new if key not in united]
            # if one comes back, it is drafted again
            had_drafts = waiting.drop_of(self.store, self.report.gone)
            highlights.draft_again(self.store, had_drafts)
            for container in self.listing.complete & self.selections.keys():
                self.store.set_meta(f"selection {container}", self.selections[container])

            # report the documents that were listed, and the passages in them: one with several
            # places counts once
            containers = self.listing.places
            self.report.seen = highlights.number_of_passages(self.store, containers)
            listed = set()
            for row in documents.places(self.store):
                if self.listing.has(row["container"], row["place"]):
                    listed.add(row["id"])
            self.report.documents = frozenset(listed)
        unselected = highlights.number_unselected(self.store)
        self.report.unselected = max(unselected - unselected_before, 0)
        return self.report

    def _found(self) -> list[Mark]:
        """Return the highlights of all documents that were matched so far."""
        return [found for document in self.documents for found in document.found]

    # --- one document -------------------------------------------------------------------

    def _write_or_put_off(self, document: ReadDocument) -> None:
        """Write a document at once if nothing in it came or went; else it is matched later."""
        # a first run writes document by document, and a kill loses only the last ones; asked
        # before the first document of a container is written, which the query would find
        container = document.container
        if container not in self.was_empty:
            is_known = documents.were_read(self.store, container)
            self.was_empty[container] = not is_known and not self.may_have_moved
        container_and_place = (container, place_of(document))
        if (
            self.was_empty[container]
            and container_and_place not in self.first_read_documents
        ):
            self.first_read_documents.add(container_and_place)
            self.first_read += found_in(document, self._write_document(document, None))
            return

        # what another machine found is matched last: it may be what went here
        row = documents.at(self.store, *container_and_place)
        if row and row["state"] == "journal" and not self.is_rebuilt:
            row = None
        if row is None or not self._write_if_all_match(document, row):
            self.unmatched.append(document)

    def _write_if_all_match(self, document: ReadDocument, row: Row) -> bool:
        """Write a document if all its highlights are matched. Return whether they are."""
        known = known_in(self.store, row["id"])
        found = found_in(document, row["id"])
        pairs = match_in_document(known, found)
        remember(pairs)
        matched = set(pairs.values())
        if len(matched) < len(found):
            return False
        # what only the journal knows in a document that was read here may not have arrived
        state = "journal" if row["state"] == "journal" else "present"
        if any(mark.state == state and mark not in matched for mark in known):
            return False
        # a passage of another document may have, or have had, exactly these words
        for mark in found:
            place = mark.newest.text, mark.document
            if is_only_alike(mark) and highlights.stands_elsewhere(self.store, *place):
                return False
        self._write_document(document, row)
        self._write(found)
        return True

    def _write_document(self, document: ReadDocument, old_row: Row | None) -> int:
        """Write the row of a document, which is read again if a person is writing it."""
        fingerprint = document.fingerprint
        if self.in_progress(document.container, place_of(document)):
            fingerprint = ""
        return write_document(self.store, document, old_row, fingerprint)

    # --- what came or went in a container -----------------------------------------------

    def _unused_documents(self) -> list[Row]:
        if self.in_use is None:
            return []
        return documents.unused(self.store, self.in_use)

    def _only_in(self, source: str) -> set[str]:
        """Return the keys of the passages in a source that stand in no other one."""
        keys = highlights.keys_in_source(self.store, source)
        others = set(self.store.keys_of(keys)) - keys
        elsewhere = {row["key"] for row in highlights.present(self.store, others)}
        return {key for key in keys if elsewhere.isdisjoint(self.store.keys(key))}

    def _is_decided(self, key: str) -> bool:
        return self.store.passage(key).decided

    def _is_copied(self, source: str) -> bool:
        """Return whether all decided passages of a source are in their places in one read now."""
        rows = highlights.copied(self.store, source, self.listing.places)
        decided = [row for row in rows if self._is_decided(row["key"])]
        return bool(decided) and all(row["is_copied"] for row in decided)

    def _match_container(self, container: str) -> None:
        """Match the documents of a container, and the highlights of the documents read."""
        read = [each for each in self.unmatched if each.container == container]
        all_known = documents.places(self.store)
        known = [row for row in all_known if row["container"] == container]
        unlisted = self._unlisted(container, known)
        known_places = {row["place"] for row in known}
        new_places = {place_of(document) for document in read} - known_places
        if new_places:
            # documents of sources that are not used any more may have come here
            for row in all_known:
                if row["state"] != "unselected":
                    continue
                unlisted.add(row["id"])
                if row["container"] != container:
                    known.append(row)
        with_words = bool(new_places)
        old_rows = self._old_rows(read, known, unlisted, with_words=with_words)

        # those listed no longer, and at no new place, went
        renamed = {row["id"] for row in old_rows if row}
        gone = unlisted - renamed
        self._let_go(container, [row for row in known if row["id"] in gone])
        for document, old_row in zip(read, old_rows, strict=True):
            self._match_document(document, old_row)
        if container in self.listing.complete - self.report.doubtful.keys():
            self._miss_again(container)

    def _let_go(self, container: str, document_rows: Iterable[Row]) -> None:
        """Let documents go that were here, and their highlights.

        One that only the journal has may not have arrived, if none or too few did.
        """
        states = ["present"]
        if self.listing.places[container] and container not in self.report.doubtful:
            states.append("journal")
        for row in document_rows:
            if row["state"] in states:
                self.absent += known_in(self.store, row["id"])
                documents.let_go(self.store, row["id"])

    def _match_document(self, document: ReadDocument, old_row: Row | None) -> None:
        """Match the highlights of a document that was read with those that it had."""
        document_id = self._write_document(document, old_row)
        had = known_in(self.store, document_id) if old_row else []
        found = found_in(document, document_id)
        stayed = old_row is not None and old_row["state"] == "present"
        pairs = match_in_document(had, found, stayed=stayed)
        remember(pairs)
        if document.is_whole:
            matched = set(pairs.values())
            self.absent += [mark for mark in had if mark not in matched]
        self.documents.append(MatchedDocument(had, found))

    def _miss_again(self, container: str) -> None:
        """Miss again the highlights that were missing already in documents that did not change.

        This second scan in which they are missing may make these highlights gone.
        """
        accounted_for = {known.key for known in self.absent}
        accounted_for |= {found.known.key for found in self._found() if found.known}
        for row in highlights.missing_in(self.store, container):
            if row["key"] in accounted_for or self.listing.is_unread(row["place"]):
                continue
            self.absent.append(known_mark(self.store, row))

    def _old_rows(
        self,
        read: Sequence[ReadDocument],
        known: Sequence[Row],
        unlisted: set[DocumentId],
        *,
        with_words: bool,
    ) -> list[Row | None]:
        """Return for each document of one container the row that it had; None if it is new.

        Args:
            read: the documents that were read.
            known: the rows that they may have had.
            unlisted: the ids of those rows whose documents are listed no longer.
            with_words: whether words and marks are compared, too, and not only places.
        """
        if not read:
            return []
        container = read[0].container
        row_of: dict[ComparedDocument, Row] = {}
        unlisted_documents = []
        for row in known:
            # one of another container never has the place of one of this container
            place = row["place"] if row["container"] == container else f"\0{row['id']}"
            document = ComparedDocument(place)
            if row["id"] in unlisted:
                if with_words:
                    document = with_words_of(self.store, row["id"], place)
                unlisted_documents.append(document)
            row_of[document] = row
        read_ones = [compared(document) for document in read]
        pairs = match_documents(list(row_of), read_ones, unlisted_documents)
        return [row_of[pairs[each]] if each in pairs else None for each in read_ones]

    def _unlisted(self, container: str, known: Sequence[Row]) -> set[DocumentId]:
        """Return the ids of documents no longer listed, unless the loss is doubtful."""
        if container not in self.listing.complete:
            return set()
        listed = set(self.listing.places[container])
        new = listed.difference(row["place"] for row in known)
        unlisted = set()
        present = set()
        for row in known:
            place = row["place"]
            if row["state"] == "present":
                present.add(row["id"])
            if self.listing.is_unread(place):
                listed.add(place)
            elif place not in listed:
                unlisted.add(row["id"])

        # a source may have failed; a document that was renamed is not lost: as many as are new
        # may be
        lost = len(present & unlisted)
        is_doubtful = bool(lost) and not listed
        if len(present) >= MANY_DOCUMENTS:
            lost_at_least = lost - len(new)
            is_doubtful |= 2 * lost_at_least > len(present)
        if not is_doubtful or container in self.confirmed:
            return unlisted
        if self._selects_otherwise(container):
            return unlisted
        left = len(present) - lost
        self.report.doubtful[container] = (left, len(present))
        return unlisted - present

    # --- keys ---------------------------------------------------------------------------

    def _issue_keys(self, found: Sequence[Mark]) -> None:
        """Issue keys for highlights that match none, and record them."""
        anchors = []
        wanted = []
        for highlight in found:
            anchor = anchor_key(highlight.highlight, highlight.highlight.nth)
            anchors.append(anchor)
            wanted.append(own_key(highlight.highlight) or anchor)
        issued = self._issued(wanted)
        for highlight, anchor, key in zip(found, anchors, wanted, strict=True):
            number = 0
            free_key = key
            while free_key in issued:
                number += 1
                distinct = h16(highlight.place, str(number))
                free_key = HighlightKey(f"{anchor}.{distinct}")
                issued |= self._issued([free_key])
            issued.add(free_key)
            if not self.in_progress(highlight.container, highlight.place):
                self.store.add("key", free_key, SOURCE, event_body(highlight))
            self.report.new.append(free_key)
            highlight.highlight = replace(highlight.highlight, key=free_key)

    def _issued(self, keys: Sequence[str]) -> set[str]:
        """Return the keys, of these, that were issued before."""
        issued = {row["key"] for row in highlights.of(self.store, keys)}
        issued.update(event.key for event in journaled.of_kinds(self.store, keys, "key"))
        return issued

    # --- writing ------------------------------------------------------------------------

    def _write(self, found: Iterable[Mark]) -> None:
        """Write highlights that have their keys.

        Report and record their changes.
        """
        rows = []
        report = self.report
        for mark in found:
            words = mark.highlight.exact
            exact_hash = hash_of_words(words)
            rows.append(highlight_row(mark, exact_hash, self.run_number))
            known = mark.known
            in_progress = self.in_progress(mark.container, mark.place)
            if known is None:
                continue
            newest = known.texts[0] if known.texts else None

            # report its changes
            if known.state in ("missing", "gone"):
                report.back.append(known.key)
            if known.state != "journal" and mark.document != known.document:
                report.moved.append((known.key, mark.place))
            if known.exact and known.exact != exact_hash:
                words_before = newest.exact if newest else ""
                report.changed.append((known.key, words_before, words))
            content = content_of_highlight(mark.highlight)
            back = known.state in ("gone", "unselected")
            if back or known.content not in ("", content):
                draft_copies_again(self.store, known.key)

            # record its text or place if no event has it yet, when the person has left the
            # note alone
            if in_progress:
                continue
            body = event_body(mark)
            if newest is None:
                self.store.add("key", known.key, SOURCE, body)
                continue
            text = Text(**body)
            moved = (newest.place, newest.own) != (text.place, text.own)
            if moved or exact(newest.exact) != exact(text.exact):
                self.store.add("text", known.key, SOURCE, body)
        write_highlights(self.store, rows)

    def _write_absent(self) -> None:
        """Mark the absent highlights as missing, and as gone those that were missing before."""
        for known in self.absent:
            if known.state in ("gone", "unselected"):
                continue
            document = documents.with_id(self.store, known.document)
            if self._selects_otherwise(document["container"]):
                highlights.unselect(self.store, known.key)
                _draft_copies_of_unselected(self.store, [known.key])
                continue
            since = known.missed if known.state == "missing" else self.started
            is_gone = known.state == "missing" and self.started - since >= GONE_SECONDS
            state = "gone" if is_gone else "missing"
            highlights.put_state(self.store, known.key, state, since)
            if is_gone:
                self.report.gone.append(known.key)
                draft_copies_again(self.store, known.key)

    def _selects_otherwise(self, container: str) -> bool:
        """Return whether other highlights are selected than at the last scan."""
        before = self.store.meta(f"selection {container}")
        return bool(before) and before != self.selections.get(container, before)


def unselect(store: Store, ids: Iterable[DocumentId]) -> int:
    """Let documents go that nothing selects any more; return how many highlights these had.

    They are not gone: their cards stay, and if they are read again, they keep their keys.
    """
    count = 0
    with store.transaction():
        for id in ids:
            documents.unselect(store, id)
            keys = highlights.unselect_in(store, id)
            _draft_copies_of_unselected(store, keys)
            count += len(keys)
    return count


def _draft_copies_of_unselected(store: Store, keys: Sequence[str]) -> None:
    """Draft the copies of highlights not selected any more, unless these were decided on.

    Its cards stay, so a copy would ask the same again.
    """
    store.load(keys)
    for key in keys:
        if not store.passage(key).decided:
            draft_copies_again(store, key)
