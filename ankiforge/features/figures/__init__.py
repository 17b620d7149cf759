"""The editor of the masks of a figure, on the page."""

from __future__ import annotations

from ankiforge.hooks import Hooks


class Figures(Hooks):
    """The script `page.js`, which draws the masks and takes what a person changes."""


feature = Figures()
