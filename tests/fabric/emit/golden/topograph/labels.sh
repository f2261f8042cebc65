#!/usr/bin/env bash
# roundelay: job llama, TP-16, epoch 7
set -euo pipefail
kubectl label node node-000000 --overwrite network.topology.nvidia.com/accelerator=llama-g00001 network.topology.nvidia.com/leaf=tor00 network.topology.nvidia.com/spine=pod00 network.topology.nvidia.com/core=core
kubectl label node node-000002 --overwrite network.topology.nvidia.com/accelerator=llama-g00001 network.topology.nvidia.com/leaf=tor01 network.topology.nvidia.com/spine=pod00 network.topology.nvidia.com/core=core
kubectl label node node-000003 --overwrite network.topology.nvidia.com/accelerator=llama-g00000 network.topology.nvidia.com/leaf=tor01 network.topology.nvidia.com/spine=pod00 network.topology.nvidia.com/core=core
kubectl label node node-000004 --overwrite network.topology.nvidia.com/accelerator=llama-g00001 network.topology.nvidia.com/leaf=tor02 network.topology.nvidia.com/spine=pod00 network.topology.nvidia.com/core=core
kubectl label node node-000005 --overwrite network.topology.nvidia.com/leaf=tor02 network.topology.nvidia.com/spine=pod00 network.topology.nvidia.com/core=core
kubectl label node node-000007 --overwrite network.topology.nvidia.com/leaf=tor03 network.topology.nvidia.com/spine=pod00 network.topology.nvidia.com/core=core
kubectl label node node-000008 --overwrite network.topology.nvidia.com/accelerator=llama-g00001 network.topology.nvidia.com/leaf=tor04 network.topology.nvidia.com/spine=pod01 network.topology.nvidia.com/core=core
kubectl label node node-000009 --overwrite network.topology.nvidia.com/accelerator=other-g00000 network.topology.nvidia.com/leaf=tor04 network.topology.nvidia.com/spine=pod01 network.topology.nvidia.com/core=core
kubectl label node node-000010 --overwrite network.topology.nvidia.com/accelerator=free-g00000 network.topology.nvidia.com/leaf=tor05 network.topology.nvidia.com/spine=pod01 network.topology.nvidia.com/core=core
kubectl label node node-000011 --overwrite network.topology.nvidia.com/accelerator=other-g00000 network.topology.nvidia.com/leaf=tor05 network.topology.nvidia.com/spine=pod01 network.topology.nvidia.com/core=core
kubectl label node node-000012 --overwrite network.topology.nvidia.com/accelerator=free-g00000 network.topology.nvidia.com/leaf=tor06 network.topology.nvidia.com/spine=pod01 network.topology.nvidia.com/core=core
kubectl label node node-000013 --overwrite network.topology.nvidia.com/accelerator=other-g00000 network.topology.nvidia.com/leaf=tor06 network.topology.nvidia.com/spine=pod01 network.topology.nvidia.com/core=core
kubectl label node node-000014 --overwrite network.topology.nvidia.com/accelerator=free-g00000 network.topology.nvidia.com/leaf=tor07 network.topology.nvidia.com/spine=pod01 network.topology.nvidia.com/core=core
kubectl label node node-000015 --overwrite network.topology.nvidia.com/leaf=tor07 network.topology.nvidia.com/spine=pod01 network.topology.nvidia.com/core=core
kubectl label node node-000016 --overwrite network.topology.nvidia.com/accelerator=free-g00000 network.topology.nvidia.com/leaf=tor08 network.topology.nvidia.com/spine=pod02 network.topology.nvidia.com/core=core
kubectl label node node-000017 --overwrite network.topology.nvidia.com/accelerator=other-g00000 network.topology.nvidia.com/leaf=tor08 network.topology.nvidia.com/spine=pod02 network.topology.nvidia.com/core=core
kubectl label node node-000018 --overwrite network.topology.nvidia.com/accelerator=llama-g00000 network.topology.nvidia.com/leaf=tor09 network.topology.nvidia.com/spine=pod02 network.topology.nvidia.com/core=core
kubectl label node node-000020 --overwrite network.topology.nvidia.com/accelerator=llama-g00000 network.topology.nvidia.com/leaf=tor10 network.topology.nvidia.com/spine=pod02 network.topology.nvidia.com/core=core
kubectl label node node-000022 --overwrite network.topology.nvidia.com/accelerator=llama-g00000 network.topology.nvidia.com/leaf=tor11 network.topology.nvidia.com/spine=pod02 network.topology.nvidia.com/core=core
