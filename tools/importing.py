"""Which tests are about a change, judged by imports: what `make quick` runs before there is a map.

A file of tests comes first if it was changed itself or is named after the module, then if it imports a changed module or
`touching.FOLLOWED` names the file for it, then the tables and the other files in the folder of the
module's package, then files that import a name of the module from its package, then files that reach
the module through a helper in `tests`. Within these, tests that mention a changed function come first.
"""

import ast
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

from tools.touching import FOLLOWED, Texts, changed_lines, iter_statements

_IMPORT = re.compile(
    r"^\s*(?:from ([\w.]+) import (\([^)]*\)|.+)|import ([\w.]+))", re.MULTILINE
)

_DEFINITION = re.compile(r"^(?:(?:async )?def |class )?(\w+)(?=\(|:| =)", re.MULTILINE)


def find_test_files(root: Path, texts: Texts) -> list[str]:
    """Return the paths of the test files to run for some changed files, the most specific first.

    `texts` maps each changed path to its text at the last commit and its text now.
    """
    ranks: dict[str, int] = {}
    for path in texts:
        for rank, file in _iter_ranked_files(root, path):
            ranks[file] = min(rank, ranks.get(file, rank))
    return sorted(ranks, key=lambda file: (ranks[file], "_table" not in file, file))


def find_changed_names(texts: Texts) -> set[str]:
    """Return the names of the functions and classes of the program that have changed lines."""
    names = set()
    for path, (before, now) in texts.items():
        if not fnmatch(path, "ankiforge/*.py") or not now:
            continue
        lines = changed_lines(now, before)
        for statement, _ in iter_statements(ast.parse(now)):
            if isinstance(
                statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
            ):
                span = range(statement.lineno, (statement.end_lineno or 0) + 1)
                if not lines.isdisjoint(span):
                    names.add(statement.name)
    return names


def _iter_ranked_files(root: Path, path: str) -> Iterator[tuple[int, str]]:
    if re.fullmatch(r"tests/(.*/)?test_\w+\.py", path):
        if (root / path).is_file():
            yield 0, path
        return
    if path.endswith(".py") and path.startswith(("ankiforge/", "tests/", "tools/")):
        module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for rank, importers in (1, _load_imports(root)), (3, _load_reexports(root)):
            for importer in _find_importers(importers, module):
                if _is_test_file(importer):
                    yield rank, importer
                    continue
                name = importer.removesuffix(".py").replace("/", ".")
                for file in _find_importers(_load_imports(root), name):
                    if _is_test_file(file):
                        yield 4, file
    names = next(names for pattern, names in FOLLOWED.items() if fnmatch(path, pattern))
    for name in names.format(*path.split("/")).split():
        place = root / name
        if place.is_file():
            yield 1, name
        for file in place.rglob("test_*.py"):
            is_own = file.stem.removesuffix("_table") == f"test_{Path(path).stem}"
            yield 0 if is_own else 2, str(file.relative_to(root))


def _is_test_file(path: str) -> bool:
    return path.rpartition("/")[2].startswith("test_")


def _find_importers(imports: dict[str, set[str]], module: str) -> list[str]:
    """Return the paths of all files that import a module, or a name from it."""
    return [path for path, modules in imports.items() if module in modules]


@cache
def _load_imports(root: Path) -> dict[str, set[str]]:
    """Return the modules and names that each file in `tests` imports, keyed by the file's path."""
    imports = {}
    for file in sorted((root / "tests").rglob("*.py")):
        modules = set()
        for source, names, module in _IMPORT.findall(file.read_text("utf-8")):
            modules.add(source or module)
            modules.update(f"{source}.{name}" for name in re.findall(r"\w+", names))
        imports[str(file.relative_to(root))] = modules
    return imports


@cache
def _load_reexports(root: Path) -> dict[str, set[str]]:
    """Return the modules from which each file in `tests` imports names through their package."""
    reexports = {}
    for path, imports in _load_imports(root).items():
        modules = set()
        for full_name in imports:
            package, _, name = full_name.rpartition(".")
            modules.add(_map_reexports(root, package).get(name, ""))
        reexports[path] = modules
    return reexports


@cache
def _map_reexports(root: Path, package: str) -> dict[str, str]:
    """Map each name that the `__init__.py` of a package imports to the module it comes from."""
    init = root / package.replace(".", "/") / "__init__.py"
    modules = {}
    for statement in ast.parse(init.read_text("utf-8")).body if init.is_file() else ():
        if isinstance(statement, ast.ImportFrom) and statement.module:
            names = [alias.name for alias in statement.names]
            if names == ["*"]:
                path = root / f"{statement.module.replace('.', '/')}.py"
                names = _DEFINITION.findall(path.read_text("utf-8"))
            modules |= dict.fromkeys(names, statement.module)
    return modules
