"""Find and remove the numbers of references in papers, such as `[12]` or `polymer⁷`."""

from __future__ import annotations

from ankiforge.text import regex
from ankiforge.text.normalize import map_outside_literal_spans
from ankiforge.text.passages import SUPERSCRIPT_NOTE

_NUMBER = r"\d{1,3}(?:\s?[,;–-]\s?\d{1,3})*"
# Matches a citation that the sentence doesn't need. It does in `the method of [12]`.
_BRACKETED = regex(
    r"(?:(?<=[^\W_])(?<!\bin)(?<!\bof)(?<!\bby)(?<!\bto)(?<!\bsee)(?<!\bfrom)(?<!\band)(?<!\bwith)\s"
    rf"|(?<=[.,;:!?)”\"’'}}])\s?)\[{_NUMBER}\](?=[\s.,;:!?)”\"}}]|\Z)"
)
_ONLY_CITATION = regex(rf"\s*(?:\\?[\[(]{_NUMBER}\\?[\])]|[¹²³⁰⁴-⁹]+)[\s.,;]*")
# Matches a number of several digits with a raised number that may be a power or a citation, as in
# `14 of 20⁵ plots`. Powers of ten are no citations.
AMBIGUOUS_RAISED_NUMBER = regex(r"(?<![\d.,])(?!10[⁰¹²³⁴-⁹])(\d{2,})[⁰¹²³⁴-⁹]+(?![\w⁺⁻])")


def is_only_citation(text: str) -> bool:
    """Return whether a text is the number of a reference, such as `[12]` or `(3–5)`."""
    return _ONLY_CITATION.fullmatch(text) is not None


def remove_citations(markdown: str) -> str:
    """Remove the numbers of references from Markdown, except from its code and formulas."""
    return map_outside_literal_spans(
        markdown, lambda run: SUPERSCRIPT_NOTE.sub("", _BRACKETED.sub("", run))
    )
