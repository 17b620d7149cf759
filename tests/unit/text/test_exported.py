"""A file that an export wrote is known again, whatever a formatter made of its head."""

from __future__ import annotations

import pytest

from ankiforge.text.identifiers import export_digest, export_mark, exported, is_export

BARE = "---\n\ntitle: A\n---\n\nWords.\n"
KEY = "vault:n/0123456789abcdef"
MARK = export_mark(export_digest(BARE), KEY)
PAGE = BARE.replace("---\n\n", f"---\n{MARK}\n", 1)


@pytest.mark.parametrize("sign", ['"', "'", ""])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_quotes_and_line_ends_make_no_other_page(sign: str, end: str) -> None:
    text = PAGE.replace(MARK, MARK.replace('"', sign)).replace("\n", end)
    assert exported(text) == (KEY, True)
    assert exported(text.replace("Words", "My words")) == (KEY, False)


def test_what_has_no_mark_is_no_export() -> None:
    assert not is_export(BARE)
    assert not is_export(f"{BARE}\n{MARK}\n")
