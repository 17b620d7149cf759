"""Three annotated PDFs: a paper with plain marks, one with questions in the margin, a lecture.

In the texts here `·` is a soft hyphen: lines break there, also under marks.
"""

from __future__ import annotations

from pathlib import Path

from tests.makers.pdf_writer import (
    Block,
    Page,
    formula,
    heading,
    mark,
    paragraph,
    write_pdf,
)

RED, GREEN, BLUE = "#ff6666", "#5fb236", "#2ea8e5"
AUTHOR = "Written for ankiforge"


def write_papers(folder: Path) -> None:
    """Write all three into this new folder."""
    folder.mkdir(parents=True)
    write_resistance(folder / "How bacteria resist antibiotics.pdf")
    write_predictions(folder / "Judging a diagnostic test.pdf")
    write_lecture(folder / "Lecture 4, Photosynthesis.pdf")


def text(words: str) -> Block:
    """A paragraph that may break at `·`."""
    return paragraph(words.replace("·", "\u00ad"))


def write_resistance(path: Path) -> None:
    """An ordinary marked paper: plain marks, few of which are a card by themselves."""
    first = (
        heading("How Bacteria Resist Antibiotics", level=0),
        paragraph(AUTHOR, align="centre", style="italic"),
        heading("1 An old warning"),
        text(
            "Alexander Fleming warned in his Nobel lecture of 1945 that underdosing would teach "
            "microbes to resist penicillin. Resistance is older than medicine, however: genes for "
            "it have been found in permafrost that is thirty thousand years old. The drugs did "
            "not create resistance, they selected for it."
        ),
        heading("2 Four ways out"),
        text(
            "A bacterium can destroy the drug, keep it out, change the target, or go around it. "
            "Beta-lac·tamases hydro·lyse the beta-lactam ring of penicillins and "
            "cephalo·sporins, and the open ring no longer binds. Efflux pumps throw out drugs of "
            "many classes at once, so that one mutation in a regulator may protect against "
            "several unrelated antibiotics."
        ),
        text(
            "Methicillin-resistant *Staphylococcus aureus* carries the gene *mecA*, which encodes "
            "a penicillin-binding protein with low affinity for nearly all beta-lactams. "
            "Entero·cocci escape vanco·mycin by building their wall from precursors that end "
            "in D-Ala-D-Lac instead of D-Ala-D-Ala, which lowers the drug's affin·ity about a "
            "thousand·fold."
        ),
    )
    second = (
        heading("3 How it spreads"),
        text(
            "Resistance genes travel between species. The transfer of a plasmid from cell to cell "
            "is called conjugation. In transformation a cell takes up naked DNA from its "
            "surroundings, and in trans·duction a bacterio·phage carries it."
        ),
        heading("4 How it is measured"),
        text(
            "The minimum inhibitory concentration (MIC) is the lowest concentration that prevents "
            "visible growth. Persister cells survive a dose far above it without any genetic "
            "change: they are tolerant, not resistant, and their offspring are as sus·ceptible as "
            "before."
        ),
    )
    write_pdf(
        path,
        [
            Page(
                first,
                (
                    mark("The drugs did not create resistance, they selected for it."),
                    mark(
                        "destroy the drug, keep it out, change the target, or go around it"
                    ),
                    mark(
                        "hydrolyse the beta-lactam ring of penicillins and cephalosporins"
                    ),
                    mark(
                        "one mutation in a regulator may protect against several",
                        colour=GREEN,
                    ),
                    mark("penicillin-binding protein with low affinity", comment="PBP2a"),
                    mark("which lowers the drug's affinity about a thousandfold"),
                ),
                label="1",
            ),
            Page(
                second,
                (
                    mark("Resistance genes travel between species."),
                    mark(
                        "The transfer of a plasmid from cell to cell is called conjugation."
                    ),
                    mark(
                        "The minimum inhibitory concentration (MIC) is the lowest concentration "
                        "that prevents visible growth.",
                        colour=RED,
                    ),
                    mark(
                        "they are tolerant, not resistant", kind="Underline", colour=GREEN
                    ),
                ),
                label="2",
            ),
        ],
        title="How Bacteria Resist Antibiotics",
        author=AUTHOR,
        outline=True,
    )


