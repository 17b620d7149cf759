"""Switch functions and conditions off one at a time, and list those that no test notices.

    python -m benchmarks.idle [--conditions] [--found FILE] [--survivors FILE] MODULE … -- TEST …

Each function returns the neutral value of its type (None, False, nothing, 0, or its own argument);
with `--conditions`, each `if` without `else` is never entered, and each operand of `and` or `or` is
left out. The tests are collected once, and run once to see which of them call which function. Then
each ablation is made in a forked process, where the tests that call the function run, the fastest
first, until one fails. What survives is idle, or lacks a test. `idle.jsonl` has the decisions.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import os
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
HERE = Path(__file__).parent
NEUTRAL = {
    "None": "None",
    "bool": "False",
    "int": "0",
    "float": "0.0",
    "str": "''",
    "list": "[]",
    "dict": "{}",
    "set": "set()",
    "frozenset": "frozenset()",
    "tuple": "()",
    "Pairs": "{}",
    "Strings": "()",
}
"""An expression for the neutral value of each return type."""
PLAIN_DECORATORS = {"property", "staticmethod", "classmethod", "cached_property"}
Function = ast.FunctionDef


class Ablation(NamedTuple):
    """A function without its body, or without a condition."""

    module: str
    function: str
    line: int
    what: str
    code: CodeType

    @property
    def name(self) -> str:
        return f"{self.module}.{self.function}"


# --- what is switched off ---------------------------------------------------------------


def list_ablations(path: Path, *, conditions: bool) -> Iterator[Ablation]:
    """List the ablations of a module."""
    text = path.read_text("utf-8")
    module = ".".join(path.resolve().relative_to(ROOT).with_suffix("").parts)
    for qualname, index in list_functions(ast.parse(text)):
        tree = ast.parse(text)
        function = find_function(tree, index)
        expressions = [] if conditions else neutral_values(function)
        for expression in expressions:
            tree = ast.parse(text)
            function = find_function(tree, index)
            is_generator = any(isinstance(each, ast.Yield) for each in ast.walk(function))
            body = f"def f():\n    return {expression}\n" + "    yield\n" * is_generator
            what = f"return {expression}"
            function.body = ast.parse(body).body[0].body  # type: ignore[attr-defined]
            yield from compile_ablation(tree, module, qualname, function, what)
        for number in range(count_conditions(function) if conditions else 0):
            tree = ast.parse(text)
            function = find_function(tree, index)
            what = drop_condition(function, number)
            yield from compile_ablation(tree, module, qualname, function, what)


def list_functions(tree: ast.Module) -> list[tuple[str, int]]:
    """List the functions of a module and of its classes, each with its index."""
    functions = []
    for index, (prefix, _) in enumerate(iter_functions(tree)):
        functions.append((prefix, index))
    return functions


def iter_functions(tree: ast.Module) -> Iterator[tuple[str, Function]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        if isinstance(node, ast.ClassDef):
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and method.name != "__init__":
                    yield f"{node.name}.{method.name}", method


def find_function(tree: ast.Module, index: int) -> Function:
    return list(iter_functions(tree))[index][1]


def neutral_values(function: Function) -> list[str]:
    """Return expressions for the neutral values that a function may return."""
    if function.returns is None:
        return []
    annotation = ast.unparse(function.returns)
    if annotation.startswith(("Iterator[", "Iterable[", "Generator[")):
        return [""]
    if annotation.endswith("| None"):
        return ["None"]
    values = (
        [NEUTRAL[type_name]] if (type_name := annotation.split("[")[0]) in NEUTRAL else []
    )
    if annotation == "bool":
        values.append("True")
    for argument in function.args.args:
        if argument.annotation and ast.unparse(argument.annotation) == annotation:
            values.append(argument.arg)
    return values


def iter_conditions(function: Function) -> Iterator[ast.AST]:
    for node in ast.walk(function):
        if isinstance(node, ast.If) and not node.orelse:
            yield node
        if isinstance(node, ast.BoolOp):
            for _ in node.values:
                yield node
        if isinstance(node, ast.comprehension):
            for _ in node.ifs:
                yield node


def count_conditions(function: Function) -> int:
    return sum(1 for _ in iter_conditions(function))


def drop_condition(function: Function, number: int) -> str:
    """Remove a condition from a function, and describe it."""
    conditions = list(iter_conditions(function))
    node = conditions[number]
    operand = sum(1 for each in conditions[:number] if each is node)
    if isinstance(node, ast.If):
        what = f"never: if {ast.unparse(node.test)} ({node.lineno})"
        node.test = ast.copy_location(ast.Constant(False), node.test)
        return what
    parts = node.values if isinstance(node, ast.BoolOp) else node.ifs  # type: ignore[attr-defined]
    what = f"without: {ast.unparse(parts[operand])} ({parts[operand].lineno})"
    del parts[operand]
    if isinstance(node, ast.BoolOp) and len(parts) == 1:
        constant = ast.Constant(isinstance(node.op, ast.And))
        parts.append(ast.copy_location(constant, parts[0]))
    return what


def compile_ablation(
    tree: ast.Module, module: str, qualname: str, function: Function, what: str
) -> Iterator[Ablation]:
    code = compile(ast.fix_missing_locations(tree), module, "exec")
    for part in iter_codes(code):
        if part.co_qualname == qualname:
            yield Ablation(module, qualname, function.lineno, what, part)


def iter_codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from iter_codes(constant)


def get_function(ablation: Ablation) -> FunctionType | None:
    """Return the function object of an ablation, or None if it has no code of its own."""
    found: Any = importlib.import_module(ablation.module)
    for part in ablation.function.split("."):
        found = (
            found.__dict__.get(part) if isinstance(found, type) else getattr(found, part)
        )
    for name in ("fget", "func", "__func__", "__wrapped__"):
        found = getattr(found, name, None) or found
    return found if isinstance(found, FunctionType) else None


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file, or nothing if there is no such file."""
    return (
        [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        if path.exists()
        else []
    )


# --- playing tests ----------------------------------------------------------------------


class Player:
    """A plugin of pytest that plays the collected tests on each ablation."""

    def __init__(self, ablations: list[Ablation], found: Path) -> None:
        self.ablations = ablations
        self.found = found

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        calls, seconds = self.play_in_fork(partial(record_calls, session, self.ablations))
        done = {(row["name"], row["what"]) for row in read_rows(self.found)}
        items = {item.nodeid: item for item in session.items}
        for ablation in self.ablations:
            if (ablation.name, ablation.what) in done:
                continue
            names = sorted(calls.get(ablation.name, []), key=seconds.__getitem__)
            tests = [items[name] for name in names]
            started = time.monotonic()
            failed = self.play_in_fork(partial(play, session, tests, ablation))
            row = {
                "name": ablation.name,
                "what": ablation.what,
                "tests": len(tests),
                "failed": failed,
                "seconds": round(time.monotonic() - started, 1),
            }
            if not failed:
                print(
                    f"{ablation.name}: {ablation.what} ({len(tests)} tests)",
                    file=sys.stderr,
                )
            with self.found.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        return True

    @staticmethod
    def play_in_fork(call: Callable[[], Any]) -> Any:
        """Return what a function returns in a forked process."""
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            try:
                answer = call()
            except BaseException as error:  # noqa: BLE001 - an ablation may break anything
                answer = [repr(error)]
            with os.fdopen(writer, "w") as file:
                json.dump(answer, file)
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as file:
            text = file.read()
        os.waitpid(child, 0)
        return json.loads(text or '["died"]')


def record_calls(
    session: pytest.Session, ablations: Iterable[Ablation]
) -> tuple[dict[str, list[str]], dict[str, float]]:
    """Run all tests; return those that call each function, and their seconds."""
    names = {}
    for ablation in ablations:
        if function := get_function(ablation):
            names[function.__code__] = ablation.name
    calls = defaultdict(set)
    current = [""]

    def trace(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code in names:
            calls[names[frame.f_code]].add(current[0])

    seconds = {}
    threading.setprofile(trace)
    for item, following in zip(session.items, [*session.items[1:], None], strict=True):
        current[0] = item.nodeid
        started = time.process_time()
        sys.setprofile(trace)
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        sys.setprofile(None)
        seconds[item.nodeid] = time.process_time() - started
    return {name: sorted(tests) for name, tests in calls.items()}, seconds


def play(
    session: pytest.Session, tests: list[pytest.Item], ablation: Ablation
) -> list[str]:
    """Run tests on an ablation until the first fails, and return it."""
    function = get_function(ablation)
    if function is None or len(function.__code__.co_freevars) != len(
        ablation.code.co_freevars
    ):
        return ["cannot be ablated"]
    function.__code__ = ablation.code
    before = session.testsfailed
    for item, following in zip(tests, [*tests[1:], None], strict=False):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.testsfailed > before:
            return [item.nodeid]
    return []


def main() -> None:
    """Play the tests on each ablation."""
    arguments = sys.argv[1:]
    tests = arguments[arguments.index("--") + 1 :] if "--" in arguments else []
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="+", type=Path)
    parser.add_argument("--conditions", action="store_true")
    parser.add_argument("--found", type=Path, default=Path("idle-found.jsonl"))
    parser.add_argument(
        "--survivors", type=Path, help="play only what no test in this file noticed"
    )
    given = parser.parse_args(arguments[: len(arguments) - len(tests) - bool(tests)])
    ablations = []
    for path in given.modules:
        ablations += list_ablations(path, conditions=given.conditions)
    if given.survivors:
        rows = read_rows(given.survivors)
        living = {(row["name"], row["what"]) for row in rows if not row["failed"]}
        ablations = [each for each in ablations if (each.name, each.what) in living]
    options = ["-q", "-p", "no:cacheprovider", "-m", "not slow"]
    pytest.main([*options, *tests], plugins=[Player(ablations, given.found)])


if __name__ == "__main__":
    main()
