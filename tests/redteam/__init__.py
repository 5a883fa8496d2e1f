"""Attacks on the grader, as data, and what they are let loose on.

`cheats` want points or the hidden tests, `handins` are crafted submissions, `escapes`
want out of the sandbox, `fairness` wants points by what a test takes for its own; and
`honest` holds right answers, which must lose none by all this. Each attack states in a
line what it tries and why that could work. Its *control* proves that it would pay or
does run where nothing stops it; its *canary* is something on the host's side, or the
neighbours' scores, that must not move.

Every test here, and every test elsewhere that is marked ``attack(name)``, is a row of
the table that ``make redteam`` prints: see `table`.
"""
