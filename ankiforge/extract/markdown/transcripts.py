"""Remove the timestamps of transcripts, which are no part of the spoken text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ankiforge.text import regex

_CLOCK = r"(?:\d{1,2}:)?\d{1,2}:\d\d"
_TIME = rf"[\[(]{{0,2}}(?P<time>{_CLOCK})(?:[.,]\d{{1,3}})?[\])]{{0,2}}(?:\([^()\s]*\))?"
# The time in words, which YouTube adds for screen readers.
_TIME_IN_WORDS = (
    r"(?=\d{1,2}[ ][hms])(?:\d{1,2}[ ]hours?(?:,[ ])?)?"
    r"(?:\d{1,2}[ ]minutes?(?:,[ ])?)?(?:\d{1,2}[ ]seconds?)?"
)
_LINE_WITH_TIME_IN_WORDS = regex(rf"(?m)^{_TIME_IN_WORDS}$")
# A time or two at the start of a line, or alone after the name of a speaker.
_TIMESTAMP = regex(
    rf"(?m)^(?P<before>[ \t>]*(?:[-*+][ \t]+)?(?:[^\W\d][^\n:]{{0,40}}[ \t](?=\S+$))?)[*_]*{_TIME}"
    rf"(?:[ \t]*(?:-->[^\]\n]*\]?|[–—-][ \t]*{_CLOCK}[\])]{{0,2}}))?[*_]*"
    rf"(?:{_TIME_IN_WORDS}|[ \t]+[–—|-][ \t]+|:?[ \t]+|:?$)(?:Speaker[ ]\d{{1,2}}:[ \t]*)?"
)
_MIN_TIMESTAMPS = 3
_MAX_LINES_PER_TIMESTAMP = 8
# A transcript begins before this number of seconds.
_MAX_START = 5 * 60


def remove_transcript_times(text: str) -> str:
    """Remove the timestamps of transcripts from a text. The number of lines stays the same."""
    clocks = [timestamp["time"] for timestamp in _TIMESTAMP.finditer(text)]
    if not _is_transcript(text, clocks):
        return text
    without_timestamps = _TIMESTAMP.sub(r"\g<before>", text)
    return _LINE_WITH_TIME_IN_WORDS.sub("", without_timestamps)


def _is_transcript(text: str, clocks: Sequence[str]) -> bool:
    """Return whether times in a text, such as `1:23`, are the timestamps of transcripts.

    They ascend, until the next transcript begins, and there are enough of them. Two more rules
    rule out schedules and chronicles, unless only a program writes times like these.
    """
    times = list(map(_parse_seconds, clocks))
    restarts = [later for earlier, later in pairwise(times) if later < earlier]
    if len(times) < _MIN_TIMESTAMPS * (len(restarts) + 1):
        return False
    text_lines = [line for line in text.split("\n") if line.strip()]
    if len(text_lines) > len(times) * _MAX_LINES_PER_TIMESTAMP:
        return False
    if any(restart >= _MAX_START for restart in restarts):
        return False
    has_hours = any(clock.count(":") == 2 for clock in clocks)
    if has_hours or " --> " in text:
        return True
    is_rounded = all(time % 5 == 0 for time in times)
    return times[0] < _MAX_START and not is_rounded


def _parse_seconds(clock: str) -> int:
    seconds = 0
    for part in clock.split(":"):
        seconds = seconds * 60 + int(part)
    return seconds
