"""How many examples the Hypothesis laws are tried on, and which.

The same few each time; `ANKIFORGE_LAWS=10` tries ten times as many, chosen at random.
"""

import os

from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers

TIMES = int(os.environ.get("ANKIFORGE_LAWS", "0"))


def examples(count: int, *unchecked: HealthCheck) -> settings:
    """Return the settings of a law that is tried on `count` examples."""
    return settings(
        max_examples=count * max(TIMES, 1),
        derandomize=not TIMES,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, *unchecked],
    )


def load() -> None:
    """Make twenty examples the default of every law."""
    settings.register_profile("ankiforge", examples(20))
    settings.load_profile("ankiforge")
    if (
        not TIMES
    ):  # or examples would depend on the constants in whatever modules are loaded
        providers._get_local_constants = lambda: providers._local_constants
