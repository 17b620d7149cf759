"""Each feature can be taken away: the rest of the program works without its folder."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ankiforge.hooks import FEATURES, load_features
from tests.anki.figures import FRAME, code_of, framed
from tests.fakes.embedding_server import embedding_server
from tests.limits import PATIENCE
from tests.makers.pdf_writer import Page, paragraph, write_pdf
from tests.web.conftest import settle

ROOT = Path(__file__).parents[2]
BY_NAME = dict(zip(FEATURES, load_features(), strict=True))
CALLS = (
    "--version",
    "run",
    "accept --all",
    "build",
    "list --json",
    "status --json",
    "doctor --offline",
)
"""What a person calls in a workspace with one note."""
CALLER = """
import sys
sys.stderr = sys.stdout
from ankiforge.cli import main

for line in sys.argv[1:]:
    try:
        main(line.split())
    except SystemExit as ended:
        assert ended.code in (0, 1, 2), line
    print(end="\\0")
"""


class Without:
    """The program from a copy without one folder, in a process of its own."""

    def __init__(self, folder: Path, feature: str) -> None:
        self.folder = folder
        package = folder / "program" / "ankiforge"
        gone = package / "features" / feature
        shutil.copytree(ROOT / "ankiforge", package)  # with what is compiled
        for data in ("prompts", "decks"):
            (package.parent / data).symlink_to(ROOT / data)
        shutil.rmtree(gone)
        self.home = folder / "home"
        (self.home / "notes").mkdir(parents=True)
        (self.home / "notes/Pets.md").write_text(
            "# Pets\n\nKatze:::cat\n\nThe ==axolotl== keeps its gills.\n", "utf-8"
        )
        (self.home / "ankiforge.yaml").write_text(
            "sources: [{obsidian: {name: notes, path: notes}}]\nanki: {collection: none}\n",
            "utf-8",
        )

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": str(self.folder / "program"),
            "ANKIFORGE_HOME": str(self.home),
            "HOME": str(self.folder),
            "COLUMNS": "100",
        }

    @contextmanager
    def served(self, *paths: str) -> Iterator[str]:
        """Serve the page with the note, and what waits of other files; yield its address."""
        self.call("run", *paths)
        command = [sys.executable, "-m", "ankiforge", "review", "--no-open", "-q"]
        with subprocess.Popen(
            command,
            cwd=self.home,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            try:
                yield process.stdout.readline().strip()
            finally:
                process.send_signal(signal.SIGINT)

    def call_each(self, *commands: str) -> list[str]:
        """Call the program once a command, in one process; return what it writes each time."""
        return self.python("-c", CALLER, *commands).split("\0")[:-1]

    def call(self, *arguments: str) -> str:
        """Call the program; return what it writes to both outputs."""
        return self.python("-m", "ankiforge", *arguments)

    def python(self, *arguments: str) -> str:
        """Call Python with the program; return what it writes to both outputs."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.home,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert done.returncode in (0, 1, 2), done.stderr
        return done.stdout + done.stderr


@pytest.fixture(scope="module", params=FEATURES)
def without(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Without]]:
    folder = tmp_path_factory.mktemp(request.param)
    yield request.param, Without(folder, request.param)
    shutil.rmtree(folder)


def test_every_feature_has_its_folder_its_readme_and_its_tests():
    for name in FEATURES:
        assert (ROOT / "ankiforge/features" / name / "README.md").is_file()
        assert list((ROOT / "tests/features" / name).glob("test_*.py"))
    folders = {path.parent.name for path in ROOT.glob("ankiforge/features/*/__init__.py")}
    assert folders == set(FEATURES)


@pytest.mark.slow
def test_the_help_lists_all_but_its_commands_and_its_purpose(without):
    feature, program = without
    own = [command.name for command in BY_NAME[feature].commands()]
    every, model, *refused = program.call_each("--help", "model use --help", *own)
    for name in FEATURES:
        for command in BY_NAME[name].commands():
            listed = re.search(rf"\n  {command.name} |\nMore:.*\b{command.name}\b", every)
            assert bool(listed) == (name != feature), command.name
    for name, told in zip(own, refused, strict=True):
        assert f"no command ankiforge {name}" in told
    assert ("drafting|meaning" in model) == (feature != "ask")


