"""`ankiforge mcp`: serve an agent on stdin and stdout."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ankiforge.cli.output import Call, command, session, workspace_of
from ankiforge.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from ankiforge.config.workspace import Workspace
    from ankiforge.ledger import Ledger
    from ankiforge.model import Source

_SEEN = (
    "passages you highlighted, with the text around them, your comments on them, titles;\n"
    "  your cards, their sources, and how often you forgot them"
)


@command("""
  ankiforge mcp --trust ~/cards    let agents read this workspace, once
  ankiforge -C ~/cards mcp         what an agent starts
""")
@click.option(
    "--trust",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="DIR",
    help="Let agents read the workspace DIR; serve nothing.",
)
def mcp(call: Call, trust: Path | None) -> None:
    """Serve an agent (MCP, stdio): it drafts, the checks judge, you decide.

    The agent's provider sees what the agent reads. What is tagged #no-llm is never shown.
    """
    from ankiforge.config.workspace import Concern, confirm, is_confirmed, user_folder
    from ankiforge.config.yamlfile import Location

    reads = Concern("agents would read passages and cards", Location("mcp"))
    if trust is not None:
        workspace = workspace_of(replace(call, workspace=trust))
        confirm(workspace, [reads], user_folder())
        call.out.say(
            f"agents may read {workspace.root}; what their provider will see:\n  {_SEEN}\n"
            "anything tagged #no-llm stays here"
        )
        return
    try:
        from ankiforge.mcp.server import serve
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"the MCP server needs the package {error.name}",
            hint="pip install 'ankiforge-cards[mcp]'",
        ) from error
    from ankiforge.mcp.agent import Agent

    quiet = replace(call, out=replace(call.out, quiet=True, as_json=True))

    @contextmanager
    def opened(writes: str) -> Iterator[tuple[Workspace, Ledger]]:
        from ankiforge.mcp.agent import PATIENCE_S

        workspace = workspace_of(quiet)
        if not is_confirmed(workspace, reads, user_folder()):
            what = "nobody has allowed agents to read this workspace"
            hint = f"the person runs: ankiforge mcp --trust {workspace.root}"
            raise UsageError(what, hint=hint)
        with session(quiet, writes=writes, patience=PATIENCE_S) as now:
            yield now.workspace, now.ledger

    def sources(workspace: Workspace, ledger: Ledger) -> tuple[Source, ...]:
        from ankiforge import app

        selected, _, _ = app.select_sources(workspace)
        return app.open_sources(workspace, ledger, selected, offline=quiet.offline)

    serve(Agent(opened, sources))
