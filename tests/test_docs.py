"""What the documents say is so: commands run, output is the program's, nothing is left out."""

import importlib.util
import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from fnmatch import filter as fnmatch_filter
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from ankiforge.cli import forge as forge_group
from ankiforge.cli import main
from ankiforge.cli.commands import COMMANDS
from ankiforge.config import read_settings
from ankiforge.draft.propose.rejection import RejectionReason
from ankiforge.draft.server import read_providers
from ankiforge.errors import ForgeError
from ankiforge.extract import registry
from ankiforge.ledger import QUERY_FIELDS
from tests.fakes import llm_server
from tests.limits import PATIENCE
from tests.makers.build import build, copy_vault
from tests.makers.eye import write_eye
from tests.makers.site import as_on_the_site

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAPER_PAGE, TUTORIAL = (
    (DOCS / "tutorial/first-cards.md")
    .read_text(encoding="utf-8")
    .split("\n## From a note\n")
)
COMMANDS_PAGE = (DOCS / "reference/commands.md").read_text(encoding="utf-8")
SCRIPTS_PAGE = (DOCS / "guides/developers.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])


def prose(page: Path) -> str:
    """A page without its code."""
    text = re.sub(
        r"^```.*?^```$",
        "",
        page.read_text(encoding="utf-8"),
        flags=re.DOTALL | re.MULTILINE,
    )
    return re.sub(r"`+[^`]*`+", "", text)


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def sections(text: str) -> dict[str, str]:
    """Heading of the second level: what stands under it."""
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


# --- a home in which the commands of a page are typed -----------------------------------------


@dataclass(frozen=True)
class Typed:
    """A command of a page, and the output shown under it."""

    line: str
    shown: str


def session(text: str) -> Iterator[Typed]:
    """What is typed in the `console` blocks of a page, in order."""
    for block in blocks(text, "console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, _, shown = part.partition("\n")
            yield Typed(line, shown)


ANKI = ".local/share/Anki2/User 1"
"""Where Anki keeps the collection of this home."""


class Home:
    """A home with a note, a vault, PDFs, Zotero and an open Anki; `~` in commands is this."""

    def __init__(self, folder: Path, samples: Path, model: Any, anki: Any) -> None:
        self.folder, self.model, self.anki = folder, model, anki
        shutil.copytree(samples, folder / "samples")
        for name, old in {"Papers": "papers", "Zotero": "zotero"}.items():
            (folder / "samples" / old).rename(folder / name)
        copy_vault(folder / "Vault")
        (folder / "Vault/.obsidian").mkdir()
        shutil.copyfile(
            folder / "Papers/Judging a diagnostic test.pdf", folder / "paper.pdf"
        )
        (folder / "mine.apkg").write_text("somebody else's")
        (folder / "Vault/Readwise").mkdir()
        (folder / "Vault/Readwise/Book.md").write_text(
            "# Book\n## Highlights\n- A passage of the book. ([Location 6](https://x.org))\n"
        )
        (folder / "Downloads").mkdir(exist_ok=True)
        (folder / "Downloads/cards.csv").write_text(
            "Front,Back\nWhat carries energy in a cell?,ATP\n"
        )
        (folder / "Logseq/pages").mkdir(parents=True)
        (folder / "Logseq/pages/Cell.md").write_text(
            "- What makes the energy of a cell? #card\n\t- the mitochondrion\n"
        )
        (folder / "notes").mkdir()
        (folder / "notes/Memory.md").write_text(note_of_the_tutorial(), encoding="utf-8")
        entry = "A Book\n- Your Highlight at location 1-2 | Added on Thursday, January 1, 2015 10:00:00 AM\n\nA passage.\n==========\n"
        (folder / "My Clippings.txt").write_text(entry, encoding="utf-8")

    def type(self, line: str) -> tuple[int, str]:
        """Exit code and all output of a command, `~` for this folder."""
        program, *arguments = shlex.split(line, comments=True)
        assert program == "ankiforge", line
        self._before(arguments)
        said = io.StringIO()
        spread = [re.sub(r"^~", str(self.folder), argument) for argument in arguments]
        if spread[:1] == ["watch"]:
            return self._watch(spread)
        with chdir(self.folder), redirect_stdout(said), redirect_stderr(said):
            try:
                main(spread)
            except SystemExit as ended:
                code = int(str(ended.code))
        self._do_a_persons_part(spread)
        return code, said.getvalue().replace(str(self.folder), "~")

    def data(self, line: str) -> list[Any]:
        """The JSON lines that a command prints, with talk left out."""
        code, said = self.type(f"{line} --json -q")
        assert code in {0, 1}, said
        return [json.loads(line) for line in said.splitlines() if line.startswith("{")]

    def _watch(self, words: list[str]) -> tuple[int, str]:
        """Let it begin, and stop it by Ctrl-C."""
        command = [sys.executable, "-m", "ankiforge", *words]
        said = ["--json"] if "--json" not in words else []
        with subprocess.Popen(
            [*command, *said], cwd=self.folder, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["event"] == "started"
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=PATIENCE) == 130
        return 0, ""

    # --- a person's part: what is done elsewhere, between two commands ------------------------

    def _before(self, words: list[str]) -> None:
        """Bring about in Anki what a command is for."""
        if words[:1] == ["push"] or "--push" in words:
            settings = (self.folder / "cards/ankiforge.yaml").read_text(encoding="utf-8")
            assert self.anki.address in settings, "the user's own Anki would be asked"
        if "export.apkg" in words:
            self._export()
        if words[:2] == ["model", "use"]:
            words[2] = words[2].replace("http://127.0.0.1:11434/v1", self.model.base_url)

    def load(self) -> None:
        """Import the package, by a double click, and let the program see it."""
        self.type("ankiforge build")
        with self.anki.collection() as col:
            for package in (
                self.folder / "ankiforge.apkg",
                self.folder / "cards/ankiforge.apkg",
            ):
                if package.exists():
                    request = ANKI_WHEEL.ImportAnkiPackageRequest(
                        package_path=str(package)
                    )
                    col.import_anki_package(request)
        self.type("ankiforge pull")

    def change_both(self, guid: str) -> None:
        """Another answer in Anki, and another one here."""
        self.load()
        with self.anki.collection() as col:
            note = col.get_note(
                col.db.scalar("select id from notes where guid = ?", guid)
            )
            note["Back"] = f"{note['Back']}, as I say it"
            col.update_note(note)
        self.type("ankiforge pull")
        note_file = self.folder / "notes/Memory.md"
        text = note_file.read_text(encoding="utf-8")
        note_file.write_text(
            text.replace("than reading", "than re-reading"), encoding="utf-8"
        )
        self.type("ankiforge run")

    def _export(self) -> None:
        """Anki's own export of all decks, with scheduling."""
        with self.anki.collection() as col:
            col.export_anki_package(
                out_path=str(self.folder / "export.apkg"),
                options=ANKI_WHEEL.ExportAnkiPackageOptions(with_scheduling=True),
                limit=None,
            )

    def _do_a_persons_part(self, arguments: list[str]) -> None:
        """Name the model and this home's Anki, take the question to a chat."""
        if arguments[:1] == ["init"]:
            settings = self.folder / "cards/ankiforge.yaml"
            text = settings.read_text(encoding="utf-8")
            text = text.replace("http://127.0.0.1:11434/v1", self.model.base_url)
            text = text.replace("http://127.0.0.1:8765", self.anki.address)
            settings.write_text(text, encoding="utf-8")
        if (question := self.folder / "ask.md").exists():
            asked = question.read_text(encoding="utf-8")
            answer = two_cards({"messages": [{"role": "user", "content": asked}]})
            content = json.loads(answer.body)["choices"][0]["message"]["content"]
            (self.folder / "answer.md").write_text(
                f"Here you are:\n```json\n{content}\n```\n"
            )


def note_of_the_tutorial() -> str:
    """The note that the tutorial shows with `cat`."""
    first = next(session(TUTORIAL))
    assert first.line == "cat notes/Memory.md"
    return first.shown


ANKI_WHEEL: Any = None
if importlib.util.find_spec("anki") or os.environ.get("ANKIFORGE_REQUIRE_ALL"):
    ANKI_WHEEL = import_module("anki.collection")


def two_cards(request: dict[str, Any]) -> Any:
    """A model's answer: two cards to choose from for each passage."""
    return llm_server.cards(
        *(
            llm_server.card(
                label, words, f"{ask} the passage that begins with {words[:9]}?"
            )
            for label, words in llm_server.marked(request)
            for ask in ("What says", "Which words follow in")
        )
    )


def move_into(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Nothing of the user's is found: Anki's folders are this home's own, and no model runs."""
    data = folder / ".local/share"
    patch.setenv("HOME", str(folder))
    patch.setenv("USERPROFILE", str(folder))
    patch.setenv("ANKIFORGE_HOME", str(data / "ankiforge"))
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "APPDATA", "ANKI_BASE"):
        patch.setenv(name, str(data))
    patch.delenv("ANKIFORGE_TRUST", raising=False)
    patch.setattr(
        "ankiforge.draft.server.discover_servers", lambda *_, **__: lambda seconds: ()
    )
    for each in read_providers():
        patch.delenv(each.key_env, raising=False)


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs") / "samples"
    build(folder)
    return folder


@pytest.fixture
def home(
    tmp_path: Path, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Home]:
    if ANKI_WHEEL is None:
        pytest.skip("the anki wheel is not installed")
    folder = tmp_path / "ada"
    move_into(folder, monkeypatch)
    from tests.fakes.anki_connect import serving

    with (
        llm_server.LlmServer(otherwise=two_cards) as model,
        serving(folder / ANKI, profile="User 1") as anki,
    ):
        yield Home(folder, samples, model, anki)


# --- commands run ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "outputs"),
    [(TUTORIAL, 2), (PAPER_PAGE, 1)],
    ids=["first cards", "paper to Anki"],
)
def test_what_a_tutorial_shows_is_what_the_program_prints(page, outputs, home):
    shown = [
        typed
        for typed in session(page)
        if typed.shown and not typed.line.startswith("cat ")
    ]
    assert len(shown) >= outputs
    for typed in shown:
        assert home.type(typed.line) == (0, typed.shown)


TYPED = {page.name: list(session(page.read_text(encoding="utf-8"))) for page in PAGES}


@pytest.mark.parametrize("page", [name for name, typed in TYPED.items() if typed])
def test_every_command_of_a_page_runs(page, home):
    for line in (
        one.line
        for one in TYPED[page]
        if not one.line.startswith(("cat ", "ankiforge review"))
    ):
        code, said = home.type(line)
        assert code == 0, f"$ {line}\n{said}"


def test_every_way_to_mark_makes_the_card_the_page_says(home):
    page = (DOCS / "guides/obsidian.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.+?`) \| (cloze|basic|two-way)\b", page, re.MULTILINE)
    assert len(rows) >= 7
    for number, (words, kind) in enumerate(rows):
        note = home.folder / f"row {number}" / "note.md"
        note.parent.mkdir()
        lines = (line.strip("`") for line in words.split("<br>"))
        note.write_text("\n".join(lines) + "\n", encoding="utf-8")
        home.type(f"ankiforge run '{note.parent}'")
        cards = home.data(f"ankiforge list source:row{number}")
        assert {card["kind"] for card in cards} == {kind}, words


def named_commands(page: Path) -> set[str]:
    """The commands that a page names without running them: in a sentence, or in another block."""
    text = page.read_text(encoding="utf-8")
    for block in blocks(text, "console"):
        text = text.replace(block, "")
    in_sentences = re.findall(r"`(ankiforge [^`]+)`", text)
    in_blocks = re.findall(r"^ {4}(ankiforge \S.*)$", text, re.MULTILINE)
    for block in blocks(text, "sh"):
        in_blocks += block.splitlines()
    return {" ".join(line.split()) for line in [*in_sentences, *in_blocks]}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_only_names_exists_with_its_options(page):
    for line in named_commands(page):
        words = shlex.split(line.partition("#")[0].replace("…", ""))[1:]
        if words[0] == "-C":
            words = words[2:]
        if words[0] in ("--version", "-h"):
            continue
        command = loaded(words[0])
        below = words[1] if len(words) > 1 else ""
        if isinstance(command, click.Group) and below in command.commands:
            command = command.commands[below]
        known = {"--help", "-h"}
        for parameter in command.params:
            known.update(parameter.opts)
        for word in words[1:]:
            if re.match(r"--\w|-\w$", word):
                assert word.partition("=")[0] in known, line


# --- nothing is left out ----------------------------------------------------------------------


def options_of(command: click.Command) -> set[str]:
    """The longest name of each option of a command."""
    options = (p for p in command.params if isinstance(p, click.Option))
    return {max(option.opts, key=len) for option in options}


def loaded(name: str) -> click.Command:
    command = forge_group.get_command(click.Context(forge_group), name)
    assert command is not None, name
    return command


COMMON = options_of(loaded("status"))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_is_documented_and_has_an_example(name):
    section = sections(COMMANDS_PAGE)[name]
    served = (
        section if name == "review" else ""
    )  # a page that ends with Ctrl-C is not typed here
    typed = served + " ".join(one.line for one in session(section))
    typed += " ".join(re.findall(r"`(ankiforge [^`]+)`", section))
    assert f"ankiforge {name}" in typed
    command = loaded(name)
    below = command.commands.values() if isinstance(command, click.Group) else ()
    drawn = sections(as_on_the_site("reference/commands.md"))[name]
    for option in set().union(*map(options_of, (command, *below))) - COMMON:
        row = rf"^\| `[^`]*{option}(?![\w-])[^`]*` \| \w"
        assert re.search(row, drawn, re.MULTILINE), f"{option} is not explained"
        short = {"--output": " -o "}.get(option, option)
        assert option in typed or short in typed, f"{option} has no example"


def _exit_codes(error: type[ForgeError]) -> set[int]:
    return {error.exit_code}.union(
        *(_exit_codes(below) for below in error.__subclasses__())
    )


def test_common_options_exit_codes_and_fields_of_queries_are_documented():
    page = sections(COMMANDS_PAGE)
    drawn = sections(as_on_the_site("reference/commands.md"))["Every command"]
    rows = re.findall(r"^\| `([^`]+)` \| \w", drawn, re.MULTILINE)
    named = {re.findall(r"--[\w-]+", row)[0] for row in rows}
    assert named == {*COMMON, "--version", "--help"}
    listed = SCRIPTS_PAGE.split("### Exit codes\n")[1].split("\n## ")[0]
    codes = re.findall(r"^- (\d+):", listed, re.MULTILINE)
    assert set(map(int, codes)) == {0, 130} | _exit_codes(ForgeError)
    assert (
        tuple(re.findall(r"^\| `(\w+)` \|", page["Queries"], re.MULTILINE))
        == QUERY_FIELDS
    )


def shapes() -> dict[str, list[str]]:
    """Name of a JSON shape: its keys, as the file lists them."""
    lines = (DOCS / "reference/json-keys.txt").read_text(encoding="utf-8").splitlines()
    listed = (line for line in lines if line and not line.startswith("#"))
    rows = (re.split(r"  +", line.strip(), maxsplit=1) for line in listed)
    return {name: re.sub(r"\[\]|\{\}", "", keys).split() for name, keys in rows}


TOLD = shapes()


def shaped(values: list[Any], shape: str, **inner: str) -> Any:
    """The first value; it has this shape, and what stands under its keys (or first there) has those."""
    one = values[0]
    assert list(one) == TOLD[shape], shape
    for key, name in inner.items():
        below = one[key][0] if isinstance(one[key], list) else one[key]
        assert list(below) == TOLD[name], name
    return one


def test_json_has_the_documented_shapes(home):
    shaped(home.data("ankiforge init ~/cards"), "init")
    doubtful = home.folder / "notes" / "doubtful.md"
    doubtful.write_text("They ==lost a third== of their weight in the winter.\n", "utf-8")
    parts = {name: name for name in ("highlights", "state", "cards", "notes", "llm")}
    shaped(home.data("ankiforge run ~/Papers notes"), "run", **parts)
    shaped(home.data("ankiforge run nowhere notes"), "run", problems="problem")
    shaped(
        home.data("ankiforge run --dry-run -v ~/Papers"), "passage", document="document"
    )
    waiting = [
        one for one in home.data("ankiforge list verdict:waiting") if one["findings"]
    ]
    draft = shaped(waiting, "list", origin="origin", findings="finding")
    assert draft["guid"] is None
    listed = home.data("ankiforge list --no-card")
    bare = listed[0]
    more = ["place", "fate", "reason", "confidence", "suggestion"]
    assert list(bare) == [*TOLD["passage"], *more]
    [proposal] = {tuple(one["suggestion"]) for one in listed if one["suggestion"]}
    assert list(proposal) == TOLD["suggestion"]
    done = shaped(home.data(f"ankiforge accept --force {draft['id']}"), "accept")
    shaped(home.data("ankiforge list --view recent"), "recent")
    shown = home.data(f"ankiforge list -v {done['guid']}")[0]
    assert list(shown) == [*TOLD["list"], "questions", "decisions"]
    shaped(home.data("ankiforge undo"), "accept")
    shaped(home.data(f"ankiforge reject {bare['key']}"), "accept")
    shaped(home.data("ankiforge build"), "build")
    shaped(
        home.data("ankiforge status"),
        "status",
        highlights="status highlights",
        cards="status cards",
        waiting="status waiting",
    )
    shaped(home.data("ankiforge draft --drafter llm --estimate"), "estimate")
    shaped(home.data("ankiforge doctor"), "doctor")
    use = f"ankiforge model use {home.model.base_url} --model m --yes"
    shaped(home.data(use), "model use")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GROQ_API_KEY", "gsk-of-nobody-012345")
        shaped(home.data("ankiforge model list"), "model list")
    shaped(home.data("ankiforge model off"), "model off")


def test_json_has_the_documented_shapes_of_changes_and_questions(home):
    note = home.folder / "notes/Memory.md"
    lines = "".join(f"Term {word} :: its meaning\n" for word in ("one", "two", "three"))
    note.write_text(note.read_text(encoding="utf-8") + f"\n{lines}", encoding="utf-8")
    home.data("ankiforge run notes")
    home.data("ankiforge accept --all")
    shaped(home.data("ankiforge list --view questions"), "question")
    text = note.read_text(encoding="utf-8")
    note.write_text(text.replace("four chunks", "three chunks"), encoding="utf-8")
    shaped(home.data("ankiforge run"), "run", changes="changes")
    [change] = home.data("ankiforge list --view changed")
    assert list(change) == [*TOLD["recent"], "before", "after"]
    shaped(home.data(f"ankiforge edit {change['guid']} --field Extra x"), "list")


def test_json_has_the_documented_shapes_on_the_way_back(home):
    home.data("ankiforge init ~/cards")
    home.data("ankiforge run notes")
    shaped(home.data("ankiforge pull"), "pull", notes="notes", view="view")
    shaped(home.data("ankiforge push"), "push", notes="notes")
    card = next(one for one in home.data("ankiforge list") if one.get("kind") == "basic")
    home.change_both(card["guid"])
    asked = [
        one for one in home.data("ankiforge list --view changed") if "question" in one
    ]
    question = shaped(asked, "question", conflicts="conflict")
    shaped(home.data(f"ankiforge reject {question['id']}"), "accept")
    shown = home.data(f"ankiforge list {card['guid'][:10]}")[0]
    assert list(shown) == [*TOLD["list"], "questions"]
    assert list(shown["seen"]) == TOLD["seen"]


def test_json_has_the_documented_shapes_of_what_is_counted_and_searched(home):
    home.data("ankiforge init ~/cards")
    home.data("ankiforge run notes")
    home.load()
    with home.anki.collection() as col:
        line = "insert into revlog select ?, id, -1, 3, 9, 4, 2500, 7000, 1 from cards limit 1"
        col.db.execute(line, int(time.time() * 1000))
    home.type("ankiforge pull")
    shaped(home.data("ankiforge status"), "status", answers="status answers")
    found = home.data("ankiforge search testing effect")
    shaped(found, "search WORDS", document="document", cards="found card")
    found = home.data("ankiforge search Memory.md")
    shaped(found, "search NAME", document="document", cards="found card")


# --- pages hold together ----------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"\w+:", target):
            continue
        path, _, heading = target.partition("#")
        file = page.parent / path if path else page
        assert file.exists(), target
        if heading:
            headings = re.findall(
                r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE
            )
            assert heading in {re.sub(r"[^\w -]", "", h).strip().lower().replace(" ", "-")
                               for h in headings}, target  # fmt: skip


FIGURE = re.compile(r"(?<![\w.,])(?:\d[\d,]* of \d[\d,]*|\d[\d.]*(?= ?%))")
"""A count of others, or per cent."""
RULES = {
    *(DOCS / "internals").glob("*.md"),
    DOCS / "reference/limits.md",
    DOCS / "reference/rare.md",
}
"""Pages whose numbers are rules of the program."""


def test_every_measured_figure_of_a_page_stands_in_the_benchmarks():
    benchmarks = ROOT / "benchmarks"
    measured = (benchmarks / "figures.txt").read_text("utf-8")
    measured += "\n".join(page.read_text("utf-8") for page in benchmarks.rglob("*.md"))
    unknown = []
    for page in sorted({ROOT / "README.md", *DOCS.rglob("*.md")} - RULES):
        for figure in FIGURE.findall(prose(page)):
            whole = rf"(?<![\d.,]){re.escape(figure)}(?!\d|[.,]\d)"
            if not re.search(whole, measured):
                unknown.append((page.name, figure))
    assert unknown == []


def test_every_page_stands_in_the_menu():
    menu = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    names = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    assert set(re.findall(r": ([\w/-]+\.md)$", menu, re.MULTILINE)) == names


def test_the_providers_of_the_guide_are_those_of_the_program():
    page = (DOCS / "guides/models.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| `(\w+)` \| `(\w+)` \| `(\S+)` \| (\S+), (\S+) \|$", page, re.M
    )
    assert rows == [
        (each.name, each.key_env, each.model, *(f"{price:g}" for price in each.price_usd))
        for each in read_providers({})
        if each.price_usd
    ]


def test_the_settings_for_models_that_the_docs_show_are_taken(tmp_path):
    page = (DOCS / "guides/models.md").read_text(encoding="utf-8")
    shown = [text for text in blocks(page, "yaml") if "llm:" in text]
    assert len(shown) >= 1
    for text in shown:
        (tmp_path / "ankiforge.yaml").write_text(text, encoding="utf-8")
        config = read_settings(tmp_path / "ankiforge.yaml", registry)
        assert config.llm.model == yaml.safe_load(text)["llm"]["model"]


# --- what is written where ----------------------------------------------------------------------


def find_files(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Every file below a folder by its path there, with its content and time."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in files
    }


def files_of(heading: str) -> list[str]:
    """The files in the first column of a table of the page."""
    page = sections((DOCS / "reference/files.md").read_text(encoding="utf-8"))
    rows = re.findall(r"^\| (`.+?) \|", page[heading], re.MULTILINE)
    return re.findall(r"`([^`]+)`", " ".join(rows))


@pytest.mark.slow
def test_commands_write_the_files_that_the_page_names_and_no_others(home):
    write_eye(home.folder / "Papers/eye.pdf")
    before = find_files(home.folder)
    for line in (
        "ankiforge run notes ~/Papers ~/Vault",
        "ankiforge draft export ask.md",
        "ankiforge draft import answer.md",
        "ankiforge init ~/cards",
        "ankiforge model use http://127.0.0.1:11434/v1 --model m --yes",
        "ankiforge accept --all",
        "ankiforge build",
        "ankiforge list --all",
        "ankiforge doctor",
    ):
        home.type(line)
    home.type("ankiforge run")
    after = find_files(home.folder)
    written = {name for name, file in after.items() if before.get(name) != file}
    assert before.keys() <= after.keys(), "a file is gone"
    assert not written & before.keys(), "a file that was there has changed"
    default = ".local/share/ankiforge/"
    named = {
        *("ask.md", "answer.md"),  # named on the command line; the chat's answer
        *("ankiforge.apkg", "cards/ankiforge.apkg"),
        *(f"cards/{file}" for file in files_of("The workspace")),
        *(f"{default}{file}" for file in files_of("The default workspace")),
    }
    unnamed = {
        name for name in written if not any(fnmatchcase(name, each) for each in named)
    }
    assert unnamed == set()
    # kept only for an answer that is pasted at a terminal: tests/cli/test_terminal_chat.py
    named.remove("cards/.ankiforge/answer.md")
    assert [each for each in sorted(named) if not fnmatch_filter(written, each)] == []


# --- claims -------------------------------------------------------------------------------------

CLAIMED_PAGES = [
    *(ROOT / "README.md", DOCS / "index.md"),
    *sorted((DOCS / "tutorial").glob("*.md")),
    *sorted((DOCS / "guides").glob("*.md")),
]


@dataclass(frozen=True)
class Claim:
    """Words of a page, and what holds them: tests, or after "-" why no test can."""

    page: str
    words: str
    held_by: tuple[str, ...]


def read_claims() -> list[Claim]:
    """The table of claims, in which each line of words is followed by indented lines."""
    text = (ROOT / "tests/claims.txt").read_text(encoding="utf-8")
    return [
        Claim(page, claim[0], tuple(re.findall(r"^    (.+)$", claim[1], re.MULTILINE)))
        for page, rows in sections(text).items()
        for claim in re.findall(r"^(\S.*)\n((?: {4}.+\n)*)", rows, re.MULTILINE)
    ]


CLAIMS = read_claims()


def split_into_blocks(page: Path) -> list[str]:
    """The paragraphs, list items and rows of a page, each on one line, without blocks of code."""
    text = page.read_text(encoding="utf-8")
    text = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"^ {4}\S.*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"^\|.+\n\|[-:|]+$", "", text, flags=re.MULTILINE)
    text = re.sub(r"^(?= *(?:[-|]|\d+\.))", "\n", text, flags=re.MULTILINE)
    blocks = (" ".join(block.split()) for block in re.split(r"\n\s*\n", text))
    return [
        block for block in blocks if block and not block.startswith(("#", "!", "<img"))
    ]


@pytest.mark.parametrize(
    "page", CLAIMED_PAGES, ids=lambda page: str(page.relative_to(ROOT))
)
def test_every_paragraph_of_the_guides_has_a_claim_in_the_table(page):
    name = page.relative_to(ROOT).as_posix()
    blocks = split_into_blocks(page)
    claimed = [claim.words for claim in CLAIMS if claim.page == name]
    lost = [words for words in claimed if not any(words in block for block in blocks)]
    assert lost == [], f"{name} no longer says this: correct tests/claims.txt"
    unclaimed = [
        block for block in blocks if not any(words in block for words in claimed)
    ]
    assert unclaimed == [], "which tests hold this? name them in tests/claims.txt"


def test_each_other_program_of_the_readme_has_a_source_and_a_date():
    section = sections(README)["What sets it apart"]
    table = re.findall(r"(?:^\|.*\n)+", section, re.MULTILINE)[0]
    header = table.splitlines()[0].split("|")[1:-1]
    assert len(header) > 4
    for program in header[2:]:
        assert re.search(r"\]\(https://github\.com/[\w.-]+/", program)
    assert re.search(r"^As documented in 20\d\d-[01]\d;", section, re.MULTILINE)


def test_the_readme_counts_the_sources_without_a_certain_proposal():
    lines = (ROOT / "benchmarks/offers/certain-first.jsonl").read_text("utf-8")
    cards = [json.loads(line) for line in lines.splitlines()]
    certain = {card["source"] for card in cards if "certain" in card["by"]}
    assert len({card["source"] for card in cards}) == 10
    assert len(certain) == 10 - 4
    words = "in four of the ten newest rated sources, no suggested card was shown unasked"
    assert words in README


def test_the_reasons_of_the_page_on_few_cards_are_those_of_the_program():
    page = (DOCS / "guides/few-cards.md").read_text("utf-8")
    rows = re.findall(r"^\| ([a-z][^|]+?) \|", page, re.MULTILINE)[1:]
    assert len(rows) >= 6
    for text in ", ".join(rows).split(", "):
        known = [reason for reason in RejectionReason if text in reason.value]
        assert known, f"no reason says {text!r}"


def test_the_first_code_block_of_the_readme_names_the_two_commands_that_do_all():
    code_block = re.search(r"^```bash\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    assert code_block is not None
    commands = [line.partition("#")[0].strip() for line in code_block[1].splitlines()]
    assert commands[:2] == ["make demo", "make test"]
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    assert targets >= {"demo", "test"}


def test_readme_and_the_pages_for_users_are_short():
    menu = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("For developers")
    pages = re.findall(r": ([\w/-]+\.md)$", menu[0], re.MULTILINE)
    texts = [(DOCS / page).read_text(encoding="utf-8") for page in pages]
    words = [len(re.sub(r"\|[-:|]*|·", " ", text).split()) for text in texts]
    assert len(README.split()) <= 650
    assert len(pages) >= 15
    assert sum(words) <= 12_000


def test_every_claim_is_held_by_tests_that_exist():
    assert {claim.page for claim in CLAIMS} == {
        page.relative_to(ROOT).as_posix() for page in CLAIMED_PAGES
    }
    tests: dict[str, str] = {}
    missing = []
    for claim in CLAIMS:
        assert claim.held_by, f"{claim.words!r} names no test"
        for test in claim.held_by:
            file, _, name = test.partition("::")
            path = ROOT / "tests" / file
            if test.startswith("- "):
                continue
            if file not in tests:
                tests[file] = path.read_text("utf-8") if path.is_file() else ""
            if not re.search(rf"^def {name}\(", tests[file], re.MULTILINE):
                missing.append(test)
    assert missing == []
