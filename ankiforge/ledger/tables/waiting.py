"""The drafts that wait, and what drafting tells of highlights."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import msgspec
from msgspec.structs import asdict, replace

from ankiforge.ledger.draft_changes import By, Outcome, Waits
from ankiforge.ledger.events import Event, content
from ankiforge.ledger.here import Asks
from ankiforge.ledger.store import EACH, Row, Store, encode, listed, tag_name, words_of
from ankiforge.ledger.tables import sentences
from ankiforge.model import (
    OTHER_NOTE,
    OTHER_SCHEDULE,
    PROPOSE,
    Draft,
    Finding,
    Guid,
    Json,
    Pair,
    StoredDraft,
)

decode_draft = msgspec.json.Decoder(Draft).decode
_ANOTHER = ("duplicate", "similar", "same_front")
"""The checks whose findings may name another card or draft."""
_MIXES = 0.05
"""How much less sure each further offer of a document counts in the order."""

# --- in reading order -------------------------------------------------------------------


def in_reading_order(store: Store, ids: Iterable[str]) -> list[str]:
    """Return the ids, of these drafts, whose highlights are present, in reading order."""
    query = (
        f"SELECT id FROM readable WHERE id IN {EACH} ORDER BY document, place, position"
    )
    return [row["id"] for row in store.rows(query, encode(list(ids)))]


def of_highlights(store: Store, keys: Iterable[str], *, new: bool = False) -> list[str]:
    """Return the ids of drafts of present highlights, in reading order; `new`: for new cards."""
    rows = store.rows(
        f"SELECT id FROM readable WHERE key IN {EACH} AND (revises = '' OR NOT ?)"
        " ORDER BY document, place, position",
        encode(list(keys)),
        new,
    )
    return [row["id"] for row in rows]


def of_cards(store: Store, guids: Iterable[str]) -> list[str]:
    """Return the drafts that revise some cards."""
    query = f"SELECT id FROM draft WHERE revises != '' AND revises IN {EACH}"
    return [row["id"] for row in store.rows(query, encode(list(guids)))]


def all_in_order(store: Store, drafter: str = "") -> list[str]:
    """Return all drafts whose highlights are present, or those of a drafter."""
    rows = store.rows(
        "SELECT id FROM readable WHERE ?1 = '' OR drafter = ?1"
        " ORDER BY document, place, position",
        drafter,
    )
    return [row["id"] for row in rows]


def of_which_no_check_warns(store: Store) -> list[Row]:
    """Return the drafts that no check warns of and that are no proposals."""
    return store.rows(
        "SELECT id, body FROM draft WHERE severity IN ('', 'info') AND drafter != ?",
        PROPOSE,
    )


def _names_another(findings: str) -> bool:
    return any(check in findings for check in _ANOTHER)


def in_asking_order(store: Store, left_out: Collection[str]) -> list[Row]:
    """Return the first draft of each offer, in the order in which a person is asked.

    The surest come first; what is left of a passage on which a person decided comes last. Each
    further one of a document counts as a little less sure, so that the documents mix.

    The columns are `id`, `passage`, `changes` (the card that it would change or replace, or
    "") and `blocked`: whether a check blocks all drafts of the offer.

    Args:
        store: the store.
        left_out: the ids of drafts that are not offered.
    """
    # the bare columns are those of the row with the least position
    return store.rows(
        "WITH first AS (SELECT d.id, d.passage, d.revises || d.replaces AS changes,"
        "  min(d.position + 1000 * (d.severity = 'block')),"
        "  sum(d.severity = 'block') = count(*) AS blocked,"
        "  total(json_extract(d.body, '$.sureness')) AS sure,"
        "  d.severity, d.slot, d.position, h.document, h.position AS place,"
        "  coalesce(p.decided, 0) AS decided"
        " FROM offered d JOIN highlight h ON h.key = d.key"
        " LEFT JOIN passage p ON p.key = d.passage"
        f" WHERE h.state = 'present' AND d.id NOT IN {EACH} GROUP BY d.offer),"
        " ranked AS (SELECT *, row_number() OVER"
        "  (PARTITION BY document ORDER BY sure DESC, place, position) AS rank FROM first)"
        " SELECT id, passage, changes, blocked FROM ranked"
        " ORDER BY severity = 'block', severity = 'warn', slot = '', decided,"
        " sure / (1 + ? * rank) DESC, document, place, position",
        encode(sorted(left_out)),
        _MIXES,
    )


# --- some of them -----------------------------------------------------------------------


def with_places(store: Store, ids: Sequence[str]) -> list[tuple[StoredDraft, Row]]:
    """Return drafts in the order of their ids, each with its row, and `highlight_body`."""
    rows = store.rows(
        "SELECT d.*, h.body AS highlight_body"
        " FROM offered d CROSS JOIN highlight h ON h.key = d.key"
        f" WHERE d.id IN {EACH}",
        encode(ids),
    )
    row_by_id = {row["id"]: row for row in rows}
    return [(draft_of(row_by_id[id]), row_by_id[id]) for id in ids if id in row_by_id]


def draft_of(row: Row) -> StoredDraft:
    """Return the draft in a row of the view `offered`."""
    return StoredDraft(
        **asdict(decode_draft(row["body"])),
        id=row["id"],
        revises=Guid(row["revises"]) if row["revises"] else None,
        replaces=Guid(row["replaces"]) if row["replaces"] else None,
        offer=row["offer"],
        about=tuple(row["fact"].split()),
        near=row["near"],
    )


def offered_in(store: Store, keys: Iterable[str]) -> list[Row]:
    """Return the rows of the view `offered` of some highlights, sorted by these and by place."""
    query = f"SELECT * FROM offered WHERE key IN {EACH} ORDER BY key, position"
    return store.rows(query, encode(list(keys)))


def perhaps_waiting_no_longer(store: Store) -> list[Row]:
    """Return the drafts that may wait no longer, as of the view `offered`.

    They are the own forms of decided passages, and what passages of several keys have. Indexes are
    asked: thousands wait.
    """
    return store.rows(
        "SELECT * FROM offered WHERE id IN"
        " (SELECT d.id FROM passage p CROSS JOIN draft d ON d.key = p.key"
        "  WHERE p.decided AND d.slot != ''"
        "  UNION SELECT d.id FROM alias a CROSS JOIN draft d ON d.key = a.key)"
    )


def passages_of(store: Store, ids: Iterable[str]) -> set[str]:
    """Return the keys of the passages of some drafts."""
    query = f"SELECT passage FROM offered WHERE id IN {EACH}"
    return {row["passage"] for row in store.rows(query, encode(list(ids)))}


def places(store: Store, ids: Iterable[str], beside: str = "") -> list[Row]:
    """Return where the passages of drafts stand, in the columns of `overview.Place`.

    A draft that the checks doubt is worth nothing; one of which nothing speaks against it counts
    as sure, but for a marked phrase, which is as good as its sentence.
    With the key of a highlight, only those in its document.
    """
    return store.rows(
        "SELECT d.id, h.key, h.document, x.title, h.position,"
        " CASE WHEN d.severity IN ('warn', 'block') THEN 0.0"
        "  ELSE coalesce(nullif(json_extract(d.body, '$.sureness'), 0), 1.0) END AS worth"
        " FROM draft d JOIN highlight h ON h.key = d.key"
        f" JOIN document x ON x.id = h.document WHERE d.id IN {EACH}"
        " AND (?2 = '' OR h.document = (SELECT document FROM highlight WHERE key = ?2))",
        encode(list(ids)),
        beside,
    )


def with_several_offers(store: Store) -> set[str]:
    """Return the keys of the passages that have several offers."""
    query = "SELECT passage FROM offered GROUP BY passage HAVING min(offer) != max(offer)"
    return {row["passage"] for row in store.rows(query)}


def with_ids(store: Store, ids: Iterable[str]) -> list[Row]:
    """Return some drafts."""
    return store.rows(f"SELECT * FROM draft WHERE id IN {EACH}", encode(list(ids)))


def of_key(store: Store, key: str) -> list[str]:
    """Return the drafts of a highlight."""
    query = "SELECT id FROM draft WHERE key = ? ORDER BY position, id"
    return [row["id"] for row in store.rows(query, key)]


def with_marks(store: Store) -> list[Row]:
    """Return all drafts whose highlights were read here, and `highlight_body`."""
    return store.rows(
        "SELECT d.id, d.deck, d.body, h.body AS highlight_body"
        " FROM draft d JOIN highlight h USING (key) WHERE h.body != ''"
    )


def naming_another(store: Store) -> list[Row]:
    """Return the drafts with a finding that may name another card or draft."""
    rows = store.rows("SELECT * FROM draft WHERE findings != ''")
    return [row for row in rows if _names_another(row["findings"])]


def of_other_tools(store: Store) -> list[Row]:
    """Return the drafts that wait because of another tool, with `highlight_body` and `state`."""
    return store.rows(
        "SELECT d.id, d.key, d.body, d.revises, h.state, h.body AS highlight_body"
        " FROM draft d JOIN highlight h ON h.key = d.key"
        " WHERE d.findings GLOB ? OR d.findings GLOB ?",
        f"*\n{OTHER_NOTE}\n*",
        f"*\n{OTHER_SCHEDULE}\n*",
    )


# --- what is written --------------------------------------------------------------------


def put_deck(store: Store, id: str, draft: Draft, deck: str) -> None:
    """Give a draft another deck."""
    query = "UPDATE draft SET deck = ?, body = ? WHERE id = ?"
    store.write(query, deck, encode(replace(draft, deck=deck)), id)


def put_findings(
    store: Store, id: str, draft: Draft, findings: Iterable[Finding]
) -> None:
    """Give a draft these findings, unless it has them."""
    standing = tuple(findings)
    if standing == draft.findings:
        return
    severity, listed_findings = summed_up(standing)
    query = "UPDATE draft SET severity = ?, findings = ?, body = ? WHERE id = ?"
    body = encode(replace(draft, findings=standing))
    store.write(query, severity, listed_findings, body, id)


def put(store: Store, drafts: Iterable[Waits]) -> None:
    """Let drafts wait; those with the same ids are replaced."""
    store.insert("draft", list(map(_row_of, drafts)), verb="INSERT OR REPLACE")


def _row_of(waits: Waits) -> Json:
    """Return the row of a draft that waits."""
    draft = waits.draft
    severity, findings = summed_up(draft.findings)
    return {
        "id": waits.id,
        "key": draft.key,
        "content": content(draft),
        "slot": draft.slot,
        "position": waits.position,
        "kind": draft.kind.value,
        "deck": draft.deck,
        "drafter": draft.origin.drafter,
        "severity": severity,
        "fact": " ".join(waits.about),
        "near": waits.near,
        "revises": waits.revises or "",
        "replaces": waits.replaces or "",
        "findings": findings,
        "tags": listed(map(tag_name, draft.tags)),
        "words": words_of(draft.fields),
        "body": encode(draft),
    }


def summed_up(findings: Sequence[Finding]) -> Pair:
    """Return the worst severity of findings, and the checks and severities of all."""
    checks = [finding.check for finding in findings]
    severities = [finding.severity.value for finding in findings]
    worst = ""
    for severity in ("block", "warn", "info"):
        if severity in severities:
            worst = severity
            break
    return worst, listed(dict.fromkeys((*checks, *severities)))


def drop(store: Store, ids: Iterable[str]) -> None:
    """Drop drafts that wait no longer."""
    store.write_all("DELETE FROM draft WHERE id = ?", [(id,) for id in ids])


def drop_of(store: Store, keys: Iterable[str]) -> list[str]:
    """Drop the drafts of some highlights; return the key of each draft's highlight."""
    query = f"DELETE FROM draft WHERE key IN {EACH} RETURNING key"
    return [row["key"] for row in store.rows(query, encode(list(keys)))]


