"""Derive the word tables of the proposals from open data.

    python tools/proposals/make_words.py en FILE.conllu …

writes `ankiforge/language/data/words-en.txt`: the most frequent words of a language by
their word class and by how frequent they are, and the endings that tell the class of other
words. Frequencies are from wordfreq (`pip install wordfreq`; data CC BY-SA 4.0), word classes
from treebanks of Universal Dependencies (CC BY-SA; `data/README.md` says which), and for
Russian from pymorphy3 besides (dictionary of OpenCorpora, CC BY-SA 3.0). A word that no
treebank has, and that would be a noun by its ending, is a verb if a lexicon knows it as a form
of one: lemminflect in English, simplemma in Spanish, French, Italian and Portuguese. None of
them is needed to run ankiforge.

    python tools/proposals/make_words.py zh FILE.conllu …

writes `words-zh.txt`, by which Chinese is cut into words, with the classes of jieba's dictionary
(MIT) where the treebank does not have a word.
"""

import math
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

from wordfreq import top_n_list, zipf_frequency

DATA = Path(__file__).parents[2] / "ankiforge" / "language" / "data"
MOST_BYTES = 84_000
CLASSES = {
    "NOUN": "n",
    "PROPN": "n",
    "VERB": "v",
    "AUX": "v",
    "ADJ": "a",
    "ADV": "r",
}
PYMORPHY = {
    "NOUN": "n",
    "VERB": "v",
    "INFN": "v",
    "GRND": "v",
    "ADJF": "a",
    "ADJS": "a",
    "COMP": "a",
    "PRTF": "a",
    "PRTS": "a",
    "ADVB": "r",
}
# A word that is of two classes.
BOTH = {"nv": "b", "an": "c", "av": "d"}
# The share of its uses from which a word is of one class.
CLEAR = 0.8


def read(paths):
    """Return how often each word is of each class."""
    counts = defaultdict(Counter)
    for path in paths:
        for line in Path(path).read_text("utf-8").splitlines():
            columns = line.split("\t")
            if len(columns) < 4 or not columns[0].isdecimal():
                continue
            word = columns[1].casefold()
            if columns[3] in CLASSES and re.fullmatch(
                r"[^\W\d_]+(?:[-'’][^\W\d_]+)*", word
            ):
                counts[word][CLASSES[columns[3]]] += 1
    return counts


def class_of(counts):
    """Return the class of a word by its counts, or the sign of two classes."""
    ordered = counts.most_common()
    total = sum(counts.values())
    if ordered[0][1] >= CLEAR * total or len(ordered) == 1:
        return ordered[0][0]
    pair = "".join(sorted(ordered[0][0] + ordered[1][0]))
    return BOTH.get(pair, ordered[0][0])


def endings(counts):
    """Return the class of words by their ending, where it says more than a shorter one."""
    found = {"": "n"}
    for length in range(1, 6):
        by_ending = defaultdict(Counter)
        for word, classes in counts.items():
            if len(word) > length + 1:
                by_ending[word[-length:]][class_of(classes)] += 1
        for ending, classes in sorted(by_ending.items()):
            name, count = classes.most_common(1)[0]
            total = sum(classes.values())
            participles = classes["a"] + classes["v"] + classes["d"]
            if count < 0.75 * total and participles >= 0.8 * total:
                name = "d"
                count = participles
            shorter = next(
                found[ending[start:]]
                for start in range(1, length + 1)
                if ending[start:] in found
            )
            if total >= 8 and count >= 0.7 * total and name != shorter:
                found[ending] = name
    return found


def russian(words, counts):
    import pymorphy3

    analyzer = pymorphy3.MorphAnalyzer()
    for word in words:
        if word in counts:
            continue
        for parse in analyzer.parse(word):
            name = PYMORPHY.get(str(parse.tag.POS))
            if name:
                counts[word][name] += parse.score


INFINITIVES = {
    "es": ("ar", "er", "ir", "ír"),
    "fr": ("er", "ir", "re", "oir"),
    "it": ("are", "ere", "ire", "rre"),
    "pt": ("ar", "er", "ir", "or"),
}


def verbs(language, words):
    """Return of words that are forms of verbs their class: `v`, or `b` if they are nouns, too."""
    found = {}
    if language == "en":
        from lemminflect import getAllLemmas

        for word in words:
            classes = getAllLemmas(word)
            if "VERB" in classes:
                found[word] = "b" if "NOUN" in classes else "v"
    elif language in INFINITIVES:
        from simplemma import lemmatize

        for word in words:
            lemma = lemmatize(word, lang=language)
            if lemma != word and lemma.endswith(INFINITIVES[language]):
                found[word] = "v"
    return found


