r"""What a note shows in its own program, and what a card shows in Anki, as one kind of sequence.

Written from the documents of CommonMark, GitHub, Obsidian, MathJax, Anki and HTML, without the program's
readers: patterns on text, one after the other. `lost(note, field)` compares the two.
"""

import html
import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from unicodedata import normalize

SIGNS = ("maths", "code", "picture", "cell", "ruby", "address", "raw")


@dataclass(frozen=True)
class Shown:
    """A word, or a sign that a program shows otherwise than by its letters."""

    kind: str
    """`word`, `break`, or one of `SIGNS`."""
    text: str
    line: int = 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Shown) and (self.kind, self.text) == (
            other.kind,
            other.text,
        )

    def __hash__(self) -> int:
        return hash((self.kind, self.text))

    def __str__(self) -> str:
        return self.text if self.kind == "word" else f"{self.kind}:{self.text}"


# --- what both sides share ----------------------------------------------------------------

# Signs stand in the text as "\ue000<number>\ue001" until the words around them are cut.
HELD = re.compile("\ue000(\\d+)\ue001")
RAW = re.compile(
    r"\$\$?|==|\*\*|~~|`+|\[\[|\]\]|!\[|\]\(|\[\^|\^\[|%%|<!--|\{\{|\}\}|[\\|]"
)
WORD = re.compile(r"[^\W_]+")
PART = re.compile(f"{HELD.pattern}|\ue002|{RAW.pattern}|{WORD.pattern}|[.!?:](?=\\s|$)")


class Holder:
    """Keeps signs apart from the text in which they stand."""

    def __init__(self) -> None:
        self.signs: list[tuple[str, str]] = []

    def hold(self, kind: str, text: str) -> str:
        self.signs.append((kind, text))
        return f"\ue000{len(self.signs) - 1}\ue001"

    def cut(self, text: str) -> Iterator[Shown]:
        for number, line in enumerate(text.split("\n"), 1):
            for part in PART.finditer(line):
                if part[1]:
                    kind, sign = self.signs[int(part[1])]
                    yield Shown(kind, sign, number)
                elif part[0] in ".!?:\ue002":
                    yield Shown("break", "", number)
                elif WORD.fullmatch(part[0]):
                    yield Shown("word", part[0], number)
                else:
                    yield Shown("raw", part[0], number)
            yield Shown("break", "", number)


def readings(text: str, held: "Holder") -> str:
    """Hold what stands in brackets behind characters, and says how they are read."""
    return re.sub(
        r"(?<=[\u3400-\u9fff])[(（]([\u3040-\u30ff]+)[)）]",
        lambda match: held.hold("ruby", match[1]),
        text,
    )


def tight(text: str) -> str:
    return re.sub(r"\s+", "", text)


def lines_of(text: str) -> str:
    return "\n" * text.count("\n")


# --- the note -----------------------------------------------------------------------------

FENCE = re.compile(
    r"(?m)^(?P<indent>[ \t>]*(?:(?:[-*+]|\d+[.)])[ \t]+)*)(?P<fence>`{3,}|~{3,})(?P<info>[^`\n]*)\n"
    r"(?P<body>(?:.*\n)*?)[ \t>]*(?P=fence)[`~]*[ \t]*$"
)
TABLE_RULE = re.compile(
    r"(?m)^[ \t>]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$"
)
ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")


def of_note(note: str) -> list[Shown]:
    """Return what Obsidian shows of a note, from top to bottom."""
    held = Holder()
    text = (
        normalize("NFC", note)
        .replace("\r\n", "\n")
        .replace("\r", "\n")
        .removeprefix("\ufeff")
    )
    text = re.sub("[\ue000-\ue002]", "", text)
    text = re.sub(r"\A---\n(?:.*\n)*?---[ \t]*(?=\n|\Z)", lambda m: lines_of(m[0]), text)

    def fence(match: re.Match[str]) -> str:
        body = re.sub(r"(?m)^[ \t>]+", "", match["body"])
        kind = "maths" if match["info"].strip() == "math" else "code"
        return match["indent"] + held.hold(kind, tight(body)) + lines_of(match[0])

    text = FENCE.sub(fence, text)
    text = in_lines(text, held)
    text = re.sub(r"<!--.*?-->", lambda m: lines_of(m[0]), text, flags=re.DOTALL)
    text = re.sub(r"%%", "", text)
    text = re.sub(r"(?m)^[ \t>]*\[\^[^\]\n]+\]:.*$", "", text)
    text = tables(text)
    text = re.sub(r"(?m)^[ \t]*(?:(?:>|[-*+]|\d+[.)])[ \t]*(?:\[.\][ \t])?)+", "", text)
    text = re.sub(r"(?m)^\[![\w-]+(?:\|[^\]\n]*)?\][-+]?", "", text)
    text = re.sub(r"(?m)^#{1,6}[ \t]+", "", text)
    text = re.sub(r"(?m)(?:^|[ \t])\^[A-Za-z0-9-]+[ \t]*$", "", text)
    text = re.sub(r"(?m)^[ \t]*\?\??[ \t]*$", "\ue002", text)
    text = re.sub(r"::+|;;+|>>|==>", "\ue002", text)
    text = re.sub(r"\\\n", "\n", text)
    return list(held.cut(readings(escapes(text), held)))


