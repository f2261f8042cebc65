# /// script
# requires-python = ">=3.11"
# dependencies = ["roundelay"]
# ///
"""Run three jobs through faults with the fabric's controller, event by event.

python examples/11_operate_through_faults.py

The controller has no clock and does no work: it is told what happened, and answers what is to be done. An agent that
switches transceivers, or a simulation as here, carries it out. `roundelay fabric operate` plays a whole history.
"""

from roundelay.fabric.control.core.actions import Move, Place, Publish, Queue, Switch
from roundelay.fabric.control.core.controller import Controller
from roundelay.fabric.control.core.events import Event, JobEnded, JobRequest, JobSubmitted, NodeDown, NodeUp
from roundelay.fabric.topology.deployment import Deployment

HOUR_S = 3600.0

# 80 nodes of 4 GPUs, a ring whose fibres reach three neighbours, four nodes under each top-of-rack switch
controller = Controller(Deployment.of(nodes=80, gpus_per_node=4, k=3, nodes_per_tor=4))
history: list[Event] = [
    JobSubmitted(0.0, JobRequest("train", tp=32, gpus=192)),
    JobSubmitted(1 * HOUR_S, JobRequest("tune", tp=16, gpus=64)),
    NodeDown(5 * HOUR_S, (8,)),
    NodeUp(9 * HOUR_S, (8,)),
    JobSubmitted(10 * HOUR_S, JobRequest("wide", tp=32, gpus=128)),
    JobEnded(20 * HOUR_S, "train"),
]

for event in history:
    print(f"{event.at_s / HOUR_S:4.0f} h  {type(event).__name__}")
    for action in controller.feed(event):
        match action:
            case Place(job=job, groups=groups, tp=tp):
                print(f"        {job} runs on {len(groups)} groups of {tp} GPUs")
            case Move(job=job, group=group, before=before, after=after):
                print(
                    f"        {job}: group {group} gives up {set(before) - set(after)} for {set(after) - set(before)}"
                )
            case Queue(job=job, reason=reason):
                print(f"        {job} waits: {reason}")
            case Switch(commands=commands):
                print(f"        {len(commands)} bundles switch")
            case Publish(epoch=epoch):
                print(f"        epoch {epoch}")
            case other:
                print(f"        {other}")
