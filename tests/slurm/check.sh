#!/bin/bash
# Shows that srun, sbatch, an array and scancel work on the SLURM that setup.sh started.
set -euo pipefail
folder=${1:-/tmp/sequence-search-slurm}
export SLURM_CONF=$folder/slurm.conf
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

fail() {
    echo "error: $*" >&2
    exit 1
}

state() {  # JOB: such as COMPLETED
    scontrol --oneliner show job "$1" | sed -E 's/.*JobState=([A-Z]+).*/\1/'
}

[[ $(srun --quiet hostname -s) == "$(hostname -s)" ]] || fail "srun hostname"

sbatch --quiet --wait --output="$out/single" --wrap 'echo single' || fail "sbatch"
[[ $(cat "$out/single") == single ]] || fail "sbatch's output"

sbatch --quiet --wait --array=0-3 --output="$out/array-%a" --wrap 'echo $SLURM_ARRAY_TASK_ID' || fail "array"
[[ $(cat "$out"/array-? | tr '\n' ' ') == "0 1 2 3 " ]] || fail "the array's output"

job=$(sbatch --parsable --output="$out/cancelled" --wrap 'exec sleep 300')
for _ in $(seq 50); do
    if [[ $(state "$job") == RUNNING ]]; then break; fi
    sleep 0.2
done
scancel "$job"
for _ in $(seq 50); do
    if [[ $(state "$job") == CANCELLED ]]; then break; fi
    sleep 0.2
done
[[ $(state "$job") == CANCELLED ]] || fail "scancel"
echo "srun, sbatch, arrays and scancel work"