def in_lines(text: str, held: Holder) -> str:
    """Hold what stands within lines: the first that opens is read first."""

    def code(match: re.Match[str]) -> str:
        inner = match["code"].replace("\n", " ")
        if inner.strip() and inner[0] == inner[-1] == " ":
            inner = inner[1:-1]
        return held.hold("code", tight(inner)) + lines_of(match[0])

    def maths(match: re.Match[str]) -> str:
        names = ("git", "two", "one", "round", "square")
        name = next(name for name in names if match[name] is not None)
        if name in ("round", "square") and not re.search(r"[\\^_=+\d]", match[name]):
            return match[0]  # an escaped bracket around words
        inner = (
            re.sub(r"(?m)^[ \t>]+(?=.*\n)", "", match[name])
            if "\n" in match[name]
            else match[name]
        )
        return held.hold("maths", tight(inner)) + lines_of(match[0])

    def environment(match: re.Match[str]) -> str:
        return held.hold("maths", tight(match["environment"])) + lines_of(match[0])

    def ruby(match: re.Match[str]) -> str:
        inner = re.sub(r"<rp>.*?(?:</rp>|(?=<))", "", match["ruby"], flags=re.DOTALL)
        inner = re.sub(r"<rt>(.*?)(?:</rt>|(?=<|\Z))", r"(\1)", inner, flags=re.DOTALL)
        return re.sub(r"<[^>]*>", "", inner)

    def reading(match: re.Match[str]) -> str:
        return f"{match['base']}({match['readings'].replace('|', '')})"

    def address(match: re.Match[str]) -> str:
        return held.hold("address", html.unescape(match["address"] or match["bare"]))

    def wiki(match: re.Match[str]) -> str:
        target, bar, alias = match["wiki"].replace("\\|", "|").partition("|")
        if bar:
            return alias.rsplit("|", 1)[-1]
        return re.sub(r"#\^?", " ", target)

    def escaped(match: re.Match[str]) -> str:
        return match[0]

    def nothing(match: re.Match[str]) -> str:
        return lines_of(match[0])

    kinds = [
        (
            "code_",
            r"(?<!`)(?P<ticks>`+)(?!`)(?P<code>(?:(?!\n[ \t>]*\n).)+?)(?<!`)(?P=ticks)(?!`)",
            code,
        ),
        ("comment_", r"<!--.*?-->", nothing),
        (
            "maths_",
            r"\$`(?P<git>[^`\n]+)`\$|\$\$(?P<two>(?:(?!\$\$).)+?)\$\$"
            r"|(?<![\\$])\$(?=[^\s$])(?P<one>(?:\\.|(?!\n[ \t>]*\n)[^$\\])*?(?<=[^\s])|[^\s$])\$(?![\d$])"
            r"|\\\((?P<round>[^\n]+?)\\\)|\\\[(?P<square>(?:(?!\n[ \t>]*\n).)+?)\\\]",
            maths,
        ),
        (
            "environment_",
            r"(?P<environment>\\begin\{(?P<name>[a-z]+\*?)\}.*?\\end\{(?P=name)\})",
            environment,
        ),
        ("escaped_", ESCAPED.pattern.replace("(", "(?:", 1), escaped),
        ("ruby_", r"<ruby[^>]*>(?P<ruby>.*?)</ruby>", ruby),
        (
            "reading_",
            r"\{(?P<base>[\u3400-\u9fff\u3005]+)\|(?P<readings>[\u3040-\u30ff\uff5c|]+)\}",
            reading,
        ),
        (
            "picture_",
            r"!\[\[[^\]\n]+\]\]|!\[[^\]\n]*\]\((?:<[^>\n]*>|[^()\s]*(?:\([^()\s]*\)[^()\s]*)*)(?:[ \t]+\"[^\"\n]*\")?\)|<img\b[^>]*>",
            lambda match: held.hold("picture", ""),
        ),
        ("footnote_", r"\^\[[^\]\n]*\]|\[\^[^\]\n]+\](?!:)", nothing),
        ("wiki_", r"\[\[(?P<wiki>[^\]\n]+)\]\]", wiki),
        (
            "link_",
            r"\[(?P<words>(?:[^\[\]\n]|\\.|\[[^\[\]\n]*\])*)\]\((?:<[^>\n]*>|[^()\s]*(?:\([^()\s]*\)[^()\s]*)*)(?:[ \t]+\"[^\"\n]*\")?\)",
            lambda match: in_lines(match["words"], held),
        ),
        (
            "address_",
            r"<(?P<address>(?:https?|ftp|mailto)://?[^\s<>]+)>|(?P<bare>https?://[^\s<>|\]\"]*[^\s<>|\]\".,;:!?'*_~)=])",
            address,
        ),
        ("br_", r"<br\s*/?>", lambda match: " \ue002 "),
        ("tag_", r"</?[a-zA-Z][a-zA-Z0-9-]*(?:\s+[a-zA-Z_:][^<>\n]*)?\s*/?>", nothing),
    ]
    pattern = re.compile(
        "|".join(f"(?P<{name}>{expression})" for name, expression, _ in kinds), re.DOTALL
    )

    def shown_as(match: re.Match[str]) -> str:
        return next(how(match) for name, _, how in kinds if match[name] is not None)

    return pattern.sub(shown_as, text)


