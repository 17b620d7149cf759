"""Documents and their highlights: keys that are given once, and how each is known again."""
