"""A person who frames figures in a PDF, and what they do with the notes in the real Anki.

A story is a list of steps, as in `stories.py`. The labels of the figure are drawn where
the story says: `draw(Femur=(120, 380))`.
"""

import json
from collections.abc import Callable
from math import cos, radians, sin
from typing import Any

import yaml
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, FloatObject, TextStringObject

from ankiforge.ledger import decide
from ankiforge.model import is_card_id
from ankiforge.pipeline.workspace import Workspace
from ankiforge.text import occlusion
from tests.anki.stories import Desk, do
from tests.makers.pdf_writer import Mark, Page, mark, paragraph, write_pdf

Place = tuple[float, ...]
"""Where words begin, and by how many degrees they are turned, if they are."""
FRAME = (100.0, 300.0, 400.0, 500.0)
BONES: dict[str, Place] = {
    "Femur": (120, 470),
    "Patella": (120, 430),
    "Tibia": (120, 390),
    "Fibula": (120, 350),
}
SETTINGS = "sources:\n  - pdf: {name: papers, path: papers}\n"
NOWHERE = SETTINGS + "anki: {collection: none}\n"


def framed(frame: tuple[float, ...], comment: str, name: str) -> Mark:
    """A person's rectangle; without a name, only its place tells it."""
    more: dict[str, Any] = {"/Rect": ArrayObject([FloatObject(edge) for edge in frame])}
    if name:
        more["/NM"] = TextStringObject(name)
    return mark("Legs", kind="Square", comment=comment, colour="#00ff00", more=more)


def code_of(labels: dict[str, Place]) -> str:
    """The figure: an oval of lines, and the labels beside it."""
    parts = ["1 w 250 320 120 160 re S"]
    for text, (x, y, *turned) in labels.items():
        words = text.replace("_", " ")
        turn = radians(*turned) if turned else 0.0
        matrix = f"{cos(turn):.5f} {sin(turn):.5f} {-sin(turn):.5f} {cos(turn):.5f}"
        parts.append(f"BT /F1 10 Tf {matrix} {x} {y} Tm ({words}) Tj ET")
        parts.append(f"{x + 60} {y} m 260 {y} l S")
    return " ".join(parts)


