"""`prices.yaml`: what models cost, by a person, over the table that ships with the program.

gpt-5-mini: [0.25, 2.00]            # US dollars per million tokens: in, out
vendor/model: [1, 5, 0.1]           # and: in, where the server still had it in its cache
"""

from __future__ import annotations

from pathlib import Path

from ankiforge.config.yamlfile import Location, read

PRICES = "prices.yaml"
_MOST = 1_000_000


def load_prices(folder: Path) -> dict[str, tuple[float, ...]]:
    """The prices of a workspace, by model; {} if it has no such file.

    Raises:
        ConfigError: `prices.yaml:3: gpt-5: …`, with a hint.
    """
    path = folder / PRICES
    if not path.exists():
        return {}
    data, where = read(path, PRICES)
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise where.error("expected a mapping", "such as `gpt-5-mini: [0.25, 2.00]`")
    return {str(model): _price(value, where.at(model)) for model, value in data.items()}


def _price(value: object, where: Location) -> tuple[float, ...]:
    numbers = value if isinstance(value, list) else []
    right = all(isinstance(one, int | float) and not isinstance(one, bool) for one in numbers)
    if not right or len(numbers) not in (2, 3):
        hint = "US dollars per million tokens, in and out: [0.25, 2.00]"
        raise where.error("expected two or three numbers", hint)
    if any(not 0 <= one <= _MOST for one in numbers):
        raise where.error("no price", f"from 0 to {_MOST:,}")
    return tuple(float(one) for one in numbers)
