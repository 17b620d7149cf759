"""The page's server without a browser: what it answers to one who may ask."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ankiforge.config.workspace import resolve
from ankiforge.ledger import open_ledger
from ankiforge.review.page.decisions import Models
from ankiforge.review.page.guard import Guard
from ankiforge.review.page.server import make_app
from ankiforge.review.service import Service

HOST = "127.0.0.1:7777"


class Client:
    """`client.item(view="pending")`, `client.decide("accept", found)`."""

    def __init__(self, app: Any, guard: Guard, service: Service) -> None:
        self.guard, self.service = guard, service
        self.http = app.test_client()
        self.first = self.get("/", token=guard.token)

    def get(self, path: str, **values: str) -> Any:
        return self.http.get(path, query_string=values, headers={"Host": HOST})

    def item(self, **values: str) -> Any:
        return self.get("/api/item", **values).json

    def views(self, **values: str) -> Any:
        return self.get("/api/views", **values).json

    def post(self, path: str, body: Any, **headers: str) -> Any:
        usual = {"Host": HOST, "Origin": f"http://{HOST}"}
        return self.http.post(path, json=body, headers=usual | headers)

    def decide(self, what: str, found: Any = None, query: str = "", **args: str) -> Any:
        """A decision about an item that was shown; what the page shows next."""
        item = found["item"] if found else {"id": "", "stamp": ""}
        body = {"what": what, "at": item["id"], "stamp": item["stamp"], "args": args}
        view, after = (found["view"], found["next"]) if found else ("pending", "")
        body |= {"view": view, "next": after, "query": query}
        return self.post("/api/decide", body).json


@pytest.fixture
def client(forge: Any) -> Iterator[Callable[[], Client]]:
    """Opens the page's server on the workspace of `forge`, once something was run there."""
    opened: list[Any] = []

    def start(query: str = "", asking: Models | None = None) -> Client:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in forge.environment.items():
                patch.setenv(name, value)
            workspace = resolve(None, forge.folder)
        ledger = open_ledger(workspace.ledger, workspace.journal, any_thread=True)
        opened.append(ledger)
        desk, guard = Service(workspace, ledger), Guard(7777)
        return Client(make_app(lambda: desk, guard, query, asking), guard, desk)

    yield start
    for ledger in opened:
        with closing(ledger):
            pass


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """A small vault of three marks."""
    folder = tmp_path / "notes"
    (folder / ".obsidian").mkdir(parents=True)
    text = "The ==cell== divides.\n\nThe ==nucleus== holds the DNA.\n\nA ==ribosome== makes proteins.\n"
    (folder / "a.md").write_text(text)
    return folder
