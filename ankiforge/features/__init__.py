"""Optional features, one directory each. The program works without them (`ankiforge/hooks.py`)."""
