"""The paper of a history: its words stay, its marks change."""

from dataclasses import dataclass, field
from pathlib import Path

from samples.pdf_writer import Mark, Page, heading, mark, paragraph, write_pdf

BEASTS = ("gecko", "hoopoe", "ibex")
TAILS = ("toes", "crest", "horns")
SHAPES = ("whole", "short", "split")


@dataclass
class Beast:
    """One marked sentence, with a question of the reader's beside it."""

    animal: str
    tail: str
    shape: str = "whole"
    """`whole`; `short`: without its last words; `split`: these are a mark of their own."""
    joined: bool = False
    """One mark goes on over the next sentence, too."""
    there: bool = True
    age: int = 0
    """Counts how often nothing could tell any more that it is the same passage."""
    question: str = ""

    def __post_init__(self) -> None:
        self.question = f"Which strange habits did the {self.animal} have?"

    @property
    def head(self) -> str:
        return f"The {self.animal} was seen by many travellers who wrote of its strange habits"

    @property
    def rest(self) -> str:
        return f"and {self.tail}."

    @property
    def sentence(self) -> str:
        return f"{self.head} {self.rest}"

    @property
    def marks(self) -> list[Mark]:
        words = self.sentence if self.shape == "whole" else self.head
        first = mark(words, comment=self.question)
        return [first, mark(self.rest)] if self.shape == "split" else [first]

    @staticmethod
    def is_lost(before: tuple[str, ...], now: tuple[str, ...]) -> bool:
        """Whether nothing can tell that it is the same: one mark was cut in two halves."""
        return before == ("joined",) and now != before


@dataclass
class Paper:
    """One page, saved anew after each change."""

    path: Path
    beasts: list[Beast] = field(
        default_factory=lambda: [Beast(*both) for both in zip(BEASTS, TAILS, strict=True)]
    )
    saved: int = 0

    def told(self, beast: Beast) -> tuple[str, ...]:
        """How it is marked; a sentence that the mark before goes over is joined, too."""
        at = self.beasts.index(beast)
        if self._leads(at) or (at > 0 and self._leads(at - 1)):
            return ("joined",)
        return (beast.shape,) if beast.there and self.saved else ()

    def _leads(self, at: int) -> bool:
        """Whether its mark goes over the next one, and is not itself gone over."""
        one = self.beasts[at]
        led = at > 0 and self._leads(at - 1)
        return one.joined and one.there and at + 1 < len(self.beasts) and not led

    def write(self) -> None:
        self.saved += 1
        marks: list[Mark] = []
        for at, one in enumerate(self.beasts):
            if self._leads(at):
                words = f"{one.sentence} {self.beasts[at + 1].sentence}"
                marks.append(mark(words, comment=one.question))
            elif one.there and not (at > 0 and self._leads(at - 1)):
                marks += one.marks
        text = paragraph(" ".join(one.sentence for one in self.beasts))
        page = Page((heading("Strange Beasts", level=0), text), tuple(marks))
        write_pdf(
            self.path, [page], title="Strange Beasts", fields={"/Keywords": f"save {self.saved}"}
        )
