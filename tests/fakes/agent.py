"""A scripted agent: a client of the real SDK over stdio, for tests that know no `async`."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    closing,
    contextmanager,
)
from threading import Thread
from typing import Any

from anyio import wrap_file
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.server.stdio import stdio_server
from mcp.types import Implementation

from tests.forked import Forked, forked
from tests.limits import PATIENCE


class Client:
    """A client of a server; `said` holds every answer as text."""

    def __init__(self, streams: AbstractAsyncContextManager[Any], name: str) -> None:
        self.said: list[str] = []
        self._name = name
        self._loop = asyncio.new_event_loop()
        Thread(target=self._loop.run_forever, daemon=True).start()
        self._ready: Future[ClientSession] = Future()
        self._task = asyncio.run_coroutine_threadsafe(self._serve(streams), self._loop)
        self._session = self._ready.result(PATIENCE)

    async def _serve(self, server: AbstractAsyncContextManager[Any]) -> None:
        self._end = asyncio.Event()
        info = Implementation(name=self._name, version="1.0")
        async with (
            server as streams,
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
def client(
    forge: Any, name: str = "tester", waits: Mapping[str, float] = {}
) -> Iterator[Client]:
    """Return a client of `ankiforge mcp` in a workspace; `waits` are those of `forked`."""
    with (
        forked(forge, "mcp", waits=waits) as server,
        closing(Client(_streams(server), name)) as made,
    ):
        yield made


@asynccontextmanager
async def _streams(server: Forked) -> AsyncIterator[Any]:
    """Yield the streams to a server: those that the SDK has for servers, the other way round."""
    async with stdio_server(wrap_file(server.stdout), wrap_file(server.stdin)) as streams:
        yield streams
        server.stdin.close()  # so it ends


@contextmanager
def connected(
    command: Sequence[str], environment: dict[str, str], folder: Any
) -> Iterator[Client]:
    """Return a client of any server, which it starts."""
    parameters = StdioServerParameters(
        command=command[0],
        args=[*command[1:]],
        env={**os.environ, **environment},
        cwd=folder,
    )
    with closing(Client(stdio_client(parameters), "tester")) as made:
        yield made
