"""Other flashcard tools whose cards stand in notes: what they are called."""

from __future__ import annotations

TITLES = {
    "osr": "obsidian-spaced-repetition",
    "o2a": "Obsidian_to_Anki",
    "flashcards": "flashcards-obsidian",
}
"""By the names of the dialects in the settings."""
