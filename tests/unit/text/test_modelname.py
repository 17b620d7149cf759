from __future__ import annotations

import pytest

from ankiforge.text.identifiers import model_name


@pytest.mark.parametrize(
    ("model", "shown"),
    [
        ("/models/deep/a-Q4.gguf", "a-Q4.gguf"),
        ("C:\\models\\a-Q4.gguf", "a-Q4.gguf"),
        ("TheBloke/A-GGUF/a-Q4.gguf", "a-Q4.gguf"),
        ("openai/gpt-5-mini", "openai/gpt-5-mini"),
        ("qwen3:8b", "qwen3:8b"),
    ],
)
def test_a_model_that_is_a_file_goes_by_the_name_of_the_file(model: str, shown: str) -> None:
    assert model_name(model) == shown
