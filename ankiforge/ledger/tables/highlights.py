"""The highlights that sources have, or had."""

from __future__ import annotations

from collections.abc import Iterable

from ankiforge.ledger.record import SAME_WORDS
from ankiforge.ledger.store import EACH, Store, encode

# --- what is to be drafted again --------------------------------------------------------


def draft_again(store: Store, keys: Iterable[str]) -> None:
    """Ask the rules and the model again for drafts of highlights."""
    query = f"UPDATE highlight SET drafted = '', modelled = '' WHERE key IN {EACH}"
    store.write(query, encode(list(keys)))


def ask_rules_again(store: Store, keys: Iterable[str]) -> None:
    """Ask the rules again for drafts of highlights."""
    query = f"UPDATE highlight SET drafted = '' WHERE key IN {EACH}"
    store.write(query, encode(list(keys)))


def ask_model_again(store: Store, key: str) -> None:
    """Ask the model again for drafts of a highlight."""
    store.write("UPDATE highlight SET modelled = '' WHERE key = ?", key)


def draft_copies_again(store: Store, key: str) -> None:
    """Ask the rules again for drafts of passages that have, or had, the words of a highlight.

    It changed, went or came back: so it may be their original no longer, or again.
    """
    store.write(
        "UPDATE highlight SET drafted = '' WHERE key != ?1"
        " AND (folded = (SELECT folded FROM highlight WHERE key = ?1)"
        " OR key IN (SELECT other.key FROM event mine JOIN event other USING (words)"
        "  WHERE mine.key = ?1 AND mine.words != ''))"
        " AND (reason GLOB ?2"
        " OR EXISTS (SELECT 1 FROM draft d WHERE d.key = highlight.key))",
        key,
        f"{SAME_WORDS}*",
    )


def draft_written_again(store: Store, part_of_body: str) -> None:
    """Ask the rules again for drafts of the present highlights whose JSON has a part."""
    query = "UPDATE highlight SET drafted = '' WHERE state = 'present' AND instr(body, ?)"
    store.write(query, part_of_body)


def take_in_again(store: Store) -> None:
    """Ask the rules again for drafts of what was left out, unless a draft of it waits again."""
    store.write("UPDATE highlight SET drafted = '' WHERE fate = 'left_out'")
    store.write(
        "UPDATE highlight SET fate = '', reason = ''"
        " WHERE fate = 'left_out' AND key IN (SELECT key FROM draft)"
    )
