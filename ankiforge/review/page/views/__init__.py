"""What there is to look at: each view knows what it holds, and shows one item of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ankiforge.review.page.shown.items import Item
from ankiforge.review.page.views.conflicts import Conflicts
from ankiforge.review.page.views.findings import Findings
from ankiforge.review.page.views.missing import Missing
from ankiforge.review.page.views.passages import Passages
from ankiforge.review.page.views.pending import Pending
from ankiforge.review.page.views.recent import Recent
from ankiforge.review.page.views.retired import Retired
from ankiforge.review.page.views.revisions import Revisions
from ankiforge.review.page.views.run import LastRun
from ankiforge.review.page.views.twins import Twins
from ankiforge.review.page.views.work import Work
from ankiforge.review.service import Service


class View(Protocol):
    """A list of things to decide, in the order of reading."""

    @property
    def name(self) -> str:
        """In addresses: `pending`."""
        ...

    @property
    def title(self) -> str:
        """On the page: `Pending`."""
        ...

    @property
    def about(self) -> str:
        """One line on what it holds and what is decided here."""
        ...

    @property
    def empty(self) -> str:
        """What is said when nothing is left in it."""
        ...

    def ids(self, desk: Service) -> Sequence[str]:
        """All it holds, without filters; cheap, for it is asked after each decision."""
        ...

    def item(self, desk: Service, identity: str) -> Item | None:
        """One of them; None if it does not belong here any more."""
        ...


VIEWS: tuple[View, ...] = (
    Pending(),
    Findings(),
    Work(),
    Revisions(),
    Conflicts(),
    Twins(),
    Passages(),
    Missing(),
    Retired(),
    Recent(),
    LastRun(),
)
"""In the order of the menu."""


def view_named(name: str) -> View:
    """The view of this name; the first if there is none."""
    return next((view for view in VIEWS if view.name == name), VIEWS[0])
