"""Stretches of a block's words, and the quotation marks around them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ankiforge.extract.obsidian.block import Block
from ankiforge.extract.obsidian.inline import Kind, Phrase
from ankiforge.model import Span

_OPENERS = {"”": "“„", "“": "„", "»": "«", "«": "»", "」": "「", "』": "『", "›": "‹", '"': '"'}
"""Closing quotation marks, and what opens before them."""
_LEAD = re.compile(r"[\s:–—\-•·|]+")
_GLUE = re.compile(r"[\s.,;:)\]–—\-·|。，、；：）]+")
_PICTOGRAM = r"[\u2190-\u2bff\u3030-\u303f\ufe0f\u200d\U0001f000-\U0001faff]"
_SIGNS = re.compile(rf"(?:{_PICTOGRAM}|\s)+")
_REMARK = re.compile(
    r"\s*(?:[💬📝✏🗨🗒✍]\ufe0f?\s*"
    r"|(?:my\s+|own\s+)?(?:comments?|notes?|remarks?|kommentare?|anmerkung(?:en)?|notizen?"
    r"|commentaires?|comentarios?|notas?|commento|批注|评论|笔记)\s*[:：]\s*)(?P<words>.*)\Z",
    re.IGNORECASE | re.DOTALL,
)


def bare(text: str) -> str:
    """What somebody says beside a link or a quote, "" if it is mere punctuation."""
    return _GLUE.sub("", text, count=1).strip() if re.search(r"\w", text) else ""


def remark(text: str) -> str:
    """What follows a sign or word that says that the reader speaks, "" if there is none."""
    found = _REMARK.match(text)
    return found["words"].strip() if found else ""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some of the words of block number `at`."""

    at: int
    span: Span
    plain: str
    """All the words of the block."""

    @property
    def text(self) -> str:
        """The words."""
        return self.plain[slice(*self.span)]

    def trimmed(self) -> Stretch | None:
        """Without blanks at its ends and pictograms before it; None if nothing is left."""
        start, end = self.span
        lead = _SIGNS.match(self.plain, start, end)
        start = lead.end() if lead else start
        while end > start and self.plain[end - 1].isspace():
            end -= 1
        return replace(self, span=(start, end)) if re.search(r"\w", self.plain[start:end]) else None

    def without_lead(self) -> Stretch | None:
        """Without the colon or dash that follows a link."""
        lead = _LEAD.match(self.plain, *self.span)
        return replace(self, span=(lead.end(), self.span[1])).trimmed() if lead else self

    def in_marks(self) -> Stretch | None:
        """What stands in the quotation marks that end it."""
        low, end = self.span
        while end > low and self.plain[end - 1] in " \n.,;:!?…。，、！？":
            end -= 1
        closer = self.plain[end - 1] if end > low else ""
        if closer not in _OPENERS:
            return None
        start = self._opener(low, end - 1, closer)
        inside = Stretch(self.at, (start + 1, end - 1), self.plain) if start >= 0 else None
        return inside.trimmed() if inside else None

    def in_signs(self) -> bool:
        """Whether quotation marks stand around it."""
        start, end = self.span
        openers = _OPENERS.get(self.plain[end : end + 1], "")
        return bool(start) and self.plain[start - 1] in openers

    def _opener(self, low: int, closer_at: int, closer: str) -> int:
        """Where the quotation mark stands that the one at `closer_at` closes, -1 = nowhere."""
        openers, depth = _OPENERS[closer], 1
        for at in range(closer_at - 1, low - 1, -1):
            letter = self.plain[at]
            if letter in openers and (letter != closer or self._opens(at, low)):
                depth -= 1
            elif letter == closer:
                depth += 1
            if not depth:
                return at
        return low if self.plain[low] in openers else -1

    def _opens(self, at: int, low: int) -> bool:
        """Whether a mark that looks the same on both sides opens."""
        before = self.plain[at - 1] if at > low else " "
        return (before.isspace() or before in "([—–") and not self.plain[at + 1].isspace()


def without_signs(stretches: list[Stretch]) -> list[Stretch]:
    """A quote without the quotation marks around all of it."""
    if len(stretches) == 1:
        inside = stretches[0].in_marks()
        whole = inside and not bare(stretches[0].plain[stretches[0].span[0] : inside.span[0]])
        return [inside] if inside and whole else stretches
    first, last = stretches[0], stretches[-1]
    opener, closer = first.text[:1], last.text[-1:]
    if opener not in _OPENERS.get(closer, ""):
        return stretches
    first = replace(first, span=(first.span[0] + 1, first.span[1]))
    return [first, *stretches[1:-1], replace(last, span=(last.span[0], last.span[1] - 1))]


def unbroken(words: list[Stretch]) -> list[Stretch]:
    """What stands together, from the first on."""
    kept = words[:1]
    for stretch in words[1:]:
        before = kept[-1]
        ends = not before.plain[before.span[1] :].strip()
        if stretch.at != before.at + 1 or not ends or stretch.span[0]:
            break
        kept.append(stretch)
    return kept


def marked(block: Block) -> list[Phrase]:
    """What is marked in a block by `==` or `<mark>`, the outermost of each."""
    found = block.inline.phrases() if block.inline else ()
    kept: list[Phrase] = []
    for phrase in sorted(found, key=lambda p: (p.span[0], -p.span[1])):
        if phrase.sign in ("==", "mark") and (not kept or phrase.span[0] >= kept[-1].span[1]):
            kept.append(phrase)
    return kept


def is_figure(block: Block) -> bool:
    """Whether a block begins with a picture: what stands below it tells of that."""
    tokens = block.inline.tokens if block.inline else ()
    first = next((t for t in tokens if t.plain.strip() or t.kind is Kind.PICTURE), None)
    return first is not None and first.kind is Kind.PICTURE
