#!/bin/bash
# Starts a SLURM of one node on this Debian machine, without systemd, cgroups or accounting, on loopback only.
# Run as root. Every file of the daemons lies in FOLDER; a second call starts only what does not run.
#   tests/slurm/setup.sh [FOLDER]     then: export SLURM_CONF=FOLDER/slurm.conf
#   tests/slurm/check.sh [FOLDER]     srun, sbatch, arrays and scancel work
#   tests/slurm/teardown.sh [FOLDER]  stops the daemons and removes FOLDER
set -euo pipefail
folder=${1:-/tmp/sequence-search-slurm}
export SLURM_CONF=$folder/slurm.conf

fail() {
    echo "error: $*" >&2
    exit 1
}

install_packages() {
    command -v slurmctld slurmd sbatch munged >/dev/null && return
    command -v apt-get >/dev/null || fail "slurmctld, slurmd, sbatch or munged is missing, and there is no apt-get"
    apt-get update -qq
    # The packages would start their services with settings of their own; a policy of 101 forbids it meanwhile.
    local policy=/usr/sbin/policy-rc.d ours=
    if [[ ! -e $policy ]]; then
        ours=yes
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod +x $policy
    fi
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        slurmctld slurmd slurm-client munge >/dev/null
    if [[ $ours ]]; then rm $policy; fi
}

make_folder() {
    mkdir -p "$folder"
    [[ -O $folder ]] || fail "$folder belongs to someone else; give another folder"
    chmod 755 "$folder"
    mkdir -p "$folder"/{state,spool,log}
    # munged refuses a folder for its socket or key that others may write to.
    mkdir -p -m 700 "$folder/key"
    mkdir -p -m 755 "$folder/munge"
    [[ -s $folder/key/munge.key ]] || (umask 077 && head -c 1024 /dev/urandom >"$folder/key/munge.key")
}

write_config() {
    local host memory cpus
    host=$(hostname -s)
    # nproc would answer with OMP_NUM_THREADS. Two at least, so that two jobs run side by side on any machine.
    cpus=$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc)
    cpus=$((cpus < 2 ? 2 : cpus))
    memory=$(awk '/MemTotal/ {print int($2 / 1024 * 0.9)}' /proc/meminfo)
    cat >"$folder/slurm.conf" <<CONF
ClusterName=sequence-search
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1,sched_min_interval=0,bf_interval=1
ReturnToService=2
SlurmdParameters=config_overrides
JobRequeue=1
KillWait=20
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cpus RealMemory=$memory State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=1-00:00:00 State=UP
CONF
}

start() {  # PIDFILE COMMAND...: unless it runs already
    local pid_file=$1 process
    shift
    # State and name: a zombie (Z), which nobody waits for in some containers, does not run.
    process=$(ps -o stat=,comm= -p "$(cat "$pid_file" 2>/dev/null || echo 0)" || true)
    if [[ $process == [^Z]*" $1" ]]; then return; fi
    "$@" || fail "$1 did not start; see $folder/log"
}

wait_until_idle() {
    for _ in $(seq 100); do
        if [[ $(timeout 5 sinfo --noheader --format %T 2>/dev/null) =~ ^(idle|mixed|allocated)$ ]]; then return; fi
        sleep 0.2
    done
    tail -n 20 "$folder"/log/*.log >&2
    fail "the node does not come up; see $folder/log"
}

[[ $EUID == 0 ]] || fail "SLURM's daemons start as root; run with sudo"
install_packages
make_folder
[[ -s $folder/slurm.conf ]] || write_config
start "$folder/munge/munged.pid" munged --key-file="$folder/key/munge.key" \
    --socket="$folder/munge/socket" --pid-file="$folder/munge/munged.pid" \
    --log-file="$folder/log/munged.log" --seed-file="$folder/key/seed"
start "$folder/slurmctld.pid" slurmctld -f "$SLURM_CONF"
start "$folder/slurmd.pid" slurmd -f "$SLURM_CONF"
wait_until_idle
echo "export SLURM_CONF=$SLURM_CONF"
