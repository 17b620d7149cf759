"""The tool by which an agent lists the cards that fail."""

from __future__ import annotations

from typing import Annotated

import msgspec

from ankiforge.draft.sendable import Privacy
from ankiforge.features.repair.work import repair_list
from ankiforge.hooks import Tool
from ankiforge.model import Json, Value
from ankiforge.pipeline.opened import Opened


class Failing(Value, forbid_unknown_fields=True, kw_only=True):
    """List the cards that fail in Anki, the most costly first; nothing is changed.

    Each has why it is listed, its history (✗ forgotten, · remembered, days before), and what is
    wrong with it. The reader rewords them on the page: `ankiforge review`.
    `query`: words, nid:ID, or deck:Biology, which adds what is faulty there.
    """

    query: Annotated[str, msgspec.Meta(max_length=1_000)] = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=50)] = 20


def _failing(workspace: Opened, privacy: Privacy, query: str, limit: int) -> Json:
    """Return the cards that fail in Anki, without those that must stay on this machine."""
    found = repair_list(workspace, query)
    cards = []
    for entry in (*found.failing, *found.faulty):
        near = entry.near.card.fields if entry.near else {}
        texts = (*entry.card.fields.values(), *near.values(), entry.passage)
        if any(privacy.hides(text, entry.document) for text in texts):
            continue
        told = {
            "card": f"nid:{entry.note.nid}",
            "deck": entry.note.deck,
            "fields": dict(entry.card.fields),
            "why": list(entry.why),
            "history": entry.history.in_one_line,
            "seconds": round(entry.history.seconds),
            "mixed_up_with": dict(near),
            "passage": entry.passage,
        }
        cards.append(told)
    return {"cards": cards[:limit], "total": len(cards)}


TOOLS = (Tool("failing", Failing, _failing),)
