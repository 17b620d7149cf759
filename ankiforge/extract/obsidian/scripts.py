"""Superscripts and subscripts as characters: `10<sup>5</sup>` is 10⁵, not 105."""

from __future__ import annotations

_ABOVE = str.maketrans(
    "0123456789+-−=()abcdefghijklmnoprstuvwxyz", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ"
)
_BELOW = str.maketrans("0123456789+-−=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")
SCRIPTS = {"sup": ("^", _ABOVE), "sub": ("_", _BELOW)}


def raised(text: str, name: str) -> str:
    """The words of a `<sup>` or `<sub>`; `fold` takes them for the same words.

    What has no such characters is put in brackets if it holds a figure (`x^(1/2)`), lest it
    join the figures before it; else it stays as it is (`K<sub>M</sub>`, `[1]`).
    """
    sign, table = SCRIPTS[name]
    if all(ord(letter) in table for letter in text):
        return text.translate(table)
    figure = text[:1] != "[" and any(letter.isdigit() for letter in text)
    return f"{sign}({text})" if figure else text
