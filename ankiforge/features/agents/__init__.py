"""The MCP server: tools for agents, which are language models that third parties operate.

No tool accepts a card, changes the user's text, deletes anything, builds a package or connects to
Anki. No result contains text that must stay on this computer (`#no-llm`). The tools are functions
in `agent.py`, whose docstrings and parameters describe them to agents. Other features can add tools
(`CommandRow.tools_module`). `server.py` serves them all over MCP.
"""

from __future__ import annotations

from collections.abc import Iterable

from ankiforge.hooks import CommandRow, Hooks


class Agents(Hooks):
    """Adds the `mcp` command."""

    def commands(self) -> Iterable[CommandRow]:
        """Return the entry for the `mcp` command."""
        line = "Let an agent draft, over the protocol MCP."
        return [
            CommandRow(
                "mcp",
                "Set up",
                line,
                f"{__name__}.command",
                takes_workspace_argument=True,
            )
        ]


feature = Agents()
