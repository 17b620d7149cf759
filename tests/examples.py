"""How many examples the Hypothesis laws are tried on, and which.

The same few each time, by `make test` and `make quick` no more than twenty; `ANKIFORGE_LAWS=10`
tries ten times as many, chosen at random.
"""

import os

from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers

TIMES = int(os.environ.get("ANKIFORGE_LAWS", "0"))
_is_short = False


def examples(count: int, *unchecked: HealthCheck) -> settings:
    """Return the settings of a law that is tried on `count` examples."""
    tried = count * TIMES or (min(count, 20) if _is_short else count)
    return settings(
        max_examples=tried,
        derandomize=not TIMES,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, *unchecked],
    )


def load(*, is_short: bool) -> None:
    """Make twenty examples the default of every law; `is_short` for what these two try."""
    global _is_short
    _is_short = is_short
    settings.register_profile("ankiforge", examples(20))
    settings.load_profile("ankiforge")
    # or examples would depend on the constants in whatever modules are loaded
    if not TIMES:
        providers._get_local_constants = lambda: providers._local_constants
