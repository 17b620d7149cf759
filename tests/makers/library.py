"""A small Zotero library: three works that everybody may look up, and marks on them."""

from __future__ import annotations

from pathlib import Path

from tests.makers.zotero_writer import Annotation, Attachment, Library, Work, write_zotero

RED, BLUE, PURPLE = "#ff6666", "#2ea8e5", "#a28ae5"


def write_library(folder: Path) -> None:
    """Write `zotero.sqlite` into this new folder, as Zotero's data folder has it."""
    folder.mkdir(parents=True)
    works = (double_helix(), information(), transmission())
    write_zotero(folder / "zotero.sqlite", [Library(works)], account=(100001, "reader"))


def double_helix() -> Work:
    """Three marks: a question in the comment, an acronym, one to be skipped."""
    marks = (
        Annotation(
            "WCHELIX1",
            "We wish to suggest a structure for the salt of deoxyribose nucleic acid (D.N.A.).",
            page_label="737",
            top=120,
        ),
        Annotation(
            "WCHELIX2",
            "the manner in which the two chains are held together by the purine and pyrimidine "
            "bases",
            "What did Watson and Crick call the novel feature of their structure?",
            colour=BLUE,
            page_label="737",
            top=400,
        ),
        Annotation(
            "WCHELIX3",
            "It has not escaped our notice that the specific pairing we have postulated "
            "immediately suggests a possible copying mechanism for the genetic material.",
            "skip",
            page_label="737",
            top=600,
        ),
    )
    return Work(
        "WATSONCR",
        {
            "title": "Molecular Structure of Nucleic Acids: A Structure for Deoxyribose Nucleic "
            "Acid",
            "date": "1953-04-25 25 April 1953",
            "publicationTitle": "Nature",
            "DOI": "10.1038/171737a0",
            "citationKey": "watsonMolecularStructure1953",
        },
        creators=(("author", "J. D.", "Watson"), ("author", "F. H. C.", "Crick")),
        tags=("biology", "classic"),
        collections=("Classics/Biology",),
        attachments=(Attachment("WCPDFILE", "Watson and Crick 1953.pdf", marks),),
    )


def information() -> Work:
    """Three marks: plain, a question to be answered, a question in the comment."""
    marks = (
        Annotation(
            "SHANNON1",
            "The fundamental problem of communication is that of reproducing at one point either "
            "exactly or approximately a message selected at another point.",
            page_label="1",
            top=200,
        ),
        Annotation(
            "SHANNON2",
            "The choice of a logarithmic base corresponds to the choice of a unit for measuring "
            "information.",
            "What does the base of the logarithm stand for in information theory?",
            colour=BLUE,
            page_label="1",
            top=600,
        ),
        Annotation(
            "SHANNON3",
            "If the base 2 is used the resulting units may be called binary digits, or more "
            "briefly bits, a word suggested by J. W. Tukey.",
            "? Who suggested the word bit?",
            colour=PURPLE,
            page_label="1",
            top=620,
            tags=("etymology",),
        ),
    )
    return Work(
        "SHANNON0",
        {
            "title": "A Mathematical Theory of Communication",
            "date": "1948-07-00 July 1948",
            "publicationTitle": "Bell System Technical Journal",
            "DOI": "10.1002/j.1538-7305.1948.tb01338.x",
            "extra": "Citation Key: shannonMathematicalTheory1948",
        },
        creators=(("author", "C. E.", "Shannon"),),
        tags=("information theory", "classic"),
        collections=("Classics/Information", "To read again"),
        attachments=(Attachment("SHPDFILE", "Shannon 1948.pdf", marks),),
    )


def transmission() -> Work:
    """Two marks, an acronym where it is introduced and a definition, and a note in the margin."""
    marks = (
        Annotation(
            "TCPMARK1",
            "The Transmission Control Protocol (TCP) is intended for use as a highly reliable "
            "host-to-host protocol between hosts in packet-switched computer communication "
            "networks, and in interconnected systems of such networks.",
            page=6,
            page_label="1",
        ),
        Annotation(
            "TCPMARK2",
            'The "three-way handshake" is the procedure used to establish a connection.',
            colour=RED,
            page=35,
            page_label="30",
        ),
        Annotation(
            "TCPMARK3",
            None,
            "Replaced by RFC 9293 in 2022.",
            kind="note",
            page=0,
        ),
    )
    return Work(
        "POSTEL81",
        {
            "title": "Transmission Control Protocol",
            "date": "1981-09-00 September 1981",
            "url": "https://www.rfc-editor.org/info/rfc793",
            "extra": "DOI: 10.17487/RFC0793",
        },
        creators=(
            ("editor", "Jon", "Postel"),
            ("author", "", "Information Sciences Institute"),
        ),
        kind="report",
        tags=("networking",),
        collections=("Classics/Networks",),
        attachments=(Attachment("TCPPDFIL", "rfc793.pdf", marks),),
    )
