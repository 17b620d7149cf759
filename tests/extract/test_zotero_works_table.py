"""The identifiers of a work of Zotero: rows."""

import pytest

from ankiforge.extract.zotero.database import Library, ZoteroItem
from ankiforge.extract.zotero.works import build_document


@pytest.mark.parametrize(
    ("fields", "identifiers"),
    [
        ({}, []),
        ({"DOI": "10.1037/h0061626"}, [("doi", "10.1037/h0061626")]),
        ({"extra": "PMID: 20190320"}, [("pmid", "20190320")]),
        ({"extra": "tex: x\n pmid : 20190320\n"}, [("pmid", "20190320")]),
        ({"extra": "arXiv: 1706.03762"}, [("arxiv", "1706.03762")]),
        ({"extra": "DOI: 10.1037/h0061626"}, [("doi", "10.1037/h0061626")]),
        # within a line, it may be of another work
        ({"extra": "see PMID: 20190320 and doi: 10.1037/h0061626"}, []),
        ({"ISBN": "0-306-40615-x"}, [("isbn", "030640615X")]),
    ],
)
def test_the_identifiers_are_in_fields_and_in_labelled_lines(fields, identifiers):
    work = ZoteroItem("PAPER001", "book", fields=fields)
    document = build_document("zotero", Library(None), work, [])
    assert document.identifiers == (*identifiers, ("zotero", "user/PAPER001"))
