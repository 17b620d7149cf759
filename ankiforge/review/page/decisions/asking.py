"""What may be asked of a model from the page, and how that ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ankiforge import app
from ankiforge.errors import RefusedError
from ankiforge.review.service import Service

if TYPE_CHECKING:
    from ankiforge.draft.llm import Model

STORING_SECONDS = 10.0
"""What is made of a reply that came may take so long to be stored, when the page ends."""


class Asking:
    """The models that are at work for the page."""

    def __init__(
        self, *, offline: bool = False, say: Callable[[str], None] = lambda words: None
    ) -> None:
        """Nobody is at work yet.

        Args:
            offline: nothing but this machine may be asked.
            say: told what is about to leave the machine, and what is waited for at the end.
        """
        self._offline = offline
        self._say = say
        self._changed = threading.Condition()
        self._at_work: list[Model] = []
        self._ended = False

    @property
    def busy(self) -> bool:
        """Whether a model is asked at this moment."""
        return bool(self._at_work)

    @contextmanager
    def model(self, desk: Service) -> Iterator[Model]:
        """The model that the settings name, to be asked although replies are remembered.

        Raises:
            RefusedError: the page ends.
        """
        model = app.language_model(
            desk.workspace,
            desk.ledger,
            self._say,
            offline=self._offline,
            fresh=True,
            repair=app.repair_hints(app.check_limits(desk.workspace.config)),
        )
        self._begin(model)
        try:
            yield model
        finally:
            with self._changed:
                self._at_work.remove(model)
                self._changed.notify_all()

    def _begin(self, model: Model) -> None:
        with self._changed:
            if self._ended:
                raise RefusedError("the page ends", hint="ankiforge review")
            self._at_work.append(model)

    def close(self) -> None:
        """Ask nothing more; a reply under way is paid for: it is kept, and its cards with it."""
        with self._changed:
            self._ended = True
            models = tuple(self._at_work)
        for model in models:
            model.leave()
        with self._changed:
            self._changed.wait_for(lambda: not self._at_work, STORING_SECONDS)