def tables(text: str) -> str:
    """Put a sign between the cells of each row, and leave out the line below the head."""
    lines = text.split("\n")
    at = 0
    while at + 1 < len(lines):
        if not (
            "|" in lines[at] and "-" in lines[at + 1] and TABLE_RULE.match(lines[at + 1])
        ):
            at += 1
            continue
        lines[at] = cells(lines[at])
        lines[at + 1] = ""
        at += 2
        while at < len(lines) and lines[at].strip(" \t>") and "|" in lines[at]:
            lines[at] = cells(lines[at])
            at += 1
    return "\n".join(lines)


def cells(row: str) -> str:
    inside = re.sub(r"(?<!\\)\|[ \t]*$", "", re.sub(r"^[ \t>]*\|", "", row))
    return re.sub(r"(?<!\\)\|", " \ue003 ", inside)


def escapes(text: str) -> str:
    text = re.sub(r"\*\*|~~|==|__", "", text)
    text = re.sub("\ue003", "\ue002", text)
    return html.unescape(
        ESCAPED.sub(lambda m: m[1] if m[1] not in "|" else "\uff5c", text)
    ).replace("\uff5c", "|")


# --- the card -----------------------------------------------------------------------------

GAP = re.compile(
    r"\{\{c[\d,]+::((?:(?!\{\{c\d|\}\}).)*?)(?:::(?:(?!\{\{c\d|\}\}|::).)*)?\}\}",
    re.DOTALL,
)


