"""Ingest what sources list: recognise documents and highlights, issue keys, find what is gone.

    sightings ─▶ documents of a known place ─▶ written at once, if nothing in them came or went
                 all others ─▶ kept until every source has listed everything ─▶ matched, written

A passage may have moved from one document to another, or from one source to another. So what came or
went is matched last, in one transaction.

What must stay true:

- Nothing is absent because a source failed, was not complete, or lists suspiciously little.
- A key is issued once. What is found again keeps its key, and its event only says the new words.
- Of a note that a person is writing (`in_progress`), no event is written.
- A run that was killed and one that was not come to the same: what a transaction needs, it reads in it.

Tested by `tests/unit/ledger` (`passages.yaml`; two machines in `test_journal.py`), the golden histories,
and `tests/e2e/test_killed.py`, which kills a run before each commit.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec
from msgspec.structs import replace

from ankiforge.ledger import private
from ankiforge.ledger.drafts import SAME_WORDS
from ankiforge.ledger.events import SOURCE, Text, exact
from ankiforge.ledger.match import (
    LONG,
    Doc,
    Mark,
    Reading,
    has_joined,
    likeness_around,
    match_documents,
    match_in_document,
    match_labels,
    match_moved,
    match_spots,
    resembling,
)
from ankiforge.ledger.readings import (
    Read,
    Report,
    batches,
    colours_of,
    content_of,
    decode_highlight,
    doc_found,
    mark_of,
    names_and_labels,
    numbered_marks,
    place_of,
    reading_of,
    unite_routes,
)
from ankiforge.ledger.store import ABSENT, EACH, Row, Store, encode, listed, tag_name
from ankiforge.model import (
    Extracted,
    Highlight,
    HighlightKey,
    Pair,
    Problem,
    Scan,
    Sighting,
    Texts,
    Unchanged,
    h16,
)
from ankiforge.text.passages import anchor_key, own_key

HEARD = 3
"""The number of a passage's last readings, on any machine, by which it is recognised."""
MANY = 10
"""Documents of a container from which a loss of more than half is doubted."""
GONE_SECONDS = 5.0
"""Two scans must be so far apart for a passage to be gone: an editor replaces a file in two steps."""


class _Known(msgspec.Struct):
    """A highlight of the database, or one that only the journal has."""

    key: str
    document: int
    state: str
    missed: float
    exact: str
    texts: list[Text]
    """Its readings in the journal, the newest first."""
    decided: bool
    mark: Mark


class _Found(msgspec.Struct):
    """A highlight that was read in this run, and what it was matched with."""

    highlight: Highlight
    container: str
    place: str
    position: int
    mark: Mark
    document: int = 0
    known: _Known | None = None
    like: str = ""
    """The key of another passage that it may be."""

    @property
    def key(self) -> str:
        """Its key, once it has one."""
        return self.known.key if self.known else self.highlight.key


