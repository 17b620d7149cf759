"""Facts that move: passages between which sentences were joined, split, shifted or copied.

    a decided sentence stands in another passage ──▶ `holds` ──▶ one family ──▶ `facts.read`

A `holds` event joins two passages to one *family*, and decides nothing. What was decided in one
of them then counts in all of them. It only ever joins and is never undone, so the order in which
journals arrive means nothing. It is written where

- a sentence stands that is decided in another family; a short one only if it stands nowhere
  there (`moved`);
- a sentence stands that is like a decided one that stands nowhere, and was read after that was
  decided, or came just now (`reworded`);
- a sentence of at least `LONG` letters came from a passage with decisions, or from an open one
  into a closed one, in the run that is read.

Cards are at home in the passage where most of their sentences stand; the table `home` has those
that are not at home in the passage under whose key they were accepted.

Tested by `tests/ledger/test_families_table.py`, and by the moves of `tests/facts` and
`tests/life`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from ankiforge.errors import BugError
from ankiforge.ledger import cards, facts
from ankiforge.ledger.database import in_batches
from ankiforge.ledger.events import SOURCE, Event, FactDecision, Passage, Text
from ankiforge.ledger.match import LONG
from ankiforge.ledger.readings import decode_highlight
from ankiforge.ledger.store import EACH, Row, Store, encode
from ankiforge.model import Json, Pair, Strings, Value
from ankiforge.text.fold import for_finding

ALIKE = 60
"""How much alike a sentence and a decided one are that never stood in one document, in per
cent."""


class DecidedSentence(Value):
    """A decided sentence."""

    sentence: str
    key: str
    """A passage in which it was decided."""
    n: int = 0
    machine: str = ""
    """The number and the machine of the event that decided."""
    beside: Strings = ()
    """Hashes of what stood beside it then."""
    places: frozenset[Pair] = frozenset()
    """The documents in which it stood."""


class Standing(Value):
    """A sentence of a passage that is here."""

    sentence: str
    key: str
    place: Pair
    """Its document."""
    n: int = 0
    machine: str = ""
    """The number and the machine of the event that read it in this passage first."""
    came: bool = False
    """Whether it was not here at the last run."""


# --- the rule ---------------------------------------------------------------------------


def moved(sentence: str, *, stands_there: bool) -> bool:
    """Return whether an equal sentence is the decided one.

    `stands_there`: whether it stands in the family where it was decided. A short one is then a
    coincidence.
    """
    return is_long(sentence) or not stands_there


def reworded(gone: DecidedSentence, here: Standing) -> bool:
    """Return whether a sentence may be a decided one, which stands nowhere, in other words."""
    if not (here.came or here.n > gone.n or here.machine != gone.machine):
        return False
    stood_beside = {facts.name_of(gone.sentence), facts.name_of(here.sentence)}
    if stood_beside.issubset(gone.beside):
        return False
    if facts.likeness(gone.sentence, here.sentence) < facts.NEARLY:
        return False
    return here.place in gone.places or facts.alike(gone.sentence, here.sentence) >= ALIKE


class ByWords:
    """Decided sentences by their words, to find those that `reworded` may accept.

    Two sentences are nearly the same only if they share half of the words of the shorter, so one
    of the rarest words of the shorter, over half of all, is in both.
    """

    def __init__(self, gone: Sequence[DecidedSentence]) -> None:
        self._place = {each: place for place, each in enumerate(gone)}
        self._with: dict[str, list[DecidedSentence]] = defaultdict(list)
        for each in self._place:
            for word in facts.words(each.sentence):
                self._with[word].append(each)
        self._with_rare: dict[str, list[DecidedSentence]] = defaultdict(list)
        for each in self._place:
            for word in self._rarest(each.sentence):
                self._with_rare[word].append(each)

    def _rarest(self, sentence: str) -> list[str]:
        """Return the rarest words of a sentence: a passage without them lacks more than half."""
        words = facts.words(sentence)
        by_rarity = sorted(words, key=lambda word: len(self._with.get(word, ())))
        rarest = []
        left = words.total()
        for word in by_rarity:
            if 100 * left < facts.NEARLY * words.total():
                break
            rarest.append(word)
            left -= words[word]
        return rarest

    def resembling(self, sentence: str) -> list[DecidedSentence]:
        """Return those that may be nearly the same as a sentence, in the order given."""
        found: set[DecidedSentence] = set()
        for word in facts.words(sentence):
            found.update(self._with_rare.get(word, ()))
        for word in self._rarest(sentence):
            found.update(self._with.get(word, ()))
        return sorted(found, key=self._place.__getitem__)


def is_long(sentence: str) -> bool:
    """Return whether an equal sentence elsewhere is no coincidence."""
    return len(for_finding(sentence)) >= LONG


# --- families as they are read here -----------------------------------------------------


class Kin(Value):
    """Another passage of a family."""

    passage: Passage
    sentences: Strings
    """Those that it has here; none if it is not here."""


def kin_of(store: Store, key: str) -> list[Kin]:
    """Return the other passages of the family of a passage."""
    return [_as_kin(store, other) for other in store.family(key)]


def members_of(store: Store, key: str) -> dict[str, Kin]:
    """Return all passages of the family of a passage, by their oldest keys."""
    keys = sorted((store.first(key), *store.family(key)))
    return {each: _as_kin(store, each) for each in keys}


def _as_kin(store: Store, key: str) -> Kin:
    passage = store.passage(key)
    return Kin(passage, sentences_here(store, passage))


def sentences_here(store: Store, passage: Passage) -> Strings:
    """Return the sentences that a passage has at all its places here."""
    found: dict[str, None] = {}
    for row in cards.present_rows(store, passage):
        found.update(dict.fromkeys(_sentences_of(row)))
    return tuple(found)


def sentences_had(passage: Passage) -> set[str]:
    """Return the sentences that a passage ever had."""
    return {each for text in passage.texts for each in facts.sentences(text.exact)}


def _sentences_of(highlight_row: Row) -> Strings:
    return facts.sentences(facts.text_of(decode_highlight(highlight_row)))


def decisions_of(passages: Iterable[Passage]) -> list[FactDecision]:
    """Return the decisions of the passages of a family, the oldest first."""
    decisions = [each for passage in passages for each in passage.facts]
    return sorted(decisions, key=lambda decision: decision.order)


# --- the index of sentences -------------------------------------------------------------


def index(store: Store, sentences_of: Iterable[tuple[str, str, Strings]]) -> None:
    """Store which sentences highlights have: (key, content of the highlight, sentences)."""
    gone = []
    names = []
    contents = []
    for key, content, sentences in sentences_of:
        gone.append((key,))
        names += [(facts.name_of(each), key) for each in sentences]
        contents.append((content, key))
    store.write_all("DELETE FROM sentence WHERE key = ?", gone)
    store.write_all("INSERT OR IGNORE INTO sentence VALUES (?, ?)", names)
    store.write_all("UPDATE highlight SET split = ? WHERE key = ?", contents)


def index_lacking(store: Store) -> None:
    """Store the sentences of the highlights that are here and were read since."""
    lacking = "SELECT key FROM highlight WHERE state = 'present' AND split != content"
    for batch in in_batches([row["key"] for row in store.rows(lacking)]):
        rows = store.rows(f"SELECT * FROM highlight WHERE key IN {EACH}", encode(batch))
        index(store, [(row["key"], row["content"], _sentences_of(row)) for row in rows])


def places_of_sentence(store: Store, name: str) -> list[Row]:
    """Return the highlights here that have a sentence, by its name, in reading order."""
    return store.rows(
        "SELECT h.* FROM sentence s JOIN highlight h USING (key)"
        " WHERE s.name = ? AND h.state = 'present' ORDER BY h.document, h.position",
        name,
    )


# --- what a run, or a decision, joins ---------------------------------------------------


class JoinedFamilies(Value):
    """The result of `join`."""

    members: Strings = ()
    """The passages of the families of those that were touched, whose drafts are to be settled."""
    failed: dict[str, BugError] = {}
    """By key, the passages with which something failed; all others were joined."""


def join(
    store: Store, touched: Collection[str], renewed: Mapping[str, str] = {}
) -> JoinedFamilies:
    """Record which passages hold sentences that were decided in others.

    Args:
        store: the store, in a transaction.
        touched: keys of highlights that came, went or changed, or on which somebody decided.
        renewed: by key of those of them that got other words, or were not here at the last run:
            the text that each had here at that run; "" if none.
    """
    store.refold()
    if not touched or store.row("SELECT 1 FROM decided_fact LIMIT 1") is None:
        return JoinedFamilies()
    if store.row("SELECT 1 FROM highlight WHERE state = 'present' LIMIT 1") is None:
        return JoinedFamilies()  # nothing was read yet
    before: dict[str, set[str]] = defaultdict(set)
    query = f"SELECT name, key FROM sentence WHERE key IN {EACH}"
    for row in store.rows(query, encode(list(touched))):
        before[row["name"]].add(row["key"])
    index_lacking(store)
    joining = _Joining(store, frozenset(touched), renewed, before)
    joining.each_touched(joining.join_equal)
    joining.each_touched(joining.join_what_left)
    joining.join_like()
    members: dict[str, None] = {}
    for key in sorted(touched):
        kin = store.family(key)
        if kin:
            members.update(dict.fromkeys((store.first(key), *kin)))
    return JoinedFamilies(tuple(members), joining.failed)


def join_decided(store: Store, key: str, sentences: Iterable[str]) -> None:
    """Record which passages hold the sentences that were decided just now in a passage."""
    query = "SELECT DISTINCT key FROM sentence WHERE name = ?"
    for sentence in filter(is_long, sentences):
        for row in store.rows(query, facts.name_of(sentence)):
            _join(store, row["key"], key, (sentence,))


def _join(store: Store, key: str, old: str, sentences: Strings) -> bool:
    """Record that a passage holds sentences of another one, unless they are one family."""
    first, other = store.first(key), store.first(old)
    if first == other or other in store.family(first):
        return False
    if store.passage(first).told_apart_from(store.passage(other)):
        return False
    body: Json = {"old": other, "sentences": sentences}
    store.add("holds", first, SOURCE, body)
    return True


class _Joining:
    """One call of `join`.

    `before`: by hash of a sentence, the touched highlights that had it before.
    """

    def __init__(
        self,
        store: Store,
        touched: frozenset[str],
        renewed: Mapping[str, str],
        before: Mapping[str, Collection[str]],
    ) -> None:
        self._store = store
        self._touched = touched
        self._renewed = renewed
        self._before = before
        self._firsts = list(dict.fromkeys(store.first(key) for key in sorted(touched)))
        store.load(self._firsts)
        self.failed: dict[str, BugError] = {}

    def each_touched(self, act: Callable[[Passage], None]) -> None:
        """Do something with each passage that was touched."""

        def act_on(key: str) -> None:
            act(self._store.passage(key))

        self.failed |= self._store.attempt_each(self._firsts, act_on)

    def join_equal(self, passage: Passage) -> None:
        """Join a passage where an equal sentence is decided in another family."""
        store = self._store
        # what stands here, and is decided elsewhere
        for sentence in sentences_here(store, passage):
            query = "SELECT passage FROM decided_fact WHERE name = ?"
            for row in store.rows(query, facts.name_of(sentence)):
                self._join_if_moved(passage.key, row["passage"], sentence)
        # what was decided here, and stands elsewhere
        for decision in passage.facts:
            for sentence in decision.sentences:
                for key in self._with(sentence):
                    self._join_if_moved(key, passage.key, sentence)

    def _with(self, sentence: str) -> list[str]:
        """Return the keys of the highlights here that have a sentence."""
        rows = self._store.rows(
            "SELECT s.key FROM sentence s JOIN highlight h USING (key)"
            " WHERE s.name = ? AND h.state = 'present' ORDER BY s.key",
            facts.name_of(sentence),
        )
        return [row["key"] for row in rows]

    def _join_if_moved(self, key: str, old: str, sentence: str) -> None:
        """Join a highlight with a passage in which its sentence was decided, if that moved.

        A family names its passages by their oldest keys, a highlight has the newest of its
        passage.
        """
        store = self._store
        family = {store.first(old), *store.family(old)}
        if store.first(key) in family:
            return
        stands_there = any(
            store.first(highlight) in family for highlight in self._with(sentence)
        )
        if moved(sentence, stands_there=stands_there):
            _join(self._store, key, old, (sentence,))

    def join_what_left(self, passage: Passage) -> None:
        """Join a passage with those with decisions that its sentences left.

        And with those that are open, if it is closed.
        """
        store = self._store
        for sentence in sentences_here(store, passage):
            if not is_long(sentence):
                continue
            for key in sorted(self._before.get(facts.name_of(sentence), ())):
                other = store.passage(key)
                if other.key == passage.key or sentence in sentences_here(store, other):
                    continue
                came_into_closed = passage.closed and not other.closed
                if other.facts or came_into_closed:
                    self._bring(passage, other, sentence)

    def _bring(self, passage: Passage, other: Passage, sentence: str) -> None:
        """Record that a sentence came here from another passage, once."""
        store = self._store
        for joined in store.passage(passage.key).joined:
            if sentence in joined.sentences:
                return
        if passage.closed:
            body: Json = {"old": other.key, "sentences": (sentence,)}
            store.add("holds", passage.key, SOURCE, body)
        else:
            _join(store, passage.key, other.key, (sentence,))

    def join_like(self) -> None:
        """Join where a sentence is like a decided one that stands nowhere."""
        gone = list(self._gone())
        if not gone:
            return
        kin_of_touched = self._kin_of_touched()
        gone_of_touched = [each for each in gone if each.key in kin_of_touched]
        self._join_reworded(gone, self._touched)
        if gone_of_touched:
            self._join_reworded(gone_of_touched, self._read_after(gone_of_touched))

    def _join_reworded(
        self, gone: Sequence[DecidedSentence], keys: Iterable[str]
    ) -> None:
        """Join where one of these decided sentences stands in other words in a highlight."""
        by_words = ByWords(gone)

        def join(key: str) -> None:
            for here in self._standing(key):
                for each in by_words.resembling(here.sentence):
                    if reworded(each, here):
                        _join(self._store, here.key, each.key, ())

        self.failed |= self._store.attempt_each(sorted(keys), join)

    def _kin_of_touched(self) -> set[str]:
        keys = set(self._firsts)
        for key in list(keys):
            keys.update(self._store.family(key))
        return keys

    def _gone(self) -> Iterator[DecidedSentence]:
        """Yield the decisions on sentences that stand nowhere here."""
        store = self._store
        rows = store.rows(
            "SELECT f.name, f.passage FROM decided_fact f WHERE NOT EXISTS (SELECT 1"
            " FROM sentence s JOIN highlight h USING (key)"
            " WHERE s.name = f.name AND h.state = 'present') ORDER BY f.passage"
        )
        names = defaultdict(set)
        for row in rows:
            names[row["passage"]].add(row["name"])
        store.load(names)
        gone_of: dict[str, list[DecidedSentence]] = {}

        def gather(key: str) -> None:
            gone_of[key] = list(_gone_of(store, store.passage(key), names[key]))

        self.failed |= store.attempt_each(names, gather)
        for decided in gone_of.values():
            yield from decided

    def _read_after(self, gone: Iterable[DecidedSentence]) -> list[str]:
        """Return the highlights here that may have been read after one of some decisions."""
        oldest = min(each.n for each in gone)
        rows = self._store.rows(
            "SELECT h.key FROM highlight h WHERE h.state = 'present' AND EXISTS (SELECT 1"
            " FROM event e WHERE e.key = h.key AND e.what IN ('key', 'text')"
            " AND (e.n > ? OR e.machine != ?)) ORDER BY h.document, h.position",
            oldest,
            self._store.machine,
        )
        return [row["key"] for row in rows]

    def _standing(self, key: str) -> Iterator[Standing]:
        """Yield the undecided sentences of a highlight, if it is here."""
        store = self._store
        row = store.row(
            "SELECT h.*, d.container, d.place FROM highlight h"
            " JOIN document d ON d.id = h.document WHERE h.state = 'present' AND h.key = ?",
            key,
        )
        if row is None:
            return
        passage = store.passage(key)
        before = facts.sentences(self._renewed.get(key, ""))
        for sentence in _sentences_of(row):
            query = "SELECT 1 FROM decided_fact WHERE name = ?"
            if store.row(query, facts.name_of(sentence)):
                continue
            read = _first_reading(passage, sentence)
            yield Standing(
                sentence,
                passage.key,
                (row["container"], row["place"]),
                read.n,
                read.machine,
                came=key in self._renewed and sentence not in before,
            )


def _gone_of(
    store: Store, passage: Passage, names: Collection[str]
) -> Iterator[DecidedSentence]:
    """Yield the decisions of a passage on sentences that stand nowhere, by the hashes of these."""
    kin = [passage, *map(store.passage, store.family(passage.key))]
    about = facts.of_cards(passage.facts)
    for decision in passage.facts:
        for sentence in decision.sentences:
            if (
                decision.of
                and facts.name_of(sentence) in names
                and not facts.has_left(about, decision, sentence)
            ):
                yield DecidedSentence(
                    sentence,
                    passage.key,
                    decision.n,
                    decision.machine,
                    decision.passage,
                    _places_of(sentence, passage, kin),
                )


def _first_reading(passage: Passage, sentence: str) -> Text:
    """Return the reading in which a passage had a sentence first; the last one, if in none."""
    for text in reversed(passage.texts):
        if sentence in facts.sentences(text.exact):
            return text
    return passage.texts[0] if passage.texts else Text("")


def _places_of(
    sentence: str, passage: Passage, kin: Iterable[Passage]
) -> frozenset[Pair]:
    """Return the documents in which a sentence ever stood, and where its passages are now."""
    with_it = [each for each in kin if sentence in sentences_had(each)]
    texts = []
    for each in with_it or [passage]:
        texts += each.texts[:1]
        texts += [text for text in each.texts if sentence in facts.sentences(text.exact)]
    return frozenset((text.container, text.place) for text in texts)


# --- where cards are at home ------------------------------------------------------------


def place(store: Store, touched: Iterable[str]) -> dict[str, BugError]:
    """Store where the cards of the families of some passages are at home.

    Returns:
        By key, those of these passages with whose family something failed.
    """
    if store.row("SELECT 1 FROM kin LIMIT 1") is None:
        return {}
    heads = {}
    for key in touched:
        family = store.family(key)
        if family:
            heads[key] = min((store.first(key), *family))
    failed = store.attempt_each(
        dict.fromkeys(heads.values()), lambda head: _place_family(store, head)
    )
    return {key: failed[head] for key, head in heads.items() if head in failed}


def _place_family(store: Store, key: str) -> None:
    """Store where the cards of the family of a passage are at home."""
    keys = (key, *store.family(key))
    query = (
        f"DELETE FROM home WHERE guid IN (SELECT guid FROM card WHERE passage IN {EACH})"
    )
    store.write(query, encode(keys))
    rows = []
    for guid, passage_key in homes(store, store.passages(keys)):
        rows.append({"guid": guid, "passage": passage_key})
    store.insert("home", rows, verb="INSERT OR REPLACE")
    marks = f"(SELECT guid FROM card WHERE passage IN {EACH})"
    store.write(f"UPDATE seen SET settled = '' WHERE guid IN {marks}", encode(keys))


def homes(store: Store, passages: Iterable[Passage]) -> Iterator[Pair]:
    """Yield (card, passage) where a card of a family is not at home in its own passage."""
    by_age = sorted(passages, key=_age)
    given = {}
    had = {}
    for passage in by_age:
        sentences = sentences_here(store, passage)
        if sentences or cards.present_row(store, passage):
            given[passage.key] = sentences
            had[passage.key] = sentences_had(passage)
    about = facts.of_cards(decisions_of(by_age))
    for passage in by_age:
        for card in passage.live:
            follows = card.in_slot and passage.key in given
            if follows or card.id not in about:
                continue
            where = dict.fromkeys(given, ()) if card.in_slot else had
            key = facts.home(about[card.id].now, passage.key, given, where)
            if not key and not card.in_slot:  # or where it is asked about
                row = store.row("SELECT key FROM draft WHERE revises = ?", card.id)
                key = store.first(row["key"]) if row else ""
            if key and key != passage.key:
                yield card.id, key


def _age(passage: Passage) -> tuple[int, str]:
    """Return the sort key of passages by age: when their oldest reading was recorded."""
    return min((text.n for text in passage.texts), default=0), passage.key


def changed_by(events: Iterable[Event]) -> set[str]:
    """Return the keys of events after which families are to be joined again."""
    kinds = ("key", "text", "holds", "same", "fact", "undo", "accept", "reject", "retire")
    return {event.key for event in events if event.what in kinds}
