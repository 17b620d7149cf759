"""Find the title of a work in the metadata of a PDF, on its first page, or in its file name.

The printed title is the largest text on the first page that is worded like a title.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import unescape

import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]
from pypdfium2 import PdfTextPage

from ankiforge.extract.files import AUTHOR_AND_YEAR_PREFIX
from ankiforge.extract.pdf.cleaning import to_one_line
from ankiforge.extract.pdf.letters import CharReader
from ankiforge.model import Value
from ankiforge.text import regex
from ankiforge.text.normalize import normalize_for_lookup

# --- lines ------------------------------------------------------------------------------


class PrintedLine(Value):
    """A line of text on a page, with its letter size."""

    start: int
    """The index of the first character in PDFium's list."""
    text: str
    size: float
    """The most common letter size, in points. An initial may be larger."""
    top: float
    """The vertical position of the top of the first letter, in points."""


# PDFium replaces a hyphen and the following line break with a single character.
_LINE = regex(r"[^\n\ufffe\x02]*(?:\n|[\ufffe\x02]|$)")
_MAX_SAMPLED_LETTERS = 9
"""The approximate number of letters per line to sample when determining its size."""


def read_printed_lines(page: PdfTextPage, text: str) -> list[PrintedLine]:
    """Return the lines of a page that contain text.

    `text` is the text of the page as PDFium returns it.
    """
    letters = CharReader(page)

    def get_index(offset: int) -> int:
        index: int = pdfium_c.FPDFText_GetCharIndexFromTextIndex(page.raw, offset)
        return max(index, 0)

    def measure_size(index: int) -> float:
        bottom, top = letters.get_bottom_and_top(index)
        return round(letters.get_font_size(index, top - bottom), 2)

    lines = []
    offset = 0
    for line in _LINE.findall(text):
        line_text = to_one_line(line)
        if line_text:
            start = offset + _count_units(line[: len(line) - len(line.lstrip())])
            end = offset + _count_units(line.rstrip())
            step = max(1, (end - start) // _MAX_SAMPLED_LETTERS)
            sampled_sizes = Counter(
                measure_size(get_index(sampled)) for sampled in range(start, end, step)
            )
            [(size, _)] = sampled_sizes.most_common(1)
            first = get_index(start)
            _, top = letters.get_bottom_and_top(first)
            lines.append(PrintedLine(first, line_text, size, top))
        offset += _count_units(line)
    return lines


def _count_units(text: str) -> int:
    """Count the UTF-16 code units in a text, because PDFium's offsets are based on them."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


# --- the title --------------------------------------------------------------------------

# Matches text that may be found instead of a title: names of files and programs, stamps, types of
# articles, headings, journals.
_NOT_A_TITLE = regex(
    r"(?i)untitled\b|microsoft word|(?:microsoft )?powerpoint|(?:the )?title$"
    r"|(?:no|kein) (?:slide|folien) ?tit(?:le|el)$|(?:slide|folie|presentation)s? ?\d*$"
    r"|.*\.(?:docx?|pptx?|odt|rtf|tex|dvi|eps|pdf|indd|fm|pmd|qxd|cdr)$|arxiv:|doi[: ]"
    r"|(?:https?:|www\.)"
    r"|(?:original |research |review |clinical |case |short |brief |full |invited )*"
    r"(?:articles?|paper|reviews?|reports?|communications?|letters?|editorial)$|open access$"
    r"|(?:\d{1,2}\.? |[ivx]+\.? )?(?:abstract|summary|introduction|contents|keywords?"
    r"|einleitung|zusammenfassung|inhalt\w*|r[eé]sum[eé]|resumen)\b.?$"
    r"|(?:[\w&]+ ){0,4}journal (?:of|for)\b|.*\bjournal$|.*\bvol\.? (?:no\b|\d)"
)
# Matches parts of a URL, an email address or a numbered heading.
_NEVER_IN_TITLE = regex(r"@|https?:|www\.|^\d{1,2}(?:\.\d+)*\.? [^\W\d_]")
# The words of a list of names that aren't capitalised.
_NAME_PARTS = frozenset("von van de der den del di da du le la al and und et y".split())
_HYPHEN = regex(r"[\ufffe\x02]\s*")
_NOTE_SIGN = regex(r"\s*[∗*†‡§¶]+$")
_MIN_PRINTED_WORDS = 0.8
"""The minimum fraction of a title's words that must occur on the first page."""
_MIN_SIZE = 1.2
"""The minimum size of a title, relative to most text on the page."""
_MAX_SIZE_DIFFERENCE = 0.03
"""The maximum difference in size between two lines of a title, relative to the larger one."""
_MAX_LINE_STEP = 2.2
"""The maximum distance between two lines of a title, relative to their size."""
_MIN_LETTERS = 8
"""The minimum number of letters in a printed title."""
MIN_LETTER_FRACTION = 0.7
"""The minimum fraction of letters in a title. If there are fewer, the font probably maps letters to
symbols.
"""
_MAX_WORDS = 30
"""The maximum number of words in a title. A longer text is probably an abstract."""


def choose_title(
    metadata_title: str, lines: Sequence[PrintedLine], page_text: str, file_name: str = ""
) -> str:
    """Choose the title of a work, or return "" if it is unknown.

    The title in the metadata may be that of a file, a template, a series or another work, so it
    is only preferred if the first page shows it. The next choices are the title in a file name of
    the form `Author - Year - Title`, the title printed on the page, and that in the metadata.

    Args:
        metadata_title: The title in the metadata, or "".
        lines: The lines of the first page.
        page_text: The text of the first page.
        file_name: The file name without its suffix.
    """
    folded_page = normalize_for_lookup(page_text)

    def is_printed(title: str) -> bool:
        words = [normalize_for_lookup(word) for word in title.split()]
        printed_words = [word for word in words if word in folded_page]
        return len(printed_words) >= _MIN_PRINTED_WORDS * len(words)

    metadata_title = unescape(metadata_title)
    # a single word is usually the name of a file or program
    if not 1 < len(metadata_title.split()) <= _MAX_WORDS or _NOT_A_TITLE.match(
        metadata_title
    ):
        metadata_title = ""
    if metadata_title and is_printed(metadata_title):
        return metadata_title
    file_title = AUTHOR_AND_YEAR_PREFIX.sub("", file_name)
    if file_title != file_name and is_printed(file_title):
        return file_title
    return find_printed_title(lines) or metadata_title


def find_printed_title(lines: Sequence[PrintedLine]) -> str:
    """Return the largest text among lines that is worded like a title, or "" if there is none."""
    sizes = sorted(line.size for line in lines for _ in line.text)
    usual_size = sizes[len(sizes) // 2] if sizes else 1.0
    blocks: list[list[PrintedLine]] = []
    for line in lines:
        above = blocks[-1][-1] if blocks else line
        is_continued = (
            abs(line.size - above.size) <= _MAX_SIZE_DIFFERENCE * above.size
            and -0.5 * line.size < above.top - line.top < _MAX_LINE_STEP * line.size
            and not _NOT_A_TITLE.match(above.text)
        )
        if not blocks or not is_continued:
            blocks.append([])
        blocks[-1].append(line)
    for block in sorted(blocks, key=lambda block: -block[0].size):
        text = _HYPHEN.sub("", " ".join(line.text for line in block))
        text = _NOTE_SIGN.sub("", text).strip()
        if block[0].size >= _MIN_SIZE * usual_size and _is_worded_as_title(text):
            return text
    return ""


def _is_worded_as_title(text: str) -> bool:
    """Return whether a text has several words, consists mostly of letters, and isn't too long.

    A list of names is no title.
    """
    words = text.split()
    chars = "".join(words)
    names = [word for word in words if word not in _NAME_PARTS]
    has_names = "," in text and all(word[0].isupper() for word in names)
    return (
        1 < len(words) <= _MAX_WORDS
        and sum(map(str.isalpha, chars))
        >= max(_MIN_LETTERS, MIN_LETTER_FRACTION * len(chars))
        and not (_NOT_A_TITLE.match(text) or _NEVER_IN_TITLE.search(text) or has_names)
        and not (text[0].islower() and ":" not in text)
    )
