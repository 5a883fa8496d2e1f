"""What is known not to hold yet: the one place where it is written down.

Each name is an expected failure, strictly so: what closes a hole or accepts an idiom
must take its name out here, and what is not named here must hold.
"""

# Attacks that earn points.
KNOWN_HOLES: frozenset[str] = frozenset()

# Honest idioms that do not have full marks.
KNOWN_REFUSALS: frozenset[str] = frozenset()
