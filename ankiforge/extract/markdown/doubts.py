"""What in a note looks like the tag `#no-llm`, and is none.

All of the note is private until a person says that it is not meant so.
"""

from __future__ import annotations

from collections.abc import Iterator

from ankiforge.text import regex
from ankiforge.text.private import (
    TAG,
    has_tag,
    names_tag,
    spelling_like_name,
    spelling_like_tag,
)

FRONT_MATTER = regex(
    r"(?ms)\A\s*(?:---|\+\+\+)[ \t]*\n(?P<fields>.*?)(?:^(?:---|\+\+\+|\.\.\.)[ \t]*$|\Z)"
)
"""Front matter in YAML or TOML: up to the line that closes it, else to the end of the note."""
LINE_OF_TAGS = regex(r"(?im)^[ \t>*_+#-]*(?:file)?tags?[ \t*_]{0,9}(?:::?|=)[^\n]*")
"""Tags as Logseq and other programs write them in the text: `tags:: diary, no-llm`."""
SENTENCE = 4
"""Words of the shortest text outside of the blocks that is more than a name or a remark."""
# A field of Dataview within a line.
_FIELD_OF_TAGS = regex(r"(?i)[\[(][ \t]{0,9}tags?[ \t]{0,9}::[^\])\n]{0,400}[\])]")
# A heading that Markdown does not know as one: what is under it is not known either.
_HEAD_IN_HTML = regex(
    r"(?is)<(?P<name>h[1-6]|summary|caption|legend|title)\b[^<>]{0,400}>"
    r"(?P<words>(?:(?!</(?P=name)).){0,1000})"
)
_JSON = regex(
    r"(?s)\A\s{0,99}(?:;;;[ \t]{0,9}\n)?(?P<fields>\{.{0,8000}?\n\}|\{[^\n]{0,8000}\})"
)


def tags_name_it(text: str) -> bool:
    """Return whether a note names the tag in its front matter, or in a line of tags."""
    front_matter = FRONT_MATTER.match(text)
    if front_matter and names_tag(front_matter["fields"]):
        return True
    return any(names_tag(line[0]) for line in LINE_OF_TAGS.finditer(text))


def texts_in_front_matter(text: str) -> Iterator[str]:
    """Yield the sentences in the front matter of a note; a name or a type is none."""
    front_matter = FRONT_MATTER.match(text)
    for line in front_matter["fields"].split("\n") if front_matter else ():
        key, colon, value = line.partition(":")
        words = value if colon and " " not in key.strip() else line
        if len(words.split()) >= SENTENCE:
            yield words.strip("-|> \t\"'")


def doubt_in(text: str) -> str:
    """Return a spelling like the tag, or a tag that may be about more than its block, or ""."""
    if tags_name_it(text):
        return ""
    tags = [line[0] for line in LINE_OF_TAGS.finditer(text)]
    front_matter = FRONT_MATTER.match(text)
    if front_matter:
        lines = front_matter["fields"].split("\n")
        tags += [line for line in lines if line.lstrip().startswith("-")]
    for line in tags:
        spelling = spelling_like_name(line)
        if spelling:
            return spelling
    for field in _FIELD_OF_TAGS.finditer(text):
        if names_tag(field[0]) or spelling_like_name(field[0]):
            return field[0]
    json = _JSON.match(text)
    if json and (names_tag(json["fields"]) or spelling_like_name(json["fields"])):
        return f"{TAG} in JSON at the start"
    if has_tag(text) and "<" in text:
        for head in _HEAD_IN_HTML.finditer(text):
            if has_tag(head["words"]):
                return f"<{head['name'].lower()}> #{TAG}"
    return spelling_like_tag(text)