# Of jieba's dictionary, by the beginning of a tag; the longest that fits counts.
JIEBA = {
    "n": "n",
    "nr": "N",
    "ns": "N",
    "nt": "N",
    "j": "n",
    "s": "n",
    "t": "n",
    "an": "n",
    "vn": "b",
    "v": "v",
    "a": "a",
    "b": "a",
    "z": "a",
    "i": "a",
    "l": "n",
    "d": "r",
    "zg": "n",
    "g": "n",
}
CHINESE_WORDS = 60_000
# Universal classes of words without a meaning of their own.
SMALL = ("ADP", "AUX", "CCONJ", "DET", "NUM", "PART", "PRON", "SCONJ")


def chinese(paths):
    """Write the table of Chinese: words by class and frequency, and traditional characters."""
    import jieba
    from wordfreq import get_frequency_dict
    from wordfreq.chinese import SIMPLIFIED_MAP

    jieba.initialize()
    tags = {}
    for line in (
        Path(jieba.__file__).with_name("dict.txt").read_text("utf-8").splitlines()
    ):
        word, _, tag = line.split()
        tags[word] = tag
    counts = defaultdict(Counter)
    for path in paths:
        for line in Path(path).read_text("utf-8").splitlines():
            columns = line.split("\t")
            if len(columns) < 4 or not columns[0].isdecimal():
                continue
            name = "s" if columns[3] in SMALL else CLASSES.get(columns[3], "")
            if name:
                counts[columns[1]][name] += 1
    frequencies = get_frequency_dict("zh", wordlist="large")
    words = [
        word
        for word in sorted(frequencies, key=lambda word: (-frequencies[word], word))
        if word in tags and re.fullmatch(r"[\u3400-\u9fff]+", word)
    ]
    rows = defaultdict(list)
    for word in words[:CHINESE_WORDS]:
        tag = tags[word]
        name = next((JIEBA[tag[:n]] for n in (2, 1) if tag[:n] in JIEBA), "s")
        if sum(counts[word].values()) > 2:
            read = class_of(counts[word])
            if not (name == "N" and read == "n"):
                name = read
        rows[name, round(5 * math.log10(frequencies[word] * 1e9))].append(word)
    lines = [
        "# The words of Chinese by class and frequency: derived by",
        "# tools/proposals/make_words.py; see README.md for its sources and licences.",
        "",
        "[endings]",
        "",
        "[words]",
    ]
    for (name, level), these in sorted(
        rows.items(), key=lambda row: (row[0][0], -row[0][1])
    ):
        lines.append(f"{name}{level / 5:.1f}: {' '.join(sorted(these))}")
    known = set("".join(words[:CHINESE_WORDS]))
    simplified = defaultdict(list)
    for code, other in sorted(SIMPLIFIED_MAP.items()):
        if other in known and chr(code) not in known:
            simplified[other].append(chr(code))
    lines += ["", "[traditional]"]
    lines += [f"{one}: {' '.join(others)}" for one, others in sorted(simplified.items())]
    path = DATA / "words-zh.txt"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    print("zh", CHINESE_WORDS, "words,", path.stat().st_size, "bytes")


def main(language, paths):
    if language == "zh":
        chinese(paths)
        return
    small = set((DATA / "small_words.txt").read_text("utf-8").casefold().split())
    words = [
        word
        for word in top_n_list(language, 20_000)
        if re.fullmatch(r"[^\W\d_]{2,}", word)
    ]
    words = [word for word in words if word not in small]
    counts = read(paths)
    if language == "ru":
        russian(words, counts)
    by_ending = endings(counts)
    verb_forms = verbs(language, [word for word in words if word not in counts])
    lines = [
        f"# The word classes and frequencies of {language}: derived by",
        "# tools/proposals/make_words.py; see README.md for its sources and licences.",
        "",
        "[endings]",
    ]
    for name in "nvarbcd":
        these = sorted(
            ending for ending, other in by_ending.items() if other == name and ending
        )
        if these:
            lines.append(f"{name}: {' '.join(these)}")
    lines.append("")
    lines.append("[words]")
    size = len("\n".join(lines).encode())
    rows = defaultdict(list)
    kept = 0
    for word in words:
        if word in counts:
            name = class_of(counts[word])
        else:
            name = next(
                by_ending[word[n:]]
                for n in range(1, len(word) + 1)
                if word[n:] in by_ending
            )
            if name == "n":
                name = verb_forms.get(word, name)
        level = round(5 * zipf_frequency(word, language))
        size += len(word.encode()) + 1
        if size > MOST_BYTES and name not in "vb":
            continue  # of rarer words only verbs, which no term may hold
        rows[name, level].append(word)
        kept += 1
    for (name, level), these in sorted(
        rows.items(), key=lambda row: (row[0][0], -row[0][1])
    ):
        lines.append(f"{name}{level / 5:.1f}: {' '.join(sorted(these))}")
    path = DATA / f"words-{language}.txt"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    known = sum(word in counts for word in words[:kept])
    print(
        language,
        kept,
        "words,",
        known,
        "of them in the treebanks,",
        len(by_ending),
        "endings,",
        path.stat().st_size,
        "bytes",
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
