"""A reader with what is read and Anki side by side."""

from pathlib import Path
from typing import Any


class Reader:
    """Runs over one folder and imports what comes, into an Anki that stays open."""

    def __init__(self, forge: Any, folder: Path, anki: Any, codes: tuple[int, ...] = (0,)) -> None:
        self.forge, self.folder, self.anki, self.codes = forge, folder, anki, codes
        self.package = forge.folder / "ankiforge.apkg"

    def run(self) -> dict[str, int]:
        """Read, import, and some time passes; how many notes went which way."""
        self.package.unlink(missing_ok=True)
        assert self.forge("run", self.folder).exit_code in self.codes
        if not self.package.exists():
            return {}
        came: dict[str, int] = self.anki.load(self.package)
        self.anki.col.db.execute("update notes set mod = mod - 60 where mod > 1600000000")
        return came

    @property
    def note(self) -> Any:
        """The one note there is."""
        [guid] = self.anki.col.db.list("select guid from notes")
        return self.anki.note(guid)
