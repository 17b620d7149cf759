"""Find the parts of a sentence that no gap may touch, and those that no gap may split.

Papers are full of them: numbers of references, cited authors, statistics, references to figures.
Each pattern has a case in `tests/draft/cases/proposals.jsonl`.
"""

from __future__ import annotations

from functools import lru_cache

from ankiforge.model import Span
from ankiforge.text import regex

_RELATION = r"\s?(?:[=<>≤≥≈~]|\\[<>])\s?"
_NUMBER = r"[-−–]?\d[\d.,]*(?:\s?[×x]\s?10[⁻⁰¹²³⁴-⁹]+)?%?"
_REFERENCE_NUMBER = r"\d{1,3}[a-z]?"
# Matches a reference number such as `[12]`, `\[7\]`, `[3, 5–8]`, `(10)` or `(4,5)`, which is part
# of the sentence, as in `the method of [12]`, and a raised one, as in `polymer⁷`.
_REFERENCE_NUMBERS = (
    rf"\\?[\[(]\s?{_REFERENCE_NUMBER}(?:\s?[,;–-]\s?{_REFERENCE_NUMBER})*\s?\\?[\])]"
    r"|(?<=[^\W\d_]{3})[⁰¹²³⁴-⁹]+(?:[,–⁻][⁰¹²³⁴-⁹]+)*"
    r"|(?<=[.,;:!?)][”\"’»])\d{1,3}(?=\s|\Z)"
)
_REFERENCE_WORD = rf"(?i:\b(?:refs?|references?)\b\.?\s?\[?{_REFERENCE_NUMBER}\]?)"
_NAME = r"[A-ZÀ-Þ][\w’'-]+"
_NAMES = rf"{_NAME}(?:(?:,| and| &| und| et| y) {_NAME})*"
# Matches authors who are cited, as in `Pantanella et al.`, `Helfrich and coworkers` or, at the
# beginning or after words such as `by` and `cf.`, `Smith and Jones (2004)`, and `According to
# Mercado`. `Edict of Nantes (1598)` is no author.
_CITED_AUTHORS = (
    rf"{_NAMES},? et al\b\.?(?:['’]s)?(?:\s?\(?\d{{4}}[a-z]?\)?)?"
    rf"|{_NAMES} and (?:co-?workers|colleagues|collaborators|associates)\b"
    rf"|(?<=\b[Aa]ccording to ){_NAMES}"
    r"|(?:\A|(?<=\bby )|(?<=\bsee )|(?<=\bfrom )|(?<=\bcf\. )|(?<=\bto )|(?<=\bin )|(?<=\band ))"
    rf"{_NAMES}(?:['’]s?)? \((?:19|20)\d\d[a-z]?(?:[,;:][^()]*)?\)"
)
# Matches a result of a test, or the number of cases, as in `p < 0.05`, `n = 379`, `95% CI 1.2–3.4`
# and `3.1 ± 0.4`.
_STATISTICS = (
    rf"\b(?:[a-zA-ZκβχαρηΔσμ]{{1,2}}[²2]?|AUC|SD|SEM?|CI|df"
    rf"|[OHR]R)(?:\([^()]*\))?{_RELATION}{_NUMBER}"
    rf"|(?:{_NUMBER}\s?)?±\s?{_NUMBER}"
    r"|\b9\d\s?%\sconfidence intervals?\b"
    rf"|\b9\d\s?%\s?CI\b[^a-z()]*"
    rf"|[(\[][^()\[\]]*[=±≤≥][^()\[\]]*[)\]]"
    r"|\((?:mean|median|range|average|HPD|IQR)\b[^()]*\d[^()]*\)"
)
_FIGURE_WORD = (
    r"(?:(?:Fig|Eq|Tab|App|Sect?|Suppl)s?\.|Figures?|Figs?|Tables?|Equations?|Eqs?|Appendix"
    r"|Appendices"
    r"|Text|Movies?|Videos?|Datasets?|Files?|Box|Panels?|Methods|Materials?|Notes?|Scheme"
    r"|Section|Chapter)"
)
# Matches a reference to another part of the paper, as in `Fig. 1`, `S8 Tables` or `Text S1`.
_FIGURES = (
    rf"\b(?:Supplementa\w*|Supporting|Additional"
    rf"|Extended)\s(?:\w+\s)?{_FIGURE_WORD}(?:\s?S?\d+\w*)?"
    rf"|\b{_FIGURE_WORD}\s?[A-Z]?\.?\d+\w*|\bS\d+[A-Z]?\s{_FIGURE_WORD}"
    r"|\b[Ss]upplement(?:ary|al)\s\w+|\bSupporting Information\b"
)
# Matches the version of a program, and the identifier of a publication.
_VERSIONS = (
    r"(?i:\b(?:version|release|ver\.|v\.|build)\s?\d[\w.]*)|\bv\d+(?:\.\d+)+\b|\b10\.\d{4,}/\S+"
    r"|\b(?:SPSS|SAS|Stata|STATA|MATLAB|Matlab|GraphPad Prism|Prism|ImageJ"
    r"|Excel)\b(?:\s[A-Z]?\d[\w.]*)?"
)
# Matches one number of several, as in `9 of 78`, `15, 30 and 50%` or `3-fold`.
_CUT_NUMBERS = (
    r"\b\d[\d,.]*(?:\s\w+)?\s(?:out )?of\s(?:the\s)?\d[\d,.]*(?![\d%])"
    r"|\b(?:\d{1,2}|one) in \d{1,3}\b(?![.,]?\d)"
    r"|\b\d[\d.]*%?(?:,\s\d[\d.]*%?)+,?\s(?:and|or|to)\s\d[\d.]*%?"
)
_DEBRIS = regex(
    "|".join(
        (
            _REFERENCE_NUMBERS,
            _REFERENCE_WORD,
            _CITED_AUTHORS,
            _STATISTICS,
            _FIGURES,
            _VERSIONS,
        )
    )
)
_SET_PHRASES = (
    "in vitro|in vivo|in situ|in silico|in utero|in planta|ex vivo|de novo|de facto|de jure"
    "|ad hoc"
    "|ad libitum|a priori|a posteriori|post hoc|post mortem|per se|per capita|vice versa"
    "|status quo|et al"
    "|et cetera|pro rata|bona fide|inter alia|prima facie|mutatis mutandis|ceteris paribus"
    "|wild[ -]type"
    r"|\w+[ -]to[ -]\w+ ratios?|state of the art|trial and error|peer review"
)
_PHRASES = regex(rf"(?i)\b(?:{_SET_PHRASES})\b|{_CUT_NUMBERS}")


@lru_cache(maxsize=64)  # the gaps of a sentence are compared one after another
def _find_spans(text: str) -> tuple[list[Span], list[Span]]:
    debris = [match.span() for match in _DEBRIS.finditer(text)]
    phrases = [match.span() for match in _PHRASES.finditer(text)]
    return debris, phrases


def touches_debris(text: str, span: Span) -> bool:
    """Return whether a span overlaps a reference, a cited author, a statistic and the like."""
    debris, _ = _find_spans(text)
    return any(start < span[1] and span[0] < end for start, end in debris)


def splits_phrase(text: str, span: Span) -> bool:
    """Return whether a span has a part of a set phrase such as `in vitro`, but not all of it."""
    _, phrases = _find_spans(text)
    for start, end in phrases:
        overlaps = start < span[1] and span[0] < end
        contains = span[0] <= start and end <= span[1]
        if overlaps and not contains:
            return True
    return False
