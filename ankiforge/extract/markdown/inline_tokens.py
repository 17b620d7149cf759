"""The tokens of a block: pieces of its text, each with its plain text and its Markdown.

`parser` makes them and pairs those that open and close something, `inline` reads them.
Keys are made from the plain text (docs/reference/keys.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import ClassVar, NamedTuple

from ankiforge.model import Span, Strings, Texts


class Kind(Enum):
    """The kind of a token."""

    TEXT = auto()
    """Text whose plain text and Markdown are equal, character by character."""
    ATOM = auto()
    """An indivisible piece: the name of a link, an address, an escape, an entity."""
    OPAQUE = auto()
    """Code, maths and template fields: no sentence ends inside."""
    TAG = auto()
    BREAK = auto()
    """The end of a source line, `<br>`, or the edge of a block of HTML."""
    PICTURE = auto()
    """A file that is shown or played; its plain text is empty."""
    GONE = auto()
    """Markup of which nothing is shown."""
    EMPHASIS = auto()
    """`*`, `**`, `_`, `~~`, or the tag of an element such as `<b>`."""
    MARK = auto()
    """`==`, or what begins or ends another mark."""
    GAP = auto()
    """`{{` or `}}` of a hand-written cloze."""
    HINT = auto()
    """`::` in such a cloze, and the hint after it."""


LABEL = "[^"
"""The `note` of the token for a label, `[^1]:`, before the text of a footnote."""


INSIDE = "in a word"
"""The `note` of `==` between two letters: two of them with a blank between are
comparisons."""


HARD_BREAK = "  \n"
"""The Markdown of a line end that is shown as one."""
EDGE = "edge"
"""The `note` of a line end that is the edge of a block of HTML."""


@dataclass(slots=True, eq=False)
class Token:
    """One token of a block."""

    kind: Kind
    plain: str = ""
    markdown: str = ""
    """Of a mark: `==`, `~=` or the name of its element, which determines what ends it."""
    note: str = ""
    """A mark's colour, a cloze's numbers, a tag's name, "strong" for the signs of
    `**`."""
    target: str = ""
    """Of a link's first token: the address; `[[Note#Part]]`, also for
    `![[Note#Part]]`."""
    opens: bool = False
    closes: bool = False
    """Whether a mark or an element may begin and end here."""
    partner: int = -1
    """The index of the token it is paired with, -1 = none."""
    type: ClassVar[str] = ""
    """markdown-it asks for the type of a token beside `~~`."""

    def become(
        self,
        kind: Kind,
        plain: str = "",
        markdown: str | None = None,
    ) -> None:
        """Turn into a token of another kind, without partner and note."""
        self.kind = kind
        self.plain = plain
        self.markdown = plain if markdown is None else markdown
        self.note = ""
        self.partner = -1


class Phrase(NamedTuple):
    """A marked phrase: the text between two tokens."""

    opener: int
    closer: int
    span: Span
    """In code points of the block's plain text, without white space at the ends."""
    sign: str
    """`==`, `mark`, `bold`, or `{{`."""
    note: str
    """The colour of a mark, or the numbers of a cloze."""

    @property
    def start(self) -> int:
        """Where it starts in the plain text."""
        return self.span[0]

    @property
    def end(self) -> int:
        """Where it ends in the plain text."""
        return self.span[1]


class Gaps(NamedTuple):
    """The clozes of a dialect besides `{{…}}`."""

    signs: frozenset[str] = frozenset()
    """Among `==`, `bold`, `{{` and `{`; `{{` also makes clozes of lone words."""
    together: bool = False
    """Whether all clozes without a number belong to the first card."""


class Context(NamedTuple):
    """The maths, labels, files and gaps to which the text of a block may refer."""

    maths: Strings = ()
    """The multi-line maths of the note, by number."""
    references: Mapping[str, Texts] = {}
    """The link labels that the note defines, as markdown-it has them."""
    picture: Callable[[str], str] = str
    """Returns the path of an embedded file below the vault; "" if it is no picture, sound or
    film."""
    gaps: Gaps = Gaps()
    verbatim: bool = False
    """Whether to keep line breaks and signs as they are: for text of several blocks."""
