"""Pages of the documentation with what the site adds to them."""

import importlib.util
from functools import cache
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).parents[2]


@cache
def as_on_the_site(name: str) -> str:
    """The text of a page, by its path in `docs`."""
    spec = importlib.util.spec_from_file_location("hooks", ROOT / "tools/docs_hooks.py")
    assert spec
    assert spec.loader
    hooks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hooks)
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    page = SimpleNamespace(file=SimpleNamespace(src_uri=name))
    shown: str = hooks.on_page_markdown(text, page)
    return shown
