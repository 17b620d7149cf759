"""What front matter says about its note, row by row: everything that is known of it."""

import pytest

from ankiforge.extract.markdown.front_matter import (
    FrontMatter,
    is_whole_note_private,
    parse_front_matter,
)


def lines(*values: str) -> str:
    return "\n".join(["---", *values, "---", ""])


OFF = "the note says cards: false"
NO_YAML = "the front matter is not YAML in line 3"
NO_KEYS = "the front matter is not a list of keys and values"
ROWS = {
    # where it is
    "---\ntitle: A\n---\nx": FrontMatter("A", line_count=3),
    "---\ntitle: A\n---": FrontMatter("A", line_count=3),
    "--- \nTitle: A\n...\nx": FrontMatter("A", line_count=3),
    "---\n---\nx": FrontMatter(line_count=2),
    "x\n---\ntitle: A\n---\n": FrontMatter(),
    "---\ntitle: A": FrontMatter(),
    # texts
    lines("title: null", "author: ~"): FrontMatter(line_count=4),
    lines("title: 1.0", "author: ' Ann '"): FrontMatter("1.0", authors=("Ann",), line_count=4),
    lines("title: [a]", "Title: b"): FrontMatter(line_count=4),
    lines("created: 2024-01-02", "updated: 2024-01-02T10:00", "published: 2023-01-01"): FrontMatter(
        created="2024-01-02T00:00:00+00:00", updated="2024-01-02T10:00:00+00:00",
        published="2023-01-01T00:00:00+00:00", line_count=5,
    ),
    # cards that are switched off
    lines("cards: false"): FrontMatter(skip_reason=OFF, line_count=3),
    lines("cards: 'No'"): FrontMatter(skip_reason=OFF, line_count=3),
    lines("ankiforge: off"): FrontMatter(skip_reason="the note says ankiforge: false", line_count=3),
    lines("ankiforge: no", "cards: no"): FrontMatter(skip_reason=OFF, line_count=4),
    lines("cards: true"): FrontMatter(line_count=3),
    lines("cards: nothing"): FrontMatter(line_count=3),
    # what can't be parsed; cards stay off
    lines("x: 1", "x: y: z"): FrontMatter(problem=NO_YAML, line_count=4),
    lines("cards: off", "x: y: z"): FrontMatter(skip_reason=OFF, problem=NO_YAML, line_count=4),
    lines("- a"): FrontMatter(problem=NO_KEYS, line_count=3),
    lines(f"a: {'b' * 63_996}"): FrontMatter(line_count=3),
    lines(f"a: {'b' * 63_998}"): FrontMatter(problem="the front matter is larger than 64 kB", line_count=3),
    # TOML, of which the name is the deck
    lines("name = "): FrontMatter(problem=NO_KEYS, line_count=3),
    # tags
    lines("tags: [a, '#b', c d, ~, a]"): FrontMatter(tags=("a", "b", "c-d"), line_count=3),
    lines("tags: a, b #c", "tag: d"): FrontMatter(tags=("a", "b", "d"), line_count=4),
    lines("tags:", "- 1", "- [x]"): FrontMatter(tags=("1",), line_count=5),
    # the deck
    lines("deck: 'A/B:: C /'"): FrontMatter(deck="A::B::C", line_count=3),
    lines("deck: '#a/b '"): FrontMatter(deck="a::b", line_count=3),
    lines("deck: [[Plants]]"): FrontMatter(deck="Plants", line_count=3),
    lines("deck: '[[Plants|p]]'"): FrontMatter(deck="Plants", line_count=3),
    lines("deck: '[x](y)'"): FrontMatter(deck="x", line_count=3),
    lines("deck: [a, b]"): FrontMatter(deck="a", line_count=3),
    lines("deck: []", "cards-deck: Q"): FrontMatter(deck="Q", line_count=4),
    lines("deck: P", "cards-deck: Q"): FrontMatter(deck="P", line_count=4),
    # the page properties of Logseq stay in the text
    "title:: A\nauthor:: [[Ann Seed]]\nx\n": FrontMatter("A", authors=("Ann Seed",)),
    'full-title:: "B"\ntitle:: A\n\nauthor:: Ann\n': FrontMatter("B"),
    "- title:: A\n": FrontMatter(),
    # identifiers of the paper
    lines("doi: https://doi.org/10.1000/a", "arxiv-id: 2301.10240"): FrontMatter(
        identifiers=(("doi", "10.1000/a"), ("arxiv", "2301.10240")), line_count=4
    ),
    lines("ISBN_13: 9780306406157", "isbn: 0306406152", "pubmed: 123"): FrontMatter(
        identifiers=(("isbn", "9780306406157"), ("pmid", "123")), line_count=5
    ),
    lines("citekey: '@Roe'", "bibkey: ''", "isbn: 10.1000/a"): FrontMatter(
        identifiers=(("citekey", "Roe"),), line_count=5
    ),
    lines("url: '[x](https://a.b/c)'", "source: <https://d.e>", "link: see https://f.g"): FrontMatter(
        identifiers=(("url", "https://a.b/c"), ("url", "https://d.e")), line_count=5
    ),
    lines("doi: [10.1000/1, 10.1000/2, 3, 4, 5, 6, 7, 10.1000/8, 10.1000/9]"): FrontMatter(
        identifiers=(("doi", "10.1000/1"), ("doi", "10.1000/2"), ("doi", "10.1000/8")), line_count=3
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "front_matter"), ROWS.items(), ids=[text[:60] for text in ROWS]
)
def test_all_that_front_matter_says(text, front_matter):
    assert parse_front_matter(text) == front_matter


@pytest.mark.parametrize(
    ("text", "is_private"),
    [
        (lines("tags: no-llm"), True),
        ("\n---\nx: no-llm", True),
        ("+++\ntags = no-llm\n+++\nx", True),
        ('{"tags": [\n"no-llm"\n]\n}\nx', True),
        ('{"a": "no-llm"} x', True),
        (';;;\n{\n"a": "no-llm"\n}\n', True),
        (lines("a: b") + "#no-llm no-llm", False),
        ("tags:: diary, no-llm", True),
        ("- **Tags**: #no-llm", True),
        ("filetags = no-llm", True),
        ("x\n> tag: no-llm", True),
        ("x [tags:: no-llm] y", True),
        ("x (tag:: no-llm) y", True),
        ("x [tags: no-llm] y", False),
        ("tagsx: no-llm", False),
        ("Tags: x\nno-llm", False),
        ("<h2 class=x>no #no-llm</h2>", True),
        ("<title>a [[no-llm]]", True),
        ("<h2>no no-llm</h2>", False),
        ("<h2>no</h2> #no-llm", False),
        ("<p>#no-llm</p>", False),
        ("", False),
    ],
)
def test_the_tag_is_where_it_makes_the_whole_note_private(text, is_private):
    assert is_whole_note_private(text) is is_private
