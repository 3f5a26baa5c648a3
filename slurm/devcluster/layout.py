"""The settings and folder of a dev cluster, and the text of Slurm's configuration files.

Nothing here starts or writes anything.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

CLUSTER = "dev"
ACCOUNT = "research"
MARK = ".tsdg-devcluster"
LONGEST_FOLDER = 60
"""Characters: Slurm and munge make Unix sockets below it, whose paths end at 107."""
SUBNET = "10.99.7"  # exists in the cluster's own network namespaces only
CLIENTS = (
    "sacct",
    "sacctmgr",
    "salloc",
    "sattach",
    "sbatch",
    "sbcast",
    "scancel",
    "scontrol",
    "sdiag",
    "sinfo",
    "sprio",
    "squeue",
    "sreport",
    "srun",
    "sshare",
    "sstat",
    "strigger",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """How a dev cluster is brought up.

    Attributes:
        namespaces: Whether every node has its own network, hostname, process ids and mounts; needs
            root.
        host: Short name of the machine; the login node is called so where there are no namespaces.
        user: Name of the user who runs all daemons.
        ports: First of the ``nodes + 4`` TCP ports: controller, accounting, database, node daemons.
        pyxis: Whether ``--container-*`` flags are understood.
    """

    namespaces: bool
    host: str
    user: str
    ports: int
    nodes: int
    gpus: int
    cpus: int
    memory_mb: int
    max_array_size: int
    pyxis: bool

    @property
    def node_names(self) -> list[str]:
        """Names of the compute nodes, in order."""
        return [f"node{i}" for i in range(1, self.nodes + 1)]

    @property
    def login(self) -> str:
        """Name of the login node, which also holds the controller."""
        return "login" if self.namespaces else self.host

    def address(self, name: str) -> str:
        """Return the IPv4 address of a node, or of the login node."""
        if not self.namespaces:
            return "127.0.0.1"
        return f"{SUBNET}.{1 if name == self.login else 10 + int(name.removeprefix('node'))}"

    def dumps(self) -> str:
        """Return the settings as JSON."""
        return json.dumps(dataclasses.asdict(self), indent=1)

    @classmethod
    def load(cls, folder: Folder) -> Settings:
        """Read the settings of the cluster in a folder."""
        return cls(**json.loads(folder.settings.read_text()))


class Folder:
    """The names inside a cluster's folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.mark = root / MARK
        self.settings = root / "settings.json"
        self.lock = root / "lock"
        self.control = root / "control"
        self.conf = root / "conf"
        self.slurm_conf = self.conf / "slurm.conf"
        self.hosts = self.conf / "hosts"
        self.bin = root / "bin"
        self.log = root / "log"
        self.munge = root / "munge"
        self.munge_socket = self.munge / "socket"
        self.database = root / "database"
        self.database_socket = root / "database.socket"
        self.devices = root / "devices"
        self.state = root / "state"
        self.spool = root / "spool"
        self.pyxis = root / "lib" / "pyxis.so"


