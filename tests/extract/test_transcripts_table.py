"""Times of transcripts, which are no text, and times that are."""

import pytest

from ankiforge.extract.markdown.transcripts import remove_transcript_times

SWIFTS = "The swift sleeps.\nIt weighs 40 g.\nIt nests in towers."
FORMS = {
    "{0}\n{1}\n{2}": ("0:02 ", "0:07 ", "1:13 "),
    "**{0}\n**{1}\n**{2}": ("00:01:23** ", "00:01:40** ", "01:00:00** "),
    "- {0}\n- {1}\n- {2}": ("[00:01:23] ", "[00:01:40] ", "[00:02:00] – "),
    "[{0}\n[{1}\n[{2}": (
        "00:01:23](https://y.be/x?t=83) ", "00:01:40](https://y.be/x?t=100) ",
        "00:02:00](https://y.be/x?t=120) ",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("form", "times"), FORMS.items())
def test_times_before_lines_are_no_text(form, times):
    sentences = SWIFTS.split("\n")
    text = form.format(*map("".join, zip(times, sentences, strict=True)))
    left = "- " if form.startswith("-") else ""
    expected = "\n".join(f"{left}{sentence}" for sentence in sentences)
    assert remove_transcript_times(text) == expected


LINES = {
    # of Whisper, and pasted subtitles
    "[00:00.000 --> 00:04.000]  The [two]\n[00:04.000 --> 00:07.000] swifts\n"
    "[00:07.000 --> 00:09.000] fly.": "The [two]\nswifts\nfly.",
    "00:01.000 --> 00:04.000 align:left\nA\n00:05.000 --> 00:06.000\nB\n00:07.000 --> 00:08.000\nC": (
        "\nA\n\nB\n\nC"
    ),
    # lines of their own, and behind the name of a speaker
    "0:02\nThe swift\n0:07\nsleeps\n0:11\nthere": "\nThe swift\n\nsleeps\n\nthere",
    "[0:03] Speaker 1: So.\n(0:17) Speaker 2: Yes.\n0:31 - 0:35\nNo.": "So.\nYes.\n\nNo.",
    "0:02\n2 seconds\nA\n1:12\n1 minute, 12 seconds\n2 hours passed\n2:00\n2 minutes\nC": (
        "\n\nA\n\n\n2 hours passed\n\n\nC"
    ),
    "0:022 secondsA\n1:121 minute, 12 secondsB\n1:201 minute, 20 secondsC": "A\nB\nC",
    # two transcripts
    "0:02 a\n0:07 b\n1:01:11 c\n0:01 d\n0:09 e\n0:11 f": "a\nb\nc\nd\ne\nf",
    "Ann  0:03\nSo.\n\nBo  0:17\nYes.\n\nBo  0:31\nNo.": (
        "Ann  \nSo.\n\nBo  \nYes.\n\nBo  \nNo."
    ),
}


@pytest.mark.parametrize(("text", "left"), LINES.items())
def test_lines_of_times_are_empty(text, left):
    assert remove_transcript_times(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "09:00 Breakfast\n10:32 Talk\n12:00 Lunch",
        "0:00 Start\n0:30 Talk\n1:00 Lunch",
        "2:03:23 Ann\n2:01:39 Bo\n2:02:48 Cleo",
        "2:03:23 Ann\n2:04:39 Bo\n2:05:48 Cleo\n2:01:01 Dee\n2:01:02 Eve\n2:01:03 Flo",
        "3:45 A song\n4:12 Another\n3:21 Third\n2:11 Fourth\n4:01 Fifth\n3:59 Last",
        "0:02 One time.\n0:07 Two times.",
        "The record is 2:00:35.\nIt was 2:01:09 before.\nOnce 2:02:57.",
        "0:02 a\n0:07 b\n0:11 c" + "\nMuch other text." * 30,
    ],
)
def test_other_times_stay(text):
    assert remove_transcript_times(text) == text
