"""Figures as notes of Anki's Image Occlusion: stories are data (`figures.py`)."""

import pytest

from tests.anki.figures import PUSHES, STORIES, FigureDesk, PushingFigureDesk

AT_ONCE = (
    "a label is added: one new card; nothing changes: nothing is shipped",
    "a label goes and comes back: its card, with its schedule",
    "the frame is moved by a line: no card takes another's place",
    "a mask is moved in Anki: it stays, and the source asks",
    "nearly all labels are others: one question, and no schedule is lost",
    "masks are switched off, and stay so",
    "a rejected figure stays rejected",
    "policy accepts no figure",
)
"""The stories that `make test` plays, too; the others are slow."""


@pytest.mark.core
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in AT_ONCE else pytest.mark.slow)
        for name in STORIES
    ],
)
def test_a_story_of_a_framed_figure(forge, anki, name):
    desk = FigureDesk(forge, anki)
    for step in STORIES[name]:
        step(desk)


@pytest.mark.parametrize("name", PUSHES)
def test_a_push_of_a_framed_figure(forge, serving, backend, tmp_path, name):
    with serving(tmp_path / "anki") as server:
        desk = PushingFigureDesk(forge, server, backend)
        for step in PUSHES[name]:
            step(desk)
