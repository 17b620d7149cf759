"""What goes wrong with PDFs, in words a reader understands."""

from __future__ import annotations

from pypdf.errors import (
    DependencyError,
    EmptyFileError,
    FileNotDecryptedError,
    PyPdfError,
    WrongPasswordError,
)
from pypdfium2 import PdfiumError  # type: ignore[import-untyped]

from ankiforge.extract.files import READ_AGAIN
from ankiforge.extract.pdf.protocol import REPAIR, Failed
from ankiforge.model import WENT_AWAY

FAULTS = (
    PyPdfError,
    PdfiumError,
    NotImplementedError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    AssertionError,
    RecursionError,
    OSError,
)
"""What damaged and hostile files raise in the two libraries (measured on 2,754 files)."""

LOCKED = Failed(
    "it is locked, and none of the known passwords opens it",
    "put its password into `passwords` of this source",
)
NO_PDF = Failed("it is not a PDF", "leave it out with `exclude`, or fetch it again")
EMPTY = Failed("the file is empty", "fetch it again")
TOO_BIG = Failed(
    "reading it takes more memory than is allowed", "print it to a new PDF, or split it"
)


def failure(error: BaseException) -> Failed:
    """The reason why a file cannot be read."""
    if isinstance(error, FileNotDecryptedError | WrongPasswordError) or _refused(error):
        return LOCKED
    if isinstance(error, EmptyFileError):
        return EMPTY
    if isinstance(error, MemoryError):
        return TOO_BIG
    if isinstance(error, NotImplementedError | DependencyError):
        return Failed("it is protected in a way this program cannot open", "save a copy without it")
    if isinstance(error, FileNotFoundError):
        return Failed(WENT_AWAY, READ_AGAIN)
    if isinstance(error, OSError):
        return Failed(
            f"it cannot be read: {error.strerror or error}", "check the file's permissions"
        )
    return Failed(f"it is damaged ({_reason(error)})", REPAIR)


def _refused(error: BaseException) -> bool:
    """Whether PDFium does not take a password that pypdf takes."""
    return isinstance(error, PdfiumError) and "password" in str(error).lower()


def _reason(error: BaseException) -> str:
    words = " ".join(str(error).split())
    return words[:100].rstrip(". ") or type(error).__name__
