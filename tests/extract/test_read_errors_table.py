"""Why a file cannot be read, and what to do, as a table."""

import pytest

from ankiforge.extract.files import (
    MISSING_FILE_HINT,
    VANISHED,
    SpecialFileError,
    build_read_error,
)


@pytest.mark.parametrize(
    ("error", "message", "hint"),
    [
        (FileNotFoundError(2, "No such file"), VANISHED, MISSING_FILE_HINT),
        (SpecialFileError(0, "it is a pipe"), "it is a pipe", "pipes, devices and folders are not read"),
        (PermissionError(13, "Permission denied"), "cannot be read: Permission denied", "check its permissions"),
        (OSError("odd"), "cannot be read: odd", "check its permissions"),
    ],
)  # fmt: skip
def test_why_a_file_cannot_be_read(error, message, hint):
    told = build_read_error(error)
    assert told.message == message
    assert told.hint == hint
