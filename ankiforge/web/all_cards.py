"""The list of all cards, which the page can search."""

from __future__ import annotations

from collections.abc import Sequence

from ankiforge.errors import UsageError
from ankiforge.ledger import Ledger, item_lists
from ankiforge.model import Json, ListRow
from ankiforge.pipeline.collection import apply_anki_edits_to_rows
from ankiforge.pipeline.query import parse_query, uses_query_syntax
from ankiforge.text import format_count
from ankiforge.web.card_view import render_row

MAX_ROWS = 100
"""The maximum number of cards that are sent to the page at once."""
_WAITING_STATE = "Waiting"
"""The state that isn't shown, because most rows have it."""


def render_cards(ledger: Ledger, query: str, start: int) -> Json:
    """Render the cards and drafts that a query matches.

    Args:
        ledger: the ledger with the cards.
        query: the user's query without surrounding spaces, or "" for everything.
        start: the number of rows to skip because the page already has them.

    Returns:
        The next `rows`; `total`, the number of all rows; `told`, a line about them; and `more`, the
            label of the button that shows further rows, or "".

    Raises:
        UsageError: the query is invalid.
    """
    ids = _find_matching_ids(ledger, query)
    items = item_lists.load_items(ledger, ids[start : start + MAX_ROWS])
    rows = [_render_row(row) for row in apply_anki_edits_to_rows(ledger, items)]
    common_state = None
    if len(rows) == len(ids):
        common_state = _find_common_state(rows)
    for row in rows:
        # the line about all rows says the state that they have in common
        if row["state"] in (_WAITING_STATE, common_state):
            row["state"] = ""
    shown_count = start + len(rows)
    left_count = min(len(ids) - shown_count, MAX_ROWS)
    more = ""
    if left_count > 0:
        more = f"Show {left_count} more"
    return {
        "rows": rows,
        "total": len(ids),
        "told": _summarize(len(ids), shown_count, common_state),
        "more": more,
    }


def _find_matching_ids(ledger: Ledger, query: str) -> list[str]:
    """Return the IDs of the items that a query matches.

    Text that isn't a query, for example with a colon or an unclosed quote, matches nothing.

    Raises:
        UsageError: the query is invalid.
    """
    try:
        terms = parse_query(query)
        return item_lists.find_items(ledger, terms, everything=True)
    except UsageError:
        if uses_query_syntax(query):
            raise
        return []


def _render_row(row: ListRow) -> Json:
    return {**render_row(row), "place": row.highlight.document.title}


def _find_common_state(rows: Sequence[Json]) -> str | None:
    """Return the state that all of several cards have, which is then said only once."""
    states = {row["state"] for row in rows}
    if len(rows) < 2 or len(states) > 1:
        return None
    [state] = states
    return str(state)


def _summarize(total: int, shown_count: int, common_state: str | None) -> str:
    """Say how many cards there are, and how many of them are shown."""
    if total == 0:
        return "No card contains these words."
    if shown_count < total:
        return f"{format_count(total, 'card')}; the first {shown_count:,} are shown"
    if common_state is not None:
        return f"{total} {common_state[:1].lower()}{common_state[1:]}"
    return format_count(total, "card")
