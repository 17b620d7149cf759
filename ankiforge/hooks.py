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
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from ankiforge.ledger import Ledger

FEATURES = ("patch", "adopt", "agents")
"""The folders of `ankiforge/features`, in the order in which what they add is shown."""

Heading = Literal["Every day", "Cards", "Anki", "Set up"]


class Command(NamedTuple):
    """A command, as the help lists it."""

    name: str
    heading: Heading
    short_help: str
    load: Callable[[], Any]
    """Imports the command of click and returns it."""
    before: str = ""
    """The command that follows it under its heading; "" = it is the last one."""
    names_folder: bool = False
    """Whether it takes its workspace as an argument, and needs no `-C` where a message names it."""


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


class Feature:
    """The hooks of a feature; each adds nothing unless the feature says what."""

    def commands(self) -> Iterable[Command]:
        """Return the commands that the feature adds."""
        return ()

    def view(self, ledger: Ledger) -> Noticed:
        """Return what is to be told after a run, or by `status`.

        The ledger has the notes as Anki was seen last; no event is written.
        """
        return Noticed()


def noticed(ledger: Ledger) -> list[Noticed]:
    """Return what each feature noticed, in the order of `FEATURES`."""
    return [feature.view(ledger) for feature in features()]


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
