"""How many examples a law is tried on: few by default, more by `ANKIFORGE_LAWS=200`."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "laws",
    max_examples=int(os.environ.get("ANKIFORGE_LAWS", "20")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("laws")
