"""Small words that turn a meaning round, in the languages whose grammar allows to look for them.

English in full; German, French, Spanish and Italian the common ones; Chinese and Japanese by
their signs. Everything is casefolded; verbs and adjectives of the opposites are stemmed.
"""

from __future__ import annotations

from ankiforge.check.lexical.lexicon import OPPOSITES
from ankiforge.check.lexical.words import QUESTION_WORDS, STOP_WORDS, listed, stem


def _words(text: str) -> frozenset[str]:
    return frozenset(listed(text))


FUNCTION = (
    STOP_WORDS
    | QUESTION_WORDS
    | _words(
        """le la les un une des du de et ou est sont était que qui quel quelle quels quelles quoi dont
    où ce cette ces il elle ils elles on se sa son ses leur leurs celui celle ceux celles au aux en dans par pour sur avec
    plus moins environ ont combien quand comment pourquoi mais
    el los las una unos y o es son era eran qué cuál cuáles quién quiénes cuándo cuánto cuántos
    cuánta cuántas dónde cómo su sus al del más menos con por para puede pueden como
    il lo gli i di che chi è sono nel nella della
    werden wurde wurden worden hat haben hatte hatten sich auch seine ihre ihr sein dies diese dieser
    dieses schon noch mehr weniger durch über unter zwischen während wen wem wessen
    own whole one ones thing things else too up out off down however although though because since
    until unless while whereas during after before above below again further few many much less least
    every all both half either neither rather quite just never always often usually sometimes
    generally typically mostly partly fully entirely completely only even ever already yet still
    howmany howmuch used use uses using get gets got give gives given"""
    )
)
"""Words that carry no meaning of their own: no word of a subject or an object."""

NEGATORS = _words(
    """not no never none neither nor without cannot nobody nothing nowhere lack lacks lacking lacked
    nicht kein keine keinen keiner keinem keines nie niemals ohne weder niemand nichts
    ne pas jamais sans aucun aucune rien personne
    nunca ningún ninguna ninguno nadie nada jamás tampoco sin
    mai senza nessun nessuno"""
)
BACKWARDS = _words("nothing nobody nichts nicht niemand rien personne nada nadie")
"""Those that deny also what stands before them."""
MILD = _words(
    """fail fails failed prevent prevents prevented avoid avoids stop stops stopped cease ceases unable
    absent absence missing devoid deny denies denied refuse refused exclude excludes excluded free
    instead rather except unlike despite otherwise other impossible lost loss lose losing loses deprived deprivation free up limit maximum most until
    statt außer anders fehlt fehlen bis höchstens manque manquent sauf jusqu hasta salvo excepto
    carece carecen falta against mistake mistaken mistakenly mistakes mistook misinterpret
    misinterpreted misread wrong wrongly falsely incorrectly misconception myth confuse confused
    fälschlich fälschlicherweise irrtümlich irrtümlicherweise verwechselt tort confond"""
)
"""Words with which a card may say the same without a negation, or turn a limit round."""
CONTRASTS = _words(
    """but whereas while unlike only instead rather although though except however sondern während
    nur aber mais tandis seulement sino pero mientras solo sólo"""
)

HEDGES = _words(
    """may might could possibly probably perhaps likely suggest suggests suggested appear appears
    appeared seem seems seemed believe believes believed hypothesize
    hypothesized hypothesise hypothesised speculate speculated allegedly supposedly presumably
    claim claims claimed argue argues argued thought potentially vielleicht möglicherweise
    wahrscheinlich vermutlich könnte könnten dürfte scheint peut-être probablement pourrait
    pourraient semble quizás quizá probablemente podría podrían parece"""
)
SOFT = HEDGES | _words(
    """can often usually sometimes some most many several certain generally typically tend tends
    mostly partly roughly about almost nearly rarely seldom few half majority only should atmost
    atleast oft manchmal einige manche meist meistens viele kann können souvent parfois certains
    certaines quelques plupart beaucoup a_menudo algunos algunas muchos mayoría puede pueden"""
)
"""Whatever keeps a statement from being one about everything."""
ABSOLUTES = _words(
    """always never all every everyone everything must certainly definitely guarantee guarantees
    guaranteed prove proves proved entirely completely fully invariably inevitably any nobody nothing
    none whatever only exclusively immer niemals alle jeder jede jedes muss müssen stets ausnahmslos
    toujours jamais tous toutes chaque siempre nunca todos todas cada"""
)

