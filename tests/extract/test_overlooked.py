"""What looks like a mark or a card and is none: listed with kind, place and reason."""

import os

import pytest

NOTE = """\
---
title: a::b
---
The ==pancreas== makes insulin. But `==code==` and $a==x==b$ too.

```
a ==x==
```

> [!note] A title
> text

> [!question] Who wrote Hamlet?
> It was ==Shakespeare== who did.

key:: value
`x` std::vector is good
Front text::
Capital of France::Paris

{{date}} and {{}}

?
an answer alone

%% ==hidden== %%

# heading front::back

==![[a.mp3]]==

| a | b |
|---|---|
| {{c1::x|y}} | ==x|y== |

What is drawn?::<svg><circle/></svg>

if a == b then an open {{gap

- ==one | two
- three== four
"""
LEFT_OUT = """\
question::answer | line 2 | it is in a comment, a field, the front matter, a template or the URL of a link
question::answer | line 16 | it is in a comment, a field, the front matter, a template or the URL of a link
question::answer | line 17 | a side has no words, or it is a field (`key:: value`), a cell, a name or a URL
question::answer | line 18 | a side has no words, or it is a field (`key:: value`), a cell, a name or a URL
{{gap}} | line 21 | it has no number (`{{c1::words}}`), contains no words, crosses paragraphs, or follows a backslash
? between question and answer | line 23 | right above it there is no question, or right below it no answer
==mark== | line 26 | it is in a comment, a field, the front matter, a template or the URL of a link
question::answer in a heading | line 28 | a heading cannot be a card: write it on a line of text, or in a list
==mark== | line 30 | its other half is missing, it contains no words, or follows a backslash
{{gap}} | line 34 | it has no number (`{{c1::words}}`), contains no words, crosses paragraphs, or follows a backslash
question::answer | line 36 | a side has no words, or it is a field (`key:: value`), a cell, a name or a URL
{{gap}} | line 38 | it has no number (`{{c1::words}}`), contains no words, crosses paragraphs, or follows a backslash
==mark== | line 40 | its other half is missing, it contains no words, or follows a backslash
code and maths | line 7 | marks and cards are not read in code and maths
"""


@pytest.fixture
def vault(tmp_path):
    folder = tmp_path / "V"
    (folder / ".obsidian").mkdir(parents=True)
    (folder / "n.md").write_text(NOTE)
    return folder


def left_out(forge) -> list[str]:
    entries = forge.ok("list", "--no-card", "--all", "--json").lines
    return [
        f"{entry['kind']} | {entry['place'].removeprefix('n.md, ')} | {entry['reason']}"
        for entry in entries
        if entry["key"] is None
    ]


def test_what_looks_like_something_is_listed_with_kind_place_and_reason(forge, vault):
    forge.ok("run", vault)
    assert left_out(forge) == LEFT_OUT.splitlines()
    text = forge.ok("list", "--no-card", "--all").stdout
    assert "n.md, line 30: ==mark==\n    left out: its other half is missing" in text
    assert not forge.ok("list", "--no-card").stdout.count("n.md, line")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "---\nnoteId: 1650000000000\n---\n\nWhat is it?\n\n---\n\nA ~~cell~~.\n",
            "note of yanki | line 1 | this form is not read: write it as "
            "question::answer; to keep its note in Anki: ankiforge adopt",
        ),
        (
            "<!-- note_key: 0a1b2c3d4e5f -->\nWhat is it?\nOf a body.\n",
            "note of AnkiOps | line 1 | this form is not read: write it as "
            "question::answer; to keep its note in Anki: ankiforge adopt",
        ),
        (
            "START\nBasic\nWhat is it?\nBack: A cell.\n<!--ID: 1650000000001-->\nEND\n",
            "note of Obsidian_to_Anki | line 1 | its plug-in was never on during a run, or does not "
            "read this place, or it is in code",
        ),
        (
            "<!-- note_key: 0a1b2c3d4e5f -->\n<!-- tags: a -->\nT: It is {{c1::one}}.\nE: more\n",
            "note of AnkiOps | line 1 | this form is not read: write it as "
            "question::answer; to keep its note in Anki: ankiforge adopt",
        ),
        (
            "Q:  \nA: A cell.\n",
            "Q: … A: … | line 1 | its question or answer is missing",
        ),
        (
            "Q: What is it?\n\nA paragraph.\n",
            "Q: … A: … | line 1 | its question or answer is missing",
        ),
        (
            "Which bird nests here?::The crane\n---\n",
            "question::answer in a heading | line 1 | a heading cannot be a card: write it on a"
            " line of text, or in a list",
        ),
        (
            "Bogs\n\nA bog is wet.\n-=-=-=-=-=-\n",
            "note of KOReader in plain text | line 4 | this form is not read: export the "
            "highlights as JSON or HTML",
        ),
        (
            "a | b\n--|--\nx | The ==pancreas | makes== it\n",
            "==mark== | line 3 | its other half is missing, it contains no words, or follows a backslash",
        ),
        (
            "a | b\n--|--\nx | The ==pancreas\nmakes== it | z\n",
            "==mark== | line 3 | its other half is missing, it contains no words, or follows a backslash",
        ),
        (
            "- The ==pancreas | liver\n- makes== it.\n",
            "==mark== | line 1 | its other half is missing, it contains no words, or follows a backslash",
        ),
    ],
)
def test_a_card_or_quote_that_is_not_read_is_listed(forge, tmp_path, text, expected):
    (tmp_path / "Cards").mkdir()
    (tmp_path / "Cards" / "a.md").write_text(text)
    forge.ok("run", tmp_path / "Cards")
    entries = forge.ok("list", "--no-card", "--all", "--json").lines
    told = [
        f"{entry['kind']} | {entry['place'].removeprefix('a.md, ')} | {entry['reason']}"
        for entry in entries
        if entry["key"] is None
    ]
    assert told == [expected]


