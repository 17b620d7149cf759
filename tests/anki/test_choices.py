"""A choice of both note types, of which Anki has had one note, and then the other."""

import json
import shutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

ALPHA = "The aperture of a lens lets in the light that the film needs."


@pytest.fixture
def server(fake: ModuleType) -> Iterator[Any]:
    gap = {"kind": "cloze", "text": "The {{c1::aperture}} of a lens lets in the light."}

    def offers(request: dict[str, Any]) -> Any:
        [(h, words)] = fake.marked(request)
        asks = fake.card(h, words, "What of a lens lets in the light?", "the aperture", fact="1")
        return fake.cards(asks, {"h": h, "quote": words, "fact": "1", **gap})

    with fake.LlmServer() as running:
        running.otherwise = offers
        yield running


@pytest.fixture
def picked(forge: Any, server: Any, backend: Any) -> Iterator[Any]:
    """The cloze was picked, and stands in Anki."""
    llm = {"base_url": server.base_url, "model": "m", "candidates": 3}
    forge.settings(
        "sources: [{obsidian: {name: notes, path: notes}}]\ndrafter: llm\n"
        f"llm: {json.dumps(llm)}\n"
    )
    (forge.folder / "notes" / ".obsidian").mkdir(parents=True)
    (forge.folder / "notes" / "Lens.md").write_text(f"=={ALPHA}==\n", encoding="utf-8")
    with backend.opened(forge.profile) as anki:
        forge.anki = anki
        forge.ok("run")
        [card] = forge.cards()
        forge.asks, forge.gap = card["choice"]
        forge.ok("pick", forge.gap)
        forge.load = lambda: anki.load(forge.folder / "ankiforge.apkg")
        forge.ok("build")
        forge.load()
        yield forge


def states(forge: Any) -> dict[str, tuple[str, str, str]]:
    return {c["kind"]: (c["verdict"], c["standing"], c["anki"]) for c in forge.cards()}


def test_another_note_type_picked_later_is_a_new_note_and_the_old_one_retired(picked):
    picked.ok("pick", picked.asks)
    told = picked.json("run")
    assert told["notes"]["added"] == 1
    picked.load()
    asks, gap = (picked.anki.note(one.partition(".")[0]) for one in (picked.asks, picked.gap))
    assert "ankiforge::retired" in gap.tags
    assert "ankiforge::retired" not in asks.tags
    picked.ok("undo")
    picked.ok("run")
    picked.load()
    assert "ankiforge::retired" not in picked.anki.note(gap.guid).tags
    assert "ankiforge::retired" in picked.anki.note(asks.guid).tags
    shutil.rmtree(picked.folder / ".ankiforge")
    (picked.folder / "journal.jsonl").unlink()
    picked.ok("run")
    picked.ok("draft", "--again", "drafter:*", "--remark", "all is lost")
    assert [card["guid"] for card in picked.ok("list", "--json").lines] == [gap.guid]


@pytest.mark.parametrize("journal", [True, False])
def test_a_lost_ledger_takes_the_picked_card_over_and_offers_no_second(picked, server, journal):
    asked = len(server.asked)
    shutil.rmtree(picked.folder / ".ankiforge")
    if not journal:
        (picked.folder / "journal.jsonl").unlink()
    picked.ok("run")
    cards = [card for card in picked.cards() if card["standing"] == "live"]
    assert [(card["guid"], card["verdict"]) for card in cards] == [
        (picked.gap.partition(".")[0], "accepted")
    ]
    assert len(server.asked) == asked
