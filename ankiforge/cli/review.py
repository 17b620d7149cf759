"""`ankiforge review`: the page on which a person decides."""

from __future__ import annotations

from ankiforge.cli.output import Call, command
from ankiforge.errors import RefusedError


@command("\n  ankiforge review")
def review(call: Call) -> None:
    """Decide on cards in the browser. The page is being rebuilt: the terminal decides until then."""
    what = "the review page is being rebuilt; until then the terminal decides"
    hint = (
        f"{call.program} list --view new, then {call.program} accept ID or {call.program} reject ID"
    )
    raise RefusedError(what, hint=hint)