def put_away(store: Store, ids: Iterable[str], event: Event) -> None:
    """Put waiting drafts away after a decision, so that its undo lets them wait again."""
    away = [(event.id, id) for id in ids]
    store.write_all("INSERT INTO decided SELECT ?, * FROM draft WHERE id = ?", away)
    drop(store, [id for _, id in away])


def put_away_ids(store: Store, beginning: str) -> list[str]:
    """Return the ids of drafts that decisions put away, by their beginning."""
    query = "SELECT DISTINCT id FROM decided WHERE substr(id, 1, length(?1)) = ?1"
    return [row["id"] for row in store.rows(query, beginning)]


def bring_back(store: Store, event_ids: Iterable[str]) -> set[str]:
    """Let the drafts wait again that decisions took away, if their passages are there.

    Returns:
        The ids of the events that have such drafts.
    """
    ids = encode(list(event_ids))
    rows = store.rows(
        "SELECT DISTINCT event FROM decided JOIN highlight h ON h.key = decided.key"
        f" AND h.state = 'present' WHERE event IN {EACH}",
        ids,
    )
    brought = {row["event"] for row in rows}
    store.write(
        "INSERT OR IGNORE INTO draft SELECT d.id, d.key, d.content, d.slot, d.position, d.fact,"
        " d.near, d.kind, d.deck, d.drafter, d.severity, d.revises, d.replaces, d.findings,"
        " d.tags, d.words, d.body FROM decided d JOIN highlight h ON h.key = d.key"
        f" AND h.state = 'present' WHERE d.event IN {EACH}",
        ids,
    )
    store.write(f"DELETE FROM decided WHERE event IN {EACH}", ids)
    return brought


