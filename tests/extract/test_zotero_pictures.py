"""Figures and drawings of Zotero, and pictures of vault notes, on their way into Anki."""

import io
import json
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.makers.pdf_writer import Page, paragraph, write_pdf
from tests.makers.zotero_writer import Annotation, Attachment, Library, Work, write_zotero

ASKED = "Which phase of the action potential does the arrow show?"
WRITE = "write its question as the comment: `? …`"
NOT_THERE = "its picture is not in Zotero's cache: open the PDF in Zotero once"


def png(grey: int) -> bytes:
    """A picture of one grey point."""
    Image.new("L", (1, 1), grey).save(data := io.BytesIO(), "PNG")
    return data.getvalue()


def name_of(picture: bytes) -> str:
    return f"af-{sha256(picture).hexdigest()[:16]}.png"


def marks(figure: str | None, tags: tuple[str, ...]) -> tuple[Annotation, ...]:
    return (
        Annotation("FIGUREA2", None, figure, kind="image", page_label="iv", tags=tags),
        Annotation(
            "DRAWNBB3", None, "q: Which curve is drawn here?", kind="ink", top=200
        ),
        Annotation("REMARKC4", None, "Fig. 2", kind="image", top=300),
        Annotation("SILENTD5", None, None, kind="ink", top=400),
    )


class Zotero:
    """A data folder of Zotero with a paper of figures, in the own library and in a group."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = folder / "zotero.sqlite"
        folder.mkdir()
        self.write(f"? {ASKED}")

    def write(self, figure: str | None, tags: tuple[str, ...] = ()) -> None:
        """Zotero's database now; `figure` is the comment on the first figure."""
        work = Work(
            "PAPER001",
            {"title": "Spikes"},
            attachments=(Attachment("ATTACH01", "Spikes.pdf", marks(figure, tags)),),
        )
        ours = Annotation(
            "FIGUREA2", None, "? Whose group is it?", kind="image", author=1
        )
        theirs = Annotation(
            "THEIRSE6", None, "? May they ask?", kind="image", author=2, top=200
        )
        shared = Work(
            "PAPER002",
            {"title": "Shared"},
            attachments=(Attachment("ATTACH02", "Shared.pdf", (ours, theirs)),),
        )
        libraries = [Library((work,)), Library((shared,), group=77)]
        write_zotero(
            self.database, libraries, account=(1, "ada"), users={1: "ada", 2: "bob"}
        )

    def show(self, key: str, picture: bytes, library: str = "library") -> Path:
        """The reader shows a mark, and Zotero keeps its picture."""
        path = self.folder / "cache" / library / f"{key}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture)
        return path


@pytest.fixture
def zotero(tmp_path: Path) -> Zotero:
    return Zotero(tmp_path / "Zotero")


def told(forge: Any) -> dict[str, str]:
    """Why highlights became no card, by their keys."""
    lines = forge.ok("list", "--no-card", "--all", "--json").lines
    return {one["key"]: one["reason"] for one in lines}


def questions(forge: Any) -> list[Any]:
    """The cards whose question is in a comment; the other figures hide their labels."""
    return [card for card in forge.cards() if card["kind"] == "basic"]


def media_in(package: Path) -> set[str]:
    with zipfile.ZipFile(package) as archive:
        return set(json.loads(archive.read("media")).values())


def faults(came: Any) -> list[Any]:
    """What went wrong in a run. That the PDFs of the library are not there is told, too."""
    return [one for one in came["problems"] if "not on this computer" not in one["what"]]


@pytest.mark.parametrize("given", ["the folder", "the database"])
def test_a_figure_with_a_question_arrives_in_anki(forge, zotero, anki, given):
    figure = zotero.show("FIGUREA2", png(10))
    zotero.show("FIGUREA2", png(20), "groups/77")
    zotero.show("THEIRSE6", png(30), "groups/77")
    zotero.show("REMARKC4", png(40))
    came = forge.json("run", zotero.folder if given == "the folder" else zotero.database)
    assert faults(came) == []

    cards = {card["highlight"]: card for card in questions(forge)}
    assert set(cards) == {"zotero:user/FIGUREA2", "zotero:group.77/FIGUREA2"}
    forge("accept", "--all", "--filter", "verdict:waiting")
    forge.ok("build")

    assert anki.load(forge.folder / "ankiforge.apkg") == {"new": 2}
    for key, picture, question in (
        ("zotero:user/FIGUREA2", png(10), ASKED),
        ("zotero:group.77/FIGUREA2", png(20), "Whose group is it?"),
    ):
        note = anki.note(cards[key]["guid"])
        assert note["Front"] == question
        assert note["Back"] == f'<img src="{name_of(picture)}" alt="">'
        assert f'src="{name_of(picture)}"' in note.cards()[0].answer()
        assert Path(anki.col.media.dir(), name_of(picture)).read_bytes() == picture
        assert str(figure.parent.parent.parent) not in "".join(note.values())


