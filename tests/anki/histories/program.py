"""What the program is told, and what is done with its packages."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .desks import Desk, is_live, is_open
from .law import Law
from .memory import RETIRED

CARDS = (
    "select id, nid, did, ord, type, queue, due, ivl, factor, reps, lapses, odue, odid, flags"
    " from cards"
)


class Program(Law):
    """Each step takes two numbers, by which it chooses."""

    folder: Path
    serving: Any
    copies: list[Path]

    def _desk(self, other: int) -> Desk:
        """Mostly the first."""
        return self.desks[1 if other % 4 == 3 else 0]

    def do_run(self, one: int, other: int) -> None:
        desk = self._desk(other)
        self.read(desk)
        self._forge(desk, "run", *self.shelf.paths, "--json", writes=True)
        if one % 3 == 0:
            before = desk.shipped()
            self._forge(desk, "run", *self.shelf.paths, "--json", writes=True)
            assert desk.shipped() == before, "the second run wrote a new revision"

    def do_move_vault(self, one: int, other: int) -> None:
        """The folder takes another name, and nothing else is changed meanwhile."""
        self._both_run()
        self.shelf.move(self.shelf.word().title())
        self._both_run()

    def _both_run(self) -> None:
        for at in (0, 3):
            self.do_run(1, at)

    def do_build(self, one: int, other: int) -> None:
        self._forge(self._desk(other), "build", "--json", writes=True)

    def do_pull(self, one: int, other: int) -> None:
        self._forge(self._desk(other), "pull", "--json")

    def do_confirm(self, one: int, other: int) -> None:
        """All that is missing was deleted on purpose."""
        desk = self._desk(other)
        self._forge(desk, "pull", "--json")
        gone = [card["guid"] for card in desk.cards() if card["anki"] == "missing"]
        self._forge(desk, "pull", "--confirm-deletions", str(len(gone)), "--json")
        self.deleted.update(gone)

    def do_restore_missing(self, one: int, other: int) -> None:
        desk = self._desk(other)
        gone = {card["guid"] for card in desk.cards() if card["anki"] == "missing"}
        if gone:
            self.deleted -= gone
            self._forge(desk, "restore", "--missing")

    def do_prompt(self, one: int, other: int) -> None:
        desk = self._desk(other)
        folder = desk.root / "prompts"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cards.md").write_text(f"prompt {self.shelf.word()}", encoding="utf-8")

    # losses

    def do_lose_database(self, one: int, other: int) -> None:
        desk = self._desk(other)
        gone = {c["guid"] for c in desk.cards() if c["anki"] in ("tombstone", "missing")}
        desk.seen = {guid for guid in self.deleted if guid in gone}
        desk.losses += 1
        for path in desk.root.glob(".ankiforge/*"):
            path.unlink()

    def do_lose_all(self, one: int, other: int) -> None:
        desk = self._desk(other)
        shutil.rmtree(desk.root / ".ankiforge", ignore_errors=True)
        desk.journal_path.unlink(missing_ok=True)
        desk.seen, desk.rejected, desk.read, desk.away = set(), set(), {}, set()
        desk.settled = set()
        desk.life += 1
        desk.losses += 1

    def do_recover(self, one: int, other: int) -> None:
        desk = self._desk(other)
        path = (desk.forge.profile / "collection.anki2").resolve()
        self._forge(desk, "recover", "--collection", path, "--json")

    # decisions

    def _card(self, desk: Desk, one: int, fits: Callable[[Any], bool]) -> dict[str, Any] | None:
        cards = [card for card in desk.cards() if fits(card)]
        return cards[one % len(cards)] if cards else None

    def do_accept(self, one: int, other: int) -> None:
        desk = self._desk(other)
        card = self._card(desk, one, lambda c: is_live(c) and is_open(c))
        if card:
            revision = (card["revision"] or {"fields": {}})["fields"]
            for name, words in card["fields"].items():
                if name in revision and self.typed.get((card["guid"], name)) == words:
                    del self.typed[card["guid"], name]  # he saw his words, and took the others
            self._forge(desk, "accept", card["guid"], codes=(0, 1))

    def do_accept_all(self, one: int, other: int) -> None:
        self._forge(self._desk(other), "accept", "--all", codes=(0, 1))

    def do_reject(self, one: int, other: int) -> None:
        desk = self._desk(other)
        card = self._card(desk, one, lambda c: c["verdict"] != "rejected" and is_live(c))
        if card:
            self._forge(desk, "reject", card["guid"])
            desk.rejected.add(card["guid"])
            self.turned_down.add(card["guid"])
            self.untagged.discard((card["guid"], RETIRED))

    def do_edit(self, one: int, other: int) -> None:
        desk = self._desk(other)
        card = self._card(desk, one, lambda c: c["verdict"] != "rejected" and is_live(c))
        if card:
            name = "Text" if "Text" in card["fields"] else "Back"
            word = self.shelf.word()
            words = f"my {word} {{{{c1::own {word}}}}}" if name == "Text" else f"my {word}"
            self._forge(desk, "edit", card["guid"], "--field", name, words)

    def do_undo(self, one: int, other: int) -> None:
        desk = self._desk(other)
        before, desk.rejected, desk.settled = desk.rejected, set(), set()
        self.untagged = {pair for pair in self.untagged if pair[1] != RETIRED}
        self._forge(desk, "undo", codes=(0, 1))
        rejected = {c["guid"] for c in desk.cards() if c["verdict"] == "rejected"}
        desk.rejected = before & rejected

    def do_resolve(self, one: int, other: int) -> None:
        desk = self._desk(other)
        card = self._card(desk, one, lambda c: "conflict" in c["anki_why"])
        if card is None:
            return
        why = card["anki_why"].partition(": ")[2]
        disputed = {(card["guid"], name) for name in why.split(", ")}
        if one % 2:
            self._forge(desk, "resolve", card["guid"], "--mine", codes=(0, 1))
            self.pinned |= disputed
            desk.settled |= disputed
        else:
            self._forge(desk, "resolve", card["guid"], "--source", codes=(0, 1))
            self.given_up |= disputed
            self.typed = {k: v for k, v in self.typed.items() if k not in disputed}

    def do_restore(self, one: int, other: int) -> None:
        desk = self._desk(other)
        gone = ("missing", "tombstone")
        card = self._card(
            desk,
            one,
            lambda c: not is_live(c) or c["verdict"] == "rejected" or c["anki"] in gone,
        )
        if card:
            desk.rejected.discard(card["guid"])
            self.untagged.discard((card["guid"], RETIRED))
            self.deleted.discard(card["guid"])
            self._forge(desk, "restore", card["guid"])

    # packages

    def do_load(self, one: int, other: int) -> None:
        if (package := self._desk(other).package).exists():
            self.copies.append(self._copied(package))
            self._load(package)

    def do_keep(self, one: int, other: int) -> None:
        if (package := self._desk(other).package).exists():
            self.copies.append(self._copied(package))

    def _copied(self, package: Path) -> Path:
        copy = self.folder / f"copy-{len(self.copies)}.apkg"
        shutil.copyfile(package, copy)
        return copy

    def do_load_old(self, one: int, other: int) -> None:
        if self.copies:
            self._load(self.copies[one % len(self.copies)])

    def _load(self, package: Path) -> None:
        with self._importing():
            self.anki.load(package)

    @contextmanager
    def _importing(self) -> Iterator[None]:
        """Nothing of the schedule changes, and what comes is noted."""
        cards = {row[0]: row for row in self.anki.col.db.all(CARDS)}
        reviews = self.anki.col.db.all("select * from revlog order by id")
        before = set(self.guids())
        for one in self.shelf.all:
            told = (self.shelf.told(one), self.last.get(one.animal, ()))
            self.inside[one.animal] += [some for some in told if some]
        yield
        after = {row[0]: row for row in self.anki.col.db.all(CARDS)}
        assert {key: after.get(key) for key in cards} == cards, "cards were changed"
        assert self.anki.col.db.all("select * from revlog order by id") == reviews, "reviews"
        self._note_wordings(before)
        self.check_doubles()

    def _note_wordings(self, before: set[str]) -> None:
        for guid in self.guids():
            note = self.anki.note(guid)
            if guid not in before:
                self.deleted.discard(guid)
            for name in ("Text", "Front", "Back", "Extra"):
                if name in note and note[name] not in self.wordings[guid, name]:
                    self.wordings[guid, name].append(note[name])

    def do_push(self, one: int, other: int) -> None:
        """By AnkiConnect, which has the collection open instead."""
        desk = self._desk(other)
        shelf = self.shelf.state()
        with self._importing():
            self.anki.col.close()
            with self.serving(desk.forge.profile.resolve()) as fake:
                desk.settings(f"{{connect: '{fake.address}'}}")
                result = desk.forge("push", "--json", "--yes")
            self.anki.col.reopen()
            self.anki.col.models._clear_cache()
            removed = result.exit_code == 3 and "shows none of your notes" in result.stdout
            assert removed or result.exit_code in (0, 1), result
            assert self.shelf.state() == shelf, "the sources were written"
        if not removed:
            self.after(desk, looked=True)

    # --- the program is called --------------------------------------------------------------

    def _forge(
        self, desk: Desk, *words: Any, writes: bool = False, codes: tuple[int, ...] = (0,)
    ) -> Any:
        shelf, notes = self.shelf.state(), self.notes()
        result = desk.forge(*words)
        assert result.exit_code in codes, (words, result)
        assert self.shelf.state() == shelf, "the sources were written"
        assert self.notes() == notes, "Anki was written"
        looked = words[0] in ("run", "build", "pull", "recover")
        if writes:
            self.check_package(desk, looked)
        self.after(desk, looked=looked)
        return result
