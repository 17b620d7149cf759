"""The notes of a person, how they change, and the truth: which passage each text belongs to."""

from __future__ import annotations

import html
import json
import os
import random
import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import ClassVar, TypeGuard

from rapidfuzz import fuzz

GAP = re.compile(r"==(.+?)==")
LINES = (Path(__file__).parent / "passages.jsonl").read_text("utf-8").splitlines()
SENTENCES: dict[str, dict[str, list[str]]] = {
    row["text"]: row for row in map(json.loads, LINES)
}
"""Real sentences with a gap: by sentence, its real corrections (`after`) and other facts (`other`)."""
GAPS = sorted({gap for text in SENTENCES for gap in GAP.findall(text)})
NAMES = ["Keller", "Osaka", "Moreau", "Lisbon", "Haldane", "Quito", "Ibsen", "Tartu"]
CLAUSES = [
    ", as is well known,",
    " in most cases",
    " (see the lecture)",
    " today",
    " roughly speaking",
]
CONTEXT = [
    "Some context about the topic.",
    "More reading is needed here.",
    "Compare the chapter on methods.",
    "This was discussed in the seminar.",
    "An open point remains.",
]
FORMS = {"mark": 50, "cloze": 10, "inline": 15, "block": 8, "two-way": 5, "plain": 12}
PLUGIN = "obsidian-spaced-repetition"
"""A plug-in with forms of its own, by which all notes are written in some histories."""
FORMS_OF_PLUGIN = {
    "mark": 25, "inline": 20, "two-way": 15, "block": 25, "two-way block": 15
}  # fmt: skip
"""Where it is on, a marked phrase is a gap of its own, too."""
TAG_OF_PLUGIN = "#flashcards"
BETWEEN = {
    "inline": "::", "two-way": ":::", "block": "\n?\n", "two-way block": "\n??\n"
}  # fmt: skip
"""What stands between question and answer."""
OPERATIONS = {
    "edit": 34, "replace": 4, "insert": 10, "delete": 6, "reorder": 6, "move": 4, "rename": 4,
    "rename_edit": 3, "split": 1, "merge": 1, "copy_note": 1, "copy": 2, "delete_note": 2,
    "restore": 4, "cut": 3, "swap": 1, "exchange": 4, "copy_edit": 1, "copy_improve": 1, "alike": 2,
    "correct": 4, "drop_id": 2,
}  # fmt: skip
"""How often a person does what.

In eight public vaults with 5,933 edits of lines, read once a day (819 days), there were for 100 edits: 6 notes
renamed and 7 lines edited in them, 2 or 3 notes deleted, 1 note split, 0.2 notes merged, 0.2 moves of lines to
another note, 5 lines moved and edited (half of them with a block of lines that moved along), 0.7 originals deleted
of which an edited copy stayed (at most), and many more lines inserted and deleted than here. What is rare is at
least as frequent here as there, and most of it several times.
"""
KINGS = ["XIII", "XIV", "XV", "XVI", "XVII", "XVIII"]
TERMS = ["an enzyme", "an alphabet", "a mutex"]
WITH_ID = 0.2
"""How likely a passage has a block id of its own."""
WITH_MOVE = 0.25
"""How likely sentences move between marks, beside what else is done: far more often than in life."""
MOVES = ("join", "join", "part", "shift", "order")
WITH_FOOTER = 0.3
"""How likely a note ends with a block id on a line of its own, which names whatever stands above it."""
WITH_PICTURE = 0.1
"""How likely a passage has a picture."""
SENTENCE = re.compile(r"[^a-z][^:]*$")
"""What stays a sentence of its own in a longer mark: not `term: meaning`, nor what begins small."""
PNG = b"\x89PNG\r\n\x1a\n"
"""How a picture begins: what does not is none, and not shown."""
PICTURE = re.compile(r"!\[\[[^\]]*\]\]|!\[[^\]]*\]\([^)]*\)")
OWN_WORDS = re.compile(r" ?\\?\[(?:mine|anki) \d+\\?\]")


def folded(text: str) -> str:
    """Letters and digits only, without signs of clozes, HTML and what a person added."""
    text = PICTURE.sub("", OWN_WORDS.sub("", text))
    text = html.unescape(re.sub(r"<[^>]*>", "", text))
    text = re.sub(r"\{\{c\d+::", "", text)
    return "".join(sign for sign in text.casefold() if sign.isalnum())


