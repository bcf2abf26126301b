#!/bin/bash
# Cancels the jobs of the SLURM that setup.sh started, stops its daemons and removes its folder.
set -uo pipefail
folder=${1:-/tmp/sequence-search-slurm}
export SLURM_CONF=$folder/slurm.conf
if [[ ! -e $SLURM_CONF ]]; then exit 0; fi

timeout 5 scancel --user "$(id -un)" 2>/dev/null
for _ in $(seq 50); do
    if [[ -z $(timeout 5 squeue --noheader 2>/dev/null) ]]; then break; fi
    sleep 0.2
done
# munged comes last: the others sign their messages with it.
for pid_file in "$folder"/slurmd.pid "$folder"/slurmctld.pid "$folder"/munge/munged.pid; do
    if [[ ! -s $pid_file ]]; then continue; fi
    pid=$(cat "$pid_file")
    kill "$pid" 2>/dev/null
    for _ in $(seq 50); do
        if ! kill -0 "$pid" 2>/dev/null; then break; fi
        sleep 0.2
    done
done
rm -rf "$folder"
