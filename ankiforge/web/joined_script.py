"""Join the page's scripts into a single file.

The browser then sends one request instead of thirty. The modules remain separate files, so that
editors and the type checker can resolve their imports. In the joined script, each module is a
block with its own scope, which adds its exports to the object `modules`:

    {
    const { h } = modules["dom.js"];
    ...
    modules["shapes.js"] = { makeSvg, makeOutline };
    }

A module must import with `import { a, b } from "./name.js"` on one line, and export
declarations.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from graphlib import TopologicalSorter

MAIN_SCRIPT = "page.js"
"""The module that starts the page, after all other modules."""
_IMPORT = re.compile(
    r'^import (\{[^}\n]*\}) from "(?:\./|/static/)([\w-]+\.js)";$', re.MULTILINE
)
_EXPORT = re.compile(r"^export ((?:async )?function|class|const) ([\w$]+)", re.MULTILINE)
_OTHER_SYNTAX = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


def join_modules(sources: Mapping[str, str]) -> str:
    """Join modules into one script, in topological order of their imports.

    The script exports the object `modules`, which maps module names to their exports.

    Args:
        sources: the source of each module, keyed by name, such as `dom.js`. If there is a
            `page.js`, it comes last.

    Raises:
        ValueError: a module uses an unsupported form of `import` or `export`.
        graphlib.CycleError: modules import one another.
    """
    imports = {
        name: {match[2] for match in _IMPORT.finditer(source)}
        for name, source in sources.items()
    }
    if MAIN_SCRIPT in imports:
        imports[MAIN_SCRIPT] |= sources.keys() - {MAIN_SCRIPT}
    blocks = [
        _wrap_module(name, sources[name])
        for name in TopologicalSorter(imports).static_order()
    ]
    return "".join(("export const modules = {};\n", *blocks))


def _wrap_module(name: str, source: str) -> str:
    exports = [match[2] for match in _EXPORT.finditer(source)]
    body = _IMPORT.sub(r'const \1 = modules["\2"];', source)
    body = _EXPORT.sub(r"\1 \2", body)
    unknown = _OTHER_SYNTAX.search(body)
    if unknown:
        message = f"{name} cannot be joined with the other scripts: {unknown[0]}"
        raise ValueError(message)
    return f'{{\n{body}\nmodules["{name}"] = {{ {", ".join(exports)} }};\n}}\n'
