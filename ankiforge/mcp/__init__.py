"""The MCP server: the tools that an agent may call, and their answers.

An agent is a client of the server: a language model that belongs to somebody else. No
tool accepts a card, changes a person's text, deletes, builds or connects to Anki. No
answer contains text that must stay on this machine (`#no-llm`), whichever table it comes
from.

The tools are the methods of `Agent` (`agent.py`), what they show goes through `AgentView`
(`agent.py`), and their arguments and descriptions are in `server.py`.
"""

from ankiforge.mcp.agent import PATIENCE_S, Agent
from ankiforge.mcp.server import serve

__all__ = ["PATIENCE_S", "Agent", "serve"]
