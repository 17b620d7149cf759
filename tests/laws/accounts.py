"""What the program says of each stretch that the scanner finds: a card, an offer, a question, or why not.

What `list` tells is compared with all highlights that the ledger has.
"""

import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec

from ankiforge.pipeline.workspace import Workspace
from ankiforge.reports.highlights import highlight_to_json
from tests.laws.scanner import SHOWN_GAP, Stretch, in_file, letters, without_blanks

# The kinds of entries that say of a stretch why it is none, besides its own.
WHOLE = ("code and maths", "front matter", "prompt", "notes")
ENTRY = {
    "mark": ("==mark==",),
    "any mark": ("==mark==",),
    "html mark": ("<mark>",),
    "colour": ("<mark>",),
    "gap": ("{{gap}}",),
    "line": ("question::answer", "question::answer in a heading", "{{gap}}"),
    "question": ("? between question and answer",),
    "callout": ("callout",),
}


@dataclass
class Account:
    """What is said of one document."""

    path: str
    offered: list[str] = field(default_factory=list)
    """The letters of each card and draft."""
    explained: list[str] = field(default_factory=list)
    """The letters of each highlight that has neither, and has a reason."""
    marks: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """The keys of the highlights on the page of a label."""
    left_out: list[dict[str, Any]] = field(default_factory=list)


class Accounts:
    """What a workspace says after a run."""

    def __init__(self, forge: Any) -> None:
        with forge.here(), Workspace(read_only=True) as opened:
            highlights = [outcome.highlight for outcome in opened.highlights()]
        self.paths = {}
        for document in (highlight.document for highlight in highlights):
            file = document.path or dict(document.identifiers).get("file", "")
            self.paths[document.key] = file
        told = msgspec.json.encode([*map(highlight_to_json, highlights)])
        marks = {each["key"]: each for each in msgspec.json.decode(told)}
        self.by_path: dict[str, Account] = {}
        self.names: set[str] = set()
        """The keys of all passages that a card, a draft, a proposal or a reason accounts for."""
        self.everywhere: list[dict[str, Any]] = []
        """What is left out of a folder or a library as a whole."""
        self.fronts: list[str] = []
        """The letters of the questions of all cards and drafts."""
        for line in forge.ok("list", "--all", "--json").lines:
            self.fronts.append(shown(line["fields"].get("Front", "")))
            for key in (line["highlight"], *line["also"]):
                mark = marks.get(key)
                self.names.add(key)
                if mark:
                    words = [*line["fields"].values(), line["quote"], *words_of(mark)]
                    for account in self.accounts_of(mark):
                        account.offered.append(shown(*words))
                        account.marks[mark["page_label"]].add(key)
        for entry in forge.ok("list", "--no-card", "--all", "--json").lines:
            assert entry["kind"], entry
            assert entry["place"], entry
            assert entry["reason"] or entry["suggestion"], entry
            if entry["key"] is None:
                self.everywhere.append(entry)
                self.of(entry["path"]).left_out.append(entry)
            else:
                self.names.add(entry["key"])
                for account in self.accounts_of(entry):
                    account.explained.append(shown(*words_of(entry)))
                    account.marks[entry["page_label"]].add(entry["key"])
        self.unaccounted_highlights = [
            mark for key, mark in marks.items() if key not in self.names
        ]

    def accounts_of(self, mark: dict[str, Any]) -> list[Account]:
        """The accounts of the file of a highlight; copies of one PDF are one document."""
        document = mark["document"]
        path = self.paths[document["key"]]
        file = document["identifiers"].get("file", path)
        return [self.of(each) for each in dict.fromkeys((path, file))]

    def of(self, path: str) -> Account:
        """The account of a document."""
        folded = unicodedata.normalize("NFC", path)
        return self.by_path.setdefault(folded, Account(folded))

    def accounts_for(self, stretch: Stretch) -> bool:
        """Whether a card, a draft, or a reason at its place accounts for a stretch."""
        if stretch.unit == "item" and stretch.name:
            names = [name for name in self.names if name.endswith(f"/{stretch.name}")]
            if names or any(stretch.name in entry["place"] for entry in self.everywhere):
                return True
        path = unicodedata.normalize("NFC", stretch.path)
        accounts = [self.of(path)]
        is_of_zotero = "storage/" in path
        if (
            stretch.unit in ("item", "row") or is_of_zotero
        ):  # a book has no file of its own
            accounts = list(self.by_path.values())
        for account in accounts:
            said = (*account.offered, *account.explained)
            if stretch.words and any(holds(text, stretch.words) for text in said):
                return True
            if any(words in text for text in said for words in stretch.any_of):
                return True
            if any(is_at(entry, stretch) for entry in account.left_out):
                return True
        return any(is_of_folder(entry, path) for entry in self.everywhere)

    def offers(self, path: str, words: tuple[str, ...]) -> bool:
        """Whether a card or a draft of a document has some words."""
        return any(holds(text, words) for text in self.of(path).offered)

    def ask(self, word: str) -> bool:
        """Whether a card or a draft asks a question with a word."""
        return any(word in front for front in self.fronts)


