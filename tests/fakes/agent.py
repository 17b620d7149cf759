"""A scripted agent: a client of the real SDK over stdio, for tests that know no `async`."""

import asyncio
import json
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Thread
from typing import Any

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.types import Implementation

from tests.limits import PATIENCE

OURS = (sys.executable, "-m", "ankiforge", "mcp")


class Client:
    """A client of a server that it starts; `said` holds every answer as text."""

    def __init__(
        self, command: Sequence[str], environment: dict[str, str], folder: Any, name: str
    ) -> None:
        self.said: list[str] = []
        self._name = name
        self._loop = asyncio.new_event_loop()
        Thread(target=self._loop.run_forever, daemon=True).start()
        self._ready: Future[ClientSession] = Future()
        parameters = StdioServerParameters(
            command=command[0],
            args=[*command[1:]],
            env={**os.environ, **environment},
            cwd=folder,
        )
        self._task = asyncio.run_coroutine_threadsafe(self._serve(parameters), self._loop)
        self._session = self._ready.result(PATIENCE)

    async def _serve(self, parameters: StdioServerParameters) -> None:
        self._end = asyncio.Event()
        info = Implementation(name=self._name, version="1.0")
        async with (
            stdio_client(parameters) as streams,
            ClientSession(*streams, client_info=info) as session,
        ):
            await session.initialize()
            self._ready.set_result(session)
            await self._end.wait()

    def __call__(self, tool: str, **arguments: Any) -> Any:
        """Call a tool; return its data, or its text if that is no JSON."""
        result = self._wait(self._session.call_tool(tool, arguments))
        text = "\n".join(getattr(one, "text", "") for one in result.content)
        self.said.append(text)
        try:
            return text if result.is_error else json.loads(text)
        except ValueError:
            return text

    def tools(self) -> list[dict[str, Any]]:
        found = self._wait(self._session.list_tools()).tools
        return [
            one.model_dump(exclude_none=True, by_alias=True, mode="json") for one in found
        ]

    def propose(self, highlight: str, **card: str) -> Any:
        [result] = self("propose_cards", cards=[{"highlight": highlight, **card}])[
            "results"
        ]
        return result

    def keys(self) -> dict[str, str]:
        """Return the keys of the highlights without a card, by the words that are marked."""
        found, offset = dict[str, str](), 0
        while offset is not None:
            page = self("list_highlights", offset=offset, limit=50)
            found |= {one["marked"]: one["highlight"] for one in page["highlights"]}
            offset = page["next_offset"]
        return found

    def _wait(self, call: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(call, self._loop).result(60)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._task.result(PATIENCE)


@contextmanager
def client(forge: Any, name: str = "tester") -> Iterator[Client]:
    """Return a client of `ankiforge mcp` in a workspace."""
    with connected(OURS, forge.environment, forge.folder, name) as made:
        yield made


@contextmanager
def connected(
    command: Sequence[str], environment: dict[str, str], folder: Any, name: str = "tester"
) -> Iterator[Client]:
    """Return a client of any server."""
    made = Client(command, environment, folder, name)
    try:
        yield made
    finally:
        made.close()
