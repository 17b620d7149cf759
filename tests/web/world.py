"""A workspace that has something in every list of the page, made as a person would.

Notes and a paper are read, a model drafts, the cards come to Anki; some are changed or lost there,
some passages are rewritten or moved.
"""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from PIL import Image, ImageDraw

from tests.makers.pdf_writer import Page, heading, mark, paragraph, write_pdf

FACTS = {
    "Bacteria resist": (
        "four",
        [("In how many ways do bacteria resist antibiotics?", "four")],
    ),
    "On delayed tests": (
        "learning",
        [
            ("What does testing do for retention a week later?", "it gives substantially greater retention"),
            ("After what delay does studying again beat testing?", "five minutes"),
        ],
    ),
    "A bare axon is slow because the next": (
        "axon",
        [("What limits the speed of a bare axon?", "how fast the next patch of membrane charges up")],
    ),
    "A bare axon": ("axon", [("What limits the speed of a bare axon?", "how fast its membrane charges up")]),
    "تقع فرنسا": ("paris", [("ما هي عاصمة فرنسا؟", "باريس")]),
    "Ebbinghaus": (
        "curve",
        [(r"How does retention fall, \(R = e^{-t/S}\), if \(S\) is the stability?", r"$$R = e^{-\frac{t}{S}}$$")],
    ),
    "Insulin lowers": ("insulin", [("Which hormone raises blood glucose?", "insulin")]),
    "Spaced sessions": ("spaced", [("In how many of 271 comparisons did spaced sessions win?", "259")]),
}  # fmt: skip
"""What the model drafts of a passage that begins so."""
NOTES = {
    "Biology/Neurons.md": (
        "# Neurons\n\n## Conduction\n\n==A bare axon is slow because its membrane must charge up.== "
        "Myelin speeds it up: the impulse ==jumps from node to node==.\n\n"
        "![A neuron with three myelin sheaths](neuron.png)\n\n"
        "What does the arrow point at? ![the arrow](neuron.png)::a node of Ranvier\n\n"
        "What makes myelin?::oligodendrocytes\n\nHow many cranial nerves are there?::twelve\n\n"
        "What does the cerebellum do?::it times movements\n"
    ),
    "Biology/Hormones.md": (
        "# Hormones\n\n| Organ | Hormone | Effect |\n|---|---|---|\n"
        "| Pancreas | ==insulin== | lowers glucose |\n| Pancreas | glucagon | raises it |\n\n"
        "The islets release two antagonists. ==Insulin lowers blood glucose, glucagon raises it.== "
        "Both come from the pancreas.\n\nWhich cells make antibodies?::plasma cells, which come from B cells\n"
    ),
    "Maths/Algebra.md": (
        "# Algebra\n\n## Quadratics\n\nCompleting the square on $ax^2 + bx + c = 0$ gives "
        "==$x = \\frac{-b \\pm \\sqrt{b^2 - 4ac}}{2a}$== for both roots.\n"
    ),
    "Learning.md": (
        "# Learning\n\nAfter five minutes, studying again was better. ==On delayed tests, prior testing "
        "produced substantially greater retention than studying.== Confidence went the other way.\n\n"
        "What is the testing effect?::recalling strengthens memory more than reading\n"
    ),
    "Geography.md": (
        "# Geography\n\nCapital of Peru :: Lima\n\nCapital of Chile :: Santiago\n\n"
        "Capital of Ecuador :: Quito\n\nHighest peak of the Andes :: Aconcagua, 6,961 m\n\n"
        "Driest desert on earth :: the Atacama\n\nTODO :: ask Marta about the map\n\n"
        "==تقع فرنسا في غرب أوروبا، وباريس هي عاصمة فرنسا.==\n"
    ),
    "Inbox.md": (
        "# Inbox\n\n==Natural selection is daily and hourly scrutinising, throughout the world, every "
        "variation, even the slightest.==\n\n==The Suez Canal was opened in 1869.==\n\n"
        "==As we saw above.==\n"
    ),
}  # fmt: skip
PAPER = "How Bacteria Resist Antibiotics"
RESIST = "Bacteria resist antibiotics in four ways: they destroy the drug, pump it out, change its target or keep it from entering."
CURVE = "Ebbinghaus found that retention falls as R = e−t/S, where S is the stability of the memory."
SPACED = "Spaced sessions beat massed ones in 259 of 271 comparisons."


