"""Turn highlights into Anki cards, checked and compared for duplicates.

The library consists of the class `Workspace` and the values that its methods take and return:

    with ankiforge.Workspace("~/cards") as workspace:
        workspace.run(["paper.pdf"])

See `docs/guides/developers.md` for more.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ankiforge.errors import ForgeError
    from ankiforge.ledger import HighlightOutcome
    from ankiforge.model import (
        Finding,
        Highlight,
        LocalCard,
        PendingDraft,
        Problem,
        UserQuestion,
    )
    from ankiforge.pipeline.run_result import RunResult
    from ankiforge.pipeline.workspace import Workspace

__version__ = "0.1.0"

__all__ = [
    "Finding",
    "ForgeError",
    "Highlight",
    "HighlightOutcome",
    "LocalCard",
    "PendingDraft",
    "Problem",
    "RunResult",
    "UserQuestion",
    "Workspace",
    "__version__",
]

_MODULE_BY_NAME = {
    "Finding": "ankiforge.model",
    "ForgeError": "ankiforge.errors",
    "Highlight": "ankiforge.model",
    "HighlightOutcome": "ankiforge.ledger",
    "LocalCard": "ankiforge.model",
    "PendingDraft": "ankiforge.model",
    "Problem": "ankiforge.model",
    "UserQuestion": "ankiforge.model",
    "RunResult": "ankiforge.pipeline.run_result",
    "Workspace": "ankiforge.pipeline.workspace",
}


def __getattr__(name: str) -> Any:
    """Import public names lazily, to keep `ankiforge --help` fast."""
    if name not in _MODULE_BY_NAME:
        raise AttributeError(f"module 'ankiforge' has no attribute {name!r}")
    return getattr(import_module(_MODULE_BY_NAME[name]), name)
