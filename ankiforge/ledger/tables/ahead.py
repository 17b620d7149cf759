"""Read passages before they are decided on, many at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from ankiforge.ledger import facts
from ankiforge.ledger.events import content, guid_of
from ankiforge.ledger.here import Ahead, long_sentences
from ankiforge.ledger.store import EACH, Store, encode
from ankiforge.ledger.tables import anki
from ankiforge.ledger.tables.here import passages_here


def read_ahead(store: Store, ids: Sequence[str]) -> Ahead:
    """Return the passages of some drafts, cards and highlights that will be decided on.

    What says the same as these drafts is read, too; see `Store.same_words`.
    """
    store.refold()
    wanted = encode(ids)
    keys = store.rows(
        f"SELECT key FROM draft WHERE id IN {EACH}"
        f" UNION SELECT passage FROM card WHERE guid IN {EACH}"
        f" UNION SELECT key FROM highlight WHERE body != '' AND key IN {EACH}",
        *(wanted, wanted, wanted),
    )
    firsts = dict.fromkeys(store.first(row["key"]) for row in keys)
    passages = passages_here(store, store.passages(list(firsts)))

    # the long sentences that a passage has, in any of its places, or had
    names: dict[str, set[str]] = defaultdict(set)
    for here in passages:
        long_ones = long_sentences(here.passage, here.sentences)
        names[here.passage.key].update(map(facts.name_of, long_ones))
    query = f"SELECT key, name FROM sentence WHERE key IN {EACH}"
    for row in store.rows(query, encode(store.keys_of(firsts))):
        names[store.first(row["key"])].add(row["name"])

    chosen = set(ids)
    contents = []
    guids = set()
    for here in passages:
        for draft in here.waiting:
            if draft.id in chosen:
                contents.append(content(draft))
                guids.add(str(guid_of(here.passage.key, draft)))
    store.read_same_words(contents)
    unburied = guids - anki.buried(store, guids)
    return Ahead(passages, names, unburied, store.events_recorded)
