"""What happens to the sources."""

from .memory import Memory
from .paper import SHAPES, Beast
from .source import Passage


class Reader(Memory):
    """Each step takes two numbers, by which it chooses."""

    def _passage(self, one: int, *forms: str) -> Passage:
        fit = [p for p in self.shelf.passages if not forms or p.form in forms]
        return fit[one % len(fit)]

    def _beast(self, one: int) -> Beast:
        return self.shelf.paper.beasts[one % len(self.shelf.paper.beasts)]

    def do_answer(self, one: int, other: int) -> None:
        self._passage(one).answer = self.shelf.word()
        self.shelf.write()

    def do_adjective(self, one: int, other: int) -> None:
        self._passage(one).adjective = self.shelf.word()
        self.shelf.write()

    def do_mark(self, one: int, other: int) -> None:
        passage = self._passage(one, "sentence")
        marks = passage.marks ^ {other % 3}
        passage.marks = frozenset(marks or {0})
        self.shelf.write()

    def do_split(self, one: int, other: int) -> None:
        passage = self._passage(one, "sentence")
        passage.split = not passage.split
        self.shelf.write()

    def do_drop(self, one: int, other: int) -> None:
        """It is cut out, or put back as it was."""
        passage = self._passage(one)
        passage.there = not passage.there
        self.shelf.write()

    def do_move(self, one: int, other: int) -> None:
        passage = self._passage(one)
        passage.file = "b" if passage.file == "a" else "a"
        self.shelf.write()

    def do_rename(self, one: int, other: int) -> None:
        self.shelf.names["ab"[one % 2]] = self.shelf.word().title()
        self.shelf.write()

    def do_source_tag(self, one: int, other: int) -> None:
        """The notes' own tags."""
        tag = ("biology", "old", "exam")[one % 3]
        if tag in self.shelf.tags:
            self.shelf.tags.remove(tag)
        else:
            self.shelf.tags.append(tag)
        self.shelf.write()

    # the paper

    def do_save(self, one: int, other: int) -> None:
        self.shelf.paper.write()

    def do_shape(self, one: int, other: int) -> None:
        self._beast(one).shape = SHAPES[other % 3]
        self.shelf.paper.write()

    def do_join(self, one: int, other: int) -> None:
        beast = self._beast(one)
        beast.joined = not beast.joined
        self.shelf.paper.write()

    def do_unmark(self, one: int, other: int) -> None:
        beast = self._beast(one)
        beast.there = not beast.there
        self.shelf.paper.write()

    def do_ask(self, one: int, other: int) -> None:
        beast = self._beast(one)
        beast.question = f"Which {self.shelf.word()} habits did the {beast.animal} have?"
        self.shelf.paper.write()

    # time

    def do_later(self, one: int, other: int) -> None:
        self.clock.ahead += 700

    def do_earlier(self, one: int, other: int) -> None:
        """The clock was wrong, and is put right; or summer time ends."""
        self.clock.ahead -= 3600
