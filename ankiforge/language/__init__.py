"""Words, numbers and languages, as needed for drafting, checking and searching cards.

`lexicon` reads the word lists in `data/`, `detection` detects the language of a text, `words`
reduces words to stems, `normalization` normalizes texts so that they can be compared,
`quantities` parses numbers and units, `tokens` classifies the words of a sentence, `chinese`
splits Chinese text into words, and `vocabulary` finds marked words with their translations.
"""
