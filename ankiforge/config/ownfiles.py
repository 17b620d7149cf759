"""The workspace's own files: each is opened, listed, written and locked through `OwnPath`.

    own = OwnPath(root)                                  the workspace, or a confirmed folder
    own / ".ankiforge" / "ledger.db"                     a file in it; nothing is looked at yet
    (own / "decks" / "a.yaml").read(TEXT_BYTES)          its bytes

A workspace may come from a stranger, and a program that synchronises folders may put
anything in the place of a file. So no symbolic link between the workspace and a file is
followed, and only regular files up to a size are opened: a link would lead out of the
workspace, a pipe would never answer, and a huge file would fill the memory. Links on the
way to the workspace itself are the person's own.

What the operating system refuses stays an `OSError`, which callers explain in their own
words.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import IO

from ankiforge.errors import OwnFileError
from ankiforge.model import Strings, Value

TEXT_BYTES = 1 << 18
"""The largest settings, deck or prompt file that is read."""
SQLITE_ENDS = ("", "-wal", "-shm", "-journal")
"""The ends of the names of the files that SQLite keeps for one database."""

# Windows has no such flags but `O_BINARY`, without which it would change line ends.
_SAFELY = (
    getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_JUNCTION = getattr(stat, "IO_REPARSE_TAG_MOUNT_POINT", 0)
_NEW_FILE = os.O_CREAT | os.O_EXCL | os.O_WRONLY
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class OwnPath(Value):
    """A file or folder that belongs to a workspace."""

    root: Path
    """The workspace, or another folder that a person chose. It may be reached through links."""
    steps: Strings = ()
    """The names from `root` down to the file, none of which may be a link."""

    def __truediv__(self, name: str) -> OwnPath:
        """Return the path of a name in this folder.

        Raises:
            OwnFileError: it is not the name of one file, such as `../x`.
        """
        # not a way out of the folder, and nothing that no file can be called
        with suppress(UnicodeEncodeError):
            os.fsencode(name)
            if name not in ("", "..") and "\0" not in name and Path(name).name == name:
                return OwnPath(self.root, (*self.steps, name))
        raise OwnFileError(f"{name!r} is not a file name", hint="use letters and digits")

    def __str__(self) -> str:
        return str(self.path)

    @property
    def path(self) -> Path:
        """The path as text for messages, and for programs that check it themselves."""
        return self.root.joinpath(*self.steps)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.name

    def beside(self, name: str) -> OwnPath:
        """Return the path of another name in the same folder."""
        return OwnPath(self.root, self.steps[:-1]) / name

    # --- looking ------------------------------------------------------------------------

    def state(self) -> os.stat_result | None:
        """Return the status of the file or folder. None if nothing is there.

        Raises:
            OwnFileError: it is a link, or in a folder that is one, or cannot be reached.
        """
        path = self.root
        try:
            status = path.stat()
            for step in self.steps:
                path = path / step
                status = path.lstat()
                # a symbolic link, or a junction of Windows
                tag = getattr(status, "st_reparse_tag", 0)
                if stat.S_ISLNK(status.st_mode) or (tag and tag == _JUNCTION):
                    raise _link(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            message = f"{path}: cannot be read: {error.strerror}"
            raise OwnFileError(message, hint="allow reading it") from error
        return status

    def is_there(self) -> bool:
        """Return whether a regular file is there.

        Raises:
            OwnFileError: something else is there.
        """
        status = self.state()
        if status is None:
            return False
        if not stat.S_ISREG(status.st_mode):
            raise _special(self.path, status)
        return True

    def listed(self, ending: str) -> list[OwnPath]:
        """Return the paths in this folder with an ending, sorted by name. [] without the folder.

        Raises:
            OwnFileError: it is a link, or cannot be listed.
        """
        if self.state() is None:
            return []
        try:
            names = os.listdir(self.path)  # noqa: PTH208 - names, not paths
        except OSError as error:
            message = f"{self}: cannot be listed: {error.strerror}"
            raise OwnFileError(message, hint="allow reading it") from error
        chosen = sorted(name for name in names if name.endswith(ending))
        return [OwnPath(self.root, (*self.steps, name)) for name in chosen]

    # --- reading and writing ------------------------------------------------------------

    def open(
        self, flags: int = os.O_RDONLY, *, max_bytes: int | None = None
    ) -> IO[bytes]:
        """Open the file for reading, or with flags of `os.open` also for writing.

        Args:
            flags: `O_CREAT` makes a private file, mode 0600.
            max_bytes: the largest size in bytes. None for no limit, if the file is read in
                parts.

        Raises:
            OwnFileError: it is a link or no regular file, or larger.
        """
        self.is_there()
        return open_regular(self.path, flags, max_bytes=max_bytes)

    def read(self, max_bytes: int) -> bytes:
        """Return the bytes of the file.

        Raises:
            OwnFileError: it is a link or no regular file, or larger than `max_bytes`.
        """
        with self.open(max_bytes=max_bytes) as file:
            data = file.read(max_bytes + 1)
        if len(data) > max_bytes:  # it grew meanwhile
            raise _large(self.path, max_bytes)
        return data

    def write(self, data: bytes, *, mode: int = 0o600) -> None:
        """Replace the file, completely or not at all, or make it.

        Raises:
            OwnFileError: a link or no regular file is in its place.
        """
        self.is_there()
        part = self.beside(f".{self.name}.part").path
        part.unlink(missing_ok=True)
        handle = os.open(part, _NEW_FILE | _SAFELY, mode)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        part.replace(self.path)

    def make_folder(self, mode: int = 0o700) -> None:
        """Make this folder and those above it unless they exist; by default for the user alone.

        Raises:
            OwnFileError: one of them is a link.
        """
        self.root.parent.mkdir(parents=True, exist_ok=True)
        self.root.mkdir(mode=mode, exist_ok=True)
        for count in range(1, len(self.steps) + 1):
            folder = OwnPath(self.root, self.steps[:count])
            folder.state()
            folder.path.mkdir(mode=mode, exist_ok=True)

    def restrict(self) -> None:
        """Remove the permissions of group and others.

        Where the mode cannot be changed (FAT, another owner, Windows), it is left alone.

        Raises:
            OwnFileError: it is a link.
        """
        status = self.state()
        if status is None or os.name == "nt":
            return
        # it is open to others
        if status.st_mode & 0o077:
            with suppress(OSError):
                self.path.chmod(stat.S_IMODE(status.st_mode) & 0o700)

    def database(self, *, make: bool = False) -> Path:
        """Return the path to give to SQLite, which would follow links.

        Args:
            make: make an empty private file unless there is one. Errors are left to
                SQLite.

        Raises:
            OwnFileError: it, or a file that SQLite keeps beside it, is a link or no
                regular file.
        """
        for ending in SQLITE_ENDS:
            self.beside(f"{self.name}{ending}").is_there()
        if make:
            with suppress(OSError):
                handle = os.open(self.path, _NEW_FILE, 0o600)
                os.close(handle)
        return self.path

    def remove_database(self) -> None:
        """Delete a database and the files that SQLite keeps beside it."""
        for ending in SQLITE_ENDS:
            beside = self.beside(f"{self.name}{ending}")
            beside.path.unlink(missing_ok=True)


def own_file(path: Path) -> OwnPath:
    """Return a file in a folder that a person chose, such as a package."""
    return OwnPath(path.parent) / path.name


def open_regular(
    path: Path,
    flags: int = os.O_RDONLY,
    *,
    max_bytes: int | None = None,
) -> IO[bytes]:
    """Open a regular file that is not a link itself; see `OwnPath.open`.

    The opened file is asked what it is, so that nothing can be exchanged in between.
    """
    try:
        handle = os.open(path, flags | _SAFELY, 0o600)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK) and path.is_symlink():
            raise _link(path) from error
        if error.errno == errno.ENXIO:  # a pipe that nobody reads, or a socket
            raise _special(path, path.lstat()) from error
        raise
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise _special(path, status)
        if max_bytes is not None and status.st_size > max_bytes:
            raise _large(path, max_bytes)
        return os.fdopen(
            handle, "rb" if flags & (os.O_WRONLY | os.O_RDWR) == 0 else "rb+"
        )
    except BaseException:
        # Ctrl-C may come when a file has got the handle, and has closed it
        with suppress(OSError):
            os.close(handle)
        raise


# --- what is refused --------------------------------------------------------------------


def _link(path: Path) -> OwnFileError:
    message = f"{path}: is a link, which ankiforge does not follow inside a workspace"
    return OwnFileError(
        message,
        hint="put the file or folder itself there, or delete the link",
    )


def _special(path: Path, status: os.stat_result) -> OwnFileError:
    kind = _KINDS.get(stat.S_IFMT(status.st_mode), "something else")
    return OwnFileError(f"{path}: is {kind}, not a file", hint="move it away")


def _large(path: Path, max_bytes: int) -> OwnFileError:
    """Return the error for a file that is larger than `max_bytes`."""
    mebibyte = 1 << 20
    size = f"{max_bytes >> 10:,} KiB"
    if max_bytes >= mebibyte:
        size = f"{max_bytes >> 20:,} MiB"
    return OwnFileError(
        f"{path}: is larger than {size}",
        hint="shorten it, or move it away",
    )
