#!/usr/bin/env bash
# A fabric planned from a fault history to Slurm's files: read it as the list of stages; run it in two minutes.
#
#   TRACE=file.json   the fault history of your own cluster (silent: the built-in fault model writes one)
#   OUT=folder        where everything goes (out/fabric)
#   ROUNDELAY=…       another command line
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
OUT=${OUT:-out/fabric} ROUNDELAY=${ROUNDELAY:-.venv/bin/roundelay}
fabric() { "$ROUNDELAY" fabric "$@"; }
mkdir -p "$OUT"

# 1. faults: what fails, how often, for how long
if [ -z "${TRACE:-}" ]; then
  TRACE=$OUT/faults.json
  fabric faults --servers 400 --days 180 --seed 7 --out "$TRACE" --force
else
  fabric faults --trace "$TRACE" --fit "$OUT/fault-model.toml" --force
fi

# 2. waste: what those faults leave unusable, on each architecture
fabric waste --trace "$TRACE" --arch infinitepod-k2,infinitepod-k3,nvl-72,tpuv4-cube --seeds 3
fabric sweep --ratios 0:0.06:0.02 --arch infinitepod-k2,nvl-72 --seeds 3 --out "$OUT/sweep.svg" --force

# 3. money: what the interconnect costs, and which price decides
fabric cost --against nvl-72

# 4. speed: the best parallelism of a model, and what of it faults leave
fabric search --model llama3-405b --gpus 2048 --fabric infinitepod-k3,nvl-72
fabric goodput --mfu 0.5 --trace "$TRACE" --arch infinitepod-k3,nvl-72 --seeds 2

# 5. the buyer's page: all of it for one job
fabric compare --gpus 2048 --arch infinitepod-k3,nvl-72 --trace "$TRACE" --seeds 1 --out "$OUT/compare.html" --force

# 6. place the job, and write it for Slurm
fabric place --nodes 720 --nodes-per-tor 4 --tp 16 --job-gpus 2048 --fault-ratio 0.01 --seed 1 \
  --out "$OUT/placement.json" --picture "$OUT/placement.svg" --force
fabric emit "$OUT/placement.json" --to slurm-tree --out "$OUT/slurm" --force

# 7. a node fails: the fewest groups move
failed=$(awk '!/^#/ { print $2; exit }' "$OUT/slurm/ranks.tsv")
fabric repair "$OUT/placement.json" --fail "$failed" --out "$OUT/repaired.json" --force
fabric emit "$OUT/repaired.json" --to slurm-tree --out "$OUT/slurm" --force