def slurm_conf(settings: Settings, folder: Folder) -> str:
    """Return slurm.conf: short waits everywhere, so that failures and requeues take seconds."""
    lines = [
        f"ClusterName={CLUSTER}",
        f"SlurmctldHost={settings.login}({settings.address(settings.login)})",
        f"SlurmctldPort={settings.ports}",
        f"SlurmUser={settings.user}",
        f"SlurmdUser={settings.user}",
        f"SlurmctldLogFile={folder.log}/slurmctld.log",
        f"SlurmctldPidFile={folder.state}/slurmctld.pid",
        f"SlurmdLogFile={folder.log}/%n.log",
        f"SlurmdPidFile={folder.spool}/%n.pid",
        f"SlurmdSpoolDir={folder.spool}/%n",
        f"StateSaveLocation={folder.state}",
        "AuthType=auth/munge",
        # A requeued job may start once its old credential has expired: 5 s instead of two minutes.
        f"AuthInfo=socket={folder.munge_socket},cred_expire=5",
        "CredType=cred/munge",
        "ProctrackType=proctrack/linuxproc",
        "TaskPlugin=task/none",
        "SwitchType=switch/none",
        "MpiDefault=none",
        "SelectType=select/cons_tres",
        "SelectTypeParameters=CR_CPU_Memory",
        "DefMemPerCPU=500",
        "GresTypes=gpu",
        "SchedulerType=sched/backfill",
        "SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0,sched_min_interval=0,bf_max_job_test=200",
        "PriorityType=priority/basic",
        "PreemptType=preempt/partition_prio",
        "PreemptMode=REQUEUE",
        f"MaxArraySize={settings.max_array_size}",
        "MaxJobCount=20000",
        "EnforcePartLimits=ALL",
        "JobRequeue=1",
        "ReturnToService=2",
        "SlurmctldTimeout=10",
        "SlurmdTimeout=10",
        "KillWait=5",
        "MinJobAge=600",
        "InactiveLimit=0",
        "Waittime=0",
        "SlurmdParameters=config_overrides",
        "PropagateResourceLimits=NONE",
        "JobAcctGatherType=jobacct_gather/linux",
        "JobAcctGatherFrequency=5",
        "AccountingStorageType=accounting_storage/slurmdbd",
        f"AccountingStorageHost={settings.address(settings.login)}",
        f"AccountingStoragePort={settings.ports + 1}",
        f"AccountingStoragePass={folder.munge_socket}",
        "AccountingStorageTRES=gres/gpu",
        "AccountingStorageEnforce=associations",
    ]
    if settings.pyxis:
        lines.append(f"PlugStackConfig={folder.conf}/plugstack.conf")
    for i, name in enumerate(settings.node_names):
        host = name if settings.namespaces else settings.host
        lines.append(
            f"NodeName={name} NodeHostname={host} NodeAddr={settings.address(name)} "
            f"Port={settings.ports + 4 + i}"
            f" CPUs={settings.cpus} RealMemory={settings.memory_mb} Gres=gpu:h100:{settings.gpus} "
            "State=UNKNOWN"
        )
    first, last = "PriorityTier=10 PreemptMode=OFF", "PriorityTier=1"
    partitions = {
        "batch": f"Default=YES MaxTime=1-0 {first}",
        "cpu": f"MaxTime=4:00:00 {first}",
        "short": f"MaxTime=1 {first}",
        "requeue": f"MaxTime=1-0 {last} PreemptMode=REQUEUE GraceTime=5",
        "cancel": f"MaxTime=1-0 {last} PreemptMode=CANCEL",
    }
    for name, limits in partitions.items():
        lines.append(f"PartitionName={name} Nodes=node[1-{settings.nodes}] DefaultTime=10 {limits}")
    return "\n".join(lines) + "\n"


def gres_conf(settings: Settings, folder: Folder) -> str:
    """Return gres.conf: each GPU is a device file that nobody opens."""
    last = settings.gpus - 1
    files = f"{folder.devices}/nvidia[0-{last}]"
    return f"AutoDetect=off\nNodeName=node[1-{settings.nodes}] Name=gpu Type=h100 File={files}\n"


def slurmdbd_conf(settings: Settings, folder: Folder) -> str:
    """Return slurmdbd.conf."""
    return "\n".join(
        [
            "AuthType=auth/munge",
            f"AuthInfo=socket={folder.munge_socket}",
            f"DbdHost={settings.login}",
            f"DbdAddr={settings.address(settings.login)}",
            f"DbdPort={settings.ports + 1}",
            f"SlurmUser={settings.user}",
            f"LogFile={folder.log}/slurmdbd.log",
            f"PidFile={folder.state}/slurmdbd.pid",
            "StorageType=accounting_storage/mysql",
            "StorageHost=127.0.0.1",
            f"StoragePort={settings.ports + 2}",
            "StorageUser=slurm",
            "StoragePass=slurm",
            "StorageLoc=slurm_acct_db",
            "CommitDelay=0",
            "",
        ]
    )


def hosts(settings: Settings) -> str:
    """Return /etc/hosts as every node sees it."""
    names = [settings.login, *settings.node_names]
    return "\n".join(
        ["127.0.0.1 localhost", *(f"{settings.address(name)} {name}" for name in names), ""]
    )


def client_script(program: str, pid: int) -> str:
    """Return a script that runs a Slurm command on the login node.

    ``pid`` is the login node's first process, as this machine numbers it.
    """
    return f'#!/bin/sh\nexec nsenter --target {pid} --net --uts -- {program} "$@"\n'
