"""Export highlights, cards and decisions as JSON Lines, as CSV, or as a folder of Markdown pages.

JSON Lines are complete, and `import_file` adds the decisions in them to another ledger. A Markdown page
contains one work. Its front matter marks it as an export, so that no source reads it, and so that a later
export finds it even if it was moved within the folder. A page that a person changed is not overwritten.
"""

from __future__ import annotations

import csv
import os
import re
import tempfile
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from io import StringIO
from itertools import chain, count, groupby
from pathlib import Path
from typing import Any

import msgspec

from ankiforge.errors import UsageError
from ankiforge.ledger import Ledger
from ankiforge.ledger.journal import Entry
from ankiforge.ledger.restore import Imported
from ankiforge.model import (
    Card,
    Document,
    Highlight,
    HighlightKind,
    Problem,
    Span,
    Standing,
    Verdict,
    h16,
)
from ankiforge.reports.cards import attributes, document_json, highlight_json
from ankiforge.text.cloze import gaps, outside, shields
from ankiforge.text.display import on_one_line
from ankiforge.text.identifiers import export_digest, export_mark, exported
from ankiforge.text.markdown import literal

VERSION = 1
"""The version of the JSON Lines format. Greater versions need a newer program."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The selection to export."""

    highlights: tuple[Highlight, ...]
    """In reading order."""
    cards: tuple[Card, ...]
    tags: dict[str, tuple[str, ...]]
    """The tags of each card, by guid."""
    everything: bool = True
    """Whether the selection is not restricted by a query."""
    query: str = ""
    works: Mapping[str, str] = field(default_factory=dict)
    """The key of the work by document key, for documents that belong to a work with several documents."""

    def work_of(self, document: Document) -> str:
        """Return the key of a document's work."""
        return self.works.get(document.key, document.key)

    @property
    def documents(self) -> tuple[Document, ...]:
        """The documents of the highlights and cards, without duplicates."""
        found = {one.document.key: one.document for one in self.highlights}
        found |= {one.highlight.document.key: one.highlight.document for one in self.cards}
        return tuple(found.values())


def write(path: Path, text: Iterable[str]) -> None:
    """Write a file completely or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:40]}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.writelines(text)
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(0o666 & ~mask)
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


# --- JSON Lines -----------------------------------------------------------------------------


def lines(
    ledger: Ledger, chosen: Chosen, card_json: Callable[[Card], dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Yield all lines, which are always the same for the same ledger.

    The first line identifies the format. Then follow all documents, highlights and cards, for people
    and other programs; then the journal entries, from which another ledger takes ids and decisions;
    and finally the number of lines.
    """
    number = 0
    for line in _lines(ledger, chosen, card_json):
        number += 1
        yield line
    yield {"type": "end", "lines": number}


