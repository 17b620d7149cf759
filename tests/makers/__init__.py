"""Samples to try ankiforge with: writers of PDFs and Zotero databases, a vault, a demo."""
