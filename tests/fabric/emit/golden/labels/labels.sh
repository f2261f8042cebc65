#!/usr/bin/env bash
# roundelay: job llama, TP-16, epoch 7
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
kubectl apply --server-side --field-manager=roundelay --force-conflicts -f "$here/labels.yaml"
kubectl label node node-000001 node-000006 node-000019 node-000021 node-000023 --overwrite fabric.roundelay.dev/hbd=hbd-0 fabric.roundelay.dev/segment- fabric.roundelay.dev/group- fabric.roundelay.dev/ring-index- fabric.roundelay.dev/job- || true
