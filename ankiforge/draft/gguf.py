"""How much memory a model in a GGUF file needs, and how much there is."""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

from ankiforge.errors import UsageError
from ankiforge.model import Value

MAGIC = b"GGUF"
"""The first bytes of the file."""
_WORKING = 300 << 20
"""What llama.cpp needs besides model and context, in bytes. Measured with 8,192 tokens."""
_REPACKED = 0.25
"""The part of the weights that it keeps a second time, in the order that the processor likes."""
_UNKNOWN_TOKEN = 150_000
"""The bytes of context for a token, if the file does not say: those of a model of 4 billion."""
_MOST_KEYS = 200
_LONGEST_TEXT = 1 << 20


class Shape(Value):
    """The numbers in a GGUF file on which the size of its context depends; 0 = unknown."""

    layers: int = 0
    heads: int = 0
    heads_kv: int = 0
    width: int = 0
    """The length of an embedding."""
    key_length: int = 0

    @property
    def token_bytes(self) -> int:
        """Return the memory for one token of context: keys and values in 16 bits."""
        heads = self.heads_kv or self.heads
        key_length = self.key_length
        if not key_length and self.heads:
            key_length = self.width // self.heads
        size = self.layers * heads * key_length * 2 * 2
        return size or _UNKNOWN_TOKEN


def memory_needed(file: Path, context: int) -> int:
    """Return the memory in bytes that a model needs with a context of so many tokens.

    Raises:
        UsageError: the file cannot be read, or is none of a model.
    """
    try:
        size = file.stat().st_size
        with file.open("rb") as opened:
            shape = _shape(opened)
    except OSError as error:
        message = f"the model {file} cannot be read: {error.strerror}"
        raise UsageError(
            message, hint="correct llm.model_file, or: ankiforge model list"
        ) from error
    if shape is None:
        message = f"{file} is not a model in the format GGUF"
        raise UsageError(message, hint="correct llm.model_file, or: ankiforge model list")
    weights = int(size * (1 + _REPACKED))
    memory_of_context = shape.token_bytes * context
    return weights + memory_of_context + _WORKING


# --- the head of a file ---------------------------------------------------------------------

# The numbers of the types of values, and how `struct` reads them.
_NUMBERS = {
    0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d",
}  # fmt: skip
_TEXT = 8
_FIELDS = {
    "block_count": "layers",
    "attention.head_count": "heads",
    "attention.head_count_kv": "heads_kv",
    "attention.key_length": "key_length",
    "embedding_length": "width",
}


def _shape(file: IO[bytes]) -> Shape | None:
    """Return the shape of a model; None if the file is not a GGUF. The rest of it is not read."""
    if file.read(4) != MAGIC:
        return None
    numbers: dict[str, int] = {}
    with suppress(struct.error, ValueError):
        for key, value in _values(file):
            field = _FIELDS.get(key.partition(".")[2])
            if field and isinstance(value, int):
                numbers[field] = value
    return Shape(**numbers)


def _values(file: IO[bytes]) -> Iterator[tuple[str, object]]:
    """Yield keys and values up to the first list, which is that of a vocabulary."""
    _version, _tensors, count = _unpacked(file, "IQQ")
    for _ in range(min(count, _MOST_KEYS)):
        key = _text(file)
        [kind] = _unpacked(file, "I")
        if kind == _TEXT:
            yield key, _text(file)
        elif kind in _NUMBERS:
            yield key, _unpacked(file, _NUMBERS[kind])[0]
        else:
            return


def _unpacked(file: IO[bytes], form: str) -> tuple[int, ...]:
    form = f"<{form}"
    return struct.unpack(form, file.read(struct.calcsize(form)))


def _text(file: IO[bytes]) -> str:
    [length] = _unpacked(file, "Q")
    if length > _LONGEST_TEXT:
        raise ValueError(length)
    return file.read(length).decode("utf-8", "replace")


# --- the memory of this machine -------------------------------------------------------------


def memory_available() -> int | None:
    """Return the memory in bytes that programs can still get; None if the system does not say."""
    if sys.platform == "win32":
        return _available_on_windows()
    amounts = []
    with suppress(OSError, ValueError, IndexError):
        text = Path("/proc/meminfo").read_text(encoding="ascii")
        _, _, after = text.partition("MemAvailable:")
        kibibytes = int(after.split()[0])
        amounts.append(kibibytes << 10)
    with suppress(OSError, ValueError, IndexError):
        amounts.append(_available_in_container(Path("/sys/fs/cgroup")))
    if not amounts:  # macOS gives unused memory to files, and takes it back
        with suppress(OSError, ValueError):
            amounts.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return min(amounts, default=None)


def _available_in_container(group: Path) -> int:
    """Return what is left of the limit of a container; what is kept of files can be taken back."""
    limit = int((group / "memory.max").read_text(encoding="ascii"))
    used_bytes = int((group / "memory.current").read_text(encoding="ascii"))
    kinds = (group / "memory.stat").read_text(encoding="ascii")
    of_files = int(kinds.partition("\nfile ")[2].split()[0])
    return limit - used_bytes + of_files


def _available_on_windows() -> int | None:
    """Return the free memory in bytes, as the kernel of Windows reports it."""
    import ctypes

    class Status(ctypes.Structure):
        _fields_ = (
            ("length", ctypes.c_uint32),
            ("load", ctypes.c_uint32),
            *(
                (name, ctypes.c_uint64)
                for name in ("total", "available", "c", "d", "e", "f", "g")
            ),
        )

    status = Status(length=ctypes.sizeof(Status))
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009 - only there on Windows
    return status.available if kernel.GlobalMemoryStatusEx(ctypes.byref(status)) else None
