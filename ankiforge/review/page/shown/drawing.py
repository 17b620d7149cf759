"""The HTML of the page itself: Jinja templates, everything escaped."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from ankiforge.text.fold import isolated


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("ankiforge.review.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["isolated"] = isolated
    return environment


def draw(template: str, **values: Any) -> str:
    """A template filled in; whatever a source, a model or a person wrote is text in it."""
    return _environment().get_template(template).render(**values)
