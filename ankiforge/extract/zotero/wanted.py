"""Which libraries are to be read: the setting `library`."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from ankiforge.errors import ConfigError

_GROUP = re.compile(r"groups?[./](\d{1,18})")
_HINT = "user, the number of a group, groups/<number>, or a list of these"

Setting = str | int | tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Libraries by name; without any, all there are."""

    explicit: bool = False
    own: bool = True
    """The user's own."""
    named: frozenset[int] = frozenset()
    """Groups."""
    numbers: frozenset[int] = frozenset()
    """Groups, as far as there are groups of these numbers; else the user."""

    @property
    def needs_groups(self) -> bool:
        """Whether it depends on which groups there are."""
        return not self.explicit or bool(self.numbers)

    def user(self, groups: Collection[int]) -> int | None:
        """The number that means a user."""
        return min((number for number in self.numbers if number not in groups), default=None)

    def groups(self, groups: Collection[int]) -> list[int]:
        """Those to be read, of those there are and those that were named."""
        if not self.explicit:
            return sorted(groups)
        return sorted(self.named | {number for number in self.numbers if number in groups})


def wanted(setting: Setting) -> Wanted:
    """What a person wrote.

    Raises:
        ConfigError: it names no library.
    """
    words = setting if isinstance(setting, tuple) else (setting,) if setting != "" else ()
    if not words:
        return Wanted()
    texts = [str(word).strip() for word in words]
    groups = {text: int(found[1]) for text in texts if (found := _GROUP.fullmatch(text))}
    numbers = {int(text) for text in texts if re.fullmatch(r"\d{1,18}", text) and int(text)}
    for text in texts:
        if text != "user" and text not in groups and not re.fullmatch(r"0*[1-9]\d{0,17}", text):
            raise ConfigError(f"library: {text!r} is no library", hint=_HINT)
    return Wanted(True, "user" in texts, frozenset(groups.values()), frozenset(numbers))
