#!/usr/bin/env bash
# roundelay: job llama, TP-16, epoch 7
# Every host runs this alike, under any launcher: run.sh PROGRAM [ARGUMENT...]
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
host="${NODE_NAME:-${SLURMD_NODENAME:-$(hostname)}}"
rank=""
while IFS=$'\t' read -r node_rank name _; do
  if [ "$name" = "$host" ]; then rank="$node_rank"; break; fi
  if [ "$name" = "${host%%.*}" ]; then rank="$node_rank"; fi
done < <(cat "$here"/ranks*.tsv)
if [ -z "$rank" ]; then
  echo "run.sh: $host is not in $here/ranks.tsv; set NODE_NAME to this node's name there" >&2
  exit 2
fi
export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1
exec torchrun --nnodes=8 --nproc-per-node=4 --node-rank="$rank" --rdzv-backend=static --master-addr=node-000018 --master-port=29500 --rdzv-conf=timeout=1800 "$@"
