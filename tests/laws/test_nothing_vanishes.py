"""A law of conservation: whatever looks like something is a card, an offer, a question, or left out with a reason.

`scanner` finds it in the bytes of files without the program; `accounts` asks the program about each stretch, by
its place. So that no entry for everything satisfies the law, what a person surely meant has to become a card.
"""

import csv
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.conftest import Forge
from tests.examples import examples
from tests.foreign import VARIABLE
from tests.laws.accounts import Accounts, unaccounted
from tests.laws.scanner import letters
from tests.makers.pdf_writer import Page, mark, paragraph, write_pdf
from tests.makers.zotero_writer import (
    Annotation,
    Attachment,
    Library,
    Note,
    Work,
    write_zotero,
)

CASES = Path(__file__).parents[1] / "data" / "conservation"
SETTINGS = "anki: {collection: none}\n"

# --- notes: constructs, and what stands around them -----------------------------------------


@dataclass(frozen=True)
class Construct:
    """Something written in a note; `#` stands for a word that occurs nowhere else."""

    text: str
    is_meant: bool = True
    """Whether it has to become a card or an offer, where `needs` allows it."""
    needs: str = ""
    """`line` or `block`: it counts only on a line of its own, or between empty lines."""


MEANT = (
    Construct("The # of a cell ==makes # every day== in its #."),
    Construct("A # holds <mark>the # and the #</mark> of a plant."),
    Construct("The # is made by {{c1::the # of a cell}} in winter."),
    Construct("The # is made by {{cloze the # of a cell}} in winter."),
    Construct("The # is made by {{c1::#::a hint}} and by {{c2::#}} in winter."),
    Construct("The # is made by {{c1::the #,\nand the #}} in winter."),
    Construct("The # of a cell ==makes #\nevery day== in its #."),
    Construct("What does the # of a cell make?::The # in winter", needs="line"),
    Construct("What does the # of a cell make? :: The # in winter", needs="line"),
    Construct("The # of a cell:::the # in winter", needs="line"),
    Construct("The # is made by {{C1::the # of a cell}} and {{c2: #}} in winter."),
    Construct("What does the # show?::![[net.png]]", needs="line"),
    Construct("What does the # show?::[![net](net.png)](https://x.org)", needs="line"),
    Construct("What does the # show?::![net](net.png){width=50%}", needs="line"),
    Construct("What does the # of a cell make?\n?\nThe # in winter.", needs="block"),
    Construct("What does the # of a cell make?\n??\nThe # in winter.", needs="block"),
    Construct("What does the # of a cell make?\n?\n- the #\n- the #", needs="block"),
    Construct("What does the # show?\n?\n![[net.png]]", needs="block"),
)
OTHERS = (
    "The call `==x #==` and `{{c1::#}}` and `a::#` are code.",
    "The sum $a==#==b$ and $$ {{#}} $$ are maths.",
    "```\n==x #==\n\n{{c1::#}}\n```",
    "~~~ md\nfront #::back\n?\nx\n~~~",
    "$$\n{{#}}_{a}\n==x==\n$$",
    "%% a ==comment #== %%",
    "<!-- a ==comment #== -->",
    "#:: a #",
    "{{date}} and {{ #.name | lower }}",
    "Q: What does the # of a cell make?\nA: The # in winter.",
    "The #::",
    "::the #",
    "std::# is a name, and a::b::# too.",
    "An \\==escaped #== mark",
    "> [!note] The #\n> A # is here.",
    "See https://x.org/#::a and <https://y.org/::#>.",
    "?\nThe # alone",
    "An open {{c1::# and no more",
    "==![[song.mp3]]==",
    "| a | # |\n|---|---|\n| x::# | ==#== |",
    "# A heading #::of two\n\nText ==#== below",
    "[^1]: A footnote ==of # words==.",
    "<div>\nA ==# mark== in HTML\n</div>",
    "- [ ] a task::of #\n- [x] {{c1::#}} is done",
    '[the #]: https://x.org/::# "a title"',
    "---\na ==# mark==\n---",
    "if x==1 and y==# then",
    "::: {.note}\nA # ==in a div==\n:::",
    "    indented ==code #==",
    "\t- far {{c1::#}} out",
    "TARGET DECK: a::#",
    "> - > 1. a ==# mark== deep",
    "{{c1::a {{c2::# }} b}}",
    "==a== ==b #== == c == ==d==",
    "<details><summary>A #::b</summary>\n\n==x #==\n\n</details>",
    "What is the #?::<svg><circle/></svg>",
    "What is the #?::<br>",
    "What is the #?::[^1]",
    "What does the # show?::![a net][net]\n\n[net]: net.png",
    "What is the #?\n?\n# A heading",
    "What is the #?\n?\n<canvas></canvas>",
    "| a | b |\n|---|---|\n| {{c1::#|#}} | ==#|#== |",
    "| What is #?::# | x |\n|---|---|\n| What is #?::# | y |",
    "<ul>\n<li>a ==mark of #==</li>\n<li>the {{c1::#}} of b</li>\n</ul>",
    "The **#::# of a cell** is in it.",
    "A # line  \nand ==more #  \nof it== here",
)


