"""Names that no type checker looks up: keywords of `replace`, and names in strings."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NESTED = r"\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)"
REPLACE = re.compile(rf"(?<![.\w])replace({NESTED})")
READ = re.compile(r"\b(?:attrgetter|getattr|hasattr)\([^\"()]*((?:\"\w+\",?\s*)+)")
MEMBER = re.compile(r"(?:def |class |self\.)(\w+)|^\s+(\w+)(?:: | = )", re.MULTILINE)
PATCHED = re.compile(r"\b(\w+), \"([a-zA-Z_]\w*)\"")
IMPORT = re.compile(r"^from (ankiforge[\w.]*) import (\([^)]*\)|.*)", re.MULTILINE)
FOREIGN = set(
    "CBaseLoader CSafeLoader ITIMER_VIRTUAL O_BINARY O_CLOEXEC O_NOCTTY O_NONBLOCK attr"
    " basename context_mark ctx errno help lineno problem_mark sqlite_errorcode"
    " sqlite_errorname".split()
)


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    return {
        str(path.relative_to(ROOT)): path.read_text("utf-8")
        for folder in ("ankiforge", "benchmarks", "tests", "tools")
        for path in (ROOT / folder).rglob("*.py")
    }


def find_names(text: str) -> Iterator[str]:
    """Yield the keywords of each `replace`, and the names that are read as strings."""
    for arguments in REPLACE.findall(text):
        yield from re.findall(r"(\w+)=(?!=)", re.sub(NESTED, "", arguments[1:-1]))
    for strings in READ.findall(text):
        yield from re.findall(r"\w+", strings)


@pytest.mark.slow
def test_fields_and_attributes_that_are_named_exist(texts):
    pairs = [pair for text in texts.values() for pair in MEMBER.findall(text)]
    members = FOREIGN.union(*pairs)
    named = {(path, name) for path, text in texts.items() for name in find_names(text)}
    assert [(path, name) for path, name in named if name not in members] == []


def test_names_that_tests_patch_in_our_modules_exist(texts):
    missing = []
    for path, text in texts.items():
        patched = PATCHED.findall(text) if "patch" in text else []
        modules = {}
        for package, names in IMPORT.findall(text) if patched else ():
            for name, alias in re.findall(r"(\w+)(?: as (\w+))?", names.split("#")[0]):
                if f"{package}.{name}".replace(".", "/") + ".py" in texts:
                    modules[alias or name] = importlib.import_module(f"{package}.{name}")
        for module, name in patched:
            if module in modules and not hasattr(modules[module], name):
                missing.append((path, module, name))
    assert missing == []
