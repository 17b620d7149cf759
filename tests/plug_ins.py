"""Plug-ins as pip leaves them behind: a module, and a folder that tells of its entry points."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ankiforge import plugins
from ankiforge.extract import registry

EXAMPLE = Path(__file__).parents[1] / "examples/plugin"
SAMPLE = EXAMPLE / "sample"
FOLIATE = {
    plugins.SOURCE_GROUP: "foliate = ankiforge_foliate:Foliate",
    plugins.COMMAND_GROUP: "foliate = ankiforge_foliate:foliate",
}


def forget() -> None:
    """Let the program look for plug-ins once more."""
    for cached in (
        plugins.find_plugins,
        registry.load_plug_in_source_types,
        registry.load_source_type,
        registry.load_source_types,
        registry.load_types_for_suffix,
    ):
        cached.cache_clear()


@contextmanager
def plug_in(
    site: Path,
    points: dict[str, str],
    *,
    name: str = "ankiforge-foliate",
    module: Path = EXAMPLE / "ankiforge_foliate.py",
) -> Iterator[None]:
    """Have a distribution installed into a folder of modules."""
    information = site / f"{name.replace('-', '_')}-0.1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n"
    )
    groups = [f"[{group}]\n{point}\n" for group, point in points.items()]
    (information / "entry_points.txt").write_text("\n".join(groups))
    shutil.copy(module, site)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(site)
        forget()
        try:
            yield
        finally:
            sys.modules.pop(module.stem, None)
    forget()
