"""Quotes: text files whose lines that begin with "> " are passages somebody kept."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ankiforge.errors import ItemError
from ankiforge.extract import SourceSettings
from ankiforge.extract.folder import Folder
from ankiforge.model import (
    Document,
    DocumentKey,
    Extracted,
    Highlight,
    HighlightKind,
    Problem,
    Sighting,
    Source,
    h16,
)
from ankiforge.text.passages import CONTEXT, numbered

SIGN = "> "


class Settings(SourceSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The keys of a `quotes:` source besides `path` and `name`."""

    suffix: str = ".txt"


def open_source(
    name: str,
    root: Path,
    settings: Settings,
    only: tuple[Path, ...] = (),
    me: tuple[str, ...] = (),
) -> Source:
    """Make a reader of the text files below `root`."""
    return Quotes(Folder("quotes", name, root, only, lambda path: path.endswith(settings.suffix)))


@dataclass(frozen=True)
class Quotes:
    """The files of one folder."""

    folder: Folder

    def scan(self) -> Iterator[Sighting]:
        """One document per file with quotes, a problem per unreadable file, one scan."""
        for file in self.folder.files():
            if isinstance(file, Problem):
                yield file
                continue
            try:
                lines = file.text().split("\n")
            except ItemError as error:
                yield self.folder.problem(file, error)
                continue
            if highlights := self._highlights(file.path, lines):
                yield Extracted(highlights[0].document, highlights, self.folder.container)
        yield self.folder.end()

    def _highlights(self, path: str, lines: list[str]) -> tuple[Highlight, ...]:
        key = DocumentKey(f"{self.folder.namespace}/{h16(path)}")
        document = Document(key, self.folder.name, title=Path(path).stem, path=path)
        plain = [line.removeprefix(SIGN).strip() for line in lines]
        found = (
            Highlight(
                document,
                self.folder.namespace,
                HighlightKind.HIGHLIGHT,
                exact=plain[at],
                prefix="".join(f"{near}\n" for near in plain[max(0, at - CONTEXT) : at])[-CONTEXT:],
                suffix="".join(f"\n{near}" for near in plain[at + 1 : at + CONTEXT])[:CONTEXT],
                block=str(at),
            )
            for at, line in enumerate(lines)
            if line.startswith(SIGN) and plain[at]
        )
        return tuple(numbered(found))
