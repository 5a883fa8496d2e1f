"""Attacks on fairness: answers that are not right and want points all the same.

Each is an exercise of its own, in an idiom that instructors use, with an answer that
must earn nothing. No wall is climbed here: what is attacked is what a test, in the
checker, takes from the student's side for its own.

Two proofs go with each: the instructor's own answer has all points, and the attack
earns points in one process with the tests. Where a test looks at its own process
(`control="caught"`), there is nothing to steal there: in one process it sees what was
done, and it is the separation that hides it.
"""

from collections import Counter

from redteam.fairness import (
    changing,
    crossing,
    given,
    keeping,
    leaning,
    lying,
    objects,
    reports,
)
from redteam.fairness.cases import Attack

ATTACKS: list[Attack] = [
    *given.ATTACKS,
    *crossing.ATTACKS,
    *leaning.ATTACKS,
    *changing.ATTACKS,
    *keeping.ATTACKS,
    *lying.ATTACKS,
    *objects.ATTACKS,
    *reports.ATTACKS,
]
KINDS = Counter(attack.kind for attack in ATTACKS)
