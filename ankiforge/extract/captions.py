"""Captions of a video (`.srt`, `.vtt`), read as a document in which passages are chosen.

Cues are joined into a text without times, which is split into sentences. The location of a sentence
is the time of the cue in which it begins. Automatic captions show each line in several cues; such a
line is read only once. yt-dlp puts the id of a YouTube video into the file name, as in
`Talk [dQw4w9WgXcQ].en.vtt`, so the sentences in these files link to the video.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from html import unescape
from operator import attrgetter
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from ankiforge.extract.file_source import File
from ankiforge.extract.files import title_from_file_name
from ankiforge.extract.web import UnmarkedSource
from ankiforge.model import (
    Document,
    DocumentKey,
    DocumentText,
    Paragraph,
    Span,
    Strings,
    Value,
    hash16,
)
from ankiforge.text import regex
from ankiforge.text.private import contains_private_tag
from ankiforge.text.sentences import find_sentence_spans, trim_span

_TIME = r"(?:(\d{1,3}):)?(\d\d):(\d\d)[.,]\d{1,3}"
_CUE_TIMES = regex(rf"\s*{_TIME}\s*-->\s*{_TIME}(?:\s.*)?")
_CUE_NUMBER = regex(r"\s*\d+\s*")
# Matches `<c.yellow>`, `<00:00:01.500>`, `<v Ada>`, and the positions in `{\an8}`.
_CUE_MARKUP = regex(r"<[^<>\n]{0,200}>|\{\\[^{}\n]{0,100}\}")
_FILE_NAME = regex(
    r"(.*?)(?:\s*\[([\w-]{11})\])?(?:\.[a-z]{2,3}(?:-[\w-]{1,20})?)?(?i:\.srt|\.vtt)?"
)


def _parse_file_name(stem: str) -> tuple[str, str | None]:
    """Return the title of a video, and its URL if the name contains the id of YouTube."""
    name = _FILE_NAME.fullmatch(stem)
    if name is None:
        return stem, None
    title, video_id = name.groups()
    if video_id is None:
        return title or stem, None
    return title or stem, f"https://www.youtube.com/watch?v={video_id}"


# A pause of more than this many seconds between cues begins a new part of the text.
_MAX_PAUSE_SECONDS = 3
# Automatic captions without punctuation are split at cues after this many characters.
_MAX_SENTENCE_CHARS = 500


class _Cue(Value):
    start: int
    """When the cue appears, in seconds."""
    end: int
    lines: Strings


class _CueStart(NamedTuple):
    """Where the text of a cue begins in the joined text of all cues."""

    offset: int
    second: int
    """When the cue appears."""


class Captions(UnmarkedSource):
    """Reads captions of videos."""

    kind = "captions"
    suffixes = (".srt", ".vtt")

    def read_whole_text(self, file: File, reader: Any) -> DocumentText:
        """Return the spoken text of a file, in which each sentence is a paragraph."""
        title, video = _parse_file_name(PurePosixPath(file.path).stem)
        document = Document(
            DocumentKey(f"{self.listing.namespace}/{hash16(file.path)}"),
            self.listing.name,
            title=title_from_file_name(title),
            path=file.path,
            uri=video or "",
        )
        text, cue_starts = _join_cues(_parse_cues(file.read_text(repairs=True)))
        paragraphs: list[Paragraph] = []
        for start, end in _split_sentences(text, cue_starts):
            second = _find_last_cue(cue_starts, start).second
            link = "" if video is None else f"{video}&t={second}s"
            paragraph = Paragraph(
                0,
                start,
                end,
                is_private=contains_private_tag(text[start:end]),
                block_id=str(second),
                page_label=_format_time(second),
                uri=link,
            )
            paragraphs.append(paragraph)
        namespace = self.listing.namespace
        return DocumentText(document, (text,), tuple(paragraphs), namespace)


def _parse_cues(text: str) -> Iterator[_Cue]:
    """Yield the cues of SubRip or WebVTT, skipping the header, comments and styles."""
    times: tuple[int, int] | None = None
    lines: list[str] = []  # those below the times of the current cue
    for line in text.split("\n"):
        match = _CUE_TIMES.fullmatch(line)
        if match is None:
            lines.append(line)
            continue
        if times:
            yield _Cue(*times, _read_spoken_lines(lines, is_last_cue=False))
        numbers = [int(number) for number in match.groups("0")]
        times = _to_seconds(*numbers[:3]), _to_seconds(*numbers[3:])
        lines = []
    if times:
        yield _Cue(*times, _read_spoken_lines(lines, is_last_cue=True))


def _read_spoken_lines(lines: Iterable[str], *, is_last_cue: bool) -> Strings:
    """Return the text of a cue, given the lines between its times and those of the next cue.

    The text ends at the first blank line below it. YouTube writes another one above some texts.
    """
    spoken: list[str] = []
    for line in lines:
        if not line and spoken:
            return tuple(spoken)
        words = unescape(_CUE_MARKUP.sub("", line)).split()
        if words:
            spoken.append(" ".join(words))
    if spoken and not is_last_cue and _CUE_NUMBER.fullmatch(spoken[-1]):
        spoken.pop()  # the number of the next cue, with no blank line before it
    return tuple(spoken)


def _join_cues(cues: Iterable[_Cue]) -> tuple[str, list[_CueStart]]:
    """Join the lines of cues into one text. A line that the previous cue also shows is skipped.

    Returns:
        (text, where the cues with text begin in it).
    """
    text = ""
    cue_starts: list[_CueStart] = []
    previous = _Cue(0, 0, ())
    for cue in cues:
        new_lines = [line for line in cue.lines if line not in previous.lines]
        if new_lines:
            if text and cue.start - previous.end > _MAX_PAUSE_SECONDS:
                text += "\n"
            elif text:
                text += " "
            cue_starts.append(_CueStart(len(text), cue.start))
            text += " ".join(new_lines)
        previous = cue
    return text, cue_starts


def _find_last_cue(cue_starts: Sequence[_CueStart], offset: int) -> _CueStart:
    """Return the last cue that begins at or before an offset in the text."""
    return cue_starts[bisect_right(cue_starts, offset, key=attrgetter("offset")) - 1]


def _split_sentences(text: str, cue_starts: Sequence[_CueStart]) -> Iterator[Span]:
    """Yield the spans of the sentences in a text. A long sentence is split where a cue begins."""
    part_start = 0
    for part in text.split("\n"):
        for first, last in find_sentence_spans(part):
            start, end = part_start + first, part_start + last
            while end - start > _MAX_SENTENCE_CHARS:
                cut = _find_last_cue(cue_starts, start + _MAX_SENTENCE_CHARS).offset
                if cut <= start:
                    break
                yield trim_span(text, start, cut)
                start = cut
            yield start, end
        part_start += len(part) + 1


def _to_seconds(hours: int, minutes: int, seconds: int) -> int:
    return hours * 3600 + minutes * 60 + seconds


def _format_time(second: int) -> str:
    minutes, seconds = divmod(second, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02}:{seconds:02}"
    return f"{minutes}:{seconds:02}"
