"""The sheet as one page: opened from a file, rated by keys, saved as CSV by a button."""

from __future__ import annotations

import json
from html import escape
from importlib.resources import files

from ankiforge.reports.evaluating import CRITERIA, WANTED, WANTED_ASKS
from ankiforge.reports.evaluating.sheet import Sheet, items_json


def as_html(sheet: Sheet) -> str:
    """The page; it needs no network and sends nothing anywhere."""
    template = (files("ankiforge.reports.evaluating") / "page.html").read_text(encoding="utf-8")
    data = {
        "sheet": sheet.id,
        "criteria": [
            {"column": one.column, "asks": one.asks, "sourced": one.sourced} for one in CRITERIA
        ],
        "wanted": {"column": WANTED, "asks": WANTED_ASKS},
        "items": items_json(sheet),
    }
    return template.replace("{{title}}", escape(f"Rating sheet {sheet.id}")).replace(
        "{{data}}", _script_data(data)
    )


def _script_data(data: object) -> str:
    """JSON that can neither end its script element nor begin a comment in it."""
    text = json.dumps(data, ensure_ascii=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