def write_predictions(path: Path) -> None:
    """Marks with questions in their comments, and acronyms where they are introduced."""
    blocks = (
        heading("Judging a Diagnostic Test", level=0),
        paragraph(AUTHOR, align="centre", style="italic"),
        heading("1 Thresholds"),
        text(
            "A test yields a number, a doctor needs a decision, and the threshold between them is "
            "a choice. The receiver operating characteristic (ROC) plots the true positive rate "
            "against the false positive rate as the threshold moves. It was devised for radar "
            "operators in the Second World War."
        ),
        text(
            "The area under the curve (AUC) equals the prob·ability that a randomly chosen "
            "positive case scores higher than a randomly chosen negative one. A test that "
            "guesses has an area of one half."
        ),
        heading("2 Prevalence"),
        text(
            "The positive predictive value (PPV) is the share of positive results that are true "
            "positives. Unlike sensi·tivity and speci·ficity it depends on the prevalence: the same test "
            "that serves well in a clinic may be wrong nine times in ten when everybody is "
            "screened."
        ),
        heading("3 Probabilities"),
        text(
            "A forecast is called calibrated if, of all events to which it gives a probability of "
            "seventy per cent, seventy in a hundred happen. The Brier score is the mean squared "
            "difference between the forecast and the outcome, so that lower is better."
        ),
        formula("B = (f_{1} − o_{1})^{2} / n + … + (f_{n} − o_{n})^{2} / n"),
    )
    marks = (
        mark(
            "The receiver operating characteristic (ROC) plots the true positive rate against the "
            "false positive rate as the threshold moves."
        ),
        mark(
            "the probability that a randomly chosen positive case scores higher than a randomly "
            "chosen negative one",
            comment="What does the area under the ROC curve equal?",
            colour=BLUE,
        ),
        mark(
            "The positive predictive value (PPV) is the share of positive results",
            colour=RED,
        ),
        mark(
            "it depends on the prevalence",
            comment="How does the positive predictive value differ from sensitivity and "
            "specificity?",
            colour=BLUE,
        ),
        mark(
            "the mean squared difference between the forecast and the outcome",
            comment="q: What is the Brier score?",
            colour=BLUE,
        ),
        mark("radar operators", comment="skip"),
        mark("A test that guesses", kind="Text", comment="Compare with the diagonal."),
    )
    write_pdf(
        path, [Page(blocks, marks)], title="Judging a Diagnostic Test", author=AUTHOR
    )


def write_lecture(path: Path) -> None:
    """Lecture notes: short paragraphs, a formula, page numbers that do not begin at one."""
    first = (
        heading("Lecture 4: Photosynthesis", level=0),
        heading("4.1 The balance"),
        formula("6 CO_{2} + 6 H_{2}O → C_{6}H_{12}O_{6} + 6 O_{2}"),
        text(
            "The oxygen that is set free comes from the water, not from the carbon dioxide. Ruben "
            "and Kamen showed this in 1941 with water that contained the heavy isotope "
            "oxygen-18."
        ),
        heading("4.2 Light reactions"),
        text(
            "The light reactions take place in the thyla·koid membrane. Chloro·phyll absorbs blue "
            "and red light, and leaves what is green. The reaction centre of photo·system II is "
            "known as P680, that of photosystem I as P700, after the wave·lengths in nanometres "
            "at which they absorb best."
        ),
    )
    second = (
        heading("4.3 The Calvin cycle"),
        text(
            "The Calvin cycle runs in the stroma. Its first step is catalysed by ribulose "
            "bisphosphate carboxylase, the most abundant enzyme of leaves. Three turns fix three "
            "molecules of carbon dioxide and yield one molecule of glycer·aldehyde 3-phosphate, "
            "at the price of nine ATP and six NADPH."
        ),
        text(
            "The same enzyme also binds oxygen. This loss is called photo·respiration. Plants "
            "like maize avoid it: they bind carbon dioxide in one cell and release it in "
            "another."
        ),
    )
    write_pdf(
        path,
        [
            Page(
                first,
                (
                    mark(
                        "comes from the water, not from the carbon dioxide",
                        comment="Where does the oxygen of photosynthesis come from?",
                    ),
                    mark(
                        "thylakoid membrane",
                        comment="c: thylakoid membrane",
                        colour=GREEN,
                    ),
                    mark("blue and red light", kind="Underline", colour=RED),
                ),
                label="31",
            ),
            Page(
                second,
                (
                    mark(
                        "nine ATP and six NADPH",
                        comment="? What do three turns of the Calvin cycle cost?",
                    ),
                    mark("This loss is called photorespiration.", colour=RED),
                    mark(
                        "Plants like maize avoid it", comment="C4, next week", colour=BLUE
                    ),
                ),
                label="32",
            ),
        ],
        title="Lecture 4: Photosynthesis",
        author=AUTHOR,
    )
