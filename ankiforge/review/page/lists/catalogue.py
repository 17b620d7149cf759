"""Cards and passages as they were read last, for filters: what has changed since is read anew.

What was decided, here or by another program, is read anew at once. What else may have changed is
found by comparing all rows, which is felt, so it is done now and then only, and never while a
person waits for the next item, which is always read from the ledger itself.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence

from ankiforge.ledger.cards import AT_ONCE
from ankiforge.model import HighlightKey
from ankiforge.review.page.lists.filters import Filed, Filter
from ankiforge.review.service import Service

COMPARED_SECONDS = 5.0
"""All rows are compared so often at most, where something else was written than decisions."""
DECIDED_SECONDS = 60.0
"""The same, while a person does nothing but decide: a run beside him may hide behind that."""
FILTERS = 4
"""Filters of which it is remembered what they keep."""
Answers = dict[str, tuple[Filed, bool]]


def is_passage(subject: str) -> bool:
    """Whether it is the key of a passage, not the guid of a card."""
    return "/" in subject


class Catalogue:
    """What filters are asked about; one for all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._filed: dict[str, Filed] = {}
        self._marks: dict[str, int] = {}
        self._seen: dict[int, tuple[tuple[int, int], int]] = {}
        self._decided = 0
        self._compared = 0.0
        self._doubted = False
        self._by_others = True
        self._answers: OrderedDict[Filter, Answers] = OrderedDict()

    def filed(self, desk: Service, subjects: Iterable[str]) -> Mapping[str, Filed]:
        """The cards and passages of these names, as far as there are any."""
        wanted = list(dict.fromkeys(subjects))
        with self._lock:
            self._bring_up(desk)
            self._read(desk, [one for one in wanted if one not in self._filed])
            return {one: self._filed[one] for one in wanted if one in self._filed}

    def compare(self, desk: Service) -> bool:
        """Find what changed otherwise than by decisions, if it is time to; whether it was looked."""
        with self._lock:
            self._bring_up(desk)
            often = COMPARED_SECONDS if self._by_others else DECIDED_SECONDS
            due = self._doubted and time.monotonic() - self._compared >= often
            if due:
                self._compare(desk)
            return due

    def kept(self, desk: Service, wanted: Filter, filed: Mapping[str, Filed]) -> frozenset[str]:
        """The names of those that a filter keeps."""
        with self._lock:
            answers = self._answers.setdefault(wanted, {})
            self._answers.move_to_end(wanted)
            while len(self._answers) > FILTERS:
                self._answers.popitem(last=False)
        for name, one in filed.items():
            known = answers.get(name)
            if known is None or known[0] is not one:
                answers[name] = (one, wanted.keeps(one, desk.tags, desk.troubles))
        return frozenset(name for name in filed if answers[name][1])

    # --- keeping up -------------------------------------------------------------------------

    def _bring_up(self, desk: Service) -> None:
        queries = desk.ledger.queries
        version = queries.version()
        before = self._seen.get(id(desk), (None, 0))
        if version != before[0]:
            last = queries.last_decision()
            self._seen[id(desk)] = (version, last)
            self._doubted = True
            self._by_others |= last == before[1]
            self._drop(queries.changed_since(self._decided))
            self._decided = last

    def _compare(self, desk: Service) -> None:
        marks = desk.ledger.queries.row_hashes()
        self._drop(guid for guid in self._filed if self._marks.get(guid) != marks.get(guid))
        self._drop([name for name in self._filed if is_passage(name)])
        self._marks, self._doubted, self._by_others = marks, False, False
        self._compared = time.monotonic()

    def _drop(self, names: Iterable[str]) -> None:
        for name in tuple(names):
            self._filed.pop(name, None)

    def _read(self, desk: Service, names: Sequence[str]) -> None:
        guids = [name for name in names if not is_passage(name)]
        for start in range(0, len(guids), AT_ONCE):
            cards = list(desk.ledger.cards.several(guids[start : start + AT_ONCE]))
            runs = desk.ledger.cards.runs_of([card.guid for card in cards])
            for card in cards:
                others = desk.ledger.cards.of_choice(card) if card.choice and card.to_choose else []
                beside = (one for one in others if one.to_choose)
                self._filed[card.guid] = Filed(card.highlight, (card, *beside), runs[card.guid])
        keys = [HighlightKey(name) for name in names if is_passage(name)]
        for start in range(0, len(keys), AT_ONCE):
            for key, passage in desk.ledger.highlights.several(
                keys[start : start + AT_ONCE]
            ).items():
                self._filed[key] = Filed(passage)
