"""The source beside a card: the passage, links, pages of PDFs, pictures."""

import html
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfWriter

from ankiforge.model import Document, DocumentKey, Highlight, HighlightKind
from ankiforge.review.page.source import links_of, runs_of, source_html
from ankiforge.text.anchors import CONTEXT
from samples.pdf_writer import Page, mark, paragraph, write_pdf
from samples.zotero_writer import Annotation, Attachment, Library, Work, write_zotero

TEXT = "A cell is small. Every cell divides into two. Then the cell rests for a while."


def highlight(exact: str = "cell", **more: Any) -> Highlight:
    identifiers = more.pop("identifiers", ())
    document = Document(DocumentKey("vault:n/a"), "n", "A", identifiers=identifiers)
    return Highlight(document, "vault:n", HighlightKind.HIGHLIGHT, exact, **more)


def text_of(found: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", found))


def shown(**more: Any) -> str:
    return "".join(run.text for run in runs_of(highlight(**more), ""))


# --- the passage ------------------------------------------------------------------------------


def test_the_context_is_joined_as_it_stood():
    assert shown(prefix="The ", suffix=" divides.", sentence="The cell divides.") == (
        "The cell divides."
    )
    assert shown(prefix="uni", suffix="ular life", sentence="unicellular life") == (
        "unicellular life"
    )
    assert shown(prefix="Before. The ", sentence="The cell divides.") == (
        "Before. The cell divides."
    )


def test_a_context_that_goes_on_says_so():
    around = "y" * CONTEXT
    assert shown(prefix=around, suffix=around) == f"…{around}cell{around}…"
    assert shown(prefix="All. ", suffix=" divides.") == "All. cell divides."


def test_the_same_words_twice_are_told_apart_by_what_stands_before():
    told = runs_of(highlight(prefix="A cell is a ", suffix=".", sentence="A cell is a cell."), "")
    assert [run.text for run in told] == ["A cell is a ", "cell", "."]


def test_the_evidence_and_the_phrases_are_marked_within_the_mark():
    runs = runs_of(highlight("Every cell divides into two.", gaps=((6, 10),)), "cell divides")
    assert [(run.text, run.marks[1:]) for run in runs] == [
        ("Every ", ()), ("cell", ("quote", "gap")), (" divides", ("quote",)), (" into two.", ()),
    ]  # fmt: skip


def test_evidence_around_a_phrase_is_marked_there_and_not_called_missing():
    """Of a phrase that was marked in a sentence, the sentence is the evidence."""
    phrase = highlight(prefix="Every ", suffix=" divides.", sentence="Every cell divides.")
    runs = runs_of(phrase, "every cell divides.")
    assert [(run.text, run.marks) for run in runs] == [
        ("Every ", ("quote",)), ("cell", ("exact", "quote")), (" divides.", ("quote",)),
    ]  # fmt: skip
    assert "Not in the passage" not in source_html(phrase, "Every cell divides.")


def test_what_a_card_by_hand_says_in_its_source_is_told_once():
    said = {"kind": HighlightKind.CARD, "exact": "What divides?::A cell"}
    assert "As written in the source" not in source_html(
        _card(**said, sides=("What divides?", "A cell"))
    )
    assert "As written in the source" in source_html(
        _card(**said, sides=("What divides?", "A **cell**"))
    )


def _card(kind: HighlightKind, exact: str, sides: tuple[str, ...]) -> Highlight:
    return replace(highlight(exact, markdown=sides), kind=kind)


def test_evidence_that_is_not_in_the_mark_is_said_in_words():
    assert "Not in the passage" in source_html(highlight(), "a nucleus")
    assert "Not in the passage" not in source_html(highlight(), "CELL")
    assert "Not in the passage" not in source_html(highlight())


def test_a_colour_is_told_by_its_name_and_no_other_word_becomes_a_class():
    told = source_html(highlight(colour="#ffd400"))
    assert 'class="passage marked-yellow"' in told
    assert ">yellow</li>" in told
    odd = source_html(highlight(colour='x" onload="y'))
    assert 'onload="' not in odd
    assert 'class="passage"' in odd


def test_whatever_a_source_says_is_text():
    evil = "<img src=x onerror=alert(1)>\"'</blockquote><script>"
    found = source_html(
        highlight(
            evil, prefix=evil, comment=evil, heading=evil, above=(evil,), tags=(evil,),
            author=evil, created=evil, colour=evil, page_label=evil, markdown=(f"`{evil}`",),
        ),
        evil,
        (highlight(evil),),
    )  # fmt: skip
    assert "<script" not in found
    assert "<img" not in found
    assert evil in text_of(found)


# --- links ------------------------------------------------------------------------------------


def test_links_say_where_they_lead():
    found = links_of(
        highlight(
            uri="obsidian://open?vault=n&file=a",
            links=("zotero://open-pdf/library/items/A?page=2", "https://www.example.org/a%20b/?q"),
            identifiers=(("doi", "10.1000/x.1"), ("arxiv", "2101.00001"), ("isbn", "1")),
        )
    )
    assert [link.label for link in found] == [
        "Open in Obsidian", "Open in Zotero", "example.org/a b", "doi.org/10.1000/x.1",
        "arxiv.org/abs/2101.00001",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "uri",
    [
        "javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:alert(1)", "data:text/html,x",
        "file:///etc/passwd", "\\\\server\\share", "//evil.example/x", "vbscript:x", "smb://x/y",
        "java\nscript:alert(1)", "blob:x", "/frame/x", "about:blank", "mailto:a@b.c", "x" * 5000,
    ],
)  # fmt: skip
def test_what_is_no_known_address_is_only_text(uri):
    link, *_ = links_of(highlight(uri=uri, identifiers=(("url", uri),)))
    assert link.address == ""
    assert "<a " not in source_html(highlight(uri=uri, links=(uri,), identifiers=(("url", uri),)))


def test_a_name_before_the_host_does_not_pass_for_it():
    (link,) = links_of(highlight(uri="https://doi.org@evil.example/x"))
    assert link.label == "evil.example/x"


# --- the page of a PDF ------------------------------------------------------------------------


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    """A PDF of two pages; the last of three equal words is marked."""
    path = tmp_path / "papers" / "cells.pdf"
    path.parent.mkdir()
    marked = mark("cell", nth=3, comment="q: What rests?")
    write_pdf(path, [Page((paragraph("The first page."),)), Page((paragraph(TEXT),), (marked,))])
    return path


class Looker:
    """What the page shows of the source of its first card."""

    def __init__(self, page: Any) -> None:
        self.page = page
        source = page.item(view="pending")["item"]["source"]
        self.source = source
        self.name = re.search(r'data-sheet="([0-9a-f]{16})"', source)[1]

    def get(self, path: str) -> Any:
        with self.page.get(path) as answer:
            assert answer.data is not None
            return answer

    def sheet(self) -> str:
        return self.page.get("/api/sheet", of=self.name).json["html"]


def drafted(forge: Any, client: Any, folder: Path, *options: str) -> Looker:
    forge.ok("run", folder, "--accept", "review", *options)
    return Looker(client())


def boxes(sheet: str) -> list[tuple[int, ...]]:
    found = re.findall(r'<rect x="(-?\d+)" y="(-?\d+)" width="(\d+)" height="(\d+)"', sheet)
    return [tuple(map(int, one)) for one in found]


def test_the_page_is_drawn_with_the_mark_where_it_is(forge, client, paper):
    look = drafted(forge, client, paper.parent)
    sheet = look.sheet()
    ((left, top, width, height),) = boxes(sheet)
    across, down = map(int, re.search(r'viewBox="0 0 (\d+) (\d+)"', sheet).groups())
    assert 0 < left < across
    assert 72 / 792 - 0.02 < top / down < 0.15
    assert 20 < width < across / 8
    assert height < down / 30
    picture = look.get(f"/sheet/{look.name}")
    assert picture.mimetype == "image/png"
    assert picture.data.startswith(b"\x89PNG")
    assert int.from_bytes(picture.data[16:20]) == across
    assert f'href="/paper/{look.name}#page=2"' in sheet


def test_the_pdf_itself_is_served_as_nothing_but_a_pdf(forge, client, paper):
    look = drafted(forge, client, paper.parent)
    answer = look.get(f"/paper/{look.name}")
    assert answer.data == paper.read_bytes()
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "attachment" not in answer.headers.get("Content-Disposition", "")
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_what_was_not_shown_has_no_name(forge, client, paper):
    look = drafted(forge, client, paper.parent)
    for name in ("0" * 16, "..", "%2e%2e%2fcells.pdf", "cells.pdf"):
        for path in (f"/paper/{name}", f"/sheet/{name}", f"/source/{name}/0"):
            assert look.get(path).status_code == 404, path
    assert look.page.get("/api/sheet", of="../cells.pdf").status_code == 404
    assert look.get(f"/source/{look.name}/99").status_code == 404


def test_a_pdf_that_is_gone_or_another_is_told_in_words(forge, client, paper):
    look = drafted(forge, client, paper.parent)
    whole = paper.read_bytes()
    write_pdf(paper, [Page((paragraph("One."),)), Page((paragraph("Another text."),))])
    assert "The mark was not found on this page" in look.sheet()
    write_pdf(paper, [Page((paragraph("Only one page."),))])
    assert "it no longer has page 2" in look.sheet()
    paper.write_bytes(whole[:300])
    assert "The page cannot be shown" in look.sheet()
    paper.unlink()
    assert "is not in its folder any more" in look.sheet()
    assert look.get(f"/paper/{look.name}").status_code == 404


def test_a_locked_pdf_opens_with_the_password_of_its_source(forge, client, paper):
    locked = PdfWriter(clone_from=paper)
    locked.encrypt("sesame")
    locked.write(paper)
    source = f"sources:\n  - pdf: {{name: papers, path: {paper.parent}, passwords: [sesame]}}\n"
    settings = forge.folder / "ankiforge.yaml"
    settings.write_text(source)
    forge.ok("init", "--trust", forge.folder)
    forge.ok("run", "--accept", "review")
    assert len(boxes(Looker(client()).sheet())) == 1
    settings.write_text(source.replace("sesame", "other"))
    assert "none of the known passwords opens it" in Looker(client()).sheet()


def test_no_link_leads_out_of_the_folder(forge, client, paper, tmp_path):
    look = drafted(forge, client, paper.parent)
    outside = tmp_path / "secret.pdf"
    paper.rename(outside)
    paper.symlink_to(outside)
    assert "is not in its folder any more" in look.sheet()
    assert look.get(f"/paper/{look.name}").status_code == 404


# --- Zotero, vaults ---------------------------------------------------------------------------


def zotero(folder: Path, *marks: Annotation) -> Path:
    (folder / "storage" / "ATTACH01").mkdir(parents=True)
    file = folder / "storage" / "ATTACH01" / "Cells.pdf"
    drawing = "1 0 0 rg 110 310 60 40 re f"
    write_pdf(file, [Page((paragraph(TEXT),), drawing=drawing)])
    attachment = Attachment("ATTACH01", "Cells.pdf", marks)
    work = Work("PAPER001", {"title": "Cells"}, attachments=(attachment,))
    write_zotero(folder / "zotero.sqlite", [Library((work,))])
    return folder


def test_a_mark_of_zotero_is_outlined_on_the_page_of_its_attachment(forge, client, tmp_path):
    folder = zotero(
        tmp_path / "Zotero",
        Annotation("MARKED22", "Every cell divides into two.", "q: What divides?"),
    )
    look = drafted(forge, client, folder)
    assert len(boxes(look.sheet())) == 1
    assert "Open in Zotero" in look.source
    assert "%PDF" in look.get(f"/paper/{look.name}").data[:8].decode()


def test_a_figure_of_zotero_is_shown_itself(forge, client, tmp_path):
    place = json.dumps({"pageIndex": 0, "rects": [[100, 300, 280, 390]]})
    figure = Annotation("FIGUREA2", None, "? What is red here?", kind="image", position=place)
    look = drafted(forge, client, zotero(tmp_path / "Zotero", figure))
    (address,) = re.findall(r'<img src="([^"]+)"', look.source)
    answer = look.get(address)
    assert answer.data.startswith(b"\x89PNG")
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
