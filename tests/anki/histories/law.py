"""What must hold, whatever happens."""

import html
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from .desks import Built, Desk, is_live, notes_in
from .memory import RETIRED, Field, Memory

_EXACT = re.compile(r'<span class="af-exact">(.*?)</span>')
_MARKED = re.compile(r"<mark>(.*?)</mark>")


class Law(Memory):
    """What it finds wrong it says by an assertion."""

    given_up: set[Field]
    """Fields of which he said that the source's words are to stand."""

    def after(self, desk: Desk, *, looked: bool) -> None:
        """After the program was called."""
        if looked:
            desk.seen |= set(self.guids())
        self.check_rejected(desk)

    def check_package(self, desk: Desk, looked: bool) -> None:
        """It holds nothing that was deleted or turned down; and it is noted who wrote what."""
        there = frozenset(self.guids())
        if looked:
            desk.seen |= there
        ages = {one.animal: one.age for one in self.shelf.all}
        for guid, (mod, tags, _) in notes_in(desk.package).items():
            self.first.setdefault(guid, Built(desk, desk.life, there, ages, desk.losses))
            self.makers[guid].add(self.desks.index(desk))
            self.mods[guid] = max(self.mods.get(guid, 0), mod)
            assert guid not in self.deleted & desk.seen, f"deleted, and shipped again: {guid}"
            assert guid not in desk.rejected or RETIRED in tags, f"rejected, and shipped: {guid}"

    def check_rejected(self, desk: Desk) -> None:
        if desk.rejected:
            verdicts = {card["guid"]: card["verdict"] for card in desk.cards()}
            back = {g for g in desk.rejected if verdicts.get(g, "rejected") != "rejected"}
            assert not back, f"rejected, and back: {back}"

    def check_anki(self) -> None:
        """Everything a person typed or tagged there stands."""
        there = set(self.guids())
        for (guid, name), text in self.typed.items():
            if guid in there:
                assert self.anki.note(guid)[name] == text, f"his words are lost: {guid} {name}"
        for guid, tag in self.tagged:
            if guid in there:
                assert tag in self.anki.note(guid).tags, f"his tag is lost: {guid} {tag}"
        for guid, tag in self.untagged:
            if guid in there:
                assert tag not in self.anki.note(guid).tags, f"a tag is back: {guid} {tag}"

    # --- doubles ----------------------------------------------------------------------------

    def check_doubles(self) -> None:
        """No passage has two notes, where its note was in Anki before the other was made."""
        alike: dict[Any, list[str]] = defaultdict(list)
        for guid in self.guids():
            note = self.anki.note(guid)
            for what in self._likeness(guid, note):
                alike[what].append(guid)
        for what, guids in alike.items():
            if len(guids) > 1 and any(self._avoidable(a, b) for a in guids for b in guids):
                raise AssertionError(f"two notes: {what} {guids}")

    def _likeness(self, guid: str, note: Any) -> Iterator[Any]:
        """What no other note may have in common with it."""
        yield note["Text"] if "Text" in note else (note["Front"], note["Back"])
        if guid not in self.first or (RETIRED in note.tags and guid in self.turned_down):
            return
        marked = _MARKED.search(note["Source"])
        evidence = _plain(marked[1] if marked else note["Source"])
        found = [(evidence.find(one.animal), one.animal) for one in self.shelf.all]
        animal = min(((at, name) for at, name in found if at >= 0), default=(0, ""))[1]
        if animal:
            yield animal, _part(note["Source"]), self.first[guid].ages[animal]

    def _avoidable(self, earlier: str, later: str) -> bool:
        if earlier == later or not {earlier, later} <= self.first.keys():
            return False
        made = list(self.first)
        if made.index(earlier) > made.index(later):
            return False
        old, new = self.first[earlier], self.first[later]
        return (old.desk is new.desk and old.life == new.life) or earlier in new.there

    # --- at the end -------------------------------------------------------------------------

    def check_arrived(self, desk: Desk) -> None:
        """What the program would ship stands in Anki, but for what a person did there."""
        there = set(self.guids())
        for card in desk.cards():
            settled = card["anki"] == "seen" and not card["revision"] and is_live(card)
            guid = card["guid"]
            others = self.makers[guid] - {self.desks.index(desk)}
            if guid not in there or not settled or card["verdict"] != "accepted" or others:
                continue
            note = self.anki.note(guid)
            for name, words in card["html"].items():
                if name in note and not {(guid, name)} & (self.typed.keys() | self.pinned):
                    assert note[name] == words, f"never arrived: {guid} {name}"
            if guid in self.first and self.first[guid].losses == desk.losses:
                free = {tag for tag in card["tags"] if (guid, tag) not in self.untagged}
                assert free <= set(note.tags), f"never arrived: {guid} {free - set(note.tags)}"

    def check_settled(self, desk: Desk) -> None:
        """What a person said of a dispute is not asked again."""
        for card in desk.cards():
            asked = {(card["guid"], one["field"]) for one in card["conflicts"]}
            assert not asked & desk.settled, f"settled, and asked again: {card['guid']}"

    def check_heard(self, desk: Desk) -> None:
        """Each remark was taken up once, and none was passed over."""
        heard = [
            (line["guid"], line["text"]) for line in desk.journal() if line["what"] == "feedback"
        ]
        assert len(heard) == len(set(heard)), "a remark was taken up twice"
        seen = {card["guid"] for card in desk.cards() if card["anki"] == "seen"}
        there = seen & set(self.guids())
        said = {(k[0], text) for k, text in self.typed.items() if k[1] == "Feedback"}
        missed = {one for one in said if one[0] in there} - set(heard)
        assert not missed or desk.losses, f"a remark was not taken up: {missed}"


def _plain(text: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", text))


def _part(source: str) -> str:
    """Which half of a sentence that was cut in two; else ""."""
    exact = _EXACT.search(source)
    words = _plain(exact[1] if exact else source)
    first, second = "at rest" in words, "gives" in words
    return "" if first == second else "first" if first else "second"
