from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any, NamedTuple

import pytest

from ankiforge.draft.client import Client
from ankiforge.draft.llm import Model
from ankiforge.draft.prompt import Prompt, load
from ankiforge.draft.sendable import Privacy, SendableTask
from ankiforge.draft.server import ServerSettings
from ankiforge.model import (
    Document,
    DocumentKey,
    Draft,
    Drafted,
    Highlight,
    HighlightKey,
    PrivateText,
    Problem,
    Task,
)
from ankiforge.model import HighlightKind as Kind
from ankiforge.text.private import private_phrases, private_words, why_private
from tests.fakes import llm_server


@pytest.fixture
def memory() -> Any:
    return llm_server.Memory()


@pytest.fixture
def prompt() -> Prompt:
    return load("cards")


PAPER = Document(
    DocumentKey("pdf:p"), source="papers", title="On Sleep", creators=("Ada",)
)


@pytest.fixture
def highlight() -> Callable[..., Highlight]:
    """A highlight of a paper: `highlight(exact, **fields)`; its key follows from its words."""

    def make(exact: str, **fields: Any) -> Highlight:
        key = HighlightKey(fields.pop("key", f"pdf:p/{exact[:20]}"))
        given = {
            "document": PAPER,
            "namespace": "pdf:p",
            "kind": Kind.HIGHLIGHT,
            **fields,
        }
        return Highlight(exact=exact, key=key, **given)

    return make


@pytest.fixture
def task(highlight: Callable[..., Highlight]) -> Callable[..., SendableTask]:
    """A task over highlights, or over as many numbered passages as are wanted."""

    def make(*marked: Highlight | str, count: int = 0, **fields: Any) -> SendableTask:
        numbered = [
            f"Passage {n} says that sleep has {n} stages." for n in range(1, count + 1)
        ]
        passages = [
            one if isinstance(one, Highlight) else highlight(one) for one in marked
        ]
        passages += [
            highlight(text, key=f"pdf:p/{n}") for n, text in enumerate(numbered, 1)
        ]
        private = list[PrivateText]()
        for one in filter(why_private, passages):
            where = one.document.key
            private += [PrivateText(words, where) for words in private_words(one)]
            phrases = private_phrases(one)
            private += [PrivateText(words, where, is_name=True) for words in phrases]
        return Privacy(private).task(
            Task(passages[0].document, tuple(passages), **fields)
        )

    return make


@pytest.fixture
def model(
    server: Any, memory: Any, prompt: Prompt, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Model]]:
    """A model at the fake server that does not wait between retries."""
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.001)

    def make(replies: Any = None, **fields: Any) -> Model:
        asking = ("notice", "offline", "fresh")
        of_model = {"repair": fields.pop("repair")} if "repair" in fields else {}
        of_client = {key: fields.pop(key) for key in asking if key in fields}
        given = {"base_url": server.base_url, "model": "fake", **fields}
        client = Client(ServerSettings(**given), replies or memory, **of_client)
        made.append(Model(client, prompt, **of_model))
        return made[-1]

    made: list[Model] = []
    yield make
    for one in made:
        one.leave()


class Joined(NamedTuple):
    """The results of a task, by what became of its highlights."""

    highlights: list[Highlight]
    drafts: list[Draft]
    no_cards: list[Drafted]
    failed: list[Drafted]
    problems: list[Problem]


@pytest.fixture
def draft(
    model: Callable[..., Model], whole: Callable[[Iterable[list[Drafted]]], Joined]
) -> Callable[..., Joined]:
    """Draft one task at the fake server."""
    return lambda task, **fields: whole(model(**fields).draft(iter([task])))


@pytest.fixture
def whole() -> Callable[[Iterable[list[Drafted]]], Joined]:
    """Join the results of one task, which come reply by reply."""

    def join(parts: Iterable[list[Drafted]]) -> Joined:
        results = list(chain(*parts))
        without = [one for one in results if not one.drafts]
        return Joined(
            highlights=[one.highlight for one in results],
            drafts=[draft for one in results for draft in one.drafts],
            no_cards=[one for one in without if not one.failed],
            failed=[one for one in without if one.failed],
            problems=list(dict.fromkeys(one.problem for one in results if one.problem)),
        )

    return join
