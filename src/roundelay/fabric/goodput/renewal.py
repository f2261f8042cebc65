"""The job simulation under random faults, to be held against the closed form `goodput.expected_availability`."""

from __future__ import annotations

import numpy as np

from roundelay.fabric.goodput import job_simulation
from roundelay.fabric.goodput.goodput import CheckpointedJob


def simulated_availability(
    job: CheckpointedJob, mtbf_s: float, interval_s: float, *, histories: int, faults: int
) -> tuple[float, float]:
    """Return the mean useful share of the job's time over histories of exponential faults, and its standard error.

    Every fault hits the job, and nodes are replaced at once. History i is drawn from seed i.
    """
    timing = (interval_s, job.checkpoint_s, job.detect_s, job.restart_s)
    useful = []
    for seed in range(histories):
        times = np.cumsum(np.random.default_rng(seed).exponential(mtbf_s, faults))
        usable = np.full(faults + 1, 8)
        spent = job_simulation.simulate_job(times, usable, np.zeros(faults), float(times[-1]), (8, 8, 0), timing)
        useful.append(spent[job_simulation.USEFUL] / 8 / times[-1])
    return float(np.mean(useful)), float(np.std(useful, ddof=1) / histories**0.5)
