"""Names of works come to one spelling each; models are known by theirs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankiforge.text.identifiers import (
    find_identifiers,
    normalize_identifiers,
    normalize_url,
    parse_isbns,
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


DEEP = "/".join("abcdefghijklmn") + ".md"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("see 10.1037/H0061626.", ["doi 10.1037/h0061626"]),
        ("(10.1000/(a)b)", ["doi 10.1000/(a)b"]),
        ("10.1000/ab’”", ["doi 10.1000/ab"]),
        ("10.1000/x/full/extra", ["doi 10.1000/x/full/extra", "doi 10.1000/x"]),
        ("10.48550/arXiv.1706.03762v2", ["doi 10.48550/arxiv.1706.03762v2", "arxiv 1706.03762"]),
        ("https://doi.org/10.1002/abc.pdf", ["doi 10.1002/abc.pdf", "doi 10.1002/abc", "url doi.org/10.1002/abc.pdf"]),
        ("https://x.org/a?doi=10.1038/b#10.1/2", ["doi 10.1038/b", "url x.org/a?doi=10.1038%2Fb"]),
        ("arXiv:1706.03762v3", ["arxiv 1706.03762"]),
        ("1706.03762.pdf", ["arxiv 1706.03762", "path 1706.03762.pdf", "file 1706.03762.pdf"]),
        ("PMID: 0201 and PMC0012345", ["pmid 201", "pmcid 12345"]),
        ("978-0-306-40615-7 or 0-306-40615-2", ["isbn 9780306406157"]),
        ("@Roe2020 and @roe2020", ["citekey roe2020"]),
        ("zotero://select/library/items/abcd2345", ["zotero user/ABCD2345"]),
        ("example.org/a?utm_source=x&q=1", ["url example.org/a?q=1"]),
        ("a/b/Note.md", ["path a/b/note.md", "path b/note.md", "path note.md", "file note.md"]),
        ("obsidian://open?vault=v&path=Sci%2FBits", ["path sci/bits.md", "path bits.md", "file bits.md"]),
        ("obsidian://open?vault=v&file=a.canvas", []),
        ("obsidian://open?vault=v&file=%23Head", []),
        ("file:///a/B%20c.pdf", ["path a/b c.pdf", "path b c.pdf", "file b c.pdf"]),
        ("x://a.pdf", []),
        (DEEP, [*(f"path {'/'.join('abcdefghijklmn'[start:])}.md" for start in range(2, 14)), "file n.md"]),
    ],
)  # fmt: skip
def test_all_names_in_a_text_the_most_reliable_first(text, names):
    assert [" ".join(pair) for pair in find_identifiers(text)] == names


@pytest.mark.parametrize(
    ("url", "normalized"),
    [
        ("HTTP://m.Example.org:8080/a%20b/?b=2&a=1#c", "example.org/a b?a=1&b=2"),
        ("https://www.m.a.b/x", "a.b/x"),
        ("https://a.b/", "a.b"),
        ("https://a.b/Index.html", "a.b"),
        ("https://a.b/x/default.aspx?q=", "a.b/x"),
        (" https://a.b/c). ", "a.b/c"),
        ("https://a.b/?utm_x=1&ref_src=2&via=me&id=3", "a.b?id=3"),
        ("ftp://a.b", ""),
        ("https:///x", ""),
        ("http://[bad", ""),
        ("a.b/c", ""),
    ],
)
def test_a_url_in_one_spelling(url, normalized):
    assert normalize_url(url) == normalized


@pytest.mark.parametrize(
    ("text", "isbn"),
    [
        ("0-306-40615-2", "9780306406157"),
        ("080442957x", "9780804429573"),
        ("978 0 306 40615 7", "9780306406157"),
        ("9790000000001", "9790000000001"),
        *((wrong, None) for wrong in ("9780306406158", "0306406153", "X306406152", "12345", "")),
    ],
)  # fmt: skip
def test_an_isbn_of_thirteen_digits(text, isbn):
    assert to_isbn13(text) == isbn


def test_isbns_among_other_identifiers():
    found = parse_isbns(
        ["isbn:0306406152", "urn:isbn:978-0-306-40615-7", "x", "030640615", "080442957x"]
    )
    isbns = ["0306406152", "9780306406157", "080442957x"]
    assert found == tuple(("isbn", isbn) for isbn in isbns)


@pytest.mark.parametrize(
    ("pair", "names"),
    [
        (("doi", "10.1000/X.pdf"), ["doi 10.1000/x.pdf", "doi 10.1000/x"]),
        (("arxiv", "1706.03762V2"), ["arxiv 1706.03762"]),
        (("isbn", "0306406152"), ["isbn 9780306406157"]),
        (("isbn", "bad"), ["isbn bad"]),
        (("url", "https://A.b/"), ["url a.b"]),
        (("attachment", "user/X"), ["zotero user/X"]),
        (("citekey", "Roe"), ["citekey roe"]),
        (("file", "A.PDF"), ["file a.pdf"]),
        (("path", "A/B"), ["path a/b"]),
        (("pmid", "Ab"), ["pmid Ab"]),
        (("quoted-zotero", "x"), []),
    ],
)
def test_an_identifier_that_was_read(pair, names):
    expected = [*names, "url a.b/c"]
    found = normalize_identifiers([pair, pair], "https://a.b/c")
    assert [" ".join(name) for name in found] == expected
    assert [" ".join(name) for name in normalize_identifiers([pair], "x://y")] == names
