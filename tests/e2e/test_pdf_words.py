"""What a mark of a PDF is read as: its words, and what stands beside them."""

from pathlib import Path
from typing import Any

from samples.pdf_writer import Page, mark, paragraph, write_pdf


def read(forge: Any, *arguments: Any) -> dict[str, tuple[str, list[str]]]:
    """Key → (exact, gaps)."""
    lines = [one for one in forge.ok("extract", *arguments, "--json").lines if "exact" in one]
    return {
        one["key"]: (one["exact"], [one["exact"][a:b] for a, b in one["gaps"]]) for one in lines
    }


def vault(folder: Path, text: str) -> Path:
    (folder / "v").mkdir()
    (folder / "v" / "a.md").write_text(text, encoding="utf-8")
    return folder / "v"


def paper(folder: Path, *, heads: bool) -> Path:
    """Three pages, each with a running head and foot and a mark at its edge."""
    words = (
        ("Osmosis moves water through membranes.", "Cells swell in it."),
        ("Diffusion needs no energy at all.", "Gradients drive it."),
        ("Active transport spends energy.", "Pumps do the work."),
    )
    pages = []
    for number, (first, last) in enumerate(words, start=1):
        blocks = [paragraph(first), paragraph(last)]
        if heads:
            blocks = [paragraph("Journal of Cells 12"), *blocks, paragraph(f"Page {number} of 3")]
        pages.append(Page(tuple(blocks), (mark(first), mark(last))))
    (folder / "p").mkdir(exist_ok=True)
    write_pdf(folder / "p" / "a.pdf", pages)
    return folder / "p" / "a.pdf"


def test_running_heads_and_feet_are_no_context_and_change_no_key(forge, tmp_path):
    lines = forge.ok("extract", paper(tmp_path, heads=True), "--json").lines
    marks = [one for one in lines if "exact" in one]
    plain = forge.ok("extract", paper(tmp_path, heads=False), "--json").lines
    keys = [one["key"].rpartition("/")[2] for one in plain if "exact" in one]
    assert [one["key"].rpartition("/")[2] for one in marks] == keys
    assert len(set(keys)) == 6
    beside = " ".join(one["prefix"] + one["suffix"] for one in marks)
    assert "Journal" not in beside
    assert "Page" not in beside
    assert "Cells swell in it." in beside


def test_items_of_a_list_in_one_mark_are_joined_by_semicolons(forge, tmp_path):
    page = Page(
        (paragraph("Before it. List: • first item of it • second item • third item"),),
        (mark("first item of it • second item • third item"),),
    )
    (tmp_path / "p").mkdir()
    write_pdf(tmp_path / "p" / "a.pdf", [page])
    [(key, (exact, _))] = read(forge, tmp_path / "p").items()
    assert key == "pdf:2f4179d981448afa/3fdd78571b4ec7fa"
    assert exact == "first item of it; second item; third item"


def test_a_link_in_a_circle_given_as_a_path_is_named(forge, tmp_path):
    root = vault(tmp_path, "What is an axon?::the long fibre of a nerve cell\n")
    (root / "ring.md").symlink_to("ring.md")
    ran = forge("run", root / "a.md", root / "ring.md")
    assert "ring.md: a link to a missing file, or to itself" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert "1 draft, 1 card accepted" in ran.stdout


def test_context_begins_and_ends_with_whole_words(forge, tmp_path):
    before, after = "abcdefghi " * 12, "jklmnopqr " * 12
    folder = vault(tmp_path, f"{before.strip()}.\n\nA ==cell== is alive.\n\n{after}\n")
    [line] = [one for one in forge.ok("extract", folder, "--json").lines if "exact" in one]
    assert set(line["prefix"].split()) <= {"abcdefghi", "abcdefghi."}
    assert set(line["suffix"].split()) == {"jklmnopqr"}
