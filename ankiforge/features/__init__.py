"""Features, each of which is one folder and can be taken away: see `ankiforge/hooks.py`."""
