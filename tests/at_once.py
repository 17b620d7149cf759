"""The limits of policy in tests that are about other things.

Their marks are common words of short sentences, and become cards at once.
"""

from ankiforge.check import emphasis

LENIENT = {
    "LEAST_SURE": 0.0,
    "MOST_COMMON": 10.0,
    "_LEAST_BESIDE": 1,
    "_MOST_PHRASES": 8,
}
REAL = {name: getattr(emphasis, name) for name in LENIENT}


def be_lenient() -> None:
    """Accept such marks at once for the rest of this process."""
    for name, limit in LENIENT.items():
        setattr(emphasis, name, limit)
