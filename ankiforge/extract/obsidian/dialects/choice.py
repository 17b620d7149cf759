"""Which dialects a vault is read in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ankiforge.extract.obsidian.dialects import settings
from ankiforge.extract.obsidian.dialects.flashcards import Flashcards
from ankiforge.extract.obsidian.dialects.logseq import Logseq
from ankiforge.extract.obsidian.dialects.o2a import O2a
from ankiforge.extract.obsidian.dialects.osr import Osr
from ankiforge.extract.obsidian.dialects.page import Dialect
from ankiforge.extract.obsidian.dialects.remnote import Remnote
from ankiforge.extract.obsidian.dialects.yanki import Yanki


class Wishes(Protocol):
    """The settings the dialects look at."""

    @property
    def cards(self) -> tuple[str, ...]: ...  # noqa: D102 - as in Settings
    @property
    def osr(self) -> settings.OsrSettings: ...  # noqa: D102
    @property
    def o2a(self) -> settings.O2aSettings: ...  # noqa: D102
    @property
    def flashcards(self) -> settings.FlashcardsSettings: ...  # noqa: D102
    @property
    def yanki(self) -> settings.YankiSettings: ...  # noqa: D102


def chosen(wishes: Wishes) -> tuple[Dialect, ...]:
    """The dialects asked for, in the order in which they go before one another."""
    makers: dict[str, Callable[[], Dialect]] = {
        "osr": lambda: Osr(wishes.osr, beside_ours="block" in wishes.cards),
        "o2a": lambda: O2a(wishes.o2a),
        "flashcards": lambda: Flashcards(wishes.flashcards),
        "yanki": lambda: Yanki(wishes.yanki),
        "logseq": Logseq,
        "remnote": Remnote,
    }
    return tuple(makers[name]() for name in dict.fromkeys(wishes.cards) if name in makers)