def test_what_gives_no_card_says_what_to_do(forge, zotero):
    zotero.show("REMARKC4", png(40))
    zotero.show("DRAWNBB3", b"")
    zotero.show("FIGUREA2", png(10), "groups/78")  # of another library
    zotero.show("THEIRSE6", png(30), "groups/77")
    forge.ok("run", zotero.folder)
    assert questions(forge) == []
    assert told(forge) == {
        "zotero:user/FIGUREA2": NOT_THERE,
        "zotero:user/DRAWNBB3": NOT_THERE,
        "zotero:user/SILENTD5": f"a drawing: {WRITE}",
        "zotero:group.77/FIGUREA2": NOT_THERE,
        "zotero:group.77/THEIRSE6": "marked by bob",
    }
    said = forge.ok("list", "--no-card").stdout
    row = next(line for line in said.splitlines() if "Which curve is drawn" in line)
    assert row.endswith(NOT_THERE.partition(":")[0])
    assert NOT_THERE in forge.ok("list", "-v", row.split()[0]).stdout


def test_a_picture_outside_of_the_data_folder_never_travels(forge, zotero, tmp_path):
    (tmp_path / "private.png").write_bytes(png(70))
    picture = zotero.show("FIGUREA2", png(10))
    picture.unlink()
    picture.symlink_to(tmp_path / "private.png")
    assert faults(forge.json("run", zotero.folder)) == []
    [waiting] = (card for card in forge.cards() if card["verdict"] == "waiting")
    assert "is outside its source" in str(waiting["findings"])

    forge.ok("accept", waiting["id"])
    [problem] = forge("build", "--json").data["problems"]

    assert problem["what"] == "is outside its source"
    package = forge.folder / "ankiforge.apkg"
    assert not package.exists() or media_in(package) == set()


def test_a_figure_that_zotero_never_showed_here_is_cut_from_its_pdf(forge, zotero, anki):
    file = zotero.folder / "storage" / "ATTACH01" / "Spikes.pdf"
    file.parent.mkdir(parents=True)
    write_pdf(file, [Page((paragraph("A spike has three phases. " * 90),))])
    assert faults(forge.json("run", zotero.folder)) == []
    assert set(told(forge).values()) == {
        "a drawing: write its question as the comment: `? …`",
        "marked by bob",
        NOT_THERE,
    }
    forge("accept", "--all", "--filter", "verdict:waiting")
    forge.ok("build")
    cards = {card["highlight"]: card for card in questions(forge)}
    assert set(cards) == {"zotero:user/FIGUREA2", "zotero:user/DRAWNBB3"}

    package = forge.folder / "ankiforge.apkg"
    assert anki.load(package) == {"new": 2}
    backs = [anki.note(card["guid"])["Back"] for card in cards.values()]
    shown = media_in(package)
    assert sorted(backs) == sorted(f'<img src="{name}" alt="">' for name in shown)
    assert len(shown) == 2
    for name in shown:
        assert Path(anki.col.media.dir(), name).read_bytes().startswith(b"\x89PNG")

    zotero.show("FIGUREA2", png(10))
    again = forge.json("run", zotero.folder)
    assert again["state"]["waiting"]["new"] == again["notes"]["added"] == 0
    assert [card["guid"] for card in forge.cards()] == [
        card["guid"] for card in cards.values()
    ]
    assert [card["fields"] for card in forge.cards()] == [
        card["fields"] for card in cards.values()
    ]


class Desk:
    """A reader with Zotero and Anki side by side: runs, and imports what comes."""

    def __init__(self, forge: Any, zotero: Zotero, anki: Any) -> None:
        self.forge, self.zotero, self.anki = forge, zotero, anki
        self.package = forge.folder / "ankiforge.apkg"

    def run(self) -> dict[str, int]:
        """Read, import, and some time passes; how many notes went which way."""
        self.package.unlink(missing_ok=True)
        assert self.forge("run", self.zotero.folder).exit_code in (0, 1)
        if not self.package.exists():
            return {}
        came: dict[str, int] = self.anki.load(self.package)
        self.anki.col.db.execute("update notes set mod = mod - 60 where mod > 1600000000")
        return came

    @property
    def note(self) -> Any:
        """The one note there is."""
        [guid] = self.anki.col.db.list("select guid from notes")
        return self.anki.note(guid)


@pytest.fixture
def desk(forge: Any, zotero: Zotero, backend: Any) -> Iterator[Desk]:
    with backend.opened(forge.profile) as anki:
        yield Desk(forge, zotero, anki)


