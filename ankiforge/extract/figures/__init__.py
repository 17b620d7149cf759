"""Which words in a figure are its labels, whatever read them: a text layer, or OCR."""

from __future__ import annotations

from importlib.util import find_spec


def ocr_is_installed() -> bool:
    """Return whether labels can be read from pictures: the extra `ocr`."""
    return find_spec("rapidocr") is not None and find_spec("onnxruntime") is not None
