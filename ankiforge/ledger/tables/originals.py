"""Read which highlights may be the originals of copies: each text is read once a run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from ankiforge.ledger import forms
from ankiforge.ledger.copies import (
    Copy,
    FormerCopy,
    Likeness,
    likenesses,
    likenesses_of_originals,
    originals,
)
from ankiforge.ledger.events import hash_of_words, words_read
from ankiforge.ledger.store import EACH, Row, Store, encode
from ankiforge.ledger.tables.highlights import decode_highlight
from ankiforge.model import Highlight
from ankiforge.text.fold import for_finding


class Originals:
    """The originals of equal highlights; however many are equal, few are remembered.

    A text is read when it is first asked about: what other programs decide on it meanwhile is seen
    by the next run.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._texts: set[str] = set()
        """The folded texts that were read."""
        self._by_likeness: dict[Likeness, tuple[Copy, ...]] = {}
        self._former: dict[str, tuple[FormerCopy, ...]] = {}
        """By a hash of their words, the highlights that had them and have others."""

    def read(self, highlights: Mapping[str, Highlight], rows: Mapping[str, Row]) -> None:
        """Read the possible originals of some highlights, by their keys."""
        new = [key for key in highlights if rows[key]["folded"] not in self._texts]
        if new:
            self._read_equal(new)
            self._texts.update(rows[key]["folded"] for key in new)
        words_now = {}
        for highlight in highlights.values():
            words = words_read(highlight)
            words_now[hash_of_words(words)] = for_finding(words)
        lacking = {each: words_now[each] for each in words_now.keys() - self._former}
        if lacking:
            self._read_former(lacking)

    def of(self, highlight: Highlight) -> tuple[Copy, ...]:
        """Return the possible originals of a highlight for which `read` was called, in order."""
        found: list[Copy] = []
        for likeness in likenesses_of_originals(highlight) if self._by_likeness else ():
            found += self._by_likeness.get(likeness, ())
        return tuple(found)

    def former(self, highlight: Highlight) -> tuple[FormerCopy, ...]:
        """Return the passages that once had the words of a highlight that was read."""
        return self._former.get(hash_of_words(words_read(highlight)), ())

    def _read_equal(self, keys: Collection[str]) -> None:
        """Read the present highlights with the texts of some, where there are several."""
        store = self._store
        rows = store.rows(
            "SELECT h.key, h.body, d.title FROM highlight h JOIN document d ON d.id = h.document"
            " WHERE h.state = 'present' AND h.folded IN ("
            f"SELECT m.folded FROM highlight m WHERE m.key IN {EACH} AND EXISTS (SELECT 1"
            " FROM highlight o WHERE o.folded = m.folded AND o.key != m.key"
            " AND o.state = 'present')) ORDER BY h.rowid",
            encode(list(keys)),
        )
        if not rows:
            return
        found_keys = [row["key"] for row in rows]
        issued = store.issued(found_keys)
        by_likeness: dict[Likeness, list[Copy]] = defaultdict(list)
        for row, passage in zip(rows, store.passages(found_keys), strict=True):
            highlight = decode_highlight(row)
            is_no_card = (
                highlight.skip or forms.form_choice(store, highlight) == forms.NEVER
            )
            if is_no_card and not passage.decided:
                continue
            copy = Copy(
                row["key"], row["title"], issued.get(row["key"], 0), passage.decided
            )
            for likeness in likenesses(highlight):
                by_likeness[likeness].append(copy)
        for likeness, copies in by_likeness.items():
            self._by_likeness[likeness] = originals(copies)

    def _read_former(self, words_now: Mapping[str, str]) -> None:
        """Read by a hash of their words the present highlights that had them, and have others."""
        store = self._store
        rows = store.rows(
            "SELECT e.words, h.key, h.folded, d.title FROM json_each(?) now"
            " JOIN event e ON e.words = now.key AND e.words != ''"
            " JOIN highlight h ON h.key = e.key AND h.state = 'present' AND h.folded != now.value"
            " JOIN document d ON d.id = h.document ORDER BY h.key",
            encode(words_now),
        )
        former: dict[str, list[FormerCopy]] = defaultdict(list)
        passages = store.passages([row["key"] for row in rows]) if rows else ()
        for row, passage in zip(rows, passages, strict=True):
            copy = FormerCopy(passage, row["title"], row["folded"])
            former[row["words"]].append(copy)
        for words in words_now:
            self._former[words] = tuple(former.get(words, ()))
