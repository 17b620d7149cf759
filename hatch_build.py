"""Build hooks: put MathJax into the package, and the project's address into the metadata."""

from __future__ import annotations

import hashlib
import re
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

MATHJAX = "ankiforge/review/page/mathjax"
"""Where the review page serves MathJax from; not in version control."""
_SCRIPT = "tex-chtml-full.js"
_SHA256 = "d8d977b0c6b2625a43cdf4baa4530ec26a2e18f983beae500300a8e8a2413279"
"""Of the script in MathJax 3.2.2, the release that Anki shows formulas with."""


class MathJaxHook(BuildHookInterface):
    """Copy the script and the fonts that a card's frame loads, with their licence."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Copy the files; runs before a wheel or an editable install is made."""
        source = Path(str(files("mathjax"))) / "static" / "mathjax"
        script = source / "es5" / _SCRIPT
        if hashlib.sha256(script.read_bytes()).hexdigest() != _SHA256:
            raise RuntimeError(f"{script} is not the expected release of MathJax")
        target = Path(self.root) / MATHJAX
        shutil.rmtree(target, ignore_errors=True)
        fonts = "output/chtml/fonts/woff-v2"
        shutil.copytree(source / "es5" / fonts, target / fonts)
        shutil.copyfile(script, target / _SCRIPT)
        shutil.copyfile(source / "LICENSE", target / "LICENSE")
        build_data["artifacts"].append(f"/{MATHJAX}/")


class AddressHook(MetadataHookInterface):
    """Derive the project's links, and those of the README, from `tool.ankiforge.repository`."""

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
        metadata["readme"] = {"content-type": "text/markdown", "text": absolute(text, repository)}


def absolute(text: str, repository: str) -> str:
    """Turn relative links of a README into addresses that also work on the package index."""
    raw = repository.replace("https://github.com/", "https://raw.githubusercontent.com/")
    text = re.sub(r"(!\[[^]]*\]\()(?!https?:|#)", rf"\g<1>{raw}/main/", text)
    return re.sub(
        r"(?<!!)(\[[^][]*\]\()(?!https?:|#|mailto:)", rf"\g<1>{repository}/blob/main/", text
    )
