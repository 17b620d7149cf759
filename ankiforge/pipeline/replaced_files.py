"""Replace the user's files, keeping a backup of each in the same directory.

`patch --apply` is the only command that does this. A file is replaced only if it still has the
content from which the new content was made.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from ankiforge.errors import ItemError
from ankiforge.model import Value

CHANGED_MESSAGE = "it has changed meanwhile, so it was left as it is"


class ReplacedFile(Value):
    """A file that was replaced, as stored for undo."""

    path: str
    hash: str
    """The SHA-256 hash of the new content."""

    @property
    def backup_path(self) -> Path:
        """The path of the backup, a hidden file in the same directory."""
        path = Path(self.path)
        return path.with_name(f".{path.name}.ankiforge-old")

    def restore(self) -> bool:
        """Restore the file from its backup. Return False if there is no backup.

        Raises:
            ItemError: The file cannot be written, or was edited after it was replaced.
        """
        kept = self.backup_path
        hint = f"the old one is {kept}"
        try:
            if not kept.exists():
                return False
            content = Path(self.path).read_bytes()
            is_ours = hash_content(content) == self.hash
            # if the program was killed before it replaced the file, the contents are equal
            if not is_ours and content != kept.read_bytes():
                raise ItemError(CHANGED_MESSAGE, hint=hint)
            kept.replace(self.path)
        except OSError as error:
            message = f"cannot be written: {error.strerror or error}"
            raise ItemError(message, hint=hint) from error
        return True


def hash_content(content: bytes) -> str:
    """Return the SHA-256 hash of the content of a file."""
    return sha256(content).hexdigest()


def replace_file(path: Path, old: bytes, new: bytes) -> None:
    """Replace a file atomically if its content is still `old`, keeping its mode.

    The old content is kept in a backup (see `ReplacedFile.backup_path`). If an error is raised,
    the file is unchanged and the backup is deleted.

    Raises:
        ItemError: The file was changed or deleted, is a symbolic link, or cannot be
            written.
    """
    kept = ReplacedFile(str(path), "").backup_path
    part = kept.with_suffix(".ankiforge-new")
    try:
        _check_replaceable(path)
        shutil.copy2(path, kept)
        _write_to_disk(part, new)
        shutil.copystat(path, part)
        os.utime(part)
        if path.read_bytes() != old or kept.read_bytes() != old:
            raise ItemError(CHANGED_MESSAGE)
        part.replace(path)
    except BaseException as error:  # also if the user presses Ctrl-C
        for leftover in (part, kept):
            with suppress(OSError):
                leftover.unlink(missing_ok=True)
        if isinstance(error, OSError):
            message = f"cannot be written: {error.strerror or error}"
            raise ItemError(message) from error
        raise


def _check_replaceable(path: Path) -> None:
    """Raise an `ItemError` if a file is a symbolic link or read-only."""
    if path.is_symlink():
        raise ItemError("it is a link, which is not replaced: patch its target yourself")
    if not os.access(path, os.W_OK) and path.exists():
        raise ItemError("cannot be written: it is read-only")


def _write_to_disk(path: Path, content: bytes) -> None:
    """Write a new file, and wait until the disk has it."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
