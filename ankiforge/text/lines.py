"""The facts of a report, of which JSON has the numbers and a terminal shows the sentences."""

from __future__ import annotations

from collections.abc import Iterable

from ankiforge.model import Value
from ankiforge.text import format_count


class Line(Value):
    """One fact of a report: JSON has its name and number, and a terminal shows its sentence."""

    name: str | None
    """The key of the number in JSON, or None if JSON doesn't have the fact."""
    number: int
    sentence: str | None = None
    """What a terminal shows, unless the number is 0. None if a terminal doesn't show the fact."""
    command: str | None = None
    """The command that lists what is counted, without `ankiforge`, or None."""

    def format(self) -> str | None:
        """Format the sentence with its command, or return None if a terminal shows nothing."""
        if self.sentence is None or self.number == 0:
            return None
        if self.command is None:
            return self.sentence
        return f"{self.sentence}: ankiforge {self.command}"


def make_label_line(name: str | None, number: int, label: str) -> Line:
    """Make a fact whose sentence is the number and a label, such as `3 changed`."""
    return Line(name, number, f"{number:,} {label}")


def make_noun_line(name: str | None, number: int, noun: str) -> Line:
    """Make a fact whose sentence is the number and a noun, such as `1 card` or `3 cards`."""
    return Line(name, number, format_count(number, noun))


def lines_to_json(lines: Iterable[Line]) -> dict[str, int]:
    """Map the names of facts to their numbers, in the order of the facts."""
    return {line.name: line.number for line in lines if line.name is not None}


def format_lines(lines: Iterable[Line]) -> list[str]:
    """Format the facts that a terminal shows, in their order."""
    texts = []
    for line in lines:
        text = line.format()
        if text is not None:
            texts.append(text)
    return texts
