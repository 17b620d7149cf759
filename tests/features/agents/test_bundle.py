"""The bundle for desktop agents names what is released, and starts; how a client starts it: `test_channels.py`."""

import json
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("mcp")

from ankiforge import __version__
from tests.fakes.agent import connected

ROOT = Path(__file__).parents[3]


def test_the_bundle_starts_and_lists_the_tools_that_it_promises(forge, tmp_path):
    subprocess.run(["make", "-s", "mcpb", f"DIST={tmp_path}"], cwd=ROOT, check=True)
    with zipfile.ZipFile(tmp_path / "ankiforge.mcpb") as bundle:
        assert bundle.testzip() is None
        bundle.extractall(tmp_path / "bundle")
    manifest = json.loads((tmp_path / "bundle" / "manifest.json").read_text())
    project = tomllib.loads((tmp_path / "bundle" / "pyproject.toml").read_text())[
        "project"
    ]
    assert (manifest["version"], project["version"]) == (__version__, __version__)
    assert project["dependencies"] == [f"ankiforge-cards[mcp]=={__version__}"]

    server = manifest["server"]
    run = server["mcp_config"]["args"]
    assert (server["mcp_config"]["command"], run[:3]) == (
        "uv",
        ["run", "--directory", "${__dirname}"],
    )
    values = {"${user_config.workspace}": str(forge.folder)}
    command = [sys.executable, *(values.get(word, word) for word in run[3:])]
    assert server["entry_point"] == command[1]
    forge.settings("sources: []\n")
    with connected(command, forge.environment, tmp_path / "bundle") as agent:
        assert [one["name"] for one in agent.tools()] == [
            one["name"] for one in manifest["tools"]
        ]
        assert str(forge.folder) in agent("list_cards")
