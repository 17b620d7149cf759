"""Two versions of one thing in a real browser: decided by keys, read by ear."""

from pathlib import Path

import pytest

LEADS_AWAY = (
    "<meta http-equiv=refresh content='0;url=/static/icon.svg'><style>#qa{display:none!important}</style>"
    "<div style='position:fixed;inset:0;background:red'></div><iframe src='https://evil.example/'></iframe>"
)
"""What would leave the card's frame, or hide the words of the note."""


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    (folder / ".obsidian").mkdir(parents=True)
    return folder


def test_a_conflict_is_settled_field_by_field_with_keys(forge, backend, vault, review, settled):
    note = vault / "Cells.md"
    note.write_text("Katze:::cat\n\nHund:::dog\n", encoding="utf-8")
    forge.ok("run", vault)
    with backend.opened(forge.profile) as anki:
        anki.load(forge.folder / "ankiforge.apkg")
    forge.ok("run", vault)
    [guid] = [card["guid"] for card in forge.cards() if card["fields"]["Front"] == "Katze"]
    with backend.opened(forge.profile) as anki:
        foreign = "kitty <b onclick=alert(1)>!</b><script>alert(2)</script>" + LEADS_AWAY
        anki.edit(guid, Front="die Katze", Back=foreign)
        anki.col.db.execute("update notes set mod = mod - 60 where mod > 1600000000")
    for words in ("Katze:::a cat", "Katzen:::a cat"):
        note.write_text(f"{words}\n\nHund:::dog\n", encoding="utf-8")
        forge.ok("run", vault)

    page = review()
    page.click(".parts [data-view=conflicts]")
    settled(page)
    assert page.locator("#body h2").all_text_contents() == ["Front", "Back"]
    assert page.locator("#body script, #body [onclick]").count() == 0
    page.frame_locator("#cards iframe").first.get_by_text("kitty").click()
    assert [frame.url.partition("/frame/")[1] for frame in page.frames[1:]] == ["/frame/"] * 2
    page.keyboard.press("1")
    # The card has the focus: its frame hands the key on when it comes to it.
    page.locator("#body h2").nth(1).wait_for(state="detached")
    settled(page)
    assert page.locator("#body h2").all_text_contents() == ["Back"]
    page.keyboard.press("a")
    settled(page)

    forge.ok("run", vault)
    with backend.opened(forge.profile) as anki:
        anki.load(forge.folder / "ankiforge.apkg")
        seen = anki.note(guid)
        assert (seen["Front"], seen["Back"]) == ("die Katze", "a cat")


def test_what_differs_is_said_to_who_hears_it_and_seen_without_colour(
    forge, vault, review, settled
):
    note = vault / "Cells.md"
    note.write_text("The ==mitochondrion== makes energy in cells.\n", encoding="utf-8")
    forge.ok("run", vault)
    forge.ok("accept", forge.cards()[0]["guid"])
    note.write_text("The ==mitochondrion== makes ATP in cells.\n", encoding="utf-8")
    forge.ok("run", vault)

    page = review()
    page.click(".parts [data-view=revisions]")
    settled(page)
    said = page.locator("#body [aria-label=Text]").aria_snapshot()
    assert "removed: energy" in said
    assert "added: ATP" in said
    line = "one => getComputedStyle(one).textDecorationLine"
    assert page.locator("#body del").first.evaluate(line) == "line-through"
    assert page.locator("#body ins").first.evaluate(line) == "underline"
