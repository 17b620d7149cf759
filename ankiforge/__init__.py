"""ankiforge: highlights in, checked and deduplicated Anki cards out."""

__version__ = "0.1.0"
