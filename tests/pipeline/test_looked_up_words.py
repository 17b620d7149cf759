"""A word that was looked up: a chat writes its meaning, the front is the word in its sentence."""

import json
import re

from ankiforge.config.workspace import find_workspace
from ankiforge.extract import registry
from ankiforge.pipeline.workspace import Workspace
from ankiforge.web.documents import PageRenderer
from ankiforge.web.session import ReviewSession
from tests.makers.ebook_writer import Book, Lookup, write_kindle_words

LOOKUPS = [
    Lookup("weir", "Below the ", " the eels of the mill waited for the rain.", time=2),
    Lookup("eels", "Below the weir the ", " of the mill waited for the rain.", time=3),
    Lookup("sluice", "Nobody shut the ", " again.", Book("Water"), time=1),
]


def test_a_chat_writes_the_meaning_of_a_looked_up_word(forge, tmp_path):
    write_kindle_words(tmp_path / "Kindle/system/vocabulary/vocab.db", LOOKUPS)
    forge.settings("anki: {collection: none}\n", proposals=True)
    ran = forge.ok("run", "--yes", tmp_path / "Kindle")
    assert "3 highlights   3 without a card" in ran.stdout  # no gap is proposed

    # each text names the word in its sentence, and asks for the meaning
    asked = forge.ok("draft", "export", "-").stdout
    passages = re.findall(r'<highlight h="(\w+)">\n(.*?)</highlight>', asked, re.S)
    labels = {re.findall("<phrases>(.*)<", text)[0]: label for label, text in passages}
    assert sorted(labels) == ["eels", "sluice", "weir"]
    assert all("looked up the word" in text for _, text in passages)

    # the meaning is in no source, and two words of one sentence have a card each
    meanings = {
        "weir": "a low dam across a river",
        "eels": "long fish",
        "sluice": "a water gate",
    }
    cards = [
        {"h": labels[word], "kind": "basic", "front": f"{word}?", "back": back}
        for word, back in meanings.items()
    ]
    cards[1] |= {"kind": "two-way", "quote": "of the mill"}
    (tmp_path / "answer.md").write_text(json.dumps({"cards": cards}))
    taken = forge.ok("draft", "import", tmp_path / "answer.md")
    assert "3 new drafts" in taken.stdout
    [drafts] = forge.lists("new")
    fronts = {draft["fields"]["Front"]: draft["fields"]["Back"] for draft in drafts}
    assert fronts == {
        "weir\n\nBelow the **weir** the eels of the mill waited for the rain.": meanings[
            "weir"
        ],
        "eels\n\nBelow the weir the **eels** of the mill waited for the rain.": meanings[
            "eels"
        ],
        "sluice\n\nNobody shut the **sluice** again.": meanings["sluice"],
    }
    assert {draft["kind"] for draft in drafts} == {"basic"}

    # on the page, the drafts are in the list of words
    with Workspace(find_workspace(forge.folder, forge.folder, registry)) as workspace:
        session = ReviewSession(workspace, PageRenderer())
        assert not session.show_list("new")["ids"]
        word_ids = session.show_list("words")["ids"]
        assert sorted(word_ids) == sorted(draft["id"] for draft in drafts)
        assert session.show_item(word_ids[0])

    # one is rejected, and the other word of the sentence still stands
    [weir] = [draft for draft in drafts if draft["fields"]["Back"] == meanings["weir"]]
    forge.ok("reject", weir["id"])
    [left] = forge.lists("new")
    assert len(left) == 2
