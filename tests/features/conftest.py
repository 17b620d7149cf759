"""The person with a vault and a collection of Anki, as in `tests/anki`."""

from tests.anki.conftest import anki, desk  # noqa: F401
