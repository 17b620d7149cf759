"""The MCP server: the tools that an agent may call, and their answers.

An agent is a client of the server: a language model that belongs to somebody else. No
tool accepts a card, changes a person's text, deletes, builds or connects to Anki. No
answer contains text that must stay on this machine (`#no-llm`), whichever table it comes
from.

The tools are the methods of `Agent` (`agent.py`), what they show goes through `AgentView`
(`agent.py`), and their arguments and descriptions are in `server.py`.
"""

from __future__ import annotations

from collections.abc import Iterable

from ankiforge.hooks import CommandRow, Hooks


class Agents(Hooks):
    """The command `mcp`."""

    def commands(self) -> Iterable[CommandRow]:
        """Return `mcp`."""
        line = "Let an agent draft, over the protocol MCP."
        return [
            CommandRow("mcp", "Set up", line, f"{__name__}.command", names_folder=True)
        ]


feature = Agents()
