"""What a feature adds to the program: the whole contract between both.

A feature is one folder of `ankiforge/features`, with its work, its commands and its tests in
`tests/features`. Its `__init__` has a subclass of `Feature`, whose methods are hooks: the program
calls each at one place, and goes on without it where a folder was taken away. No feature imports
another, and no other package imports a feature.

A hook is added with its second user. What decides what a card is (matching, events, questions,
checks, plans for Anki) has no hook.

`ankiforge --help` imports this module and the `__init__` of each feature, so both import only the
standard library.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable
    from pathlib import Path

    import click

    from ankiforge.ledger import Ledger
    from ankiforge.model import Json, Shown
    from ankiforge.pipeline.workspace import Workspace
    from ankiforge.review import Decision
    from ankiforge.web.faces import Faces

FEATURES = ("patch", "adopt", "repair", "agents")
"""The folders of `ankiforge/features`, in the order in which what they add is shown."""

Heading = Literal["Every day", "Cards", "Anki", "Set up"]


class Tool(NamedTuple):
    """What an agent may call; the feature `agents` offers it, and masks what its answer holds."""

    name: str
    arguments: type
    """A `msgspec.Struct`, whose docstring describes the tool to the agent."""
    answer: Callable[..., Json]
    """Takes a workspace, the `Privacy` of its texts, and the arguments by name."""


class Command(NamedTuple):
    """A command, as the help lists it."""

    name: str
    heading: Heading
    short_help: str
    module: str
    """Has the command of click under its name, and is imported when that is called."""
    before: str = ""
    """The command that follows it under its heading; "" = it is the last one."""
    names_folder: bool = False
    """Whether it takes its workspace as an argument, and needs no `-C` where a message names it."""
    tool: Callable[[], Tool] | None = None
    """Imports and returns what an agent may call in its place; None = nothing."""

    def load(self) -> click.Command:
        """Import the command."""
        names = vars(import_module(self.module))
        command: click.Command = names.get(self.name) or names[f"{self.name}_"]
        return command


class Noticed(NamedTuple):
    """What a feature noticed in the ledger or in Anki, for the summary of a run and `status`."""

    line: str = ""
    """A line below the summary; "" = there is nothing to say."""
    data: Mapping[str, Any] = {}
    """What it adds to the JSON of the run, by new keys."""
    step: str = ""
    """The command to type next, before any of the program; "" = the feature needs none."""
    why: str = ""
    instead: str = ""
    """The command that does without `step`, in full."""


class PageList(Protocol):
    """A list of the page whose items the ledger does not have: a row of the shelf if it has any."""

    id: str
    title: str
    about: str
    """What it has, in a few words below the title."""
    cover: str
    """A letter or sign, which stands before the title."""
    prefix: str
    """Begins the ids of its items."""
    ending: str
    """A sentence at the end of a sitting with its items."""

    @property
    def left(self) -> int:
        """How many items wait; nothing slow is read for that."""

    def read(self) -> None:
        """Read the items, if they have changed."""

    def faces(self, start: int, most: int) -> list[Json]:
        """Return the items from a place on, as `web/faces.py` describes them."""

    def face(self, id: str) -> Json | None:
        """Return an item; None if it no longer waits."""

    def decide(self, decision: Decision) -> Json:
        """Carry out a decision; return `undo` and `said`, and the `item` if it stays."""

    def undo(self, action: str) -> Json | None:
        """Take back a decision on one of the items; return it, or None if it was none of them."""

    def preview(self, decision: Decision) -> Shown:
        """Return the card that the fields of the editor make."""

    def question_about(self, id: str) -> Json:
        """Return the `text` that asks a chat about an item, and what is `said` of it."""

    def answered(self, id: str, reply: str) -> tuple[str, bool]:
        """Take the answer of a chat; return a sentence, and whether it brought anything."""


class Feature:
    """The hooks of a feature; each adds nothing unless the feature says what."""

    def commands(self) -> Iterable[Command]:
        """Return the commands that the feature adds."""
        return ()

    def view(self, ledger: Ledger, collection: Path | None) -> Noticed:
        """Return what is to be told after a run, or by `status`; write no event.

        Args:
            ledger: has the notes as Anki was seen last.
            collection: the collection that the run has read; None = it has read none.
        """
        return Noticed()

    def page(self, workspace: Workspace, faces: Faces) -> Iterable[PageList]:
        """Return the lists that the feature adds to a session at the page.

        `faces` draws passages and pictures, as the page does elsewhere. The feature's file
        `page.js`, if it has one, runs before the script of the page.
        """
        return ()


def noticed(ledger: Ledger, collection: Path | None = None) -> list[Noticed]:
    """Return what each feature noticed, in the order of `FEATURES`."""
    return [feature.view(ledger, collection) for feature in features()]


@cache
def features() -> tuple[Feature, ...]:
    """Return the features whose folders are there."""
    found: list[Feature] = []
    for name in FEATURES:
        module = f"ankiforge.features.{name}"
        try:
            found.append(import_module(module).feature)
        except ModuleNotFoundError as error:
            if error.name != module:
                raise
    return tuple(found)


@cache
def scripts() -> dict[str, Traversable]:
    """Return the `page.js` of each feature that has one, by the name that the page asks for."""
    from importlib.resources import files

    found = {}
    for feature in features():
        folder = type(feature).__module__
        script = files(folder).joinpath("page.js")
        if script.is_file():
            found[f"{folder.rpartition('.')[2]}.js"] = script
    return found
