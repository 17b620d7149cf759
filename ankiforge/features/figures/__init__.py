"""The editor on the web page for the masks that hide the labels of a figure."""

from __future__ import annotations

from ankiforge.hooks import Hooks


class Figures(Hooks):
    """Adds the mask editor (`page.js`) to the web page."""


feature = Figures()
