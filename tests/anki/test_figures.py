"""Figures as notes of Anki's Image Occlusion: stories are data (`figures.py`)."""

import pytest

from tests.anki.figures import PUSHES, STORIES, FigureDesk, PushingFigureDesk


@pytest.mark.core
@pytest.mark.parametrize("name", STORIES)
def test_a_story_of_a_framed_figure(forge, anki, name):
    desk = FigureDesk(forge, anki)
    for step in STORIES[name]:
        step(desk)


@pytest.mark.core
@pytest.mark.parametrize("name", PUSHES)
def test_a_push_of_a_framed_figure(forge, serving, backend, tmp_path, name):
    with serving(tmp_path / "anki") as server:
        desk = PushingFigureDesk(forge, server, backend)
        for step in PUSHES[name]:
            step(desk)
