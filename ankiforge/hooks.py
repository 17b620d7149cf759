"""What a feature adds to the program: the whole contract between both.

A feature is one folder of `ankiforge/features`, with its work, its commands and its tests in
`tests/features`. Its `__init__` has a subclass of `Hooks`, and the program goes on without it where
the folder was taken away. No feature imports another, and no other package imports a feature.
`cli` asks the hooks, and hands what they return to `web` and `reports`, which know none.

A hook is added with its second user. What decides what a card is (matching, events, questions,
checks, plans for Anki) has no hook.

`ankiforge --help` imports this module and the `__init__` of each feature, so both import only the
standard library.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    import click

    from ankiforge.ledger import Ledger
    from ankiforge.model import Json, Noticed
    from ankiforge.pipeline.result import RunResult
    from ankiforge.pipeline.workspace import ShowProgress, Workspace
    from ankiforge.web.faces import Faces
    from ankiforge.web.page_part import PagePart

FEATURES = ("patch", "adopt", "repair", "figures", "agents", "ask")
"""The folders of `ankiforge/features`, in the order in which what they add is shown."""

Heading = Literal["Every day", "Cards", "Anki", "Set up"]


class Tool(NamedTuple):
    """What an agent may call; the feature `agents` offers it, and masks what its answer holds."""

    name: str
    arguments: type
    """A `msgspec.Struct`, whose docstring describes the tool to the agent."""
    answer: Callable[..., Json]
    """Takes a workspace, the `Privacy` of its texts, and the arguments by name."""


class CommandRow(NamedTuple):
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
    tools: str = ""
    """The module whose `TOOLS` an agent may call in its place; "" = nothing."""
    model_for: str = ""
    """What `model use --for` calls its model, which `use_model` of `module` chooses; "" = it has
    none of its own."""

    def load(self) -> click.Command:
        """Import the command."""
        names = vars(import_module(self.module))
        command: click.Command = names.get(self.name) or names[f"{self.name}_"]
        return command


class Hooks:
    """The hooks of a feature; each does nothing unless the feature says what."""

    def commands(self) -> Iterable[CommandRow]:
        """Return the commands that the feature adds."""
        return ()

    def after_run(
        self, workspace: Workspace, result: RunResult, show: ShowProgress
    ) -> None:
        """Follow a run: the sources and Anki have been read, and the package is written.

        The feature adds what fails to the problems of `result`.
        """

    def view(self, ledger: Ledger) -> Noticed | None:
        """Return what is to be told after a run, or by `status`; write nothing."""
        return None

    def page(self, workspace: Workspace, faces: Faces) -> PagePart | None:
        """Return what the feature adds to a session at the page.

        `faces` draws passages and pictures, as the page does elsewhere. The feature's file
        `page.js`, if it has one, runs before the script of the page.
        """
        return None


def noticed(ledger: Ledger) -> list[Noticed]:
    """Return what features noticed, in the order of `FEATURES`."""
    return [notice for feature in features() if (notice := feature.view(ledger))]


def page_parts(workspace: Workspace, faces: Faces) -> list[PagePart]:
    """Return what features add to a session at the page, in the order of `FEATURES`."""
    return [part for feature in features() if (part := feature.page(workspace, faces))]


@cache
def features() -> tuple[Hooks, ...]:
    """Return the features whose folders are there."""
    found: list[Hooks] = []
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
