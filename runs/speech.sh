#!/usr/bin/env bash
# The embedded voice from nothing: corpora, codec, language model, and how well they do. Read it as the list of stages;
# run it for about ten hours on two cores and 25 GB of disk, or a stage at a time: runs/speech.sh corpora codec nano report
# Every stage resumes where it was interrupted. Needs `make setup-train` (torch and the teachers' speech engines).
#
#   OUT=folder        where everything goes (out/speech)
#   SCALE=0.01        this share of the hours, to see the whole pass through
#   PROCESSES=2       processes that train together
#   ROUNDELAY=…       another command line
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
OUT=${OUT:-out/speech} SCALE=${SCALE:-1} PROCESSES=${PROCESSES:-2} ROUNDELAY=${ROUNDELAY:-.venv/bin/roundelay}
PYTHON=${PYTHON:-.venv/bin/python}
hours() { awk "BEGIN { print $1 * $SCALE }"; }
build() { "$ROUNDELAY" voice data build --config "configs/data-$1.toml" --hours "$(hours "$2")" --out "$OUT/$3" "${@:4}"; }
# train names its corpora once for both models
train() { "$PYTHON" -m torch.distributed.run --nproc-per-node "$PROCESSES" -m roundelay train "$@"; }

corpora() { # speech with its text: synthetic voices, recordings of people, and the domain's questions and answers
  build tiny 8 synth --set seed=31
  build people 6 people      # needs recordings: docs/data.md says which and where
  build say 5 say            # what the model itself will say, in its two voices
  build say-more 10 say-more
  build talk 5 talk          # questions of the domain, asked
}

codec() { # sound <-> tokens: tokenizer, phone recogniser, prior, flow, vocoder (docs/voice-codec.md)
  train codec --size tiny --corpus "$OUT/synth" --corpus "$OUT/people" --out "$OUT/codec"
}

nano() { # the language model: lexicon, text, pre-training, fine-tuning, export (docs/voice-lm.md)
  train nano --tokenizer "$OUT/codec/weights" --out "$OUT/nano" \
    --corpus "$OUT/synth" --corpus "$OUT/people" --corpus "$OUT/say" --corpus "$OUT/say-more" --corpus "$OUT/talk"
}

report() { # what is installed, and whether it is whole; results/ measures it
  "$ROUNDELAY" voice models
  echo "weights: $OUT/codec/weights and $OUT/nano/weights; results/codec/run.py and results/lm/run.py measure a set"
}

for stage in "${@:-corpora codec nano report}"; do
  for each in $stage; do
    case $each in
      corpora | codec | nano | report) echo "== $each" && "$each" ;;
      *) echo "error: stage $each: choose corpora, codec, nano or report" >&2 && exit 2 ;;
    esac
  done
done