class FigureDesk(Desk):
    """A workspace with a paper in which a figure is framed."""

    def __init__(self, forge: Any, anki: Any) -> None:
        super().__init__(forge, anki)
        forge.settings(SETTINGS)
        self.papers = forge.folder / "papers"
        self.papers.mkdir()
        self.paper = self.papers / "Legs.pdf"
        self.labels = dict(BONES)
        self.studied: dict[int, list[Any]] = {}

    # --- the source

    def draw(
        self,
        frame: tuple[float, ...] = FRAME,
        comment: str = "",
        text: str = "Legs of mammals.",
        name: str = "frame-0123456789abcdef",
        **labels: Place | None,
    ) -> None:
        """The figure with the labels of before, and these: None = it goes."""
        self.labels = {k: v for k, v in {**self.labels, **labels}.items() if v}
        page = Page(
            (paragraph("Legs"),),
            (framed(frame, comment, name),),
            drawing=code_of(self.labels),
        )
        write_pdf(self.paper, [page, Page((paragraph(text),))])

    def only(self, **labels: Place) -> None:
        """Another figure in the same frame."""
        self.labels = {}
        self.draw(**labels)

    def save_again(self) -> None:
        """Another program saves the file."""
        writer = PdfWriter(clone_from=PdfReader(self.paper))
        writer.compress_identical_objects()
        writer.add_metadata({"/Producer": "another program"})
        writer.write(self.paper)

    # --- the program

    def begin(self, *masks: int, hide: str = "all") -> None:
        """The figure is drawn, accepted, in Anki and seen there."""
        self.draw()
        self.run()
        self.accept(*masks, hide=hide)
        self.go()

    def accept(self, *masks: int, hide: str = "all") -> None:
        [draft] = self.forge.ok("list", "verdict:waiting", "--json").lines
        if masks:
            self.change(*masks, id=draft["id"], hide=hide)
        else:
            self.forge.ok("accept", draft["id"])

    def change(self, *masks: int, id: str = "", hide: str = "one") -> None:
        """The person chooses the masks of the card, or of a draft, which accepts it."""
        id = id or self.figure()["id"]
        known = self.forge.ok("list", "-v", id, "--json").data["figure"]["masks"]
        left = [occlusion.Mask(**{**one, "on": one["number"] in masks}) for one in known]
        field = occlusion.format_masks(occlusion.Masks(hide=hide, masks=tuple(left)))
        with self.forge.here(), Workspace(self.forge.folder) as workspace:
            if is_card_id(id):
                decide.set_masks(workspace.ledger, id, field)
            else:
                decide.accept_draft(workspace.ledger, id, masks=field)

    def figure(self) -> Any:
        [card] = [
            one
            for one in self.forge.cards()
            if one["kind"] == "occlusion" and one["guid"]
        ]
        return card

    def guid(self, word: str = "") -> str:
        return str(self.figure()["guid"])

    def masks(self, **numbers: int) -> None:
        """The masks of the card that are switched on, by their labels."""
        shown = [one for one in self.figure()["figure"]["masks"] if one["on"]]
        found = {one["label"] or "drawn": one["number"] for one in shown}
        assert found == numbers, found

    def revision(self, answer: str) -> None:
        """The one revision that waits is accepted or rejected."""
        [waits] = self.revisions()
        self.forge.ok(answer, waits["id"])

    def revisions(self) -> list[Any]:
        lines = self.forge.ok("list", "--view", "changed", "--json").lines
        return [one for one in lines if one.get("changes")]

    def waiting(self, count: int) -> None:
        drafts = self.forge.ok("list", "verdict:waiting", "--json").lines
        drafts = [one for one in drafts if not one["replaces"]]  # that is a question
        assert len(drafts) == count, drafts

    def nobody_asked(self) -> None:
        assert self.questions() == []
        assert self.revisions() == []

    # --- Anki

    def study(self) -> None:
        """Every card of the note is answered once; what Anki schedules is remembered."""
        for card in self.anki.cards(self.guid()):
            card.start_timer()
            self.col.sched.answerCard(card, 3)
        self.settle()
        for row in self.anki.schedule(self.guid()):
            self.studied[row[1]] = row

    def kept(self) -> None:
        """No card that was studied has another schedule."""
        now = {row[1]: row for row in self.anki.schedule(self.guid())}
        assert {number: now.get(number) for number in self.studied} == self.studied

    def in_note(self, *numbers: int) -> None:
        """The note asks for these masks, and has cards for them."""
        opened = self.col.get_image_occlusion_note(note_id=self.in_anki().id)
        assert opened.WhichOneof("value") == "note", "Anki's editor opens it"
        assert {one.ordinal for one in opened.note.occlusions} == set(numbers)
        assert len(opened.note.image_data) > 100
        ordinals = {row[1] + 1 for row in self.anki.schedule(self.guid())}
        assert set(numbers) <= ordinals

    def move_mask(self, number: int, left: str) -> None:
        """The person moves a mask in Anki's editor."""
        note = self.in_anki()
        before = note.fields[0]
        begin = before.index(f"{{{{c{number}::image-occlusion:rect:left=") + len(
            f"{{{{c{number}::image-occlusion:rect:left="
        )
        end = before.index(":", begin)
        note.fields[0] = before[:begin] + left + before[end:]
        self.col.update_note(note)
        self.settle()

    def has_left(self, number: int, left: str) -> None:
        """A mask is at a place in Anki."""
        assert (
            f"{{{{c{number}::image-occlusion:rect:left={left}:"
            in self.in_anki().fields[0]
        )

    def write_field(self, **fields: str) -> None:
        note = self.in_anki()
        for name, text in fields.items():
            note[name.replace("_", " ")] = text
        self.col.update_note(note)
        self.settle()

    def has_field(self, **fields: str) -> None:
        note = self.in_anki()
        for name, text in fields.items():
            assert text in note[name.replace("_", " ")]

    def type_is(self, name: str) -> None:
        assert self.in_anki().note_type()["name"] == name
        names = [one.name for one in self.col.models.all_names_and_ids()]
        assert not [one for one in names if one.endswith("+")], (
            "no import forks a note type"
        )

    def settings(self, text: str) -> None:
        self.forge.settings(text)

    def clone_type(self) -> None:
        """The person has a copy of Image Occlusion of their own."""
        models = self.col.models
        kind = models.by_name("Image Occlusion")
        models.copy(kind)

    def translate_type(self) -> None:
        """Anki was set up in German: its fields have other names, and the same numbers."""
        models = self.col.models
        kind = models.by_name("Image Occlusion")
        kind["name"] = "Bildverdeckung"
        for field, name in zip(
            kind["flds"], ("Verdeckung", "Bild", "Kopf", "Mehr", "Notiz"), strict=True
        ):
            models.rename_field(kind, field, name)
        models.update_dict(kind)


