"""The hooks by which features extend the program.

A feature is a directory in `ankiforge/features` with a subclass of `Hooks`. The program works
without any feature, so no other package imports a feature, and features don't import each
other. `cli` calls the hooks and passes their results to `web` and `reports`. Each hook is
used by at least two features, and none may change what a card is (matching, events, checks
and plans for Anki). To keep `ankiforge --help` fast, this module and the `__init__` of each
feature import only the standard library.
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
"""The directories in `ankiforge/features`, in display order."""

Heading = Literal["Every day", "Cards", "Anki", "Set up"]
"""The headings for commands in `ankiforge --help`."""


class Tool(NamedTuple):
    """A function that agents may call through the MCP server of the `agents` feature.

    Any private text in the result is masked.
    """

    name: str
    arguments: type
    """A `msgspec.Struct` for the arguments. Its docstring describes the tool to the agent."""
    handler: Callable[..., Json]
    """Takes a workspace, the `Privacy` of the workspace's texts, and the arguments by name."""


class CommandRow(NamedTuple):
    """A command as listed by `ankiforge --help`."""

    name: str
    heading: Heading
    short_help: str
    module: str
    """The module that defines the click command under `name`. It is imported only when the command
    runs.
    """
    next_command: str = ""
    """The command that this one precedes under its heading, or "" to list it last."""
    takes_workspace_argument: bool = False
    """Whether the workspace is an argument of the command, so that messages with the command omit
    `-C`.
    """
    tools_module: str = ""
    """The module with the `TOOLS` that agents may call instead of the command, or ""."""
    model_purpose: str = ""
    """If the command has its own model, the value of `ankiforge model use --for` that sets it
    through `use_model` of `module`; otherwise "".
    """

    def load(self) -> click.Command:
        """Import the command's module and return the click command."""
        names = vars(import_module(self.module))
        command: click.Command = names.get(self.name) or names[f"{self.name}_"]
        return command


class Hooks:
    """Base class of features. Each hook does nothing unless it is overridden."""

    def commands(self) -> Iterable[CommandRow]:
        """Return the commands that the feature adds."""
        return ()

    def after_run(
        self, workspace: Workspace, result: RunResult, show: ShowProgress
    ) -> None:
        """Called after a run has read the sources and Anki and written the package.

        Any failure is added to the problems of `result`.
        """

    def make_notice(self, ledger: Ledger) -> FeatureNotice | None:
        """Return a notice to show in `status` and at the end of a run, if any.

        Must not write anything.
        """
        return None

    def make_page_part(
        self, workspace: Workspace, faces: ItemRenderer
    ) -> PagePart | None:
        """Build the feature's part of the web page for one session, if any.

        The feature's script `page.js`, if any, runs before the page's own. `faces` renders
        passages and pictures the same way as the rest of the page.
        """
        return None


def collect_notices(ledger: Ledger) -> list[FeatureNotice]:
    """Collect the notices of all features, in the order of `FEATURES`."""
    return [
        notice for feature in load_features() if (notice := feature.make_notice(ledger))
    ]


def collect_page_parts(workspace: Workspace, faces: ItemRenderer) -> list[PagePart]:
    """Collect the features' parts of the web page, in the order of `FEATURES`."""
    return [
        part
        for feature in load_features()
        if (part := feature.make_page_part(workspace, faces))
    ]


@cache
def load_features() -> tuple[Hooks, ...]:
    """Import the installed features, in the order of `FEATURES`."""
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
    """Map request names such as `agents.js` to the features' `page.js` files."""
    from importlib.resources import files

    scripts_by_name = {}
    for feature in load_features():
        module = type(feature).__module__
        script = files(module).joinpath("page.js")
        if script.is_file():
            scripts_by_name[f"{module.rpartition('.')[2]}.js"] = script
    return scripts_by_name
