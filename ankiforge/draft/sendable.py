"""What may leave this machine.

Every way out (a model, a chat, an agent) takes `Sendable` and `SendableText`, and only
`Privacy` makes them, at the moment of sending, from the stored text and from all texts
of the workspace that are under `#no-llm`:

- In the same document, a private text is masked at any length, even where it is cut
  off, and so is what is inside.
- Elsewhere, a private sentence is masked, and half of its words in order (`repeats`).
- A passage is withheld if any of its own words would be masked.

So a tag protects from now on what was read before it, and no key, match or check
depends on it.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import NewType

from msgspec.structs import replace

from ankiforge.draft.instructions import withheld, without_comment
from ankiforge.draft.repeats import Repeats
from ankiforge.errors import UsageError
from ankiforge.model import (
    Document,
    DocumentKey,
    Drafted,
    Highlight,
    HighlightKey,
    PrivateText,
    Span,
    Task,
    Value,
)
from ankiforge.text.masks import MASK, Hidden, folded, masked, parts_of
from ankiforge.text.private import HERE, IN_ITS_NOTE, LOOKS_SO, has_tag, why_private
from ankiforge.text.sentences import sentences

SendableText = NewType("SendableText", str)
"""A text without private words. Only `Privacy` and `ours` make it."""

# The least number of folded characters by which the words of a mark overlap a private
# text.
_OVERLAP = 6


def ours(text: str) -> SendableText:
    """Return a text of the program, such as the rules of a prompt, or a number."""
    return SendableText(text)


class Sendable(Value):
    """A highlight as it may leave this machine; see `Privacy.passage`."""

    key: HighlightKey
    title: SendableText
    """The title of its document."""
    by: SendableText
    """Authors and year of its document, separated by commas."""
    heading: SendableText
    under: tuple[SendableText, ...]
    """The parent list items, outermost first."""
    around: SendableText
    """The paragraph, else the sentence and the text beside it; "" if no more than `marked`."""
    marked: SendableText
    phrases: tuple[SendableText, ...]
    """The marked phrases in `marked`."""
    sentence: SendableText
    comment: SendableText
    """What its reader wrote; "" if somebody else did."""
    page: SendableText
    colour: SendableText


class Privacy:
    """The private texts of a workspace, at one moment."""

    def __init__(
        self,
        texts: Iterable[PrivateText],
        places: Callable[[HighlightKey], Iterable[Highlight]] = lambda key: (),
    ) -> None:
        """Take the private texts.

        Args:
            texts: all texts of the workspace that must stay on this machine.
            places: returns all places of a passage; it is private if one of them is.
        """
        self._places = places
        self._whole: dict[DocumentKey, str] = {}
        """Why a document is private as a whole."""
        by_document = defaultdict[DocumentKey, list[str]](list)
        every = list[str]()
        for private in texts:
            if not private.text:
                reason = IN_ITS_NOTE
                if private.doubt:
                    reason = LOOKS_SO.format(private.doubt)
                self._whole.setdefault(private.document, reason)
                continue
            every.append(private.text)
            if private.document:
                # its lines and its sentences may be repeated alone, too
                parts = by_document[private.document]
                parts.append(private.text)
                for line in private.text.split("\n"):
                    parts.append(line)
                    for start, end in sentences(line):
                        parts.append(line[start:end])
        self._everywhere = Repeats(every)
        self._texts_of = dict(by_document)
        self._hidden_in: dict[DocumentKey, Hidden] = {}
        self._any = bool(every or self._whole)

    # --- one highlight ----------------------------------------------------------------

    def why(self, highlight: Highlight) -> str:
        """Return why a highlight must stay on this machine; "" if it may leave."""
        reason = why_private(highlight)
        if reason or not self._any:
            return reason
        document = highlight.document.key
        if document in self._whole:
            return self._whole[document]
        # whether the words of the mark repeat, contain or overlap something private
        exact = unicodedata.normalize("NFC", highlight.exact)
        ends = self._hidden(document).ends(folded(exact).letters, _OVERLAP)
        if any(chain(self._private_spans(exact, document, cut=False), ends)):
            return HERE
        places = self._places(highlight.key) if highlight.key else ()
        return HERE if any(map(why_private, places)) else ""

    def passage(self, highlight: Highlight) -> Sendable:
        """Return the parts of a highlight that may leave this machine.

        Raises:
            UsageError: nothing may.
        """
        reason = self.why(highlight)
        if reason:
            raise UsageError(reason)
        document = highlight.document

        def text(words: str) -> SendableText:
            return self.text(words, document.key)

        # the paragraph, else the sentence and the text beside it; "" if no more than the mark
        bare = without_comment(highlight)
        around = bare.nearby
        if bare.exact not in around:
            around = bare.sentence
        if bare.exact not in around:
            around = "".join((bare.prefix, bare.exact, bare.suffix))
        if around.strip() == bare.exact.strip():
            around = ""
        comment = highlight.comment if highlight.instructs else ""
        phrases = [highlight.exact[start:end] for start, end in highlight.gaps]
        return Sendable(
            key=highlight.key,
            title=_unless_masked(text(document.title)),
            by=_unless_masked(text(_creators_and_year(document))),
            heading=_unless_masked(text(highlight.heading)),
            under=tuple(map(text, highlight.above)),
            around=text(around),
            marked=text(highlight.exact),
            phrases=tuple(map(text, phrases)),
            sentence=text(highlight.sentence),
            comment=text(comment),
            page=text(highlight.page_label),
            colour=text(highlight.colour),
        )

    def task(self, task: Task) -> SendableTask:
        """Return a task with the parts of its highlights that may be sent to a model."""
        passages = dict[HighlightKey, Sendable]()
        not_sent = dict[HighlightKey, Drafted]()
        for highlight in task.highlights:
            key = highlight.key
            unsuited = withheld(highlight)
            if unsuited:
                not_sent[key] = Drafted(highlight, reason=unsuited)
                continue
            private = self.why(highlight)
            if private:
                not_sent[key] = Drafted(highlight, reason=private, passing=True)
                continue
            passages[key] = self.passage(highlight)
        return SendableTask(task, passages, not_sent, self)

    # --- any text ---------------------------------------------------------------------

    def text(self, words: str, document: DocumentKey | None = None) -> SendableText:
        """Return a text with `[…]` instead of its private parts.

        Args:
            words: the text; where it was cut off, it has "…" or an end.
            document: the document in which it is; None = no document.
        """
        words = unicodedata.normalize("NFC", words)
        spans = list(self._private_spans(words, document))
        return SendableText(masked(words, spans) if spans else words)

    def hides(self, words: str, document: DocumentKey | None = None) -> bool:
        """Return whether a text contains something private."""
        words = unicodedata.normalize("NFC", words)
        return any(self._private_spans(words, document))

    def _private_spans(
        self,
        words: str,
        document: DocumentKey | None,
        *,
        cut: bool = True,
    ) -> Iterator[Span]:
        """Yield the private spans of a text; with `cut`, its ends may be within a private text."""
        for start, end in parts_of(words):
            if has_tag(words[start:end]):
                yield start, end
        if self._any:
            yield from self._everywhere.spans(words)
            hidden = self._hidden(document)
            if hidden:
                yield from hidden.spans(words, cut=cut)

    def _hidden(self, document: DocumentKey | None) -> Hidden:
        """Return the private texts of a document."""
        if document is None or document not in self._texts_of:
            return _NOTHING
        if document not in self._hidden_in:
            self._hidden_in[document] = Hidden(self._texts_of[document])
        return self._hidden_in[document]


@dataclass(frozen=True)
class SendableTask:
    """A task, and its passages that may be sent."""

    task: Task
    passages: dict[HighlightKey, Sendable]
    """What may be sent, in the order of the highlights."""
    withheld: dict[HighlightKey, Drafted]
    """Why the other highlights are not sent."""
    privacy: Privacy

    @property
    def highlights(self) -> tuple[Highlight, ...]:
        """The highlights that may be sent."""
        return tuple(
            highlight
            for highlight in self.task.highlights
            if highlight.key in self.passages
        )

    @property
    def title(self) -> SendableText:
        """Title, authors and year of the document; "" if none of that may be sent."""
        document = self.task.document
        creators = _creators_and_year(document)
        title = document.title
        if creators:
            title = f"{title} ({creators})"
        return self.text(title)

    @property
    def remark(self) -> SendableText:
        """A person's instructions for another draft."""
        return self.text(self.task.remark)

    def text(self, words: str) -> SendableText:
        """Return a text about the document, such as a complaint, without private parts."""
        return self.privacy.text(words, self.task.document.key)

    def only(self, *highlights: Highlight) -> SendableTask:
        """Return a task with only these highlights."""
        keys = {highlight.key for highlight in highlights}
        return SendableTask(
            replace(self.task, highlights=highlights),
            {key: shown for key, shown in self.passages.items() if key in keys},
            {key: why for key, why in self.withheld.items() if key in keys},
            self.privacy,
        )


_NOTHING = Hidden(())


def _creators_and_year(document: Document) -> str:
    """Return the first authors and the year of a document."""
    parts = (*document.creators[:3], document.issued)
    return ", ".join(filter(None, parts))


def _unless_masked(text: SendableText) -> SendableText:
    """Return a text, "" if nothing of it is left."""
    is_left = any(map(str.isalnum, text.replace(MASK, "")))
    return text if is_left else ours("")
