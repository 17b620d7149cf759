"""The way of a highlight to Anki: ingest, draft, check, decide, deliver."""
