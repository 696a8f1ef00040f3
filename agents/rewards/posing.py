"""Posing: what a valid task is worth to whoever posed it, s being the solver's rate.

Each says what its authors pay for an invalid task. Paying less than 0 has driven posers to
ever fewer valid tasks (SSP with -0.1), so that the episode's own default is 0.
"""

from math import exp

from simctl.agents.rewards.measured import Measured
from simctl.agents.rewards.shapes import (
    expected_advantage,
    gaussian,
    nearer,
    quadratic,
    tent,
)

EVEN = 0.1  # Agent0: a vote of this share or less is none
NOTABLE_TOOLS, TOOL_BONUS = 4, 0.05  # Agent0
LEAST_PASSED, LEAST_DIVERSE = 0.2, 0.3  # PasoDoble: at or below it a question is worth nothing
SSR_ALPHA = 0.8
EVO_ENV_TARGET = 0.3
SPICE_WIDTH = 0.02


def misgiving(invalid_reward: float) -> str:
    """Return what to warn of where an invalid task pays so much; "" where nothing is wrong."""
    if invalid_reward >= 0:
        return ""
    return (
        f"an invalid task pays {invalid_reward:g}: below 0 the examiner can lose by posing at all, "
        "and the share of valid tasks may fall to nothing; watch it, or pay 0"
    )


def frontier(m: Measured) -> float:
    """4 s (1 - s): highest for problems that are solved half of the time (SSP's second form)."""
    return quadratic(m.solve_rate)


def solvability(m: Measured) -> float:
    """The solve rate s itself: pays for easy problems, and collapses; kept as a control."""
    return m.solve_rate


def sgs(m: Measured) -> float:
    """1 - s for 0 < s < 1, else 0; invalid 0 (SGS, 2604.20209, R_solve).

    The cut at the batch's 70th percentile and the scaling of the product with the guide's score
    are the trainer's: an episode does not know its batch.
    """
    return 1.0 - m.solve_rate if m.undecided else 0.0


def r_zero(m: Measured) -> float:
    """min(p, 1 - p), p the majority's share; invalid -1 (R-Zero, code).

    Its penalty for near-duplicates is the trainer's: an episode does not know its batch. A majority
    of m answers is never below 1/m: a task that no two agree on still pays 1/m.
    """
    return nearer(m.agreement)


def r_zero_paper(m: Measured) -> float:
    """1 - 2 |p - 1/2|: twice what the code pays; invalid -1 (R-Zero, 2508.05004)."""
    return 2.0 * nearer(m.agreement)


def agent0(m: Measured) -> float:
    """As r_zero with a bonus for tools; p is 0 unless the vote is the poser's answer; invalid -1.

    Agent0 (2511.16043), code: p must be over 0.1, and 0.05 is paid for up to four tool answers.
    """
    p = m.agreement if m.matched and m.agreement > EVEN else 0.0
    return nearer(p) + TOOL_BONUS * min(m.tool_calls, NOTABLE_TOOLS)


def azr(m: Measured) -> float:
    """1 - s for 0 < s < 1, -0.5 at both ends; invalid -1 (Absolute Zero, code)."""
    return 1.0 - m.solve_rate if m.undecided else -0.5


def azr_paper(m: Measured) -> float:
    """1 - s for 0 < s < 1, 0 at both ends; invalid -1 (Absolute Zero, 2505.03335)."""
    return sgs(m)


def dr_zero(m: Measured) -> float:
    """(n - c) / (n - 1) for 0 < c < n right of n, else 0, and half the form's score (Dr.Zero).

    Invalid: the form's part is 0. pi-Play (2604.14054) builds on it; its own is not published.
    """
    n, right = m.attempts, round(m.solve_rate * m.attempts)
    difficulty = (n - right) / (n - 1) if 0 < right < n else 0.0
    return difficulty + 0.5 * m.form


def paso_doble(m: Measured) -> float:
    """1.1 - p + 0.2 div where p > 0.2 and div > 0.3, else 0; invalid p = 0 (PasoDoble, code)."""
    if m.solve_rate <= LEAST_PASSED or m.diversity <= LEAST_DIVERSE:
        return 0.0
    return 1.1 - m.solve_rate + 0.2 * m.diversity


def ssp(m: Measured) -> float:
    """1 - s, also where nobody solved it: only for tasks known to have an answer; invalid 0.

    SSP (2510.18821); VHG pays the same behind its gate.
    """
    return 1.0 - m.solve_rate


def seif(m: Measured) -> float:
    """1 - followed / total, of the demands that a task makes; invalid 0 (SEIF, 2605.07465, code).

    There is no floor: demands that nobody follows earn 1.
    """
    return 1.0 - (m.solve_rate if m.followed is None else m.followed)


def evo_env(m: Measured) -> float:
    """Highest at s = 0.3 and 0 at both ends (EvoEnv, 2605.14392); invalid a penalty.

    The published text gives the peak and the ends and not the curve: this one is straight.
    """
    return tent(m.solve_rate, EVO_ENV_TARGET)


def socratic_zero(m: Measured) -> float:
    """exp(-(s - 0.5)^2 / (2 0.2^2)), a weight for SFT; invalid excluded (Socratic-Zero)."""
    return gaussian(m.solve_rate)


def self_challenging(m: Measured) -> float:  # noqa: ARG001 - being valid is all that counts
    """1, the bit that keeps a task whose gates all passed; invalid 0 (Self-Challenging Agents)."""
    return 1.0


def spc(m: Measured) -> float:
    """+1 for a planted error that fooled the critic, -1 for one that was caught (SPC, 2504.19162).

    With several critics it is their mean. Invalid ones are excluded.
    """
    return 2.0 * m.fooled - 1.0


def outcome(m: Measured) -> float:
    """What the game was worth to the poser's side: +1, 0 or -1 (SPIRAL, 2506.24119)."""
    return m.outcome


def ssr(m: Measured) -> float:
    """1 - 1.8 s for 0 < s < 1, -0.8 at both ends; invalid -1 (SSR, alpha 0.8)."""
    return 1.0 - (1.0 + SSR_ALPHA) * m.solve_rate if m.undecided else -SSR_ALPHA


def gar(m: Measured) -> float:
    """(1 - s) (1 - m), 0 where nobody solved it; m changed the task; invalid 0 (GAR)."""
    return (1.0 - m.solve_rate) * (1.0 - m.changed) if m.solve_rate > 0 else 0.0


def spice(m: Measured) -> float:
    """exp(-(s (1 - s) - 1/4)^2 / 0.02): the variance of the rewards; invalid -0.1 (SPICE)."""
    return exp(-((m.solve_rate * (1.0 - m.solve_rate) - 0.25) ** 2) / SPICE_WIDTH)


def gasp_lemma(m: Measured) -> float:
    """(4 s (1 - s))^5, the first of GASP's two; invalid -0.5."""
    return quadratic(m.solve_rate) ** 5


def gasp_lift(m: Measured) -> float:
    """10 s ((1 - s) / 0.9)^9, highest at s = 0.1, the second of GASP's two; invalid -0.5."""
    return 10.0 * m.solve_rate * ((1.0 - m.solve_rate) / 0.9) ** 9


def sec(m: Measured) -> float:
    """2 sqrt(s (1 - s)): the expected |advantage| of the solver's group (SEC, 2505.14970)."""
    return expected_advantage(m.solve_rate)
