"""What happens in a history, and what must hold after each of its steps."""

from __future__ import annotations

import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any

from anki_histories_desks import Built, Clock, Desk, Told, is_live, is_open, notes_in, shipped
from anki_histories_source import ANIMALS, Passage, Vault

RETIRED = "ankiforge::retired"
STEP_SECONDS = 60


class World:
    """A reader with a vault, one or two computers, and Anki."""

    def __init__(self, forge_in: Any, folder: Path, anki: Any, clock: Clock) -> None:
        self.anki, self.clock = anki, clock
        self.vault = Vault(folder / "vault")
        self.desks = [Desk(forge_in(folder / name)) for name in ("one", "two")]
        self.typed: dict[tuple[str, str], str] = {}
        self.tagged: set[tuple[str, str]] = set()
        self.untagged: set[tuple[str, str]] = set()
        self.deleted: set[str] = set()
        self.first: dict[str, Built] = {}
        self.wordings: dict[tuple[str, str], list[str]] = defaultdict(list)
        self.copies: list[Path] = []
        self.mods: dict[str, int] = {}
        """The highest that any package or Anki had, of each note."""
        self.last: dict[str, Told] = {}
        self.inside: dict[str, list[Told]] = defaultdict(list)
        """What passages said when a package was imported."""
        self.folder = folder

    # --- steps ------------------------------------------------------------------------------

    def step(self, name: str, one: int, other: int) -> None:
        self.clock.ahead += STEP_SECONDS
        getattr(self, f"do_{name}")(one, other)
        self.check_anki()

    def _passage(self, one: int, *forms: str) -> Passage:
        fit = [p for p in self.vault.passages if not forms or p.form in forms]
        return fit[one % len(fit)]

    def _guids(self) -> list[str]:
        rows = self.anki.col.db.list(
            "select guid from notes where guid like 'af%' and length(guid) = 26 order by guid"
        )
        return list(rows)

    def _note(self, one: int) -> str:
        guids = self._guids()
        return guids[one % len(guids)] if guids else ""

    # the source

    def do_answer(self, one: int, other: int) -> None:
        self._passage(one).answer = self.vault.word()
        self.vault.write()

    def do_adjective(self, one: int, other: int) -> None:
        self._passage(one).adjective = self.vault.word()
        self.vault.write()

    def do_mark(self, one: int, other: int) -> None:
        passage = self._passage(one, "sentence")
        marks = passage.marks ^ {other % 3}
        passage.marks = frozenset(marks or {0})
        self.vault.write()

    def do_split(self, one: int, other: int) -> None:
        passage = self._passage(one, "sentence")
        passage.split, passage.loose = not passage.split, True
        self.vault.write()

    def do_move(self, one: int, other: int) -> None:
        passage = self._passage(one)
        passage.file = "b" if passage.file == "a" else "a"
        self.vault.write()

    def do_rename(self, one: int, other: int) -> None:
        key = "ab"[one % 2]
        self.vault.names[key] = self.vault.word().title()
        self.vault.write()

    # Anki

    def _touch(self, guid: str, skew: int) -> None:
        """The note was changed now, by the clock of a device that may be ahead."""
        ahead = (0, 0, 0, STEP_SECONDS, 3600)[skew % 5]
        mod = max(int(self.clock.time()) + ahead, self.mods.get(guid, 0) + 50)
        self.anki.col.db.execute("update notes set mod = ? where guid = ?", mod, guid)

    def do_type(self, one: int, other: int) -> None:
        if not (guid := self._note(one)):
            return
        note = self.anki.note(guid)
        self._remember_mods()
        cloze = "Text" in note
        names = ("Text", "Extra") if cloze else ("Front", "Back", "Extra")
        name = names[(other // 5) % len(names)]
        word = self.vault.word()
        text = f"typed {word} {{{{c1::answer {word}}}}}" if name == "Text" else f"typed {word}"
        older = [w for w in self.wordings[guid, name] if w != note[name]]
        if older and (other // 15) % 3 == 0:
            text = older[(other // 45) % len(older)]
        self.anki.edit(guid, **{name: text})
        self._touch(guid, other)
        self.typed[guid, name] = text

    def do_tag(self, one: int, other: int) -> None:
        if not (guid := self._note(one)):
            return
        self._remember_mods()
        note = self.anki.note(guid)
        tag = f"mine::{self.vault.word()}"
        note.tags.append(tag)
        self.anki.col.update_note(note)
        self._touch(guid, other)
        self.tagged.add((guid, tag))

    def do_untag(self, one: int, other: int) -> None:
        if not (guid := self._note(one)):
            return
        self._remember_mods()
        note = self.anki.note(guid)
        own = [tag for tag in note.tags if tag in ("biology", "old") or tag.startswith("mine::")]
        if not own:
            return
        tag = own[(other // 5) % len(own)]
        note.tags.remove(tag)
        self.anki.col.update_note(note)
        self._touch(guid, other)
        self.tagged.discard((guid, tag))
        self.untagged.add((guid, tag))

    def do_delete(self, one: int, other: int) -> None:
        if guid := self._note(one):
            self.anki.col.remove_notes([self.anki.note(guid).id])
            self._forget(guid)
            self.deleted.add(guid)

    def _forget(self, guid: str) -> None:
        self.typed = {k: v for k, v in self.typed.items() if k[0] != guid}
        self.tagged = {k for k in self.tagged if k[0] != guid}
        self.untagged = {k for k in self.untagged if k[0] != guid}

    def do_deck(self, one: int, other: int) -> None:
        if guid := self._note(one):
            deck = self.anki.col.decks.id(f"Mine::{other % 3}")
            self.anki.col.set_deck([card.id for card in self.anki.cards(guid)], deck)

    def do_suspend(self, one: int, other: int) -> None:
        if guid := self._note(one):
            self.anki.col.sched.suspend_cards([card.id for card in self.anki.cards(guid)])

    def do_review(self, one: int, other: int) -> None:
        cards = self.anki.col.find_cards("is:new -is:suspended")
        if not cards:
            return
        card = self.anki.col.get_card(cards[one % len(cards)])
        self.anki.col.decks.select(card.did)
        queued = self.anki.col.sched.get_queued_cards().cards
        if queued:
            card = self.anki.col.get_card(queued[0].card.id)
            card.start_timer()
            self.anki.col.sched.answerCard(card, 3)

    # the program

    def _desk(self, other: int) -> Desk:
        """Mostly the first."""
        return self.desks[1 if other % 4 == 3 else 0]

    def do_run(self, one: int, other: int) -> None:
        desk = self._desk(other)
        self._read(desk)
        self._forge(desk, "run", self.vault.root, "--json", writes=True)
        if one % 3 == 0:
            before = shipped(desk)
            self._forge(desk, "run", self.vault.root, "--json", writes=True)
            assert shipped(desk) == before, "the second run wrote a new revision"

    def do_build(self, one: int, other: int) -> None:
        self._forge(self._desk(other), "build", "--json", writes=True)

    def do_pull(self, one: int, other: int) -> None:
        self._forge(self._desk(other), "pull", "--json")

    def do_prompt(self, one: int, other: int) -> None:
        desk = self._desk(other)
        folder = desk.forge.home / "prompts"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cards.md").write_text(f"prompt {self.vault.word()}", encoding="utf-8")

    def do_later(self, one: int, other: int) -> None:
        self.clock.ahead += 700

    def do_lose_database(self, one: int, other: int) -> None:
        desk = self._desk(other)
        gone = {c["guid"] for c in self._cards(desk) if c["anki"] in ("tombstone", "missing")}
        desk.seen = {guid for guid in self.deleted if guid in gone}
        for path in desk.forge.home.glob(".ankiforge/*"):
            path.unlink()

    def do_lose_all(self, one: int, other: int) -> None:
        desk = self._desk(other)
        shutil.rmtree(desk.forge.home / ".ankiforge", ignore_errors=True)
        (desk.forge.home / "journal.jsonl").unlink(missing_ok=True)
        desk.seen, desk.rejected, desk.read = set(), set(), {}
        for passage in self.vault.passages:
            now = self.vault.told(passage)
            passage.loose |= any(differ(now, then) > 1 for then in self.inside[passage.animal])
        desk.life += 1

    def do_recover(self, one: int, other: int) -> None:
        desk = self._desk(other)
        self._forge(desk, "recover", "--collection", (desk.forge.profile / "collection.anki2").resolve(),
                    "--json")  # fmt: skip

    # decisions

    def _cards(self, desk: Desk) -> list[dict[str, Any]]:
        return sorted(desk.forge.cards(), key=lambda card: str(card["guid"]))

    def _card(self, desk: Desk, one: int, fits: Any) -> dict[str, Any] | None:
        cards = [card for card in self._cards(desk) if fits(card)]
        return cards[one % len(cards)] if cards else None

    def do_accept(self, one: int, other: int) -> None:
        desk = self._desk(other)
        card = self._card(desk, one, lambda c: is_live(c) and is_open(c))
        if card:
            self._forge(desk, "accept", card["guid"], codes=(0, 1))

    def do_accept_all(self, one: int, other: int) -> None:
        self._forge(self._desk(other), "accept", "--all", codes=(0, 1))

    def do_reject(self, one: int, other: int) -> None:
        desk = self._desk(other)
        card = self._card(desk, one, lambda c: c["verdict"] != "rejected" and is_live(c))
        if card:
            self._forge(desk, "reject", card["guid"])
            desk.rejected.add(card["guid"])

    def do_edit(self, one: int, other: int) -> None:
        desk = self._desk(other)
        card = self._card(desk, one, lambda c: c["verdict"] != "rejected" and is_live(c))
        if card:
            name = "Text" if "Text" in card["fields"] else "Back"
            word = self.vault.word()
            words = f"my {word} {{{{c1::own {word}}}}}" if name == "Text" else f"my {word}"
            self._forge(desk, "edit", card["guid"], "--field", name, words)

    def do_undo(self, one: int, other: int) -> None:
        desk = self._desk(other)
        before, desk.rejected = desk.rejected, set()
        self._forge(desk, "undo", codes=(0, 1))
        rejected = {c["guid"] for c in self._cards(desk) if c["verdict"] == "rejected"}
        desk.rejected = before & rejected

    def do_resolve(self, one: int, other: int) -> None:
        desk = self._desk(other)
        card = self._card(desk, one, lambda c: "conflict" in c["anki_why"])
        if card:
            side = "--mine" if one % 2 else "--source"
            self._forge(desk, "resolve", card["guid"], side, codes=(0, 1))
            if side == "--source":
                self.typed = {k: v for k, v in self.typed.items() if k[0] != card["guid"]}

    def do_restore(self, one: int, other: int) -> None:
        desk = self._desk(other)
        card = self._card(
            desk, one,
            lambda c: not is_live(c) or c["verdict"] == "rejected" or c["anki"] in
            ("missing", "tombstone"),
        )  # fmt: skip
        if card:
            desk.rejected.discard(card["guid"])
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
        col = self.anki.col
        sql = (
            "select id, nid, did, ord, type, queue, due, ivl, factor, reps, lapses, odue, odid,"
            " flags from cards"
        )
        cards = {row[0]: row for row in col.db.all(sql)}
        reviews = col.db.all("select * from revlog order by id")
        before = set(self._guids())
        for passage in self.vault.passages:
            self.inside[passage.animal].append(self.vault.told(passage))
            self.inside[passage.animal].append(self.last[passage.animal])
        self.anki.load(package)
        after = {row[0]: row for row in col.db.all(sql)}
        assert {key: after.get(key) for key in cards} == cards, "cards were changed"
        assert col.db.all("select * from revlog order by id") == reviews, "reviews were changed"
        for guid in self._guids():
            note = self.anki.note(guid)
            if guid not in before:
                self.deleted.discard(guid)
            for name in ("Text", "Front", "Back", "Extra"):
                if name in note and note[name] not in self.wordings[guid, name]:
                    self.wordings[guid, name].append(note[name])
        self.check_doubles()

    # --- the program is called --------------------------------------------------------------

    def _read(self, desk: Desk) -> None:
        """Note which passages nothing can recognise: too much was changed at once."""
        for passage in self.vault.passages:
            now = self.vault.told(passage)
            before = desk.read.get(passage.animal, self.last.get(passage.animal, now))
            passage.loose |= differ(before, now) > 1
            if desk.life:
                passage.loose |= any(differ(now, then) > 1 for then in self.inside[passage.animal])
            desk.read[passage.animal] = self.last[passage.animal] = now

    def _forge(
        self, desk: Desk, *words: Any, writes: bool = False, codes: tuple[int, ...] = (0,)
    ) -> Any:
        vault, notes = self.vault.state(), self._notes()
        result = desk.forge(*words)
        assert result.exit_code in codes, (words, result)
        assert self.vault.state() == vault, "the vault was written"
        assert self._notes() == notes, "Anki was written"
        if words[0] in ("run", "build", "pull", "recover"):
            desk.seen |= set(self._guids())
        if writes:
            self.check_package(desk)
        self.check_rejected(desk)
        return result

    def _notes(self) -> list[Any]:
        return list(self.anki.col.db.all("select guid, mod, tags, flds from notes order by id"))

    # --- what must hold ---------------------------------------------------------------------

    def check_package(self, desk: Desk) -> None:
        """It holds nothing that was deleted or turned down; and it is noted who wrote what."""
        there = frozenset(self._guids())
        held = notes_in(desk.package)
        for guid, (mod, tags, _) in held.items():
            self.first.setdefault(guid, Built(desk, desk.life, there))
            self.mods[guid] = max(self.mods.get(guid, 0), mod)
            assert guid not in self.deleted & desk.seen, f"deleted, and shipped again: {guid}"
            assert guid not in desk.rejected or RETIRED in tags, f"rejected, and shipped: {guid}"

    def _remember_mods(self) -> None:
        for guid, mod in self.anki.col.db.all("select guid, mod from notes"):
            self.mods[guid] = max(self.mods.get(guid, 0), mod)

    def check_rejected(self, desk: Desk) -> None:
        if desk.rejected:
            verdicts = {card["guid"]: card["verdict"] for card in self._cards(desk)}
            back = {g for g in desk.rejected if verdicts.get(g, "rejected") != "rejected"}
            assert not back, f"rejected, and back: {back}"

    def check_anki(self) -> None:
        """Everything a person typed or tagged there stands."""
        there = set(self._guids())
        for (guid, name), text in self.typed.items():
            if guid in there:
                assert self.anki.note(guid)[name] == text, f"his words are lost: {guid} {name}"
        for guid, tag in self.tagged:
            if guid in there:
                assert tag in self.anki.note(guid).tags, f"his tag is lost: {guid} {tag}"
        for guid, tag in self.untagged:
            if guid in there:
                assert tag not in self.anki.note(guid).tags, f"a tag is back: {guid} {tag}"

    def check_doubles(self) -> None:
        """No passage has two notes, where its note was in Anki before the other was made."""
        notes = {guid: self.anki.note(guid) for guid in self._guids()}
        by_content: dict[Any, list[str]] = defaultdict(list)
        for guid, note in notes.items():
            content = note["Text"] if "Text" in note else (note["Front"], note["Back"])
            by_content[content].append(guid)
            for animal in ANIMALS:
                alive = RETIRED not in note.tags
                if alive and animal in note["Source"] and not self._loose(animal):
                    by_content[animal].append(guid)
        for what, guids in by_content.items():
            if len(guids) > 1 and any(self._avoidable(a, b) for a in guids for b in guids):
                raise AssertionError(f"two notes: {what} {guids}")

    def _loose(self, animal: str) -> bool:
        return any(one.loose for one in self.vault.passages if one.animal == animal)

    def _avoidable(self, earlier: str, later: str) -> bool:
        if earlier == later:
            return False
        made = list(self.first)
        if made.index(earlier) > made.index(later):
            return False
        old, new = self.first[earlier], self.first[later]
        return (old.desk is new.desk and old.life == new.life) or earlier in new.there


def differ(one: Told, other: Told) -> int:
    """In how much of what a passage is known by."""
    return sum(left != right for left, right in zip(one, other, strict=True))
