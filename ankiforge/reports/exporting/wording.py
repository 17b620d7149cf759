"""Texts as a page of an export tells them: what any reader of Markdown shows, and no other tool acts on.

Formulas, code, emphasis, lists and links stay; what a cloze hides is bold. Marks, tags and the signs
of cards by hand are escaped: they would be marks and cards again to whoever reads the folder.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from ankiforge.model import Card, Highlight, Span
from ankiforge.text.cloze import gaps, shields
from ankiforge.text.markdown import literal

_TAG = r"(?<![\w/.?=&-])\#(?=[^\s\#])"
_SIGN = re.compile(
    rf"""
      (?P<keep><https?://[^\s<>]+>)
    | < | \$ | (?<=:): | (?<==)= | (?<=%)% | (?<=\{{)\{{ | (?<=\}})\}} | (?<=\[)\[ | (?<=\]): | {_TAG}
    """,
    re.VERBOSE,
)
"""Signs that our subset takes for letters, or that belong to other tools."""
_TAGS = re.compile(_TAG, re.VERBOSE)
_PICTURE = re.compile(r"!\[([^\]\n]*)\]\(<?([^)>\n]*)>?\)")
_MARKED = re.compile(r"(?<!=)==(?![=\s])((?:(?!==).)+?)(?<!\s)==(?!=)", re.DOTALL)
_LINES = re.compile(
    r"(?P<dashes>^ {0,3}(?=--[ \t]*$)|(?<=\S\n) {0,3}(?=[-=][ \t]*$))|(?<=[^\s\\])\n(?=[ \t]*\S)",
    re.MULTILINE,
)
"""Dashes that would make a heading of the line above, or a rule of an item; and ends of lines."""
_BLOCKS = re.compile(r"\n\s*\n|(?:^|\n)[ \t]*(?:[-+*>#|~]+\s|```|~~~|\||\d+[.)]\s)")
_BESIDE = frozenset(".,;:!?()'\"-–—")
"""Signs beside which `**` is read as meant; and letters and blanks."""
_DEEPEST = 20
_ENDS = re.compile(r"(\s*)(.*?)(\s*)\Z", re.DOTALL)


def shown(markdown: str, *, cloze: bool = False) -> str:
    """A field as Markdown; `cloze`: with what it hides in bold, and the hints."""
    return _lined(_run(markdown, cloze=cloze)).strip("\n")


def quoted(highlight: Highlight) -> str:
    """What was marked, as Markdown: of a sentence with marked phrases, these are bold."""
    if not highlight.markdown:
        lines = _emphasised(highlight.exact, highlight.gaps, written).split("\n")
        return "  \n".join(line.strip() for line in lines).strip()
    return _lined(_emphasised(highlight.markdown[0], highlight.markdown_gaps, _run)).strip()


def written(text: str) -> str:
    """Plain text, to be shown as it is."""
    return _TAGS.sub(r"\\#", literal(text))


def fields_of(card: Card) -> Iterator[str]:
    """What it asks, then what it answers, and what is shown with that."""
    told = dict(card.fields)
    yield shown(told["Text"], cloze=True) if "Text" in told else shown(told.get("Front", ""))
    yield from (shown(words) for name in ("Back", "Extra") if (words := told.get(name, "")))


def item(sign: str, text: str, beside: str = "") -> Iterator[str]:
    """The lines of an item of a list: its sign, a text of any number of lines, a word beside it."""
    first, *others = text.lstrip().split("\n")
    yield f"{sign}{first}" + (f" {beside}" if beside and not others else "")
    margin = " " * len(sign)
    yield from (f"{margin}{line}" if line.strip() else "" for line in others)
    if beside and others:
        yield from ("", f"{margin}{beside}")


def _run(markdown: str, *, cloze: bool = False, depth: int = 0) -> str:
    parts, at = [""], 0
    for gap in gaps(markdown) if cloze and depth < _DEEPEST else ():
        if gap.start < at:
            continue  # it stands in another
        parts.append(_neutral(markdown[at : gap.start]))
        answer, hint = _run(gap.answer, cloze=True, depth=depth + 1), _run(gap.hint)
        parts.append(_bold(answer, parts[-1][-1:], markdown[gap.end : gap.end + 1]))
        parts += [f" *({hint.strip()})*"] if hint.strip() else []
        at = gap.end
    return "".join([*parts, _neutral(markdown[at:])])


def _neutral(markdown: str) -> str:
    parts, at = [], 0
    for start, end, _ in shields(markdown):
        parts += [_escaped(markdown[at:start]), markdown[start:end]]
        at = end
    return "".join([*parts, _escaped(markdown[at:])])


def _escaped(run: str) -> str:
    named = _PICTURE.sub(lambda one: f"(picture: {one[1] or one[2].rpartition('/')[2]})", run)
    return _SIGN.sub(lambda one: one["keep"] or f"\\{one[0]}", _MARKED.sub(r"\1", named))


def _bold(text: str, before: str, after: str) -> str:
    """In Markdown's way where that is possible; not of lists and several paragraphs."""
    found = _ENDS.match(text)
    assert found is not None
    left, words, right = found.groups()
    if not words or _BLOCKS.search(words):
        return text
    fit = (
        "*" not in words
        and all(one.isalnum() or one.isspace() or one in _BESIDE for one in (before, after) if one)
        and (words[0].isalnum() or left or not before.isalnum())
        and (words[-1].isalnum() or right or not after.isalnum())
    )
    return f"{left}**{words}**{right}" if fit else f"{left}<b>{words}</b>{right}"


def _emphasised(text: str, phrases: Iterable[Span], tell: Callable[[str], str]) -> str:
    """With phrases in bold, unless one is all there is, or ends within a formula."""
    held = shields(text)
    parts, at = [""], 0
    for start, end in sorted(phrases):
        cut = any(one < place < last for one, last, _ in held for place in (start, end))
        if start < at or cut or end - start >= len(text.strip()):
            continue
        parts.append(tell(text[at:start]))
        parts.append(_bold(tell(text[start:end]), parts[-1][-1:], text[end : end + 1]))
        at = end
    return "".join([*parts, tell(text[at:])])


def _lined(markdown: str) -> str:
    """A line that ends in Anki ends here, too, and none makes a heading of the one above."""
    held = [(start, end) for start, end, kind in shields(markdown) if kind != "escape"]

    def told(one: re.Match[str]) -> str:
        if any(start <= one.start() < end for start, end in held):
            return one[0]
        return f"{one[0]}\\" if one["dashes"] is not None else "  \n"

    return _LINES.sub(told, markdown)
