"""The life of one training job over a fault history, to the GPU-second: compiled, exact, no clock and no sampling.

The job runs on whole replicas of the model. It works for an interval, writes a checkpoint, and so on. When a node it
uses fails, it stops: the work since its last checkpoint is lost, the fault is detected, the job waits until it fits,
restarts at the size that fits then, and goes on. An elastic job grows at the end of a checkpoint, with a restart.
Method: ours.
"""

from __future__ import annotations

import numpy as np
from numba import njit

# What every usable GPU-second is spent on; the order of the result's entries.
IDLE, WAITING, DETECTION, RESTART, LOST, CHECKPOINT, USEFUL, TERMS = 0, 1, 2, 3, 4, 5, 6, 7
HITS, REGROWTHS, ENTRIES = 7, 8, 9
_DETECT, _WAIT, _START, _RUN = 0, 1, 2, 3


@njit(cache=True)
def _size(usable: int, replica: int, fixed: int) -> int:
    """Return the GPUs a job takes of `usable` ones: `fixed` or none, or, where that is 0, every whole replica."""
    if fixed > 0:
        return fixed if usable >= fixed else 0
    return usable // replica * replica


@njit(cache=True)
def simulate_job(
    time_s: np.ndarray,
    usable: np.ndarray,
    threshold: np.ndarray,
    horizon_s: float,
    job: tuple[int, int, int],
    timing: tuple[float, float, float, float],
) -> np.ndarray:
    """Return GPU-seconds by entry, then hits and regrowths, float64 [ENTRIES]; the entries sum to those usable.

    time_s [E] of each change, usable GPUs [E+1] before the first and after each; `threshold` [E] is a uniform draw over
    the probability that the node which fails was in a group (inf for a repair): it hits the job if it is below the
    job's share of the usable GPUs, or if the job fits no longer. `job` is (replica, fixed size or 0, 1 to regrow),
    `timing` (interval, checkpoint, detection, restart) in seconds.
    """
    replica, fixed, regrow = job
    interval, checkpoint, detect, restart = timing
    cycle = interval + checkpoint
    out = np.zeros(ENTRIES)
    used = _size(usable[0], replica, fixed)
    phase = _RUN if used > 0 else _WAIT
    left, since, now = 0.0, 0.0, 0.0  # of the phase; since the last checkpoint; the time
    for e in range(time_s.size + 1):
        until = time_s[e] if e < time_s.size else horizon_s
        here = usable[e]
        while now < until:
            room = until - now
            if phase == _WAIT:
                used = _size(here, replica, fixed)
                if used == 0:
                    out[WAITING] += here * room
                    now = until
                else:
                    phase, left = _START, restart
                continue
            if phase == _RUN:
                grows = regrow == 1 and _size(here, replica, fixed) > used
                step = min(room, max(cycle - since, 0.0)) if grows else room
                whole = np.floor((since + step) / cycle) if step < cycle - since or not grows else 1.0
                out[USEFUL] += whole * interval * used
                out[CHECKPOINT] += whole * checkpoint * used
                since = max(since + step - whole * cycle, 0.0)
                if grows and whole > 0:
                    phase, since = _WAIT, 0.0
                    out[REGROWTHS] += 1
                busy = used
            else:
                step = min(left, room)
                busy = min(used, here)
                out[DETECTION if phase == _DETECT else RESTART] += busy * step
                left = left - step if step < left else 0.0
                if left == 0.0:
                    phase, since = (_WAIT if phase == _DETECT else _RUN), 0.0
            out[IDLE] += (here - busy) * step
            now = until if step == room else now + step
        if e < time_s.size and phase >= _START and (usable[e + 1] < used or threshold[e] * here < used):
            out[HITS] += 1
            if phase == _RUN:
                out[LOST] += since * used
            phase, left, since = _DETECT, detect, 0.0
    if phase == _RUN:
        out[USEFUL] += min(since, interval) * used
        out[CHECKPOINT] += max(since - interval, 0.0) * used
    return out
