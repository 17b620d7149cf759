"""What is around a highlight of a note: text, headings, links, and what other tools wrote, row by row."""

from typing import Any

import pytest

from tests.reading import highlights, opened

FIELDS = (
    "heading",
    "parent_items",
    "links",
    "tags",
    "tool_schedule",
    "tool_name",
    "hints",
    "prefix",
    "suffix",
    "source_id",
    "surrounding_text",
    "skip_reason",
    "created",
    "modified",
    "may_continue",
)
# (note, all of these fields of its last highlight that are not empty, and what its URL adds)
NOTES = [
    ('==a== b', {'surrounding_text': 'a b'}),
    ('# G\n## H\n\n==a== b', {'heading': 'G › H', 'prefix': 'G\nH\n', 'surrounding_text': 'G\nH\na b', 'uri': '%23H'}),
    ('- a\n  - ==b== c\n  - d', {'parent_items': ('a',), 'prefix': 'a\n', 'suffix': '\nd', 'surrounding_text': 'a\nb c\nd'}),
    ('- long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long \n  - ==a== b', {'parent_items': ('long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long…',), 'prefix': 'long long long long long long long long long long long long long long long long\n', 'surrounding_text': 'long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long\na b'}),
    ('- Highlights first synced by [[Readwise]]\n  - ==a== b', {'prefix': 'Highlights first synced by Readwise\n', 'surrounding_text': 'Highlights first synced by Readwise\na b'}),
    ('==a== b [x](https://y) [z](q.md) [[N]] [x](https://y)', {'links': ('https://y', 'obsidian://open?vault=V&file=q.md', 'obsidian://open?vault=V&file=N'), 'surrounding_text': 'a b x z N x'}),
    ('[x](https://y) s. ==a== b. [z](https://z) t.', {'links': ('https://y', 'https://z'), 'surrounding_text': 'x s. a b. z t.'}),
    ('- [p](https://p)\n  - ==a== b', {'parent_items': ('p',), 'prefix': 'p\n', 'surrounding_text': 'p\na b'}),
    ('a ==b== ^i', {'source_id': 'b.i', 'surrounding_text': 'a b', 'uri': '%23%5Ei'}),
    ('a ==b==. c ==d==. ^i', {'source_id': 'b.i', 'surrounding_text': 'a b. c d.', 'uri': '%23%5Ei'}),
    ('c #t ==d== #u', {'tags': ('t', 'u'), 'surrounding_text': 'c #t d'}),
    ('==a== #no-llm', {'tags': ('no-llm',), 'surrounding_text': 'a'}),
    ('---\ncreated: 2024-01-02\nupdated: 2024-01-03\ncards: no\n---\n==a== b', {'surrounding_text': 'a b', 'skip_reason': 'the note says cards: false', 'created': '2024-01-02T00:00:00+00:00', 'modified': '2024-01-03T00:00:00+00:00'}),
    ('a::b', {}),
    ('a::b <!--SR:!2024-01-01,3,250-->', {'tool_schedule': '!2024-01-01,3,250'}),
    ('a::b\n<!--SR:!2024-01-01,3,250-->', {'tool_schedule': '!2024-01-01,3,250'}),
    ('a::b\n> [!sr] x\n> <!--SR:!2024-01-01,3,250-->', {'tool_schedule': '!2024-01-01,3,250'}),
    ('==a== b <!--SR:!2024-01-01,3,250-->', {'surrounding_text': 'a b'}),
    ('a::b\n^1234567890123', {'tool_name': 'flashcards', 'hints': ('anki:1234567890123',), 'source_id': 'b.1234567890123', 'uri': '%23%5E1234567890123'}),
    ('a::b ^1234567890123', {'tool_name': 'flashcards', 'hints': ('anki:1234567890123',), 'source_id': 'b.1234567890123', 'uri': '%23%5E1234567890123'}),
    ('a::b\n<!--ID: 1234567890123-->', {'tool_name': 'o2a', 'hints': ('anki:1234567890123',)}),
    ('a::b\nID: 1234567890123', {'tool_name': 'o2a', 'hints': ('anki:1234567890123',), 'suffix': '\nID: 1234567890123'}),
    ('`a ^1234567890123` c::d `<!--ID: 1-->`', {}),
    ('Q\n?\nA\n<!--ID: 1234567890123-->', {'tool_name': 'o2a', 'hints': ('anki:1234567890123',)}),
    ('Q\n?\nA\n\nmore', {'suffix': '\nmore', 'may_continue': True}),
    ('Q\n?\nA\n<!--SR:!2024-01-01,3,250-->\n\nmore', {'tool_schedule': '!2024-01-01,3,250', 'suffix': '\nmore'}),
    ('x\n\nw w w w w w w w w w w w w w w w w w w w ==a== y\n\nz', {'prefix': 'x\n', 'suffix': '\nz', 'surrounding_text': 'x\nw w w w w w w w w w w w w w w w w w w w a y\nz'}),
    ('> a ==b== c\n\nd', {'suffix': '\nd', 'surrounding_text': 'a b c\nd'}),
    ('a ==b== c\n\nNote: is it so or not?', {'suffix': '\nNote: is it so or not?', 'surrounding_text': 'a b c\nNote: is it so or not?'}),
    ('one ==two== three\n\n| x | y |\n|---|---|\n| p | q |', {'suffix': '\nx | y\np | q', 'surrounding_text': 'one two three\nx | y\np | q'}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "fields"), NOTES)
def test_what_is_around_the_last_highlight_of_a_note(tmp_path, text, fields):
    folder = tmp_path / "V"
    (folder / ".obsidian").mkdir(parents=True)
    (folder / "n.md").write_text(text, "utf-8")
    last = highlights(opened("obsidian", folder).scan())[-1]
    found: dict[str, Any] = {name: getattr(last, name) for name in FIELDS}
    found["uri"] = last.uri.partition("&file=n")[2]
    assert {name: value for name, value in found.items() if value} == fields
