"""AnkiforgeId is read back from what Anki and its editor make of it."""

import pytest

from ankiforge.anki.notetypes import parse_identity
from ankiforge.anki.render import text_to_html
from ankiforge.model import Guid, HighlightKey, NoteIdentity

GUID = Guid("afpl5zre2nzqwbpru3iyzgi7ag")
TAGS = "89abcdef"
KEY = HighlightKey("vault:Mein%20Vault/%C3%A4.b-1~.0123456789abcdef")
WHOLE = NoteIdentity(GUID, KEY, "12", ("01234567", "76543210"), TAGS)
TEXT = f"af1 {GUID} {KEY} 12 01234567.76543210 {TAGS}"


@pytest.mark.parametrize(
    "field",
    [
        text_to_html(TEXT),
        f"{TEXT} further words <b>too</b>",
        TEXT.replace(" ", "&nbsp;"),
        f"<div>{TEXT}</div>",
        f"{TEXT}<br>",
        f"\n {TEXT.replace(' ', '  ')} ",
        TEXT.replace("vault:", "vault:<wbr>").replace("af1", "af1<span></span>"),
        f'<span style="color: red">{TEXT}</span>',
        TEXT.replace("%20", "&#37;20"),
    ],
)
def test_an_identity_is_read(field):
    assert parse_identity(field) == WHOLE


def test_signs_that_were_parted_are_joined_again():
    key = HighlightKey("own:a/{{b}}::c")
    field = text_to_html(f"af1 {GUID} {key} 0 01234567 {TAGS}")
    assert "<wbr>" in field
    assert parse_identity(field) == NoteIdentity(GUID, key, "0", ("01234567",), TAGS)


@pytest.mark.parametrize(
    "field",
    [
        "",
        f"see {TEXT}",
        f"<!-- {TEXT} -->",
        *(
            TEXT.replace(old, new)
            for old, new in (
                ("af1 ", "af2 "), (GUID, GUID[:-1]), (GUID, GUID.upper()), (" 12 ", " "),
                ("76543210", "7654321"), ("76543210", ""), (TAGS, TAGS[:-1]), (KEY, ""),
            )
        ),
    ],
)  # fmt: skip
def test_other_texts_hold_none(field):
    assert parse_identity(field) is None