def words_of(fields: dict[str, str]) -> str:
    """The folded text of a card or note."""
    return folded(" ".join(fields.get(name, "") for name in ("Front", "Back", "Text")))


@dataclass(frozen=True)
class Passage:
    """One fact in a note; `id` is the truth: it stays through all edits and moves."""

    id: int
    sentence: str
    form: str
    block: str = ""
    """Its block id in Obsidian, which a copy of its line has, too."""
    picture: str = ""
    """The name of a picture that stands behind it."""
    joined: bool = False
    """Of a marked sentence: whether it stands in one mark with the marked sentence above it."""

    @property
    def bare(self) -> str:
        """The sentence without marks."""
        return self.sentence.replace("==", "")

    @property
    def line(self) -> str:
        """What stands in the note."""
        shown = f" ![[{self.picture}]]" if self.picture else ""
        block = f" ^{self.block}" if self.block else ""
        return f"{self.markdown}{shown}{block}"

    @property
    def markdown(self) -> str:
        if self.form == "mark":
            return self.sentence
        if self.form == "plain":
            return f"=={self.bare}=="
        gap = GAP.search(self.sentence)
        assert gap is not None
        before, after = (part.replace("==", "") for part in (gap.string[: gap.start()], gap.string[gap.end() :]))  # fmt: skip
        if self.form == "cloze":
            return f"{before}{{{{c1::{gap[1]}}}}}{after}"
        return f"Which words complete “{before}…{after}”?{BETWEEN[self.form]}{gap[1]}"


@dataclass
class Note:
    title: str
    lines: list[Passage | str]

    def text(self) -> str:
        lines: list[str] = []
        above: Passage | str = ""
        for line in self.lines:
            if is_joined(line, above):
                whole = lines.pop().removesuffix("==")
                lines.append(f"{whole} {line.bare}==")
            else:
                lines.append(line if isinstance(line, str) else line.line)
            above = line
        return "\n\n".join([f"# {self.title}", *lines]) + "\n"


def is_joined(line: Passage | str, above: Passage | str) -> TypeGuard[Passage]:
    """Whether a line is a sentence in the mark of the line above; neither has an id or a picture."""
    if isinstance(line, str) or isinstance(above, str):
        return False
    are_marks = line.form == above.form == "plain"
    have_more = line.block or line.picture or above.block or above.picture
    return line.joined and are_marks and not have_more


def typo(dice: random.Random, text: str) -> str:
    if not (words := list(re.finditer(r"[^\W\d_]{4,}", text))):
        return text
    found = dice.choice(words)
    word, at = found[0], dice.randrange(1, len(found[0]) - 1)
    swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    other = word[:at] + dice.choice("aeinrst") + word[at:]
    new = dice.choice([word[:at] + word[at + 1 :], swapped, other])
    return text[: found.start()] + new + text[found.end() :]


def clause(dice: random.Random, text: str) -> str:
    spaces = [found.start() for found in re.finditer(r" (?=[^\W_])", text)]
    outside = [at for at in spaces if text.count("==", 0, at) % 2 == 0]
    at = dice.choice(outside or [len(text)])
    return text[:at] + dice.choice(CLAUSES) + text[at:]


def number(dice: random.Random, text: str) -> str:
    if not (numbers := list(re.finditer(r"\d+", text))):
        return typo(dice, text)
    found = dice.choice(numbers)
    return f"{text[: found.start()]}{int(found[0]) + dice.randint(1, 9)}{text[found.end() :]}"


def name(dice: random.Random, text: str) -> str:
    if not (names := list(re.finditer(r"(?<=[a-z,] )[A-Z][a-z]{3,}", text))):
        return clause(dice, text)
    found = dice.choice(names)
    return text[: found.start()] + dice.choice(NAMES) + text[found.end() :]


def answer(dice: random.Random, text: str) -> str:
    return GAP.sub(f"=={dice.choice(GAPS)}==", text, count=1)


def real(dice: random.Random, text: str) -> str:
    """A correction that somebody really made."""
    return dice.choice(SENTENCES.get(text, {}).get("after") or [typo(dice, text)])


