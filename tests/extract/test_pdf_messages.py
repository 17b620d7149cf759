"""What a person is told of PDFs that hold less than they hoped for."""

from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfWriter
from pypdf.generic import NameObject, NumberObject

from tests.makers.pdf_writer import Mark, Page, mark, paragraph, write_pdf

TEXT = (
    "The spacing effect (SE) improves long-term retention of facts, and massing does not."
)


def paper(path: Path, *marks: Mark) -> Path:
    path.parent.mkdir(exist_ok=True)
    write_pdf(path, [Page((paragraph(TEXT),), marks)])
    return path


def told(result: Any) -> str:
    [line] = [
        one for one in result.stderr.splitlines() if one.startswith(("note:", "failed:"))
    ]
    return str(line)


@pytest.mark.parametrize("command", ["run"])
def test_a_print_that_lost_its_annotations_says_so_and_is_no_failure(
    forge, tmp_path, command
):
    file = paper(tmp_path / "papers" / "print.pdf")
    result = forge.ok(command, file)
    assert told(result).startswith(
        "note: print.pdf: no annotations in this file (printing to PDF"
    )
    assert "no annotations" not in forge.ok(command, file.parent).stderr
    assert "no annotations" not in forge.ok(command, "-q", file).stderr
    file.with_name("torn.pdf").write_bytes(b"%PDF-1.7 nothing")
    problems = forge("run", file, file.with_name("torn.pdf"), "--json", code=1).data[
        "problems"
    ]
    assert sorted(one["notice"] for one in problems) == [False, True]


def test_marks_that_the_file_hides_are_counted(forge, tmp_path):
    hidden = mark("facts", more={"/F": NumberObject(2)})
    file = paper(tmp_path / "papers" / "a.pdf", hidden, hidden, mark("retention"))
    assert "a.pdf: 2 hidden marks left out" in told(forge.ok("run", file))
    assert (
        len(forge.ok("run", "--dry-run", "-v", file, "--json").lines) == 2
    )  # the mark and the note


def test_marks_on_a_scan_without_a_text_layer_say_so(forge, tmp_path):
    file = paper(tmp_path / "papers" / "scan.pdf", mark("retention"))
    writer = PdfWriter(clone_from=file)
    del writer.pages[0][NameObject("/Contents")]
    writer.write(file)
    line = told(forge("run", file, code=1))
    assert line.startswith(
        "failed: scan.pdf: page 1 has marks but no text, like a scan ("
    )
    assert "OCR" in line
    [one] = forge.ok("list", "--no-card", "--all", "--json").lines
    assert one["reason"] == "no text under the mark"


def test_of_many_pages_without_text_the_first_are_named(forge, tmp_path):
    file = paper(tmp_path / "papers" / "scan.pdf", mark("retention"))
    writer = PdfWriter()
    for _ in range(15):
        writer.append(file)
    for page in writer.pages:
        del page[NameObject("/Contents")]
    writer.write(file)
    line = told(forge("run", file, code=1))
    assert ": pages 1, 2, 3 and 12 more have marks" in line
