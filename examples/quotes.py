"""Quotes: text files whose lines that begin with "> " are passages somebody kept."""

from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

from ankiforge.extract.base import (
    NOT_MINE,
    Candidate,
    Confidence,
    Recognition,
    SourceSettings,
)
from ankiforge.extract.folder import File, FileSource
from ankiforge.model import (
    Document,
    DocumentKey,
    Extracted,
    Highlight,
    HighlightKind,
    Sighting,
    h16,
)
from ankiforge.text.passages import CONTEXT, numbered

SIGN = "> "


class QuotesSettings(SourceSettings, kw_only=True):
    """The keys of a `quotes:` source besides `path` and `name`."""

    include: tuple[str, ...] = ("**/*.txt",)
    exclude: tuple[str, ...] = ()


class Quotes(FileSource):
    """The text files of one folder."""

    kind = "quotes"
    Settings = QuotesSettings
    endings = (".txt",)

    @classmethod
    def recognise(cls, candidate: Candidate) -> Recognition:
        """Return whether a file begins with a quote; other text may be anybody's."""
        if candidate.head.startswith(SIGN):
            return Recognition(Confidence.CONTENT)
        return NOT_MINE

    def document(
        self, file: File, text: str, picture: Callable[[str], str]
    ) -> Iterator[Sighting]:
        """Yield the document of a file, unless it has no quotes."""
        key = DocumentKey(f"{self.folder.namespace}/{h16(file.path)}")
        title = PurePosixPath(file.path).stem
        document = Document(key, self.folder.name, title=title, path=file.path)
        lines = text.split("\n")
        plain = [line.removeprefix(SIGN).strip() for line in lines]
        highlights = []
        for number, line in enumerate(lines):
            if not line.startswith(SIGN) or not plain[number]:
                continue
            before = [f"{near}\n" for near in plain[max(0, number - CONTEXT) : number]]
            after = [f"\n{near}" for near in plain[number + 1 : number + CONTEXT]]
            highlight = Highlight(
                document,
                self.folder.namespace,
                HighlightKind.HIGHLIGHT,
                exact=plain[number],
                prefix="".join(before)[-CONTEXT:],
                suffix="".join(after)[:CONTEXT],
                block=str(number),
            )
            highlights.append(highlight)
        if highlights:
            yield Extracted(document, tuple(numbered(highlights)), self.folder.container)
