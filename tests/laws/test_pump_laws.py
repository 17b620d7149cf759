"""No pattern of the program takes for ever in a small text, whatever the text.

Each pattern of each module, and each one written where it is used, is searched, the way the
module uses it, in texts that are pumped from it: one of its repetitions, or its beginning, over and
over, and then a sign that does not fit. What fits a repeated part once, and in two rounds, too, is
a run inside a run: it is pumped as well. It gets a share of this process's own processor time that is enough for
the square of the text's length many times over, and not for more.
"""

import ast
import importlib
import pkgutil
import re
import signal
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from re import _compiler as compiler  # type: ignore[attr-defined]
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import pytest

import ankiforge

pytestmark = pytest.mark.slow

LENGTH = 600
SECONDS = 0.1
"""Of processor time: 1,000 squared are a million steps, 1,000 cubed take ten seconds."""
ALPHABET = " \t\n_-*#a1A.:;,!?=[](){}<>/\\|\"'`~^$%&+@–é字\u00a0"
MOST_SIGNS = 4
UNBOUNDED = 2_000
SEARCHING = {"search", "finditer", "findall", "sub", "subn", "split"}


# --- the patterns -----------------------------------------------------------------------


def uses() -> dict[tuple[str, str], set[str]]:
    """The methods that are called on each name of a module, there and where it is imported."""
    called = defaultdict[tuple[str, str], set[str]](set)
    root = Path(ankiforge.__file__).parent
    for path in root.rglob("*.py"):
        module = ".".join(path.relative_to(root.parent).with_suffix("").parts)
        module = module.removesuffix(".__init__")
        tree = ast.parse(path.read_text("utf-8"))
        home = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    home[alias.asname or alias.name] = (node.module or "", alias.name)
        passed_on = Counter[str]()
        for node in ast.walk(tree):
            # a pattern that is used through its module: `exported_notes.SIGN.search`
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
                of_module = node.value.value
                if isinstance(of_module, ast.Name) and of_module.id in home:
                    its_module = ".".join(home[of_module.id])
                    called[its_module, node.value.attr].add(node.attr)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                name = node.value.id
                if node.attr != "pattern":
                    called[home.get(name, (module, name))].add(node.attr)
                passed_on[name] -= 1
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                passed_on[node.id] += 1
        for name, count in passed_on.items():
            if count > 0:  # anything may be called
                called[home.get(name, (module, name))].add("search")
    return called


@cache
def patterns() -> dict[str, tuple[re.Pattern[str], bool]]:
    """Each pattern by its name, and whether it is searched; found when a test asks, as that takes seconds."""
    methods = uses()
    found: dict[str, tuple[re.Pattern[str], bool]] = {}
    for module_info in pkgutil.walk_packages(ankiforge.__path__, "ankiforge."):
        if module_info.name.endswith("__main__"):
            continue
        try:
            module = importlib.import_module(module_info.name)
        except ImportError:  # an extra is not installed
            continue
        for name, value in vars(module).items():
            is_own = (module_info.name, name) in methods
            if is_own and isinstance(getattr(value, "pattern", None), str):
                pattern = re.compile(value.pattern, value.flags)
                is_searched = bool(methods[module_info.name, name] & SEARCHING)
                found[f"{module_info.name}.{name}"] = (pattern, is_searched)
    return found | written_where_they_are_used()


def written_where_they_are_used() -> dict[str, tuple[re.Pattern[str], bool]]:
    """Each pattern that is an argument of a function of `re`, by its file and line."""
    found = {}
    root = Path(ankiforge.__file__).parent
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Call(
                    ast.Attribute(ast.Name("re"), method),
                    [ast.Constant(str(text)), _, *_],
                ):
                    name = f"{path.relative_to(root)}:{node.lineno}"
                    found[name] = (re.compile(text), method in SEARCHING)
    return found


# --- texts that are pumped --------------------------------------------------------------


