"""AnkiforgeId is read back from what Anki and its editor make of it."""

import pytest

from ankiforge.anki.notetypes import parse_identity
from ankiforge.anki.render import literal
from ankiforge.model import Guid, HighlightKey, Identity

GUID = Guid("afpl5zre2nzqwbpru3iyzgi7ag")
TAGS = "89abcdef"
KEY = HighlightKey("vault:Mein%20Vault/%C3%A4.b-1~.0123456789abcdef")
WHOLE = Identity(GUID, KEY, "12", ("01234567", "76543210"), TAGS)
TEXT = f"af1 {GUID} {KEY} 12 01234567.76543210 {TAGS}"


@pytest.mark.parametrize(
    "field",
    [
        TEXT,
        literal(TEXT),
        f"{TEXT} further words <b>too</b>",
        TEXT.replace(" ", "&nbsp;"),
        f"<div>{TEXT}</div>",
        f"{TEXT}<br>",
        f"<p>{TEXT}</p>x",
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
    field = literal(f"af1 {GUID} {key} 0 01234567 {TAGS}")
    assert "<wbr>" in field
    assert parse_identity(field) == Identity(GUID, key, "0", ("01234567",), TAGS)


@pytest.mark.parametrize(
    "field",
    [
        "",
        "af1",
        f"see {TEXT}",
        TEXT.replace("af1 ", "af2 "),
        TEXT.replace("af1 ", "af1"),
        TEXT.replace(GUID, GUID[:-1]),
        TEXT.replace(GUID, GUID.upper()),
        TEXT.replace(" 12 ", " "),
        TEXT.replace("76543210", "7654321"),
        TEXT.replace("76543210", ""),
        TEXT.replace(TAGS, TAGS[:-1]),
        TEXT.replace(KEY, ""),
        f"<!-- {TEXT} -->",
    ],
)
def test_other_texts_hold_none(field):
    assert parse_identity(field) is None
