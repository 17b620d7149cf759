"""Words, numbers and the language of a text: one set of tables for drafts, checks and search.

`lexicon` reads the word lists of `data/`, `detection` tells the language of a text, `words`
compares words by their stems, `normal` gives texts a form in which cards are compared,
`quantities` reads numbers and units, and `tokens` gives the words of a sentence their class.
"""
