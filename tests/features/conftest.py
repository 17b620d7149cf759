"""The person with a vault and a collection of Anki, and with the page open."""

from tests.anki.conftest import anki, desk  # noqa: F401
from tests.web.conftest import opened  # noqa: F401
