"""Two word lists for the guards: what is opposed, and what is the same in other words."""

from __future__ import annotations

from ankiforge.check.lexical.words import ORDINALS, stem


def _opposed(lines: str) -> dict[str, frozenset[str]]:
    """Each word, stemmed, with those of the other side of its `/`."""
    found: dict[str, frozenset[str]] = {}
    for line in lines.strip().splitlines():
        one, other = (frozenset(stem(word) for word in side.split()) for side in line.split("/"))
        for mine, theirs in ((one, other), (other, one)):
            for word in mine:
                found[word] = found.get(word, frozenset()) | theirs
    return found


def _grouped(lines: str) -> dict[str, frozenset[str]]:
    """Each word, stemmed, with all of its lines."""
    found: dict[str, frozenset[str]] = {}
    for line in lines.strip().splitlines():
        stems = frozenset(stem(word) for word in line.split())
        for word in stems:
            found[word] = found.get(word, frozenset()) | stems
    return found


OPPOSITES = _opposed(
    """
increase raise rise grow speed accelerate enhance strengthen / decrease lower fall drop reduce shrink slow decelerate weaken inhibit
gain / lose
integral integrate / derivative differentiate
stimulate activate promote excite / inhibit suppress block
high higher highest / low lower lowest
large larger largest big greater / small smaller smallest less
more most maximum maximal maximize max / less least fewer fewest minimum minimal minimize min
best / worst average
worst / average best
before prior precede earlier pre / after later follow post
early / late
first / last final
begin start open beginning onset / end stop close finish ending
fast quick rapid faster quickly / slow slower slowly
up upward upper top above ascending / down downward lower bottom below descending
left / right
inner internal inside interior in / outer external outside exterior out
toward into import enter inflow / away from export leave outflow
input / output
forward / backward
positive / negative
advantage benefit strength pro / disadvantage drawback weakness con
strong stronger strongest / weak weaker weakest
release emit exothermic / absorb endothermic
exploding / vanishing
convex / concave
sparse / dense
discrete / continuous
static / dynamic
local / global
parametric / nonparametric
eager / lazy
mutable / immutable
public / private
synchronous / asynchronous
train training / test testing inference validation
precision / recall
bias / variance
true / false
win / lose
buy demand buyer / sell supply seller
long / short
wide / narrow
hot warm heating / cold cool cooling
wet / dry
hard / soft easy
thick / thin
north northern / south southern
east eastern / west western
male / female
man / woman
father son / mother daughter
king / queen
parent ancestor / child descendant
prey / predator
host / parasite guest
acid acidic / base basic alkaline
oxidation oxidize / reduction reduce
anode / cathode
cation / anion
proton / electron neutron
artery arterial / vein venous
sensory afferent / motor efferent
systolic systole / diastolic diastole
proximal / distal
anterior ventral / posterior dorsal
medial / lateral
dominant / recessive
homozygous / heterozygous
necessary / sufficient
numerator / denominator
row / column
even / odd
rational / irrational
sine sin / cosine cos
push enqueue insert add / pop dequeue delete remove subtract
multiply / divide
send transmit / receive
client / server
compile / interpret
encode encrypt encryption / decode decrypt decryption
stack / queue
depth / breadth
absent / present
present / past future
alive living / dead
war / peace
liberal / conservative
cause / effect
explicit / implicit
direct / indirect
absolute / relative
supervised / unsupervised
primary / secondary tertiary
secondary / tertiary
singular / plural
active / passive
day / night
rich / poor
key / query value
query / value
"""
    + "".join(f"{one} / {' '.join(w for w in ORDINALS if w != one)}\n" for one in ORDINALS)
)

SYNONYMS = _grouped(
    """
begin start commence onset
end finish conclude stop
make produce create generate form synthesize build
use employ utilize apply
show demonstrate indicate reveal
big large great
small little tiny
fast quick rapid
reduce decrease lower lessen diminish
increase raise rise grow
happen occur arise
hold occur
drug treatment therapy medication
help aid assist
need require
get obtain receive gain
keep retain maintain preserve
change alter modify transform convert
find discover detect identify
choose select pick
purpose goal aim function role job
way method approach technique
kind type sort form
part component element
main principal chief primary
important significant
discover invent introduce propose develop
write author
become turn
let allow permit enable
stop prevent avoid block
fix solve address
contain hold include comprise
measure quantify assess
calculate compute determine
separate divide split
join connect link
break cleave split degrade
take occupy
live inhabit
die perish
year date
city town
country nation state
car automobile
illness disease disorder
doctor physician
error mistake
problem issue
answer response reply
speed velocity rate
formula equation expression
organ body
cell unit
locate found situate
"""
)
