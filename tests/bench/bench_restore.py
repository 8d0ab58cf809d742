"""Measures how long it takes to bring a volume back, beside stock tools that read the same archive, and restic.

miraclemax runs as it does for its users: in a sidecar, its two workers in helper containers, a container that uses the
volume stopped for the swap. What it brings back is checked, on disk and in place when it ends; tar's and restic's
isn't on disk yet, and restic's not checked, so one row each says what they take until it is.

Nothing is deleted before all is measured: without a journal ext4 searches long for inodes that weren't just freed.
So it takes six times the tree a round.
"""
import json
import os
import statistics
import subprocess

from measuring import Cost, costs, middle_of, remove, used_below

OURS = "**miraclemax restore**"
SETTLE = 0.1  # seconds for which it watches the started container: no work, and only here so short


class Sidecar:
    """The volume with its container, one backup of it, and the command that brings it back."""

    def __init__(self, host, root):
        world = self.world = host.world
        world.volume("data", backup="true", component="tree", encryption="required")
        self.root = world.mountpoint("data")
        subprocess.run(["cp", "-a", "--reflink=auto", f"{root}/.", self.root], check=True)
        world.app("user", "-v", "data:/data")
        world.sidecar(name="restoring", environment={"RESTORE_SETTLE_TIME": f"{int(SETTLE * 1000)}ms"})
        world.miraclemax("backup", name="restoring")
        self.archive = os.path.join(world.backups, "latest", world.record("tree")["archive"]["file"]["path"])
        with open(os.path.join(world.bed, "pid")) as file:
            self.bed_pid = int(file.read())
        self.key = os.path.join(host.dir, "private.asc")
        keys = world.keys
        with open(os.open(self.key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(keys.gpg("--armor", "--export-secret-keys", keys.fingerprint).stdout)
        self.told = os.path.join(host.dir, "told.json")
        self.downtimes, self.parts = [], []

    def command(self):
        from world import BED
        with open(self.key) as key, open(self.told, "w") as told:
            subprocess.run([BED, "in", self.world.bed, "podman", "exec", "-i", "restoring", "miraclemax", "restore", "--latest",
                            "--force", "--json", "--key", "-"], stdin=key, stdout=told, check=True)

    def restore(self):
        """Its wall and CPU seconds: of the command, and of all that it makes podman do in the bed."""
        before = used_below(self.bed_pid)
        wall, cpu = costs(None, call=self.command)
        cpu += used_below(self.bed_pid) - before
        wall -= SETTLE
        with open(self.told) as file:
            ended = next(said for said in map(json.loads, file) if said.get("event") == "ended")
        down = sum(ended["downtime_milliseconds"]) / 1000
        self.downtimes.append(down)
        self.parts.append(down / wall)
        return wall, cpu

    def close(self):
        self.world.podman("rm", "-f", "-t", "0", "restoring", "user", check=False)
        self.world.podman("volume", "rm", "-f", "data", check=False)
        remove(self.key)


def same_size(one, other):
    """Fast, and no more than a guard: that nobody wins by doing less. The scenarios compare everything."""
    def facts(root):
        return sorted((os.path.relpath(os.path.join(folder, name), root), os.lstat(os.path.join(folder, name)).st_size)
                      for folder, folders, names in os.walk(root) if ".miraclemax-" not in folder for name in names)
    if facts(one) != facts(other):
        raise SystemExit(f"bench: {other} is not what {one} is")


def others(host, sidecar):
    """name -> (command into {into}, environment, where its tree is in there)"""
    repository = {"RESTIC_PASSWORD": "x", "RESTIC_REPOSITORY": f"{host.dir}/restic", "XDG_CACHE_HOME": f"{host.dir}/cache"}
    for argv in (["init"], ["backup", sidecar.root]):
        subprocess.run(["restic", "-q", *argv], env={**os.environ, **repository}, check=True, stdout=subprocess.DEVNULL)
    stock = (f"gpg --homedir {host.keys.home} --batch --quiet --decrypt {sidecar.archive} | "
             "tar -C {into} --xattrs '--xattrs-include=*' --acls --numeric-owner -xzpf -")
    restic = "restic -q restore latest --target {into}"
    return {
        "gpg -d, tar xz": (stock, {}, "tree"),
        "gpg -d, tar xz, and on disk": (stock + " && sync -f {into}", {}, "tree"),
        "restic restore": (restic, repository, sidecar.root.lstrip("/")),
        "restic restore, checked, and on disk": (restic + " --verify && sync -f {into}", repository, sidecar.root.lstrip("/")),
    }


AIMS = {"gpg -d, tar xz": "0.80", "restic restore": "0.60"}


def tell(measured, sidecar, print_row):
    ours = middle_of(measured[OURS])
    print_row("", "wall s", "ours ÷ it", "aim", "CPU s", "ours ÷ it")
    print_row("---", *["---:"] * 5)
    for name, each in measured.items():
        one = middle_of(each)
        print_row(name, f"{one.wall:.1f}", f"{ours.wall / one.wall:.2f}", AIMS.get(name, ""), f"{one.cpu:.1f}",
                  f"{ours.cpu / one.cpu:.2f}")
    print()
    print_row("containers stopped", "median", "aim")
    print_row("---", "---:", "---:")
    print_row("for", f"{statistics.median(sidecar.downtimes) * 1000:.0f} ms", "")
    print_row("of the whole restore", f"{statistics.median(sidecar.parts) * 100:.1f} %", "5 %")


def restore(host, root, rounds, print_row):
    sidecar = Sidecar(host, root)
    try:
        table = others(host, sidecar)
        measured = {name: [] for name in (OURS, *table)}
        for turn in range(rounds):
            os.sync()
            measured[OURS].append(Cost(*sidecar.restore(), 0))
            same_size(root, sidecar.root)
            for number, (name, (command, environment, where)) in enumerate(table.items()):
                into = f"{host.out}/restored-{turn}-{number}"
                os.makedirs(into)
                os.sync()
                argv = ["bash", "-c", "set -o pipefail; " + command.format(into=into)]
                measured[name].append(Cost(*costs(argv, environment), 0))
                same_size(root, os.path.join(into, where))
        tell(measured, sidecar, print_row)
        sidecar.world.miraclemax("restore", "--discard-old", "--force", name="restoring")
    finally:
        sidecar.close()
        for name in os.listdir(host.out):
            remove(os.path.join(host.out, name))