_QUANTITIES = {
    "all": "all every each alle jeder jede jedes tous toutes chaque todos todas cada",
    "some": "some several certain einige manche quelques certains algunos algunas",
    "none": "no none neither kein keine aucun aucune ningún ninguna",
    "most": "most majority meisten plupart mayoría",
    "only": "only nur seulement solo sólo",
    "few": "few fewer wenige",
    "many": "many viele beaucoup muchos",
    "half": "half halbe hälfte moitié mitad",
    "both": "both beide beiden",
    "atleast": "atleast mindestens",
    "atmost": "atmost höchstens",
}
QUANTITY = {word: name for name, words in _QUANTITIES.items() for word in words.split()}

PHRASES = (
    ("at least", "atleast"),
    ("no fewer than", "atleast"),
    ("no less than", "atleast"),
    ("at most", "atmost"),
    ("no more than", "atmost"),
    ("au moins", "atleast"),
    ("au plus", "atmost"),
    ("al menos", "atleast"),
    ("como máximo", "atmost"),
    ("n't ", " not "),
    ("can not", "cannot"),
    ("rather than ", "not "),
    ("instead of ", "not "),
    ("how many ", "howmany "),
    ("how much ", "howmuch "),
    ("combien de ", "combien "),
)


def _pairs(lines: str) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for line in lines.strip().splitlines():
        one, other = (frozenset(side.split()) for side in line.split("/"))
        for mine, theirs in ((one, other), (other, one)):
            for word in mine:
                for form in {word, stem(word)}:
                    found[form] = found.get(form, frozenset()) | theirs | {stem(w) for w in theirs}
    return found


_OPPOSED = """
increase increases increased increasing raise raises raised rise rises rising rose grow grows improve improves enhance enhances strengthen strengthens speed speeds accelerate accelerates / decrease decreases decreased decreasing reduce reduces reduced lower lowers lowered fall falls falling fell drop drops shrink shrinks impair impairs worsen worsens weaken weakens slow slows decelerate
gain gains / lose loses
promote promotes stimulate stimulates activate activates excite excites / inhibit inhibits suppress suppresses block blocks
more greater larger bigger / less fewer smaller
most maximum largest greatest biggest / least minimum smallest fewest
high higher highest / low lower lowest
better best / worse worst
older oldest / younger youngest
longer longest / shorter shortest
faster fastest quicker / slower slowest
heavier heaviest denser darker / lighter lightest
stronger strongest / weaker weakest
warmer hotter hot / cooler colder cold
earlier earliest / later latest
before prior / after following
precede precedes preceded / follow follows followed
first / last
always / never sometimes often rarely seldom
often usually frequently / never rarely seldom always
has have contain contains possess possesses / lack lacks
both / neither
atleast / atmost
above over exceed exceeds / below under
partly partially / fully completely entirely wholly
maximize maximizes maximise maximises / minimize minimizes minimise minimises
dominant / recessive
positive / negative
necessary / sufficient
allow allows permit permits / forbid forbids prohibit prohibits
male males men man / female females women woman
left / right
inner internal / outer external
northern north / southern south
eastern east / western west
may might could / must
accept accepts / reject rejects refuse refuses
win wins won / lose loses lost
mehr größer höher länger stärker später / weniger kleiner niedriger kürzer schwächer früher
steigt steigen stieg erhöht erhöhen fördert / sinkt sinken sank senkt senken hemmt verringert fällt
nach / vor
immer / nie niemals manchmal oft
männlich männliche / weiblich weibliche
plus supérieur supérieure supérieurs supérieures / moins inférieur inférieure inférieurs inférieures
augmente augmentent / diminue diminuent réduit réduisent
après / avant
más mayor mayores superior superiores / menos menor menores inferior inferiores
aumenta aumentan / disminuye disminuyen reduce reducen
después / antes
"""
_TURNED = _pairs(_OPPOSED)
_WAYS = _words("in out into from toward away up down off on")
"""Prepositions: where they stand says little of what is meant."""
TURNED = {
    word: (_TURNED.get(word, frozenset()) | OPPOSITES.get(word, frozenset())) - _WAYS
    for word in {*_TURNED, *OPPOSITES} - _WAYS
}
"""Each word with those that say the contrary."""


