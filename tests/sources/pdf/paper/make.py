"""A paper with every sort of mark, two pages, numbered as in its journal."""

from pathlib import Path

from pypdf.generic import NumberObject, TextStringObject

from tests.makers.pdf_writer import Page, formula, heading, mark, paragraph, write_pdf

FIRST = (
    "The spacing effect im\u00adproves long-term reten\u00adtion of facts, and massing does not "
    "[*Cepeda 2006*]. A second session on another day is worth two on the same one, e.g. in "
    "lan\u00adguage courses. Each suc\u00adcess\u00adful recall strengthens the trace."
)
SECOND = (
    "Forgetting follows a power law in groups, but an exponential in single learners. The "
    "half-life of a memory is the time after which *R* = 1/2. A half-life doubles with each recall."
)


def make(folder: Path) -> None:
    (folder / "papers").mkdir(exist_ok=True)
    write_pdf(
        folder / "papers" / "spacing.pdf",
        [
            Page(
                (
                    heading("How Spacing Makes Memories Last", level=0),
                    paragraph("Ann Reader and Bo Writer", align="centre", style="italic"),
                    heading("1 Introduction"),
                    paragraph(FIRST),
                ),
                (
                    mark(
                        "spacing effect",
                        comment="define",
                        author="Ann",
                        name="9b0c2c3e-1f60-4a57",
                    ),
                    mark(
                        "improves long-term retention of facts",
                        colour="#5fb236",
                        author="Ann",
                    ),
                    mark(
                        "on another day is worth two",
                        comment="How long between?",
                        author="Ann",
                        replies=(
                            ("Bo", "A tenth of the time to the test."),
                            ("Ann", "Thanks."),
                        ),
                    ),
                    mark(
                        "language courses",
                        kind="Underline",
                        colour="#2ea8e5",
                        author="Bo",
                    ),
                    mark(
                        "trace",
                        kind="Text",
                        comment="Q: What does recall do?",
                        author="Bo",
                    ),
                    mark("Each", more={"/F": NumberObject(2)}),
                ),
                label="117",
            ),
            Page(
                (heading("2 Forgetting"), paragraph(SECOND), formula("R = 2^{−t/h}")),
                (
                    mark(
                        "half-life", more={"/Zotero:Key": TextStringObject("(ABCD2345)")}
                    ),
                    mark("half-life", nth=2),
                    mark("a power law in groups, but", kind="StrikeOut"),
                    mark("R = 2−t/h", kind="Square", comment=""),
                ),
                columns=2,
                label="118",
            ),
        ],
        title="How Spacing Makes Memories Last",
        author="Ann Reader and Bo Writer",
        outline=True,
    )
