"""Join the page's scripts into one file, and its styles into another, when the server starts.

The browser then sends two requests instead of thirty. The modules stay separate files, so that
editors and the type checker resolve their imports. In the joined script each module is a block,
which keeps its names to itself and puts what it exports into the object `modules`:

    {
    const { h } = modules["dom.js"];
    ...
    modules["shapes.js"] = { makeSvg, makeOutline };
    }

A module must import with `import { a, b } from "./name.js"` on one line, and export
declarations.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping
from functools import cached_property
from graphlib import TopologicalSorter

from ankiforge.model import Value, hash16

MAIN_SCRIPT = "page.js"
"""The module that starts the page, after all other modules."""
_IMPORT = re.compile(
    r'^import (\{[^}\n]*\}) from "(?:\./|/static/)([\w-]+\.js)";$', re.MULTILINE
)
_EXPORT = re.compile(r"^export ((?:async )?function|class|const) ([\w$]+)", re.MULTILINE)
_OTHER_SYNTAX = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


class Asset(Value, dict=True):
    """A text file for the browser."""

    text: str
    media_type: str

    @cached_property
    def version(self) -> str:
        """A hash of the text for its URL, so that the browser never uses an older file."""
        return hash16(self.text)

    @cached_property
    def body(self) -> bytes:
        """The text as bytes."""
        return self.text.encode()

    @cached_property
    def compressed_body(self) -> bytes:
        """The text as bytes, compressed with gzip."""
        return gzip.compress(self.body, mtime=0)


def join_modules(sources: Mapping[str, str]) -> str:
    """Join modules into one script, each after the modules that it imports.

    The script exports the object `modules`, whose values are the exports of each module.

    Args:
        sources: the text of each module by its name, such as `dom.js`. `page.js` comes last.

    Raises:
        ValueError: a module imports or exports in another way than this module expects.
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