class PushingFigureDesk(FigureDesk):
    """The same with an Anki that runs."""

    def __init__(self, forge: Any, server: Any, backend: Any) -> None:
        with server.collection() as col:
            super().__init__(forge, backend.Anki(col))
        anki = {
            "collection": str(server.folder / "collection.anki2"),
            "connect": server.address,
        }
        forge.settings(SETTINGS + yaml.safe_dump({"anki": anki}), trust=True)

    def push(self, **notes: int) -> None:
        """Run and push; `notes` must be among the numbers of notes that the push reports."""
        self.run()
        data = json.loads(self.forge("push", "--json", code=0).stdout.splitlines()[-1])
        assert {name: data["notes"][name] for name in notes} == notes, data


ULNA, HUMERUS, RADIUS = (120, 320), (320, 340), (320, 380)

STORIES: dict[str, tuple[Callable[[Any], Any], ...]] = {
    "a label is added: one new card; nothing changes: nothing is shipped": (
        do.begin(), do.in_note(1, 2, 3, 4), do.type_is("Image Occlusion"), do.study(), do.run(packages=0),
        do.save_again(), do.run(packages=0), do.kept(),
        do.draw(Ulna=ULNA, text="Other words of the paper."), do.go(), do.masks(Femur=1, Patella=2, Tibia=3, Fibula=4, Ulna=5),
        do.in_note(1, 2, 3, 4, 5), do.kept(), do.notes_there(1), do.nobody_asked(),
    ),
    "a label goes: its number is not given to another": (
        do.begin(), do.study(), do.draw(Patella=None), do.go(), do.masks(Femur=1, Tibia=3, Fibula=4),
        do.draw(Ulna=ULNA), do.go(), do.masks(Femur=1, Tibia=3, Fibula=4, Ulna=5), do.in_note(1, 3, 4, 5),
        do.kept(), do.notes_there(1), do.nobody_asked(),
    ),
    "a label goes and comes back: its card, with its schedule": (
        do.begin(), do.study(), do.draw(Patella=None), do.go(), do.draw(Patella=(130, 425)), do.go(),
        do.masks(Femur=1, Patella=2, Tibia=3, Fibula=4), do.in_note(1, 2, 3, 4), do.kept(), do.nobody_asked(),
    ),
    "the frame is moved by a line: no card takes another's place": (
        do.begin(), do.study(), do.draw(frame=(100.0, 260.0, 400.0, 460.0)), do.go(),
        do.masks(Patella=2, Tibia=3, Fibula=4), do.kept(), do.notes_there(1), do.nobody_asked(),
    ),
    "a mask is moved in Anki: it stays, and the source asks": (
        do.begin(), do.study(), do.move_mask(1, ".5"), do.run(packages=0), do.draw(Ulna=ULNA), do.run(),
        do.answered("conflict", "reject"), do.go(), do.has_left(1, ".5"), do.in_note(1, 2, 3, 4), do.kept(),
        do.notes_there(1),
    ),
    "a mask is moved in Anki, and the person takes the source's": (
        do.begin(), do.study(), do.move_mask(1, ".5"), do.draw(Ulna=ULNA), do.run(),
        do.answered("conflict", "accept"), do.go(), do.in_note(1, 2, 3, 4, 5), do.kept(), do.notes_there(1),
    ),
    "words in Header and Comments stay, and ask nothing": (
        do.begin(), do.study(), do.write_field(Header="My legs", Comments="mine"), do.draw(Ulna=ULNA), do.go(),
        do.in_note(1, 2, 3, 4, 5), do.has_field(Header="My legs", Comments="mine", Back_Extra="Legs, p. 1"),
        do.kept(), do.nobody_asked(),
    ),
    "nearly all labels are others: one question, and no schedule is lost": (
        do.begin(), do.study(), do.only(Femur=(120, 470), Ulna=ULNA, Humerus=HUMERUS, Radius=RADIUS), do.run(packages=0),
        do.in_note(1, 2, 3, 4), do.revision("accept"), do.go(), do.masks(Femur=1, Radius=5, Humerus=6, Ulna=7),
        do.in_note(1, 5, 6, 7), do.kept(), do.notes_there(1),
    ),
    "the person keeps the old figure": (
        do.begin(), do.study(), do.only(Femur=(120, 470), Ulna=ULNA, Humerus=HUMERUS, Radius=RADIUS), do.run(packages=0),
        do.revision("reject"), do.run(packages=0), do.in_note(1, 2, 3, 4), do.kept(), do.nobody_asked(),
    ),
    "the database is lost": (
        do.begin(), do.study(), do.lose(), do.run(packages=0), do.masks(Femur=1, Patella=2, Tibia=3, Fibula=4),
        do.draw(Ulna=ULNA), do.go(), do.in_note(1, 2, 3, 4, 5), do.kept(), do.notes_there(1),
    ),
    "the note is deleted in Anki: it does not come back": (
        do.begin(), do.delete(), do.run(packages=0), do.draw(Ulna=ULNA), do.run(packages=0), do.notes_there(0),
    ),
    "masks are switched off, and stay so": (
        do.begin(1, 3, hide="one"), do.masks(Femur=1, Tibia=3), do.in_note(1, 3), do.study(),
        do.draw(Ulna=ULNA), do.go(), do.masks(Femur=1, Tibia=3, Ulna=5), do.in_note(1, 3, 5), do.kept(),
        do.change(1, 2, 3, 5), do.go(), do.in_note(1, 2, 3, 5), do.kept(), do.nobody_asked(),
    ),
    "a rejected figure stays rejected": (
        do.draw(), do.run(), do.waiting(1), lambda desk: desk.forge.ok("reject", "--all"), do.draw(Ulna=ULNA),
        do.run(packages=0), do.waiting(0),
    ),
    "policy accepts no figure": (
        do.draw(), do.run("--accept", "clean", packages=0), do.waiting(1),
        lambda desk: desk.forge("accept", "--all"), do.waiting(1),
    ),
    "a comment that asks makes a question of it": (
        do.draw(comment="? Which bones are these?"), do.go(), do.card("Which", kind="basic"), do.notes_there(1),
        do.draw(), do.run(), do.card("Which", kind="basic"), do.waiting(0),
    ),
    "without a view the package brings a type of the same make": (
        do.settings(NOWHERE), do.begin(), do.type_is("ankiforge Image Occlusion"), do.in_note(1, 2, 3, 4), do.study(),
        do.draw(Ulna=ULNA), do.run(), do.load(updated=1), do.in_note(1, 2, 3, 4, 5), do.kept(),
        do.settings(SETTINGS), do.draw(Humerus=HUMERUS), do.go(), do.in_note(1, 2, 3, 4, 5, 6), do.kept(),
        do.type_is("ankiforge Image Occlusion"), do.notes_there(1),
    ),
    "a note type in another language": (
        do.clone_type(), do.translate_type(), do.begin(), do.type_is("Bildverdeckung"), do.in_note(1, 2, 3, 4), do.study(),
        do.draw(Ulna=ULNA), do.go(), do.in_note(1, 2, 3, 4, 5), do.kept(), do.has_field(Kopf="Legs"),
    ),
    "a frame without a name is moved a little": (
        do.draw(name=""), do.run(), do.accept(), do.go(), do.study(), do.draw(name="", frame=(102.0, 299.0, 402.0, 501.0)),
        do.go(), do.masks(Femur=1, Patella=2, Tibia=3, Fibula=4), do.kept(), do.notes_there(1),
    ),
}  # fmt: skip

PUSHES: dict[str, tuple[Callable[[Any], Any], ...]] = {
    "a figure comes, and a label is added": (
        do.draw(), do.run(), do.accept(), do.push(added=1), do.type_is("Image Occlusion"), do.in_note(1, 2, 3, 4),
        do.study(), do.draw(Ulna=ULNA), do.push(updated=1), do.in_note(1, 2, 3, 4, 5), do.kept(), do.notes_there(1),
        do.push(added=0, updated=0), do.nobody_asked(),
    ),
    "a mask is moved in Anki: no push moves it back": (
        do.draw(), do.run(), do.accept(), do.push(added=1), do.study(), do.move_mask(1, ".5"), do.draw(Ulna=ULNA),
        do.push(updated=0), do.has_left(1, ".5"), do.answered("conflict", "reject"), do.push(), do.push(updated=0),
        do.has_left(1, ".5"), do.kept(), do.notes_there(1),
    ),
}  # fmt: skip
