"""Quantities: numbers with their scale, unit, sign and era, as a text states them.

`3 million` is 3,000,000, `½` and `half` are 0.5, `1.5 g` is 1,500 mg; `5` beside another unit,
sign or era is another quantity.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import islice

from ankiforge.check.lexical.words import NUMBER_WORDS, arabic, listed

_LONGEST = 8000
_MOST = 150
"""So many quantities of a text are looked at: they bound the work."""


def _table(lines: str) -> dict[str, tuple[str, str, Fraction]]:
    """Spelling → (unit, dimension, its worth in the first unit of the dimension)."""
    found = {}
    for line in lines.strip().splitlines():
        dimension, _, units = line.partition(":")
        for unit in units.split(";"):
            worth, *spelled = unit.split()
            names = [unicodedata.normalize("NFKC", name).casefold() for name in spelled]
            for name in names:
                found[name.replace("_", " ")] = (names[0], dimension.strip(), Fraction(worth))
    return found


UNITS = _table(
    """
time: 1 s sec secs second seconds sekunde sekunden seconde secondes segundo segundos 秒; 60 min mins minute minutes minuten minuto minutos 分; 3600 h hr hrs hour hours stunde stunden heure heures hora horas 小时; 86400 day days tag tage tagen jour jours día días 日 天; 604800 week weeks woche wochen semaine semaines semana semanas; 2629800 month months monat monate monaten mois mes meses; 31557600 year years yr yrs jahr jahre jahren an ans année années año años 年; 315576000 decade decades jahrzehnt jahrzehnte; 3155760000 century centuries jahrhundert jahrhunderte siècle siècles siglo siglos; 1/1000 ms millisecond milliseconds; 1/1000000 µs us microsecond microseconds; 1/1000000000 ns nanosecond nanoseconds
length: 1 m metre metres meter meters mètre mètres metro metros; 1000 km kilometre kilometres kilometer kilometers kilomètre kilomètres kilómetro kilómetros; 1/100 cm centimetre centimetres centimeter centimeters zentimeter; 1/1000 mm millimetre millimetres millimeter millimeters; 1/1000000 µm um micrometre micrometres micrometer micrometers micron microns; 1/1000000000 nm nanometre nanometres nanometer nanometers; 201168/125 mile miles meile meilen; 381/1250 ft foot feet; 127/5000 inch inches
mass: 1 g gram grams gramm gramme grammes gramo gramos; 1000 kg kilogram kilograms kilogramm kilo kilos; 1/1000 mg milligram milligrams milligramm; 1/1000000 µg ug mcg microgram micrograms mikrogramm; 1/1000000000 ng nanogram nanograms; 1000000 t tonne tonnes ton tons; 45359237/100000 lb lbs pound pounds
volume: 1 l litre litres liter liters; 1/1000 ml millilitre millilitres milliliter milliliters; 1/1000000 µl ul microlitre microlitres
area: 1 m² m2 square_metres square_meters; 1000000 km² km2 square_kilometres square_kilometers quadratkilometer; 10000 ha hectare hectares hektar; 2589988 square_miles
share: 1 % percent per_cent prozent pour_cent por_ciento; 1/10 ‰ permille
celsius: 1 °c ℃ degrees_celsius degree_celsius grad_celsius
fahrenheit: 1 °f ℉ degrees_fahrenheit
kelvin: 1 k kelvin kelvins
frequency: 1 hz hertz; 1000 khz; 1000000 mhz; 1000000000 ghz
energy: 1 j joule joules; 1000 kj; 1000000 mj; 4184 kcal
power: 1 w watt watts; 1000 kw; 1000000 mw; 1000000000 gw
voltage: 1 v volt volts; 1/1000 mv millivolt millivolts; 1000 kv
pressure: 1 pa pascal pascals; 1000 kpa; 100000 bar
data: 1 byte bytes; 1000 kb kilobyte kilobytes; 1000000 mb megabyte megabytes; 1000000000 gb gigabyte gigabytes; 1000000000000 tb terabyte terabytes
money: 1 $ usd dollar dollars
euro: 1 € eur euro euros
speed: 1 m/s; 5/18 km/h kmh kph; 1000 km/s; 1397/3125 mph
concentration: 1 mg/l; 10 mg/dl; 1000 g/l; 1/1000 µg/l
amount: 1 mol mole moles; 1/1000 mmol; 1/1000000 µmol
"""
)
_SCALES = {
    name: 10**power
    for power, names in {
        3: "thousand tausend mille mil k",
        4: "万",
        6: "million millions mio millionen millón millones",
        8: "亿 億",
        9: "billion billions bn mrd milliarde milliarden milliard milliards",
        12: "trillion trillions billionen",
    }.items()
    for name in names.split()
}
_SCALES.pop("k")
_FRACTIONS = {
    "half": Fraction(1, 2), "third": Fraction(1, 3), "quarter": Fraction(1, 4),
    "thirds": Fraction(2, 3), "quarters": Fraction(3, 4), "hälfte": Fraction(1, 2),
    "moitié": Fraction(1, 2), "mitad": Fraction(1, 2),
}  # fmt: skip

_UNIT = "|".join(sorted((re.escape(name) for name in UNITS), key=len, reverse=True))
_SCALE = "|".join(sorted(_SCALES, key=len, reverse=True))
_WORD = "|".join(
    sorted((w for w in NUMBER_WORDS if w not in {"once", "twice", "acht"}), key=len, reverse=True)
)
_QUANTITY = re.compile(
    rf"""
    (?P<early>(?<!\w)(?:ad|a\.d\.|ce)\s?(?=\d))?
    (?:(?P<sign>(?<![\w)\]}}.,%°])[-−–+±](?=[\d.])|\bminus\s|\bmoins\s(?=\d))?
    (?P<money>[$€£](?=\d))?
    (?P<digits>\d+(?:[., '\u00a0\u202f]\d{{3}})+(?:[.,]\d{{1,2}}(?!\d))?(?!\d)|\d+(?:[.,]\d+)?)
    |\b(?P<word>{_WORD})\b)
    (?:[\s-]{{0,2}}(?P<scale>{_SCALE})(?![^\W\d_]))?
    (?:[\s-]{{0,2}}(?P<unit>{_UNIT})(?![^\W_]|/\w))?
    (?P<late>\s?(?:b\.?\s?c\.?\s?e?\.?(?!\w)|v\.\s?chr|av\.\s?j|a\.\s?c\.|ad\b|a\.d\.|ce\b|n\.\s?chr))?
    """,
    re.VERBOSE,
)
_RANGE = re.compile(r"\s*(?:-|–|—|to|and|or|bis|und|oder|à|et|ou|a|y|o|,)\s*(?:about |circa )?$")


@dataclass(frozen=True, slots=True)
class Quantity:
    """One number as a text states it."""

    shown: str
    """As written, for messages."""
    value: Fraction
    """With its scale and sign."""
    unit: str = ""
    dimension: str = ""
    worth: Fraction = Fraction(1)
    era: str = ""
    """`before` or `after` the beginning of our era, where it is said."""
    at: int = 0
    """Where it begins in the text."""
    spelled: bool = False
    """Whether it is a word: `three`."""

    @property
    def base(self) -> tuple[str, Fraction]:
        """Dimension and size: equal for 5 g and 5,000 mg."""
        return self.dimension, self.value * self.worth


@lru_cache(maxsize=1024)
def quantities(text: str) -> tuple[Quantity, ...]:
    """All quantities of a text, in order; the unit of a range holds for both of its ends."""
    plain = unicodedata.normalize("NFKC", _powers(arabic(text[:_LONGEST]))).casefold()
    found: list[Quantity] = []
    ends: list[int] = []
    for match in islice(_QUANTITY.finditer(plain), _MOST):
        found.append(_quantity(match))
        ends.append(match.end())
    for at in range(len(found) - 2, -1, -1):
        here, after = found[at], found[at + 1]
        if not here.unit and after.unit and _RANGE.fullmatch(plain[ends[at] : after.at]):
            found[at] = _like(here, after)
    return tuple(found)


_POWER = re.compile(r"[²³](?=\W|$)")


def _powers(text: str) -> str:
    """`km²` keeps its sign, whatever NFKC makes of it."""
    return _POWER.sub(lambda found: {"²": "2", "³": "3"}[found[0]], text)


def _quantity(match: re.Match[str]) -> Quantity:
    digits, word = match["digits"], match["word"]
    value = _value(digits) if digits else Fraction(NUMBER_WORDS[word])
    value *= _SCALES.get(match["scale"] or "", 1)
    if (match["sign"] or "").strip() in {"-", "−", "–", "minus", "moins"}:
        value = -value
    unit, dimension, worth = UNITS.get(match["unit"] or match["money"] or "", ("", "", Fraction(1)))
    shown = " ".join(match[0].split())
    era = _era(match["early"] or "", match["late"] or "")
    return Quantity(shown, value, unit, dimension, worth, era, match.start(), not digits)


def _like(here: Quantity, after: Quantity) -> Quantity:
    return Quantity(
        here.shown, here.value, after.unit, after.dimension, after.worth, here.era, here.at,
        here.spelled,
    )  # fmt: skip


def _value(digits: str) -> Fraction:
    plain = re.sub(r"[ '\u00a0\u202f]", "", digits)
    grouped = re.fullmatch(r"\d{1,3}(?:([.,])\d{3})(?:\1\d{3})*(?:[.,]\d{1,2})?", plain)
    if grouped:
        plain = plain.replace(grouped[1], "")
    return Fraction(plain.replace(",", "."))


def _era(early: str, late: str) -> str:
    if early:
        return "after"
    letters = re.sub(r"[\s.]", "", late)
    if letters.startswith(("bc", "vchr", "avj", "ac")):
        return "before"
    return "after" if letters else ""


@lru_cache(maxsize=512)
def values(text: str) -> frozenset[Fraction]:
    """Every number of a text by its size, scales and fractions included."""
    found = {abs(one.value) for one in quantities(text)}
    words = re.findall(r"[^\W\d_]+", text.casefold())
    found |= {_FRACTIONS[word] for word in words if word in _FRACTIONS}
    found |= {
        Fraction(int(a), int(b))
        for a, b in re.findall(r"(\d{1,9})\s*[/⁄]\s*(\d{1,9})", unicodedata.normalize("NFKC", text))
        if int(b)
    }
    return frozenset(found)


@lru_cache(maxsize=512)
def bases(text: str) -> frozenset[tuple[str, Fraction]]:
    """Every number with a unit, by dimension and size."""
    return frozenset((d, abs(v)) for d, v in (one.base for one in quantities(text)) if d)


def fractions(text: str) -> dict[str, Fraction]:
    """The fractions that a text spells out: `half`, `a third`."""
    words = re.findall(r"[^\W\d_]+", text.casefold())
    return {word: _FRACTIONS[word] for word in words if word in _FRACTIONS}


# --- months ---------------------------------------------------------------------------------

_NAMES = (
    "january januar janvier enero", "february februar février febrero", "march märz mars marzo",
    "april avril abril", "may mai mayo", "june juni juin junio", "july juli juillet julio",
    "august août agosto", "september septembre septiembre", "october oktober octobre octubre",
    "november novembre noviembre", "december dezember décembre diciembre",
)  # fmt: skip
_MONTHS = {name: at for at, names in enumerate(_NAMES, start=1) for name in listed(names)}
_MONTH = re.compile(
    rf"(?<![^\W_])(?:(?P<before>\d{{1,2}}\.?\s(?:de\s)?|\b(?:in|of|since|until|on|im|en|de)\s))?"
    rf"(?P<month>{'|'.join(_MONTHS)})(?![^\W_])(?P<after>,?\s(?:de\s|of\s)?\d)?",
    re.IGNORECASE,
)


def months(text: str) -> dict[str, int]:
    """The months that a text names beside a day, a year, or after `in`."""
    return {
        match["month"]: _MONTHS[match["month"].casefold()]
        for match in _MONTH.finditer(text)
        if match["before"] or match["after"]
    }
