"""Draws figures whose labels are known: the truth comes from the layout, never from a reader.

    python -m benchmarks.drawn_figures FOLDER [COUNT]

Each file is one page with a figure, running text around it, and a rectangle of a person around
the figure; `truth.jsonl` has the frame and the labels of each.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from pypdf import PdfReader, PdfWriter
from pypdf.annotations import Rectangle
from pypdf.generic import NameObject, TextStringObject
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfgen.canvas import Canvas

from benchmarks.typesetter import PAGE, font

COUNT = 300
FACES = ("Helvetica", "Times-Roman", "DejaVu Sans", "Liberation Sans", "Liberation Serif")
"""Those after the second have Cyrillic letters."""

Box = tuple[float, float, float, float]


class Truth(NamedTuple):
    """A label as it was drawn."""

    text: str
    box: Box
    """left, bottom, right, top in points."""


# --- words ----------------------------------------------------------------------------------

WORDS: dict[str, dict[str, Sequence[str]]] = {
    "en": {
        "parts": (
            "Femur|Tibia|Patella|Left ventricle|Right atrium|Superior vena cava|Aortic arch|Lens|Iris"
            "|Anterior cruciate ligament|Optic nerve|Retina|Golgi apparatus|Rough endoplasmic reticulum"
            "|Nucleus|Cell wall|Medulla oblongata|Frontal lobe|Pons|CO2|Na+ channel|Posterior horn"
            "|Myelin sheath|Axon terminal|Node of Ranvier|Dendrite|Pulmonary artery|Septum|Stamen|Pistil"
        ).split("|"),
        "steps": (
            "Receive order|Check stock|Ship the goods|Send invoice to customer|Wait for payment|Start|End"
            "|Is the item available?|Cancel order|Update the database|Notify the warehouse staff"
            "|Read input file|Compute checksum|Write log entry|Retry up to three times|Valid?"
        ).split("|"),
        "axes": (
            "Time (s)|Temperature (°C)|Retention interval (days)|Proportion recalled|Voltage (mV)"
            "|Number of trials|Reaction time [ms]|Accuracy (%)|Wavelength (nm)|Absorbance"
        ).split("|"),
        "series": (
            "Control|Treated|Massed practice|Spaced practice|Model A|Baseline|Our method|Random guess"
        ).split("|"),
        "places": (
            "Lake Victoria|Nairobi|Addis Ababa|Congo|Mombasa|White Nile|Blue Nile|Khartoum|Kampala|Kigali"
            "|Dar es Salaam|Rift Valley|Mount Kenya|Zanzibar|Indian Ocean|Lake Tanganyika|Juba|Asmara"
        ).split("|"),
        "cells": (
            "Enzyme|Substrate|Product|Lactase|Lactose|Glucose and galactose|Amylase|Starch|Maltose|Lipase"
            "|Fatty acids and glycerol|Pepsin|Protein|Peptides|pH 2|Small intestine|Stomach|Mouth|Organ"
        ).split("|"),
        "caption": (
            "Figure 3: The parts of the figure as they were found in the second study. ",
        ),
    },
    "de": {
        "parts": (
            "Oberschenkelknochen|Schienbein|Kniescheibe|Linke Herzkammer|Rechter Vorhof|Obere Hohlvene"
            "|Aortenbogen|Linse|Regenbogenhaut|Vorderes Kreuzband|Sehnerv|Netzhaut|Golgi-Apparat"
            "|Raues endoplasmatisches Retikulum|Zellkern|Zellwand|Verlängertes Mark|Stirnlappen|Brücke"
            "|Markscheide|Axonende|Ranvierscher Schnürring|Lungenarterie|Staubblatt|Fruchtblatt"
        ).split("|"),
        "steps": (
            "Auftrag annehmen|Bestand prüfen|Ware versenden|Rechnung an den Kunden schicken|Beginn|Ende"
            "|Auf Zahlung warten|Ist der Artikel vorrätig?|Auftrag stornieren|Datenbank aktualisieren"
            "|Eingabedatei lesen|Prüfsumme berechnen|Protokoll schreiben|Gültig?"
        ).split("|"),
        "axes": (
            "Zeit (s)|Temperatur (°C)|Behaltensintervall (Tage)|Anteil erinnert|Spannung (mV)"
            "|Zahl der Durchgänge|Reaktionszeit [ms]|Genauigkeit (%)|Wellenlänge (nm)"
        ).split("|"),
        "series": "Kontrolle|Behandelt|Geballtes Üben|Verteiltes Üben|Modell A|Grundlinie".split(
            "|"
        ),
        "places": (
            "Zürichsee|Bern|Genf|Rhein|Basel|Genfer See|Luzern|Thun|St. Gallen|Lugano|Engadin|Aare"
            "|Bodensee|Matterhorn|Chur|Neuenburger See|Sitten|Schaffhausen"
        ).split("|"),
        "cells": (
            "Enzym|Substrat|Produkt|Laktase|Milchzucker|Glukose und Galaktose|Amylase|Stärke|Malzzucker"
            "|Lipase|Fettsäuren und Glyzerin|Pepsin|Eiweiß|Peptide|Dünndarm|Magen|Mund|Organ"
        ).split("|"),
        "caption": (
            "Abbildung 3: Die Teile der Abbildung, wie sie in der zweiten Studie standen. ",
        ),
    },
    "ru": {
        "parts": (
            "Бедренная кость|Большеберцовая кость|Надколенник|Левый желудочек|Правое предсердие"
            "|Верхняя полая вена|Дуга аорты|Хрусталик|Радужка|Передняя крестообразная связка"
            "|Зрительный нерв|Сетчатка|Аппарат Гольджи|Ядро|Клеточная стенка|Продолговатый мозг"
            "|Лобная доля|Мост|Миелиновая оболочка|Перехват Ранвье|Лёгочная артерия|Тычинка|Пестик"
        ).split("|"),
        "steps": (
            "Принять заказ|Проверить склад|Отправить товар|Послать счёт покупателю|Начало|Конец"
            "|Ждать оплаты|Есть ли товар на складе?|Отменить заказ|Обновить базу данных"
            "|Прочитать файл|Вычислить сумму|Записать в журнал|Верно?"
        ).split("|"),
        "axes": (
            "Время (с)|Температура (°C)|Срок хранения (дни)|Доля верных|Напряжение (мВ)"
            "|Число попыток|Время реакции [мс]|Точность (%)|Длина волны (нм)"
        ).split("|"),
        "series": "Контроль|Опыт|Сплошное заучивание|С промежутками|Модель А|Основа".split(
            "|"
        ),
        "places": (
            "Москва|Тула|Ока|Волга|Казань|Нижний Новгород|Рязань|Дон|Воронеж|Ладожское озеро|Псков"
            "|Великий Новгород|Тверь|Онежское озеро|Вологда|Кострома|Ярославль"
        ).split("|"),
        "cells": (
            "Фермент|Субстрат|Продукт|Лактаза|Молочный сахар|Глюкоза и галактоза|Амилаза|Крахмал"
            "|Липаза|Жирные кислоты и глицерин|Пепсин|Белок|Пептиды|Тонкая кишка|Желудок|Рот|Орган"
        ).split("|"),
        "caption": (
            "Рисунок 3: Части рисунка, как они были найдены во втором исследовании. ",
        ),
    },
}
FILLER = (
    "The interval between two repetitions decides how well a fact is kept. Learners who wait longer"
    " recall less at first and more in the end, as the second study shows for lists of words. "
)


# --- a sheet --------------------------------------------------------------------------------


class Figure:
    """A figure that is being drawn, and the labels in it."""

    def __init__(
        self, canvas: Canvas, dice: random.Random, language: str, size: float
    ) -> None:
        self.canvas = canvas
        self.dice = dice
        self.words = WORDS[language]
        self.face = font(dice.choice(FACES[2:] if language == "ru" else FACES)).name
        self.size = size
        self.labels: list[Truth] = []
        self.drawn: list[Box] = []

    def width(self, text: str) -> float:
        return float(pdfmetrics.stringWidth(text, self.face, self.size))

    def ascent(self) -> tuple[float, float]:
        """How far the letters reach above their line, and below it (negative)."""
        return 0.73 * self.size, -0.21 * self.size

    def say(self, x: float, y: float, text: str, turn: int = 0) -> Box:
        """Print a text from a point on; the box it fills."""
        self.canvas.setFont(self.face, self.size)
        up, down = self.ascent()
        width = self.width(text)
        if turn:
            self.canvas.saveState()
            self.canvas.translate(x, y)
            self.canvas.rotate(turn)
            self.canvas.drawString(0, 0, text)
            self.canvas.restoreState()
            box = {
                90: (x - up, y, x - down, y + width),
                270: (x + down, y - width, x + up, y),
            }[turn]
        else:
            self.canvas.drawString(x, y, text)
            box = (x, y + down, x + width, y + up)
        self.drawn.append(box)
        return box

    def label(
        self,
        x: float,
        y: float,
        text: str,
        *,
        align: str = "left",
        room: float = 0.0,
        lead: float = 1.18,
        turn: int = 0,
    ) -> Box:
        """Print a label, in several lines if it has no room; its box."""
        lines = self.lines(text, room)
        boxes = []
        for number, line in enumerate(lines):
            shift = {
                "left": 0.0,
                "centre": self.width(line) / 2,
                "right": self.width(line),
            }[align]
            if turn == 90:
                boxes.append(self.say(x, y - shift, line, turn))
            else:
                boxes.append(
                    self.say(x - shift, y - number * lead * self.size, line, turn)
                )
        box = around(boxes)
        self.labels.append(Truth(" ".join(lines), box))
        return box

    def lines(self, text: str, room: float) -> list[str]:
        """A text in lines that have room."""
        if not room or self.width(text) <= room:
            return [text]
        pieces = text.split()
        lines = [pieces[0]]
        for piece in pieces[1:]:
            longer = f"{lines[-1]} {piece}"
            if self.width(longer) <= room:
                lines[-1] = longer
            else:
                lines.append(piece)
        return lines

    def free(self, box: Box, margin: float = 3.0) -> bool:
        """Whether nothing was printed in a box."""
        left, bottom, right, top = box
        for other in self.drawn:
            apart = (
                other[2] + margin < left
                or other[0] - margin > right
                or other[3] + margin < bottom
                or other[1] - margin > top
            )
            if not apart:
                return False
        return True

    def some(self, kind: str, count: int) -> list[str]:
        """Different words."""
        words = list(self.words[kind])
        self.dice.shuffle(words)
        return words[:count]


def around(boxes: Sequence[Box]) -> Box:
    return (
        min(box[0] for box in boxes),
        min(box[1] for box in boxes),
        max(box[2] for box in boxes),
        max(box[3] for box in boxes),
    )


# --- kinds of figures -----------------------------------------------------------------------
# Each draws inside a box.


def plot(figure: Figure, box: Box) -> None:
    """Axes with numbers, names up and along them, curves, a legend or names at the curves."""
    canvas, dice = figure.canvas, figure.dice
    left, bottom, right, top = box
    x0, y0 = left + 5 * figure.size, bottom + 4 * figure.size
    x1, y1 = right - 2 * figure.size, top - 3 * figure.size
    canvas.rect(x0, y0, x1 - x0, y1 - y0)
    ticks = dice.randint(4, 6)
    step = dice.choice((1, 2, 5, 10, 0.25, 100))
    logarithmic = dice.random() < 0.2
    for number in range(ticks + 1):
        x = x0 + (x1 - x0) * number / ticks
        canvas.line(x, y0, x, y0 - 3)
        text = f"{10**number:,}" if logarithmic else f"{number * step:g}"
        figure.say(x - figure.width(text) / 2, y0 - 1.5 * figure.size, text)
        y = y0 + (y1 - y0) * number / ticks
        canvas.line(x0, y, x0 - 3, y)
        text = f"{number / ticks:.1f}" if ticks == 5 else f"{number * 20}"
        figure.say(x0 - 5 - figure.width(text), y - 0.35 * figure.size, text)
    names = figure.some("axes", 2)
    figure.label((x0 + x1) / 2, y0 - 3.1 * figure.size, names[0], align="centre")
    figure.label(x0 - 3.6 * figure.size, (y0 + y1) / 2, names[1], align="centre", turn=90)
    series = figure.some("series", dice.randint(2, 4))
    for number, _ in enumerate(series):
        path = canvas.beginPath()
        path.moveTo(x0, y0 + 5 + 9 * number)
        for at in range(1, 21):
            high = (0.3 + 0.15 * number) * (1 - 2.7 ** (-at / (4 + number)))
            path.lineTo(x0 + (x1 - x0) * at / 20, y0 + 5 + 9 * number + (y1 - y0) * high)
        canvas.drawPath(path)
    longest = max(map(figure.width, series))
    if dice.random() < 0.7:  # a legend
        lead = dice.uniform(1.3, 1.7) * figure.size
        x = x1 - longest - 34
        y = y1 - 1.5 * figure.size
        if dice.random() < 0.5:
            high = lead * len(series) + 4
            canvas.rect(x - 4, y1 - high - 4, longest + 34, high, stroke=1, fill=0)
        for number, name in enumerate(series):
            at = y - number * lead
            canvas.line(x, at + 0.3 * figure.size, x + 18, at + 0.3 * figure.size)
            figure.label(x + 22, at, name)
    else:
        for number, name in enumerate(series):
            at = y0 + 5 + 9 * number + (y1 - y0) * (0.3 + 0.15 * number)
            figure.label(x1 - longest - 6, at + 3 + 1.3 * figure.size * number, name)
    if dice.random() < 0.4:
        figure.say(left + 2, top - figure.size - 1, dice.choice(("(a)", "a", "A")))


def anatomy(figure: Figure, box: Box) -> None:
    """Ovals, and leader lines to labels at both sides."""
    canvas, dice = figure.canvas, figure.dice
    left, bottom, right, top = box
    middle = ((left + right) / 2, (bottom + top) / 2)
    wide, high = (right - left) / 5.5, (top - bottom) / 3
    canvas.ellipse(middle[0] - wide, middle[1] - high, middle[0] + wide, middle[1] + high)
    for _ in range(5):
        x = middle[0] + dice.uniform(-0.5, 0.5) * wide
        y = middle[1] + dice.uniform(-0.5, 0.5) * high
        radius = dice.uniform(4, 16)
        canvas.ellipse(x - radius, y - radius, x + radius, y + 1.5 * radius)
    names = figure.some("parts", dice.randint(6, 14))
    room = (right - left) / 2 - wide - 34
    half = (len(names) + 1) // 2
    for side, of_side in ((-1, names[:half]), (1, names[half:])):
        for number, name in enumerate(of_side):
            y = top - 14 - (top - bottom - 28) * (number + 0.5) / len(of_side)
            lines = figure.lines(name, room)
            if len(lines) * 1.2 * figure.size > (top - bottom - 28) / len(of_side) - 5:
                continue
            x = middle[0] + side * (wide + 26)
            align = "right" if side < 0 else "left"
            figure.label(
                x, y + 0.55 * figure.size * (len(lines) - 1), name, align=align, room=room
            )
            target = (
                middle[0] + dice.uniform(-0.6, 0.6) * wide,
                middle[1] + dice.uniform(-0.6, 0.6) * high,
            )
            near = 1.0 if dice.random() < 0.3 else 4.0
            canvas.line(x - side * near, y + 0.3 * figure.size, *target)


def flow(figure: Figure, box: Box) -> None:
    """Boxes with steps, arrows, and words at the arrows."""
    canvas, dice = figure.canvas, figure.dice
    left, bottom, right, top = box
    columns = 2 if right - left < 300 else 3
    rows = max(2, min(4, int((top - bottom) // (6.5 * figure.size))))
    names = figure.some("steps", columns * rows)
    wide = (right - left) / columns
    high = (top - bottom) / rows
    for number, name in enumerate(names):
        column, row = number % columns, number // columns
        x, y = left + column * wide + 12, top - (row + 1) * high + 9
        width, height = wide - 34, high - 22
        lines = figure.lines(name, width - 10)
        shape = dice.choice(("box", "box", "round", "rhombus", "oval"))
        if len(lines) * 1.2 * figure.size > height - 4:
            continue
        if shape == "box":
            canvas.rect(x, y, width, height)
        elif shape == "round":
            canvas.roundRect(x, y, width, height, 6)
        elif shape == "oval":
            canvas.ellipse(x - 4, y - 4, x + width + 4, y + height + 4)
        else:
            path = canvas.beginPath()
            path.moveTo(x - 12, y + height / 2)
            for point in (
                (x + width / 2, y + height + 8),
                (x + width + 12, y + height / 2),
                (x + width / 2, y - 8),
            ):
                path.lineTo(*point)
            path.close()
            canvas.drawPath(path)
        middle = (
            y + height / 2 + 0.6 * figure.size * (len(lines) - 1) - 0.35 * figure.size
        )
        lead = dice.uniform(1.12, 1.4)
        figure.label(
            x + width / 2, middle, name, align="centre", room=width - 10, lead=lead
        )
        if column + 1 < columns:
            canvas.line(x + width + 2, y + height / 2, x + width + 18, y + height / 2)


def chart_map(figure: Figure, box: Box) -> None:
    """Coasts, rivers, dots with names beside them, some names up a river."""
    canvas, dice = figure.canvas, figure.dice
    left, bottom, right, top = box
    for _ in range(9):
        path = canvas.beginPath()
        x, y = dice.uniform(left, right), dice.uniform(bottom, top)
        path.moveTo(x, y)
        for _ in range(30):
            x = min(max(x + dice.uniform(-14, 14), left), right)
            y = min(max(y + dice.uniform(-14, 14), bottom), top)
            path.lineTo(x, y)
        canvas.drawPath(path)
    for name in figure.some("places", 15):
        for _ in range(30):
            turn = 90 if dice.random() < 0.12 else 0
            width = figure.width(name)
            x = dice.uniform(left + figure.size + 4, right - width - 6)
            y = dice.uniform(bottom + 4, top - figure.size - 4)
            up, down = figure.ascent()
            where = (x, y + down, x + width, y + up)
            if turn:
                where = (x - up, y, x - down, y + width)
            fits = where[2] < right and where[3] < top
            if fits and figure.free(where, 0.9 * figure.size):
                canvas.circle(x - 4, y + 0.3 * figure.size, 1.3, fill=1)
                figure.label(x, y, name, turn=turn)
                break


def table(figure: Figure, box: Box) -> None:
    """Rows and columns, with rules or without, some cells in two lines, numbers in one column."""
    canvas, dice = figure.canvas, figure.dice
    left, bottom, right, top = box
    columns = dice.randint(3, 4)
    lead = dice.uniform(1.5, 2.1) * figure.size
    wide = (right - left - 10) / columns
    words = figure.some("cells", 99)
    y = top - 1.4 * figure.size
    ruled = dice.choice(("all", "head", "none"))
    if ruled != "none":
        canvas.line(left + 4, y + 1.15 * figure.size, right - 4, y + 1.15 * figure.size)
    row = 0
    while y > bottom + 3 * figure.size and row < 9 and len(words) > 2:
        deepest = 1
        for column in range(columns):
            x = left + 8 + column * wide
            if column == columns - 1 and row:
                figure.label(
                    x, y, dice.choice(("12.5", "7", "103", "0.82", "61", "1,204", "3.1"))
                )
                continue
            if not words:
                continue
            text = words.pop()
            lines = figure.lines(text, wide - 1.1 * figure.size)
            deepest = max(deepest, len(lines))
            figure.label(x, y, text, room=wide - 1.1 * figure.size, lead=1.15)
        y -= (deepest - 1) * 1.15 * figure.size + lead
        if ruled == "all" or (ruled == "head" and row == 0):
            at = y + 0.72 * lead + 0.25 * figure.size
            canvas.line(left + 4, at, right - 4, at)
        row += 1


KINDS: dict[str, Callable[[Figure, Box], None]] = {
    "plot": plot,
    "anatomy": anatomy,
    "flow": flow,
    "map": chart_map,
    "table": table,
}


# --- a page ---------------------------------------------------------------------------------


class Made(NamedTuple):
    """A file with a figure."""

    name: str
    kind: str
    language: str
    frame: Box
    labels: list[Truth]


def draw(path: Path, name: str, kind: str, language: str, seed: int) -> Made:
    """Draw one figure with text around it, and a person's rectangle."""
    dice = random.Random(f"{name} {seed}")
    small = kind == "small"
    turned = kind == "rotated"
    base = dice.choice([*KINDS]) if small or turned else kind
    size = dice.uniform(4.0, 5.5) if small else dice.uniform(6.5, 11.0)
    canvas = Canvas(str(path), pagesize=PAGE, invariant=1)
    canvas.setLineWidth(0.6)
    canvas.setFont("Times-Roman", 10)
    for row in range(6):
        canvas.drawString(72, 720 - 12 * row, (FILLER * 2)[row * 31 : row * 31 + 95])
    figure = Figure(canvas, dice, language, size)
    width, height = dice.uniform(300, 440), dice.uniform(190, 300)
    if small:
        width, height = 0.6 * width, 0.6 * height
    left, bottom = 72 + dice.uniform(0, 20), 610 - height
    box = (left, bottom, left + width, bottom + height)
    pages_turned = 0
    if turned and dice.random() < 0.5:  # the figure lies on its side
        canvas.saveState()
        canvas.translate(left + height, bottom - 60)
        canvas.rotate(90)
        KINDS[base](figure, (0, 0, width, height))
        canvas.restoreState()
        x, y = left + height, bottom - 60
        figure.labels = [
            Truth(text, (x - box[3], y + box[0], x - box[1], y + box[2]))
            for text, box in figure.labels
        ]
        box = (left, bottom - 60, left + height, bottom - 60 + width)
    else:
        pages_turned = dice.choice((90, 180, 270)) if turned else 0
        KINDS[base](figure, box)
    caption = figure.words["caption"][0]
    canvas.setFont(font("DejaVu Sans" if language == "ru" else "Times-Roman").name, 9)
    below = box[1] - 16
    canvas.drawString(72, below, caption)
    canvas.drawString(72, below - 11, caption)
    canvas.setFont("Times-Roman", 10)
    for row in range(4):
        canvas.drawString(
            72, below - 40 - 12 * row, (FILLER * 2)[row * 17 : row * 17 + 95]
        )
    canvas.showPage()
    canvas.save()
    margin = dice.uniform(2, 8)
    lower = dice.choice((margin, margin, 32.0))  # sometimes with the caption
    frame = (box[0] - margin, box[1] - lower, box[2] + margin, box[3] + margin)
    _frame(path, frame, name, pages_turned)
    return Made(name, kind, language, frame, figure.labels)


def _frame(path: Path, frame: Box, name: str, turned: int) -> None:
    """Draw a person's rectangle on the page."""
    writer = PdfWriter(clone_from=PdfReader(path))
    mark = Rectangle(rect=frame)
    mark[NameObject("/NM")] = TextStringObject(f"frame-of-{name}-0123456789abcdef")
    writer.add_annotation(0, mark)
    if turned:
        writer.pages[0].rotate(turned)
    writer.write(path)


def write_all(folder: Path, count: int = COUNT, seed: int = 0) -> list[Made]:
    """Draw figures of all kinds in turn."""
    folder.mkdir(parents=True, exist_ok=True)
    kinds = [*KINDS, "rotated", "small"]
    languages = [*WORDS]
    made = []
    for number in range(count):
        kind = kinds[number % len(kinds)]
        language = languages[(number // len(kinds)) % len(languages)]
        name = f"{number:03}-{kind}-{language}"
        made.append(draw(folder / f"{name}.pdf", name, kind, language, seed))
    with (folder / "truth.jsonl").open("w", encoding="utf-8") as file:
        for each in made:
            file.write(json.dumps(each._asdict(), ensure_ascii=False) + "\n")
    return made


if __name__ == "__main__":
    write_all(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else COUNT)
