"""Highlights in e-books from KOReader, Kobo, calibre and Apple Books.

These programs store highlights separately from the book's text. If the book is on this computer,
the worker processes that read PDFs also look up the sentence around each highlight. The keys of
the highlights don't depend on the book.
"""
