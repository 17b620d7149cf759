"""Plays the histories of the golden corpus, and says what a person could see after each step.

Only what stays when the program is rebuilt is used: its command line, the decisions of its page, the files it
writes, the notes in its packages, and the real Anki. What the kinds of steps are is told in README.md.
"""

import base64
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
import yaml

from ankiforge import Workspace
from ankiforge.review import Review
from ankiforge.review.decisions import Reject
from tests.golden import anki, clock
from tests.makers import pdf_writer
from tests.makers import zotero_writer as zotero

HERE = Path(__file__).parent
RECORDED = HERE / "recorded"
RECORD = os.environ.get("ANKIFORGE_GOLDEN") == "record"
TICK = 20.0
"""Seconds between two calls of the program: more than the five after which a passage can be gone."""
START = 7200.0
"""How far the program's clock is ahead at the start: what Anki has was not changed just now."""

VAULT = "obsidian: {name: notes, path: notes, marks: [==, mark], cards: [inline, block, cloze, glossary]}"
SOURCES = {
    "vault": VAULT,
    "pdf": "pdf: {name: papers, path: papers}",
    "zotero": "zotero: {name: zotero, path: Zotero}",
    "kindle": "kindle: {path: kindle}",
    "readwise": "readwise: {path: readwise}",
    "hypothesis": "hypothesis: {path: hypothesis}",
    "markdown": "markdown: {name: texts, path: texts}",
}
DECK = 'deck: "Golden::{title}"\n'


