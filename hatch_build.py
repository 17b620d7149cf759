"""Build hook: put the project's address into the metadata."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface


class AddressHook(MetadataHookInterface):
    """Derive the project's links, those of the README, and its name in the registry of MCP."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        """Fill in `urls` and `readme`."""
        repository = self.config["repository"]
        metadata["urls"] = {
            "Homepage": repository,
            "Documentation": f"{repository}/tree/main/docs",
            "Issues": f"{repository}/issues",
            "Changelog": f"{repository}/blob/main/CHANGELOG.md",
        }
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        owner = repository.split("/")[-2]
        text = absolute(text, repository)
        text += f"\n<!-- mcp-name: io.github.{owner}/ankiforge -->\n"  # the registry asks for it
        metadata["readme"] = {"content-type": "text/markdown", "text": text}


def absolute(text: str, repository: str) -> str:
    """Turn relative links of a README into addresses that also work on the package index."""
    raw = repository.replace("https://github.com/", "https://raw.githubusercontent.com/")
    text = re.sub(r"(!\[[^]]*\]\()(?!https?:|#)", rf"\g<1>{raw}/main/", text)
    return re.sub(
        r"(?<!!)(\[[^][]*\]\()(?!https?:|#|mailto:)",
        rf"\g<1>{repository}/blob/main/",
        text,
    )
