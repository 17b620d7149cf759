"""Reports on cards, decks and workspaces, as text, JSON, HTML and export files."""
