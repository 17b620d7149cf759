"""Captions of a video: which text they give, sentence by sentence, with time and link."""

import json
import re

import pytest

from tests.reading import opened

AUTOMATIC = """\
WEBVTT
Kind: captions

NOTE of the translator

00:00:00.000 --> 00:00:02.500 align:start position:0%

yeast<00:00:00.500><c> turns</c><00:00:01.000><c> sugar into</c>

00:00:02.500 --> 00:00:02.510 align:start position:0%
yeast turns sugar into
\x20

00:00:02.510 --> 00:00:05.000 align:start position:0%
yeast turns sugar into
carbon dioxide<00:00:04.000><c> &amp; alcohol. Salt</c>

01:02:03.000 --> 01:02:05.000
slows it down.
"""
SUBRIP = """\
1
00:00:01,000 --> 00:00:03,000
{\\an8}<i>Rye has
hardly any gluten.</i> Its dough
2
00:00:03,000 --> 00:00:05,000
runs apart.

3
00:00:10,000 --> 00:00:12,000
Salt #no-llm too.
"""


def paragraphs(folder, name: str, text: str) -> list[tuple[str, str, str]]:
    (folder / name).write_bytes(text.encode())
    source = opened("captions", folder, name="n")
    [(_, whole)] = source.iter_whole_texts()
    return [
        (whole.get_paragraph_text(each), each.page_label, each.uri)
        for each in whole.paragraphs
    ]


WATCH = "https://www.youtube.com/watch?v=dQw4w9WgXcQ&t="


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (
            "Talk [dQw4w9WgXcQ].en-GB.vtt",
            AUTOMATIC,
            [
                (
                    "yeast turns sugar into carbon dioxide & alcohol.",
                    "0:00",
                    f"{WATCH}0s",
                ),
                ("Salt", "0:02", f"{WATCH}2s"),
                ("slows it down.", "1:02:03", f"{WATCH}3723s"),
            ],
        ),
        (
            "talk.srt",
            SUBRIP.replace("\n", "\r\n"),
            [
                ("Rye has hardly any gluten.", "0:01", ""),
                ("Its dough runs apart.", "0:01", ""),
                ("Salt #no-llm too.", "0:10", ""),
            ],
        ),
        ("empty.vtt", "WEBVTT\n\nNOTE nothing\n", []),
        ("other.srt", "no cue\n\nat all", []),
    ],
    ids=["automatic", "subrip", "no cues", "no captions"],
)
def test_captions_are_sentences_with_times(tmp_path, name, text, expected):
    assert paragraphs(tmp_path, name, text) == expected


def test_a_text_without_full_stops_is_split_where_a_cue_begins(tmp_path):
    cues = [
        f"00:00:{second:02}.000 --> 00:00:{second + 1:02}.000\n{'word ' * 20}w{second}\n"
        for second in range(20)
    ]
    parts = paragraphs(tmp_path, "talk.vtt", "WEBVTT\n\n" + "\n".join(cues))
    assert [label for _, label, _ in parts] == [f"0:{n:02}" for n in range(0, 20, 4)]
    assert " ".join(text for text, _, _ in parts).split().count("w7") == 1


@pytest.mark.parametrize("ending", [".vtt", ".VTT.txt"])
def test_a_chat_chooses_a_passage_of_captions_which_links_to_its_second(
    forge, tmp_path, ending
):
    path = tmp_path / f"Talk [dQw4w9WgXcQ].en{ending}"
    path.write_text(AUTOMATIC)
    forge.settings("anki: {collection: none}\n")
    assert "ankiforge draft" in forge("run", path).stderr
    forge.ok("draft", "export", "ask.md", "--from", path)
    text = (forge.folder / "ask.md").read_text()
    assert "Document: Talk\n" in text
    assert "0:02" not in text[text.rindex("<text") :]
    label = re.findall(r'<text h="(\w+)">', text)[-1]
    card = {
        "h": label,
        "kind": "basic",
        "front": "What does yeast turn into alcohol?",
        "back": "sugar",
        "quote": "Yeast turns sugar into carbon dioxide & alcohol",
    }
    (forge.folder / "answer.md").write_text(json.dumps({"cards": [card]}))
    forge.ok("draft", "import", "answer.md")
    shown = forge.ok("list", "-v").stdout
    assert "Talk, 0:00" in shown
    assert f"{WATCH}0s" in shown
    assert "nothing new" in forge.ok("run").stdout  # the passage is found again
