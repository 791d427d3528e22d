#!/usr/bin/env bash
# Install Slurm from Debian's packages and start it on this one machine, with a configuration of its own under the
# folder given (default .slurm); /etc/slurm/slurm.conf becomes a link to it, and one that is there already is left alone:
# then nothing is done. A second call finds it running. Needs root.
set -euo pipefail
export PATH="$PATH:/usr/sbin:/sbin"  # daemons and runuser are there, which not every root looks into
folder=$(mkdir -p "${1:-.slurm}" && cd "${1:-.slurm}" && pwd)
export SLURM_CONF="$folder/slurm.conf"

if [ -f "$SLURM_CONF" ] && timeout 10 sinfo --noheader >/dev/null 2>&1; then
  echo "Slurm is running: export SLURM_CONF=$SLURM_CONF"
  exit 0
fi
if ! command -v slurmctld >/dev/null || ! command -v slurmd >/dev/null || ! command -v munged >/dev/null; then
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "Slurm is not installed, and installing it needs root on Debian or Ubuntu:" >&2
    echo "  apt-get install slurm-wlm munge" >&2
    exit 1
  fi
  echo "Installing slurm-wlm and munge ..."
  apt-get update -qq >/dev/null
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq slurm-wlm munge >/dev/null
fi
if [ "$(id -u)" != 0 ]; then
  echo "Starting Slurm needs root: it starts jobs in the name of users." >&2
  exit 1
fi

host=$(hostname)
cpus=$(nproc)
memory=$(awk '/MemTotal/ {print int($2 / 1024 * 0.8)}' /proc/meminfo)
mkdir -p "$folder/state" "$folder/spool" "$folder/log"
cat >"$SLURM_CONF" <<CONF
ClusterName=filiation
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
AuthType=auth/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
ReturnToService=2
MpiDefault=none
SchedulerParameters=sched_interval=2,batch_sched_delay=1
MinJobAge=300
InactiveLimit=0
KillWait=5
SwitchType=switch/none
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cpus Boards=1 SocketsPerBoard=1 CoresPerSocket=$cpus ThreadsPerCore=1 RealMemory=$memory State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF

# Snakemake's Slurm executor clears SLURM_* variables, so jobs find the configuration only in its usual place.
if [ -e /etc/slurm/slurm.conf ] && [ "$(readlink -f /etc/slurm/slurm.conf)" != "$SLURM_CONF" ]; then
  echo "This machine has a Slurm configuration of its own in /etc/slurm/slurm.conf; it is left alone." >&2
  exit 1
fi
mkdir -p /etc/slurm && ln -sf "$SLURM_CONF" /etc/slurm/slurm.conf

munge -n >/dev/null 2>&1 || service munge start >/dev/null 2>&1 || runuser -u munge -- munged || true
munge -n >/dev/null 2>&1 || { echo "munge does not run; see /var/log/munge/munged.log." >&2; exit 1; }
slurmctld -f "$SLURM_CONF"
sleep 1
slurmd -f "$SLURM_CONF"
for _ in $(seq 30); do
  if timeout 5 sinfo --noheader --states=idle,mixed,allocated 2>/dev/null | grep -q main; then
    echo "Slurm is running: export SLURM_CONF=$SLURM_CONF"
    exit 0
  fi
  sleep 1
done
echo "Slurm did not come up within 30 s; its logs are in $folder/log." >&2
exit 1
