"""Names of works come to one spelling each; models are known by theirs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankiforge.text.identifiers import (
    find_identifiers,
    normalize_identifiers,
    normalize_url,
    to_isbn13,
)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("10.1037/h0061626", ("doi", "10.1037/h0061626")),
        ("see doi:10.1037/H0061626.", ("doi", "10.1037/h0061626")),
        ("(https://doi.org/10.1037/h0061626)", ("doi", "10.1037/h0061626")),
        ("http://dx.doi.org/10.1037%2Fh0061626", ("doi", "10.1037/h0061626")),
        ("https://x.org/doi/abs/10.1002/(sici)1097(199)1::aid-1>3.0.co;2-n", ("doi", "10.1002/(sici)1097(199)1::aid-1")),
        ("https://onlinelibrary.wiley.com/doi/full/10.1111/j.1467.x?casa_token=1", ("doi", "10.1111/j.1467.x")),
        ("https://www.tandfonline.com/doi/10.1080/1?needAccess=true#abstract", ("doi", "10.1080/1")),
        ("https://link.springer.com/content/pdf/10.1007/s1-2.pdf", ("doi", "10.1007/s1-2")),
        ("https://journals.plos.org/plosone/article?id=10.1371/journal.pone.1", ("doi", "10.1371/journal.pone.1")),
        ("10.48550/arXiv.1706.03762", ("arxiv", "1706.03762")),
        ("1706.03762v5", ("arxiv", "1706.03762")),
        ("arXiv: 1706.03762", ("arxiv", "1706.03762")),
        ("https://arxiv.org/pdf/1706.03762v2.pdf", ("arxiv", "1706.03762")),
        ("https://arxiv.org/abs/hep-th/9901001v3", ("arxiv", "hep-th/9901001")),
        ("0-306-40615-2", ("isbn", "9780306406157")),
        ("ISBN 978-0-306-40615-7", ("isbn", "9780306406157")),
        ("080442957x", ("isbn", "9780804429573")),
        ("PMID: 020190320", ("pmid", "20190320")),
        ("https://pubmed.ncbi.nlm.nih.gov/20190320/", ("pmid", "20190320")),
        ("https://www.ncbi.nlm.nih.gov/pmc/articles/PMC1234567/", ("pmcid", "1234567")),
        ("[@Ebbinghaus1885, p. 3]", ("citekey", "ebbinghaus1885")),
        ("zotero://select/groups/77/items/ABCD2345", ("zotero", "group.77/ABCD2345")),
        ("HTTP://WWW.Example.org:80/A%20b/index.html?utm_source=x&b=2&a=1#c", ("url", "example.org/A b?a=1&b=2")),
        ("example.org/page/", ("url", "example.org/page")),
        ("Shannon 1948.pdf", ("file", "shannon 1948.pdf")),
        ("file:///home/a/Papers/On%20Light.PDF", ("path", "papers/on light.pdf")),
        ("C:\\Vault\\Sci\\Bits.md", ("path", "sci/bits.md")),
        ("obsidian://open?vault=v&file=Sci%2FBits%23Head", ("path", "sci/bits.md")),
    ],
)  # fmt: skip
def test_a_name_is_found_in_any_spelling(text, name):
    assert name in find_identifiers(text)


@pytest.mark.parametrize(
    "text",
    ["", "forgetting", "in 2019 and 2020", "0-306-40615-3", "9780306406158", "1234567890123",
     "10.1037", "version 1.2345", "a/b", "e.g. this", "mail me@ home", "12345678", "http://", "https://["],
)  # fmt: skip
def test_what_names_no_work_is_no_name(text):
    assert find_identifiers(text) == ()


def test_what_was_read_has_the_same_names():
    given = (("doi", "10.1/X"), ("isbn", "0306406152"), ("arxiv", "1706.03762v5"),
             ("url", "https://doi.org/10.1000/2"), ("quoted-file", "a.pdf"), ("doi-hint", "10.1000/3."))  # fmt: skip
    found = normalize_identifiers(given, "https://www.example.org/a/")
    old = "10.1002/(SICI)1097(199)1::AID-1>3.0.CO;2-N"
    assert set(find_identifiers(old)) <= set(normalize_identifiers((("doi", old),)))
    assert {("doi", "10.1000/2"), ("doi", "10.1000/3"), ("isbn", "9780306406157"),
            ("arxiv", "1706.03762"), ("url", "example.org/a")} <= set(found)  # fmt: skip
    assert "quoted-file" not in dict(found)


@given(st.text(max_size=60))
def test_no_text_breaks_it(text):
    find_identifiers(text)
    normalize_url(text)
    to_isbn13(text)