def plain(lines: list[str]) -> list[str]:
    return lines


def listed(sign: str, parent: str = "") -> Callable[[list[str]], list[str]]:
    def inside(lines: list[str]) -> list[str]:
        blanks = " " * len(sign)
        below = [f"{blanks}{line}" if line else "" for line in lines[1:]]
        item = [f"{sign}{lines[0]}", *below]
        return [parent, *(f"{' ' * 4}{line}" for line in item)] if parent else item

    return inside


def quoted(head: str = "") -> Callable[[list[str]], list[str]]:
    def inside(lines: list[str]) -> list[str]:
        return [
            *([f"> {head}"] if head else []),
            *(f"> {line}".rstrip() for line in lines),
        ]

    return inside


AROUND = {
    "nothing": plain,
    "item": listed("- "),
    "star": listed("* "),
    "number": listed("1. "),
    "task": listed("- [ ] "),
    "nested": listed("- ", parent="- A parent item"),
    "quote": quoted(),
    "callout": quoted("[!info] A title"),
    "tabs": lambda lines: [
        "- A parent item",
        "\t\t- " + lines[0],
        *("\t\t  " + line for line in lines[1:]),
    ],
    "six blanks": lambda lines: [
        "- A parent item",
        "      - " + lines[0],
        *("        " + line for line in lines[1:]),
    ],
}
KEEPS_BLOCKS = {"nothing", "quote", "callout"}
"""In what a question of several lines is surely one."""
arounds = st.lists(st.sampled_from(sorted(AROUND)), max_size=3)
meant = st.tuples(st.sampled_from(MEANT), arounds)
others = st.tuples(st.sampled_from(OTHERS), arounds)
pieces = st.lists(st.one_of(meant, others), min_size=1, max_size=6)


class Words:
    """Words that occur once: `#` of a construct becomes the next one."""

    def __init__(self) -> None:
        self.number = 0

    def put_into(self, text: str, sign: str = "#") -> tuple[str, tuple[str, ...]]:
        words = []
        # the sign of a heading is no word
        parts = text.replace("# A heading", "\0").split(sign)
        filled = parts[0]
        for part in parts[1:]:
            self.number += 1
            word = (
                "zy"
                + "".join("bcdfghklmn"[int(digit)] + "a" for digit in str(self.number))
                + "x"
            )
            words.append(word)
            filled += word + part
        return filled.replace("\0", "# A heading"), tuple(words)


def write_notes(vault: Path, notes: list[list]) -> dict[str, list[tuple[str, ...]]]:
    """Write notes, and return the words of what is meant in each, by its path."""
    words = Words()
    wanted: dict[str, list[tuple[str, ...]]] = {}
    for number, note in enumerate(notes):
        path = f"note {number}.md"
        blocks = []
        for construct, around in note:
            text = construct if isinstance(construct, str) else construct.text
            filled, its_words = words.put_into(text)
            lines = filled.split("\n")
            for name in reversed(around):
                lines = AROUND[name](lines)
            blocks.append("\n".join(lines))
            if not isinstance(construct, str) and is_surely_meant(construct, around):
                wanted.setdefault(path, []).append(its_words)
        (vault / path).write_text("\n\n".join(blocks) + "\n", "utf-8")
    return wanted


def is_surely_meant(construct: Construct, around: list[str]) -> bool:
    return construct.needs != "block" or KEEPS_BLOCKS.issuperset(around)


