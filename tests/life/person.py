"""What a person does after a run: decide, change their mind, answer truthfully, work in Anki."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from tests.life.anki import Real, is_retired, reviews
from tests.life.program import Bare, Card, Question
from tests.life.world import Passage, folded, passages

if TYPE_CHECKING:
    from tests.life.history import History, Machine

T = TypeVar("T")
HERE = {
    "accept": 5, "reject_draft": 1, "reject": 2, "edit": 2, "undo": 1, "skip": 1, "make": 2, "answer": 5,
}  # fmt: skip
WITH_DECKS = 0.02
"""How likely a person works on a whole deck in Anki: a deck is deleted in one of ten histories. In life it is
once in many months."""
MANY = 10
IN_ANKI = {"edit": 2, "tag": 1, "review": 3, "suspend": 1, "delete": 1}


class Person:
    def __init__(self, history: History) -> None:
        self.history, self.judge, self.world = history, history.judge, history.world
        self.dice, self.count = history.world.dice, 0
        self.decided: list[str] = []

    def decide(self, machine: Machine) -> None:
        what = self.dice.choices(list(HERE), list(HERE.values()))[0]
        getattr(self, f"do_{what}")(machine)

    def one_of(self, found: list[T]) -> T | None:
        return self.dice.choice(found) if found else None

    def passage(self, guid: str) -> int:
        return self.judge.card_of.get(guid, 0)

    def says(self, machine: Machine, *words: object) -> None:
        self.world.say(machine.name, "person:", *words)
        self.judge.unshared.add(machine.name)

    # --- decisions here

    def tried(self, machine: Machine, guid: str, before: Card | None) -> bool:
        """Undo at once, now and then; then all must be as it was. Return whether it was undone."""
        if self.dice.random() > 0.2:
            self.decided.append(guid)
            return False
        self.says(machine, "undo at once", guid)
        if not machine.program.undo_last():
            self.judge.wrong("undo does not undo", guid, "refused")
        elif (after := machine.program.cards().get(guid)) != before:
            self.judge.wrong("undo does not undo", guid, (before, after))
        return True

    def do_accept(self, machine: Machine) -> None:
        if one := self.one_of(
            [q for q in machine.program.questions() if q.kind == "check"]
        ):
            self.answer(machine, one)

    def do_reject_draft(self, machine: Machine) -> None:
        """Reject a draft that waits for a check, of a passage that has no card."""
        cards = machine.program.cards()
        live = {self.passage(card.guid) for card in cards.values() if card.live}
        asked = [q for q in machine.program.questions() if q.kind == "check"]
        free = [q for q in asked if not live & self.judge.ids(q.text)]
        if one := self.one_of(free):
            self.reject(
                machine, cards[one.guid], min(self.judge.ids(one.text), default=0)
            )

    def do_reject(self, machine: Machine) -> None:
        if card := self.one_of([c for c in machine.program.cards().values() if c.live]):
            passage = self.passage(card.guid) or min(self.judge.ids(card.text), default=0)
            self.reject(machine, card, passage)

    def reject(self, machine: Machine, card: Card, passage: int) -> None:
        self.says(machine, "reject", card.guid, passage)
        if machine.program.reject(card.id) and not self.tried(machine, card.guid, card):
            # a sentence that was rejected is not offered again, in whatever mark it stands
            here = passages(machine.notes).get(passage)
            is_mark = here is not None and here.form == "plain"
            words = (
                folded(here.bare) if is_mark and card.text == folded(here.bare) else ""
            )
            self.judge.decide(machine.name, "reject", passage, card.guid, words)

    def do_edit(self, machine: Machine) -> None:
        if card := self.one_of([c for c in machine.program.cards().values() if c.live]):
            self.count += 1
            name = self.dice.choice([name for name in ("Front", "Back", "Text") if name in card.fields])  # fmt: skip
            words = f"[mine {self.count}]"
            self.says(machine, "edit", card.guid, name, words)
            text = f"{card.fields[name]} {words}"
            if machine.program.edit(card.id, name, text):
                passage = self.passage(card.guid)
                if self.tried(machine, card.guid, card):
                    self.judge.undo_edit(machine.name, passage, card.guid)
                    return
                self.judge.own_text.add(card.guid)
                contradicts = self.judge.is_edited_elsewhere(machine.name, card.guid)
                self.judge.release(card.guid, -1, ["edit"])
                if not contradicts:  # which of the two is the later one is not promised
                    self.judge.decide(machine.name, "edit", passage, card.guid, words)

    def do_undo(self, machine: Machine) -> None:
        """Undo a decision of some time ago; what holds then is the program's to say."""
        if guid := self.one_of(self.decided):
            self.says(machine, "undo", guid)
            guid = machine.program.became.get(guid, guid)
            if machine.program.undo(guid):
                self.judge.own_text.add(guid)
                passage = self.passage(guid)
                kinds = ["keep", "reject", "edit", "delete", "skip"]
                self.judge.release(guid, passage, kinds)
                card = machine.program.cards().get(guid)
                if card is None or not card.live:  # it was accepting it
                    self.judge.first.pop(passage, None)
                self.judge.undo_edit(machine.name, passage, guid)

    def plain(self, machine: Machine) -> list[tuple[Bare, Passage]]:
        """Return the marked sentences that have no card, each with its one passage."""
        here = passages(machine.notes)
        bare = [one for one in machine.program.without_card() if not one.skipped]
        meant = [
            (one, self.world.meant.get(one.text, set()) & here.keys()) for one in bare
        ]
        found = [(one, here[min(ids)]) for one, ids in meant if len(ids) == 1]
        return [(one, passage) for one, passage in found if passage.form == "plain"]

    def do_skip(self, machine: Machine) -> None:
        if found := self.one_of(self.plain(machine)):
            one, passage = found
            contradicts = self.judge.is_behind(
                machine.name
            )  # a card may have been made there
            self.says(machine, "skip", one.key, passage.id)
            if machine.program.skip(one.key) and not contradicts:
                self.judge.decide(machine.name, "skip", passage.id)

    def do_make(self, machine: Machine) -> None:
        """Write a card for a passage that has none: its second half is the gap."""
        if found := self.one_of(self.plain(machine)):
            one, passage = found
            words = passage.sentence.replace("==", "").split()
            half = len(words) // 2
            text = f"{' '.join(words[:half])} {{{{c1::{' '.join(words[half:])}}}}}"
            self.says(machine, "make a card", one.key, passage.id)
            known = machine.program.cards()
            if machine.program.make(one.key, text):
                self.judge.release("", passage.id, ["skip", "reject", "delete"])
                self.judge.first.pop(passage.id, None)
                now = machine.program.cards()
                for card in now.values():  # made again after it was rejected
                    if card.live and not (card.guid in known and known[card.guid].live):
                        self.judge.release(card.guid, -1, ["reject", "delete"])
                self.judge.own_text |= now.keys() - known.keys()

    # --- answers

    def do_answer(self, machine: Machine) -> None:
        if one := self.one_of(machine.program.questions()):
            self.answer(machine, one)

    def answer(self, machine: Machine, one: Question) -> None:
        """Say what is true."""
        judge, program = self.judge, machine.program
        cards = program.cards()
        meant = judge.ids(one.text)
        self.says(machine, "answer", one.kind, one.guid, one.rivals, meant)
        if one.kind in ("emptied", "form"):
            program.answer(one, one.kind == "form")
        elif one.kind == "same" and not one.rivals:  # the old passage was skipped
            program.answer(
                one, bool(judge.roots(meant) & judge.roots(judge.ids(one.was)))
            )
        elif one.guid in cards:
            self.answer_about(machine, one, cards, meant)

    def answer_about(
        self, machine: Machine, one: Question, cards: dict[str, Card], meant: set[int]
    ) -> None:
        judge, program, before = self.judge, machine.program, cards[one.guid]
        dropped = judge.of(meant, "reject", "delete")
        has_card = [card for card in cards.values() if card.live and card.guid != one.guid and meant & {self.passage(card.guid)}]  # fmt: skip
        if one.kind == "conflict":
            yes = self.dice.random() < 0.5
            if program.answer(one, yes) and yes:
                judge.typed.pop(one.guid, None)
            judge.own_text.add(one.guid)
            judge.release(one.guid, -1, ["edit"])
        elif one.kind == "absent":
            deleted = {each.guid for each in judge.decisions if each.kind == "delete"}
            deleted |= judge.swept
            yes = set(one.rivals) <= deleted
            # all of them come back, or go; those that were accepted again meanwhile, too
            if program.answer(one, yes):
                for guid in one.rivals:
                    passage = self.passage(guid) if yes else -1
                    judge.release(guid, passage, ["keep" if yes else "delete"])
        elif one.kind == "revision":
            yes = judge.is_same(one.text, one.guid) or judge.is_heir(one.text, one.guid)
            if program.answer(one, yes):
                judge.release(one.guid, -1, ["edit"]) if yes else judge.own_text.add(
                    one.guid
                )
        elif one.kind == "same":
            yes = any(judge.is_same(one.text, guid) for guid in one.rivals)
            program.answer(one, yes)
        elif one.kind == "duplicate":
            yes = len({self.passage(guid) for guid in one.rivals}) == 1
            if program.answer(one, yes):
                judge.apart |= set() if yes else set(one.rivals)
                for guid in one.rivals if yes else ():
                    judge.release(guid, -1, ["edit"])
        elif dropped or has_card:
            if program.reject(one.id):
                with_card = {self.passage(card.guid) for card in has_card}
                for passage in (
                    meant - with_card
                ):  # another machine may have made its card
                    judge.release(one.guid, passage, ["keep"])
        elif program.answer(one, True) and not self.tried(machine, one.guid, before):
            judge.decide(machine.name, "keep", min(meant, default=0), one.guid)

    # --- in Anki

    def work_in_anki(self, anki: Real) -> None:
        judge = self.judge
        here = [guid for guid, note in anki.state().items() if not is_retired(note)]
        if not (guid := self.one_of(sorted(set(here) & judge.card_of.keys()))):
            return
        if self.world.luck.random() < WITH_DECKS:
            self.work_on_deck(anki, guid)
        what = self.dice.choices(list(IN_ANKI), list(IN_ANKI.values()))[0]
        came_back_unseen = guid in judge.deleted - judge.viewed
        if guid not in anki.state() or (what == "delete" and came_back_unseen):
            return  # Anki does not say when a note was deleted: see docs/reference/limits.md
        self.world.say("anki:", what, guid, self.passage(guid))
        with anki.at_work(self.history.later) as opened:
            note = opened.state()[guid]
            if what == "edit":
                self.count += 1
                name = self.dice.choice([name for name in ("Front", "Back", "Text") if name in note["fields"]])  # fmt: skip
                words = f"[anki {self.count}]"
                opened.edit(guid, name, f"{note['fields'][name]} {words}")
                judge.typed[guid] = [
                    each for each in judge.typed[guid] if each[0] != name
                ]
                judge.typed[guid].append((name, words))
            elif what == "tag":
                opened.tag(guid, "mine")
                judge.tagged.add(guid)
            elif what == "review" and guid not in judge.suspended | judge.reviewed.keys():
                opened.review(guid)
                judge.reviewed[guid] = reviews(opened.state()[guid])
            elif what == "suspend":
                opened.suspend(guid)
                judge.suspended.add(guid)
            elif what == "delete":
                opened.delete(guid)
                judge.deleted.add(guid)
                judge.release(guid, -1, ["edit"])
                judge.decide("", "delete", self.passage(guid), guid)
                judge.decisions[-1].known |= {one.name for one in self.history.machines}
                judge.typed.pop(guid, None)
                judge.reviewed.pop(guid, None)
                judge.tagged.discard(guid)
                judge.suspended.discard(guid)

    def work_on_deck(self, anki: Real, guid: str) -> None:
        """Rename the deck of a note while another note lies elsewhere, or delete the deck."""
        judge, luck = self.judge, self.world.luck
        notes = {g: n for g, n in anki.state().items() if g in judge.card_of}
        deck = notes[guid]["cards"][0][1]
        inside = sorted(g for g, n in notes.items() if n["cards"][0][1] == deck)
        if len(set(inside) & judge.viewed) <= MANY:  # no run could see that they are many
            return
        what = luck.choice(["rename", "rename", "rename", "delete", "delete by accident"])
        self.world.say("anki:", what, "the deck", deck)
        with anki.at_work(self.history.later) as opened:
            if what == "rename":
                opened.move(luck.choice([g for g in inside if g != guid]), "Elsewhere")
                opened.rename_deck(guid, f"Deck {len(judge.renamed)}")
                judge.renamed.add(deck)
            else:
                opened.delete_deck(guid)
                judge.renamed.clear()  # what it was called is forgotten with it
        for each in inside if what != "rename" else ():
            judge.deleted.add(each)
            judge.release(each, -1, ["edit"])
            judge.typed.pop(each, None)
            judge.reviewed.pop(each, None)
            judge.tagged.discard(each)
            judge.suspended.discard(each)
            if what == "delete":
                judge.swept.add(each)
                judge.decide("", "delete", self.passage(each), each)
                judge.decisions[-1].known |= {one.name for one in self.history.machines}
            else:
                judge.swept.discard(each)
