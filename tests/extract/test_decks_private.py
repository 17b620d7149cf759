"""In a folder of cards of yanki or AnkiOps the tag counts wherever it is in a file, as in any note."""

import pytest

pytest.importorskip("mcp")

from tests.ways_out import all_that_leaves

WORD = "zebrafish"
YANKI = {
    "tags": f"---\nnoteId: 12\ntags: [no-llm]\n---\nWhat of {WORD}?\n\n---\n\nAn answer\n",
    "broken front matter": f"---\nnoteId: 12\ntitle: A: B\n---\nWhat of {WORD}?\n\n---\n\nAn answer\n",
    "its own line": f"What of {WORD}?\n\n---\n\nAn answer\n\n#no-llm\n",
    "third part": f"What of {WORD}?\n\n---\n\nAn answer\n\n---\n\nmore #no-llm\n",
    "comment": f"What of {WORD}?\n\n---\n\nAn answer <!-- #no-llm -->\n",
    "comment above": f"%%#no-llm%%\n\nWhat of {WORD}?\n\n---\n\nAn answer\n",
    "heading": f"# Mine #no-llm\n\nWhat of {WORD}?\n\n---\n\nAn answer\n",
    "line of tags": f"tags:: no-llm\n\nWhat of {WORD}?\n\n---\n\nAn answer\n",
    "reversed": f"The {WORD}\n\n---\n\n---\n\nAn answer\n\n---\n\n#no-llm\n",
    "gap": f"#no-llm\n\nThe fish is a ~~{WORD}~~ of mine\n",
    "no card": f"Only of {WORD} quarantine in Ward Nine without notice #no-llm\n",
}
ANKIOPS = {
    "tags": f"<!-- tags: a, no-llm -->\nQ: What of {WORD}?\nA: An answer\n",
    "extra": f"Q: What of {WORD}?\nA: An answer\nE: more #no-llm\n",
    "extra apart": f"Q: What of {WORD}?\nA: An answer\n\nE: more #no-llm\n",
    "gap, extra apart": f"T: A fish is a {{{{c1::{WORD}}}}} here\n\nE: more #no-llm\n",
    "comment behind": f"Q: What of {WORD}?\nA: An answer\n<!-- #no-llm -->\n",
    "unknown field": f"Q: What of {WORD}?\nA: An answer\n\n---\n\nX: #no-llm\n",
    "heading": f"# Mine #no-llm\n\nQ: What of {WORD}?\nA: An answer\n",
    "its own line": f"#no-llm\n\n---\n\nQ: What of {WORD}?\nA: An answer\n",
    "front matter": f"---\ntags: no-llm\n---\n\nQ: What of {WORD}?\nA: An answer\n",
    "broken front matter": f"---\ntitle: A: B\n---\n\nQ: What of {WORD}?\nA: An answer\n",
}
FORMS = [("yanki", *form) for form in YANKI.items()]
FORMS += [("ankiops", *form) for form in ANKIOPS.items()]


@pytest.mark.parametrize(("kind", "form", "text"), FORMS)
def test_the_tag_counts_outside_of_the_card_too(forge, fake, kind, form, text):
    folder = forge.folder / "cards"
    folder.mkdir()
    (folder / "private.md").write_text(text, encoding="utf-8")
    public = {
        "yanki": "What is open?\n\n---\n\nThis harbour\n",
        "ankiops": "Q: What is open?\nA: This harbour\n",
    }
    (folder / "public.md").write_text(public[kind], encoding="utf-8")
    notes = forge.folder / "notes"
    notes.mkdir()
    # what no card is made of is private elsewhere, too
    quoting = f"==Only of {WORD} quarantine in Ward Nine without notice==\n"
    if form == "no card":
        (notes / "a.md").write_text(quoting, encoding="utf-8")

    source = f"{{{kind}: {{name: cards, path: cards}}}}"
    vault = "{obsidian: {name: notes, path: notes}}"
    with fake.LlmServer() as server:
        sent = all_that_leaves(forge, server, source, vault)
    assert WORD not in sent
    assert "harbour" in sent


def test_only_the_tagged_card_of_a_deck_is_private(forge, fake):
    folder = forge.folder / "cards"
    folder.mkdir()
    (folder / "deck.md").write_text(
        "Q: What of zebrafish?\nA: An answer\nE: more #no-llm\n\n---\n\n"
        "Q: What is open?\nA: This harbour\n"
    )
    with fake.LlmServer() as server:
        sent = all_that_leaves(forge, server, "{ankiops: {name: cards, path: cards}}")
    assert WORD not in sent
    assert "harbour" in sent
