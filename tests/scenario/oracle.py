"""What must hold after any end of any run, whatever was killed, cut off or full (notes: O1 to O7)."""
import os
import re
import shutil
import signal
import subprocess
import time

from world import LONG, run, wait_until

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "src")


def points_in_sources():
    """Every fault point's name that the program may reach."""
    names = set()
    for folder, _, files in os.walk(SOURCE):
        for name in files:
            with open(os.path.join(folder, name)) as file:
                names.update(re.findall(r'MIRACLEMAX_FAULT_POINT\("([^"]+)"\)', file.read()))
    return names


def bed_pid(world):
    """The first process of the bed, as the host numbers it."""
    with open(os.path.join(world.bed, "pid")) as file:
        return run("pgrep", "-P", file.read().strip()).stdout.split()[0]


def in_mounts(pid, *argv, check=True):
    return run("nsenter", "-t", str(pid), "-m", *argv, check=check)


def processes(world, pattern):
    """The pids, seen from outside, of those of the bed's containers."""
    found = []
    for pid in run("pgrep", "-f", pattern, check=False).stdout.split():
        try:
            with open(f"/proc/{pid}/mountinfo", encoding="utf-8") as file:
                if world.bed in file.read():
                    found.append(int(pid))
        except OSError:
            pass  # it has ended
    return found


def run_pid(world):
    """Of the backup that podman exec started in this bed."""
    return next(iter(processes(world, "^miraclemax backup")), None)


class Oracle:
    def __init__(self, test, *names):
        self.test, self.world, self.names = test, test.world, names
        self.before = self.states()
        self.proven = set()
        self.ring = None  # the sidecar's public signing key

    # --- O1: every container is what it was, and still the same ---
    def states(self):
        """By the list alone: one call, which doesn't fail over a worker that ends meanwhile."""
        listed = self.world.api("GET", "containers/json?all=true") or []
        now = {each["Names"][0]: (each["Id"], each["State"]) for each in listed}
        return {name: now.get(name) for name in self.names}

    def as_before(self, what, seconds=30):
        try:
            wait_until(lambda: self.states() == self.before, "containers", seconds)
        except AssertionError:
            self.test.fail(f"{what}: containers were {self.before}, are {self.states()}")

    def frozen(self):
        return any(state != self.before[name] for name, state in self.states().items())

    def acts(self):
        """How often podman paused, stopped or started one of them so far."""
        told = self.world.podman("events", "--stream=false", "--format", "{{.Status}} {{.Name}}").stdout
        lines = [line.split() for line in told.splitlines()]
        return sum(1 for line in lines if len(line) == 2 and line[1] in self.names and line[0] not in
                   ("exec", "exec_died", "create", "init", "attach", "cleanup"))

    # --- O2, O4: what is listed is whole, and what was listed stays ---
    def backups_are_whole(self, what):
        ids = self.world.ids()
        self.test.assertLessEqual(self.proven, set(ids), f"{what}: a good backup is gone")
        for id in ids:
            if id in self.proven:
                continue
            self.world.check_sums(id)
            self.signature(id)
            if LONG:
                for component in self.world.manifest(id)["components"]:
                    shutil.rmtree(os.path.dirname(self.world.extract(component["name"], id)))
            self.proven.add(id)
        latest = os.path.join(self.world.backups, "latest")
        if os.path.lexists(latest):
            self.test.assertIn(os.readlink(latest), ids, what)

    def signature(self, id):
        if self.ring is None:
            ring = os.path.join(self.world.dir, "signing.gpg")
            with open(ring, "wb") as file:
                file.write(self.world.podman("exec", "miraclemax", "miraclemax", "key", "--export", text=False).stdout)
            self.ring = ring
        run("gpgv", "--quiet", "--keyring", self.ring, "manifest.json.sig", "manifest.json",
            cwd=os.path.join(self.world.backups, id))

    # --- together ---
    def holds(self, what):
        """After any end: `miraclemax recover` succeeds, and then O1, O2 and O4 hold."""
        done = self.world.miraclemax("recover", check=False)
        self.test.assertEqual(done.returncode, 0, f"{what}: recover\n{done.stdout}\n{done.stderr}")
        self.as_before(what)
        self.backups_are_whole(what)

    def told_truth(self, what, code, listed_before, told):
        """O7: 0 and 3 mean one more backup is listed, anything else none."""
        more = len(set(self.world.ids()) - set(listed_before))
        self.test.assertEqual(more, 1 if code in (0, 3) else 0, f"{what}: exit code {code}\n{told}")

    def leftovers(self):
        """O6: what no run leaves behind, by place."""
        world = self.world
        listing = self.listed("find journal control -mindepth 1 2>/dev/null")
        listed = world.api("GET", "containers/json?all=true") or []
        workers = [each["Names"][0] for each in listed if each["Names"][0].startswith("miraclemax-worker")]
        return listing + self.key_folders() + workers + world.debris()

    def key_folders(self):
        """The throwaway GNUPGHOMEs in the sidecar."""
        return self.listed("ls -d /dev/shm/mm-* /run/mm-* /tmp/mm-* 2>/dev/null")

    def listed(self, command):
        """In the sidecar; one that is dead has not nothing, but is an error."""
        script = f"cd /var/lib/miraclemax || exit; {command}; true"
        return self.world.podman("exec", "miraclemax", "sh", "-c", script).stdout.split()

    def nothing_is_left(self, what):
        """After runs that were killed, too."""
        if self.key_folders():
            time.sleep(2)  # a younger one is left alone: it may be one that is just being made
            self.holds(what)
        self.test.assertEqual(self.leftovers(), [], what)

    def next_run_is_clean(self, what="the next run"):
        self.world.backup()
        self.holds(what)
        self.nothing_is_left(what)


class Fault:
    """One backup in the sidecar with a fault point set."""

    def __init__(self, world, plan=None, environment=(), command=("backup",)):
        self.world, self.command = world, command
        self.log = os.path.join(world.mountpoint("miraclemax-state"), "fault.log")
        if os.path.exists(self.log):
            os.unlink(self.log)
        self.environment = ["MIRACLEMAX_FAULT_LOG=/var/lib/miraclemax/fault.log", *environment]
        if plan:
            self.environment.append(f"MIRACLEMAX_FAULT={plan}")

    def reached(self):
        try:
            with open(self.log) as file:
                return file.read().split()
        except FileNotFoundError:
            return []

    def run(self):
        """(exit code, what it said)"""
        done = self.world.miraclemax(*self.command, check=False, environment=self.environment)
        return done.returncode, done.stdout + done.stderr

    def run_until_it_hangs(self, number):
        """Kills it once it hangs at that point. False: it ended without."""
        going = self.world.start_backup(environment=self.environment)
        try:
            wait_until(lambda: len(self.reached()) >= number or going.poll() is not None, "the hang or the end", 120)
            hung = len(self.reached()) >= number
            if hung:
                pid = run_pid(self.world)
                if pid:
                    os.kill(pid, signal.SIGKILL)
            going.communicate(timeout=120)
            return hung
        except subprocess.TimeoutExpired:
            going.kill()
            raise
