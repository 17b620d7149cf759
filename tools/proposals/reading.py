"""Passages with the words that readers would hide, as highlights; and when words are the same."""

import json
import re
from collections import defaultdict
from pathlib import Path

from ankiforge.language.lexicon import read_word_set
from ankiforge.model import Document, DocumentKey, Highlight, HighlightKey, HighlightKind
from ankiforge.text.located import locate_text
from ankiforge.text.sentences import find_sentence_around

_CRITERIA = ("alone", "true", "one", "atomic", "short", "target", "worth", "formed")


def passages_in(paths):
    """Return the records of files with passages; `blind` is the folder of the blind rating."""
    records = []
    for path in paths:
        if path.startswith("-"):
            continue
        if Path(path).is_dir():
            records += _blind(Path(path))
            continue
        for line in Path(path).read_text("utf-8").splitlines():
            records.append(json.loads(line))
    return records


def _blind(folder):
    """Return the English passages of `benchmarks/blind` with the answers of cards called ready."""

    def rows(name):
        return [
            json.loads(line) for line in (folder / name).read_text("utf-8").splitlines()
        ]

    ready = defaultdict(int)
    for rating in rows("ratings.jsonl"):
        ready[rating["card"]] += all(rating.get(name) == 1 for name in _CRITERIA)
    answers = defaultdict(list)
    for card in rows("cards.jsonl"):
        if ready[card["card"]] < 2:
            continue
        answer = card["fields"].get("Back", "")
        if not answer:
            gap = re.search(r"\{\{c1::(.*?)(?:::|\}\})", card["fields"].get("Text", ""))
            answer = gap[1] if gap else ""
        if answer:
            answers[card["passage"]].append(answer)
    return [
        {**record, "answers": answers[record["id"]]}
        for record in rows("passages.jsonl")
        if record["language"] == "en" and answers[record["id"]]
    ]


def highlight_of(record):
    """Return a passage as the highlight of a source that knows the text around it."""
    exact = " ".join(record["marked"].split())
    paragraph = " ".join(record.get("paragraph", "").split())
    span = locate_text(exact, paragraph)
    sentence = ""
    prefix = suffix = ""
    if span:
        start, end = find_sentence_around(paragraph, *span)
        sentence = paragraph[start:end]
        prefix = paragraph[max(0, span[0] - 80) : span[0]]
        suffix = paragraph[span[1] : span[1] + 80]
    document = Document(DocumentKey("d"), source="s", title=record.get("work", ""))
    return Highlight(
        document=document,
        namespace="pdf:d",
        kind=HighlightKind.HIGHLIGHT,
        exact=exact,
        key=HighlightKey(record.get("id", "")),
        prefix=prefix,
        suffix=suffix,
        sentence="" if sentence == exact else sentence,
        heading=record.get("heading", ""),
        surrounding_text=paragraph if span else "",
        comment=record.get("comment", "") or "",
        colour=record.get("colour", "") or "",
    )


_ARTICLES = frozenset(
    "a an the der die das den dem des ein eine einen einem einer le la les l un une el los las "
    "una il lo i gli uno o os as um uma about etwa".split()
)


def _words(text):
    return re.findall(r"[^\W_]+|%|°", text.casefold().replace("’", "'"))


def _trimmed(words):
    words = list(words)
    while len(words) > 1 and words[0] in _ARTICLES:
        words.pop(0)
    return words


def same_words(ours, theirs, language):
    """Return 1 if two phrases are equal after trimming, else the F1 of their words, below 1."""
    left = _trimmed(_words(ours))
    right = _trimmed(_words(theirs))
    if left == right:
        return 1.0
    small = read_word_set("small_words", "small", language)
    left = {word for word in left if word not in small} or set(left)
    right = {word for word in right if word not in small} or set(right)
    shared = len(left & right)
    if not shared:
        return 0.0
    return min(2 * shared / (len(left) + len(right)), 0.99)


_NAMESPACES = {
    "note": "vault:v",
    "pdf": "pdf:d",
    "kindle": "kindle:k",
    "readwise": "readwise:r",
}


def marked_highlight(record):
    """Return a highlight of a real source as its reader would."""
    exact = " ".join(record["text"].split())
    sentence = " ".join((record.get("sentence") or "").split())
    document = Document(DocumentKey("d"), source="s", title=record.get("title", "") or "")
    return Highlight(
        document=document,
        namespace=_NAMESPACES.get(record["kind"], "other:o"),
        kind=HighlightKind.HIGHLIGHT,
        exact=exact,
        key=HighlightKey(record["id"]),
        sentence="" if sentence == exact else sentence,
        heading=record.get("heading", "") or "",
        comment=record.get("comment", "") or "",
    )


def highlight_of_sentence(record):
    """Return the passage of a labelled sentence as its reader would."""
    document = Document(DocumentKey("d"), source="s", title=record.get("title", "") or "")
    return Highlight(
        document=document,
        namespace=_NAMESPACES.get(record["kind"], "other:o"),
        kind=HighlightKind.HIGHLIGHT,
        exact=" ".join(record["passage"].split()),
        key=HighlightKey("k"),
    )
