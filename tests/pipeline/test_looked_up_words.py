"""A word that was looked up: a chat writes its meaning, the front is the word in its sentence."""

import json
import re
from pathlib import Path
from typing import Any

from ankiforge.config.workspace import find_workspace
from ankiforge.draft.propose import RejectionReason
from ankiforge.extract import registry
from ankiforge.pipeline.workspace import Workspace
from ankiforge.web.documents import PageRenderer
from ankiforge.web.session import ReviewSession
from tests.makers.ebook_writer import (
    Book,
    Lookup,
    write_kindle_words,
    write_koreader_words,
)

BEFORE, AFTER = "A ", " is a low dam across a river that raises the level of its water."
SENTENCE = f"{BEFORE}weir{AFTER}"
LOOKUPS = [
    Lookup("weir", BEFORE, AFTER, time=2),
    Lookup("level", SENTENCE.partition("level")[0], " of its water.", time=3),
    Lookup("sluice", "Nobody shut the ", " again.", Book("Water"), time=1),
]
MEANINGS = {"weir": "a wall", "level": "how high it is", "sluice": "a gate"}


def ask(forge: Any) -> dict[str, str]:
    """Return the labels of the words in the next text for a chat."""
    asked = forge.ok("draft", "export", "-").stdout
    passages = re.findall(r'<highlight h="(\w+)">\n(.*?)</highlight>', asked, re.S)
    assert all("looked up the word" in text for _, text in passages)
    return {re.findall("<phrases>(.*)<", text)[0]: label for label, text in passages}


def answer(forge: Any, labels: dict[str, str], **more: str) -> str:
    cards = [
        {"h": label, "kind": "basic", "front": f"{word}?", "back": MEANINGS[word]} | more
        for word, label in labels.items()
    ]
    (forge.folder / "answer.md").write_text(json.dumps({"cards": cards}))
    told: str = forge.ok("draft", "import", "answer.md").stdout
    return told


def test_a_chat_writes_the_meaning_of_a_looked_up_word(
    forge: Any, tmp_path: Path
) -> None:
    write_kindle_words(tmp_path / "Kindle/system/vocabulary/vocab.db", LOOKUPS)
    forge.settings("anki: {collection: none}\n", proposals=True)
    forge.ok("run", "--yes", tmp_path / "Kindle")
    [uncarded] = forge.lists("none")
    # no gap is proposed, however much the sentence says
    reasons = {each["reason"] for each in uncarded}
    assert reasons == {RejectionReason.LOOKED_UP.value}

    # the meaning is in no source; a chat's own question and kind do not matter
    labels = ask(forge)
    assert sorted(labels) == ["level", "sluice", "weir"]
    first = {word: labels[word] for word in ("weir", "sluice")}
    assert "2 new drafts" in answer(forge, first, kind="two-way")
    [drafts] = forge.lists("new")
    fronts = {draft["fields"]["Front"]: draft["fields"]["Back"] for draft in drafts}
    assert fronts == {
        f"weir\n\n{SENTENCE.replace('weir', '**weir**')}": MEANINGS["weir"],
        "sluice\n\nNobody shut the **sluice** again.": MEANINGS["sluice"],
    }
    assert {draft["kind"] for draft in drafts} == {"basic"}

    # on the page, the drafts are in the list of words
    with Workspace(find_workspace(forge.folder, forge.folder, registry)) as workspace:
        session = ReviewSession(workspace, PageRenderer())
        assert not session.render_list("new")["ids"]
        word_ids = session.render_list("words")["ids"]
        assert sorted(word_ids) == sorted(draft["id"] for draft in drafts)
        assert session.render_item(word_ids[0])

    # a decision on one word leaves the other word of the sentence open
    [weir] = [draft for draft in drafts if draft["fields"]["Back"] == MEANINGS["weir"]]
    forge.ok("reject", weir["id"])
    forge.ok("run")
    left = ask(forge)
    assert list(left) == ["level"]
    assert "1 new draft" in answer(forge, left)


def test_a_word_looked_up_again_in_another_book_keeps_its_card(
    forge: Any, tmp_path: Path
) -> None:
    path = tmp_path / "koreader/settings/vocabulary_builder.sqlite3"
    write_koreader_words(path, [LOOKUPS[2]])
    forge.settings("anki: {collection: none}\n", proposals=True)
    forge.ok("run", "--yes", tmp_path / "koreader")
    answer(forge, ask(forge))
    [[draft]] = forge.lists("new")
    forge.ok("accept", draft["id"])
    forge.ok("run")
    again = Lookup("sluice", "The miller opened one ", " more.", Book("River"), time=9)
    write_koreader_words(path, [again])
    forge.ok("run")
    [card] = forge.cards()
    assert card["fields"] == draft["fields"]
    shown = forge.ok("list", "-v").stdout
    assert "source    River" in shown
    assert "its source now says something else" not in shown
