"""Small mistakes that a person could make in a module: what `mutants` makes, one at a time."""

import ast
from collections.abc import Iterator
from copy import copy

COMPARISONS = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
BOUNDARIES = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
SYMMETRIC = ("max", "min", "suppress")
"""Functions whose arguments may stand in any order."""
Function = ast.FunctionDef | ast.AsyncFunctionDef


def _but(node: ast.AST, **fields: object) -> ast.AST:
    """Return a node with other fields."""
    new = copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def mistakes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield the mistakes that can be made with a node: the kind, and what stands there then."""
    match node:
        case ast.Compare(ops=[operator]):
            kind = "boundary" if isinstance(operator, BOUNDARIES) else "comparison"
            yield kind, _but(node, ops=[COMPARISONS[type(operator)]()])
        case ast.BoolOp(values=values):
            for place, _ in enumerate(values):
                left = values[:place] + values[place + 1 :]
                yield "condition", _but(node, values=left) if left[1:] else left[0]
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield "condition", operand
        case ast.IfExp(body=body, orelse=other):
            yield "condition", _but(node, body=other, orelse=body)
        case ast.Constant(value=bool(value)):
            yield "constant", ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield "constant", ast.Constant(value + 1)
        case ast.Call(args=[one, other, *rest], func=function) if not (
            isinstance(one, ast.Starred)
            or (isinstance(function, ast.Name) and function.id in SYMMETRIC)
        ):
            if not isinstance(other, ast.Starred):
                yield "exchanged arguments", _but(node, args=[other, one, *rest])
        case ast.Call(keywords=[*others, ast.keyword(arg=str(name))]) if name != "strict":
            yield "dropped argument", _but(node, keywords=others)
        case ast.Expr(value=ast.Call()):
            yield "dropped call", ast.Pass()
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield "early return", _but(node, value=ast.Constant(None))
        case ast.Continue():
            yield "loop", ast.Break()
        case ast.Break():
            yield "loop", ast.Continue()


def places(tree: ast.Module) -> Iterator[tuple[str, ast.AST, ast.AST]]:
    """Yield each mistake that can be made in the functions of a module: kind, node, other."""
    for function in ast.walk(tree):
        if isinstance(function, Function):
            todo: list[ast.AST] = list(function.body)
            while todo:
                node = todo.pop()
                # parts of f-strings do not know their places in Python 3.11, and what `strict`
                # is changes nothing where all is right
                is_strict = isinstance(node, ast.keyword) and node.arg == "strict"
                if not is_strict and not isinstance(node, ast.JoinedStr | Function):
                    yield from ((kind, node, other) for kind, other in mistakes(node))
                    todo += ast.iter_child_nodes(node)


def mistaken(text: str, node: ast.AST, other: ast.AST) -> str:
    """Return a text with another node in the place of one; later lines keep their numbers."""
    lines = text.encode().splitlines(keepends=True)
    start, end = node.lineno - 1, node.end_lineno - 1
    written = ast.unparse(other)
    if isinstance(other, ast.expr):
        written = f"({written})"
    middle = written.encode() + b"\\\n" * (end - start)
    line = lines[start][: node.col_offset] + middle + lines[end][node.end_col_offset :]
    return b"".join([*lines[:start], line, *lines[end + 1 :]]).decode()