# a vault that fails says itself which lines: none is looked for that is smaller
@settings(examples(2), phases=(Phase.explicit, Phase.generate))
@given(st.lists(pieces, min_size=30, max_size=40))
def test_nothing_vanishes_from_notes(notes):
    with tempfile.TemporaryDirectory() as folder:
        vault = Path(folder, "Vault")
        (vault / ".obsidian").mkdir(parents=True)
        for name in ("net.png", "song.mp3"):
            (vault / name).write_bytes(b"x")
        wanted = write_notes(vault, notes)
        accounts = read(Path(folder), vault)
        complaints = complaints_of([vault], accounts)
        for path, all_words in wanted.items():
            for its_words in all_words:
                if not accounts.offers(path, tuple(map(letters, its_words))):
                    complaints.append(
                        f"no card of {its_words} in {(vault / path).read_text()}"
                    )
        assert not complaints, "\n".join([f"{len(complaints)}:", *complaints[:12]])


@settings(examples(1), phases=(Phase.explicit, Phase.generate))
@given(st.lists(pieces, min_size=24, max_size=30))
def test_nothing_vanishes_from_other_texts(notes):
    with tempfile.TemporaryDirectory() as folder:
        names = ("notes", "Vault/.obsidian", "Texts")
        plain_notes, settings_of_vault, texts = (Path(folder, name) for name in names)
        for made in (plain_notes, settings_of_vault, texts):
            made.mkdir(parents=True)
        vault = settings_of_vault.parent
        write_notes(plain_notes, notes)
        for number, note in enumerate(sorted(plain_notes.iterdir())):
            text = note.read_text("utf-8")
            ending = "markdown" if number % 2 else "txt"
            (texts / f"{note.stem}.{ending}").write_text(text, "utf-8")
        paths = [vault, texts]
        complaints = complaints_of(paths, read(Path(folder), *paths))
        assert not complaints, "\n".join([f"{len(complaints)}:", *complaints[:12]])


def read(folder: Path, *paths: Path) -> Accounts:
    """Run the program on some paths, and return what it says of them."""
    forge = Forge(folder / "forge")
    forge.settings(SETTINGS, proposals=True)
    forge("run", "--yes", *paths)
    return Accounts(forge)


def files_in(root: Path) -> list[Path]:
    return sorted(
        path for path in root.rglob("*") if path.is_file() and not hidden(root, path)
    )


def hidden(root: Path, path: Path) -> bool:
    return any(
        part.startswith(".") and part not in (".kobo", ".adds")
        for part in path.relative_to(root).parts
    )


def complaint(root: Path, stretch) -> str:
    told = (
        f"{stretch.path}, {stretch.unit} {stretch.first}: {stretch.kind}: {stretch.raw!r}"
    )
    if stretch.unit != "line":
        return told
    lines = (root / stretch.path).read_text("utf-8", "replace").split("\n")
    around = lines[max(stretch.first - 4, 0) : stretch.last + 4]
    return "\n    ".join([told, *around])


# --- comments of PDFs, Zotero and exports ---------------------------------------------------

QUESTIONS = (
    "Why is the § useful?",
    "Why is the § useful? (p. 3)",
    "“Why is the § useful?”",
    "Why is the § useful?!",
    "Why is the § useful? #exam",
    "Why is the § useful? \N{THINKING FACE}",
    "**Why is the § useful?**",
    "— Why is the § useful?",
    "Why is the § useful? It shelters birds.",
    "لماذا § مفيد للطيور؟",
    "Γιατί είναι το § χρήσιμο;",
    "为什么§有用？",
)
"""Comments that ask; each has to stand on a front."""
REMARKS = (
    "",
    "see §",
    "§",
    "compare with the § (p. 2)",
    "https://x.org/page?id=§",
    "! §",
    "a § of two\nlines",
    "<i>§</i> & **more**",
)
MARKS = ("Highlight", "Underline", "Squiggly", "StrikeOut")
OTHER_KINDS = (
    "Text", "FreeText", "Caret", "Square", "Circle", "Ink", "Line", "Stamp", "FileAttachment", "Redact",
)  # fmt: skip
questions = st.tuples(st.just("Highlight"), st.sampled_from(QUESTIONS))
remarks = st.tuples(st.sampled_from((*MARKS, *OTHER_KINDS)), st.sampled_from(REMARKS))
annotated = st.lists(st.one_of(questions, remarks), min_size=1, max_size=5)


@dataclass(frozen=True)
class Comment:
    """A mark and what its reader wrote beside it, with words that occur nowhere else."""

    kind: str
    passage: str
    words: str
    asks: str
    """The word of its question; "" if it is none."""