class Sampler:
    """Makes texts that a pattern matches, or begins to match."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self.tree = parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG)
        self.flags = pattern.flags
        self.groups: dict[int, str] = {}
        self.classes: list[Any] = []
        self.collect(self.tree)
        votes = Counter[str]()
        for item in self.classes:
            for sign in ALPHABET:
                votes[sign] += self.fits(item, sign)
        self.preferred = [sign for sign, _ in votes.most_common()]

    def collect(self, tree: Any) -> None:
        for code, argument in tree:
            if code in (codes.IN, codes.ANY, codes.NOT_LITERAL, codes.LITERAL):
                self.classes.append((code, argument))
            for inner in self.inner(code, argument):
                self.collect(inner)

    def inner(self, code: Any, argument: Any) -> list[Any]:
        if code is codes.BRANCH:
            return list(argument[1])
        if code is codes.SUBPATTERN:
            return [argument[3]]
        if code in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
            return [argument[2]]
        if code in (codes.ASSERT, codes.ASSERT_NOT):
            return [argument[1]]
        if code is codes.ATOMIC_GROUP:
            return [argument]
        if code is codes.GROUPREF_EXISTS:
            return [branch for branch in argument[1:] if branch is not None]
        return []

    def fits(self, item: Any, sign: str) -> bool:
        code, argument = item
        if code is codes.ANY:
            return sign != "\n" or bool(self.flags & re.DOTALL)
        if code is codes.LITERAL:
            return chr(argument) == sign
        if code is codes.NOT_LITERAL:
            return chr(argument) != sign
        negated = False
        matches = False
        for kind, value in argument:
            if kind is codes.NEGATE:
                negated = True
            elif kind is codes.LITERAL:
                matches |= ord(sign) == value
            elif kind is codes.RANGE:
                matches |= value[0] <= ord(sign) <= value[1]
            elif kind is codes.CATEGORY:
                matches |= self.is_of(value, sign)
        return matches != negated

    def is_of(self, category: Any, sign: str) -> bool:
        letter = {"DIGIT": r"\d", "SPACE": r"\s", "WORD": r"\w"}
        name = str(category).removeprefix("CATEGORY_")
        negated = name.startswith("NOT_")
        matches = re.match(
            letter[name.removeprefix("NOT_").removeprefix("UNI_").removeprefix("LOC_")],
            sign,
        )
        return (matches is not None) != negated

    def signs_of(self, item: Any) -> list[str]:
        code, argument = item
        if code is codes.LITERAL:
            return [chr(argument)]
        signs = [sign for sign in self.preferred if self.fits(item, sign)]
        if not signs and code is codes.IN:
            for kind, value in argument:
                if kind is codes.LITERAL:
                    return [chr(value)]
                if kind is codes.RANGE:
                    return [chr(value[0])]
        return signs or ["a"]

    def sample(self, tree: Any, repeats: int = 1) -> str:
        """A short text for a part."""
        parts = []
        for code, argument in tree:
            parts.append(self.sample_of(code, argument, repeats))
        return "".join(parts)

    def sample_of(self, code: Any, argument: Any, repeats: int) -> str:
        if code in (codes.LITERAL, codes.NOT_LITERAL, codes.ANY, codes.IN):
            return self.signs_of((code, argument))[0]
        if code is codes.BRANCH:
            return self.sample(argument[1][0], repeats)
        if code is codes.SUBPATTERN:
            text = self.sample(argument[3], repeats)
            if argument[0] is not None:
                self.groups[argument[0]] = text
            return text
        if code in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
            least, most, body = argument
            times = max(int(least), min(repeats, int(most)))
            return self.sample(body, repeats) * times
        if code is codes.ATOMIC_GROUP:
            return self.sample(argument, repeats)
        if code is codes.GROUPREF:
            return self.groups.get(argument, "")
        if (
            code is codes.AT
            and argument is codes.AT_BEGINNING
            and self.flags & re.MULTILINE
        ):
            return ""
        return ""

    def ambiguous(self, body: Any) -> Iterator[str]:
        """Yield a text, if there is one, that fits a repeated part once, and in two rounds, too."""
        state = self.tree.state
        once, twice = (
            compiler.compile(parser.SubPattern(state, [*body] * rounds), state.flags)
            for rounds in (1, 2)
        )
        signs = [*self.preferred[:12], *ALPHABET]
        pairs = [first + second for first in signs[:6] for second in signs[:6]]
        for text in (*pairs, self.sample(body, 1) * 2, self.sample(body, 0) * 2):
            if text and once.fullmatch(text) and twice.fullmatch(text):
                yield text
                return

    def pumps(self, tree: Any = None, before: str = "") -> Iterator[tuple[str, str]]:
        """What stands before each repetition, and what is repeated there."""
        if tree is None:
            yield "", self.sample(self.tree, 1)
            yield "", self.sample(self.tree, 0)
            tree = self.tree
        for code, argument in tree:
            if code in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
                _, most, body = argument
                if int(most) >= UNBOUNDED:
                    if len(body) == 1 and body[0][0] in (
                        codes.IN,
                        codes.ANY,
                        codes.NOT_LITERAL,
                    ):
                        for sign in self.signs_of(body[0])[:MOST_SIGNS]:
                            yield before, sign
                    else:
                        yield before, self.sample(body, 1)
                        yield before, self.sample(body, 0)
                        for text in self.ambiguous(body):
                            yield before, text
            for inner in self.inner(code, argument):
                if code not in (codes.ASSERT_NOT,):
                    yield from self.pumps(inner, before)
            before += self.sample_of(code, argument, 1)


def texts_of(pattern: re.Pattern[str]) -> list[str]:
    """Texts that are pumped from a pattern."""
    sampler = Sampler(pattern)
    texts = dict[str, None]()
    for before, body in sampler.pumps():
        for unit, head in ((body, before), (before + body, "")):
            if unit:
                pumped = unit * (LENGTH // len(unit))
                texts[f"{head}{pumped}\x00"] = None
                texts[f"{head}{pumped}\n\x00"] = None
    return list(texts)


# --- the law ----------------------------------------------------------------------------


class TooLong(Exception):
    pass


@contextmanager
def processor_time(seconds: float) -> Iterator[None]:
    """Raise if this process uses more."""

    def end(*_: Any) -> None:
        raise TooLong

    before = signal.signal(signal.SIGVTALRM, end)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def slow_text(pattern: re.Pattern[str], *, searched: bool) -> str:
    """A text in which a pattern takes too long, or ""."""
    for text in texts_of(pattern):
        try:
            with processor_time(SECONDS):
                if searched:
                    for _ in pattern.finditer(text):
                        pass
                else:
                    pattern.match(text)
                    pattern.fullmatch(text)
        except TooLong:
            return f"{text[:40]!r} … {text[-8:]!r}"
    return ""


@pytest.mark.skipif(
    not hasattr(signal, "ITIMER_VIRTUAL"), reason="Windows has no such timer"
)
def test_no_pattern_takes_for_ever_in_a_small_text():
    slow = {}
    for name, (pattern, searched) in patterns().items():
        if text := slow_text(pattern, searched=searched):
            slow[name] = text
    assert slow == {}


def test_enough_texts_are_pumped():
    assert sum(len(texts_of(pattern)) for pattern, _ in patterns().values()) > 600


@pytest.mark.parametrize(
    "expression",
    [
        r"(?:\w+,? ?)+;",
        r"[ ]*[*_]*[\w-]+[*_]*::x",
        r"(a+)+b",
        r"(.+?)\s*\n?\s*x",
        r"(?:(?::(?:\\:|[^:{}])*)*)\}",
    ],
)
def test_the_law_finds_patterns_that_do_so(expression):
    assert slow_text(re.compile(expression), searched=True)
