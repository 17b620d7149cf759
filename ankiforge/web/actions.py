"""The actions that the page offers on an item, as buttons or as entries of its menu."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from msgspec.structs import asdict, replace

from ankiforge.model import Json, Value
from ankiforge.review.decisions import DecisionResult


class Look(StrEnum):
    """How an action is shown."""

    FILLED = "filled"
    """The button that Enter presses."""
    OUTLINED = "outlined"
    TEXT = "text"
    MORE = "more"
    """An entry of the menu."""


class Action(Value):
    """An action on an item."""

    name: str
    """The `kind` of the resulting `Decision`, or an action that the page handles itself."""
    label: str
    key: str
    """The keyboard shortcut, or ""."""
    look: Look
    message: str
    """What is shown after the decision."""
    needs: str | None = None
    """The input that is required from the user: `edit`, `words` or `drawing`."""
    save: str | None = None
    """The label of the button that ends the input."""
    sends: dict[str, Any] | None = None
    """Additional fields of the decision."""
    stays: str | None = None
    """What is shown until a slow action has ended."""
    none: str | None = None
    """The label of an action on ticked lines if none is ticked."""

    def to_json(self) -> Json:
        """Convert the action to JSON for the page, without what it doesn't have."""
        data = asdict(self)
        data["act"] = data.pop("name")
        data["said"] = data.pop("message")
        data["becomes"] = DecisionResult.from_act(self.name)
        return {name: value for name, value in data.items() if value is not None}


ACCEPT = Action("accept", "Accept", "", Look.FILLED, "Accepted")
REJECT = Action("reject", "Reject", "x", Look.OUTLINED, "Rejected")
ASK = Action("ask", "Ask", "q", Look.TEXT, "")
"""Turns a suggestion into a question with the gap as its answer. Handled by the page's script,
without a request.
"""
EDIT = Action(
    *("edit", "Edit", "e", Look.TEXT, "Saved and accepted"),
    needs="edit",
    save="Save and accept",
)
EDIT_FIRST = replace(EDIT, look=Look.FILLED)
CHANGE = replace(EDIT, message="Changed", save="Save")
"""Edits a card whose passage has changed."""
KEEP_MINE = Action("reject", "Keep mine", "1", Look.FILLED, "Your words stay")
"""Keeps the card as it is. The default wherever another text could replace the user's own."""
TAKE_NEW = Action("accept", "Take the new", "2", Look.OUTLINED, "Changed")
MASKS = Action(
    "masks", "Save the masks", "", Look.FILLED, "Masks changed", needs="drawing"
)
SKIP = Action("later", "Later", "s", Look.MORE, "Later")
WAIT = replace(SKIP, look=Look.FILLED)
"""The default where every answer decides on several cards."""
REST = Action(
    *("reject", "Reject the rest of the highlight", "", Look.MORE),
    "Rejected the rest of",
    sends={"passage": True},
)
ANOTHER = Action(
    "accept", "Another", "3", Look.OUTLINED, "Accepted", sends={"another": True}
)
FORCE = Action(
    "accept", "Accept anyway", "", Look.MORE, "Accepted", sends={"forced": True}
)
BROWSE = Action("browse", "Show in Anki", "b", Look.TEXT, "", stays="Asking Anki …")
OTHERS = Action(
    *("others", "Let the model draft others", "", Look.MORE, ""),
    stays="Asking the model …",
)
AGAIN = Action("chat", "Ask again", "m", Look.TEXT, "")
"""Opens the dialog with a prompt for a chat, which includes the changed passage. Handled by the
page's script.
"""


def relabel(action: Action, label: str, message: str) -> Action:
    """Copy an action with a new label and message."""
    return replace(action, label=label, message=message)
