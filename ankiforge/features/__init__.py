"""Optional features, one directory each. Any of them can be removed (`ankiforge/hooks.py`)."""
