"""The drafts that wait, and what drafting tells of highlights: written for many at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import asdict, replace

from ankiforge.ledger import sentences
from ankiforge.ledger.events import Event, content
from ankiforge.ledger.here import Asks
from ankiforge.ledger.record import By, Outcome, Waits
from ankiforge.ledger.store import EACH, Store, encode, listed, tag_name, words_of
from ankiforge.model import Card, Finding, Json, Pair


def put(store: Store, drafts: Iterable[Waits]) -> None:
    """Let drafts wait; those with the same ids are replaced."""
    rows = [_row_of(draft, position) for draft, position in drafts]
    store.insert("draft", rows, verb="INSERT OR REPLACE")


def _row_of(draft: Card, position: int) -> Json:
    """Return the row of a draft that waits."""
    severity, findings = summed_up(draft.findings)
    body = replace(draft, id="", about=(), revises=None, replaces=None, near="")
    return {
        "id": draft.id,
        "key": draft.key,
        "content": content(draft),
        "slot": draft.slot,
        "position": position,
        "kind": draft.kind.value,
        "deck": draft.deck,
        "drafter": draft.origin.drafter,
        "severity": severity,
        "fact": " ".join(draft.about),
        "near": draft.near,
        "revises": draft.revises or "",
        "replaces": draft.replaces or "",
        "findings": findings,
        "tags": listed(map(tag_name, draft.tags)),
        "words": words_of(draft.fields),
        "body": encode(body),
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
    """Drop the drafts of some highlights; return the keys of those that had any."""
    query = f"DELETE FROM draft WHERE key IN {EACH} RETURNING key"
    return [row["key"] for row in store.rows(query, encode(list(keys)))]


def put_away(store: Store, ids: Iterable[str], event: Event) -> None:
    """Take drafts out of those that wait, because of a decision that may be undone."""
    away = [(event.id, id) for id in ids]
    store.write_all("INSERT INTO decided SELECT ?, * FROM draft WHERE id = ?", away)
    drop(store, [id for _, id in away])


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


def move(store: Store, drafts: Iterable[Card]) -> None:
    """Note that drafts that wait are about other sentences."""
    rows = [(" ".join(draft.about), draft.id) for draft in drafts]
    store.write_all("UPDATE draft SET fact = ? WHERE id = ?", rows)


def ask(store: Store, asks: Iterable[Asks]) -> None:
    """Note that drafts that wait ask about other cards."""
    rows = [(each.revises, each.near, each.draft.id) for each in asks]
    store.write_all("UPDATE draft SET revises = ?, near = ? WHERE id = ?", rows)


def note_outcomes(store: Store, outcomes: Sequence[Outcome], by: By) -> None:
    """Note what drafting told of highlights."""
    columns = "drafted = :drafted, worth = :worth"
    if by.model and by.beside:
        columns = "modelled = :drafted"
    elif by.model:
        columns = "modelled = :drafted, declined = :declined, worth = :worth"
    query = (
        f"UPDATE highlight SET {columns}, reason = :reason, fate = :fate WHERE key = :key"
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
