"""Count function names and docstrings that break the rules of CONTRIBUTING, *How it is written*.

    python -m tools.language [--list] [FOLDER]

Prints one row per package: how function names begin, and how many docstrings have a habit
that readers trip over. `--list` prints each place. Nothing here fails a build.
"""

import argparse
import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
KINDS = ("verb", "predicate", "noun", "participle", "preposition", "of")
PREPOSITIONS = set(
    "of with by in at from to for on after before as into like about around".split()
)
PREDICATES = {"is", "are", "has", "have", "can", "may", "must", "should", "needs", "was"}
VERBS = set(
    """abbreviate accept acquire adapt add adopt align announce answer append apply arrange ask
    assign attach begin block build call cancel change check choose classify clean clear close
    collapse collect combine commit compare compile complete compose compute configure confirm
    connect construct contains convert copy count create decide decline decode decorate deduplicate
    delete deliver describe detect discover display download draft draw drop edit encode end ensure
    enter escape estimate exchange exclude execute expand explain export extend extract fetch fill
    filter find finish fit fix flatten flush fold follow forget format generate get group guess
    handle hash hide highlight hold identify ignore import index ingest initialize insert inspect
    install interrupt isolate iter iterate join keep label learn leave limit link list load locate
    lock look make map mark mask match measure merge move name normalize note offer open order pack
    pair parse partition paste patch pin place plan pop prefetch preload prepare preserve print
    process propose publish pull push put query quote raise rank read rebase recognise recompute
    record recover recreate redeem redraft refresh refuse register reject relabel reload remember
    remove render repair replace report request require reset resolve restore restrict retire retry
    revert review reword rewrite run sanitize save say scan schedule score search select send serve
    set shift shorten show skip sort split start stem stop store straighten strip suggest summarize
    supersede suspend take test tokenize track transfer trim truncate trust undo unescape unpack
    unselect unsuspend update upgrade upsert use wait walk warn watch weigh withdraw wrap write
    yield""".split()
)
IRREGULAR = set(
    "made given seen found known shown drawn taken gone put hidden chosen kept lost held".split()
)
HABITS = {
    "is no": r"(?<!there )\b(?:is|are) no\b(?! (?:longer|more|less))",
    "what is": r"\bwhat (?:is|was|are|were|waits?|goes)\b",
    "those that": r"\bthose (?:that|which|of|who)\b",
    "its alone": r"\bits(?: own)?(?=[.,;:)]|$)",
    "blanks": r"\bblanks\b",
    "share of": r"\bshares? of\b",
    "sure": r"\bsure(?:ness)?\b",
    "taken back": r"\b(?:taken|takes|took) back\b",
    "stands": r"\bstands?\b(?! ?alone)",
    "the words of": r"\bthe words of\b",
}


class Place(NamedTuple):
    """One function name or docstring, and which kind or habit it was counted as."""

    package: str
    path: Path
    line: int
    label: str
    text: str


def classify_name(name: str) -> str:
    """Return the entry of `KINDS` that a function name belongs to."""
    words = name.strip("_").split("_")
    if words[0] in PREDICATES:
        return "predicate"
    if words[0] in VERBS or (words[0] in ("to", "as", "from") and len(words) > 1):
        return "verb"
    if words[0] in PREPOSITIONS:
        return "preposition"
    if len(words) > 1 and words[-1] in PREPOSITIONS:
        return "of"
    if words[0] in IRREGULAR or re.search(r"[^e]ed$", words[0]):
        return "participle"
    return "noun"


def find_habits(docstring: str) -> list[str]:
    """Return the habits that a docstring has; text in backticks is not searched."""
    prose = re.sub(r"`[^`]*`", "", docstring)
    return [
        habit for habit, rule in HABITS.items() if re.search(rule, prose, re.I | re.M)
    ]


def find_places(source: str, package: str, path: Path) -> Iterator[Place]:
    """Yield a place for each function name, and for each habit of each docstring."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.Module)):
            continue
        line = getattr(node, "lineno", 1)
        if isinstance(node, FUNCTIONS) and not node.name.startswith("__"):
            yield Place(package, path, line, classify_name(node.name), node.name)
        docstring = ast.get_docstring(node) or ""
        for habit in find_habits(docstring):
            yield Place(package, path, line, habit, docstring.partition("\n")[0])


def scan(folder: Path) -> list[Place]:
    """Return the places of all modules below a folder."""
    places: list[Place] = []
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).parts
        package = parts[0] if len(parts) > 1 else "*.py"
        places.extend(find_places(path.read_text("utf-8"), package, path))
    return places


def format_table(places: list[Place]) -> str:
    """Return the counts by package as a table; the last row has percentages of all names."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for place in places:
        counts[place.package][place.label] += 1
    total = sum(counts.values(), Counter[str]())
    labels = (*KINDS, *HABITS)
    rows = [("", *labels)]
    for package, counted in [*sorted(counts.items()), ("all", total)]:
        rows.append((package, *(str(counted[label]) for label in labels)))
    names = sum(total[kind] for kind in KINDS) or 1
    rows.append(("per cent", *(f"{100 * total[kind] / names:.0f}" for kind in KINDS)))
    lines = []
    for package, *cells in rows:
        columns = (
            f"{cell:>{len(label)}}" for label, cell in zip(labels, cells, strict=False)
        )
        lines.append("  ".join([f"{package:10}", *columns]))
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path("ankiforge"))
    parser.add_argument("--list", action="store_true", help="print each place, too")
    options = parser.parse_args()
    places = scan(options.folder)
    print(format_table(places))
    for place in places:
        if options.list and place.label not in KINDS[:3]:
            print(f"{place.path}:{place.line}: {place.label}: {place.text}")


if __name__ == "__main__":
    main()