def test_a_picture_that_is_gone_is_not_taken_from_the_card_in_anki(desk):
    picture = desk.zotero.show("FIGUREA2", png(10))
    desk.forge.ok("run", desk.zotero.folder)
    picture.unlink()
    assert desk.run() == {}, "a figure never goes without its picture"
    problems = desk.forge("build", "--json").data["problems"]
    assert [one["where"] for one in problems] == ["Spikes: cache/library/FIGUREA2.png"]
    desk.zotero.show("FIGUREA2", png(10))
    assert desk.run() == {"new": 1}

    before = desk.note["Back"]
    picture.unlink()
    desk.zotero.write(f"? {ASKED}", tags=("neurons",))
    assert desk.run() == {"updated": 1}
    assert (desk.note["Back"], "neurons" in desk.note.tags) == (before, True)
    assert len(desk.forge.cards()) == 1
    desk.zotero.show("FIGUREA2", png(10))
    assert desk.run() == {}


def test_another_question_or_another_cut_of_the_figure_is_the_same_note(desk):
    desk.zotero.show("FIGUREA2", png(10))
    desk.run()
    first = desk.note
    [card] = desk.forge.cards()
    assert card["fields"] == {"Front": ASKED, "Back": "![](cache/library/FIGUREA2.png)"}
    assert card["findings"] == []
    assert card["origin"]["drafter"] == "rules:comment-picture"
    assert ASKED in desk.forge.ok("list").stdout

    desk.zotero.write("? Where on the curve is the arrow?")
    assert desk.run() == {"updated": 1}
    assert desk.note.id == first.id
    assert desk.note["Front"] == "Where on the curve is the arrow?"
    assert desk.note["Back"] == first["Back"]
    desk.zotero.show("FIGUREA2", png(11))
    assert desk.run() == {"updated": 1}
    assert desk.note["Back"] == f'<img src="{name_of(png(11))}" alt="">'
    assert media_in(desk.package) == {name_of(png(11))}


# --- with a model ---------------------------------------------------------------------------


def test_a_model_is_never_asked_about_a_figure_and_the_rules_draw_it(
    forge, zotero, server
):
    llm = json.dumps(
        {
            "base_url": server.base_url,
            "model": "m",
            "key_env": "OPENAI_API_KEY",
        }
    )
    forge.settings(f"drafter: llm\nllm: {llm}\n", trust=True)
    forge.ok("run", zotero.folder)
    why = told(forge)
    zotero.show("FIGUREA2", png(10))
    forge.ok("run", zotero.folder)
    came = forge.json("run", zotero.folder)

    assert server.asked == []
    assert came["cards"]["drafted"] == 0
    [card] = forge.cards()
    assert card["origin"]["drafter"] == "rules:comment-picture"
    assert why == told(forge) | {"zotero:user/FIGUREA2": NOT_THERE}
    assert why["zotero:user/REMARKC4"] == NOT_THERE


# --- vaults ---------------------------------------------------------------------------------


def test_pictures_of_a_note_arrive_in_anki(forge, vault, anki):
    (vault / "figures").mkdir()
    (vault / "figures" / "neuron (1).png").write_bytes(png(50))
    (vault / "synapse.png").write_bytes(png(60))
    (vault / "Cells.md").write_text(
        "# Cells\n\nWhich cell is this?::![[neuron (1).png|80]]\n\n"
        "What is the ![[synapse.png|80]] called?::a synapse\n\n"
        "What fires?\n?\n![](figures/neuron%20(1).png)\n![[synapse.png]]\n\n"
        "What is this? ![a cell|120x90](synapse.png)::a synapse\n",
        encoding="utf-8",
    )
    assert faults(forge.json("run", vault)) == []
    for card in forge.cards():
        if card["verdict"] == "waiting":
            forge.ok("accept", card["id"])
    forge.ok("build")

    assert anki.load(forge.folder / "ankiforge.apkg") == {"new": 4}
    neuron, synapse = (f'<img src="{name_of(png(grey))}" alt="">' for grey in (50, 60))
    narrow_neuron, narrow_synapse = (
        picture.replace('alt=""', 'alt="" width="80"') for picture in (neuron, synapse)
    )
    notes = {
        note["Front"]: note for note in map(anki.col.get_note, anki.col.find_notes(""))
    }
    assert notes["Which cell is this?"]["Back"] == narrow_neuron
    assert notes[f"What is the {narrow_synapse} called?"]["Back"] == "a synapse"
    assert notes["What fires?"]["Back"] == f"{neuron}<br>{synapse}"
    behind_the_words = synapse.replace('alt=""', 'alt="a cell" width="120"')
    assert notes[f"What is this? {behind_the_words}"]["Back"] == "a synapse"
    assert narrow_neuron in notes["Which cell is this?"].cards()[0].answer()
    for grey in (50, 60):
        there = Path(anki.col.media.dir(), name_of(png(grey)))
        assert there.read_bytes() == png(grey)
