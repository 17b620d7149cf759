"""Histories of a reader, his vault and paper, two computers, a phone and Anki."""
