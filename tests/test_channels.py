"""What is released starts in every way a person gets it: pipx (by pip), uv, the registry of MCP, the bundle, a container.

The wheel of this tree is installed as the one of the package index will be, so the index has to be within reach.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.test_release import ROOT, script

pytestmark = pytest.mark.slow
NOTE = "How many chunks does working memory hold?::about four\n"
GUIDE = (ROOT / "docs/guides/install.md").read_text(encoding="utf-8")
FIRST_RUN, FIRST_ANSWERS = re.findall(
    "^```text\n(.+?)^```$", GUIDE, re.MULTILINE | re.DOTALL
)
SHOWN = "\n".join(FIRST_RUN.splitlines()[1:4])
"""What a person sees, as the guide has it; whether Anki is found depends on the machine."""


def run(*command: str | Path, **options: Any) -> str:
    ended = subprocess.run(command, capture_output=True, text=True, **options)
    assert ended.returncode == 0, f"{command}\n{ended.stdout}{ended.stderr}"
    return ended.stdout


def succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True).returncode == 0


@dataclass(frozen=True)
class Tools:
    """A wheel, and uv and pipx, which keep in `folder` what they install."""

    folder: Path
    wheel: Path
    environment: dict[str, str]

    def run(self, *command: str | Path, into: Path | None = None, home: str = "") -> str:
        chosen = {**self.environment, "ANKIFORGE_HOME": f"{self.folder}/home{home}"}
        return run(*command, cwd=into, env=chosen)

    def makes_a_card(self, way: str, program: Path) -> None:
        notes = self.folder / f"notes-{way}"
        notes.mkdir()
        (notes / "Memory.md").write_text(NOTE)
        assert SHOWN in self.run(program, "run", "Memory.md", into=notes, home=way)
        assert "How many chunks" in self.run(program, "list", into=notes, home=way)


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Tools:
    folder = tmp_path_factory.mktemp("channels")
    environment = {
        **os.environ,
        "PATH": f"{folder / 'tools/bin'}:{os.environ['PATH']}",
        "ANKIFORGE_HOME": str(folder / "home"),
        "UV_TOOL_DIR": str(folder / "uv"),
        "UV_TOOL_BIN_DIR": str(folder / "uv-bin"),
        "UV_FIND_LINKS": str(folder / "dist"),
        "UV_LINK_MODE": "copy",
        "PIPX_HOME": str(folder / "pipx"),
        "PIPX_BIN_DIR": str(folder / "pipx-bin"),
    }
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d"]
    subprocess.run([*build, folder / "dist"], cwd=ROOT, check=True, capture_output=True)
    venv.create(folder / "tools", with_pip=True)
    got = subprocess.run(
        [folder / "tools/bin/pip", "install", "-q", "uv", "pipx"],
        capture_output=True,
        text=True,
    )
    if got.returncode and not os.environ.get("ANKIFORGE_REQUIRE_ALL"):
        pytest.skip(f"the package index cannot be reached: {got.stderr}")
    [wheel] = (folder / "dist").glob("*.whl")
    return Tools(folder, wheel, environment)


def test_pipx_installs_it_by_pip(tools):
    tools.run("pipx", "install", "-q", tools.wheel)
    tools.makes_a_card("pipx", tools.folder / "pipx-bin/ankiforge")


def test_uv_installs_the_versions_that_were_tested_together(tools):
    constraints = ROOT / "constraints.txt"
    tools.run("uv", "tool", "install", "-q", "--constraints", constraints, tools.wheel)

    tools.makes_a_card("uv", tools.folder / "uv-bin/ankiforge")


@pytest.mark.parametrize("way", ["registry", "bundle"])
def test_an_agent_starts_it_and_says_what_to_type(tools, way, tmp_path):
    from tests.fakes.agent import connected

    workspace = tmp_path / "cards"
    workspace.mkdir()
    start = by_the_registry if way == "registry" else by_the_bundle
    command = start(tools, tmp_path, workspace)
    environment = {**tools.environment, "ANKIFORGE_HOME": f"{tools.folder}/home{way}"}
    for answer in FIRST_ANSWERS.replace("/home/you/cards", str(workspace)).splitlines():
        with connected(command, environment, tmp_path) as agent:
            assert agent("list_cards") == answer
        typed = answer.partition(": ankiforge ")[2].split()
        tools.run(sys.executable, "-m", "ankiforge", *typed, into=ROOT, home=way)

    with connected(command, environment, tmp_path) as agent:
        assert "propose_cards" in [tool["name"] for tool in agent.tools()]
        assert agent("list_cards")["cards"] == []


def by_the_registry(tools: Tools, folder: Path, workspace: Path) -> list[str]:
    """What a client of the registry starts; see `runtimeHint` in the schema that server.json names."""
    [package] = script(".ci/release.py").server_entry(ROOT)["packages"]
    return [
        package["runtimeHint"],
        *words(package["runtimeArguments"], workspace),
        f"{package['identifier']}@{package['version']}",
        *words(package["packageArguments"], workspace),
    ]


def words(arguments: list[dict[str, str]], workspace: Path) -> list[str]:
    """The words of a command; what the person has to fill in is the workspace."""
    said = []
    for argument in arguments:
        said += [argument["name"]] if argument["type"] == "named" else []
        said.append(argument.get("value", str(workspace)))
    return said


def by_the_bundle(tools: Tools, folder: Path, workspace: Path) -> list[str]:
    """What a desktop agent starts once it has unpacked the bundle and asked for the workspace."""
    tools.run("make", "-s", "mcpb", f"DIST={folder}", into=ROOT)
    with zipfile.ZipFile(folder / "ankiforge.mcpb") as bundle:
        bundle.extractall(folder / "bundle")
    manifest = json.loads((folder / "bundle/manifest.json").read_text())
    values = {"${__dirname}": folder / "bundle", "${user_config.workspace}": workspace}
    server = manifest["server"]["mcp_config"]
    return [str(values.get(word, word)) for word in (server["command"], *server["args"])]


# --- the container --------------------------------------------------------------------------

USES = ("run Memory.md", "list")


def test_the_container_makes_a_card(tmp_path):
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "Memory.md").write_text(NOTE)

    if built := with_a_builder():
        told = [run("sh", "-c", command, cwd=notes) for command in built]
    else:
        os.chown(notes, 4321, 4321)
        told = [run(*in_a_new_root(tmp_path / "root", notes))]

    assert SHOWN in "".join(told)
    assert "How many chunks" in told[-1]


def with_a_builder() -> list[str]:
    """Return the commands of the guide, which build and use the image; [] without Docker and Podman."""
    build, start = re.findall("^(?: {4})?(docker .+)$", GUIDE, re.MULTILINE)
    start = start.replace("-it ", "").replace("ankiforge:/home", "ankiforge-test:/home")
    for builder in ("docker", "podman"):
        if shutil.which(builder) and succeeds(builder, "info"):
            used = [start.replace("run paper.pdf", use) for use in USES]
            return [
                command.replace("docker", builder, 1).replace(" . ", f" {ROOT} ")
                for command in [f"{build} ", *used]
            ]
    return []


def in_a_new_root(root: Path, notes: Path) -> list[str]:
    """Return what runs the commands of the Dockerfile in `root`, then uses its entry point.

    The new root has the system and the Python of this machine, and no other folder of it. All stages
    of the Dockerfile share it.
    """
    if not succeeds("unshare", "--mount", "true"):
        pytest.skip("no Docker, no Podman, and no right to mount a new root")
    lines = []
    for name in ("usr", "bin", "sbin", "lib", "lib64", "etc", "dev", "proc"):
        if Path("/", name).is_symlink():
            (root / name).symlink_to(Path("/", name).readlink())
        elif Path("/", name).is_dir():
            (root / name).mkdir(parents=True)
            lines.append(f"mount --rbind /{name} {root / name}")
    for name in ("home", "opt", "root", "src", "tmp"):
        (root / name).mkdir()
    (root / "tmp").chmod(0o1777)
    if not sys.base_prefix.startswith("/usr"):
        (root / sys.base_prefix[1:]).mkdir(parents=True)
        lines.append(f"mount --rbind {sys.base_prefix} {root}{sys.base_prefix}")
    user, place, start = "0:0", "/", list[str]()
    variables = [f"PATH={sys.base_prefix}/bin:/usr/local/bin:/usr/bin:/bin", "HOME=/root"]

    def inside(*command: str) -> str:
        clean = ["env", "-i", "-C", place, *variables]
        return shlex.join(["chroot", f"--userspec={user}", str(root), *clean, *command])

    for line in (ROOT / "Dockerfile").read_text().splitlines():
        match line.split(" ", 1):
            case ["FROM", _]:
                user = "0:0"
            case ["COPY", rest] if rest.startswith("--from="):
                pass
            case ["COPY", rest]:
                *sources, target = rest.split()
                copied = [str(ROOT / source) for source in sources]
                lines.append(shlex.join(["cp", "-r", *copied, f"{root}{target}"]))
            case ["RUN", rest]:
                lines.append(inside("sh", "-c", rest))
            case ["ENV", variable]:
                variables.append(variable)
            case ["USER", _]:
                user = "4321:4321"  # --user, of the guide
            case ["WORKDIR", place]:
                lines.append(f"mount --bind {notes} {root}{place}")
            case ["ENTRYPOINT", rest]:
                start = json.loads(rest)
            case [word, *_] if word and not word.startswith("#"):
                raise AssertionError(f"{word} of the Dockerfile is not known here")
    lines += [inside(*start, *use.split()) for use in USES]
    return ["unshare", "--mount", "sh", "-e", "-c", "\n".join(lines)]
