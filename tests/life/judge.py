"""What must hold in a history, whatever happened; and what was asked."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.life.anki import is_retired, is_suspended, reviews
from tests.life.program import Card, Question, plain
from tests.life.world import Passage, World, folded, words_of

KINDS = {
    "double": "doubles", "double of a copy": "doubles", "made anew": "made anew",
    "machines disagree": "disagreements",
    **dict.fromkeys(
        ("card lost", "rejected, and live", "rejected, and offered again", "rejected, and back as another", "deleted, and back",
         "deleted, and back as another", "skipped, and live", "own words lost", "tag lost",
         "own words in Anki lost", "suspension lost", "reviews lost", "undo does not undo"),
        "lost decisions",
    ),
}  # fmt: skip
"""What each violation counts as; all else is `other`."""
OF_COPIES = (
    "double", "passage not listed", "words not followed", "rejected, and back as another",
    "deleted, and back as another", "made anew",
)  # fmt: skip
"""Which of several copies keeps which card is not promised; so one may seem to have two, another none."""
REPORTED = ("doubles", "lost decisions", "made anew", "disagreements", "other")


@dataclass
class Decision:
    """What a person decided about a passage or a card, and the machines that know it."""

    kind: str
    """`keep`: it has a card; `reject`, `delete`, `edit`, `skip`; `undone`: of an edit, which may have
    taken over the words in Anki."""
    passage: int
    guid: str = ""
    words: str = ""
    known: set[str] = field(default_factory=set)


class Judge:
    """Compares what the program and Anki show with the truth of the world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.wrongs: list[tuple[str, str]] = []
        self.said: set[tuple[object, ...]] = set()
        self.questions: Counter[str] = Counter()
        self.told: Counter[str] = Counter()
        self.decisions: list[Decision] = []
        self.unshared: set[str] = set()
        """The machines on which a person did something that the others do not know."""
        self.card_of: dict[str, int] = {}
        """By guid, the passage whose card it is."""
        self.first: dict[int, str] = {}
        """By passage, the guid of its live note in Anki."""
        self.apart: set[str] = set()
        """Cards of equal words of which a person keeps both."""
        self.own_text: set[str] = set()
        """Cards whose words a person chose; they need not follow the source."""
        self.typed: dict[str, list[tuple[str, str]]] = defaultdict(list)
        """By guid, (field, words) that a person typed in Anki."""
        self.tagged: set[str] = set()
        self.suspended: set[str] = set()
        self.reviewed: dict[str, int] = {}
        self.pictured: set[str] = set()
        """Notes that showed a picture in Anki."""
        self.swept: set[str] = set()
        """Cards whose deck a person deleted, and meant it."""
        self.deleted: set[str] = set()
        """Notes that were deleted in Anki, whether or not they came back."""
        self.renamed: set[str] = set()
        """What decks in Anki were called before."""
        self.in_anki: set[str] = set()
        self.viewed: set[str] = set()
        """The notes after the last import, and those of them that a run saw in Anki since."""

    def wrong(self, kind: str, subject: object, detail: object = "") -> None:
        """Record what must not be, once for each subject."""
        if (kind, subject) in self.said:
            return
        self.said.add((kind, subject))
        if kind in OF_COPIES and subject in {
            *self.world.copied,
            *self.world.copied.values(),
        }:
            self.told["copies changed places"] += 1
            return
        about = self.world.present().get(subject) if isinstance(subject, int) else None
        self.wrongs.append((kind, f"{subject} {plain(detail)}"))
        self.world.say("!!", kind, subject, plain(detail), about or "")

    def counted(self) -> dict[str, int]:
        """Return how many violations there were, by what they count as."""
        found = Counter(KINDS.get(kind, "other") for kind, _ in self.wrongs)
        return {name: found[name] for name in REPORTED}

    # --- the truth

    def ids(self, text: str) -> set[int]:
        """Return the passages that ever said a text, or its last sentence."""
        if text in self.world.meant or not text:
            return self.world.meant.get(text, set())
        # a proposal may begin with the sentence of its mark on which it leans
        ends = [known for known in self.world.meant if known and text.endswith(known)]
        return self.world.meant[max(ends, key=len)] if ends else set()

    def roots(self, passages: Iterable[int]) -> set[int]:
        return {self.world.root(one) for one in passages}

    def line_of(self, passage: int) -> set[int]:
        """The fact and those it took the place of, one after the other."""
        line = {passage}
        while passage in self.world.replaced and self.world.replaced[passage] not in line:
            passage = self.world.replaced[passage]
            line.add(passage)
        return line

    def is_same(self, text: str, guid: str) -> bool:
        """Whether the words belong to the passage of this card, or to a copy of it."""
        return self.card_of.get(guid, 0) in self.ids(text) or bool(
            self.roots(self.ids(text)) & self.roots({self.card_of.get(guid, 0)})
        )

    def is_heir(self, text: str, guid: str) -> bool:
        """Whether the words took the place of this card's."""
        known = self.card_of.get(guid, 0)
        return any({known} & self.line_of(one) for one in self.ids(text)) or any(
            one in self.line_of(known) for one in self.ids(text)
        )

    def assign(self, guid: str, text: str) -> None:
        """Learn whose card it is; a card that says another fact than before is wrong."""
        meant, before = self.ids(text), self.card_of.get(guid)
        if before in meant:
            return
        if not meant:  # a card on which a person chose a field may mix two readings
            if guid not in self.own_text:
                self.wrong("words of no passage", guid, text)
            return
        if before is None:
            taken = set(self.card_of.values())
            here = self.world.present()
            self.card_of[guid] = min(
                meant, key=lambda one: (one in taken, one not in here, one)
            )
            return
        if self.is_same(text, guid):
            self.told["a copy took its card"] += 1
        elif self.is_heir(text, guid):
            self.told["a replaced fact kept its card"] += 1
        else:
            self.wrong("wrong match", guid, (before, text))
        after = min(meant)
        self.card_of[guid] = after
        for one in self.decisions:
            if one.passage == before and one.kind != "skip":
                one.passage = after
        self.first.setdefault(after, self.first.pop(before, guid))

    # --- what a person decided

    def decide(
        self, machine: str, kind: str, passage: int, guid: str = "", words: str = ""
    ) -> None:
        """Remember a decision; it takes the place of one that it contradicts."""
        unknown = [
            one
            for one in self.of({passage}, "keep", "reject")
            if machine not in one.known
        ]
        if kind != "edit":
            self.release(guid, passage, ("keep", "reject", "delete", "skip"))
        if not (
            unknown and kind == "reject"
        ):  # which of the two is the later one is not promised
            self.decisions.append(Decision(kind, passage, guid, words, {machine}))

    def undo_edit(self, machine: str, passage: int, guid: str) -> None:
        """Remember that an edit of a card was undone on a machine."""
        self.decisions.append(Decision("undone", passage, guid, known={machine}))

    def release(self, guid: str, passage: int, kinds: Sequence[str]) -> None:
        """Promise nothing any more."""
        self.decisions = [one for one in self.decisions if not (one.kind in kinds and (one.passage == passage or (guid and one.guid == guid)))]  # fmt: skip

    def of(self, passages: Iterable[int], *kinds: str) -> list[Decision]:
        wanted = set(passages)
        return [
            one for one in self.decisions if one.passage in wanted and one.kind in kinds
        ]

    def is_behind(self, machine: str) -> bool:
        """Whether a person decided on another machine what this one does not know."""
        return bool(self.unshared - {machine})

    def is_edited_elsewhere(self, machine: str, guid: str) -> bool:
        """Whether a person edited a card on another machine, and this one does not know it.

        The edit may have been undone: the card has the words in Anki since.
        """
        decided = [one for one in self.decisions if one.guid == guid]
        edits = [one for one in decided if one.kind in ("edit", "undone")]
        return any(machine not in one.known for one in edits)

    def shared(self, machines: Iterable[str]) -> None:
        for one in self.decisions:
            one.known |= set(machines)

    # --- the program

    def ask(self, questions: Iterable[Question], edited_in_anki: Iterable[str]) -> None:
        """Count each question once, on whichever machine it comes up."""
        for one in questions:
            kind = one.kind
            if kind == "conflict" and one.guid in set(edited_in_anki):
                kind = "conflict after an edit in Anki"
            about = min(self.roots(self.ids(one.text)), default=one.guid)
            # one question about many notes shows the words of some, which may change
            asked = (kind, one.id) if kind == "absent" else (kind, about, one.text)
            if asked not in self.said:
                self.said.add(asked)
                self.questions[kind] += 1
                self.world.say("??", kind, one.guid, one.text[:80], one.rivals)

    def see_program(
        self,
        machine: str,
        cards: dict[str, Card],
        here: dict[int, Passage],
        open_: list[Question],
    ) -> None:
        """Check what one machine shows after a run."""
        live = {guid: card for guid, card in cards.items() if card.live}
        in_conflict = {one.guid for one in open_ if one.kind == "conflict"}
        for guid, card in live.items():
            # until it is answered, one field is shown as in Anki and another as in the source
            if self.ids(card.text) or guid not in in_conflict:
                self.assign(guid, card.text)
        asked = {guid for one in open_ for guid in (one.guid, *one.rivals)}
        doubt = {passage for one in open_ for passage in self.ids(one.text)}
        served = {one for card in live.values() for one in self.ids(card.text)}
        served |= {self.card_of.get(guid, 0) for guid in live}
        for one in [each for each in self.decisions if machine in each.known]:
            card = cards.get(one.guid)
            if one.kind == "keep" and one.passage in here:
                if one.passage not in served | doubt and one.guid not in asked:
                    self.wrong("card lost", one.passage, (machine, one.guid, card))
            elif one.kind in ("reject", "delete"):
                if one.kind == "reject" and card and card.live:
                    self.wrong("rejected, and live", one.guid, (machine, card))
                others = [g for g in live if g != one.guid and self.ids(live[g].text) == {one.passage}]  # fmt: skip
                if (
                    others
                    and not asked & set(others)
                    and not self.of({one.passage}, "keep")
                ):
                    what = "rejected" if one.kind == "reject" else "deleted"
                    self.wrong(
                        f"{what}, and back as another", one.passage, (machine, others)
                    )
                offered = [
                    q.id for q in open_ if q.kind == "check" and q.text == one.words
                ]
                if one.kind == "reject" and one.words and offered:
                    self.wrong(
                        "rejected, and offered again", one.passage, (machine, offered)
                    )
            elif one.kind == "edit" and card and card.live and one.guid not in asked:
                # words that were edited in Anki come back with escapes
                shown = " ".join(card.fields.values()).replace("\\", "")
                if one.words not in shown:
                    self.wrong(
                        "own words lost", one.guid, (machine, one.words, card.fields)
                    )
            elif one.kind == "skip" and any(
                self.ids(live[g].text) == {one.passage} for g in live
            ):
                self.wrong("skipped, and live", one.passage, machine)
        for guid in live if not self.is_behind(machine) else ():
            passage = self.card_of.get(guid, 0)
            if passage in here and not self.of(
                {passage}, "keep", "reject", "delete", "skip"
            ):
                self.decide(machine, "keep", passage, guid)

    # --- Anki

    def see_anki(
        self,
        machine: str,
        notes: dict[str, Any],
        cards: dict[str, Card],
        open_: list[Question],
    ) -> None:
        """Check what Anki has after an import of what a machine wrote. Without a look at Anki, dropped cards stay as they are."""
        self.viewed, self.in_anki = self.in_anki & notes.keys(), set(notes)
        behind = self.is_behind(machine)
        asked = {guid for one in open_ for guid in (one.guid, *one.rivals)}
        dropped = {guid for guid, card in cards.items() if not card.live}
        live = {guid: note for guid, note in notes.items() if not is_retired(note)}
        live = {guid: note for guid, note in live.items() if guid not in dropped}
        by: dict[int, set[str]] = defaultdict(set)
        equal: dict[str, set[str]] = defaultdict(set)
        for guid, note in live.items():
            text = words_of(note["fields"])
            self.assign(guid, text)
            by[self.card_of.get(guid, 0)].add(guid)
            equal[text].add(guid)
        for passage, guids in by.items():
            if len(guids) > 1 and not guids & asked and not behind:
                self.wrong("double", passage, guids)
            self.see_first(passage, guids, notes)
        for text, guids in equal.items():
            mine = guids & {*self.apart, *self.own_text, *self.typed}
            known = guids & asked or any(guids <= one for one in by.values())
            if len(guids - mine) > 1 and not known:
                self.wrong("double of a copy", text, guids)
        for one in self.decisions:
            if one.kind == "delete" and one.guid in live:
                self.wrong("deleted, and back", one.guid)
        self.see_own(machine, notes)

    def see_first(self, passage: int, guids: set[str], notes: dict[str, Any]) -> None:
        before = self.first.get(passage)
        if before in guids or not passage:
            return
        self.first[passage] = min(guids)
        dropped = self.of({passage}, "reject", "delete") or before is None
        if not dropped and (before not in notes or is_retired(notes[before])):
            self.wrong("made anew", passage, (before, guids))

    def see_own(self, machine: str, notes: dict[str, Any]) -> None:
        """Check that what a person did in Anki stands.

        An edit on another machine took over the words in Anki: without it, older ones come back for a while.
        """
        for guid, typed in self.typed.items():
            if self.is_edited_elsewhere(machine, guid):
                continue
            for name, words in typed:
                if guid in notes and words not in notes[guid]["fields"].get(name, ""):
                    self.wrong(
                        "own words in Anki lost", guid, (words, notes[guid]["fields"])
                    )
        for guid, note in notes.items():
            words = re.sub(r"<[^>]*>", "", " ".join(note["fields"].values()))
            if re.search(r"\bp\d+\.png", words) and guid in self.pictured:
                self.wrong("picture lost", guid, words)
            if "<img" in str(note["fields"]):
                self.pictured.add(guid)
            for _, deck, *_ in note["cards"] if self.renamed else ():
                if deck in self.renamed:
                    self.wrong("old deck made again", deck, guid)
        for guid in self.tagged & notes.keys():
            if "mine" not in notes[guid]["tags"]:
                self.wrong("tag lost", guid)
        for guid in self.suspended & notes.keys():
            if not is_suspended(notes[guid]):
                self.wrong("suspension lost", guid)
        for guid, count in self.reviewed.items():
            if guid in notes and reviews(notes[guid]) < count:
                self.wrong("reviews lost", guid)

    # --- the end

    def see_end(
        self, cards: dict[str, Card], bare: set[str], notes: dict[str, Any]
    ) -> None:
        """Check that each passage is told somewhere, and that each card says what its passage does."""
        shown = {card.text for card in cards.values()}
        here = {folded(one.markdown) for one in self.world.present().values()}
        for passage, one in self.world.present().items():
            text = folded(one.markdown)
            own = [guid for guid, known in self.card_of.items() if known == passage]
            live = [guid for guid in own if guid in notes and not is_retired(notes[guid])]
            live = [guid for guid in live if guid in cards and cards[guid].live]
            # the card of a fact that was replaced in place is listed as one whose source changed
            outdated = {guid for guid in cards if cards[guid].outdated}
            kept = {self.card_of.get(guid, 0) for guid in self.own_text | outdated}
            told = text in shown | bare
            told |= passage in self.world.in_joined_marks()  # which has others of it
            if not told and not own and not kept & self.line_of(passage):
                self.wrong("passage not listed", passage, text)
            for guid in set(live) - self.own_text - self.typed.keys():
                said = words_of(notes[guid]["fields"])
                if one.form == "plain" and said.endswith(text):
                    continue  # it begins with the sentence on which it leans
                if said != text and cards[guid].outdated:
                    self.told["a drafted card whose source changed"] += 1
                elif (
                    said != text and said not in here
                ):  # else it is the card of an equal passage
                    self.wrong("words not followed", passage, (guid, said))

    def compare(self, kind: str, one: dict[str, Card], other: dict[str, Card]) -> None:
        """Two readings of the same journal and the same notes show the same cards."""
        first, second = ({g: c.text for g, c in each.items() if c.live} for each in (one, other))  # fmt: skip
        for guid in sorted(first.keys() | second.keys()):
            if first.get(guid) != second.get(guid):
                self.wrong(kind, guid, (first.get(guid), second.get(guid)))