@pytest.mark.slow
def test_a_run_makes_vectors_for_search_alone(without):
    feature, program = without
    settings = program.home / "ankiforge.yaml"
    before = settings.read_text("utf-8")
    with embedding_server() as server:
        meaning = f"meaning: {{base_url: '{server.base_url}', model: e5}}\n"
        settings.write_text(before + meaning, "utf-8")
        program.call("run")
        settings.write_text(before, "utf-8")
    assert bool(server.requests) == (feature != "ask")


TOOLS_OF = {"repair": ("list_failing",), "ask": ("search_library", "ask")}
TOOLS = "from ankiforge.features.agents.server import load_tools; print(*load_tools())"


@pytest.mark.slow
def test_an_agent_is_offered_all_but_its_tools(without):
    pytest.importorskip("mcp")
    feature, program = without
    if feature == "agents":
        pytest.skip("nothing offers tools")
    tools = program.python("-c", TOOLS).split()
    assert "propose_cards" in tools
    for owner, names in TOOLS_OF.items():
        assert [name in tools for name in names] == [owner != feature] * len(names)


@pytest.mark.slow
def test_the_page_shows_all_but_its_part(without, browser):
    feature, program = without
    with program.served() as address:
        page = browser.new_page()
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(address)
        page.wait_for_selector("#margin > .card")
        page.keyboard.press("Escape")  # the only document was opened at once
        page.wait_for_selector(".documents li")
        state = page.evaluate("fetch('/api/state').then((answer) => answer.json())")
        for _ in range(100):  # the shelf may be drawn again
            page.keyboard.press("/")
            page.wait_for_timeout(100)
            if page.get_by_role("searchbox").count():
                break
        page.get_by_role("searchbox").fill("what keeps the axolotl")
        page.locator(".passage, .told:has-text('No card')").first.wait_for()
        passages = page.locator(".passage").count()
        box = page.get_by_role("searchbox").get_attribute("placeholder")
        page.close()
    assert faults == []
    assert ("failing" in state["left"]) == (feature != "repair")
    assert bool(passages) == (feature != "ask")
    assert ("what you have read" in box) == (feature != "ask")


@pytest.mark.slow
def test_the_rest_of_the_program_works(without):
    _, program = without
    told = dict(zip(CALLS, program.call_each(*CALLS), strict=True))
    assert "cat" in told["list --json"]
    assert '"accepted":2' in told["status --json"].replace(" ", "")
    assert (program.home / "ankiforge.apkg").is_file() or "apkg" in told["build"]


@pytest.mark.slow
def test_a_figure_is_accepted_and_built_as_it_was_read(tmp_path, browser):
    program = Without(tmp_path, "figures")
    labels = code_of({"Femur": (120, 470), "Tibia": (120, 390)})
    figure = Page((paragraph("Legs"),), (framed(FRAME, "", "n" * 20),), drawing=labels)
    write_pdf(program.home / "Legs.pdf", [figure])
    with program.served("Legs.pdf") as address:
        page = browser.new_page()
        page.goto(address)
        shown = page.frame_locator("#margin > .card .face")
        shown.locator("img").wait_for()
        shown.locator(".af-answer", has_text="Femur · Tibia").wait_for()
        assert page.locator(".mask").count() == 0
        settle(page)
        page.locator("#buttons .filled", has_text="Accept").click()
        page.locator("#said", has_text="Accepted").wait_for()
        page.goto(f"{address}#all")
        page.locator("button.row").first.click()
        page.locator("#buttons .filled", has_text="Reject").wait_for()
        assert page.locator("#buttons", has_text="Save the masks").count() == 0
        page.close()
    card = json.loads(program.call("list", "kind:occlusion", "--json"))
    assert card["verdict"] == "accepted"
    assert [mask["label"] for mask in card["figure"]["masks"]] == ["Femur", "Tibia"]
    program.call("build")
    assert (program.home / "ankiforge.apkg").is_file()
