"""Files of formats that are not read, and files without text: each is told how to be given."""

import pytest

from tests.makers.ebook_writer import Book, write_epub


@pytest.mark.parametrize(
    ("name", "reason", "hint"),
    [
        ("a.pptx", ".pptx files are not read", "export the slides as PDF"),
        ("a.DOCX", ".DOCX files are not read", "export it as PDF"),
        ("a.azw3", ".azw3 files are not read", "convert it to EPUB, for example with calibre"),
        ("a.djvu", ".djvu files are not read", "convert it to a PDF with a text layer (OCR)"),
        ("a.mhtml", ".mhtml files are not read", "save the page as HTML"),
        ("a.png", ".png files are not read", "save it as a PDF with a text layer (OCR)"),
        ("a.mp3", ".mp3 files are not read", "give its captions (.srt, .vtt) or its transcript (.txt)"),
        ("a.html", "it has no text", "print a web page"),
        ("a.epub", "it has no text", "add a text layer (OCR)"),
        ("https://example.org/a.html", "https://example.org/a.html: a URL is not read",
         "save the page as HTML"),
    ],
)  # fmt: skip
def test_a_file_without_readable_text_is_refused_with_a_way_out(
    forge, name, reason, hint
):
    if name == "a.epub":
        picture = '<img src="a.png"/>'
        write_epub(
            forge.folder / name, Book("", chapters=(("", picture),), is_markup=True)
        )
    elif "://" not in name:
        body = '<body><div id="root"></div><script>let text = "Swifts"</script></body>'
        (forge.folder / name).write_text(body)
    told = " ".join(
        forge("draft", "export", "ask.md", "--from", name, code=None).stderr.split()
    )
    assert reason in told
    assert hint in told