def of_field(field: str) -> list[Shown]:
    """Return what Anki shows of a field, with each gap open."""
    held = Holder()
    text = normalize("NFC", field)
    while (opened := GAP.sub(r"\1", text)) != text:
        text = opened

    def maths(match: re.Match[str]) -> str:
        inner = re.sub(r"<[^>]*>", "", re.sub(r"<br\s*/?>", "\n", match[1] or match[2]))
        return held.hold("maths", tight(html.unescape(inner)))

    def code(match: re.Match[str]) -> str:
        inner = re.sub(r"<[^>]*>", "", re.sub(r"<br\s*/?>", "\n", match[1]))
        return held.hold("code", tight(html.unescape(inner)))

    # MathJax and Anki look for their signs in the text of elements: an element between them hides the sign.
    text = re.sub(r"<pre[^>]*>(.*?)</pre>", code, text, flags=re.DOTALL)
    text = re.sub(r"<code[^>]*>(.*?)</code>", code, text, flags=re.DOTALL)
    text = re.sub(r"\\\((.*?)\\\)|\\\[(.*?)\\\]", maths, text, flags=re.DOTALL)
    text = re.sub(
        r"<ruby[^>]*>(.*?)</ruby>",
        lambda m: re.sub(r"<rt>(.*?)</rt>", r"(\1)", m[1]),
        text,
    )
    text = re.sub(
        r"<img\b[^>]*>|\[sound:[^\]]*\]", lambda m: held.hold("picture", ""), text
    )
    text = re.sub(
        r"<wbr>|<span></span>|</?(?:b|i|em|strong|u|s|sub|sup|mark|a|span|font)\b[^>]*>",
        "",
        text,
    )
    text = re.sub(r"<[^>]*>", " \ue002 ", text)
    text = html.unescape(text)
    text = re.sub(
        r"https?://[^\s<>|\]\"]*[^\s<>|\]\".,;:!?'*_~)=]",
        lambda m: held.hold("address", m[0]),
        text,
    )
    return list(held.cut(readings(text, held)))


# --- the two ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Difference:
    """A sign of the note that a card lacks, or one that only the card has."""

    line: int
    note: str
    card: str


def lost(note: list[Shown], field: list[Shown]) -> list[Difference] | None:
    """Return where the card's field differs from the part of the note it was taken from.

    None: no part of the note is like the field. Of several parts the most alike counts.
    """
    card = [shown for shown in field if shown.kind != "break"]
    places = [at for at, shown in enumerate(note) if shown.kind != "break"]
    source = [note[at] for at in places]
    found = [
        differences
        for start, end in parts_of(source, card)
        if (differences := compared(note, places, source, start, end, card)) is not None
    ]
    return min(
        found,
        key=lambda these: sum(len(one.note + one.card) for one in these),
        default=None,
    )


def compared(
    note: list[Shown],
    places: list[int],
    source: list[Shown],
    start: int,
    end: int,
    card: list[Shown],
) -> list[Difference] | None:
    steps = SequenceMatcher(None, source[start:end], card, autojunk=False).get_opcodes()
    matched = [step for step in steps if step[0] == "equal"]
    if sum(step[2] - step[1] for step in matched) * 2 < len(card):
        return None
    differences = []
    for kind, first, last, card_first, card_last in steps:
        if kind == "equal":
            continue
        here = source[start + first : start + last]
        there = card[card_first:card_last]
        if last <= matched[0][1]:
            here = directly(note, places, start + first, start + last, before=True)
        elif first >= matched[-1][2]:
            here = directly(note, places, start + first, start + last, before=False)
        if any(shown.kind != "word" for shown in [*here, *there]):
            line = source[min(start + first, len(source) - 1)].line
            differences.append(Difference(line, text_of(here), text_of(there)))
    return differences


def parts_of(source: list[Shown], card: list[Shown]) -> list[tuple[int, int]]:
    """Return the parts of the note that may hold the field, those with most of its words first."""
    stands: dict[Shown, list[int]] = {}
    for at, shown in enumerate(source):
        stands.setdefault(shown, []).append(at)
    votes = sorted(
        at - place
        for place, shown in enumerate(card)
        for at in stands.get(shown, [])
        if len(stands[shown]) <= 400
    )
    width = len(card) // 4 + 8
    ranked = sorted(
        set(votes),
        key=lambda vote: bisect_left(votes, vote) - bisect_left(votes, vote + width),
    )
    return [
        (max(0, vote - 12), min(len(source), vote + len(card) + width + 12))
        for vote in ranked[:12]
    ]


def directly(
    note: list[Shown], places: list[int], first: int, last: int, *, before: bool
) -> list[Shown]:
    """Return the signs that stand beside the card's words in the note, with no word or break between."""
    signs: list[Shown] = []
    if before:
        at = places[last] - 1 if last < len(places) else -1
        while at >= 0 and note[at].kind not in ("word", "break"):
            signs.insert(0, note[at])
            at -= 1
        return signs
    at = places[first - 1] + 1
    while at < len(note) and note[at].kind not in ("word", "break"):
        signs.append(note[at])
        at += 1
    return signs


def text_of(shown: list[Shown]) -> str:
    return " ".join(map(str, shown))
