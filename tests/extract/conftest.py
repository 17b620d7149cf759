from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.fakes import zotero_server
from tests.makers.zotero_writer import Library


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key that the stand-in of Zotero's servers accepts."""
    monkeypatch.setenv("ZOTERO_API_KEY", zotero_server.KEY)


@pytest.fixture
def serve() -> Iterator[Callable[..., Any]]:
    """`serve(*libraries)`: starts stand-ins of Zotero's servers."""
    with ExitStack() as stack:

        def serve_(*libraries: Library, **more: Any) -> Any:
            return stack.enter_context(zotero_server.ZoteroServer(libraries, **more))

        yield serve_