def _lines(
    ledger: Ledger, chosen: Chosen, card_json: Callable[[Card], dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    yield {"type": "ankiforge", "version": VERSION, "query": chosen.query}
    for one in chosen.documents:
        yield {
            "type": "document",
            **document_json(one),
            **attributes(one, "source path uri tags collections"),
            "work": chosen.work_of(one),
        }
    for highlight in chosen.highlights:
        yield {"type": "highlight", **highlight_json(highlight)}
    for card in chosen.cards:
        yield {"type": "card", **card_json(card)}
    for entry in entries(ledger, chosen):
        yield {"type": "entry", "entry": entry.as_json()}


def entries(ledger: Ledger, chosen: Chosen) -> Iterator[Entry]:
    """Yield the journal entries about the exported highlights and cards."""
    subjects = {str(one.key) for one in chosen.highlights}
    for card in chosen.cards:
        subjects |= {str(card.highlight.key), str(card.guid)}
    for entry in ledger.exchange.entries():
        if chosen.everything or entry.subject in subjects:
            yield entry


# --- CSV ------------------------------------------------------------------------------------

COLUMNS = (
    "guid", "kind", "verdict", "standing", "anki", "deck", "tags", "front", "back", "extra",
    "quote", "comment", "document", "creators", "issued", "page", "link", "highlight", "drafter",
    "reason",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""Characters that a spreadsheet takes for the beginning of a formula."""


def as_csv(chosen: Chosen) -> str:
    """Return the cards as CSV (RFC 4180)."""
    written = StringIO(newline="")
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for card in chosen.cards:
        fields, highlight, lead = dict(card.fields), card.highlight, card.leading.draft
        document = highlight.document
        cells = (
            card.guid, card.kind, card.verdict, card.standing, card.anki, card.deck,
            " ".join(chosen.tags[card.guid]),
            fields.get("Text") or fields.get("Front", ""), fields.get("Back", ""),
            fields.get("Extra", ""), lead.quote, highlight.comment,
            document.title, "; ".join(document.creators), document.issued,
            highlight.page_label, highlight.uri or document.uri, highlight.key,
            lead.origin.drafter, card.reason,
        )  # fmt: skip
        writer.writerow(map(_guarded, cells))
    return written.getvalue()


def _guarded(text: str) -> str:
    """Return a text with an apostrophe before a formula, so that no spreadsheet evaluates it."""
    formula = text.lstrip(" \n").startswith(_FORMULA) or text[:1] in _FORMULA
    return f"'{text}" if formula else text


# --- a folder of pages ----------------------------------------------------------------------

LONGEST_NAME = 100
_UNFIT = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069<>:\"/\\|?*#^\[\]%]+"
)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ufffe\uffff]")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)[ .]*(?:\.|\Z)", re.IGNORECASE)


@dataclass(slots=True)
class Written:
    """The result of writing pages."""

    written: list[Path] = field(default_factory=list)
    unchanged: list[Path] = field(default_factory=list)
    kept: list[Problem] = field(default_factory=list)
    """Pages that were not overwritten because a person has changed them."""
    left: list[Path] = field(default_factory=list)
    """Earlier exports of works that are not exported this time."""


def write_pages(folder: Path, chosen: Chosen) -> Written:
    """Write a page for each work into a folder.

    Raises:
        OSError: a page cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    exports, done = _exports_in(folder), Written()
    taken = {_folded(path.name) for path in folder.iterdir()}
    for work, text in pages(chosen):
        # the page may bear the key of any document of the work, known at the time of that export
        known = next((str(one.key) for one in work if str(one.key) in exports), "")
        path, untouched = exports.pop(known, (None, True))
        if path is None:
            path = folder / _free(name_of(work[0]), work[0], taken)
            taken.add(_folded(path.name))
        elif not untouched:
            what = "you have changed this page since it was exported, so it was left unchanged"
            hint = "to have it written again, move or delete it"
            done.kept.append(Problem(str(path), what, hint, notice=True))
            continue
        if path.exists() and path.read_bytes() == text.encode():
            done.unchanged.append(path)
        else:
            write(path, [text])
            done.written.append(path)
    done.left += sorted(path for path, _ in exports.values())
    return done


def _exports_in(folder: Path) -> dict[str, tuple[Path, bool]]:
    """Return the exports in a folder by document key, as (path, whether it is unchanged)."""
    found: dict[str, tuple[Path, bool]] = {}
    for path in sorted(folder.rglob("*.md")):
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue  # such as `.trash`, which contains notes deleted in Obsidian
        try:
            marked = exported(path.read_bytes().decode())
        except (OSError, UnicodeDecodeError):
            continue
        if marked and (marked[0] not in found or not found[marked[0]][1]):
            found[marked[0]] = (path, marked[1])
    return found


def name_of(document: Document) -> str:
    """Return a file name without extension that is valid on every system."""
    title = unicodedata.normalize("NFC", on_one_line(_UNFIT.sub(" ", document.title)))
    title = title.strip(". ")[:LONGEST_NAME].encode()[:200].decode(errors="ignore").strip(". ")
    if not title or _RESERVED.match(title):
        return f"{title.replace('.', '')} {h16(document.key)[:8]}".strip()
    return title


def _free(name: str, document: Document, taken: set[str]) -> str:
    """Return a file name that is not taken by another work or file."""
    further = (f"{name} {h16(document.key, str(n))[:8]}.md" for n in count(1))
    names = chain((f"{name}.md", f"{name} {h16(document.key)[:8]}.md"), further)
    return next(one for one in names if _folded(one) not in taken)


def _folded(name: str) -> str:
    """Fold case and Unicode normal form, which some file systems do not distinguish."""
    return unicodedata.normalize("NFC", name).casefold()


# --- a page ---------------------------------------------------------------------------------


def pages(chosen: Chosen) -> Iterator[tuple[tuple[Document, ...], str]]:
    """Yield each work, as the documents that belong to it, with its page."""
    cards: dict[str, list[Card]] = {}
    for card in chosen.cards:
        cards.setdefault(card.highlight.key, []).append(card)
    marks: dict[str, dict[str, Highlight]] = {}
    for one in (*chosen.highlights, *(card.highlight for card in chosen.cards)):
        marks.setdefault(chosen.work_of(one.document), {}).setdefault(one.key, one)
    works: dict[str, list[Document]] = {}
    for document in chosen.documents:
        works.setdefault(chosen.work_of(document), []).append(document)
    for key, documents in works.items():
        work = tuple(sorted(documents, key=lambda one: (one.key != key, not one.title)))
        of_work = tuple(marks[key].values())
        body = "\n".join(_body(work[0], of_work, cards)).rstrip() + "\n"
        head = [*_front_matter(work, of_work, cards)]
        digest = export_digest("\n".join(("---", "", *head, "---", "", body)))
        yield work, "\n".join(("---", export_mark(digest, work[0].key), *head, "---", "", body))


def _front_matter(
    work: Sequence[Document], marks: Sequence[Highlight], cards: Mapping[str, list[Card]]
) -> Iterator[str]:
    document = work[0]
    yield "ankiforge: false"  # for versions that do not recognise the mark of an export
    yield f"title: {_quoted(document.title)}"
    if document.creators:
        yield "creators:"
        yield from (f"  - {_quoted(name)}" for name in document.creators)
    if document.issued:
        yield f"issued: {_quoted(document.issued)}"
    names = {scheme: value for one in reversed(work) for scheme, value in one.identifiers}
    for scheme, value in sorted(names.items()):
        if scheme.isalpha():
            yield f"{scheme}: {_quoted(value)}"
    if document.uri:
        yield f"link: {_quoted(document.uri)}"
    yield f"highlights: {len(marks)}"
    yield f"cards: {sum(len(cards.get(one.key, ())) for one in marks)}"


def _quoted(text: str) -> str:
    """Return a text as a JSON string, which is valid YAML, on one line."""
    return msgspec.json.encode(on_one_line(_CONTROL.sub(" ", text))).decode()


def _body(
    document: Document, marks: Sequence[Highlight], cards: Mapping[str, list[Card]]
) -> Iterator[str]:
    yield f"# {written(on_one_line(document.title)) or 'Without a title'}"
    yield ""
    by = written(", ".join(document.creators))
    about = " · ".join(filter(None, (by, document.issued[:4], _link(document.uri))))
    yield from (about, "") if about else ()
    for heading, under in groupby(marks, key=lambda one: one.heading):
        yield from (f"## {written(heading)}", "") if heading else ()
        for one in under:
            made = cards.get(one.key, [])
            if one.kind is not HighlightKind.CARD or not made:  # else the card has the same text
                yield from _mark(one)
            for card in made:
                asked, *answers = fields_of(card)
                state = card.standing.value
                if card.standing is Standing.LIVE:
                    waits = card.verdict is Verdict.PENDING
                    state = "waiting" if waits else card.verdict.value
                yield from item("- ", asked, f"({state})")
                for words in answers:
                    yield from item("    - ", words)
            if made:
                yield ""


def _mark(highlight: Highlight) -> Iterator[str]:
    words = quoted(highlight) or ("" if highlight.comment else "(a mark without words)")
    for line in words.split("\n") if words else ():
        yield f"> {line}".rstrip(" ") + ("  " if line.endswith("  ") else "")
    page = f"p. {written(highlight.page_label)}" if highlight.page_label else ""
    where = " · ".join(filter(None, (page, highlight.created[:10], _link(highlight.uri))))
    yield from ("", where) if where and words else (where,) if where else ()
    if highlight.comment:
        yield from ("", written(highlight.comment).replace("\n", "  \n"))
    yield ""


def _link(uri: str) -> str:
    """Return a Markdown link to a URI; "" for unsupported URIs."""
    fit = re.fullmatch(r"(?:https?|zotero|obsidian)://[^\s<>()\[\]]+", uri)
    return f"[open](<{uri}>)" if fit else ""


# --- neutral Markdown -------------------------------------------------------------------------
#
# Formulas, code, emphasis, lists and links are kept, and cloze deletions become bold. The syntax of
# marks, tags and handwritten cards is escaped, because a source would read it as marks and cards.

_TAG = r"(?<![\w/.?=&-])\#(?=[^\s\#])"
_SIGN = re.compile(
    rf"""
      (?P<keep><https?://[^\s<>]+>)
    | < | \$ | (?<=:): | (?<==)= | (?<=%)% | (?<=\{{)\{{ | (?<=\}})\}} | (?<=\[)\[ | (?<=\]): | {_TAG}
    """,
    re.VERBOSE,
)
"""Syntax that is plain text in our Markdown subset, or that other tools interpret."""
_TAGS = re.compile(_TAG, re.VERBOSE)
_PICTURE = re.compile(r"!\[([^\]\n]*)\]\(<?([^)>\n]*)>?\)")
_MARKED = re.compile(r"(?<!=)==(?![=\s])((?:(?!==).)+?)(?<!\s)==(?!=)", re.DOTALL)
_LINES = re.compile(
    r"(?P<dashes>^ {0,3}(?=--[ \t]*$)|(?<=\S\n) {0,3}(?=[-=][ \t]*$))|(?<=[^\s\\])\n(?=[ \t]*\S)",
    re.MULTILINE,
)
"""Dashes that would turn the line above into a heading, or an item into a rule; and line ends."""
_BLOCKS = re.compile(r"\n\s*\n|(?:^|\n)[ \t]*(?:[-+*>#|~]+\s|```|~~~|\||\d+[.)]\s)")
_BESIDE = frozenset(".,;:!?()'\"-–—")
"""Besides letters and blanks, the characters next to which `**` works as emphasis."""
_DEEPEST = 20
_ENDS = re.compile(r"(\s*)(.*?)(\s*)\Z", re.DOTALL)


def shown(markdown: str, *, cloze: bool = False) -> str:
    """Return a field as neutral Markdown; with `cloze`, deletions are bold and followed by hints."""
    return _lined(_run(markdown, cloze=cloze)).strip("\n")


def quoted(highlight: Highlight) -> str:
    """Return the text of a highlight as neutral Markdown, with marked phrases in bold."""
    if not highlight.markdown:
        lines = _emphasised(highlight.exact, highlight.gaps, written).split("\n")
        return "  \n".join(line.strip() for line in lines).strip()
    return _lined(_emphasised(highlight.markdown[0], highlight.markdown_gaps, _run)).strip()


def written(text: str) -> str:
    """Escape plain text, so that it is shown literally."""
    return _TAGS.sub(r"\\#", literal(text))


def fields_of(card: Card) -> Iterator[str]:
    """Yield the question, the answer and the extra text of a card as neutral Markdown."""
    fields = dict(card.fields)
    yield shown(fields["Text"], cloze=True) if "Text" in fields else shown(fields.get("Front", ""))
    yield from (shown(words) for name in ("Back", "Extra") if (words := fields.get(name, "")))


def item(sign: str, text: str, beside: str = "") -> Iterator[str]:
    """Yield the lines of a list item with a text of one or more lines and a word after it."""
    first, *others = text.lstrip().split("\n")
    yield f"{sign}{first}" + (f" {beside}" if beside and not others else "")
    margin = " " * len(sign)
    yield from (f"{margin}{line}" if line.strip() else "" for line in others)
    if beside and others:
        yield from ("", f"{margin}{beside}")


def _run(markdown: str, *, cloze: bool = False, depth: int = 0) -> str:
    parts, at = [""], 0
    for gap in gaps(markdown) if cloze and depth < _DEEPEST else ():
        if gap.start < at:
            continue  # nested in the previous gap
        parts.append(outside(markdown[at : gap.start], _escaped))
        answer, hint = _run(gap.answer, cloze=True, depth=depth + 1), _run(gap.hint)
        parts.append(_bold(answer, parts[-1][-1:], markdown[gap.end : gap.end + 1]))
        parts += [f" *({hint.strip()})*"] if hint.strip() else []
        at = gap.end
    return "".join([*parts, outside(markdown[at:], _escaped)])


def _escaped(run: str) -> str:
    named = _PICTURE.sub(lambda one: f"(picture: {one[1] or one[2].rpartition('/')[2]})", run)
    return _SIGN.sub(lambda one: one["keep"] or f"\\{one[0]}", _MARKED.sub(r"\1", named))


def _bold(text: str, before: str, after: str) -> str:
    """Return a text in bold, as `**` where that works and else as `<b>`; lists are not changed."""
    found = _ENDS.match(text)
    assert found is not None
    left, words, right = found.groups()
    if not words or _BLOCKS.search(words):
        return text
    fit = (
        "*" not in words
        and all(one.isalnum() or one.isspace() or one in _BESIDE for one in (before, after) if one)
        and (words[0].isalnum() or left or not before.isalnum())
        and (words[-1].isalnum() or right or not after.isalnum())
    )
    return f"{left}**{words}**{right}" if fit else f"{left}<b>{words}</b>{right}"


def _emphasised(text: str, phrases: Iterable[Span], render: Callable[[str], str]) -> str:
    """Return a text with phrases in bold, except one that is the whole text or cuts a formula."""
    formulas = shields(text)
    parts, at = [""], 0
    for start, end in sorted(phrases):
        cut = any(one < place < last for one, last, _ in formulas for place in (start, end))
        if start < at or cut or end - start >= len(text.strip()):
            continue
        parts.append(render(text[at:start]))
        parts.append(_bold(render(text[start:end]), parts[-1][-1:], text[end : end + 1]))
        at = end
    return "".join([*parts, render(text[at:])])


def _lined(markdown: str) -> str:
    """Turn line ends into hard line breaks, as in Anki, and escape dashes that would make headings."""
    formulas = [(start, end) for start, end, kind in shields(markdown) if kind != "escape"]

    def ended(one: re.Match[str]) -> str:
        if any(start <= one.start() < end for start, end in formulas):
            return one[0]
        return f"{one[0]}\\" if one["dashes"] is not None else "  \n"

    return _LINES.sub(ended, markdown)


# --- import ---------------------------------------------------------------------------------

MAX_LINE = 32 * 1024 * 1024
"""In bytes."""
_IGNORED = frozenset(("ankiforge", "document", "highlight", "card", "end"))
"""Types of lines without decisions, which are for people and other programs."""


def import_file(ledger: Ledger, path: Path) -> Imported:
    """Add the decisions of an export to a ledger.

    Damaged lines and a missing last line are reported as problems; all other lines are imported.

    Raises:
        UsageError: the file cannot be read, is not an export, or was written by a newer version.
    """
    entries: list[Entry] = []
    problems: list[Problem] = []
    line_of: dict[str, int] = {}  # entry id -> its first line
    is_export, count, line = False, 0, b""
    for number, line in _lines_of(path):
        count += 1
        found = _parse(path, number, line)
        if isinstance(found, Problem):
            problems.append(found)
            continue
        is_export = True
        if found is not None:
            entries.append(found)
            line_of.setdefault(found.id, number)
    if not is_export:
        raise UsageError(f"{path}: not an export of ankiforge", hint="ankiforge export FILE.jsonl")
    imported = ledger.exchange.import_lines(entries)
    if not _is_end(line, count):
        what = "lines of the export are missing: it was cut short"
        hint = "the other lines were imported; export again for the rest"
        problems.append(Problem(str(path), what, hint))
    for problem in imported.problems:  # replace the number of the entry by that of the line
        at = line_of.get(problem.where.removeprefix("journal line "))
        problems.append(replace(problem, where=f"{path}:{at}") if at else problem)
    imported.problems = problems
    return imported


def _lines_of(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (number from 1, line) for lines that are not blank, without a byte order mark."""
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(MAX_LINE):
                number += 1
                if line.strip():
                    yield number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
    except OSError as error:
        what = f"{path}: cannot be read: {error.strerror or error}"
        raise UsageError(what, hint="ankiforge import FILE.jsonl") from error


def _parse(path: Path, number: int, line: bytes) -> Entry | Problem | None:
    """Return the journal entry in a line, None if its type is ignored, or a problem."""
    try:
        content = msgspec.json.decode(line, type=dict[str, Any])
        kind = content.get("type")
        if kind == "ankiforge":
            version = content.get("version")
            if not isinstance(version, int) or version > VERSION:
                what = f"{path}: an export of version {version}"
                raise UsageError(what, hint="upgrade ankiforge")
        if kind in _IGNORED:
            return None
        if kind != "entry":
            raise ValueError("a line of a kind this program does not know")
        return Entry.of(msgspec.json.encode(content["entry"]))
    except (msgspec.MsgspecError, UnicodeDecodeError, KeyError, ValueError) as error:
        return Problem(f"{path}:{number}", f"not a line of an export: {error}", "it was left out")


def _is_end(line: bytes, count: int) -> bool:
    """Return whether `line` is the end of an export whose other lines are all among the `count` lines."""
    try:
        content = msgspec.json.decode(line, type=dict[str, Any])
        return content.get("type") == "end" and count > content["lines"]
    except (msgspec.MsgspecError, UnicodeDecodeError, KeyError, TypeError):
        return False
