"""Sounds of notes are played in the real Anki; what cannot be shipped waits with the reason."""

from pathlib import Path
from typing import Any

import pytest

from ankiforge.anki.render import field_to_markdown, render_field
from ankiforge.model import Media

SOUND = b"ID3 a sound"
PLAYED = {
    "an embed": "Who says hola?::![[hola.mp3]]",
    "an embed in Markdown": "Who says hola?::![](<sub/ho la.mp3>) a child",
    "an element": 'Who says hola?::<audio controls><source src="hola.mp3"></audio>',
    "as Anki writes it": "Who says hola?::a child [sound:hola.mp3]",
    "a link": "Who says hola?::[a child](hola.mp3)",
    "in a gap": "The word {{c1::![[hola.mp3]]}} is hola in Spain.",
    "below a question": "Who says hola?\n?\n- ![[hola.mp3]]\n- a child\n",
}


@pytest.fixture
def with_sounds(desk: Any) -> Any:
    (desk.notes / "sub").mkdir()
    for name in ("hola.mp3", "sub/ho la.mp3"):
        (desk.notes / name).write_bytes(SOUND)
    desk.word = "hola"
    return desk


@pytest.mark.parametrize("text", PLAYED.values(), ids=PLAYED)
def test_a_sound_is_played_by_anki(with_sounds, text):
    with_sounds.write(text)
    with_sounds.ship()
    note = with_sounds.anki.note(with_sounds.guid())
    [card] = note.cards()
    [played] = {
        tag.filename for tag in (*card.question_av_tags(), *card.answer_av_tags())
    }
    stored = Path(with_sounds.col.media.dir()) / played
    assert stored.read_bytes() == SOUND
    is_hidden_first = not card.question_av_tags()
    assert is_hidden_first, "no side plays the answer before it is asked for"


@pytest.mark.parametrize(
    ("embed", "reason"),
    [
        ("![[a.mp4]]", "videos"),
        ('<video src="a.webm"></video>', "videos"),
        ("![[away.mp3]]", "cannot be read"),
        ("[sound:away.mp3]", "cannot be read"),
        ("![[Drawing.excalidraw]]", "only pictures and sounds"),
        ("![[Plan.canvas]]", "only pictures and sounds"),
        ("![[paper.pdf#page=3]]", "only pictures and sounds"),
        ("![[Another note#Part]]", "only pictures and sounds"),
        ('<iframe src="https://example.org/embed/x"></iframe>', "on the web"),
        ("![film](https://example.org/watch?v=x)", "on the web"),
    ],
)
def test_what_cannot_be_shipped_waits_with_the_reason(with_sounds, embed, reason):
    with_sounds.write(f"Who says hola?::a child {embed}\n")
    with_sounds.run(written=0)
    card = with_sounds.card(verdict="waiting")
    [told] = [
        finding["message"]
        for finding in card["findings"]
        if finding["check"] == "unreadable_picture"
    ]
    assert reason in told


def test_a_sound_comes_back_from_its_field():
    media = Media("af-0123456789abcdef.mp3", "/tmp/x.mp3")
    html = render_field("{{c1::![a](x.mp3)}} says", cloze=True, pictures={"x.mp3": media})
    assert html == f"{{{{c1::[sound:{media.name}]}}}} says"
    assert field_to_markdown(html) == f"{{{{c1::![]({media.name})}}}} says"
    # what somebody typed is text
    assert "[sound:" not in render_field(f"[sound:{media.name}] `[sound:{media.name}]`")


def test_a_picture_whose_name_is_stored_in_another_form_is_found(with_sounds):
    composed = "Gr\u00fc\u00dfe"
    decomposed = "Gru\u0308\u00dfe"
    folder = with_sounds.notes / f"{decomposed}n"
    folder.mkdir()
    (folder / f"{decomposed}.png").write_bytes(b"\x89PNG\r\n\x1a\n a picture")
    (with_sounds.notes / f"{composed}2.png").write_bytes(b"\x89PNG\r\n\x1a\n another")
    with_sounds.write(
        f"What greets hola?::![[{composed}.png]]\n\n"
        f"Where is it kept?::![](<{composed}n/{composed}.png>)\n\n"
        f"Which is the second?::![[{decomposed}2.png]]\n"
    )
    with_sounds.run(written=3)
