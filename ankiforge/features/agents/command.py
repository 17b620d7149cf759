"""The command `mcp`, which starts the MCP server or allows agents to read a workspace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ankiforge.cli.output import Call, command, find_workspace, open_workspace
from ankiforge.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from ankiforge.config.workspace import Activity
    from ankiforge.pipeline.workspace import Workspace

_SENT = (
    "passages you highlighted, with the text around them, your comments on them, titles;\n"
    "  your cards, their sources, and how often you forgot them"
)


@command("""
  ankiforge mcp --trust ~/cards    let agents read this workspace, once
  ankiforge -C ~/cards mcp         what an agent starts
""")
@click.option(
    "--trust",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Let agents read the workspace DIR; serve nothing.",
)
def mcp(call: Call, trust: Path | None) -> None:
    """Serve an agent (MCP, stdio): it drafts, ankiforge checks, you decide.

    The agent's provider sees what the agent reads. What is tagged #no-llm is never shown.
    """
    from ankiforge.config.trust import AGENTS_PERMISSION, grant_permission, has_permission
    from ankiforge.config.workspace import find_user_directory

    if trust is not None:
        folder = find_workspace(replace(call, workspace=str(trust)))
        grant_permission(folder, find_user_directory(), AGENTS_PERMISSION)
        call.say(
            f"agents may read {folder.root}; what their provider will see:\n  {_SENT}\n"
            "anything tagged #no-llm stays here"
        )
        return
    try:
        from ankiforge.features.agents.agent import LOCK_TIMEOUT, AgentSession
        from ankiforge.features.agents.server import serve
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"the MCP server needs the package {error.name}",
            hint="in the folder of ankiforge: uv tool install '.[mcp]'",
        ) from error
    quiet = replace(call, quiet=True, as_json=True)

    @contextmanager
    def open_trusted_workspace(writes: Activity | None) -> Iterator[Workspace]:
        folder = find_workspace(quiet)
        if not has_permission(folder, find_user_directory(), AGENTS_PERMISSION):
            message = "agents were not allowed to read this workspace"
            hint = f"run: ankiforge mcp --trust {folder.root}"
            raise UsageError(message, hint=hint)
        with open_workspace(quiet, writes=writes, lock_timeout=LOCK_TIMEOUT) as workspace:
            yield workspace

    serve(AgentSession(open_trusted_workspace))
