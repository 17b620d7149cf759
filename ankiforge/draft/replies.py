"""The cache of what models replied."""

from __future__ import annotations

from typing import Protocol


class Replies(Protocol):
    """A cache of raw replies by the hash of their request (the ledger has one). Thread-safe."""

    def get(self, request: str) -> str | None:
        """Return the raw reply to a request; None if there is none."""

    def put(
        self,
        request: str,
        raw: str,
        *,
        model: str,
        prompt: str,
        tokens: tuple[int, int] = (0, 0),
    ) -> None:
        """Store a reply durably, replacing an older one.

        Args:
            request: the hash of the request.
            raw: the reply.
            model: the model that was asked, as the settings call it.
            prompt: the fingerprint of the prompt.
            tokens: how many tokens went in and came out; (0, 0) if nothing was paid.
        """