EDITS: dict[Callable[[random.Random, str], str], int] = {
    typo: 4, clause: 2, number: 2, name: 1, answer: 1, real: 4
}  # fmt: skip


class World:
    """The notes as they are now, and all that they ever said."""

    def __init__(self, seed: int, forms: dict[str, int]) -> None:
        self.dice = random.Random(seed)
        self.forms = forms
        """How often which form is written."""
        self.luck = random.Random(f"luck {seed}")
        """Decides what came later into these histories, so that the others stay as they were."""
        self.log: list[str] = []
        self.edits, self.number, self.clock = 0, 0, 0
        self.done: Counter[str] = Counter()
        self.meant: dict[str, set[int]] = defaultdict(set)
        """By folded text, the passages that ever said it."""
        self.used: set[str] = set()
        """The folded sentences of which a passage was made."""
        self.copied: dict[int, int] = {}
        """By copy, the passage that was copied first."""
        self.replaced: dict[int, int] = {}
        """By new fact, the one in whose place it was written."""
        self.bin: list[tuple[str, list[Passage | str]]] = []
        self.clipboard: list[tuple[int, Passage]] = []
        self.later: list[tuple[int, str, int, int]] = []
        """(when, what is done, to which passage, of which it is a copy)."""
        self.alike: set[int] = set()
        """Cards whose questions are alike."""
        self.notes: dict[str, Note] = {}
        for at in range(self.dice.randint(5, 12)):
            lines: list[Passage | str] = []
            for _ in range(self.dice.randint(2, 9)):
                lines += [self.dice.choice(CONTEXT)] * (self.dice.random() < 0.5) + [
                    self.fresh()
                ]
            if self.dice.random() < WITH_FOOTER:
                lines.append(f"^tail-{at}")
            self.notes[f"note {at}"] = Note(f"note {at}", lines)

    def say(self, *words: object) -> None:
        self.log.append(" ".join(map(str, words)))

    def next(self) -> int:
        self.number += 1
        return self.number

    def root(self, passage: int) -> int:
        return self.copied.get(passage, passage)

    def says(self, passage: Passage) -> Passage:
        self.meant[folded(passage.markdown)].add(passage.id)
        return passage

    def fresh(self) -> Passage:
        """A fact that is not like any other."""
        for _ in range(50):
            sentence = self.dice.choice(list(SENTENCES))
            bare = folded(sentence)
            is_used = bare in self.used  # in a form with other words around it
            if not is_used and all(fuzz.ratio(bare, other) < 75 for other in self.meant):
                break
        self.used.add(bare)
        form = self.dice.choices(list(self.forms), list(self.forms.values()))[0]
        number = self.next()
        block = f"id-{number}" if self.dice.random() < WITH_ID else ""
        picture = f"p{number}.png" if self.luck.random() < WITH_PICTURE else ""
        return self.says(Passage(number, sentence, form, block, picture))

    def in_joined_marks(self) -> set[int]:
        """Return the marked sentences that stand in one mark with others."""
        found = set()
        for note in self.notes.values():
            for above, line in pairwise(note.lines):
                if is_joined(line, above) and isinstance(above, Passage):
                    found |= {line.id, above.id}
        return found

    def present(self) -> dict[int, Passage]:
        return passages(self.notes)

    def copy(self) -> dict[str, Note]:
        return {
            name: Note(note.title, list(note.lines)) for name, note in self.notes.items()
        }

    def edited(self, passage: Passage) -> Passage:
        for _ in range(20):
            change = self.dice.choices(list(EDITS), list(EDITS.values()))[0]
            sentence = change(self.dice, passage.sentence)
            new = replace(passage, sentence=sentence)
            if GAP.search(sentence) and folded(new.markdown) != folded(passage.markdown):
                self.edits += 1
                self.say("  edit", change.__name__, passage.id, repr(passage.sentence), "→", repr(sentence))  # fmt: skip
                return self.says(new)
        return passage

    def twin(self, line: Passage | str) -> Passage | str:
        if isinstance(line, str):
            return line
        new = replace(line, id=self.next())
        self.copied[new.id] = self.root(line.id)
        return self.says(new)

    def put(self, passage: Passage, where: str = "") -> None:
        lines = self.notes[where or self.dice.choice(list(self.notes))].lines
        lines.insert(self.dice.randint(0, len(lines)), passage)

    def spots(self) -> list[tuple[str, int]]:
        """Return where the passages are."""
        return [
            (name, at)
            for name, note in self.notes.items()
            for at, one in enumerate(note.lines)
            if isinstance(one, Passage)
        ]

    def change(self) -> None:
        """One thing that a person does to notes."""
        spots = self.spots()
        what = self.dice.choices(list(OPERATIONS), list(OPERATIONS.values()))[0]
        where, at = self.dice.choice(spots) if spots else ("", 0)
        what = what if spots else "insert"
        self.done[what] += 1
        self.say(what, where, at)
        getattr(self, f"do_{what}")(where, at)
        if self.luck.random() < WITH_MOVE:
            self.move_sentences()

    def move_sentences(self) -> None:
        """Join marks of whole sentences, part them, or shift a sentence from one to another."""
        plain = [spot for spot in self.spots() if self.at(spot).form == "plain"]
        marks = [spot for spot in plain if SENTENCE.match(self.at(spot).sentence)]
        if len(marks) < 2:
            return
        what = self.luck.choice(MOVES)
        (here, at), (there, below) = self.luck.sample(marks, 2)
        taken = self.at((here, at))
        self.done[f"{what} sentences"] += 1
        self.say(f"{what} sentences", taken.id, self.at((there, below)).id)
        if what == "part":
            self.notes[here].lines[at] = replace(taken, joined=False)
            return
        if what == "order":
            there = here
            below = min(
                (spot for name, spot in marks if name == here and spot != at), default=at
            )
        target = self.at((there, below))
        self.notes[here].lines.remove(taken)
        place = self.notes[there].lines.index(target) + 1 if target is not taken else at
        joined = replace(taken, joined=True, block="", picture="")
        self.notes[there].lines.insert(place, joined)
        if target is not taken:
            self.notes[there].lines[place - 1] = replace(target, block="", picture="")

    def paste(self) -> None:
        """What was cut two steps ago is pasted."""
        self.clock += 1
        for due, passage in [one for one in self.clipboard if one[0] <= self.clock]:
            self.clipboard.remove((due, passage))
            self.say("paste", passage.id)
            self.put(passage)
        for what in [one for one in self.later if one[0] <= self.clock]:
            self.later.remove(what)
            self.go_on(*what[1:])

    def go_on(self, what: str, copy: int, original: int) -> None:
        """A copy is edited one step after it was made; another step later its original is deleted."""
        where = {one.id: spot for spot in self.spots() if (one := self.at(spot))}
        if copy not in where or original not in where:
            return
        self.say(what, copy, original)
        if what == "edit the copy":
            name, at = where[copy]
            self.notes[name].lines[at] = self.edited(self.at(where[copy]))
            self.later.append((self.clock + 1, "delete the original", copy, original))
        else:
            self.take(*where[original])

    def at(self, spot: tuple[str, int]) -> Passage:
        passage = self.notes[spot[0]].lines[spot[1]]
        assert isinstance(passage, Passage)
        return passage

    def take(self, where: str, at: int) -> Passage:
        taken = self.notes[where].lines.pop(at)
        assert isinstance(taken, Passage)
        return taken

    def do_edit(self, where: str, at: int) -> None:
        more = min(self.dice.choice([0, 0, 0, 1, 2]), len(self.spots()))
        for name, spot in dict.fromkeys(
            [(where, at), *self.dice.sample(self.spots(), more)]
        ):
            lines = self.notes[name].lines
            if isinstance(one := lines[spot], Passage):
                lines[spot] = self.edited(one)

    def do_replace(self, where: str, at: int) -> None:
        old, new = self.take(where, at), self.fresh()
        if others := SENTENCES.get(old.sentence, {}).get("other"):
            new = self.says(
                replace(new, sentence=self.dice.choice(others), form=old.form)
            )
        if self.dice.random() < 0.5:  # typed over the old words, so that the id stays
            new = replace(new, block=old.block)
        self.replaced[new.id] = old.id
        self.edits += 1
        self.notes[where].lines.insert(at, new)
        self.say("  replace", old, "by", new)

    def do_insert(self, where: str, at: int) -> None:
        self.put(self.fresh())

    def do_delete(self, where: str, at: int) -> None:
        self.bin.append((where, [self.take(where, at)]))

    def do_reorder(self, where: str, at: int) -> None:
        self.put(self.take(where, at), where)

    def do_exchange(self, where: str, at: int) -> None:
        """Two passages of a note exchange their lines; their block ids go along, or stay where they are."""
        lines = self.notes[where].lines
        one, other = (
            lines[at],
            lines[
                self.dice.choice([spot for name, spot in self.spots() if name == where])
            ],
        )
        if not isinstance(one, Passage) or not isinstance(other, Passage) or one is other:
            return
        there = lines.index(other)
        if self.dice.random() < 0.5:
            one, other = replace(one, block=other.block), replace(other, block=one.block)
        lines[at], lines[there] = other, one

    def do_move(self, where: str, at: int) -> None:
        self.put(self.take(where, at))

    def do_cut(self, where: str, at: int) -> None:
        self.clipboard.append((self.clock + 2, self.take(where, at)))

    def do_rename(self, where: str, at: int) -> str:
        new = f"note r{self.next()}"
        self.notes[new] = self.notes.pop(where)
        if self.dice.random() < 0.5:
            self.notes[new].title = new
        return new

    def do_rename_edit(self, where: str, at: int) -> None:
        lines = self.notes[self.do_rename(where, at)].lines
        for spot, one in enumerate(lines):
            if isinstance(one, Passage) and self.dice.random() < 0.4:
                lines[spot] = self.edited(one)

    def do_split(self, where: str, at: int) -> None:
        lines = self.notes[where].lines
        if half := len(lines) // 2:
            name = f"note s{self.next()}"
            self.notes[name] = Note(name, lines[half:])
            del lines[half:]

    def do_merge(self, where: str, at: int) -> None:
        if others := [name for name in self.notes if name != where]:
            self.notes[where].lines += self.notes.pop(self.dice.choice(others)).lines

    def do_copy_note(self, where: str, at: int) -> None:
        note = self.notes[where]
        self.notes[f"copy {self.next()} of {where}"] = Note(note.title, [self.twin(one) for one in note.lines])  # fmt: skip

    def do_copy(self, where: str, at: int) -> None:
        twin = self.twin(self.notes[where].lines[at])
        assert isinstance(twin, Passage)
        self.put(twin)

    def do_copy_edit(self, where: str, at: int) -> None:
        """A line is copied below itself or into another note; `go_on` has what follows."""
        original = self.at((where, at))
        twin = self.twin(original)
        assert isinstance(twin, Passage)
        self.put(replace(twin, block=""), where if self.dice.random() < 0.5 else "")
        self.later.append((self.clock + 1, "edit the copy", twin.id, original.id))

    def do_copy_improve(self, where: str, at: int) -> None:
        """A line is copied into another note, and the original improved at once."""
        if others := [name for name in self.notes if name != where]:
            original = self.at((where, at))
            twin = self.twin(original)
            assert isinstance(twin, Passage)
            self.notes[where].lines[at] = self.edited(original)
            self.put(replace(twin, block=""), self.dice.choice(others))

    def do_alike(self, where: str, at: int) -> None:
        """Questions that are alike, or even equal."""
        if self.dice.random() < 0.7:
            names = self.dice.sample(KINGS, 3)
            facts = [f"Louis {name} became king of France in =={year}==." for name, year in zip(names, self.years(), strict=True)]  # fmt: skip
        else:
            facts = [f"The term of this chapter is =={term} of {self.next()} parts==." for term in self.dice.sample(TERMS, 2)]  # fmt: skip
        new = [Passage(self.next(), fact, "inline") for fact in facts]
        if any(folded(one.markdown) in self.meant for one in new):
            return
        self.alike |= {one.id for one in new}
        self.notes[where].lines[at:at] = [self.says(one) for one in new]

    def years(self) -> list[str]:
        return [str(year) for year in self.dice.sample(range(1600, 1800), 3)]

    def do_correct(self, where: str, at: int) -> None:
        """The answers of alike questions of a note are corrected, and their lines may change places."""
        lines = self.notes[where].lines
        spots = [spot for spot, one in enumerate(lines) if isinstance(one, Passage) and one.id in self.alike and "Louis" in one.sentence]  # fmt: skip
        corrected = []
        taken = [GAP.search(self.at((where, spot)).sentence)[1] for spot in spots]  # type: ignore[index]
        for spot, year in zip(spots, taken[1:] + taken[:1], strict=True):
            one = self.at((where, spot))
            self.edits += 1
            corrected.append(
                self.says(replace(one, sentence=GAP.sub(f"=={year}==", one.sentence)))
            )
        if self.dice.random() < 0.5:
            self.dice.shuffle(corrected)
        for spot, one in zip(spots, corrected, strict=True):
            lines[spot] = one

    def do_drop_id(self, where: str, at: int) -> None:
        self.notes[where].lines[at] = replace(self.at((where, at)), block="")

    def do_delete_note(self, where: str, at: int) -> None:
        if len(self.notes) > 2:
            self.bin.append((where, self.notes.pop(where).lines))

    def do_restore(self, where: str, at: int) -> None:
        if self.bin:
            name, lines = self.bin.pop(self.dice.randrange(len(self.bin)))
            here = self.present()
            back = [one for one in lines if isinstance(one, str) or one.id not in here]
            note = self.notes.setdefault(name, Note(name, []))
            note.lines += back

    def do_swap(self, where: str, at: int) -> None:
        other = self.dice.choice(list(self.notes))
        self.notes[where], self.notes[other] = self.notes[other], self.notes[where]


