"""A value is set in a settings file, and everything else there stays as a person wrote it."""

import pytest

from ankiforge.config.yamlfile import set_values

NAME = "plain words"
SET = {("llm", "prompt"): NAME}
LINE = f"  prompt: {NAME}\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f"\nllm:\n{LINE}"),
        ("me: [Ada]", f"me: [Ada]\n\nllm:\n{LINE}"),
        (
            "llm:  # mine\n  # a comment\n    # deeper\n  model: x  # y\noutput: .\n",
            f"llm:  # mine\n{LINE}  # a comment\n    # deeper\n  model: x  # y\noutput: .\n",
        ),
        ("llm:\n", f"llm:\n{LINE}"),
        ("llm:", f"llm:\n{LINE}"),
        ("llm: {}\n", f"llm: {{prompt: {NAME}}}\n"),
        (
            "llm: {model: x, concurrency: 1} # y\n",
            f"llm: {{prompt: {NAME}, model: x, concurrency: 1}} # y\n",
        ),
        (
            "llm: {model: x, prompt: 'o, p'}\n",
            f"llm: {{model: x, prompt: {NAME}}}\n",
        ),
        (
            "llm:\n    model: x\n    prompt: old  # why\nme: []\n",
            f"llm:\n    model: x\n    prompt: {NAME}  # why\nme: []\n",
        ),
        (
            "llm: {model: x,\n  concurrency: 1}\n",
            f"llm: {{prompt: {NAME}, model: x,\n  concurrency: 1}}\n",
        ),
    ],
)
def test_a_value_is_set_and_all_else_stays_as_it_was_written(before, after):
    assert set_values(before, SET) == after
    assert set_values(after, SET) == after


@pytest.mark.parametrize("text", ["llm: [a]\n", "- a\n", "llm: 5\n", "llm: {\n"])
def test_what_cannot_be_changed_safely_is_left_to_a_person(text):
    assert set_values(text, SET) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "drafter: llm\n\nllm:\n  model: 'qwen3:8b'\n"),
        (
            "drafter: rules  # mine\nllm: {key_env: A, price_usd: [1, 2]}\n",
            "drafter: llm  # mine\nllm: {model: 'qwen3:8b', key_env: '', price_usd: null}\n",
        ),
        ("me: [Ada]", "me: [Ada]\ndrafter: llm\n\nllm:\n  model: 'qwen3:8b'\n"),
        (
            "{llm: {model: x}, proposals: false}",
            "{drafter: llm, llm: {model: 'qwen3:8b'}, proposals: false}",
        ),
    ],
)
def test_another_model_takes_the_place_of_what_was_set_and_empty_values_of_nothing(
    before, after
):
    values = {
        ("drafter",): "llm",
        ("llm", "key_env"): "",
        ("llm", "price_usd"): None,
        ("llm", "model"): "qwen3:8b",
    }
    assert set_values(before, values) == after
