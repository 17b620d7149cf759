"""Golden cases: tests/sources/<kind>/<case>/ holds an input and what is read from it.

A case has a `source.yaml` (`kind`, `settings` with `path` relative to the case; if wanted
`only`, paths below it, and `me`), its input or a `make.py` with `make(folder: Path) -> None`
that writes it into a temporary copy, and `expected.jsonl`. `make golden` writes the last.
"""

import os
import shutil
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from ankiforge.extract import registry
from ankiforge.model import (
    ExtractedDocument,
    Highlight,
    Problem,
    ScanEnd,
    Sighting,
    UnmarkedDocument,
)
from ankiforge.text.keys import build_anchor_key, build_source_id_key
from tests.reading import opened

HERE = Path(__file__).parent
CASES = sorted(path.parent for path in HERE.glob("*/*/source.yaml"))


def sightings(case: Path, folder: Path) -> list[Sighting]:
    """What the source of this case yields, read from a copy in `folder`."""
    copy = folder / case.name
    shutil.copytree(case, copy, dirs_exist_ok=True)
    if (copy / "make.py").exists():
        spec = spec_from_file_location(f"make_{case.name}", copy / "make.py")
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        module.make(copy)
    return list(
        source_of(yaml.safe_load((copy / "source.yaml").read_text("utf-8")), copy).scan()
    )


def source_of(case: dict[str, Any], copy: Path) -> Any:
    kind = case["kind"]
    settings = msgspec.convert(case["settings"], registry.load_source_type(kind).Settings)
    root = copy / settings.path
    only = tuple(root / path for path in case.get("only", ()))
    return opened(
        kind, root, settings, only, tuple(case.get("me", ())), name=settings.name
    )


def key_of(highlight: Highlight) -> str:
    return build_source_id_key(highlight) or build_anchor_key(
        highlight, highlight.occurrence
    )


def lines(found: list[Sighting]) -> Iterator[dict[str, Any]]:
    for sighting in found:
        match sighting:
            case ExtractedDocument(document, highlights, container, pages):
                rest = {"container": container, "pages": pages} if pages else {}
                yield {"document": told(document), **rest}
                for highlight in highlights:
                    assert highlight.document == document
                    yield {"key": key_of(highlight), "highlight": told(highlight)}
            case Problem():
                yield {"problem": told(sighting)}
            case ScanEnd():
                yield {"scan": told(sighting)}


def told(value: Any) -> dict[str, Any]:
    """The fields of a value that say more than their default."""
    return {
        field.encode_name: getattr(value, field.name)
        for field in msgspec.structs.fields(value)
        if field.name != "document" and getattr(value, field.name) != field.default
    }


def written(found: list[Sighting], folder: Path) -> str:
    """JSON Lines; the temporary folder is called `<here>` in them."""
    text = "".join(msgspec.json.encode(line).decode() + "\n" for line in lines(found))
    return text.replace(str(folder), "<here>")


@pytest.mark.parametrize(
    "case", CASES, ids=[case.relative_to(HERE).as_posix() for case in CASES]
)
def test_a_source_yields_what_the_golden_file_says_and_twice_the_same(case, tmp_path):
    found = sightings(case, tmp_path)
    golden, result = case / "expected.jsonl", written(found, tmp_path)
    if os.environ.get("ANKIFORGE_GOLDEN"):
        golden.write_text(result, "utf-8")
    assert result == golden.read_text("utf-8")
    assert sightings(case, tmp_path) == found

    # what is left out of all exports of a source comes behind its scan
    of_documents = [one for one in found if not isinstance(one, UnmarkedDocument)]
    assert isinstance(of_documents[-1], ScanEnd)
    documents = [one for one in found if isinstance(one, ExtractedDocument)]
    scanned = {one.container for one in found if isinstance(one, ScanEnd)}
    assert {one.container for one in documents} <= scanned
    for document in documents:  # copies of a note share keys until they are issued
        keys = [key_of(highlight) for highlight in document.highlights]
        assert len(keys) == len(set(keys))
        for highlight in document.highlights:
            assert ordered(highlight.gaps, len(highlight.exact))
            if highlight.markdown_gaps:
                assert ordered(highlight.markdown_gaps, len(highlight.markdown[0]))
                assert len(highlight.markdown_gaps) == len(highlight.gaps)


def ordered(spans: tuple[tuple[int, int], ...], length: int) -> bool:
    edges = [0, *(edge for span in spans for edge in span), length]
    return edges == sorted(edges) and all(start < end for start, end in spans)
