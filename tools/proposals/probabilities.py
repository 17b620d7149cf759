"""Whether a language model ranks the gaps of a sentence better than the rules alone.

    python tools/proposals/probabilities.py score URL FIGURES FILE …
    python tools/proposals/probabilities.py table FIGURES …

Options of `score`: `--language en`; `--gaps 4`, so many of each passage; `--bare`, only the first
figure; `--weights FILE`, of the rules, if those of the product were learned from these passages.

`score` takes the first gaps of each passage by the rules, and asks a server of llama.cpp for the
log-probability of the hidden words: behind the sentence with its gap alone (`bare`), and behind
the paragraph and that sentence (`given`). A grammar makes the server write the hidden words, and
it tells the probability of each token before the grammar chose. FIGURES gets a line for each passage;
passages that have one are left out, so a run that was stopped goes on.

`table` ranks the gaps anew, by the rules' score and so much of a figure, and prints how often the
first gap, and one of three, is one that readers chose.
"""

import argparse
import json
import time
from pathlib import Path
from urllib.request import Request, urlopen

from measure import HALF, told
from reading import highlight_of, passages_in, same_words

from ankiforge.draft.propose.excerpts import excerpts_of
from ankiforge.draft.propose.ranking import Sentence, is_same, score, weights
from ankiforge.draft.propose.worth import worth_of
from ankiforge.language.lexicon import language
from ankiforge.language.recognition import language_of

MOST_CONTEXT = 900
_SECONDS = 300
_SCALES = (0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5)


def gaps_of(record, table, most):
    """Return the sentence of a passage and its first gaps: (rules' score, span)."""
    highlight = highlight_of(record)
    name = language_of(highlight.exact, highlight.nearby)
    passages = sorted(
        excerpts_of(highlight, name),
        key=lambda passage: -worth_of(highlight, passage.text).score,
    )
    for passage in passages:
        if passage.chosen:
            continue
        sentence = Sentence(passage.text, language(name), passage.mark)
        scored = [
            (score(features, table), span) for span, features in sentence.candidates()
        ]
        scored.sort(reverse=True)
        chosen = []
        for value, span in scored:
            if not any(is_same(span, other) for _, other in chosen):
                chosen.append((value, span))
        if chosen:
            return passage.text, chosen[:most]
    return "", []


def log_probabilities(url, prompt, words):
    """Return the log-probability of each token of words behind a prompt."""
    body = {
        "prompt": prompt,
        "grammar": f"root ::= {json.dumps(words, ensure_ascii=False)}",
        "n_predict": 60,
        "n_probs": 1,
        "temperature": 0,
        "cache_prompt": True,
    }
    request = Request(
        f"{url}/completion",
        json.dumps(body).encode(),
        {"content-type": "application/json"},
    )
    with urlopen(request, timeout=_SECONDS) as answer:
        reply = json.load(answer)
    found = []
    for token in reply["completion_probabilities"]:
        if token["token"]:  # the last one is the end
            found.append(round(token["logprob"], 3))
    return found


def figures_of(record, options, table):
    """Return the figures of the first gaps of a passage."""
    url = options.url.removesuffix("/v1")
    text, gaps = gaps_of(record, table, options.gaps)
    heading = f"{record['work']}. {record.get('heading', '')}".strip(" .")
    paragraph = " ".join(record.get("paragraph", "").split())[:MOST_CONTEXT] or text
    rows = []
    for value, (start, end) in gaps:
        hidden = f"{text[:start]}____{text[end:]}"
        ask = f'{heading}\nSentence: "{hidden}"\nThe words that are missing in the sentence: "'
        words = text[start:end]
        row = {"words": words, "rules": round(value, 3)}
        row["bare"] = log_probabilities(url, ask, words)
        if not options.bare:
            row["given"] = log_probabilities(url, f"Text: {paragraph}\n\n{ask}", words)
        row["right"] = max(
            same_words(words, answer, record["language"]) for answer in record["answers"]
        )
        rows.append(row)
    return rows


def weights_in(path):
    """Return the weights of the rules in a file like `gap_weights.txt`; of the product if None."""
    if path is None:
        return weights()
    pairs = [
        line.split() for line in path.read_text("utf-8").splitlines() if line[:1] != "#"
    ]
    return {name: float(weight) for name, weight in pairs}


def score_all(options):
    """Score the passages of some files, and add their figures to a file."""
    table = weights_in(options.weights)
    done = set()
    if options.figures.exists():
        lines = options.figures.read_text("utf-8").splitlines()
        done = {json.loads(line)["id"] for line in lines}
    for record in passages_in(options.files):
        is_wanted = record["language"] == options.language and record["answers"]
        if not is_wanted or record["id"] in done:
            continue
        begun = time.monotonic()
        rows = figures_of(record, options, table)
        row = {"id": record["id"], "language": record["language"], "gaps": rows}
        row["seconds"] = round(time.monotonic() - begun, 1)
        with options.figures.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


# --- the table --------------------------------------------------------------------------


def mean(values):
    return sum(values) / len(values) if values else 0.0


FIGURES = {
    "bare, sum": lambda gap: sum(gap["bare"]),
    "bare, mean": lambda gap: mean(gap["bare"]),
    "given, sum": lambda gap: sum(gap["given"]),
    "given, mean": lambda gap: mean(gap["given"]),
    "given - bare, sum": lambda gap: sum(gap["given"]) - sum(gap["bare"]),
    "given - bare, mean": lambda gap: mean(gap["given"]) - mean(gap["bare"]),
}


def ranked(rows, figure, scale):
    """Return whether the first gap, and one of three, is right, for each passage."""
    first = []
    three = []
    for row in rows:
        gaps = sorted(row["gaps"], key=lambda gap: -(gap["rules"] + scale * figure(gap)))
        likeness = [gap["right"] for gap in gaps] or [0]
        first.append(likeness[0] >= HALF)
        three.append(max(likeness[:3]) >= HALF)
    return first, three


def table(paths):
    """Print how the gaps are ranked by each figure."""
    rows = []
    for path in paths:
        rows += [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()]
    first, three = ranked(rows, lambda gap: 0.0, 0.0)
    count = len(rows)
    seconds = mean([row["seconds"] for row in rows])
    print(f"{count} passages, {seconds:.1f} s each")
    is_whole = all("given" in gap for row in rows for gap in row["gaps"])
    print(
        f"{'rules alone':26} {told('first', sum(first), count)}  {told('three', sum(three), count)}"
    )
    for name, figure in FIGURES.items():
        if "given" in name and not is_whole:
            continue
        for sign in (1, -1):
            for scale in _SCALES:
                found, found_three = ranked(rows, figure, sign * scale)
                better = sum(
                    new and not old for new, old in zip(found, first, strict=True)
                )
                worse = sum(
                    old and not new for new, old in zip(found, first, strict=True)
                )
                shares = f"{told('first', sum(found), count)}  {told('three', sum(found_three), count)}"
                print(
                    f"{name:18} {sign * scale:+6.2f}  {shares}  better {better}, worse {worse}"
                )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    scoring = kinds.add_parser("score")
    scoring.add_argument("url")
    scoring.add_argument("figures", type=Path)
    scoring.add_argument("files", nargs="+")
    scoring.add_argument("--language", default="en")
    scoring.add_argument("--gaps", type=int, default=4)
    scoring.add_argument("--bare", action="store_true")
    scoring.add_argument("--weights", type=Path)
    kinds.add_parser("table").add_argument("figures", nargs="+")
    options = parser.parse_args()
    if options.kind == "table":
        table(options.figures)
    else:
        score_all(options)


if __name__ == "__main__":
    main()
