"""`My Clippings.txt`, as a Kindle writes it: two books, marks that state something and others."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

_MEMORY = "A Short Book of Memory (Ada Reader)"
_PLAGUES = "Plagues and Cities (Ben Writer)"
MARKS = (
    (_MEMORY, "The forgetting curve describes how retention falls with time."),
    (_MEMORY, "Be patient with yourself."),
    (_MEMORY, "The testing effect is the finding that recalling a thing strengthens the memory of it more than reading it again."),
    (_MEMORY, "Working memory holds about four chunks at a time."),
    (_MEMORY, "Read this chapter again."),
    (_MEMORY, "The hippocampus binds the parts of an experience into one memory, which is later stored in the cortex."),
    (_MEMORY, "Hermann Ebbinghaus measured how fast he himself forgot, in a book of 1885."),
    (_MEMORY, "and so on, until"),
    (_PLAGUES, "The Black Death killed about a third of the people of Europe between 1347 and 1351."),
    (_PLAGUES, "The bacterium Yersinia pestis causes the plague."),
    (_PLAGUES, "The isolation of arriving ships for forty days is called quarantine."),
    (_PLAGUES, "What would you have done?"),
    (_PLAGUES, "John Snow traced an outbreak of cholera to a water pump in Broad Street."),
    (_PLAGUES, "Variolation is the deliberate infection with smallpox from a mild case."),
    (_PLAGUES, "Edward Jenner introduced vaccination against smallpox in 1796."),
)  # fmt: skip
"""Titles of books, and what is marked in them."""


def write_clippings(path: Path, marks: Iterable[tuple[str, str]] = MARKS) -> None:
    """Write the file, a mark each minute."""
    entries = []
    for number, (title, words) in enumerate(marks):
        place = f"on page {12 + number} | Location {170 + 9 * number}-{172 + 9 * number}"
        when = datetime(2019, 5, 6, 21, 0, 3) + timedelta(minutes=number)
        day = f"Added on {when:%A}, {when.day} {when:%B %Y %H:%M:%S}"
        entries.append(
            f"{title}\n- Your Highlight {place} | {day}\n\n{words}\n==========\n"
        )
    path.write_text("".join(entries), encoding="utf-8")
