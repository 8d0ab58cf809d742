"""Measures a backup beside a crowd of slow and broken HTTP clients of the sidecar, and without it.

The crowd has the same cores, so what it takes itself is said too. Rounds alternate, medians count: one backup alone
differs from the next by more than the crowd costs.
"""
import os
import statistics
import subprocess
import time

from measuring import used_below
from oracle import bed_pid

CROWD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scenario", "crowd.py")
CLIENTS = 500
BYTES = 512_000_000


class Crowd:
    def __init__(self, world):
        network = ["nsenter", "--target", bed_pid(world), "--net", "setpriv", "--pdeathsig", "KILL"]
        self.process = subprocess.Popen([*network, "/usr/bin/python3", CROWD, "9847", str(CLIENTS)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()

    def cpu(self):
        return used_below(self.process.pid)

    def leave(self):
        self.process.communicate("over\n", timeout=60)


def timed_backup(world):
    begun = time.monotonic()
    world.miraclemax("backup", "--component", "data")
    return time.monotonic() - begun


def crowd(host, rounds, print_row):
    world = host.world
    world.volume("data", backup="true")
    with open(os.path.join(world.mountpoint("data"), "noise"), "wb") as file:
        for _ in range(BYTES // 1_000_000):
            file.write(os.urandom(1_000_000))
    world.sidecar(network="host", environment={"SCHEDULE_BACKUP": "off", "SCHEDULE_VERIFY": "off"})
    timed_backup(world)  # the first one makes the signing key
    alone, beside, taken = [], [], []
    for _ in range(rounds):
        alone.append(timed_backup(world))
        many = Crowd(world)
        before = many.cpu()
        beside.append(timed_backup(world))
        taken.append(many.cpu() - before)
        many.leave()
    calm, busy = statistics.median(alone), statistics.median(beside)
    print_row(f"a backup of {BYTES // 1_000_000} MB", "median")
    print_row("---", "---:")
    print_row("alone", f"{calm:.2f} s")
    print_row(f"beside {CLIENTS} slow and broken HTTP clients", f"{busy:.2f} s")
    print_row("ratio", f"{busy / calm:.2f}")
    print_row("CPU that the clients took meanwhile", f"{statistics.median(taken):.2f} s")