def words_of(mark: dict[str, Any]) -> list[str]:
    return [mark["exact"], mark["comment"]]


def shown(*texts: str) -> str:
    """The letters of some texts; also of the names of pictures, as they are written."""
    without_gaps = [SHOWN_GAP.sub("", text) for text in texts]
    as_written = [sign_for_sign(unquote(text)) for text in without_gaps]
    signs = map(without_blanks, without_gaps)
    return "|".join([*map(letters, without_gaps), *as_written, *signs])


def sign_for_sign(text: str) -> str:
    return "".join(sign for sign in text.casefold() if sign.isalnum())


def holds(text: str, words: tuple[str, ...]) -> bool:
    return all(word in text for word in words)


def is_at(entry: dict[str, Any], stretch: Stretch) -> bool:
    """Whether an entry is about a stretch: its kind, and a place that has it."""
    kinds = (*ENTRY.get(stretch.kind, ()), *WHOLE)
    place = entry["place"].removeprefix(entry["path"]).strip(", ")
    if stretch.unit in ("line", "part") and entry["kind"] not in kinds:
        return False
    if not place:
        return True
    if stretch.unit == "part":
        return True
    unit = "(?:item|entry|row)" if stretch.unit in ("item", "row") else stretch.unit
    for numbers in re.findall(rf"\b{unit}s? ((?:\d+(?:-\d+)?(?:, )?)+)", place):
        for span in re.findall(r"\d+(?:-\d+)?", numbers):
            first, _, last = span.partition("-")
            if int(first) <= stretch.last and stretch.first <= int(last or first):
                return True
    return False


def is_of_folder(entry: dict[str, Any], path: str) -> bool:
    """Whether an entry says of a whole folder that its notes are not read."""
    return entry["path"].endswith("/") and path.startswith(entry["path"])


def unaccounted(root: Path, accounts: Accounts, files: list[Path]) -> list[Stretch]:
    """Return the stretches of some files that nothing accounts for."""
    missing = []
    marks_on_pages: dict[tuple[str, str], list[Stretch]] = defaultdict(list)
    for file in files:
        for stretch in in_file(root, file):
            if stretch.unit == "page" and not stretch.words:
                marks_on_pages[stretch.path, stretch.name].append(stretch)
            elif not accounts.accounts_for(stretch):
                missing.append(stretch)
    # a mark without a comment has no words of its own: its page has to have as many highlights
    for (path, label), stretches in marks_on_pages.items():
        account = accounts.of(path)
        if path.startswith("storage/"):  # Zotero has imported what is in its files
            continue
        entries = [entry for entry in account.left_out if is_at(entry, stretches[0])]
        if len(account.marks[label]) + len(entries) < len(stretches):
            missing.extend(stretches[len(account.marks[label]) + len(entries) :])
    return missing