def move(store: Store, drafts: Iterable[StoredDraft]) -> None:
    """Note that drafts that wait are about other sentences."""
    rows = [(" ".join(draft.about), draft.id) for draft in drafts]
    store.write_all("UPDATE draft SET fact = ? WHERE id = ?", rows)


def ask(store: Store, asks: Iterable[Asks]) -> None:
    """Note that drafts that wait ask about other cards."""
    rows = [(each.revises or "", each.near, each.draft.id) for each in asks]
    store.write_all("UPDATE draft SET revises = ?, near = ? WHERE id = ?", rows)


def note_outcomes(store: Store, outcomes: Sequence[Outcome], by: By) -> None:
    """Note the results of drafting in the rows of highlights."""
    query = (
        "UPDATE highlight SET drafted = :drafted, worth = :worth, reason = :reason,"
        " fate = :fate WHERE key = :key"
    )
    if by.model and by.beside:
        query = (
            "UPDATE highlight SET modelled = :drafted, reason = :reason, fate = :fate"
            " WHERE key = :key"
        )
    elif by.model:
        query = (
            "UPDATE highlight SET modelled = :drafted, declined = :declined, worth = :worth,"
            " reason = :reason, fate = :fate WHERE key = :key"
        )
    store.write_all(query, list(map(asdict, outcomes)))
    sentences.judge(
        store,
        [
            (each.key, each.worth_by_name)
            for each in outcomes
            if each.worth_by_name is not None
        ],
    )
