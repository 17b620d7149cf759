"""The tool with which agents list the cards that fail in Anki."""

from __future__ import annotations

from typing import Annotated

import msgspec

from ankiforge.draft.privacy import PrivacyFilter
from ankiforge.features.repair.report import entry_to_json
from ankiforge.features.repair.work import list_failing_cards
from ankiforge.hooks import Tool
from ankiforge.model import Json, Value
from ankiforge.pipeline.open_workspace import OpenWorkspace


class ListFailing(Value, forbid_unknown_fields=True, kw_only=True):
    """List the cards that fail in Anki, the most costly first; nothing is changed.

    Each has why it is listed, its history (✗ forgotten, · remembered, days before), and what is
    wrong with it. The reader rewords them on the page: `ankiforge review`.
    """

    limit: Annotated[int, msgspec.Meta(ge=1, le=50)] = 20


def _list_failing(workspace: OpenWorkspace, privacy: PrivacyFilter, limit: int) -> Json:
    repairs = list_failing_cards(workspace)
    cards = []
    for entry in repairs.failing:
        confused_fields = entry.confused_with.card.fields if entry.confused_with else {}
        texts = (*entry.card.fields.values(), *confused_fields.values(), entry.passage)
        if any(privacy.contains_private_text(text, entry.document) for text in texts):
            continue
        cards.append(entry_to_json(entry))
    return {"cards": cards[:limit], "total": len(cards)}


TOOLS = (Tool("failing", ListFailing, _list_failing),)
