"""To a running Anki and back: look, import our own package, look again."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from ankiforge.anki.accounts import has_account
from ankiforge.anki.connect import AnkiConnect, export_all
from ankiforge.anki.names import RETIRED
from ankiforge.anki.places import collections
from ankiforge.anki.views import connect_view
from ankiforge.anki.views.exports import note_ids
from ankiforge.config import AnkiSettings
from ankiforge.config.keys import ANKI, key_for, key_variable
from ankiforge.delivery import Delivery
from ankiforge.errors import ServiceError
from ankiforge.ledger import Ledger
from ankiforge.looking import Looked, take_in
from ankiforge.model import Card, Guid


class Running:
    """A running Anki, by the AnkiConnect add-on."""

    def __init__(self, connect: AnkiConnect) -> None:
        self._connect = connect

    @staticmethod
    def of(settings: AnkiSettings) -> Running:
        """The one the settings name.

        Raises:
            ServiceError: it does not answer, or is no Anki one may talk to.
        """
        key = key_for(ANKI, settings.connect, settings.key_env)
        name = key_variable(ANKI, settings.connect, settings.key_env)
        connect = AnkiConnect(settings.connect, key, key_env=name)
        connect.check()
        return Running(connect)

    def sync(self) -> bool | None:
        """Let Anki sync with its server.

        Returns:
            Whether it has an account to sync with, None if that cannot be told: then a second
            call may open a second dialog. Without one nothing is asked of it.
        """
        places = collections(Path.home(), os.environ)
        account = has_account(places, self._connect.active_profile())
        if account is False:
            return False
        try:
            self._connect.sync()
        except ServiceError as error:
            if "auth" not in error.message.casefold():
                raise
            return False
        return account

    def look(self, ledger: Ledger, *, bind: bool = False) -> Looked:
        """See what it has, by exports of every deck with notes of ours.

        Raises:
            ServiceError: it cannot be asked.
        """
        with tempfile.TemporaryDirectory(prefix="ankiforge-") as folder:
            exported = export_all(self._connect, Path(folder))
            held = frozenset(one for path in exported.paths for one in note_ids(path))
            view_profile = self._connect.active_profile()
            view = connect_view(
                exported.paths,
                address=self._connect.address,
                profile=view_profile,
                complete=exported.notes <= held,
            )
            with view as opened:
                looked = take_in(opened, ledger, bind=bind)
            return replace(looked, profile=view_profile)

    def take(self, package: Path) -> None:
        """Import a package.

        Raises:
            ServiceError: Anki did not take it.
        """
        self._connect.import_package(package)

    # --- cards of notes that are none any more ----------------------------------------------

    def retired(self) -> tuple[int, ...]:
        """The cards there that are tagged as retired, and still studied."""
        found = self._connect.find_cards(f"tag:{RETIRED} AnkiforgeId:af1* -is:suspended")
        return tuple(sorted(found))

    def suspend(self, cards: Iterable[int]) -> None:
        """Take cards out of study."""
        self._connect.suspend(tuple(cards))

    def unsuspend(self, cards: Iterable[int]) -> None:
        """Put cards back into study, as far as they are there."""
        ids = tuple(cards)
        states = zip(ids, self._connect.are_suspended(ids), strict=True)
        if there := tuple(card for card, suspended in states if suspended):
            self._connect.unsuspend(there)


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push came to, as the look after it showed."""

    added: int = 0
    updated: int = 0
    refused: tuple[Guid, ...] = ()
    """Shipped, but not there as shipped."""


def came_of(ledger: Ledger, shipped: Iterable[Delivery], before: frozenset[Guid]) -> Pushed:
    """Compare what was shipped with what the newest view shows.

    Args:
        ledger: with that view taken in.
        shipped: what the package held.
        before: the notes that were in Anki already.
    """
    added = updated = 0
    refused = []
    for one in shipped:
        guid = one.card.guid
        seen = ledger.views.seen(guid)
        arrived = seen is not None and one.note is not None and seen.mod >= one.note.mod
        if not arrived:
            refused.append(guid)
        elif guid in before:
            updated += 1
        else:
            added += 1
    return Pushed(added, updated, tuple(refused))


def wrong_profile(looked: Looked, ledger: Ledger) -> ServiceError | None:
    """Why a push must not go on: another collection is open than the one the cards are in."""
    if not (looked.blind and looked.problem):
        return None
    bound = ledger.views.bound
    ours = f"in the profile “{bound.profile}”" if bound and bound.profile else "in another one"
    there = f"the profile “{looked.profile}”" if looked.profile else "a profile"
    if bound and bound.profile and looked.profile in ("", bound.profile):
        there = there.replace("a profile", "another profile").replace("the ", "another ")
    what = f"Anki has {there} open, and your cards are {ours}; nothing was imported"
    theirs = f"“{bound.profile}”" if bound and bound.profile else "the profile with your cards"
    hint = (
        f"open {theirs} in Anki (File › Switch Profile); or, to study them in the one that is"
        " open from now on: ankiforge pull --connect --bind"
    )
    return ServiceError(what, hint=hint)


def studied(cards: Iterable[Card]) -> frozenset[Guid]:
    """The cards that are in Anki, as far as is known."""
    return frozenset(card.guid for card in cards if card.anki.there)