def read_histories() -> dict[str, dict[str, Any]]:
    """{name: history} of all files, read by libyaml if it is there: ten times as fast."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found: dict[str, dict[str, Any]] = {}
    for path in sorted((HERE / "histories").glob("*.yaml")):
        for name, history in yaml.load(path.read_text(encoding="utf-8"), loader).items():
            assert name not in found, name
            found[name] = history
    return found


def recorded_at(name: str) -> Path:
    return RECORDED / f"{name.replace(',', '').replace(' ', '-')}.json"


def compact(steps: list[dict[str, Any]]) -> str:
    """JSON whose objects are broken down to the level of one card or note."""

    def dump(value: Any, depth: int) -> str:
        if not isinstance(value, dict) or not value or depth == 0:
            return json.dumps(value, ensure_ascii=False)
        pad = " " * (4 - depth)
        inner = [
            f"{pad}{json.dumps(key)}: {dump(one, depth - 1)}"
            for key, one in value.items()
        ]
        return "{\n" + ",\n".join(inner) + "}"

    return "[\n" + ",\n".join(dump(step, 3) for step in steps) + "\n]\n"


def assert_recorded(name: str, came: list[dict[str, Any]]) -> None:
    """Compare what the steps of a history came to with what is recorded, or record it."""
    came = json.loads(json.dumps(came))
    if RECORD:
        recorded_at(name).write_text(compact(came), encoding="utf-8")
    steps = json.loads(recorded_at(name).read_text(encoding="utf-8"))
    assert [step["step"] for step in came] == [step["step"] for step in steps]
    for now, then in zip(came, steps, strict=True):
        assert now == then, f"{name}, {now['step']}"


def needs_anki(history: dict[str, Any]) -> bool:
    return any("anki" in step for step in history["steps"])


def play(
    history: dict[str, Any], folder: Path, make_forge: Any, fake: Any
) -> list[dict[str, Any]]:
    """Play one history in an empty folder; what each of its steps came to.

    A step tells what is different from the step before it, so that a difference is told once.
    """
    with ExitStack() as stack:
        return Player(history, folder, make_forge, fake, stack).play()


class Machine:
    """One computer: a home, a workspace in `desk`, and perhaps an Anki."""

    def __init__(self, forge: Any, anki_needed: bool) -> None:
        self.forge = forge
        self.desk: Path = forge.folder
        self.has_anki = anki_needed
        self.last: dict[str, Any] = {}
        self.killed = False

    @property
    def collection(self) -> Path:
        return self.desk / "anki" / "collection.anki2"

    @property
    def state_folder(self) -> Path:
        """Where ledger and journal lie: the workspace, or without settings the home."""
        return self.desk if (self.desk / "ankiforge.yaml").exists() else self.forge.home


class Lists(NamedTuple):
    """What `list` tells of a workspace."""

    cards: list[dict[str, Any]]
    without_card: list[dict[str, Any]]
    questions: list[dict[str, Any]]


class Player:
    def __init__(
        self,
        history: dict[str, Any],
        folder: Path,
        make_forge: Any,
        fake: Any,
        stack: ExitStack,
    ) -> None:
        self.history = history
        self.folder = folder
        self.make_forge = make_forge
        self.fake = fake
        self.machines: dict[str, Machine] = {}
        self.ahead = history.get("ahead", START)
        self.number = 0
        self.server = stack.enter_context(fake.LlmServer()) if "llm" in history else None
        self.rules: dict[str, Any] = {}
        if self.server:
            self.server.otherwise = self._answer
            self.rules = history["llm"] or {}
        self.asked = 0
        self.names: dict[str, str] = {}
        """{guid: what the history calls this note}, of all machines."""
        self.latest: tuple[Machine, Lists] | None = None
        """What the lists of a machine hold, if nothing was done since they were read."""

    def play(self) -> list[dict[str, Any]]:
        told = []
        for number, step in enumerate(self.history["steps"], 1):
            self.number = number
            step = dict(step)
            machine = self.machine(step.pop("at", "laptop"))
            [(verb, what)] = step.items()
            if verb != "forge":
                self.latest = None
            try:
                came = getattr(self, f"do_{verb}")(machine, what)
                if came is not None:
                    if not came["exit"]:
                        del came["exit"]
                    told.append(
                        {"step": f"{number} {self.label(verb, what, machine)}", **came}
                    )
            except Exception as error:
                error.add_note(f"step {number}: {verb} {what}"[:300])
                raise
        return told

    def label(self, verb: str, what: Any, machine: Machine) -> str:
        [name] = [name for name, one in self.machines.items() if one is machine]
        words = what if isinstance(what, str) else json.dumps(what, ensure_ascii=False)
        at = "" if len(self.machines) == 1 else f" on {name}"
        return f"{verb}{at}: {words}"[:110]

    def machine(self, name: str) -> Machine:
        if name not in self.machines:
            forge = self.make_forge(self.folder / name)
            made = Machine(forge, needs_anki(self.history))
            forge.name_machine(name)
            self.machines[name] = made
            self.set_up(made)
        return self.machines[name]

    def set_up(self, machine: Machine) -> None:
        settings = self.history.get("settings", ["vault"])
        if settings == "none":
            (machine.desk / "notes" / ".obsidian").mkdir(parents=True)
            return
        if isinstance(settings, list):
            where = "anki/collection.anki2" if machine.has_anki else "none"
            lines = [f"  - {SOURCES[one]}" for one in settings]
            more = self.history.get("more", "accept: {rules: clean}\n")
            text = "\n".join(["sources:", *lines, f"anki: {{collection: {where}}}", more])
        else:
            text = settings
        if machine.has_anki:
            with anki.opened(machine.collection):
                pass
        (machine.desk / "decks").mkdir()
        (machine.desk / "decks" / "deck.yaml").write_text(self.history.get("deck", DECK))
        self.write_settings(machine, text)
        for name in (
            "notes/.obsidian",
            "papers",
            "Zotero",
            "kindle",
            "readwise",
            "texts",
        ):
            if name.split("/")[0] in text:
                (machine.desk / name).mkdir(parents=True, exist_ok=True)

    def write_settings(self, machine: Machine, text: str) -> None:
        """Write `ankiforge.yaml`; a history that does not name them has no proposals."""
        if "proposals:" not in text:
            text = f"{text.rstrip()}\nproposals: false\n"
        if self.server:
            text = text.replace("{llm}", self.server.base_url)
        (machine.desk / "ankiforge.yaml").write_text(text, encoding="utf-8")
        machine.forge.trust(machine.desk)

    # --- files --------------------------------------------------------------------------------

    def do_write(self, machine: Machine, files: dict[str, str]) -> None:
        for name, text in files.items():
            path = machine.desk / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text.startswith("base64:"):
                path.write_bytes(base64.b64decode(text[7:]))
            else:
                path.write_text(text, encoding="utf-8")

    def do_append(self, machine: Machine, files: dict[str, str]) -> None:
        for name, text in files.items():
            path = machine.desk / name
            if name == "journal":
                [path] = path.glob("*.jsonl")
            path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")

    def do_replace(self, machine: Machine, files: dict[str, list[str]]) -> None:
        for name, (old, new) in files.items():
            path = machine.desk / name
            text = path.read_text(encoding="utf-8")
            assert old in text, (old, text)
            path.write_text(text.replace(old, new), encoding="utf-8")

    def do_settings(self, machine: Machine, text: str | list[str]) -> None:
        if isinstance(text, list):
            path = machine.desk / "ankiforge.yaml"
            text = path.read_text(encoding="utf-8").replace(*text)
        self.write_settings(machine, text)

    def do_move(self, machine: Machine, names: list[str]) -> None:
        old, new = (machine.desk / name for name in names)
        new.parent.mkdir(parents=True, exist_ok=True)
        old.rename(new)

    def do_copy(self, machine: Machine, names: list[str]) -> None:
        old, new = (machine.desk / name for name in names)
        new.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(old, new) if old.is_dir() else shutil.copy(old, new)

    def do_delete(self, machine: Machine, names: str | list[str]) -> None:
        for name in [names] if isinstance(names, str) else names:
            path = machine.desk / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def do_pdf(self, machine: Machine, files: dict[str, dict[str, Any]]) -> None:
        for name, made in files.items():
            path = machine.desk / name
            path.parent.mkdir(parents=True, exist_ok=True)
            pages = []
            for page in made["pages"]:
                blocks = [pdf_writer.heading(made["title"])] if not pages else []
                blocks += [pdf_writer.paragraph(one) for one in page["text"]]
                given = (
                    {"words": m} if isinstance(m, str) else m
                    for m in page.get("marks", [])
                )
                marks = [
                    pdf_writer.mark(**{**asked(one["words"]), **one}) for one in given
                ]
                pages.append(pdf_writer.Page(blocks, marks))
            pdf_writer.write_pdf(
                path, pages, title=made["title"], author=made.get("author", ""),
                fields=made.get("fields", {}),
            )  # fmt: skip

    def do_zotero(
        self, machine: Machine, works: list[dict[str, Any]] | dict[str, Any]
    ) -> None:
        """A list of works, or {`group`: its number, `account`: [number, name], `works`: …}."""
        given = works if isinstance(works, dict) else {"works": works}
        library = zotero.Library(
            tuple(map(work_of, given["works"])), group=given.get("group")
        )
        number, name = given.get("account", (0, ""))
        (machine.desk / "Zotero").mkdir(exist_ok=True)
        path = machine.desk / "Zotero" / "zotero.sqlite"
        own = () if library.group is None else (zotero.Library(),)
        users = {int(key): value for key, value in given.get("users", {}).items()}
        account = (number, name) if number else None
        zotero.write_zotero(path, [*own, library], account=account, users=users)

    def do_lose(self, machine: Machine, what: str) -> None:
        """Lose the `ledger`, the `cache`, the `journal`, or all of the hidden folder (`state`)."""
        where = machine.state_folder
        hidden = where / ".ankiforge"
        if what == "journal":
            shutil.rmtree(where / "journal")
        elif what == "state":
            shutil.rmtree(hidden)
        else:
            for path in list(hidden.iterdir()):
                if path.is_file() and path.name.startswith("ledger.db") == (
                    what == "ledger"
                ):
                    path.unlink()

    def do_carry(self, machine: Machine, what: dict[str, Any]) -> None:
        """Bring `files` of machine `from` here, and with `journal` the lines of its journal."""
        source = self.machine(what["from"])
        for name in what.get("files", []):
            old, new = source.desk / name, machine.desk / name
            if old.is_dir():
                shutil.rmtree(new, ignore_errors=True)
                shutil.copytree(old, new)
            else:
                new.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(old, new)
        if what.get("journal"):
            (machine.state_folder / "journal").mkdir(exist_ok=True)
            for path in (source.state_folder / "journal").glob("*.jsonl"):
                here = machine.state_folder / "journal" / path.name
                if not here.exists() or here.stat().st_size < path.stat().st_size:
                    shutil.copy(path, here)

    def do_wait(self, _: Machine, seconds: float) -> None:
        self.ahead += seconds

    # --- the program --------------------------------------------------------------------------

    def do_forge(self, machine: Machine, command: str | list[str]) -> dict[str, Any]:
        words = command if isinstance(command, list) else command.split()
        words = [self.filled(machine, word) for word in words]
        is_extract = "--dry-run" in words
        result = self.call(machine, *words)
        if (
            words[0] == "run"
            and not is_extract
            and "review" not in self.history.get("more", "")
        ):
            self.take_marks(machine)
        came: dict[str, Any] = {"exit": result.exit_code}
        if is_extract:
            came["extract"] = extracted(result.stdout)
        came |= self.look(machine)
        if machine.killed:  # how far it came is chance, where it ends is not
            came.pop("asked", None)
            machine.killed = False
        return came

    def do_reject_proposal(self, machine: Machine, word: str) -> dict[str, Any]:
        """Reject, as the page does, the proposal of the passage with a word."""
        key = self.filled(machine, f"{{passage:{word}}}")
        self.latest = None
        self.ahead += TICK
        with pytest.MonkeyPatch.context() as patch, clock.ahead(self.ahead):
            patch.setenv("ANKIFORGE_TRUST", str(machine.desk))
            with Workspace(machine.desk) as workspace:
                Review(workspace).decide(Reject(key))
        return {"exit": 0, **self.look(machine)}

    def take_marks(self, machine: Machine) -> None:
        """Accept, as its person, the new marks that nothing is said about, and build."""
        taken = []
        for card in self.lists(machine).cards:
            changes = card["changes"] or card["replaces"]
            if card["waits"] == "Made of your highlight; you decide." and not changes:
                taken.append(card["id"])
        if taken:
            self.call(machine, "accept", *taken)
            self.call(machine, "build")

    def do_kill(self, machine: Machine, what: dict[str, Any]) -> None:
        """Start a command and kill it after so many lines of the journal."""
        before = lines_in(machine)
        self.ahead += TICK
        command = [sys.executable, "-m", "tests.golden.clock", str(self.ahead)]
        with subprocess.Popen(
            [*command, "-C", str(machine.desk), *what["command"].split()],
            cwd=HERE.parents[1], env={**os.environ, **machine.forge.environment},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as process:  # fmt: skip
            while process.poll() is None:
                if lines_in(machine) >= before + what["after"]:
                    os.kill(process.pid, signal.SIGKILL)
                    break
                time.sleep(0.001)
        assert process.returncode in (-signal.SIGKILL, 0), process.returncode
        machine.killed = True

    def call(self, machine: Machine, *words: str) -> Any:
        self.latest = None
        self.ahead += TICK
        with clock.ahead(self.ahead):
            return machine.forge(*words, "--json")

    def lists(self, machine: Machine) -> Lists:
        """All cards and drafts, the highlights with neither, and the questions.

        They are read once until something is done.
        """
        if self.latest is None or self.latest[0] is not machine:
            with clock.ahead(self.ahead):
                cards, without, questions = machine.forge.lists(
                    "all", "none", "questions"
                )
            marks = [row for row in without if row["key"]]  # the others are no highlights
            self.latest = (machine, Lists(cards, marks, questions))
        return self.latest[1]

    def filled(self, machine: Machine, word: str) -> str:
        """`{card:word}`, `{passage:word}` and `{question:kind}` in one argument."""

        def fill(found: re.Match[str]) -> str:
            kind, _, rest = found[1].partition(":")
            rest = rest.replace("_", " ")
            if kind == "card":
                return self.guid(machine, rest)
            if kind == "question":
                [id] = [
                    one["id"]
                    for one in self.lists(machine).questions
                    if one["question"] == rest
                ]
                return str(id)
            keys = {
                one["key"]
                for one in self.lists(machine).without_card
                if rest in one["exact"]
            }
            keys |= {
                one["highlight"]
                for one in self.lists(machine).cards
                if rest in one["quote"]
            }
            [key] = keys
            return str(key)

        return re.sub(r"\{((?:card|passage|question)[^}]*)\}", fill, word)

    def guid(self, machine: Machine, word: str) -> str:
        """The one card with this word: in its fields, else in its quote; live before others."""
        cards = self.lists(machine).cards
        for keys in (("fields",), ("fields", "quote", "title")):
            found = [
                card for card in cards if any(word in str(card[key]) for key in keys)
            ]
            waits = [card for card in found if card["verdict"] == "waiting"]
            found = [card for card in found if is_card(card)] or waits or found
            if found:
                assert len(found) == 1, (word, [card["fields"] for card in found])
                return str(found[0]["guid"] or found[0]["id"])
        raise AssertionError(
            f"no card with {word!r}: {[card['fields'] for card in cards]}"
        )

    def look(self, machine: Machine) -> dict[str, Any]:
        """What is different from the last look: cards, drafts, passages, packages, requests."""
        cards, without_card, questions = self.lists(machine)
        paths = sorted(machine.desk.rglob("*.apkg"))
        packages = {
            path.name: notes_in(path) for path in paths if ".previous." not in path.name
        }
        held = {one["guid"]: one["fields"] for one in cards if is_card(one)}
        for notes in packages.values():
            held |= {
                guid: note["fields"] for guid, note in notes.items() if guid not in held
            }
        self.name(held)
        now: dict[str, Any] = {
            "cards": {
                self.names[one["guid"]]: told(one) for one in cards if is_card(one)
            },
            "waiting": dict.fromkeys(sorted(drafts_of(cards)), True),
            "no card": {
                one["exact"]: "a suggestion" if one.get("suggestion") else True
                for one in without_card
            },
            "questions": {asked_about(one): True for one in questions},
            "packages": {name: self.named(notes) for name, notes in packages.items()},
        }
        now = self.plain(machine, now)
        came = {
            kind: changed
            for kind in now
            if (changed := differences(machine.last.get(kind, {}), now[kind]))
        }
        machine.last.update(now)
        if self.server and self.asked != len(self.server.asked):
            new = self.server.asked[self.asked :]
            self.asked = len(self.server.asked)
            came["asked"] = sorted(
                words for one in new for _, words in self.fake.marked(one)
            )
        return came

    def name(self, held: dict[str, dict[str, str]]) -> None:
        """Name the notes that are new by their first words: ids may be made otherwise one day."""
        taken = set(self.names.values())
        for words, guid in sorted(
            (next(iter(fields.values())), guid)
            for guid, fields in held.items()
            if guid not in self.names
        ):
            name, number = words, 1
            while name in taken:
                number += 1
                name = f"{words} ({number})"
            taken.add(name)
            self.names[guid] = name

    def named(self, notes: dict[str, dict[str, Any]]) -> dict[str, Any]:
        return dict(sorted((self.names[guid], note) for guid, note in notes.items()))

    def plain(self, machine: Machine, value: Any) -> Any:
        """Without the folders of this machine, and the tags that name a document."""
        text = json.dumps(value, ensure_ascii=False)
        text = re.sub(r'"ankiforge::doc::[^"]*"(, )?', "", text).replace(", ]", "]")
        for path in (str(machine.desk), str(self.folder)):
            for form in (
                path,
                quote(path, safe=""),
                quote(path),
                quote(path, safe="-_.~"),
            ):
                text = text.replace(form, "HERE")
        return json.loads(text)

    # --- Anki ---------------------------------------------------------------------------------

    def do_anki(self, machine: Machine, steps: dict[str, Any]) -> dict[str, Any]:
        """`import: FILE`, or {edit|tag|…: [word, …]}; in order."""
        came: dict[str, Any] = {"exit": 0}
        guids: dict[str, str] = {}
        for verb, what in steps.items():
            if verb not in ("import", "add"):
                words = (
                    what
                    if verb == "undo_import"
                    else [what]
                    if isinstance(what, str)
                    else what[:1]
                )
                guids |= {word: self.guid(machine, word) for word in words}
        with anki.opened(
            machine.collection, self.ahead - START + 10 * self.number
        ) as open_one:
            for verb, what in steps.items():
                if verb == "import":
                    came["imported"] = open_one.load(machine.desk / what)
                elif verb == "add":
                    open_one.add(*what)
                elif verb == "undo_import":
                    open_one.undo_import([guids[word] for word in what])
                else:
                    word, *rest = [what] if isinstance(what, str) else what
                    getattr(open_one, verb)(guids[word], *rest)
            notes = open_one.state()
        self.name({guid: note["fields"] for guid, note in notes.items()})
        now = self.plain(machine, self.named(notes))
        if changed := differences(machine.last.get("anki", {}), now):
            came["anki"] = changed
        machine.last["anki"] = now
        return came

    # --- the model ----------------------------------------------------------------------------

    def do_llm(self, _: Machine, rules: dict[str, Any]) -> None:
        self.rules = rules

    def _answer(self, request: dict[str, Any]) -> Any:
        """What the model says: by the first rule whose word stands in a passage, else one card each."""
        made: list[dict[str, Any]] = []
        for label, words in self.fake.marked(request):
            rule = next((one for word, one in self.rules.items() if word in words), None)
            if rule is None:
                made.append(
                    self.fake.card(label, words, f"What is said of {words.split()[0]}?")
                )
            elif isinstance(rule, str):
                return self.fake.says(rule)
            elif isinstance(rule, int):
                return self.fake.error(rule, "no")
            else:
                base = {"h": label, "quote": words}
                made += [{"kind": "basic", **base, **one} for one in rule]
        return self.fake.cards(*made)

    def do_answer_chat(self, machine: Machine, what: dict[str, Any]) -> None:
        """Write the answer to an exported chat: labels are found before the passages."""
        text = (machine.desk / what["asked"]).read_text(encoding="utf-8")
        found = re.findall(
            r'<highlight h="(\w+)">.*?<marked>(.*?)</marked>', text, re.DOTALL
        )
        cards = []
        for label, words in found:
            for word, rule in what["cards"].items():
                if word in words:
                    cards += [
                        {"h": label, "kind": "basic", "quote": words, **one}
                        for one in rule
                    ]
        answer = "Here you are:\n```json\n" + json.dumps({"cards": cards}) + "\n```\n"
        (machine.desk / what["into"]).write_text(answer, encoding="utf-8")


def asked(words: str) -> dict[str, str]:
    """The comment of a mark in a paper: a question, if its words spell out an abbreviation."""
    found = re.search(r"\(([A-Z]{2,})\)", words)
    return {"comment": f"What does {found[1]} stand for?"} if found else {}


def work_of(work: dict[str, Any]) -> zotero.Work:
    """A work with one file, its marks in order, and notes."""
    marks = tuple(
        zotero.Annotation(
            top=100 * at,
            **{**asked(one.get("text", "")), **one, "tags": tuple(one.get("tags", ()))},
        )
        for at, one in enumerate(work.get("marks", []), 1)
    )
    file = work.get("file", f"{work['key']}.pdf")
    return zotero.Work(
        work["key"],
        {"title": work["title"], **work.get("fields", {})},
        creators=(("author", "Jane", "Doe"),),
        tags=tuple(work.get("tags", ())),
        collections=tuple(work.get("collections", ())),
        attachments=(zotero.Attachment(f"A{work['key'][1:]}", file, marks),),
        notes=tuple(zotero.Note(**one) for one in work.get("notes", [])),
        trashed=work.get("trashed", False),
    )


# --- what is told -------------------------------------------------------------------------------


def is_card(line: dict[str, Any]) -> bool:
    """Whether a line of `list --json --all` is a card that was accepted and stands."""
    return line["verdict"] == "accepted" and line["anki"] not in ("deleted", "missing")


def told(card: dict[str, Any]) -> dict[str, Any]:
    card = {**card, "tags": sorted(card["tags"])}
    return {key: card[key] for key in ("fields", "deck", "tags", "title") if card[key]}


def asked_about(question: dict[str, Any]) -> str:
    """What a question is about: its kind, and the words in doubt."""
    words = [
        f"{one['field']}: {one['mine']} <> {one['source']}"
        for one in question["conflicts"]
    ]
    return " | ".join((question["question"], *question["examples"], *words))


def drafts_of(cards: list[dict[str, Any]]) -> Iterator[str]:
    """The words of each draft that waits for a person."""
    for card in cards:
        if card["verdict"] == "waiting" and not card["changes"]:
            yield words_of(card["fields"])
        if card["change"]:
            yield f"{words_of({**card['fields'], **card['change']['fields']})} (a change)"


def words_of(fields: dict[str, str]) -> str:
    return " | ".join(text for name, text in fields.items() if name != "Reverse")


def lines_in(machine: Machine) -> int:
    """How many lines its journal has."""
    paths = (machine.state_folder / "journal").glob("*.jsonl")
    return sum(path.read_bytes().count(b"\n") for path in paths)


def extracted(out: str) -> list[list[Any]]:
    lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    return [[one["exact"], one["gaps"]] for one in lines if "key" in one]


def notes_in(package: Path) -> dict[str, Any]:
    """{guid: note} of a package, as it lies in the file."""
    with zipfile.ZipFile(package) as archive:
        raw = archive.read("collection.anki2")
    with closing(sqlite3.connect(":memory:")) as database:
        database.deserialize(raw)
        [(models, decks)] = database.execute("SELECT models, decks FROM col").fetchall()
        types, named = json.loads(models), json.loads(decks)
        rows = database.execute(
            "SELECT n.guid, n.mid, n.tags, n.flds, group_concat(DISTINCT c.did), group_concat(c.ord)"
            " FROM notes n JOIN cards c ON c.nid = n.id GROUP BY n.id ORDER BY n.guid"
        ).fetchall()
    found = {}
    for guid, mid, tags, fields, dids, ords in rows:
        kind = types[str(mid)]
        names = [one["name"] for one in sorted(kind["flds"], key=lambda one: one["ord"])]
        values = zip(names, fields.split("\x1f"), strict=True)
        found[guid] = {
            "type": kind["name"],
            "deck": sorted(named[did]["name"] for did in dids.split(",")),
            "cards": sorted(map(int, ords.split(","))),
            "tags": sorted(tags.split()),
            "fields": {
                name: text for name, text in values if text and name != "AnkiforgeId"
            },
        }
    return found


def differences(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """What is new or different, at any depth of objects; what is gone is null."""
    found: dict[str, Any] = {}
    for key in sorted(before.keys() | now.keys()):
        if key not in now:
            found[key] = None
        elif key not in before:
            found[key] = now[key]
        elif before[key] != now[key]:
            both = isinstance(before[key], dict) and isinstance(now[key], dict)
            found[key] = differences(before[key], now[key]) if both else now[key]
    return found
