"""The pipeline from highlights to Anki: read sources, draft, check, decide, and export cards."""
