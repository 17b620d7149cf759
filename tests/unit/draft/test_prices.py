import pytest

from ankiforge.config import load_prices
from ankiforge.draft.budget import Price, known_price
from ankiforge.errors import ConfigError


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


def test_the_persons_own_table_comes_first():
    own = {"gpt-5": (7.0, 8.0), "Vendor/X": (1.0, 2.0, 0.5)}
    assert known_price("openai/gpt-5-2025-08-07", own) == Price(7.0, 8.0)
    assert known_price("vendor/x", own) == Price(1.0, 2.0, 0.5)
    assert known_price("gpt-5-mini", own) == known_price("gpt-5-mini")


def test_what_is_in_the_servers_cache_has_its_own_price():
    assert Price(2.0, 8.0, 0.5).cost(1_000_000, 0, 400_000) == pytest.approx(1.4)
    assert Price(2.0, 8.0).cost(1_000_000, 500_000, 400_000) == pytest.approx(6.0)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- a", "prices.yaml:1: expected a mapping"),
        ("a: [1, 2]\nb: 3\n", "prices.yaml:2: b: expected two or three numbers"),
        ("a: [1]", "prices.yaml:1: a: expected two or three numbers"),
        ("a: [1, two]", "prices.yaml:1: a: expected two or three numbers"),
        ("a: [1, true]", "prices.yaml:1: a: expected two or three numbers"),
        ("a: [-1, 2]", "prices.yaml:1: a: no price"),
        ("a: [.nan, 2]", "prices.yaml:1: a: no price"),
        ("a: [1, 2", "prices.yaml:"),
    ],
)
def test_a_mistake_names_file_line_and_model(tmp_path, text, says):
    (tmp_path / "prices.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_prices(tmp_path)
    assert caught.value.message.startswith(says)


@pytest.mark.parametrize("text", ["", "# nothing\n"])
def test_no_table_and_an_empty_one_are_the_same(tmp_path, text):
    assert load_prices(tmp_path) == {}
    (tmp_path / "prices.yaml").write_text(text)
    assert load_prices(tmp_path) == {}
    (tmp_path / "prices.yaml").write_text(text + "gpt-5: [1, 2.5]\n")
    assert load_prices(tmp_path) == {"gpt-5": (1.0, 2.5)}
