#!/usr/bin/env bash
# roundelay: job llama, TP-16, epoch 7
set -euo pipefail
kubectl label node node-000000 --overwrite fabric.roundelay.dev/hbd=hbd-0 fabric.roundelay.dev/segment=segment-00000 fabric.roundelay.dev/group=llama-g00001 fabric.roundelay.dev/ring-index=0 fabric.roundelay.dev/job=llama
kubectl label node node-000001 --overwrite fabric.roundelay.dev/hbd=hbd-0 fabric.roundelay.dev/segment- fabric.roundelay.dev/group- fabric.roundelay.dev/ring-index- fabric.roundelay.dev/job- || true
kubectl label node node-000002 --overwrite fabric.roundelay.dev/hbd=hbd-0 fabric.roundelay.dev/segment=segment-00000 fabric.roundelay.dev/group=llama-g00001 fabric.roundelay.dev/ring-index=1 fabric.roundelay.dev/job=llama
kubectl label node node-000003 --overwrite fabric.roundelay.dev/hbd=hbd-0 fabric.roundelay.dev/segment=segment-00000 fabric.roundelay.dev/group=llama-g00000 fabric.roundelay.dev/ring-index=3 fabric.roundelay.dev/job=llama
kubectl label node node-000004 --overwrite fabric.roundelay.dev/hbd=hbd-0 fabric.roundelay.dev/segment=segment-00000 fabric.roundelay.dev/group=llama-g00001 fabric.roundelay.dev/ring-index=2 fabric.roundelay.dev/job=llama
kubectl label node node-000005 --overwrite fabric.roundelay.dev/hbd=hbd-0 fabric.roundelay.dev/segment=segment-00000 fabric.roundelay.dev/group- fabric.roundelay.dev/ring-index- fabric.roundelay.dev/job-
kubectl label node node-000006 --overwrite fabric.roundelay.dev/hbd=hbd-0 fabric.roundelay.dev/segment- fabric.roundelay.dev/group- fabric.roundelay.dev/ring-index- fabric.roundelay.dev/job- || true
kubectl label node node-000007 --overwrite fabric.roundelay.dev/hbd=hbd-0 fabric.roundelay.dev/segment=segment-00000 fabric.roundelay.dev/group- fabric.roundelay.dev/ring-index- fabric.roundelay.dev/job-
kubectl label node node-000008 --overwrite fabric.roundelay.dev/hbd=hbd-0 fabric.roundelay.dev/segment=segment-00000 fabric.roundelay.dev/group=llama-g00001 fabric.roundelay.dev/ring-index=3 fabric.roundelay.dev/job=llama
kubectl label node node-000010 --overwrite fabric.roundelay.dev/hbd=hbd-0 fabric.roundelay.dev/segment=segment-00000 fabric.roundelay.dev/group=free-g00000 fabric.roundelay.dev/ring-index=0 fabric.roundelay.dev/job-
kubectl label node node-000012 --overwrite fabric.roundelay.dev/hbd=hbd-0 fabric.roundelay.dev/segment=segment-00000 fabric.roundelay.dev/group=free-g00000 fabric.roundelay.dev/ring-index=1 fabric.roundelay.dev/job-
kubectl label node node-000014 --overwrite fabric.roundelay.dev/hbd=hbd-0 fabric.roundelay.dev/segment=segment-00000 fabric.roundelay.dev/group=free-g00000 fabric.roundelay.dev/ring-index=2 fabric.roundelay.dev/job-
kubectl label node node-000015 --overwrite fabric.roundelay.dev/hbd=hbd-0 fabric.roundelay.dev/segment=segment-00000 fabric.roundelay.dev/group- fabric.roundelay.dev/ring-index- fabric.roundelay.dev/job-
kubectl label node node-000016 --overwrite fabric.roundelay.dev/hbd=hbd-0 fabric.roundelay.dev/segment=segment-00000 fabric.roundelay.dev/group=free-g00000 fabric.roundelay.dev/ring-index=3 fabric.roundelay.dev/job-
kubectl label node node-000018 --overwrite fabric.roundelay.dev/hbd=hbd-0 fabric.roundelay.dev/segment=segment-00000 fabric.roundelay.dev/group=llama-g00000 fabric.roundelay.dev/ring-index=0 fabric.roundelay.dev/job=llama
kubectl label node node-000019 --overwrite fabric.roundelay.dev/hbd=hbd-0 fabric.roundelay.dev/segment- fabric.roundelay.dev/group- fabric.roundelay.dev/ring-index- fabric.roundelay.dev/job- || true
kubectl label node node-000020 --overwrite fabric.roundelay.dev/hbd=hbd-0 fabric.roundelay.dev/segment=segment-00000 fabric.roundelay.dev/group=llama-g00000 fabric.roundelay.dev/ring-index=1 fabric.roundelay.dev/job=llama
kubectl label node node-000021 --overwrite fabric.roundelay.dev/hbd=hbd-0 fabric.roundelay.dev/segment- fabric.roundelay.dev/group- fabric.roundelay.dev/ring-index- fabric.roundelay.dev/job- || true
kubectl label node node-000022 --overwrite fabric.roundelay.dev/hbd=hbd-0 fabric.roundelay.dev/segment=segment-00000 fabric.roundelay.dev/group=llama-g00000 fabric.roundelay.dev/ring-index=2 fabric.roundelay.dev/job=llama
kubectl label node node-000023 --overwrite fabric.roundelay.dev/hbd=hbd-0 fabric.roundelay.dev/segment- fabric.roundelay.dev/group- fabric.roundelay.dev/ring-index- fabric.roundelay.dev/job- || true
