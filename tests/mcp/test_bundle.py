"""The bundle for desktop agents and the entry for the registry: they name what is released, and start."""

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

ROOT = Path(__file__).parents[2]


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


@pytest.mark.slow
def test_what_the_registry_starts_is_a_server_with_the_tools(forge, tmp_path):
    entry = json.loads((ROOT / "packaging" / "server.json").read_text())
    [package] = entry["packages"]
    assert (entry["version"], package["version"]) == (__version__, __version__)

    # a client runs: uvx --with "mcp>=…" ankiforge-cards@VERSION -C WORKSPACE mcp
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    [extra] = package["runtimeArguments"]
    assert package["runtimeHint"] == "uvx"
    assert package["identifier"] == project["name"]
    assert (extra["name"], [extra["value"]]) == (
        "--with",
        project["optional-dependencies"]["mcp"],
    )
    command = [str(Path(sys.executable).with_name(package["identifier"]))]
    for argument in package["packageArguments"]:
        if argument["type"] == "named":
            command.append(argument["name"])
        command.append(argument.get("value", str(forge.folder)))
    forge.settings("sources: []\n")
    with connected(command, forge.environment, tmp_path) as agent:
        assert "propose_cards" in [tool["name"] for tool in agent.tools()]
        assert str(forge.folder) in agent("list_cards")
