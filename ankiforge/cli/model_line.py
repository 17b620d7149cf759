"""The lines about a model: the progress while one drafts, and the offer to use one."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ankiforge.text import cost_text, counted

if TYPE_CHECKING:
    from ankiforge.draft.providers import Provider, Server
    from ankiforge.draft.sendable import SendableTask
    from ankiforge.pipeline.result import ByModel, Progress
    from ankiforge.pipeline.workspace import Workspace

WIDTH = 10
"""The characters of the bar."""
EVERY_S = 30.0
"""The seconds between two lines where there is no terminal."""


class ModelLine:
    """The line about a model that drafts."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Say nothing yet. `clock` returns seconds."""
        self._clock = clock
        self._newest: ByModel | None = None
        # when the first and the newest step came, and when a line was said last
        self._begun = 0.0
        self._at = 0.0
        self._said = 0.0

    def take(self, step: Progress) -> None:
        """Take a step of a run."""
        if step.by_model is None:
            return
        self._at = self._clock()
        if self._newest is None:
            self._begun = self._at
            self._said = self._at
        self._newest = step.by_model

    @property
    def text(self) -> str:
        """The line; "" if no model drafts."""
        newest = self._newest
        if newest is None:
            return ""
        filled = WIDTH * newest.done // max(1, newest.total)
        bar = "█" * filled + "░" * (WIDTH - filled)
        parts = [f"{bar} {newest.done:,} of {newest.total:,}"]
        if newest.done:
            seconds_a_card = (self._at - self._begun) / newest.done
            waited = self._clock() - self._at
            cards_left = newest.total - newest.done
            seconds_left = max(0.0, seconds_a_card * cards_left - waited)
            hours, minutes = divmod(round(seconds_left / 60), 60)
            left = f"{hours} h {minutes} min" if hours else f"{minutes} min"
            if seconds_left < 60:
                left = f"{seconds_left:.0f} s"
            parts.append(f"{seconds_a_card:.1f} s a card")
            parts.append(f"{left} left")
        usage = newest.usage
        characters = counted(usage.characters, "character")
        cost = cost_text(usage.cost_usd, local=usage.local)
        parts.append(f"{characters} sent")
        parts.append(cost)
        return " · ".join(parts)

    def due(self) -> str:
        """Return the line if none was said for 30 seconds; else ""."""
        if self._newest is None:
            return ""
        if self._clock() - self._said < EVERY_S:
            return ""
        self._said = self._clock()
        return self.text


# The name under which the kinds of models that were offered are stored, for good.
_TOLD = "models-offered"
PATIENCE_S = 0.05
"""How long a run waits for the servers of this machine, after it has read."""
_SAMPLE = 100
"""The number of highlights of which the cost is counted out."""


def offer(workspace: Workspace, servers: Callable[[float], tuple[Server, ...]]) -> str:
    """Return the line that offers a model that is there: a key, a server, a chat; each once ever.

    "" if there is nothing to draft, or a model drafts already.

    Args:
        workspace: has what would be drafted.
        servers: returns those on this machine that have answered after so many seconds.
    """
    from ankiforge.config.workspace import load_values, store_values, user_folder
    from ankiforge.draft.providers import with_key
    from ankiforge.pipeline.draft import for_model

    # the first kind that is there and was not offered yet
    told = load_values(user_folder(), _TOLD)
    provider = None if "key" in told else next(with_key(), None)
    server = None if "server" in told else next(iter(servers(PATIENCE_S)), None)
    kind = "" if "chat" in told else "chat"
    kind = "key" if provider else "server" if server else kind
    if not kind or workspace.folder.config.drafter != "rules":
        return ""

    # the highlights that it would draft
    tasks = list(for_model(workspace.job(), workspace.ledger))
    number = sum(len(task.highlights) for task in tasks)
    if not number:
        return ""
    these = "this highlight" if number == 1 else f"these {number:,} highlights"
    line = f"Questions for {these} from your chat window: ankiforge review"
    if provider:
        cost = _cost(workspace, provider, tasks)
        line = f"{provider.key_env} is set. Questions for {these}{cost}:"
        line += f" ankiforge model use {provider.name}"
    elif server:
        line = (
            f"{server.program} runs here with {server.models[0]}. Questions for {these}:"
        )
        line += f" ankiforge model use {server.name}"
    now = datetime.now(UTC).isoformat(timespec="seconds")
    store_values(user_folder(), _TOLD, {**told, kind: now})
    return line


def _cost(workspace: Workspace, provider: Provider, tasks: Sequence[SendableTask]) -> str:
    """Return about what a provider would take for tasks; "" if its price is not known."""
    from ankiforge.pipeline.models import language_model, of_provider

    if provider.price_usd is None:
        return ""
    folder = of_provider(provider).in_use(workspace.folder)
    model = language_model(folder, workspace.replies, lambda text: None)
    sample = []
    left = _SAMPLE
    for task in tasks:
        highlights = task.highlights[:left]
        if highlights:
            sample.append(task.only(*highlights))
            left -= len(highlights)
    estimate = model.estimate(sample)
    if estimate.cost_usd is None:
        return ""
    of_all = sum(len(task.highlights) for task in tasks)
    cost = estimate.cost_usd * of_all / (_SAMPLE - left)
    return f", about ${cost:.2f}" if cost >= 0.01 else ", less than $0.01"
