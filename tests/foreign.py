"""Files of other people, which the repository does not hold.

`ANKIFORGE_FIXTURES` names the folder of them: `pdf/`, `obsidian/`, `zotero/`, `dedup/`. What is tested with
them is tested with files of our own as well; without the variable those tests are skipped.
"""

import os
from pathlib import Path

import pytest

VARIABLE = "ANKIFORGE_FIXTURES"


def foreign(path: str) -> Path | None:
    """The file or folder in the folder that the variable names; None if it names none.

    If the variable names a folder that lacks it, the test fails.
    """
    folder = os.environ.get(VARIABLE)
    if not folder:
        return None
    found = Path(folder) / path
    if not found.exists():
        pytest.fail(f"{VARIABLE} is {folder}, and {path} is not there", pytrace=False)
    return found


def needed(path: str) -> Path:
    """The same for one test, which is skipped if the variable names no folder."""
    found = foreign(path)
    if found is None:
        pytest.skip(f"{VARIABLE} is not set: it names the folder of other people's files")
    return found
