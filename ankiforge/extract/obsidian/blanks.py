"""Blanks and outer tags of a block's tokens."""

from __future__ import annotations

import re
from dataclasses import replace

from ankiforge.extract.obsidian.inline import Kind, Token

_BLANKS = re.compile(r"\s+")


def without_outer_tags(tokens: list[Token]) -> list[Token]:
    """Tags at the ends of a block are said of it, not in it; their words go, they stay tags."""
    cut = list(tokens)
    for order in (range(len(cut)), range(len(cut) - 1, -1, -1)):
        for at in order:
            token = cut[at]
            if token.kind is Kind.TAG:
                cut[at] = replace(token, plain="", markdown="")
            elif token.plain.strip() or token.markdown.strip():
                break
    return cut


def collapsed(tokens: list[Token]) -> list[Token]:
    """Runs of blanks as one, none at the ends."""
    after_blank = True
    out: list[Token] = []
    for token in tokens:
        plain = token.plain
        if token.kind is Kind.TEXT:
            if "  " in plain or not plain.isprintable():  # as all blanks are but one
                plain = _BLANKS.sub(" ", plain)
            if after_blank and plain.startswith(" "):
                plain = plain[1:]
                _part_from_picture(out)
        elif token.kind is Kind.BREAK and after_blank:
            plain = ""
        same = plain == token.plain
        out.append(token if same else replace(token, plain=plain, markdown=plain))
        after_blank = plain.endswith(" ") if plain else after_blank
    return _right_stripped(out)


def _part_from_picture(out: list[Token]) -> None:
    """Keep a blank between a picture and what follows it."""
    if out and out[-1].kind is Kind.PICTURE and out[-1].markdown:
        out[-1] = replace(out[-1], markdown=out[-1].markdown + " ")


def _right_stripped(tokens: list[Token]) -> list[Token]:
    for at in range(len(tokens) - 1, -1, -1):
        token = tokens[at]
        if token.kind not in (Kind.TEXT, Kind.BREAK) and token.plain:
            break
        if token.kind in (Kind.TEXT, Kind.BREAK):
            plain = token.plain.rstrip(" ")
            if plain != token.plain:
                tokens[at] = replace(token, plain=plain, markdown=plain)
                _part_from_word(tokens, at + 1)
            if plain:
                break
    return tokens


def _part_from_word(tokens: list[Token], at: int) -> None:
    """Keep a blank between the last word and a picture after it."""
    following = tokens[at] if at < len(tokens) else None
    if following and following.kind is Kind.PICTURE and following.markdown:
        tokens[at] = replace(following, markdown=f" {following.markdown}")
