"""Anki's side: what its collection showed of our notes, and what was shipped to it."""
