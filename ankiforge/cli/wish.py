"""What a call of `ankiforge run` asks for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ankiforge.cli.common import Call


@dataclass(frozen=True, slots=True)
class Wish:
    """The options of one call."""

    call: Call
    paths: tuple[Path, ...]
    deck: str
    output: str | None
    drafter: str
    accept: str
    new_only: bool
    name: str
    force: bool
    dry_run: bool
    once: bool = False
    """The PATHs are not remembered."""
    push: bool = False
    """Into a running Anki, not only into a package."""

    @property
    def request(self) -> str:
        """The same for the same question: where it is asked counts, how it is to be told not."""
        asked = (self.deck, self.output, self.drafter, self.accept, self.new_only, self.name)
        more = (self.force, self.once, self.call.limit, self.call.offline, self.call.program)
        here = (str(Path.cwd()), *(str(path.absolute()) for path in self.paths))
        return repr((here, asked, more))
