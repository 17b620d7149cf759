"""Set values in the text of `ankiforge.yaml`, and leave everything else as a person wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from ankiforge.config.yamlfile import parse
from ankiforge.errors import ConfigError
from ankiforge.model import Strings


def with_values(text: str, values: Mapping[Strings, Any]) -> str | None:
    """Return a settings file with values at their places: `("drafter",)`, `("llm", "model")`.

    Comments, order and the style of the sections stay. An empty value (None, "") is written only
    in the place of another one. None if that cannot be done safely: what comes out is read again,
    and must differ in these values alone.
    """
    try:
        for place, value in values.items():
            data, _ = parse(text, "before")
            settings: Any = data or {}
            *sections, key = place
            wanted: Any = {key: value}
            for section in reversed(sections):
                wanted = {section: {**(settings.get(section) or {}), **wanted}}
            wanted = {**settings, **wanted}
            before = settings
            for name in place:
                before = (before or {}).get(name)
            if before == value or not (before or value):
                continue
            text = _edited(text, place, scalar(value))
            if parse(text, "after")[0] != wanted:
                return None
    except (ConfigError, yaml.YAMLError, TypeError, AttributeError):
        return None
    return text


def scalar(value: Any) -> str:
    """Return a YAML scalar or list on one line, in quotes if necessary, also within braces."""
    written: str = yaml.safe_dump(
        [value],
        allow_unicode=True,
        width=2**20,
        default_flow_style=True,
    )
    return written.strip()[1:-1]


def _edited(text: str, place: Strings, written: str) -> str:
    """Return a settings file with a value, if its section is a mapping."""
    key = place[-1]
    added = f"{key}: {written}"
    end = "" if not text or text.endswith("\n") else "\n"
    node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    start_of_line = -1
    for section in place[:-1]:
        for name, child in node.value if node else ():
            if name.value == section:
                start_of_line = name.start_mark.index
                node = child
                break
        else:
            return f"{text}{end}\n{section}:\n  {added}\n"
    known = node.value if isinstance(node, yaml.MappingNode) else []

    # in place of the value that it has
    for known_name, known_value in known:
        if known_name.value == key:
            start = known_value.start_mark.index
            end_of_value = known_value.end_mark.index
            return text[:start] + written + text[end_of_value:]

    # within braces
    start = node.start_mark.index if node else 0
    if text[start : start + 1] == "{":
        separator = ", " if known else ""
        return f"{text[:start]}{{{added}{separator}{text[start + 1 :]}"

    # on a line of its own: at the end of the file, or below the name of the section
    if start_of_line < 0:
        return f"{text}{end}{added}\n"
    indent = " " * (known[0][0].start_mark.column if known else 2)
    head, _, rest = text[start_of_line:].partition("\n")
    return f"{text[:start_of_line]}{head}\n{indent}{added}\n{rest}"
