"""Set one value in the text of `ankiforge.yaml`, and leave everything else as a person wrote it."""

from __future__ import annotations

from typing import Any

import yaml

from ankiforge.config.yamlfile import parse
from ankiforge.errors import ConfigError


def with_value(text: str, section: str, key: str, value: str) -> str | None:
    """Return a settings file with a text as the value of `section: {key: …}`.

    Comments, order and the style of the section stay. None if that cannot be done safely: what
    comes out is read again, and must differ in this value alone.
    """
    try:
        before, _ = parse(text, "before")
        settings: Any = before or {}
        edited = _edited(text, section, key, scalar(value))
        after, _ = parse(edited, "after")
        wanted = {**settings, section: {**(settings.get(section) or {}), key: value}}
    except (ConfigError, yaml.YAMLError, TypeError, AttributeError):
        return None
    return edited if after == wanted else None


def scalar(text: str) -> str:
    """Return a YAML scalar, in quotes if necessary, also within braces."""
    written: str = yaml.safe_dump(
        [text],
        allow_unicode=True,
        width=2**20,
        default_flow_style=True,
    )
    return written.strip()[1:-1]


def _edited(text: str, section: str, key: str, written: str) -> str:
    """Return a settings file with a value, if its section is a mapping."""
    added = f"{key}: {written}"
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    sections = {name.value: (name, node) for name, node in root.value} if root else {}
    if section not in sections:
        end = "" if not text or text.endswith("\n") else "\n"
        return f"{text}{end}\n{section}:\n  {added}\n"
    name, node = sections[section]
    known = node.value if isinstance(node, yaml.MappingNode) else []

    # in place of the value that it has
    for known_name, known_value in known:
        if known_name.value == key:
            start = known_value.start_mark.index
            end_of_value = known_value.end_mark.index
            return text[:start] + written + text[end_of_value:]

    # within braces
    start = node.start_mark.index
    if text[start : start + 1] == "{":
        separator = ", " if known else ""
        return f"{text[:start]}{{{added}{separator}{text[start + 1 :]}"

    # on a line of its own, below the name of the section
    indent = " " * (known[0][0].start_mark.column if known else 2)
    start = name.start_mark.index
    head, _, rest = text[start:].partition("\n")
    return f"{text[:start]}{head}\n{indent}{added}\n{rest}"
