"""The name of a model, as a person reads it."""

from __future__ import annotations

import re

_FOLDERS = re.compile(r"(?:[/\\]|[A-Za-z]:\\).*[/\\]|.*[/\\](?=[^/\\]+\.gguf$)")


def model_name(model: str) -> str:
    """A model that a server calls by the path of its file goes by the file's name.

    `/models/a-Q4.gguf` is `a-Q4.gguf`; `openai/gpt-5-mini` stays as it is.
    """
    return _FOLDERS.sub("", model, count=1)
