"""Words, numbers and the language of a text: one set of tables for drafts, checks and search.

`tables` reads the word lists of `data/`, `words` compares words by their stems, `normal`
gives texts a form in which cards are compared, `quantities` reads numbers and units,
`recognition` tells the language of a text, and `tokens` gives the words of a sentence their
class, by the `lexicon` of its language.
"""
