"""What looks like a highlight or card in a note and is none, with the reason, row by row."""

from pathlib import Path

import pytest

from tests.reading import opened, settings_of

NO_GAP = "it has no number (`{{c1::words}}`), contains no words, crosses paragraphs, or follows a backslash"
NO_CARD = "a side has no words, or it is a field (`key:: value`), a cell, a name or a URL"
HIDDEN = "it is in a comment, a field, the front matter, a template or the URL of a link"
CODE = "marks and cards are not read in code and maths"
PLUGIN = (
    "its plug-in was never on during a run, or does not read this place, or it is in code"
)
UNREAD = "this form is not read: write it as question::answer; to keep its note in Anki: ankiforge adopt"
HEADING = "a heading cannot be a card: write it on a line of text, or in a list"
TERMS = "its lines are cards only below a heading such as `Glossary` or `Definitions`"
TABLE = (
    "in a note, a table is no list of cards: save it as CSV, or write `question::answer`"
)
CALLOUT = "a callout is no card: write question::answer; to read callouts as passages: ankiforge run PATH --marks callout"
REMNOTE = "this form is not read: write it as question::answer"
MARK = "its other half is missing, it contains no words, or follows a backslash"
ROWS = [
    ('a ==b c', [('==mark==', 'line 1', MARK)]),
    ('<mark>a', [('<mark>', 'line 1', MARK)]),
    ('a {{b}} c', [('{{gap}}', 'line 1', NO_GAP)]),
    ('{{c1::a', [('{{gap}}', 'line 1', NO_GAP)]),
    ('a <mark></mark> b', [('<mark>', 'line 1', MARK)]),
    ('x==1 and y==2', []),
    ('== ==', []),
    ('`==a==`', [('code and maths', 'line 1', CODE)]),
    ('$a==b==c$', []),
    ('key:: value', [('question::answer', 'line 1', HIDDEN)]),
    ('id:: 5-5', []),
    ('Capital of Peru >> Lima', [('note of RemNote', 'line 1', REMNOTE)]),
    ('- What is it? >>> That', [('note of RemNote', 'line 1', REMNOTE)]),
    ('cat a >> b', []),
    ('Q. What is it?\nA. That', [('Q. … A. …', 'line 1', 'this form is not read: write `Q:` and `A:`')]),
    ('Q. and no answer', []),
    ('It is the {1:nucleus}.', [('{1:gap}', 'line 1', 'only a plug-in reads this form: write `{{c1::words}}`')]),
    ('a set {1: 2} and ${1:b}$', []),
    ('> [!question] What is it?\n> That', [('question in a callout', 'line 1', CALLOUT)]),
    ('> [!question] Open points\n> That', []),
    ('### What is it? #flashcard\nThat', [('question with #flashcard', 'line 1', 'this tag makes no card: write `#card`')]),
    ('#flashcards', []),
    ('| Question | Answer |\n|---|---|\n| Who? | me |', [('table of questions', 'line 1', TABLE)]),
    ('| Drug | Dose |\n|---|---|\n| A | b |', []),
    ('> A >quoted> line', []),
    ('::: {.callout-note}\na\n:::', []),
    ('{{% notice %}}\na', []),
    ('a\nid:: 6\nb ==x', [('==mark==', 'line 3', MARK)]),
    ('front::', [('question::answer', 'line 1', HIDDEN)]),
    ('# a::b', [('question::answer in a heading', 'line 1', HEADING)]),
    ('a::b\n===', [('question::answer in a heading', 'line 1', HEADING)]),
    ('a::b::c', [('question::answer', 'line 1', NO_CARD)]),
    ('std::vector x', [('question::answer', 'line 1', NO_CARD)]),
    ('?\nA', [('? between question and answer', 'line 1', 'right above it there is no question, or right below it no answer')]),
    ('Q: a', [('Q: … A: …', 'line 1', 'its question or answer is missing')]),
    ('a #card', [('question #card', 'line 1', 'there are no words before the tag, or no answer below')]),
    ('> [!note] T\n> x', []),
    ('> [!note]\n> x', []),
    ('> [!note] T\n> ==x==', []),
    ('a :-> b', [('question :-> answer', 'line 1', 'only a plug-in of Logseq knows this form: write `question::answer`')]),
    ('ls-type:: annotation', [('mark that Logseq keeps of a PDF', 'line 1', 'Logseq keeps the marks of a PDF in a form of its own: mark it in the PDF')]),
    ('%% ==a== %%', [('==mark==', 'line 1', HIDDEN)]),
    ('<!-- a::b -->', [('question::answer', 'line 1', HIDDEN)]),
    ('<% ==a== %>', [('==mark==', 'line 1', MARK)]),
    ('[x]: http://a::b', [('question::answer', 'line 1', HIDDEN)]),
    ('TARGET DECK: a::b', [('question::answer', 'line 1', HIDDEN)]),
    ('START\nBasic\na\nBack: b\nEND', [('note of Obsidian_to_Anki', 'line 1', PLUGIN)]),
    ('a ^1234567890123', [('note of flashcards-obsidian', 'line 1', 'of this plug-in, only `question #card` and `question::answer` are read')]),
    ('<!--SR:!2024-01-01,1,250-->', [('note of spaced repetition', 'line 1', PLUGIN)]),
    ('a <!--ID: 1234567890123--> b', [('note of Obsidian_to_Anki', 'line 1', PLUGIN)]),
    ('高亮划线\n\n# 高亮划线', [('note of WeRead', 'line 3', 'this form is not read: mark the words with `==`')]),
    ('-=-=-=-=-\n', [('note of KOReader in plain text', 'line 1', 'this form is not read: export the highlights as JSON or HTML')]),
    ('```\n==a==\n{{c1::b}}\n```\nc ==d==', [('code and maths', 'lines 2-3', CODE)]),
    ('---\nx: ==a==\n---\nb', [('==mark==', 'line 2', HIDDEN)]),
    ('\\==a==', [('==mark==', 'line 1', MARK)]),
    ('\\{{c1::a}}', [('{{gap}}', 'line 1', NO_GAP)]),
    ('| a::b | ==c\n|---|---|\n| x::y::z | d== |', [('question::answer', 'line 1', NO_CARD), ('question::answer', 'line 3', NO_CARD)]),
    ('- ==a\n- b==', [('==mark==', 'line 1', MARK)]),
    ('a ＝＝b', [('==mark==', 'line 1', MARK)]),
    ('==a== ==a== b ==c', []),
    ('a ==b\n\nc== d', [('==mark==', 'line 1', MARK)]),
    ('![[a.mp3]] ==![[a.mp3]]==', [('==mark==', 'line 1', MARK)]),
    ('Which {{c1::a}}?::b', []),
    ('{{c1::}} a', [('{{gap}}', 'line 1', NO_GAP)]),
    ('a {{b}} and {{c}}\n{{d}}', [('{{gap}}', 'line 1', NO_GAP), ('{{gap}}', 'line 2', NO_GAP)]),
    ('> [!a] T\n> x\n\n> [!b] U\n> y', []),
    ('```\n==a==\n```\n\nx\n\n`==b==`\n$a==b==c$', [('code and maths', 'lines 2, 7', CODE)]),
    ('id:: a\ncollapsed:: true\nlogseq.x:: y::z', []),
    ('- a\n  id:: 6-6', []),
    ('<mark>quote</mark> “x” (zotero://select/library/items/ABCD2345)', []),
    ('==a== and {{c1::b}} c', []),
    ('START\nBasic\na\nBack: b\nEND\n\nSTARTI [Basic] c Back: d ENDI', [('note of Obsidian_to_Anki', 'line 1', PLUGIN), ('note of Obsidian_to_Anki', 'line 7', PLUGIN)]),
    ('note\n\nid ^1234567890123\n^1234567890124', [('note of flashcards-obsidian', 'line 3', 'of this plug-in, only `question #card` and `question::answer` are read'), ('note of flashcards-obsidian', 'line 4', 'of this plug-in, only `question #card` and `question::answer` are read')]),
    ('a ==b==\n^1234567890123', []),
    ('---\nnoteId: 1\n---\n==a==', [('note of yanki', 'line 1', UNREAD)]),
    ('<!-- note_key: 0a1b2c3d4e5f -->\nQ: a\nA: b', [('note of AnkiOps', 'line 1', UNREAD)]),
    ('T: a {{c1::b}}\nE: c', [('note of AnkiOps', 'line 1', UNREAD)]),
    ('x {% raw %} ==a== {% endraw %}', []),
    ('# a::b ==c==', []),
    ('a ==bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb== {{c', []),
    ('> ?\n> a', [('? between question and answer', 'line 1', 'right above it there is no question, or right below it no answer')]),
    ('**Q:** a', [('Q: … A: …', 'line 1', 'its question or answer is missing')]),
    ('\t- ??', []),
    ('A ==b {{c1::d}} e', []),
    ('[x]:: ==y==', []),
    ('a==b::c', []),
    ('- a: b\n' * 5, []),
    ('x\n' + '- a: b\n' * 6, [('list of `Term: meaning`', 'lines 2-7', TERMS)]),
    ('- **a**: b\n- **a:** b\n1. c： d\n' * 2 + 'y ==z', [('list of `Term: meaning`', 'lines 1-6', TERMS), ('==mark==', 'line 7', MARK)]),
    ('- a: b\n' * 5 + '- a: ==b==\n', []),
    ('- a b c d e f: g\n' * 6, []),
    ('- 12:30 at noon\n' * 6, []),
    ('# Glossary\n\n' + '- a: b\n' * 6, []),
]  # fmt: skip


def find_skipped(
    folder: Path, text: str, **settings: object
) -> list[tuple[str, str, str]]:
    """(kind, location, reason) of each text in a note that was skipped."""
    (folder / ".obsidian").mkdir()
    (folder / "n.md").write_text(text, "utf-8")
    chosen = settings_of("obsidian", path=str(folder), **settings)
    return [
        (skipped.apparent_syntax, skipped.location, skipped.reason)
        for sighting in opened("obsidian", folder, chosen).scan()
        for skipped in getattr(sighting, "skipped_texts", ())
    ]


@pytest.mark.parametrize(("text", "skipped"), ROWS)
def test_what_looks_like_a_highlight_and_is_none(tmp_path, text, skipped):
    assert find_skipped(tmp_path, text) == skipped
