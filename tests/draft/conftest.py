from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any, NamedTuple

import pytest

from ankiforge.draft.client import ModelClient
from ankiforge.draft.llm import ModelDrafter
from ankiforge.draft.privacy import PrivacyFilter, SendableTask
from ankiforge.draft.prompt import Prompt, load_prompt_file
from ankiforge.draft.server import ServerSettings
from ankiforge.model import (
    Document,
    DocumentKey,
    Draft,
    DraftingResult,
    DraftingStatus,
    DraftingTask,
    Highlight,
    HighlightKey,
    PrivateText,
    Problem,
)
from ankiforge.model import HighlightKind as Kind
from ankiforge.text.private import (
    get_privacy_reason,
    list_private_phrases,
    list_private_texts,
)
from tests.fakes import llm_server


@pytest.fixture
def memory() -> Any:
    return llm_server.Memory()


@pytest.fixture
def prompt() -> Prompt:
    return load_prompt_file("cards")


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
        for one in filter(get_privacy_reason, passages):
            where = one.document.key
            private += [PrivateText(words, where) for words in list_private_texts(one)]
            phrases = list_private_phrases(one)
            private += [PrivateText(words, where, is_name=True) for words in phrases]
        return PrivacyFilter(private).make_sendable_task(
            DraftingTask(passages[0].document, tuple(passages), **fields)
        )

    return make


@pytest.fixture
def model(
    server: Any, memory: Any, prompt: Prompt, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., ModelDrafter]]:
    """A model at the fake server that does not wait between retries."""
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.001)

    def make(replies: Any = None, **fields: Any) -> ModelDrafter:
        asking = ("notice", "offline", "fresh")
        of_client = {key: fields.pop(key) for key in asking if key in fields}
        given = {"base_url": server.base_url, "model": "fake", **fields}
        client = ModelClient(ServerSettings(**given), replies or memory, **of_client)
        made.append(ModelDrafter(client, prompt))
        return made[-1]

    made: list[ModelDrafter] = []
    yield make
    for one in made:
        one.stop()


class Joined(NamedTuple):
    """The results of a task, by what became of its highlights."""

    highlights: list[Highlight]
    drafts: list[Draft]
    no_cards: list[DraftingResult]
    failed: list[DraftingResult]
    problems: list[Problem]


@pytest.fixture
def draft(
    model: Callable[..., ModelDrafter],
    whole: Callable[[Iterable[list[DraftingResult]]], Joined],
) -> Callable[..., Joined]:
    """Draft one task at the fake server."""
    return lambda task, **fields: whole(model(**fields).draft(iter([task])))


@pytest.fixture
def whole() -> Callable[[Iterable[list[DraftingResult]]], Joined]:
    """Join the results of one task, which come reply by reply."""

    def join(parts: Iterable[list[DraftingResult]]) -> Joined:
        results = list(chain(*parts))
        without = [one for one in results if not one.drafts]
        return Joined(
            highlights=[one.highlight for one in results],
            drafts=[draft for one in results for draft in one.drafts],
            no_cards=[one for one in without if one.status is not DraftingStatus.FAILED],
            failed=[one for one in without if one.status is DraftingStatus.FAILED],
            problems=list(dict.fromkeys(one.problem for one in results if one.problem)),
        )

    return join
