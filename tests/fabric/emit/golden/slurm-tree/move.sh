#!/usr/bin/env bash
# roundelay: job llama, TP-16, epoch 7
set -euo pipefail
scontrol update NodeName=node-[000000-000001] Topology=roundelay:tor00
scontrol update NodeName=node-[000002-000003] Topology=roundelay:tor01
scontrol update NodeName=node-[000004-000005] Topology=roundelay:tor02
scontrol update NodeName=node-[000006-000007] Topology=roundelay:tor03
scontrol update NodeName=node-[000008-000009] Topology=roundelay:tor04
scontrol update NodeName=node-[000010-000011] Topology=roundelay:tor05
scontrol update NodeName=node-[000012-000013] Topology=roundelay:tor06
scontrol update NodeName=node-[000014-000015] Topology=roundelay:tor07
scontrol update NodeName=node-[000016-000017] Topology=roundelay:tor08
scontrol update NodeName=node-[000018-000019] Topology=roundelay:tor09
scontrol update NodeName=node-[000020-000021] Topology=roundelay:tor10
scontrol update NodeName=node-[000022-000023] Topology=roundelay:tor11
