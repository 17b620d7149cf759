"""Words, numbers and languages, for drafting, checking and searching cards.

- `lexicon` reads the word lists in `data/`.
- `detection` detects the language of a text.
- `words` reduces words to stems.
- `normalization` normalizes text for comparison.
- `quantities` parses numbers and units.
- `tokens` classifies the words of a sentence.
- `vocabulary` finds marked words with translations.
"""
