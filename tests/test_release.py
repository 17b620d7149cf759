"""Links of the README on the package index, and what keeps a tag from being released."""

import importlib.util
import re
import subprocess
import sys
import tomllib
import zipfile
from itertools import chain
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]


def script(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location("script", ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_link_of_the_readme_is_absolute_on_the_package_index():
    pytest.importorskip("hatchling")
    absolute = script("hatch_build.py").absolute

    text = absolute(
        (ROOT / "README.md").read_text(), "https://github.com/someone/ankiforge"
    )

    links = re.findall(r"\]\(([^)]+)\)", text)
    assert len(links) > 20
    assert [link for link in links if not link.startswith(("https://", "#"))] == []
    assert (
        "https://raw.githubusercontent.com/someone/ankiforge/main/docs/pictures/cards-and-marks.png"
        in links
    )
    assert (
        "https://github.com/someone/ankiforge/blob/main/docs/reference/commands.md"
        in links
    )
    assert "/main//" not in text


def test_a_built_wheel_names_its_entry_in_the_registry_of_mcp(tmp_path):
    build = [
        sys.executable,
        "-m",
        "hatchling",
        "build",
        "-t",
        "wheel",
        "-d",
        str(tmp_path),
    ]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        [metadata] = [name for name in archive.namelist() if name.endswith("/METADATA")]
        description = archive.read(metadata).decode()

    name = script(".ci/release.py").server_entry(ROOT)["name"]

    assert f"<!-- mcp-name: {name} -->" in description


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "ankiforge").mkdir()
    (tmp_path / "ankiforge/__init__.py").write_text('__version__ = "0.1.0"\n')
    (tmp_path / "CITATION.cff").write_text("title: x\nversion: 0.1.0\n")
    (tmp_path / "docs/guides").mkdir(parents=True)
    for page in ("README.md", "docs/index.md", "docs/guides/install.md"):
        (tmp_path / page).write_text("    uv tool install ankiforge-cards\n")
    (tmp_path / "packaging/mcpb").mkdir(parents=True)
    (tmp_path / "packaging/mcpb/manifest.json").write_text('{"version": "0.1.0"}')
    (tmp_path / "packaging/mcpb/pyproject.toml").write_text(
        '[project]\ndependencies = ["ankiforge-cards[mcp]==0.1.0"]\n'
    )
    (tmp_path / "packaging/obsidian").mkdir()
    (tmp_path / "packaging/obsidian/manifest.json").write_text('{"version": "0.1.0"}')
    (tmp_path / "packaging/obsidian/versions.json").write_text('{"0.1.0": "1.13.0"}')
    (tmp_path / "packaging/obsidian/README.md").write_text("from PyPI\n")
    (tmp_path / "packaging/server.json").write_text('{"packages": [{}]}')
    (tmp_path / "CHANGELOG.md").write_text(
        "# C\n\n## 0.1.0 - 2026-12-01\n\nWords.\n\n## 0.0.9\n"
    )
    hooks = "[tool.hatch.metadata.hooks.custom]\n"
    (tmp_path / "pyproject.toml").write_text(
        f'{hooks}repository = "https://github.com/a/b"\n'
    )
    return tmp_path


def test_a_finished_release_passes_with_its_notes(tree):
    release = script(".ci/release.py")

    assert release.problems(tree, "v0.1.0") == []
    assert release.notes(tree, "v0.1.0") == "## 0.1.0 - 2026-12-01\n\nWords.\n\n"
    assert release.server_entry(tree) == {
        "name": "io.github.a/ankiforge",
        "version": "0.1.0",
        "packages": [{"version": "0.1.0"}],
    }


def test_before_its_day_a_release_needs_neither_date_nor_address_but_a_section(tree):
    release = script(".ci/release.py")
    changes = tree / "CHANGELOG.md"
    project = tree / "pyproject.toml"

    project.write_text(project.read_text().replace("/a/", "/OWNER/"))
    changes.write_text("# C\n\n## 0.1.0 - not released yet\n\nWords.\n")
    (tree / "docs/guides/install.md").write_text("    uv tool install .\n")
    assert release.problems(tree) == []
    assert len(release.problems(tree, "v0.1.0")) == 3

    changes.write_text("# C\n")
    assert release.problems(tree) == ["CHANGELOG.md: no section for 0.1.0"]


def test_the_owner_of_the_repository_is_named_in_one_place():
    told = subprocess.run(
        ["git", "grep", "-l", "github.*OWNER", "--", ":!tests", ":!tools"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )

    assert told.stdout.split() == ["pyproject.toml"]


@pytest.mark.parametrize(
    ("name", "old", "new", "problem"),
    [
        ("pyproject.toml", "/a/", "/OWNER/", "the repository's address is still"),
        ("ankiforge/__init__.py", "0.1.0", "0.2.0", "the version is not 0.1.0"),
        ("CITATION.cff", "0.1.0", "0.0.9", "CITATION.cff: the version is not 0.1.0"),
        (
            "packaging/mcpb/manifest.json",
            "0.1.0",
            "0.0.9",
            "manifest.json: the version is not",
        ),
        (
            "packaging/obsidian/manifest.json",
            "0.1.0",
            "0.0.9",
            "obsidian/manifest.json: the version is not",
        ),
        (
            "packaging/mcpb/pyproject.toml",
            "0.1.0",
            "0.0.9",
            "pyproject.toml: the version is not",
        ),
        (
            "docs/index.md",
            "install ankiforge-cards",
            "install .",
            "docs/index.md: it still says",
        ),
        (
            "packaging/obsidian/versions.json",
            "0.1.0",
            "0.0.9",
            "obsidian/versions.json: the version is not",
        ),
        (
            "packaging/obsidian/README.md",
            "from PyPI",
            "uv tool install .",
            "README.md: it still says",
        ),
        (
            "CHANGELOG.md",
            " - 2026-12-01",
            " - not released yet",
            "the section for 0.1.0 has no date",
        ),
    ],
)
def test_an_unfinished_release_is_refused(tree, name, old, new, problem):
    path = tree / name
    path.write_text(path.read_text().replace(old, new))

    assert any(
        problem in told for told in script(".ci/release.py").problems(tree, "v0.1.0")
    )


def test_every_direct_dependency_is_pinned_to_a_version_that_it_allows():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    direct = map(Requirement, chain(project["dependencies"], *extras))
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {}
    for line in lines:
        if not line.startswith("#"):
            pin = Requirement(line)
            assert re.fullmatch(r"==[\w.]+", str(pin.specifier)), line
            pinned[canonicalize_name(pin.name)] = str(pin.specifier).removeprefix("==")
    for requirement in direct:
        version = pinned.get(canonicalize_name(requirement.name))
        assert version, f"{requirement.name} is not pinned: see the head of the file"
        assert requirement.specifier.contains(version), requirement
