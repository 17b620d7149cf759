"""Small models follow few rules better than many: which prompt a model gets."""

import pytest

from ankiforge.app import is_small_model

HERE, ELSEWHERE = "http://127.0.0.1:11434/v1", "https://llm.example/v1"


@pytest.mark.parametrize(
    "model",
    ["qwen3:8b", "gemma3n:e4b", "llama-3.2-1B-Instruct", "smollm:135m", "deepseek-r1:14b"],
)
def test_the_size_in_a_name_decides_anywhere(model):
    assert is_small_model(HERE, model)
    assert is_small_model(ELSEWHERE, model)


@pytest.mark.parametrize(
    "model",
    ["qwen3:32b", "mixtral-8x7b", "openai/gpt-oss-120b", "qwen3-30b-a3b", "Llama-3.3-70B",
     "qwen3-coder:480b-cloud", "gpt-5-mini", "claude-sonnet-4"],
)  # fmt: skip
def test_a_large_model_is_large_on_this_machine_too(model):
    assert not is_small_model(HERE, model)
    assert not is_small_model(ELSEWHERE, model)


@pytest.mark.parametrize("model", ["phi4", "mistral-small", "my-128k-model"])
def test_without_a_size_it_depends_on_where_it_runs(model):
    assert is_small_model(HERE, model)
    assert not is_small_model(ELSEWHERE, model)