class Ingest:
    """One run; use the function `ingest`."""

    def __init__(
        self,
        store: Store,
        run: int,
        confirmed: frozenset[str],
        selections: Texts,
        in_use: frozenset[str] | None,
        in_progress: Callable[[str, str], bool],
    ) -> None:
        self.store, self.run_number = store, run
        self.in_progress = in_progress
        self.report = Report()
        self.confirmed, self.selections, self.in_use = confirmed, selections, in_use
        self.now = time.time()
        self.listed: dict[str, set[str]] = defaultdict(set)
        self.complete: set[str] = set()
        self.unread: set[str] = set()
        """Places of documents that could not be read: they are not absent."""
        self.held: list[Read] = []
        """Documents in which something came or went."""
        self.fresh: list[_Found] = []
        """What is new in this batch, in containers that were empty before the run."""
        self.written: set[Pair] = set()
        """The documents of such containers."""
        self.found: list[_Found] = []
        self.absent: list[_Known] = []
        """Known highlights that were not found where they were."""
        self.open: list[tuple[list[_Known], list[_Found]]] = []
        """What held documents had, and have."""
        absent = store.row(f"SELECT 1 FROM highlight WHERE {ABSENT}")
        self.elsewhere = bool(absent or self._unused())
        """Whether a new highlight may be one that is known and not in its document."""
        self.was_empty: dict[str, bool] = {}

    def run(self, sightings: Iterable[Sighting]) -> Report:
        """Ingest everything."""
        unselected = self._unselected()
        for batch in batches(self._read_now(sightings)):
            with self.store.transaction():
                self.store.set_meta("run", str(self.run_number))
                for one in batch:
                    self._take(one)
                self._issue(self.fresh)
                self._write(self.fresh)
                self.fresh.clear()
            self.store.forget_passages()
        with self.store.transaction():
            self._mark_unused()
            for container in sorted(self.listed):
                self._match_container(container)
            self._match_across()
            self._issue([one for one in self.found if not one.known])
            self._write(self.found)
            self._write_absent()
            self._unite_routes()
            for container in self.complete & self.selections.keys():
                self.store.set_meta(f"selection {container}", self.selections[container])
            self._count()
            self.report.documents = frozenset(
                row["id"]
                for row in self.store.rows("SELECT id, container, place FROM document")
                if row["place"] in self.listed.get(row["container"], ())
            )
        self.report.unselected = max(self._unselected() - unselected, 0)
        return self.report

    def _unselected(self) -> int:
        """Return the number of highlights that settings do not select."""
        query = f"SELECT count(*) FROM highlight WHERE {ABSENT} AND state = 'unselected'"
        return int(self.store.value(query))

    # --- one document ---------------------------------------------------------------------------

    def _read_now(self, sightings: Iterable[Sighting]) -> Iterator[Read]:
        """Note what is listed; yield the documents that were read."""
        for one in sightings:
            if isinstance(one, Unchanged):
                self.listed[one.container].add(one.path)
            elif isinstance(one, Problem):
                self.unread.add(one.where)
            elif isinstance(one, Scan):
                self.complete |= {one.container} if one.complete else set()
                self.listed[one.container]
            else:
                self.listed[one.container].add(place_of(one))
                yield one

    def _take(self, one: Read) -> None:
        """Write a document at once if nothing in it came or went; else hold it."""
        place = (one.container, place_of(one))
        if self._was_empty_before_run(one.container) and place not in self.written:
            self.written.add(place)
            self.fresh += self._read(one, self._write_document_row(one, None))
            return
        row = self.store.row(
            "SELECT * FROM document WHERE container = ? AND place = ? AND state != 'journal'",
            *place,
        )
        if row is None or not self._settled(one, row):
            self.held.append(one)

    def _was_empty_before_run(self, container: str) -> bool:
        """Return whether no highlight of this container can be one that is known.

        Then a first run writes document by document, and a kill loses only the last ones.
        """
        # asked before its first document is written, which the query would find later
        if container not in self.was_empty:
            known = self.store.row("SELECT 1 FROM document WHERE container = ?", container)
            self.was_empty[container] = not known and not self.elsewhere
        return self.was_empty[container]

    def _settled(self, one: Read, row: Row) -> bool:
        """Write a document whose highlights are all matched. Return whether that is so."""
        known = self._highlights_of(row["id"])
        found = self._read(one, row["id"])
        pairs = match_in_document([each.mark for each in known], [each.mark for each in found])
        here = [at for at, each in enumerate(known) if each.state == "present"]
        if len(pairs) < len(found) or not set(here) <= set(pairs.values()):
            return False
        self._write_document_row(one, row)
        for index, at in pairs.items():
            found[index].known = known[at]
        self._write(found)
        return True

    def _read(self, one: Read, document: int) -> list[_Found]:
        highlights = one.highlights if isinstance(one, Extracted) else ()
        place = place_of(one)
        return [
            _Found(each, one.container, place, at, mark_of(each, document), document)
            for at, each in enumerate(numbered_marks(highlights))
        ]

    def _write_document(self, one: Read, old: Row | None) -> None:
        """Write a document, and match its highlights with those it had."""
        document = self._write_document_row(one, old)
        known = self._highlights_of(document) if old else []
        found = self._read(one, document)
        pairs = match_in_document([each.mark for each in known], [each.mark for each in found])
        for index, at in pairs.items():
            found[index].known = known[at]
        matched = set(pairs.values())
        self.found += found
        self.absent += [each for at, each in enumerate(known) if at not in matched]
        self.open.append((known, found))

    def _write_document_row(self, one: Read, old: Row | None) -> int:
        """Write the row of a document. Return its id."""
        from ankiforge.text.identifiers import names_of

        place, source, title = place_of(one), "", place_of(one)
        fingerprint = "" if self.in_progress(one.container, place) else one.fingerprint
        names: tuple[Pair, ...] = ()
        if isinstance(one, Extracted):
            document = one.document
            source, title = document.source, document.title
            names = names_of(document.identifiers, document.uri)
        values = (
            place, "present", fingerprint, encode(one.depends),
            getattr(one, "sketch", ""), source, title,
        )  # fmt: skip
        if old:
            number: int = old["id"]
            self.store.write(
                "UPDATE document SET place = ?, state = ?, fingerprint = ?, depends = ?,"
                " sketch = ?, source = ?, title = ?, container = ? WHERE id = ?",
                *values, one.container, number,
            )  # fmt: skip
        else:
            number = self.store.value(
                "INSERT INTO document (place, state, fingerprint, depends, sketch, source, title,"
                " container) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (container, place)"
                " DO UPDATE SET state = 'present', fingerprint ="
                " excluded.fingerprint, depends = excluded.depends, sketch = excluded.sketch,"
                " source = excluded.source, title = excluded.title RETURNING id",
                *values, one.container,
            )  # fmt: skip
        if old:
            self.store.write("DELETE FROM identifier WHERE document = ?", number)
        rows = ((f"{scheme}:{value}", number) for scheme, value in names)
        self.store.write_all("INSERT OR IGNORE INTO identifier VALUES (?, ?)", rows)
        moved = old is not None and (old["container"], old["place"]) != (one.container, place)
        private.write(self.store, number, one, moved=moved)
        return number

    # --- what came or went ----------------------------------------------------------------------

    def _mark_unused(self) -> None:
        """Documents of sources that no setting names any more are matched as if they had gone."""
        for row in self._unused():
            if row["container"] not in self.listed:
                self.store.write("UPDATE document SET state = 'unselected' WHERE id = ?", row["id"])
                query = "UPDATE highlight SET state = 'unselected' WHERE document = ? AND state = 'present'"
                self.store.write(query, row["id"])

    def _unused(self) -> list[Row]:
        if self.in_use is None:
            return []
        query = "SELECT * FROM document WHERE state = 'present' AND source != ''"
        return [row for row in self.store.rows(query) if row["source"] not in self.in_use]

    def _match_container(self, container: str) -> None:
        """Match the documents of a container, and the highlights of those that were read."""
        store = self.store
        columns = "SELECT id, container, place, state FROM document"
        known = store.rows(f"{columns} WHERE container = ? ORDER BY id", container)
        read = [one for one in self.held if one.container == container]
        went = self._went(container, known)
        places = {row["place"] for row in known}
        unknown = any(place_of(one) not in places for one in read)
        needed = {row["id"] for row in known if row["id"] in went} if unknown else set()
        if unknown:  # documents of sources that are not used any more may have come here
            unused = store.rows(f"{columns} WHERE state = 'unselected'")
            known += [row for row in unused if row["container"] != container]
            went |= {row["id"] for row in unused}
            needed |= went
        pairs = {}
        if read:
            olds = [self._doc_known(row, container, row["id"] in needed) for row in known]
            indices = [index for index, row in enumerate(known) if row["id"] in went]
            pairs = match_documents(olds, [doc_found(one) for one in read], indices)

        paired = {known[at]["id"] for at in pairs.values()}
        for row in known:
            from_journal = row["state"] == "journal" and self.listed[container]
            from_journal = from_journal and container not in self.report.doubtful
            if row["id"] in went - paired and (row["state"] == "present" or from_journal):
                self.absent += self._highlights_of(row["id"])
                query = "UPDATE document SET state = 'gone', fingerprint = '' WHERE id = ?"
                store.write(query, row["id"])
        for index, one in enumerate(read):
            self._write_document(one, known[pairs[index]] if index in pairs else None)
        if container in self.complete and container not in self.report.doubtful:
            self._second_miss(container)

    def _went(self, container: str, known: Sequence[Row]) -> set[int]:
        """Return the documents that are no longer listed, unless the loss is doubtful."""
        if container not in self.complete:
            return set()
        listed = self.listed[container] | self.unread
        went = {row["id"] for row in known if row["place"] not in listed}
        there = [row for row in known if row["state"] == "present"]
        lost = [row for row in there if row["id"] in went]
        # a document that was renamed is not lost: as many as are new may be
        new = len(listed - {row["place"] for row in known})
        many = len(there) >= MANY and 2 * (len(lost) - new) > len(there)
        doubtful = ((not listed and lost) or many) and not self._reselected(container)
        if doubtful and container not in self.confirmed:
            self.report.doubtful.append(container)
            return {row["id"] for row in known if row["id"] in went and row["state"] != "present"}
        return went

    def _doc_known(self, row: Row, container: str, needed: bool) -> Doc:
        place = row["place"] if row["container"] == container else f"\0{row['id']}"
        if not needed:
            return Doc(place)
        from ankiforge.text.sketches import decode_sketch

        texts = self.store.rows("SELECT folded FROM highlight WHERE document = ?", row["id"])
        stored = self.store.value("SELECT sketch FROM document WHERE id = ?", row["id"])
        sketch = decode_sketch(stored) if stored else None
        return Doc(place, sketch, frozenset(text["folded"] for text in texts))

    def _second_miss(self, container: str) -> None:
        """Highlights that were missing already in documents that did not change may be gone."""
        rows = self.store.rows(
            "SELECT h.*, d.place FROM highlight h JOIN document d ON d.id = h.document"
            f" WHERE h.{ABSENT} AND h.state = 'missing' AND d.container = ?",
            container,
        )
        seen = {one.key for one in self.absent} | {one.known.key for one in self.found if one.known}
        self.absent += [
            self._known(row)
            for row in rows
            if row["key"] not in seen and row["place"] not in self.unread
        ]

    def _highlights_of(self, document: int) -> list[_Known]:
        query = "SELECT * FROM highlight WHERE document = ? ORDER BY position"
        return [self._known(row) for row in self.store.rows(query, document)]

    def _known(self, row: Row) -> _Known:
        passage = self.store.passage(row["key"])
        from_journal = [reading_of(text) for text in passage.texts[:HEARD]]
        there = row["state"] in ("present", "journal")
        if row["body"]:
            mark = mark_of(decode_highlight(row), row["document"])
            texts = {one[:3]: one for one in (*reversed(from_journal), *mark.readings)}
            readings = (*mark.readings, *(one for one in from_journal if one[:3] != mark.now[:3]))
            readings = tuple(texts[one] for one in dict.fromkeys(one[:3] for one in readings))
            mark = replace(mark, readings=readings, there=there, decided=passage.decided)
        else:
            text = passage.texts[0] if passage.texts else Text("")
            names, labels = names_and_labels([text.own])
            readings = tuple(from_journal) or (Reading(""),)
            mark = Mark(
                readings, text.kind, names, labels, there, from_journal=True, decided=passage.decided,
                document=row["document"],
            )  # fmt: skip
        return _Known(
            row["key"], row["document"], row["state"], row["missed"], row["exact"], passage.texts,
            passage.decided, mark,
        )  # fmt: skip

    # --- across documents -----------------------------------------------------------------------

    def _match_across(self) -> None:
        """Match what moved from one document to another; find what is to be asked."""
        new = [one for one in self.found if not one.known]
        seen = {one.key for one in self.absent} | {one.known.key for one in self.found if one.known}
        gone = [*self.absent]
        if new:
            rows = self.store.rows("SELECT * FROM highlight WHERE state != 'present'")
            unread = self._unread_documents(rows)
            gone += [
                self._known(row)
                for row in rows
                if row["key"] not in seen and row["document"] not in unread
            ]
        pairs = match_moved([one.mark for one in gone], [one.mark for one in new])
        for index, at in pairs.items():
            new[index].known = gone[at]
        self._match_spots()
        taken = {one.known.key for one in new if one.known}
        self.absent = [one for one in self.absent if one.key not in taken]
        self._hand_over()
        rest = [one for one in gone if one.key not in taken]
        left = [one for one in new if not one.known]
        for index, at in resembling([one.mark for one in rest], [one.mark for one in left]).items():
            left[index].like = rest[at].key
        self._ask_about_joined()
        # another machine may have found a passage of this one in other words, before the journals met
        here = [one for one in self.absent if one.state == "present"]
        from_journal = [one for one in self.found if one.known and one.known.state == "journal"]
        for index, at in resembling(
            [one.mark for one in here], [one.mark for one in from_journal]
        ).items():
            one, old = from_journal[index], here[at]
            if one.document == old.document and match_in_document([old.mark], [one.mark]):
                self.store.add("same", one.key, SOURCE, {"old": old.key})
            else:
                one.like = old.key

    def _ask_about_joined(self) -> None:
        """Ask about passages that went into another one of their document: both cards ask one fact."""
        changed = defaultdict(list)
        for found in self.found:
            known = found.known
            stood_here = known and known.state == "present" and known.document == found.document
            if stood_here and known and found.mark.now.text != known.mark.now.text:
                changed[found.document].append((found, known))
        for gone in self.absent:
            if gone.document not in changed or gone.state != "present":
                continue
            if not self.store.passage(gone.key).live:
                continue
            for found, known in changed[gone.document]:
                if not found.like and has_joined(gone.mark, known.mark, found.mark):
                    found.like = gone.key
                    break

    def _match_spots(self) -> None:
        """Match what is left in each document by its neighbours, and then by labels."""
        taken = {one.known.key for one in self.found if one.known}
        for known, found in self.open:
            at_key = {one.key: at for at, one in enumerate(known)}
            pairs = {
                index: at_key[one.known.key]
                for index, one in enumerate(found)
                if one.known and one.known.key in at_key
            }
            left = {at for at, one in enumerate(known) if one.key not in taken}
            new = {index for index, one in enumerate(found) if not one.known}
            if not left or not new:
                continue
            olds, news = [one.mark for one in known], [one.mark for one in found]
            more = match_spots(olds, news, pairs, left, new)
            more |= match_labels(olds, news, left - set(more.values()), new - more.keys())
            for index, at in more.items():
                found[index].known = known[at]

    def _hand_over(self) -> None:
        """When a decided passage goes, an undecided one with equal text takes over its key.

        So a note or PDF that was copied, and deleted in a later run, keeps its cards.
        """
        found = {one.known.key: one for one in self.found if one.known}
        absent = {one.key for one in self.absent}
        for gone in (*self.absent, *self._heard_only()):
            if not gone.decided:
                continue
            rows = self.store.rows(
                "SELECT h.*, d.place FROM highlight h JOIN document d ON d.id = h.document"
                " WHERE h.folded = ? AND h.state IN ('present', 'journal') AND h.key != ?",
                gone.mark.now.text, gone.key,
            )  # fmt: skip
            heirs = []
            for row in rows:
                here = row["key"] in found or row["state"] == "present"
                if not here or row["key"] in absent or self.store.passage(row["key"]).decided:
                    continue
                again = found.get(row["key"])
                mark = again.mark if again else mark_of(decode_highlight(row))
                if _may_inherit(gone, row, mark):
                    heirs.append((-likeness_around(gone.mark, mark), row["key"], row["place"]))
            if heirs:
                _, heir, place = min(heirs)
                self.store.add("same", heir, SOURCE, {"old": gone.key})
                self.report.moved.append((gone.key, place))

    def _heard_only(self) -> list[_Known]:
        """Return passages of the journal that are not where it says, and whose text stands elsewhere."""
        rows = self.store.rows(
            "SELECT h.*, d.container, d.place FROM highlight h JOIN document d ON d.id = h.document"
            f" WHERE h.{ABSENT} AND h.state = 'journal' AND EXISTS (SELECT 1 FROM highlight o"
            " WHERE o.folded = h.folded AND o.key != h.key)"
        )
        return [
            self._known(row)
            for row in rows
            if row["container"] in self.complete - set(self.report.doubtful)
            and row["place"] not in self.listed[row["container"]]
        ]

    def _unread_documents(self, rows: Iterable[Row]) -> set[int]:
        """Return documents that are listed but were not read: what is only heard of may be in them."""
        ids = {row["document"] for row in rows if row["state"] == "journal"}
        if not ids:
            return set()
        read = {one.document for one in self.found}
        return {
            row["id"]
            for row in self.store.rows("SELECT id, container, place FROM document")
            if row["id"] in ids - read and row["place"] in self.listed.get(row["container"], set())
        }

    # --- keys -----------------------------------------------------------------------------------

    def _issue(self, found: Iterable[_Found]) -> None:
        """Issue keys for highlights that match none, and record them."""
        issued = [(one, anchor_key(one.highlight, one.highlight.nth)) for one in found]
        named = [(one, own_key(one.highlight) or key, key) for one, key in issued]
        taken = self._taken(key for _, key, _ in named)
        for one, key, anchor in named:
            number = 0
            while key in taken:
                number += 1
                key = HighlightKey(f"{anchor}.{h16(one.place, str(number))}")
                taken |= self._taken([key])
            taken.add(key)
            body = _body(one)
            if not self.in_progress(one.container, one.place):
                self.store.add("key", key, SOURCE, body)
            self.report.new.append(key)
            one.highlight = replace(one.highlight, key=HighlightKey(key))

    def _taken(self, keys: Iterable[str]) -> set[str]:
        """Return those of some keys that were issued before."""
        wanted = encode([*keys])
        known = self.store.rows(f"SELECT key FROM highlight WHERE key IN {EACH}", wanted)
        issued = self.store.select_events(f"what = 'key' AND key IN {EACH}", wanted)
        return {*(row["key"] for row in known), *(event.key for event in issued)}

    # --- writing --------------------------------------------------------------------------------

    def _write(self, found: Iterable[_Found]) -> None:
        rows = []
        for one in found:
            known = one.known
            highlight = one.highlight
            if known:
                highlight = replace(highlight, key=HighlightKey(known.key))
            text = h16(exact(highlight.exact))
            if known:
                self._take_known(one, known, text)
            rows.append((
                highlight.key, one.document, one.position, highlight.source_kind.value,
                highlight.kind.value, one.mark.now.text, text, content_of(highlight),
                self.run_number, listed(colours_of(highlight)),
                listed(map(tag_name, (*highlight.document.tags, *highlight.tags))), encode(highlight),
            ))  # fmt: skip
        self.store.write_all(
            "INSERT INTO highlight VALUES (?, ?, ?, 'present', 0, ?, ?, ?, ?, ?, '', '', '', '', ?, ?, ?, ?)"
            " ON CONFLICT (key) DO UPDATE SET document = excluded.document,"
            " position = excluded.position, state = 'present', missed = 0, route = excluded.route,"
            " kind = excluded.kind, folded = excluded.folded, exact = excluded.exact,"
            " content = excluded.content, run = excluded.run, colour = excluded.colour,"
            " tags = excluded.tags, body = excluded.body",
            rows,
        )

    def _take_known(self, one: _Found, known: _Known, text: str) -> None:
        """Report what changed, and record a text or place that no event has yet."""
        if known.state in ("missing", "gone"):
            self.report.back.append(known.key)
        if known.state != "journal" and one.document != known.document:
            self.report.moved.append((known.key, one.place))
        newest = known.texts[0] if known.texts else Text("")
        if known.exact and known.exact != text:
            self.report.changed.append((known.key, newest.exact, one.highlight.exact))
            self.store.write(  # its copies are copies no longer
                "UPDATE highlight SET drafted = '' WHERE key != ?1 AND reason GLOB ?2"
                " AND folded = (SELECT folded FROM highlight WHERE key = ?1)",
                known.key, f"{SAME_WORDS}*",
            )  # fmt: skip
        if self.in_progress(one.container, one.place):
            return  # recorded when the person has left the note alone
        if not known.texts or one.like:
            self.store.add("key", known.key, SOURCE, _body(one))
            return
        now = Text(**_body(one))
        same_place = (newest.place, newest.own) == (now.place, now.own)
        if exact(newest.exact) != exact(now.exact) or not same_place:
            self.store.add("text", known.key, SOURCE, _body(one))

    def _write_absent(self) -> None:
        """Mark as missing what was not found, and as gone what was missing before."""
        for one in self.absent:
            if one.state in ("gone", "unselected"):
                continue
            container = self.store.value(
                "SELECT container FROM document WHERE id = ?", one.document
            )
            if self._reselected(container):
                query = "UPDATE highlight SET state = 'unselected' WHERE key = ?"
                self.store.write(query, one.key)
                continue
            gone = one.state == "missing" and self.now - one.missed >= GONE_SECONDS
            since = one.missed if one.state == "missing" else self.now
            query = "UPDATE highlight SET state = ?, missed = ? WHERE key = ?"
            self.store.write(query, "gone" if gone else "missing", since, one.key)
            if gone:
                self.report.gone.append(one.key)
                if self.store.write("DELETE FROM draft WHERE key = ?", one.key):
                    query = "UPDATE highlight SET drafted = '', modelled = '' WHERE key = ?"
                    self.store.write(query, one.key)

    def _reselected(self, container: str) -> bool:
        """Return whether the settings that select highlights of a container changed since its last scan."""
        before = self.store.meta(f"selection {container}")
        return bool(before) and before != self.selections.get(container, before)

    def _unite_routes(self) -> None:
        """Unite what one passage is in several sources."""
        keys = dict.fromkeys((*self.report.new, *[one.key for one in self.found]))
        one_route = "SELECT min(route) = max(route) FROM highlight WHERE route != ''"
        if keys and not self.store.value(one_route):
            united = unite_routes(self.store, keys)
            self.report.new = [key for key in self.report.new if key not in united]

    def _count(self) -> None:
        """Count the passages of what was listed; one with several places is one."""
        self.report.seen = self.store.value(
            "SELECT count(DISTINCT coalesce(a.first, h.key)) FROM highlight h"
            " JOIN document d ON d.id = h.document LEFT JOIN alias a ON a.key = h.key"
            " WHERE h.state = 'present' AND d.container IN (SELECT value FROM json_each(?))",
            encode(sorted(self.listed)),
        )


