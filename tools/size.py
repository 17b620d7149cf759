"""Count the lines of code of each package, and write them into the table of CONTRIBUTING.md.

    python -m tools.size

A line of code is one that holds more than a comment or a docstring. The table states hundreds,
rounded up: a small change needs no new row, and a package that grows shows in the diff.
"""

import io
import re
import tokenize
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "CONTRIBUTING.md"
ROW = re.compile(r"^(?P<front>\| `(?P<name>[^`]+)` \|.*\| )[\d,]+ \|$", re.MULTILINE)
COMMENT = re.compile(r"$|//|/?\*")
NO_CODE = {
    *(tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENCODING),
    *(tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER),
}


def lines_of_code(text: str) -> int:
    """Count the lines of a module that hold code."""
    lines: set[int] = set()
    statement: list[tokenize.TokenInfo] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in NO_CODE:
            statement.append(token)
        elif token.type == tokenize.NEWLINE:
            if [part.type for part in statement] != [tokenize.STRING]:  # a docstring
                for part in statement:
                    lines.update(range(part.start[0], part.end[0] + 1))
            statement.clear()
    return len(lines)


def counted() -> dict[str, int]:
    """Return the lines of code of each package, of all of them, and of the page's scripts."""
    package = ROOT / "ankiforge"
    counts: Counter[str] = Counter()
    for path in package.rglob("*.py"):
        inside = path.relative_to(package)
        name = inside.parts[0] if len(inside.parts) > 1 else "ankiforge/*.py"
        counts[name] += lines_of_code(path.read_text("utf-8"))
    counts["all Python"] = counts.total()
    for path in package.rglob("*.js"):
        lines = [line.strip() for line in path.read_text("utf-8").splitlines()]
        counts["JavaScript"] += sum(not COMMENT.match(line) for line in lines)
    return dict(counts)


def with_sizes(page: str, counts: dict[str, int]) -> str:
    """Return a page with these sizes in its table."""

    def row(found: re.Match[str]) -> str:
        hundreds = -(-counts[found["name"]] // 100)
        return f"{found['front']}{hundreds * 100:,} |"

    return ROW.sub(row, page)


if __name__ == "__main__":
    PAGE.write_text(with_sizes(PAGE.read_text("utf-8"), counted()), "utf-8")