def test_the_word_above_a_quote_is_not_listed(forge, tmp_path):
    (tmp_path / "Cards").mkdir()
    (tmp_path / "Cards" / "a.md").write_text(
        "# Annotations\n\n<mark>Quote</mark>\n> Terms are extracted from texts.\n"
    )
    forge.ok("run", tmp_path / "Cards")
    entries = forge.ok("list", "--no-card", "--all", "--json").lines
    assert [entry["place"] for entry in entries if entry["key"] is None] == []


def test_it_is_listed_in_every_run_until_it_is_changed(forge, vault):
    note = vault / "n.md"
    long_ago = note.stat().st_mtime - 60
    os.utime(note, (long_ago, long_ago))
    forge.ok("run", vault)
    for _ in range(2):
        forge.ok("run")
        assert left_out(forge) == LEFT_OUT.splitlines()
    note.write_text("Nothing but a ==mark== here, which is a sentence.\n")
    forge.ok("run")
    assert left_out(forge) == []


def test_it_goes_with_its_note(forge, vault):
    (vault / "other.md").write_text("The ==liver== makes bile.\n")
    (vault / "plain.md").write_text("A ==mark without its end\n")
    forge.ok("run", vault)
    assert any("plain.md" in line for line in left_out(forge))
    (vault / "plain.md").unlink()
    forge.ok("run")
    assert not any("plain.md" in line for line in left_out(forge))


def test_a_query_finds_it_by_kind_place_or_reason(forge, vault):
    forge.ok("run", vault)
    for query in (["question", "heading"], ["line", "30"], ["right", "below"]):
        lines = forge.ok("list", "--no-card", "--all", *query, "--json").lines
        assert len(lines) == 1, query


def test_the_numbers_of_a_run_make_the_highlights(forge, vault):
    (vault / "more.md").write_text(
        "The ==liver== makes bile. ^a\n\n"
        "It was ==also== seen elsewhere. ^b\n\n"
        "Where is the ==spleen==, which is an organ? ^c\n\n"
        "The organ that cleans the blood is called a ==kidney==. ^d\n"
    )
    forge.settings("anki: {collection: none}\n")
    forge.ok("run", vault)
    forge.ok("accept", "--all")
    run = forge.json("run", vault)
    before = run["state"]["highlights"]
    total = before.pop("total")
    assert sum(before.values()) == total == run["highlights"]["seen"]
    card = next(card for card in forge.cards("kidney") if card["verdict"] == "accepted")
    forge.ok("reject", card["id"])
    run = forge.json("run")
    after = run["state"]["highlights"]
    assert after["with_card"] == before["with_card"] - 1
    assert (after["skipped"], after["total"]) == (1, total)
    # code and maths are in no count
    entries = [line.partition(" | ")[0] for line in left_out(forge)]
    counted = [kind for kind in entries if kind != "code and maths"]
    assert sum(run["left_out"].values()) == len(counted) < len(entries)


@pytest.mark.parametrize(
    "line",
    [
        "a linked picture without an address::[](https://example.org/a)",
        "Which shape is it?::<br>",
        "Which shape is it?::<i></i>",
        "see (this::that) there",
        "std::vector is a name",
    ],
)
def test_colons_that_separate_nothing_are_listed(forge, vault, line):
    (vault / "n.md").write_text(f"{line}\n")
    forge.ok("run", vault)
    [entry] = left_out(forge)
    assert entry.startswith("question::answer | line 1 | a side has no words, or it is")


def test_a_callout_that_is_the_answer_of_a_card_is_in_it(forge, vault):
    (vault / "n.md").write_text("Who pumps the blood?\n?\n> [!note] Heart\n> the pump\n")
    forge.ok("run", vault)
    assert left_out(forge) == []


def test_clozes_too_deep_in_each_other_are_text_with_all_their_signs(forge, tmp_path):
    folder = tmp_path / "deep"
    folder.mkdir()
    deep = "{{c1::" * 11 + "word" + "}}" * 11
    (folder / "a.md").write_text(f"The {deep} of a ==cell== is small.\n", "utf-8")
    forge.ok("run", folder)
    [card] = forge.cards()
    text = card["fields"]["Text"].replace("\\", "")
    assert text == f"The {deep} of a {{{{c1::cell}}}} is small."