def _alike(pairs: str) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for line in pairs.strip().splitlines():
        for side in line.split("/"):
            words = frozenset(side.split())
            for word in words:
                found[word] = found.get(word, frozenset()) | words | {stem(w) for w in words}
    return found


SAME = _alike(_OPPOSED) | {"one": frozenset(("single", "sole", "singl"))}
"""Words that say the same of a thing, the sides of the opposites."""
INVERTIBLE = frozenset(
    {
        form
        for line in listed(
            """more greater larger bigger less fewer smaller most largest least smallest higher lower
    highest lowest better worse older younger longer shorter faster slower heavier denser darker
    lighter stronger weaker warmer hotter cooler colder earlier later before after prior
    following precede precedes preceded follow follows followed above below over under exceed
    exceeds mehr weniger größer kleiner höher niedriger länger kürzer vor nach plus moins avant
    après más menos mayor menor antes después"""
        )
        for form in (line, stem(line))
    }
)
"""Those that hold in both directions if the two sides change places: A before B, B after A."""
SIDED = frozenset(
    form
    for word in listed(
        """male males men man female females women woman left right inner internal outer external
    northern north southern south eastern east western west dominant recessive anode cathode
    input output host parasite prey predator buyer seller systolic diastolic sensory motor
    artery vein"""
    )
    for form in (word, stem(word))
)
"""Names of one of two sides: what is said of the one is not said of the other."""

RELATIONS = frozenset(
    stem(word)
    for word in listed(
        """inhibit inhibits inhibited activate activates activated cause causes caused produce produces
    produced create creates created encode encodes encoded bind binds bound regulate regulates
    regulated block blocks blocked stimulate stimulates stimulated trigger triggers triggered
    induce induces induced suppress suppresses suppressed defeat defeats defeated conquer
    conquered invade invades invaded attack attacks attacked order orders ordered kill kills
    killed eat eats ate eaten infect infects infected destroy destroys destroyed discover
    discovers discovered teach teaches taught influence influences influenced succeed succeeds
    succeeded replace replaces replaced precede precedes preceded follow follows followed
    contain contains contained include includes included exceed exceeds exceeded outperform
    outperforms outperformed call calls called send sends sent show shows showed shown give
    gives gave given sell sells sold buy buys bought pay pays paid transmit transmits
    transmitted convert converts converted transform transforms transformed obtain obtains
    obtained receive receives received cleave cleaves cleaved release releases released absorb
    absorbs absorbed control controls controlled lead leads led determine determines determined
    imply implies implied depend depends require requires required use uses used supply supplies
    supplied feed feeds feed support supports supported orbit orbits orbited surround surrounds
    surrounded join joins joined found founded write wrote written criticize criticized
    criticise criticised prove proves proved phosphorylate phosphorylates hemmt blockiert
    verursacht besiegte zerstört détruit détruisent détruire cause provoque inhibe destruye
    causa produce venció derrotó"""
    )
)
PIVOTS = _words("than als que before after vor nach avant après antes después")
