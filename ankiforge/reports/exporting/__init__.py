"""All highlights, cards and decisions, to be taken along: JSON Lines, CSV, Markdown."""
