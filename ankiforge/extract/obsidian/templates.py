"""Telling `{{date}}` of a template from `{{answer}}` of a cloze."""

from __future__ import annotations

import re

_TEMPLATE = re.compile(
    r"""\s*(?:
      [\#/^&!%]\S.*|>\s.*                                  # {{#if x}}, {{/if}}, {{> part}}
    | (?:date|time|now|today|yesterday|tomorrow|title|name|author|authors|url|link|content|tags?
        |value|macro|selector|selectorhtml|meta|schema|published|modified|created|description
        |domain|site|image|cursor|clipboard|highlights|citekey|abstract|folder|filename|path
        |uuid|week|month|year|day)
      (?:(?::(?!:)|\|).*)?
    | (?:VALUE|NAME|TITLE|LINKCURRENT)                     # QuickAdd
    | (?:VALUE|VDATE|DATE|FIELD|MACRO|TEMPLATE|FILE):.+
    | (?:query|embed|video|youtube|twitter|tweet|renderer|namespace)\s+(?:[(\[:]|https?:).*
    | [a-z]\w*:(?!:)[YMDdHhmsSaAWwEgGQoZX\W]+                   # {{d:YYYY-MM-DD}}
    | (?:tp|frontmatter|file|page|this|note|item|book|loop|site|user|env|secrets|github|inputs|matrix
        |annotation|highlight|chapter|review)\.\w.*
    | (?=[^|(]*[a-z][A-Z])[a-z]\w*(?:\.[a-z]\w*)+(?:\(.*\))?(?:\s*\|.*)?   # {{metaData.title}}
    | [a-z]+(?:_[a-z0-9]+)+(?:\s*\|.*)?                    # {{book_title}}, {{x_y | upper}}
    )\s*""",
    re.VERBOSE,
)


def is_template(inside: str) -> bool:
    """Whether what stands between `{{` and `}}` is a name to be filled in, no answer."""
    return len(inside) <= 200 and _TEMPLATE.fullmatch(inside) is not None


_NO_ANSWER = re.compile(
    r"""\s*(?:
      !?\[\[[^\[\]\n]*\]\](?:\s*:.*)?                      # {{[[a note]]}}, {{[[embed]]: …}}
    | !?\[[^\[\]\n]*\]\([^()\n]*\)                          # {{[a link](…)}}
    | [^{}:\n]{1,80}::\s.*                                  # {{Key:: value}}
    | (?:embed|renderer|toc|TODO|DONE|word-count)
    )\s*""",
    re.VERBOSE,
)


def is_no_answer(inside: str) -> bool:
    """Whether what stands between `{{` and `}}` is a link, a field or an embed, no answer."""
    return len(inside) <= 500 and _NO_ANSWER.fullmatch(inside) is not None