def comments_of(pages: list[list[tuple[str, str]]]) -> list[list[Comment]]:
    words = Words()
    filled = []
    for page in pages:
        comments = []
        for kind, text in page:
            passage, _ = words.put_into(
                "The # of a hedge shelters many # in a cold winter."
            )
            comment, its_words = words.put_into(text, "§")
            asks = its_words[0] if text in QUESTIONS else ""
            comments.append(Comment(kind, passage, comment, asks))
        filled.append(comments)
    return filled


def complaints_about(
    paths: list[Path], accounts: Accounts, pages: list[list[Comment]]
) -> list[str]:
    """Return what vanished, and the questions that no card asks."""
    complaints = complaints_of(paths, accounts)
    for comment in (comment for page in pages for comment in page):
        if comment.asks and not accounts.ask(letters(comment.asks)):
            complaints.append(f"no card asks {comment.words!r}")
    return complaints


def check(paths: list[Path], folder: Path, pages: list[list[Comment]]) -> None:
    complaints = complaints_about(paths, read(folder, *paths), pages)
    assert not complaints, "\n".join([f"{len(complaints)}:", *complaints[:12]])


without_shrinking = (Phase.explicit, Phase.generate)


@settings(examples(2), phases=without_shrinking)
@given(st.lists(annotated, min_size=8, max_size=12))
def test_nothing_vanishes_from_comments_of_pdfs(drawn):
    pages = comments_of(drawn)
    with tempfile.TemporaryDirectory() as folder:
        papers = Path(folder, "Papers")
        papers.mkdir()
        for number, page in enumerate(pages):
            blocks = [paragraph(comment.passage) for comment in page]
            marks = [
                mark(comment.passage, kind=comment.kind, comment=comment.words)
                for comment in page
            ]
            sheets = [Page([paragraph("A page without marks.")]), Page(blocks, marks)]
            write_pdf(papers / f"paper {number}.pdf", sheets, title=f"Paper {number}")
        check([papers], Path(folder), pages)


ZOTERO_KINDS = {
    "Highlight": "highlight",
    "Underline": "underline",
    "Ink": "ink",
    "Square": "image",
}


@settings(examples(2), phases=without_shrinking)
@given(
    st.lists(annotated, min_size=8, max_size=12),
    st.lists(st.sampled_from((*QUESTIONS, *REMARKS)), max_size=6),
)
def test_nothing_vanishes_from_a_library_of_zotero(drawn, notes):
    pages = comments_of(drawn)
    works = []
    for number, page in enumerate(pages):
        annotations = []
        for order, comment in enumerate(page):
            kind = ZOTERO_KINDS.get(
                comment.kind, "highlight" if comment.kind in MARKS else "note"
            )
            text = comment.passage if kind in ("highlight", "underline") else None
            key = f"M{number:03}{order:04}"
            annotations.append(
                Annotation(key, text, comment.words or None, kind=kind, top=order)
            )
        attachment = Attachment(f"ATTA{number:04}", f"{number}.pdf", tuple(annotations))
        works.append(
            Work(
                f"WORK{number:04}",
                {"title": f"Paper {number}"},
                attachments=(attachment,),
            )
        )
    words = Words()
    words.number = 5000
    filled = [words.put_into(text, "§")[0] for text in notes]
    loose = tuple(
        Note(f"NOTE{number:04}", f"<p>{text}</p>") for number, text in enumerate(filled)
    )
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "Zotero")
        data.mkdir()
        write_zotero(data / "zotero.sqlite", [Library(tuple(works), loose_notes=loose)])
        check([data], Path(folder), pages)


@settings(examples(2), phases=without_shrinking)
@given(st.lists(annotated, min_size=8, max_size=12))
def test_nothing_vanishes_from_exports(drawn):
    pages = comments_of(drawn)
    third = len(pages) // 3
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "Exports")
        root.mkdir()
        paths = [
            write_clippings(root / "My Clippings.txt", pages[:third]),
            write_readwise(root / "readwise-data.csv", pages[third : 2 * third]),
            write_hypothesis(root / "hypothesis.json", pages[2 * third :]),
        ]
        check(paths, Path(folder), pages)


def write_clippings(path: Path, pages: list[list[Comment]]) -> Path:
    entries = []
    for book, page in enumerate(pages):
        for number, comment in enumerate(page, 1):
            place, time = (
                f"location {10 * number}-{10 * number + 1}",
                f"10:{number:02}:00",
            )
            parts = [("Highlight", place, comment.passage)]
            if comment.words:
                parts.append(("Note", f"location {10 * number + 1}", comment.words))
            for kind, where, words in parts:
                entries.append(
                    f"Book {book} (Ira Moss)\n- Your {kind} on page {number} | {where}"
                    f" | Added on Monday, 3 March 2025 {time}\n\n{words}\n"
                )
    text = "==========\n".join([*entries, ""])
    path.write_text(text, "utf-8")
    return path


