"""The renovation report of any deck: what is broken, doubled, failing, left lying or orphaned.

notes (Anki or an export) ─▶ lint, how they fare, whose they are ─▶ figures, findings ─▶ told
"""
