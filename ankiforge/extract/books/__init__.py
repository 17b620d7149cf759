"""Highlights in e-books: what the sources for KOReader, Kobo, calibre and Apple Books share.

These programs store highlights apart from the text of the book. If the book is on this computer,
the processes that also read PDFs read the sentence around each highlight from it. The keys of the
highlights don't depend on the book.
"""
