"""The stages of the codec's training, in order."""

from __future__ import annotations

import torch
from torch import nn

from roundelay.console import note
from roundelay.train.checkpoint import load_stage, read_checkpoint
from roundelay.train.codec import export as files
from roundelay.train.codec import flow_stage, prior_stage, recognizer_stage, tokenizer_stage, vocoder_stage
from roundelay.train.codec.inputs import CodecRun, corpora, load_teacher
from roundelay.train.codec.speakers import built_in_voices
from roundelay.train.stage import Action


def export(run: CodecRun) -> None:
    """Write the ONNX graphs, the built-in voices and the manifest from the checkpoints there are."""
    model, vocoder = load_teacher(run), vocoder_stage.untrained_vocoder(run)
    flow = flow_stage.untrained_flow(run)
    recognizer = recognizer_stage.untrained_recognizer(run)
    parts: dict[str, nn.Module] = {"flow": flow, "vocoder": vocoder, "recognizer": recognizer}
    steps = {name: load_stage(part, run.out / f"{name}.pt") for name, part in parts.items()}
    for name in ("tokenizer", "refine", "prior"):
        if (run.out / f"{name}.pt").is_file():
            steps[name] = read_checkpoint(run.out / f"{name}.pt")["step"]
    graphs = {
        name: files.to_onnx(module, inputs, outputs)
        for name, (module, inputs, outputs) in files.specs(model, recognizer, flow, vocoder).items()
    }
    about = {"seed": run.recipe.seed, "steps": steps, "torch": torch.__version__}
    voices = built_in_voices(model.cpu().speaker, corpora(run))
    for name, size in files.write(run.export_folder, graphs, voices, about).items():
        note(f"{name}: {size:,} bytes")


STAGES = (
    tokenizer_stage.TOKENIZER,
    tokenizer_stage.REFINE,
    recognizer_stage.RECOGNIZER,
    prior_stage.PRIOR,
    flow_stage.FLOW,
    vocoder_stage.VOCODER,
    Action("export", export),
)
