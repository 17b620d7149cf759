"""Print how densely each package is written, per 1,000 lines of code.

    python -m tools.density [FOLDER...]

The figures are a thermometer: a function that packs its cases into one expression has many of
these nodes, but a low figure alone doesn't make a function readable. Nothing here fails a build.
"""

import ast
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tools.size import lines_of_code

ROOT = Path(__file__).parents[1]
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
AIMS = {
    "conditional expressions": 10,
    "and/or": 35,
    "comprehensions": 18,
    "empty strings": 12,
}
"""The figure per 1,000 lines of code that each column should stay below."""


def count_dense_nodes(code: str) -> Counter[str]:
    """Count the nodes of each kind in `AIMS` in the code of a module."""
    counts: Counter[str] = Counter()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.BoolOp):
            counts["and/or"] += len(node.values) - 1
        elif isinstance(node, ast.IfExp):
            counts["conditional expressions"] += 1
        elif isinstance(node, COMPREHENSIONS):
            counts["comprehensions"] += 1
        elif isinstance(node, ast.Constant) and node.value == "":
            counts["empty strings"] += 1
    return counts


def measure_density(modules: Iterable[Path]) -> tuple[int, Counter[str]]:
    """Return the number of lines of code, and the dense nodes, of several modules."""
    line_count = 0
    node_counts: Counter[str] = Counter()
    for module in modules:
        code = module.read_text("utf-8")
        line_count += lines_of_code(code)
        node_counts += count_dense_nodes(code)
    return line_count, node_counts


def format_row(name: str, line_count: int, node_counts: Counter[str]) -> str:
    """Format one row of the table: a package, its lines, and its figures per 1,000 lines."""
    figures = [f"{1000 * node_counts[kind] / max(line_count, 1):>24.1f}" for kind in AIMS]
    return f"{name:<12}{line_count:>8,}{''.join(figures)}"


def print_table(folders: Iterable[Path]) -> None:
    """Print a row for each folder, below the aims."""
    print(f"{'':<12}{'lines':>8}{''.join(f'{kind:>24}' for kind in AIMS)}")
    print(f"{'aim':<12}{'':>8}{''.join(f'{aim:>24}' for aim in AIMS.values())}")
    for folder in folders:
        print(format_row(folder.name, *measure_density(sorted(folder.rglob("*.py")))))


if __name__ == "__main__":
    package = ROOT / "ankiforge"
    packages = [path.parent for path in sorted(package.glob("*/__init__.py"))]
    print_table([Path(name) for name in sys.argv[1:]] or [*packages, package])
