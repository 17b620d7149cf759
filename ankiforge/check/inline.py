"""Whether a line `front::back` is surely a card, or may be metadata, prose or code.

This is the one place that decides it. In doubt a card waits: looking at it takes a second. What a
dialect named in the settings reads is a card unless it is code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

from ankiforge.check.context import Context
from ankiforge.check.lexical.words import listed
from ankiforge.check.lines import Line, line_of
from ankiforge.check.rule import Rule
from ankiforge.model import Draft, Finding, Form, Highlight, Severity

INLINE_FIELD = Rule("inline_field", Severity.WARN, "`::` may part no card:")
RULES = (INLINE_FIELD,)

_SEVERAL = "there are several"
_METADATA = "it may be metadata"
_VALUE = "its value is {}, it may be metadata"
_RECURS = "the same name stands in {} places, it may be metadata"
_CODE = "it may belong to code"
_PROSE = "it may stand within a sentence"
_BRACKETS = "it stands within brackets"


def written_on_a_line(draft: Draft, context: Context) -> Iterator[Finding]:
    """`front::back` is a card only where it is hardly anything else."""
    highlight = context.highlight
    if highlight.form not in (Form.INLINE, Form.INLINE_FIELD):
        return
    if why := _doubt(highlight, context):
        yield INLINE_FIELD.found(why)


def _doubt(highlight: Highlight, context: Context) -> str:
    line = line_of(highlight)
    doubtful = highlight.form is Form.INLINE_FIELD
    if line is None:
        return _METADATA if doubtful else ""
    if doubtful and highlight.exact.count("::") > 1:
        return _SEVERAL
    if _is_code(line):
        return _CODE
    if highlight.declared:
        return _METADATA if doubtful else ""
    if why := _not_a_card(line, _said_to_hold_cards(highlight), highlight):
        return why
    times = context.names.recurs(highlight, line, asks=_asks(line.front))
    if times:
        return _RECURS.format(times)
    return _METADATA if doubtful else ""


def _not_a_card(line: Line, cards: bool, highlight: Highlight) -> str:
    """Why a line may be no card by what it says itself; `cards`: its note is one of flashcards."""
    if _unbalanced(line.front):
        return _BRACKETS
    asks = _asks(line.front)
    if _is_prose(line, asks):
        return _PROSE
    if line.three or asks:
        return ""
    if (kind := _kind_of_value(line, highlight)) and _is_value_of_field(line, kind, cards):
        return _VALUE.format(kind)
    return _METADATA if _is_field(line, cards) else ""


# --- questions ------------------------------------------------------------------------------

_QUESTION_MARK = re.compile(r"[?？؟]\W*(?:\([^()]*\)\W*)?$")
_ASKING_WORDS = """
what what's which who who's whom whose when where why how name list define describe explain give
state identify compare calculate translate
was wer wen wem wessen wann wo woher wohin warum wieso weshalb wozu wofür womit wodurch woraus woran
worin worauf worüber wovon wie wieviel wieviele welche welcher welches welchen welchem inwiefern
nenne nennen erkläre erklären beschreibe beschreiben erläutere erläutern definiere definieren
skizziere skizzieren vergleiche vergleichen begründe begründen übersetze zeichne berechne
qu'est qu'est-ce quel quelle quels quelles qui quand où pourquoi comment combien quoi nommez citez
définissez expliquez décrivez
cosa cos'è cos chi quando dove perché come quanto quanta quanti quante quale quali qual qual'è
definisci descrivi spiega elenca nomina
qué quién quiénes cuál cuáles cuándo dónde cómo cuánto cuánta cuántos cuántas define explica nombra
quem qual quais onde quanto quantos quantas defina explique cite
kto kogo jaki jaka jakie która które który kiedy gdzie dlaczego jak ile czym wymień opisz podaj
wat wie waar wanneer waarom hoe hoeveel welk welke noem
что кто какой какая какое какие когда где почему зачем как сколько чем назовите опишите
vad vem vilken vilket vilka när var varför hur hvad hvem hvilken hvornår hvorfor hvordan hva hvor
"""
_ASKING = frozenset(listed(_ASKING_WORDS))
_ASKING_WITHIN = re.compile(
    r"\b(?:what|how (?:many|much)|why|cosa|cos'è|chi|quale|quali|quanti|quante|welche[mnrs]?|wie ?viele?"
    r"|warum|weshalb|wofür|wozu|quel(?:le)?s?|combien|pourquoi|qué|cuál(?:es)?|cuánt[oa]s?|quais"
    r"|quant[oa]s|jaki[em]?|jaka|ile|dlaczego|как(?:ой|ая|ое|ие)|сколько|почему)\b",
    re.IGNORECASE,
)
_ASKING_IN_CJK = re.compile(
    "什么|甚麼|什麼|哪|谁|誰|为何|为什么|為什麼|如何|怎|多少|几个|吗|何|なぜ|どう|どこ|いつ|무엇|왜|어떻게"
)
_BEFORE_WORDS = re.compile(r"^[\s¿¡\"“”„«‘'(*_#>–-]*(?:\(?\d{1,3}[.)]\s*)?[¿\"“„«‘'(*_]*")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


def _asks(front: str) -> bool:
    """Whether a front is a question, or tells to name or explain something."""
    if any(one.search(front) for one in (_QUESTION_MARK, _ASKING_IN_CJK)):
        return True
    if _ASKING_WITHIN.search(front) and len(front.split()) > 2:
        return True
    first = _WORD.match(front, _BEFORE_WORDS.match(front).end())  # type: ignore[union-attr]
    if first is None or len(front.split()) == 1:
        return False
    word = first[0].casefold().replace("’", "'")
    return word in _ASKING or word.partition("'")[0] in _ASKING


# --- code -----------------------------------------------------------------------------------

_NAMESPACES = frozenset(
    listed(
        "std boost absl tbb folly tokio serde crate chrono cv glm fmt alloc core parent self super"
    )
)
_TYPE = (
    r"(?:[A-Z][\w.']*|[a-z]\b|\(\)|\[+[\w\s.']+\]+|\([^()]{1,60}\))"
    r"(?:\s+(?:[A-Z][\w.']*|[a-z]\b|\[+[\w\s]+\]+|\([^()]{1,60}\)))*"
)
_SIGNATURE = re.compile(rf"^(?:∀|forall\b)|^{_TYPE}\s*(?:->|→|=>|⇒)\s*(?:{_TYPE}|…)")
_ARROW = re.compile("->|→|=>|⇒")
_PLAIN_TYPE = re.compile(
    r"^\[*(?:(?:Maybe|IO|Either|Ratio|Set|Map)\s+)*"
    r"(?:Int|Integer|Bool|String|Char|Float|Rational|ByteString|Num)\b[\s\w\[\]]{0,20}$"
    r"|^IO\s*\(\)$"
)
_NAMED = re.compile(r"^(?:\([^\w\s]{1,5}\)|[a-z_][\w']*)$", re.ASCII)
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*(?:<[^<>]*>)?$", re.ASCII)
_BEGINS_NAME = re.compile(r"~?[A-Za-z_]\w*", re.ASCII)
_CAMEL = re.compile(r"[A-Za-z]*[a-z][A-Z]\w*$", re.ASCII)
_CALLED = re.compile(r"\w\w\(")
_QUERY = re.compile(r"(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|WHERE|ALTER TABLE|CREATE TABLE)\s")
_USES = frozenset(
    listed("""use uses used using call calls called calling import imports extend extends inherit inherits
    include includes implement implements subclass subclasses via require requires""")
)
"""Words after which a sentence of a programmer names a module or class."""
_HEX = re.compile(r"[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4})*$")
_HEX_AFTER = re.compile(r"[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{0,4})*(?:[/%]\w+)?(?![\w])|/\d")
_OF_PROGRAMS = re.compile(
    r"\b(?:method|class|constructor|function|operator|namespace|template|lambda|enum|struct|syntax"
    r"|methods|classes|functions|static|import|plugin|package|method reference"
    r"|método|métodos|classe|classes|clase|construtor|constructor|função|función|operador|sintaxe"
    r"|sintaxis|metodo|metodi|funzione|operatore|costruttore|sintassi|méthode|fonction|opérateur"
    r"|constructeur|methode|klasse|funktion|konstruktor|metoda|klasa|funkcja|метод|класс|функция"
    r"|оператор)\b",
    re.IGNORECASE,
)


def _is_code(line: Line) -> bool:
    """Whether the colons join names, declare a type, or are part of an address."""
    front, back = line.front, line.back
    if _QUESTION_MARK.search(front) or not front or not back:
        return False
    left, right = front.split()[-1], back.split()[0]
    if line.three:
        return False
    if back[0] == "=" and line.tight:
        return True  # `::=` of a grammar
    if not line.tight:
        return _declares(line, left, right)
    if back.rstrip().endswith("?") or left[-1] in "]<>&" or left.endswith("()"):
        return True
    if (_joins_hex(left, right) and not _SUM.search(front)) or _QUERY.match(front):
        return True
    if left[-1] == "$" and front.count("$") % 2:  # `$::x`; not the end of a formula
        return True
    if not _IDENTIFIER.search(left) or not _BEGINS_NAME.match(right):
        return right.startswith(("<", "~", "*", "__", "{"))
    return _joins_names(line, left.lstrip("(\"'“`"), right)


def _declares(line: Line, left: str, right: str) -> bool:
    """`f :: Int -> Int`, `std :: vector`, `include ::sudo`."""
    front, back = line.front, line.back
    if left in _NAMESPACES and _BEGINS_NAME.match(right):
        return True
    if (
        line.blank_before
        and not line.blank_after
        and (_BEGINS_NAME.match(right) or right[0].isdigit())
    ):
        return True
    if signature := _SIGNATURE.match(back):
        arrows = len(_ARROW.findall(back))
        if arrows > 1 or signature.end() == len(back) or _NAMED.match(front):
            return True
    if _NAMED.match(front) and _PLAIN_TYPE.match(back):
        return True
    if re.fullmatch(r"[a-z]\w?", left, re.ASCII) and _PLAIN_TYPE.match(right):
        return True
    alone = len(front.split()) == 1 and _IDENTIFIER.fullmatch(front) is not None
    return alone and re.match(r"[A-Za-z_]\w*\(|[a-z]+[A-Z]\w*$", right, re.ASCII) is not None


def _joins_hex(left: str, right: str) -> bool:
    """`fe80::1`, `2001:db8::/32`."""
    return (
        _HEX.fullmatch(left) is not None
        and _HEX_AFTER.match(right) is not None
        and any(map(str.isdigit, left + right))
        and not (left.isdigit() and not right[0].isdigit())
    )


def _joins_names(line: Line, left: str, right: str) -> bool:
    """`Foo::bar()`, `MyClass::new` in a sentence; not `Osmosis::movement of water`."""
    if left in _NAMESPACES or "::" in line.back or "_" in right or "__" in left:
        return True
    if re.match(r"\w[\w.]+[(<;{]|\w[<;{]", right) or _CAMEL.fullmatch(right.rstrip(".,;:")):
        return True
    if line.back.rstrip().endswith((";", "{", "});")) or " { " in line.back:
        return True
    lower = right[0].islower()
    several = len(line.front.split()) > 1
    if lower and _CALLED.search(f"{line.front} {line.back}"):
        return True
    if several and lower and _CAMEL.fullmatch(left):
        return True
    if right.strip(".,;") in ("new", "class") and (
        left[0].isupper() or len(line.back.split()) == 1
    ):
        return True
    if (
        several
        and left[0].isupper()
        and right.strip(".,;").isupper()
        and len(line.back.split()) > 1
    ):
        return True
    of_programs = _OF_PROGRAMS.search(line.front) or _OF_PROGRAMS.search(line.back)
    if of_programs and several and (lower or left[0].isupper()):
        return True
    if several and line.front.split()[-2].casefold() in _USES and left[0].isupper():
        return True
    article = line.front.split()[0].casefold() in _ARTICLES
    return article and left[0].isupper() and right[0].isupper() and len(line.back.split()) > 2


# --- prose ----------------------------------------------------------------------------------

_ARTICLES = frozenset(
    listed("""the a an der die das den dem des ein eine einen einem einer le la les un une des el los las
    una il lo gli i o os as um uma de het een""")
)
_LEADS_ON = _ARTICLES | frozenset(
    listed("""of in on at to with from for by as and or but via per using use uses see like called between
    von mit für auf und oder aber aus zu bei als siehe zwischen
    de du avec pour sur et ou mais dans voir entre
    con por para en y u pero ver entre sobre como
    di con per su e ma tra fra da del della vedi uso
    do da dos das com em ou mas
    z ze na i lub ale dla w we od
    van met voor op en of maar""")
)
"""Words after which a sentence goes on."""
_SIGNS = frozenset(
    listed("""operator operators operador operatore opérateur operateur operatör оператор оператором symbol
    symbols símbolo simbolo symbole sign signs segno signo signe zeichen separator separador
    separatore séparateur trennzeichen notation notación notazione syntax sintaxis sintassi sintaxe
    syntaxe token colons colon ratio rapporto razón razão verhältnis""")
)
"""Names of what `::` itself is."""
_GOES_ON = re.compile(
    r"(?:is|are|was|were|means|denotes|refers|stands|returns|calls|binds|has|can|will|should"
    r"|ist|sind|war|wird|werden|bedeutet|bezeichnet|steht|heißt|kann"
    r"|est|sont|était|désigne|signifie|permet|peut"
    r"|es|son|era|significa|permite|puede|se"
    r"|è|sono|indica|permette|può|viene"
    r"|é|são|pode|foi"
    r"|jest|są|oznacza|to jest|była?"
    r"|betekent|wordt|kan|это|означает|является)(?=\s)"
)
_COPULA = re.compile(
    r"\b(?:is|are|was|were|has|have|had|isn't|ist|sind|war|waren|hat|haben|wird|werden|est|sont"
    r"|était|è|sono|era|erano|viene|es|son|fue|é|são|foi|jest|są|był|była|было|были)\b",
    re.IGNORECASE,
)
_RELATIVE = re.compile(
    r"\b(?:that|which|who|whose|where|when|if|che|cui|quale|der|die|das|dessen|deren|wenn|wo|qui|que"
    r"|dont|où|quien|cuyo|donde|quem|cujo|onde|który|która|które|который|которая|которое)\b",
    re.IGNORECASE,
)
_FILLED_IN = re.compile(
    r"\b(?:of|by|in|as|to|from|with|on|at|for|called|named|known|the|an?|von|aus|durch|als|genannt|ein"
    r"|eine|der|die|das|de|du|par|appelée?|un|une|le|la|por|como|llamad[oa]|una|el|da|di|chiamat[oa]"
    r"|il|do|um|uma|chamad[oa]|o|przez|z|w)$",
    re.IGNORECASE,
)
_PREPOSITIONS = frozenset(listed("in of on for with and or en dans para com con e et y und w z"))
_LONG = 14
"""Words from which a front that asks nothing is a sentence."""
_QUOTES = "\"'“”‘’«»`"
_STOPS = re.compile(r"^[,.;:!?)\]}、。，；](?![\w$])[^\w\s]*(?:\s+\S|$)")


def _is_prose(line: Line, asks: bool) -> bool:
    """Whether `::` stands within a sentence, which goes on after it."""
    front, back = line.front, line.back
    if _QUESTION_MARK.search(front) or not front or not back:
        return False
    words = front.split()
    last, first = words[-1].strip("\"'“”‘’„«»()*_`,.").casefold(), back.split()[0]
    if _STOPS.match(back) or (front[-1] in _QUOTES and back[0] in _QUOTES):
        return True
    if _ratio(line, words[-1], first):
        return True
    spaced = line.blank_before
    if asks:
        return False
    bare = last.rpartition("'")[2].rpartition("’")[2]
    if spaced and (_GOES_ON.match(back) or (bare in _SIGNS and len(words) > 1)):
        return True
    if not line.three and (len(words) > _LONG or words[-2:-1] in (["that"], ["which"])):
        return True
    copula = list(_COPULA.finditer(front))
    stated = bool(copula) and not line.three and not _RELATIVE.search(front[: copula[0].start()])
    if stated and copula[0].start() > 0:
        told = front[copula[-1].end() :].strip(" .,…_")
        if bare in _LEADS_ON and first in _PREPOSITIONS:
            return True
        return bool(told) and not _FILLED_IN.search(front.rstrip(" .…_"))
    if spaced and not line.three and len(words) > 1 and bare in _LEADS_ON and not copula:
        return _begins_sentence(words)
    if spaced and words[0].casefold() in _ARTICLES and back[-1] == ".":
        return (
            _COPULA.fullmatch(" ".join(back.split()[1:2])) is not None
        )  # `the ratio a :: b was 2.`
    return _breaks_off_in_cjk(front)


def _begins_sentence(words: list[str]) -> bool:
    """`See the :: operator`; not `Get along with :: …`, which is a word to learn."""
    return words[-1].casefold() in _ARTICLES or len(words) > 4


_NUMBER_ENDS = re.compile(r"(?:^|[\s(])\d[\d.,]*$")
_SUM = re.compile(r"[-+*/×·÷^=√∑!%]|\d\s*x\s*\d")


def _ratio(line: Line, last: str, first: str) -> bool:
    """`a ratio of 3 :: 4`."""
    if not (last[-1:].isdigit() and first[:1].isdigit()) or _SUM.search(line.front):
        return False
    words = line.front.split()
    return _NUMBER_ENDS.search(line.front) is not None and (
        len(words) > 1 or len(line.back.split()) > 1 or line.blank_before
    )


def _breaks_off_in_cjk(front: str) -> bool:
    return re.search("[，；。]", front) is not None


_OPENING, _CLOSING = "([{（［【「『“«„", ")]}）］】」』”»“"
_BRACKET_PAIRS = (
    ("(", ")"),
    ("[", "]"),
    ("{", "}"),
    ("（", "）"),
    ("［", "］"),
    ("【", "】"),
    ("「", "」"),
    ("『", "』"),
)
_SPARED = re.compile(r"`[^`]*`|\$[^$]*\$|[:;]-?[()]|^\(?\w{1,3}\)")


def _unbalanced(front: str) -> bool:
    """Whether a bracket that opens before the colons is still open at them."""
    plain = _SPARED.sub("", front)
    return any(plain.count(opens) > plain.count(closes) for opens, closes in _BRACKET_PAIRS)


# --- fields ---------------------------------------------------------------------------------

_NUMBER = re.compile(
    r"[~≈<>≤≥±]?\s*[-+−]?[\d][\d.,\s]*(?:\s?[%‰°€$£¥]|\s?[^\W\d_]{1,8}\.?)?|[€$£¥]\s?[\d.,]+"
)
_RATING = re.compile(
    r"\d+(?:[.,]\d+)?\s*(?:/|von|of|out of|su|de|sur)\s*\d+|[⭐★☆✅❌✔✖✓✗☑🟩🟥🟨🔥❤️\s]+"
)
_CHECKBOX = re.compile(r"\[[ xX/-]?\]")
_DATE_CORE = r"(?:\d{4}[-./]\d{1,2}(?:[-./]\d{1,2})?|\d{1,2}[-./]\d{1,2}[-./]\d{2,4})"
_DAY = r"[^\W\d_]{2,12}\.?,?"
_DATE = re.compile(
    rf"(?:{_DAY}\s+)?{_DATE_CORE}(?:[T\s]+\d{{1,2}}:\d{{2}}(?::\d{{2}})?\S*)?(?:,?\s+{_DAY})?"
    rf"|(?:{_DAY}\s+)?\d{{1,2}}(?:\.|st|nd|rd|th|º)?\s+(?:de\s+)?[^\W\d_]{{3,12}}\.?,?\s+(?:de\s+)?\d{{4}}"
    r"|[^\W\d_]{3,12}\.?\s+\d{1,2}(?:st|nd|rd|th)?,?\s+\d{4}"
    r"|\d{4}-?W\d{1,2}"
)
_TIME = re.compile(
    r"\d{1,2}[:h]\d{2}(?::\d{2})?(?:\s?[ap]\.?m\.?)?(?:\s*[-–]\s*\d{1,2}[:h]\d{2}(?:\s?[ap]\.?m\.?)?)?"
    r"|\d{1,2}\s?[ap]m|(?:\d+\s?(?:h|hrs?|min|mins|m|s|d)\b\s?){1,3}",
    re.IGNORECASE,
)
_BOOLEAN_WORDS = """true false yes no y n x done todo none null nil n/a na tbd - ja nein oui non sí si sì
sim não tak nie да нет on off open closed"""
_BOOLEANS = frozenset(listed(_BOOLEAN_WORDS))
_URL = re.compile(
    r"(?:https?://|www\.|mailto:)\S+|[\w.+-]+@[\w-]+\.[\w.]+|(?:[\w-]+\.)+[a-z]{2,24}(?:[/?#]\S*)?",
    re.IGNORECASE,
)
_TAGS = re.compile(r"(?:#[^\s#]+[\s,]*)+")
_LINK = re.compile(r"!?\[\[[^\]]*\]\]|!?\[[^\]]*\]\([^)]*\)")
_MEASURES = frozenset(
    listed("""hours hour minutes mins minute duration time date day days weight height steps rating score
    mood energy sleep price cost amount count total progress pages calories kcal temperature stunden
    uhrzeit dauer gewicht datum preis horas minutos fecha peso duración precio data ore minuti durata
    prezzo heures durée poids prix tempo preço""")
)
_NAMES = frozenset(
    listed("""author authors date time due created modified updated started finished completed status state
    type kind tag tags topic topics category categories source sources url link links website project
    area priority rating score mood weight height energy sleep location place publisher isbn page
    pages version owner assignee deadline start end duration parent parents child children up down
    next prev previous related see alias aliases id uuid cssclass cssclasses publish published title
    subtitle language genre series director year edition doi citekey summary description progress
    email phone address birthday hours minutes steps habits context people attendees participants
    location deck template cover banner
    autor autorin datum titel quelle quellen thema themen kategorie projekt bereich priorität
    bewertung stimmung gewicht schlaf verlag seiten ort sprache beschreibung
    autora fecha estado tipo fuente fuentes tema temas categoría proyecto prioridad título editorial
    páginas horas enlace enlaces idioma descripción
    auteur thème thèmes sujet catégorie projet priorité titre éditeur lien liens langue
    autore data stato fonte fonti categoria progetto priorità titolo editore lingua
    fonte projeto prioridade
    źródło temat kategoria tytuł
    автор дата статус тип источник тема категория проект название
    todo fixme note notes nb warning remark notiz hinweis anmerkung remarque osservazione observación""")
)
"""What fields of notes are called."""
_DECLARATION = re.compile(r"(?:TARGET DECK|FILE TAGS)\b", re.IGNORECASE)
_YES_IN_A_LANGUAGE = frozenset(listed("yes no ja nein oui non sí si sì sim não tak nie да нет nee"))
_LONG_NAME = 4
"""Words from which a front with a number behind it asks for that number."""


def _kind_of_value(line: Line, highlight: Highlight) -> str:
    """`a number`, `a date` …: what a field holds and an answer seldom is; "" for words."""
    said = line.back.strip("*_= ").rstrip(".")
    shown = highlight.markdown[1].strip() if len(highlight.markdown) > 1 else ""
    for kind, pattern in (
        ("a link", _URL), ("a time", _TIME), ("a date", _DATE), ("a rating", _RATING),
        ("a checkbox", _CHECKBOX), ("a number", _NUMBER), ("a tag", _TAGS),
    ):  # fmt: skip
        if said and pattern.fullmatch(said):
            return kind
    if said.casefold() in _BOOLEANS:
        return "yes or no"
    if shown and not _LINK.sub("", shown).strip(" ,;·|*_-"):
        return "a link"
    if highlight.links and _is_all_link(said, highlight):
        return "a link"
    return ""


def _is_all_link(said: str, highlight: Highlight) -> bool:
    """Whether the value is nothing but the names of notes that it links to."""
    names = [re.split(r"file=|/", one)[-1] for one in highlight.links]
    known = {_folded(name) for name in names}
    parts = [_folded(part) for part in re.split(r"[,;]", said) if part.strip()]
    return bool(parts) and all(part in known for part in parts)


def _folded(name: str) -> str:
    return unquote(name).partition("#")[0].strip().casefold()


def _is_value_of_field(line: Line, kind: str, cards: bool) -> bool:
    words = [word.strip("*_()").casefold() for word in line.front.split()]
    if _SUM.search(line.front) and kind == "a number":
        return False
    if kind == "yes or no" and words[0] in _YES_IN_A_LANGUAGE and len(words) == 1:
        return False
    if any(word in _MEASURES for word in words):
        return True
    if cards:
        return kind == "a link"
    if line.like_a_field or kind in ("a link", "a rating", "a checkbox", "yes or no", "a tag"):
        return True
    return len(words) < _LONG_NAME


_SHORT_VALUE = 3


def _is_field(line: Line, cards: bool) -> bool:
    """Whether a line of words reads as a field: `Next action:: call Bob`."""
    words = [word.strip("*_()").casefold() for word in line.front.split()]
    if _DECLARATION.match(line.front):
        return True
    capital = line.front[:1].isupper() or line.front[:1] in "*_"
    if len(words) == 1 and words[0] in _NAMES and (capital or not line.blank_before):
        return True
    if cards or line.blank_before:
        return False
    if line.like_a_field and len(words) <= 3 and (words[-1] in _NAMES or words[0] in _NAMES):
        return True
    coded = "`" in line.back or "$" in line.back
    short = len(line.back.split()) <= _SHORT_VALUE
    return line.like_a_field and len(words) <= _LONG_NAME and short and not coded


_HOLDS_CARDS = re.compile(
    r"(?:flash[-_ ]?)?cards?|flashcards?|anki|srs|spaced[-_ ]?repetition|karteikarten|lernkarten|fiches"
    r"|tarjetas|vocab\w*|vokabel\w*|vocabulario|vocabolario|vocabulaire|słówka",
    re.IGNORECASE,
)


def _said_to_hold_cards(highlight: Highlight) -> bool:
    """Whether a tag of the note, or the heading above, says that cards stand here."""
    tags = (*highlight.document.tags, *highlight.tags)
    named = [part for tag in tags for part in tag.split("/")]
    named += [part.strip() for part in highlight.heading.split(" › ")]
    return any(_HOLDS_CARDS.fullmatch(part.strip("#* ")) for part in named)


CHECKS = (written_on_a_line,)
