"""`ankiforge eval`, whose code is in `evaluation/`; a wheel contains that folder in this package."""

from __future__ import annotations

from importlib import import_module

import ankiforge
from ankiforge.config import shipped

ankiforge.__path__.append(str(shipped("evaluation").parent))
eval_ = import_module("ankiforge.evaluation.command").eval_