def write_readwise(path: Path, pages: list[list[Comment]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(
            "Highlight,Book Title,Book Author,Amazon Book ID,Note,Color,Tags,Location Type,Location,"
            "Highlighted at,Document tags".split(",")
        )
        for book, page in enumerate(pages):
            for number, comment in enumerate(page):
                row = [
                    comment.passage,
                    f"Tome {book}",
                    "Ira Moss",
                    "",
                    comment.words,
                    "",
                    "",
                    "location",
                    number,
                ]
                table.writerow([*row, f"2025-03-03 10:{number:02}:00+00:00", ""])
    return path


def write_hypothesis(path: Path, pages: list[list[Comment]]) -> Path:
    rows = []
    for number, comment in enumerate(comment for page in pages for comment in page):
        quote = {"type": "TextQuoteSelector", "exact": comment.passage}
        row = {
            "id": f"id{number:04}", "uri": "https://x.org/p", "user": "acct:ada@hypothes.is",
            "created": "2024-01-01T00:00:00Z", "updated": "2024-01-01T00:00:00Z",
            "document": {"title": ["Page"]}, "text": comment.words,
            "target": [{"source": "https://x.org/p", "selector": [quote]}],
        }  # fmt: skip
        rows.append(row)
    path.write_text(json.dumps({"rows": rows, "total": len(rows)}), "utf-8")
    return path


# --- the cases, and files of strangers ------------------------------------------------------


@pytest.mark.parametrize("name", sorted(path.name for path in CASES.iterdir()))
def test_nothing_vanishes_from_a_case(name, tmp_path):
    root = tmp_path / name
    shutil.copytree(CASES / name, root)
    paths = sorted(root.iterdir())
    accounts = read(tmp_path, *paths)
    complaints = complaints_of(paths, accounts)
    assert not complaints, "\n".join(complaints)


def complaints_of(paths: Iterable[Path], accounts: Accounts) -> list[str]:
    """Return what nothing accounts for, in words."""
    complaints = [
        f"the highlight {mark['exact']!r}" for mark in accounts.unaccounted_highlights
    ]
    for path in paths:
        root = path if path.is_dir() else path.parent
        files = files_in(root) if path.is_dir() else [path]
        for stretch in unaccounted(root, accounts, files):
            complaints.append(complaint(root, stretch))
    return complaints


def strangers(ending: str) -> list[Path]:
    """The folders and files of other people to read, with an ending; [] without them."""
    folder = os.environ.get(VARIABLE, "")
    found = Path(folder).rglob(f"*{ending}") if folder else ()
    return sorted(path for path in found if path.is_file())


def test_nothing_vanishes_from_notes_of_strangers(tmp_path):
    notes = [note for note in strangers(".md") if not note.name.startswith(".")]
    if not notes:
        pytest.skip(f"{VARIABLE} names no notes of other people")
    vault = tmp_path / "Vault"
    (vault / ".obsidian").mkdir(parents=True)
    for number, note in enumerate(notes):
        shutil.copy(note, vault / f"{number:04} {note.name}")
    complaints = complaints_of([vault], read(tmp_path, vault))
    assert not complaints, "\n".join([f"{len(complaints)}:", *complaints[:30]])


def test_nothing_vanishes_from_pdfs_of_strangers(tmp_path):
    papers = strangers(".pdf")
    if not papers:
        pytest.skip(f"{VARIABLE} names no PDFs of other people")
    folder = tmp_path / "Papers"
    folder.mkdir()
    for number, paper in enumerate(papers):
        shutil.copy(paper, folder / f"{number:04} {paper.name}")
    complaints = complaints_of([folder], read(tmp_path, folder))
    assert not complaints, "\n".join([f"{len(complaints)}:", *complaints[:30]])


def test_nothing_vanishes_from_libraries_of_strangers(tmp_path):
    libraries = strangers(".sqlite")
    if not libraries:
        pytest.skip(f"{VARIABLE} names no Zotero library of other people")
    for library in libraries:
        folder = tmp_path / library.stem
        folder.mkdir()
        shutil.copy(library, folder / "zotero.sqlite")
        complaints = complaints_of([folder], read(folder / "desk", folder))
        assert not complaints, "\n".join([library.name, *complaints[:30]])
