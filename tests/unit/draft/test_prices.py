import pytest

from ankiforge.draft.server import Price, known_price


@pytest.mark.parametrize(
    ("name", "like"),
    [
        ("gpt-5-mini", "gpt-5-mini"),
        ("GPT-5-Mini", "gpt-5-mini"),
        ("openai/gpt-5-mini", "gpt-5-mini"),
        ("gpt-5-mini-2025-08-07", "gpt-5-mini"),
        ("openrouter/openai/gpt-4o-2024-11-20", "gpt-4o"),
        ("anthropic/claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("claude-haiku-4-5@20251001", "claude-haiku-4-5"),
        ("models/gemini-2.5-flash-preview-05-20", "gemini-2.5-flash"),
        ("gemini-2.5-pro-latest", "gemini-2.5-pro"),
    ],
)
def test_a_model_is_found_under_its_dated_and_vendored_names(name, like):
    assert known_price(name) == known_price(like) is not None


@pytest.mark.parametrize("name", ["mystery", "gpt-5-micro", "gpt-5x", "gpt-5-mini:nitro", ""])
def test_another_model_is_not_guessed_at(name):
    assert known_price(name) is None


def test_a_free_variant_costs_nothing():
    assert known_price("meta/llama-4:free") == Price(0.0, 0.0)


def test_what_is_in_the_servers_cache_has_its_own_price():
    assert Price(2.0, 8.0, 0.5).cost(1_000_000, 0, 400_000) == pytest.approx(1.4)
    assert Price(2.0, 8.0).cost(1_000_000, 500_000, 400_000) == pytest.approx(6.0)
