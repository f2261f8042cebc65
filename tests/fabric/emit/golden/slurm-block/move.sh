#!/usr/bin/env bash
# roundelay: job llama, TP-16, epoch 7
set -euo pipefail
scontrol update NodeName=node-[000018,000020,000022,000003] Topology=roundelay:llama-g00000
scontrol update NodeName=node-[000000,000002,000004,000008] Topology=roundelay:llama-g00001
scontrol update NodeName=node-[000009,000011,000013,000017] Topology=roundelay:other-g00000
scontrol update NodeName=node-[000010,000012,000014,000016] Topology=roundelay:free-g00000
