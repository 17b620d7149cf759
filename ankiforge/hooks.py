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
from functools import cache, cached_property, partial
from importlib import import_module
from inspect import getdoc
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable
    from pathlib import Path

    import click
    from msgspec import Struct

    from ankiforge.ledger import Ledger
    from ankiforge.model import FeatureNotice, Json, Problem
    from ankiforge.pipeline.workspace import ShowProgress, Workspace
    from ankiforge.web.items import ItemRenderer
    from ankiforge.web.page_part import PagePart

FEATURES = ("patch", "adopt", "repair", "figures", "agents", "ask")
"""The directories in `ankiforge/features`, in display order."""

Heading = Literal["Every day", "Cards", "Anki", "Set up"]
"""The headings for commands in `ankiforge --help`."""


class Tool:
    """A function that agents may call through the MCP server of the `agents` feature.

    The function's name and docstring are shown to agents. Its keyword-only parameters are the
    tool's arguments, and their annotations and defaults become the JSON schema. In a feature,
    the function also takes a workspace and its `PrivacyFilter` as positional parameters, and
    private text in its result is masked.
    """

    def __init__(self, function: Callable[..., Json], *, writes: bool) -> None:
        """Create a tool; see `agent_tool`."""
        self.function = function
        self.name = function.__name__
        self.writes = writes

    @cached_property
    def arguments(self) -> type[Struct]:
        """A struct type with a field for each argument. It rejects unknown arguments.

        For `def find(workspace, *, query: str, limit: int = 10)`, its fields are `query` and
        `limit`. The server in `features/agents` converts a call's JSON to it, and makes the schema
        from it.
        """
        from inspect import Parameter, signature
        from typing import get_type_hints

        from msgspec import defstruct

        hints = get_type_hints(self.function, include_extras=True)
        fields: list[Any] = []
        for name, parameter in signature(self.function).parameters.items():
            if parameter.kind is not Parameter.KEYWORD_ONLY:
                continue
            if parameter.default is Parameter.empty:
                fields.append((name, hints[name]))
            else:
                fields.append((name, hints[name], parameter.default))
        return defstruct(self.name, fields, forbid_unknown_fields=True, kw_only=True)

    @property
    def description(self) -> str:
        """The text that describes the tool to an agent."""
        return getdoc(self.function) or ""


def agent_tool(*, writes: bool = False) -> Callable[[Callable[..., Json]], Tool]:
    """Return a decorator that turns a function into a `Tool`.

    `writes` tells agents that the tool changes the workspace.
    """
    return partial(Tool, writes=writes)


class CommandRow(NamedTuple):
    """A command as listed by `ankiforge --help`."""

    name: str
    heading: Heading
    short_help: str
    module: str
    """The module that defines the click command under `name`. It is imported only when the command
    runs.
    """
    next_command: str | None = None
    """The command that this one precedes under its heading, or None to list it last."""
    takes_workspace_argument: bool = False
    """Whether the command takes the workspace as an argument, so that messages that mention the
    command omit `-C`.
    """
    tools_module: str | None = None
    """The module with the `TOOLS` that agents may call instead of the command, if it has any."""
    model_purpose: str | None = None
    """The value of `ankiforge model use --for` for a command with its own model, if it has one.
    The model is set by calling `use_model` of `module`.
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
        self, workspace: Workspace, collection: Path | None, show: ShowProgress
    ) -> list[Problem]:
        """Called after a run has read the sources and Anki and written the package.

        `collection` is the path of Anki's collection, or None if the run couldn't read it.

        Returns:
            The failures, and notices to show at the end of the run.
        """
        return []

    def make_notice(self, ledger: Ledger) -> FeatureNotice | None:
        """Return a notice to show in `status` and at the end of a run, if any.

        Must not write anything.
        """
        return None

    def make_page_part(
        self, workspace: Workspace, renderer: ItemRenderer
    ) -> PagePart | None:
        """Build the feature's part of the web page for one session, if any.

        The feature's script `page.js`, if any, runs before the page's own. `renderer` renders
        passages and pictures the same way as the rest of the page.
        """
        return None


def collect_notices(ledger: Ledger) -> list[FeatureNotice]:
    """Collect the notices of all features, in the order of `FEATURES`."""
    return [
        notice for feature in load_features() if (notice := feature.make_notice(ledger))
    ]


def collect_page_parts(workspace: Workspace, renderer: ItemRenderer) -> list[PagePart]:
    """Collect the features' parts of the web page, in the order of `FEATURES`."""
    return [
        part
        for feature in load_features()
        if (part := feature.make_page_part(workspace, renderer))
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
