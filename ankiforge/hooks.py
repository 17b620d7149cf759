"""The hooks by which features extend the program.

A feature is a directory in `ankiforge/features` that defines a subclass of `Hooks`. The program
works without any of them, so features don't import each other, and no other package imports them.
`cli` calls the hooks, and passes the results to `web` and `reports`. Each hook is used by at least
two features, and none may change what a card is (matching, events, checks and plans for Anki). To
keep `ankiforge --help` fast, this module and each feature's `__init__` import only the standard
library.
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
    from ankiforge.model import FeatureNotice, Json
    from ankiforge.pipeline.run_result import RunResult
    from ankiforge.pipeline.workspace import ShowProgress, Workspace
    from ankiforge.web.items import ItemRenderer
    from ankiforge.web.page_part import PagePart

FEATURES = ("patch", "adopt", "repair", "figures", "agents", "ask")
"""The names of the directories in `ankiforge/features`, in the order in which they are shown."""

Heading = Literal["Every day", "Cards", "Anki", "Set up"]
"""The headings under which `ankiforge --help` lists the commands."""


class Tool(NamedTuple):
    """A function that an agent may call through the MCP server of the feature `agents`.

    Private text in the result is masked.
    """

    name: str
    arguments: type
    """A `msgspec.Struct` with the arguments. Its docstring describes the tool to the agent."""
    handler: Callable[..., Json]
    """The function to call. It takes a workspace, the `Privacy` of the texts in the workspace, and
    the arguments by name."""


class CommandRow(NamedTuple):
    """A command as it is listed by `ankiforge --help`."""

    name: str
    heading: Heading
    short_help: str
    module: str
    """The module that contains the click command under its name. It is only imported when the
    command is called."""
    next_command: str = ""
    """The command before which this one is listed under its heading, or "" to list it last."""
    takes_workspace_argument: bool = False
    """Whether the workspace is an argument of the command, so that messages to the user that name
    the command don't add `-C`."""
    tools_module: str = ""
    """The module with `TOOLS` that agents may call instead of the command, or ""."""
    model_purpose: str = ""
    """If the command has a model of its own, the value of `ankiforge model use --for` that sets it,
    by calling `use_model` of `module`. Otherwise ""."""

    def load(self) -> click.Command:
        """Import the module of the command, and return the click command."""
        names = vars(import_module(self.module))
        command: click.Command = names.get(self.name) or names[f"{self.name}_"]
        return command


class Hooks:
    """Base class of a feature. Its methods do nothing, unless the feature overrides them."""

    def commands(self) -> Iterable[CommandRow]:
        """Return the commands that the feature adds."""
        return ()

    def after_run(
        self, workspace: Workspace, result: RunResult, show: ShowProgress
    ) -> None:
        """Called after a run has read the sources and Anki, and has written the package.

        If something fails, the feature adds it to the problems of `result`.
        """

    def make_notice(self, ledger: Ledger) -> FeatureNotice | None:
        """Return a notice to show in `status` and at the end of a run, or None.

        This must not write anything.
        """
        return None

    def make_page_part(
        self, workspace: Workspace, faces: ItemRenderer
    ) -> PagePart | None:
        """Return what the feature adds to the web page for one session, or None.

        The script `page.js` of the feature, if there is one, runs before that of the page.

        Args:
            workspace: the workspace that the page shows.
            faces: renders passages and pictures in the same way as the rest of the page.
        """
        return None


def collect_notices(ledger: Ledger) -> list[FeatureNotice]:
    """Return the notices of all features that have one, in the order of `FEATURES`."""
    return [
        notice for feature in load_features() if (notice := feature.make_notice(ledger))
    ]


def collect_page_parts(workspace: Workspace, faces: ItemRenderer) -> list[PagePart]:
    """Return what the features add to the web page for one session, in the order of `FEATURES`."""
    return [
        part
        for feature in load_features()
        if (part := feature.make_page_part(workspace, faces))
    ]


@cache
def load_features() -> tuple[Hooks, ...]:
    """Import and return the features whose directories exist, in the order of `FEATURES`."""
    installed: list[Hooks] = []
    for name in FEATURES:
        module = f"ankiforge.features.{name}"
        try:
            installed.append(import_module(module).feature)
        except ModuleNotFoundError as error:
            if error.name != module:
                raise
    return tuple(installed)


@cache
def find_page_scripts() -> dict[str, Traversable]:
    """Return the `page.js` files of the features, by the name under which the page requests them.

    The name is that of the feature, followed by `.js`.
    """
    from importlib.resources import files

    scripts_by_name = {}
    for feature in load_features():
        module = type(feature).__module__
        script = files(module).joinpath("page.js")
        if script.is_file():
            scripts_by_name[f"{module.rpartition('.')[2]}.js"] = script
    return scripts_by_name