@dataclass
class Vault:
    """The files of the notes. Machines take turns: the one that runs writes its own, in a folder that it calls as it likes."""

    folder: Path
    head: str = ""
    """Begins every note."""
    has_pictures: bool = True
    """Whether the pictures are on this machine now."""
    wrote: dict[str, str] = field(default_factory=dict)
    spoilt: list[str] = field(default_factory=list)
    """The files that stand in the place of notes that cannot be read."""
    ticks: int = 1_700_000_000
    WAYS: ClassVar[tuple[str, ...]] = ("conflict", "evicted", "encoding")

    def write(self, notes: dict[str, Note]) -> None:
        """Write what changed; each version of a file has a date of its own."""
        for name in self.spoilt:
            (self.folder / name).unlink()
        self.spoilt.clear()
        texts = {name: self.head + note.text() for name, note in notes.items()}
        for gone in self.wrote.keys() - texts.keys():
            (self.folder / f"{gone}.md").unlink()
        for changed in [name for name in texts if texts[name] != self.wrote.get(name)]:
            path = self.folder / f"{changed}.md"
            path.write_text(texts[changed], encoding="utf-8")
            self.ticks += 60
            os.utime(path, (self.ticks, self.ticks))
        self.wrote = texts
        pictures = self.folder / "img"
        if not self.has_pictures:
            shutil.rmtree(pictures, ignore_errors=True)
            return
        pictures.mkdir(exist_ok=True)
        for passage in passages(notes).values():
            if passage.picture:
                (pictures / passage.picture).write_bytes(PNG + passage.picture.encode())

    def spoil(self, name: str, way: str) -> None:
        """Make a note one that cannot be read, until the notes are written next."""
        path = self.folder / f"{name}.md"
        text = self.wrote.pop(name)
        if way == "evicted":
            path.unlink()
            path = path.with_name(f".{path.name}.icloud")
            path.write_bytes(b"bplist00")
        elif way == "conflict":
            theirs = text.replace("e", "ee")
            path.write_text(
                f"<<<<<<< HEAD\n{text}=======\n{theirs}>>>>>>> theirs\n", "utf-8"
            )
        else:
            path.write_bytes(text.encode("utf-8") + b"\xe9\n")
        self.spoilt.append(path.name)

    def move(self, name: str) -> None:
        """Give the folder the name that a machine has for it."""
        if self.folder.name != name:
            self.folder = self.folder.rename(self.folder.with_name(name))


def passages(notes: dict[str, Note]) -> dict[int, Passage]:
    return {
        one.id: one
        for note in notes.values()
        for one in note.lines
        if isinstance(one, Passage)
    }
