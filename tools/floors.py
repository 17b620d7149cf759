"""Print the map of the ledger's modules by floor, from their imports, lowest floor first.

    python -m tools.floors

A module's floor is one above the highest module of the ledger that it imports, so a change can only
affect the floors above it. Imports for type checking only don't count.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
LEDGER = ROOT / "ankiforge" / "ledger"


def draw_map() -> str:
    """Return a line for each module: its floor, its name, and what it does."""
    modules = sorted(_find_modules(), key=lambda module: (_get_floor(module), module))
    lines = []
    for module in modules:
        docstring = ast.get_docstring(_parse(module)) or ""
        summary = docstring.partition("\n")[0]
        lines.append(f"{_get_floor(module):>2}  {module:<24} {summary}")
    return "\n".join(lines)


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
    print(draw_map())
