"""Complete a question that a small model wrote, and say why it cannot be used on a card."""

from __future__ import annotations

from ankiforge.language.recognition import language_of
from ankiforge.language.tables import listed
from ankiforge.language.words import QUESTION_WORDS, beginning, beginnings, tokens
from ankiforge.text import regex

_ENDS = ("?", "？")
_LEAST_WORDS = 3
# Words for the passage itself, which the card does not show.
_PASSAGE = regex(
    r"(?i)\b(?:passages?|excerpt|paragraph|sentence|(?:given |the )text|the author|narrator"
    r"|(?:im|der|des|dem|laut) (?:text|textes|abschnitts?|satz(?:es)?|autors?)"
    r"|(?:le|du|ce) texte|l['’]auteur|(?:le|du|ce) passage|la phrase"
    r"|(?:el|del|este) (?:texto|pasaje|autor)|la frase)\b"
)
# Words that point at something which the question does not name.
_THIS = regex(
    r"(?i)\b(?:this|these|those|such an?|diese[rmns]?|cette|cet|ces|est[aeo]s?) \w"
    r"|(?<![-\w])ce \w"
)
_HE = regex(r"(?i)\b(?:he|she|his|him|hers?)\b")
_NAME = regex(r"(?<=\w )[A-ZÀ-ÞА-Я]\w")
_OF_QUESTIONS = QUESTION_WORDS | listed("signs", "light")
_MOST_UNKNOWN = 0.5


def completed(question: str, read: str) -> str:
    """Return a question with the sign that opens it in Spanish, which small models forget."""
    if question.endswith("?") and "¿" not in question and language_of(read) == "es":
        return f"¿{question}"
    return question


def fault_of_question(question: str, read: str) -> str:
    """Return why a question cannot be used on a card; "" if it can.

    It cannot if it is no question, is in another language than the passage, speaks of the passage,
    points back to something that it does not name, or is mostly about something that the model did
    not read.

    Args:
        question: on one line.
        read: what the model read: title, heading and passage.
    """
    if not question.endswith(_ENDS) or len(tokens(question)) < _LEAST_WORDS:
        return "it is no complete question"
    for match in _PASSAGE.finditer(question):
        if match[0].casefold() not in read.casefold():
            return f"it says “{match[0]}”, which the card does not show"
    pointer = _THIS.search(question)
    if pointer:
        return f"it says “{pointer[0].split()[0]}” without naming what that is"
    pronoun = _HE.search(question)
    if pronoun and not _NAME.search(question):
        return f"it says “{pronoun[0]}” without naming who that is"
    language = language_of(read)
    asked_in = language_of(question)
    if language and asked_in and asked_in != language:
        return "it is in another language than the passage"
    # the share of its content words that the model did not read
    passed_over = _OF_QUESTIONS | listed("small_words", "small", language)
    content = [word for word in tokens(question)[1:] if word not in passed_over]
    content = [word for word in content if len(word) > 2]
    known = beginnings(read)
    unknown = [word for word in content if beginning(word) not in known]
    if len(unknown) > _MOST_UNKNOWN * len(content):
        return "it is mostly about things that the passage does not say"
    return ""
