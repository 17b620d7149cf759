"""Draw the map of the ledger's modules by floor, from their imports: `docs/internals/ledger.md`.

    python -m tools.floors

A module's floor is one above the highest module of the ledger that it imports, so a change can only
affect the floors above it. Imports for type checking only don't count.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
LEDGER = ROOT / "ankiforge" / "ledger"
PAGE = ROOT / "docs" / "internals" / "ledger.md"
MAP = re.compile(r"(?<=<!-- map -->\n).*?(?=<!-- end of map -->)", re.DOTALL)


def draw_map(page: str) -> str:
    """Return a page with the map of today's modules."""
    rows = ["| floor | module | what it does |", "|--:|---|---|"]
    for module in sorted(
        _find_modules(), key=lambda module: (_get_floor(module), module)
    ):
        summary = ast.get_docstring(_parse(module)).partition("\n")[0]
        rows.append(f"| {_get_floor(module)} | `{module}` | {summary} |")
    return MAP.sub(lambda _: "\n".join(rows) + "\n", page)


def _find_modules() -> set[str]:
    """Return the modules of the ledger as paths without a suffix, such as `tables/highlights`."""
    paths = (path.relative_to(LEDGER) for path in LEDGER.rglob("*.py"))
    return {str(path.with_suffix("")) for path in paths if path.stem != "__init__"}


@cache
def _parse(module: str) -> ast.Module:
    return ast.parse((LEDGER / f"{module}.py").read_text("utf-8"))


@cache
def _get_floor(module: str) -> int:
    imported = set(_iter_imports(_parse(module))) & _find_modules()
    return 1 + max(map(_get_floor, imported), default=0)


def _iter_imports(node: ast.AST) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        if isinstance(child, ast.ImportFrom) and child.module:
            name = (
                child.module.removeprefix("ankiforge.ledger").strip(".").replace(".", "/")
            )
            if child.module.startswith("ankiforge.ledger"):
                yield name
                yield from (f"{name}/{alias.name}".strip("/") for alias in child.names)
        yield from _iter_imports(child)


if __name__ == "__main__":
    PAGE.write_text(draw_map(PAGE.read_text("utf-8")), "utf-8")
