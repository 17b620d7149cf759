r"""Literal text, formulas and addresses as HTML that Anki leaves alone.

Anki looks for its own signs in the raw HTML of a field: `{{c1::`, `}}`, `::`, `[sound:`,
`[latex]`, `\(`. Entities would hide them only until the next edit (Chromium writes raw
characters back); `<wbr>` and `<span></span>` between two characters stay and show nothing.
"""

from __future__ import annotations

import html
import re
from urllib.parse import quote

from ankiforge.text.fold import clean

_DOUBLE = re.compile(r"([{}:])(?=\1)")
_BRACKET = re.compile(r"\[(?=sound:|anki:|latex\]|\$\]|\$\$\]|/)", re.IGNORECASE)
_DELIMITER = re.compile(r"\\(?=[(\[\])])")
_TEX_DELIMITER = re.compile(r"(?<!\\)(?:\\\\)*\\[()\[\]]")
_DOES_MORE = re.compile(
    r"\\(?:href|style|class|cssId|require|mmlToken)(?![A-Za-z])|\\bbox\s*\[[^\]]*[:(]"
)
"""TeX by which MathJax sets links, styles and attributes: addresses that nobody may put on a card."""
_DEEPEST = 60
"""Braces in braces of a formula."""
_TEX_BRACE = re.compile(r"\\.?|[{}]", re.DOTALL)
_TEX_OPENER = re.compile(r"\{(?=\{)")
_SCHEME = re.compile(r"(?:https?|mailto|zotero|obsidian|kindle|doi):", re.IGNORECASE)
_KEPT_IN_ADDRESS = "%/:?#@!$&()*+,;=~-._"
_MAX_ADDRESS = 2000
_ATTRIBUTE_SIGNS = str.maketrans("{}[]\\\n", "()()/ ")


def escape(text: str) -> str:
    """Text as Chromium writes it: `&`, `<`, `>` and the no-break space as entities."""
    return html.escape(text, quote=False).replace("\u00a0", "&nbsp;")


def literal(text: str) -> str:
    """Text that shows exactly these characters in any field, also in code; keeps newlines."""
    text = _DOUBLE.sub(r"\1<wbr>", escape(clean(text)))
    return _DELIMITER.sub(r"\\<span></span>", unbracketed(text))


def unbracketed(text: str) -> str:
    """HTML in which no bracket begins `[sound:`, `[latex]` and their like, nor ends them."""
    return _BRACKET.sub("[<wbr>", text)


def lines(text: str) -> str:
    """`literal` with line breaks as `<br>`."""
    return literal(text).replace("\n", "<br>")


def sealed(inner: str) -> str:
    """HTML that may stand as a cloze's answer or hint: no sign of it joins those around."""
    start = "<wbr>" if inner.startswith(":") else ""
    return f"{start}{inner}<wbr>" if inner.endswith(("}", ":")) else start + inner


def formula(tex: str, *, display: bool, inside: bool) -> str:
    r"""TeX between the delimiters Anki typesets; "" if it must stay text: it may not end, or may do more than typeset.

    Args:
        tex: what stood between the dollars.
        display: `\[…\]` instead of `\(…\)`.
        inside: within a cloze, where `}}` and `::` would end or split it.
    """
    if _TEX_DELIMITER.search(tex) or not _is_closed(tex) or _DOES_MORE.search(tex):
        return ""
    body = _TEX_OPENER.sub("{ ", _BRACKET.sub("[ ", escape(tex)))
    if inside:
        body = body.replace("}}", "} }").replace("}}", "} }")
        body = body.replace("::", ":{}:").replace("::", ":{}:")
    if display and _BRACKET.match(f"[{body}"):
        body = f" {body}"  # a tag would not do: Anki drops those within formulas
    return f"\\[{body}\\]" if display else f"\\({body}\\)"


def _is_closed(tex: str) -> bool:
    """Whether every brace has its partner and no backslash takes the end of the formula.

    If not, MathJax takes what follows the formula as well. Braces in braces without end keep it
    busy for minutes.
    """
    depth = 0
    for sign in _TEX_BRACE.findall(tex):
        depth += {"{": 1, "}": -1}.get(sign, 0)
        if not 0 <= depth <= _DEEPEST or sign == "\\":
            return False
    return depth == 0


def address(url: str) -> str:
    """The address in ASCII, without signs of Anki's; "" for one that must not be a link.

    Links go to http, https, mailto, zotero, obsidian, kindle and doi (at doi.org), nowhere else.
    """
    url = url.strip()
    if not _SCHEME.match(url) or len(url) > _MAX_ADDRESS:
        return ""
    if url[:4].lower() == "doi:":
        url = f"https://doi.org/{url[4:].lstrip('/')}"
    plain = quote(url.encode("utf-8", "replace"), safe=_KEPT_IN_ADDRESS)
    return re.sub(r"(?<=:):", "%3A", plain)


def attribute(text: str) -> str:
    """Text for an attribute, where no `<wbr>` can stand: signs of Anki's are replaced."""
    return html.escape(re.sub(r":{2,}", ":", text.translate(_ATTRIBUTE_SIGNS)))
