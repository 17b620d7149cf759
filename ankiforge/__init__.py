"""ankiforge: highlights in, checked and deduplicated Anki cards out.

The library is the class `Workspace`, and the values that it takes and returns:

    with ankiforge.Workspace("~/cards") as workspace:
        workspace.run(["paper.pdf"])

`docs/guides/library.md` shows the rest.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ankiforge.errors import ForgeError
    from ankiforge.ledger import HighlightOutcome
    from ankiforge.model import CardHere, Finding, Highlight, Problem, Question, Waiting
    from ankiforge.pipeline.result import RunResult
    from ankiforge.pipeline.workspace import Workspace

__version__ = "0.1.0"

__all__ = [
    "CardHere",
    "Finding",
    "ForgeError",
    "Highlight",
    "HighlightOutcome",
    "Problem",
    "Question",
    "RunResult",
    "Waiting",
    "Workspace",
    "__version__",
]

_MODULES = {
    "CardHere": "ankiforge.model",
    "Finding": "ankiforge.model",
    "ForgeError": "ankiforge.errors",
    "Highlight": "ankiforge.model",
    "HighlightOutcome": "ankiforge.ledger",
    "Problem": "ankiforge.model",
    "Question": "ankiforge.model",
    "RunResult": "ankiforge.pipeline.result",
    "Waiting": "ankiforge.model",
    "Workspace": "ankiforge.pipeline.workspace",
}


def __getattr__(name: str) -> Any:
    """Import a name of the library when it is used first: `ankiforge --help` needs none of them."""
    if name not in _MODULES:
        raise AttributeError(f"module 'ankiforge' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
