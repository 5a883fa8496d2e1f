"""What `check` finds in one assignment: plain values, for the page and the table."""

from dataclasses import dataclass, field

# The parts of the proof, in the order in which they are shown.
PARTS = (
    "reference",
    "untouched",
    "shipped",
    "accepted",
    "wrong",
    "visible",
    "mutants",
    "independence",
)
LEAST_SCORE = 0.95


@dataclass
class Count:
    """How many were tried in one part, and how many of them ended as they must."""

    good: int = 0
    tried: int = 0

    def add(self, good: bool) -> None:
        """Count one."""
        self.tried += 1
        self.good += good

    def __str__(self) -> str:
        """Write it as in the table."""
        return f"{self.good}/{self.tried}"


@dataclass
class WrongResult:
    """What became of one named wrong solution.

    Attributes
    ----------
    item, name, says : str
        As in the file.
    status : str
        How its test ended.
    message : str
        What the student reads.
    others : str
        How it is known that the other items keep their points: "all tests" were run,
        or the item is "sealed": no other test calls what it defines.
    caught, seeds : int
        On how many seeds it was caught, of how many.
    visible : str
        What the visible part of its test says to it; empty if it says nothing.
    """

    item: str
    name: str
    says: str
    status: str = ""
    message: str = ""
    others: str = ""
    caught: int = 0
    seeds: int = 0
    visible: str = ""


@dataclass
class AcceptedResult:
    """What became of one accepted variant; `message` is why it was refused, if so."""

    item: str
    name: str
    code: str
    message: str = ""


@dataclass
class Statistic:
    """What is known of a test that draws.

    Attributes
    ----------
    test : str
        Its grade_id.
    stated : float
        The false-alarm rate that its header states.
    alarms, seeds : int
        On how many seeds the reference was refused, of how many.
    bound : float
        Upper 95 % bound of the rate that follows from these.
    mistakes, caught, runs : int
        How many named mistakes its item has; in how many runs of them, on several
        seeds, they were caught.
    """

    test: str
    stated: float
    alarms: int
    seeds: int
    bound: float
    mistakes: int = 0
    caught: int = 0
    runs: int = 0

    @property
    def power(self) -> str:
        """Say how the named mistakes fared."""
        if not self.runs:
            return "no named mistakes tried"
        return f"{self.mistakes} mistakes caught in {self.caught} of {self.runs} runs"


@dataclass
class IndependenceResult:
    """Which tests were lost when the answer to one item was broken.

    Attributes
    ----------
    item : str
        The item.
    how : str
        "as handed out", or "raises".
    lost : list of str
        The grade_ids of the tests that were not passed.
    """

    item: str
    how: str
    lost: list[str]


@dataclass
class MutantResult:
    """What became of one mutant.

    Attributes
    ----------
    item, kind, before, after : str
        As it was made.
    state : str
        "killed", "explained", "survived" or "not run".
    by : dict of str to str
        The tests that noticed, and how each of them ended, such as "incorrect".
    message : str
        The message of the first of them.
    why : str
        The reason why it is no mistake, if it is explained.
    """

    item: str
    kind: str
    before: str
    after: str
    state: str = ""
    by: dict[str, str] = field(default_factory=dict)
    message: str = ""
    why: str = ""


@dataclass
class Findings:
    """What `check` found in one assignment.

    Attributes
    ----------
    assignment : str
        Its name.
    notebooks : dict of str to str
        A fingerprint of each source notebook that was judged, files beside it included.
    counts : dict of str to (Count or None)
        For each part that was asked for, how many are as they must be; None where the
        course has nothing to try. Mutants that are explained are not counted.
    shortfalls : list of str
        What is not as it must be, a line each; empty for a sound assignment.
    unprotected : list of str
        The tests that cannot run apart from the student's process: sound, but what
        hostile code does there is not excluded.
    items : dict of str to list of str
        The tests of each solution cell.
    unseen : list of str
        The named mistakes that the visible part of no test notices.
    cpu_seconds : float
        CPU time of all runs.
    page : str
        Where the page about all this is; empty if only some parts were asked for.
    """

    assignment: str
    notebooks: dict[str, str] = field(default_factory=dict)
    counts: dict[str, Count | None] = field(default_factory=dict)
    shortfalls: list[str] = field(default_factory=list)
    unprotected: list[str] = field(default_factory=list)
    items: dict[str, list[str]] = field(default_factory=dict)
    unseen: list[str] = field(default_factory=list)
    wrongs: list[WrongResult] = field(default_factory=list)
    accepted: list[AcceptedResult] = field(default_factory=list)
    statistics: list[Statistic] = field(default_factory=list)
    independence: list[IndependenceResult] = field(default_factory=list)
    mutants: list[MutantResult] = field(default_factory=list)
    seeds: int = 0
    cpu_seconds: float = 0.0
    page: str = ""

    @property
    def explained(self) -> int:
        """How many mutants are no mistakes, by an explanation."""
        return sum(mutant.state == "explained" for mutant in self.mutants)

    @property
    def score(self) -> float | None:
        """The mutation score: killed of all that are not explained; None without."""
        counted = [m for m in self.mutants if m.state != "explained"]
        if not counted:
            return None
        return sum(m.state == "killed" for m in counted) / len(counted)