def _may_inherit(gone: _Known, row: Row, mark: Mark) -> bool:
    """Return whether a passage with equal text may take over the key of one that went.

    A short text is no coincidence if it was told as a copy, or stands in the same context.
    """
    if mark.now.text != gone.mark.now.text:
        return False
    if len(mark.now.text) >= LONG or row["reason"].startswith(SAME_WORDS):
        return True
    same = gone.exact == row["exact"]
    return same and bool(match_moved([gone.mark], [mark]))


def ingest(
    store: Store,
    sightings: Iterable[Sighting],
    *,
    selections: Texts,
    in_use: frozenset[str] | None,
    in_progress: Callable[[str, str], bool],
) -> Report:
    """Ingest all that the sources of a run list; see `Ledger.ingest`.

    A container that lists nothing, or lost more than half of its documents, is asked about; the
    answer counts in the next run.
    """
    rows = store.rows("SELECT name FROM meta WHERE name LIKE 'emptied %' AND value = 'yes'")
    confirmed = frozenset(row["name"].removeprefix("emptied ") for row in rows)
    run = int(store.meta("run", "0")) + 1
    one = Ingest(store, run, confirmed, selections, in_use, in_progress)
    report = one.run(sightings)
    with store.transaction():
        for container in one.complete:
            store.write("DELETE FROM meta WHERE name = ?", f"emptied {container}")
            if container in report.doubtful:
                store.set_meta(f"emptied {container}", "asked")
    return report


def _body(one: _Found) -> dict[str, str]:
    """Return what an event about a reading says."""
    now, highlight = one.mark.now, one.highlight
    text = Text(  # keys are made of the anchor's text, which a reader may clean otherwise
        highlight.anchor_text or highlight.exact, now.before, now.after, one.container,
        one.place, highlight.kind.value, highlight.own,
    )  # fmt: skip
    body: dict[str, str] = msgspec.to_builtins(text)
    return body | ({"like": one.like} if one.like else {})