def replies(fake: ModuleType) -> Any:
    """The model: what `FACTS` says of a passage, and of others that there is no card in it."""

    def answer(request: dict[str, Any]) -> Any:
        found = []
        for h, text in fake.marked(request):
            _, cards = next(
                (one for begin, one in FACTS.items() if text.startswith(begin)), ("", [])
            )
            found += [fake.card(h, text, front, back) for front, back in cards]
            if not cards:
                found.append(
                    {
                        "h": h,
                        "kind": "none",
                        "quote": text,
                        "why_none": "no single fact stands out",
                    }
                )
        return fake.cards(*found)  # fmt: skip

    return answer


@contextmanager
def world(forge: Any, backend: ModuleType, fake: ModuleType) -> Iterator[None]:
    """Fill the workspace of `forge`; the model's server runs meanwhile."""
    folder = forge.folder
    with fake.LlmServer(otherwise=replies(fake)) as server:
        told = {"base_url": server.base_url, "model": "m-70b", "second_reading": False}
        llm = json.dumps(told)
        (folder / "ankiforge.yaml").write_text(
            "sources:\n  - obsidian: {name: notes, path: notes}\n  - pdf: {name: papers, path: papers}\n"
            f"drafter: rules\nllm: {llm}\naccept: {{rules: clean}}\n",
            encoding="utf-8",
        )
        forge.trust(folder)
        for name, text in NOTES.items():
            path = folder / "notes" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        (folder / "notes" / ".obsidian").mkdir()
        (folder / "notes" / "Biology" / "neuron.png").write_bytes(picture())
        (folder / "papers").mkdir()
        blocks = (
            heading(PAPER, level=0), heading("1 Four ways out"), paragraph(f"{RESIST} Most do several at once."),
            heading("2 Forgetting"), paragraph(f"{CURVE} What is stable is forgotten slowly. {SPACED}"),
        )  # fmt: skip
        marks = (
            mark(RESIST, colour="#ffd400"),
            mark(CURVE, comment="the forgetting curve"),
            mark(SPACED),
        )
        write_pdf(
            folder / "papers" / "Bacteria.pdf",
            [Page(blocks, marks, label="117")],
            title=PAPER,
        )
        forge.ok("run")
        with backend.opened(forge.profile) as anki:
            anki.load(folder / "ankiforge.apkg")
        forge.ok("run", "--drafter", "llm")
        forge.ok("accept", of(forge, "What limits the speed"))
        with backend.opened(forge.profile) as anki:
            anki.edit(
                of(forge, "What makes myelin"),
                Back="oligodendrocytes, and Schwann cells outside the brain",
            )
            anki.col.remove_notes([anki.note(of(forge, "cranial nerves")).id])
            anki.col.db.execute(
                "delete from graves"
            )  # as after an older backup: no word of why
        rewrite(folder / "notes")
        forge.ok("run", "--drafter", "llm")
        yield


def rewrite(notes: Path) -> None:
    """A fact is moved and reworded, others are corrected where they stand, a paragraph goes."""
    changes = {
        "Biology/Neurons.md": [
            ("::oligodendrocytes", "::oligodendrocytes, one for up to fifty axons"),
            ("its membrane must charge up", "the next patch of membrane must charge up first"),
            ("::it times movements", "::it times and learns movements"),
        ],
        "Biology/Hormones.md": [("Which cells make antibodies?::plasma cells, which come from B cells\n", "")],
        "Learning.md": [("\nWhat is the testing effect?::recalling strengthens memory more than reading\n", "")],
    }  # fmt: skip
    for name, pairs in changes.items():
        text = (notes / name).read_text(encoding="utf-8")
        for old, new in pairs:
            assert old in text, old
            text = text.replace(old, new)
        (notes / name).write_text(text, encoding="utf-8")
    moved = "# Immunity\n\nWhich cells secrete antibodies?::plasma cells, which come from B cells\n"
    (notes / "Immunity.md").write_text(moved, encoding="utf-8")


def of(forge: Any, words: str) -> str:
    """The id of the one card or draft that holds these words."""
    [card] = [one for one in forge.cards() if words in " ".join(one["fields"].values())]
    id: str = card["id"]
    return id


def picture() -> bytes:
    """A small drawing, as PNG."""
    image = Image.new("RGB", (320, 120), "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((50, 58, 319, 62), "#3b4252")
    for start in (95, 165, 235):
        draw.rectangle((start, 47, start + 59, 73), "#9db6dd")
    draw.ellipse((20, 30, 80, 90), "#f2e8d5")
    draw.rectangle((159, 11, 161, 44), "#b3261e")
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()
