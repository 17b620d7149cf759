"""Files of other programs that aren't read: what they are, and how to give what they contain.

A row of a table serves everybody who comes from that program. It is used wherever a path is
refused: by `run`, `draft` and the page.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ankiforge.extract.base import Candidate
from ankiforge.text import regex


class ForeignFormat(NamedTuple):
    """A file format that isn't read."""

    advice: str
    """What the user can do instead."""
    description: str | None = None
    """What such files are, after "ankiforge does not read". None if the suffix says it."""


class _ForeignContent(NamedTuple):
    """A format with a suffix that other files have, too, recognised by its beginning."""

    suffixes: tuple[str, ...]
    pattern: re.Pattern[str]
    format: ForeignFormat


# --- by suffix --------------------------------------------------------------------------

PICTURE_SUFFIXES = frozenset(
    ".avif .bmp .gif .heic .heif .ico .jpeg .jpg .png .psd .svg .tif .tiff .webp".split()
)
SOUND_SUFFIXES = frozenset(".aac .flac .m4a .mp3 .oga .ogg .opus .wav".split())
SAVE_PAGE_HINT = "open it in a browser, and save the page as HTML"
_AS_TABLE = "write them into a CSV with the columns Highlight, Note and Title"
_TO_PDF = ForeignFormat("export it as PDF")
_TO_MARKDOWN = ForeignFormat("convert it to Markdown, for example with pandoc")

# Maps space-separated suffixes to their format.
_BY_SUFFIXES = {
    ".doc .docx .goodnotes .note .odt .one .pages .rtf .xopp": _TO_PDF,
    ".key .odp .ppt .pptx": ForeignFormat("export the slides as PDF"),
    ".numbers .ods .xls .xlsx": ForeignFormat("export the table as CSV"),
    ".lyx .tex .typ": ForeignFormat("give the PDF that is made from it"),
    ".azw .azw3 .fb2 .kfx .lit .mobi .pdb .prc": ForeignFormat(
        "convert it to EPUB, for example with calibre; of a book with DRM, give the highlights"
        " (My Clippings.txt)"
    ),
    ".cbr .cbz .djvu .ps .xps": ForeignFormat(
        "convert it to a PDF with a text layer (OCR)"
    ),
    ".maff .mht .mhtml .url .webarchive .webloc": ForeignFormat(SAVE_PAGE_HINT),
    ".7z .gz .rar .tar .zip": ForeignFormat("unpack it"),
    " ".join(PICTURE_SUFFIXES): ForeignFormat(
        "save it as a PDF with a text layer (OCR), or put it into a note"
    ),
    " ".join((*SOUND_SUFFIXES, ".mkv", ".mov", ".mp4", ".webm")): ForeignFormat(
        "give its captions (.srt, .vtt) or its transcript (.txt)"
    ),
    ".adoc .asciidoc .opml .rst .textile .wiki": _TO_MARKDOWN,
    ".mdown .mdx .mkd .rmarkdown": ForeignFormat("save it as Markdown (.md)"),
    ".tid .tiddler": ForeignFormat(
        "copy its text into a note (.md)", "notes of TiddlyWiki"
    ),
    ".bear .bear2bk": ForeignFormat("export it as Markdown", "notes of Bear"),
    ".textpack": ForeignFormat("unpack it (it is a .zip), and give the note in it"),
    ".jex": ForeignFormat("export the notes as Markdown", "exports of Joplin"),
    ".edn .trmx": ForeignFormat("export the notes as Markdown"),
    ".kno .mem": ForeignFormat("export its cards as CSV", "decks of another program"),
    ".rem": ForeignFormat("export it as Markdown", "exports of RemNote"),
    ".mm .xmind": ForeignFormat("export it as Markdown", "mind maps"),
    ".excalidraw": ForeignFormat("export it as a picture", "drawings of Excalidraw"),
    ".org": ForeignFormat("export it as Markdown (in Emacs: C-c C-e m m)", "Org files"),
    ".canvas": ForeignFormat(
        "convert its cards to notes, in the menu of a card", "canvases of Obsidian"
    ),
    ".enex": ForeignFormat(
        "convert it to Markdown, for example with Obsidian's Importer",
        "exports of Evernote",
    ),
    ".mochi": ForeignFormat("export its cards as Markdown", "decks of Mochi"),
    ".apkg .colpkg": ForeignFormat(
        "import it into Anki; `ankiforge adopt` takes over the notes that are there",
        "decks of Anki",
    ),
    ".mrexpt": ForeignFormat(_AS_TABLE, "exports of Moon+ Reader"),
    ".annot": ForeignFormat(
        f"name the folder of the Kobo, or {_AS_TABLE}",
        "annotations of Adobe Digital Editions or of a single book of a Kobo",
    ),
}

# --- by content -------------------------------------------------------------------------

_FROM_KOREADER = ForeignFormat(
    "give the e-reader's folder, or the book's .sdr folder", "exports of KOReader"
)
_BY_CONTENT = (
    _ForeignContent(
        (".json",), regex(r'"version"\s*:\s*"json/|"drawer"\s*:'), _FROM_KOREADER
    ),
    _ForeignContent((".html", ".htm"), regex(r"//koreader\.rocks"), _FROM_KOREADER),
    _ForeignContent(
        (".json",),
        regex(r'"(?:string|block/string)"\s*:|"children"\s*:\s*\[\s*\{\s*"uid"'),
        ForeignFormat("export it as Markdown", "exports of Roam Research"),
    ),
    _ForeignContent(
        (".html", ".htm"),
        regex(r"changes in Play Books|play\.google\.com/books/reader"),
        ForeignFormat(_AS_TABLE, "notes of Google Play Books"),
    ),
    _ForeignContent(
        (".html", ".htm"),
        regex(r"class=[\"']page (?:sans|serif|mono)[\"']|notion-static|www\.notion\.so"),
        ForeignFormat("export it as Markdown & CSV", "web pages of Notion"),
    ),
    _ForeignContent(
        (".csv",),
        regex(r"(?i)\A[\"']?Your Kindle Notes For"),
        ForeignFormat(
            "give the notebook as HTML, or My Clippings.txt",
            "tables that a Kindle app exported",
        ),
    ),
    _ForeignContent(
        (".csv",),
        regex(
            r"(?i)\A(?=[^\n]*\btitle\b)(?=[^\n]*\burl\b)"
            r"(?![^\n]*\b(?:highlights?|selection|question|front)\b)"
        ),
        ForeignFormat(
            "export the highlights instead; for Readwise: readwise.io/export",
            "lists of bookmarks, which have no highlights",
        ),
    ),
    _ForeignContent(
        (".txt",),
        regex(r"\ABOOX Reading Notes\b|【Original Text】|【原文】"),
        ForeignFormat(
            f"give the PDF with its marks, or {_AS_TABLE}",
            "text exports of an Onyx Boox",
        ),
    ),
)


def find_format_of_suffix(suffix: str) -> ForeignFormat | None:
    """Return the format that all files with a suffix (in lower case) have, or None."""
    for suffixes, foreign_format in _BY_SUFFIXES.items():
        if suffix in suffixes.split():
            return foreign_format
    return None


def find_foreign_format(candidate: Candidate) -> ForeignFormat | None:
    """Return the format of a file that no source recognises, or None if it is unknown."""
    foreign_format = find_format_of_suffix(candidate.suffix)
    if foreign_format is not None:
        return foreign_format
    for content in _BY_CONTENT:
        if candidate.suffix in content.suffixes and content.pattern.search(
            candidate.head
        ):
            return content.format
    return None
