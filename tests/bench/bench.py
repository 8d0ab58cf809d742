"""Measures miraclemax beside stock tools, and its memory and fixed cost; run.sh prepares and calls it.

Rounds are interleaved; the median counts. measuring.py says what is counted.
"""
import argparse
import ctypes
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "scenario")]
import bench_crowd  # noqa: E402
import bench_restore  # noqa: E402
import mixed_tree  # noqa: E402
from measuring import PR_SET_CHILD_SUBREAPER, Cost, costs, middle_of, remove, size_of  # noqa: E402


def worker_alone(program, root, folder, keys, threads=0, level=1):
    """Plays the controller for one worker. The control protocol is src/worker/protocol.cpp's."""
    ours, theirs = socket.socketpair()
    process = subprocess.Popen([program, "worker", "--descriptor", "3"], close_fds=True, stdin=subprocess.DEVNULL,
                               pass_fds=(3,), preexec_fn=lambda: os.dup2(theirs.fileno(), 3))
    theirs.close()
    lines = ours.makefile("r")
    with open(os.path.join(keys.public, "backup.asc"), "rb") as file:
        keyring = file.read().hex()

    def await_word(word):
        for line in lines:
            said = json.loads(line)
            if "error" in said:
                raise RuntimeError(said)
            if word in said:
                return said[word]
        raise RuntimeError(f"the worker ended before it said {word}")

    def say(what):
        ours.sendall(json.dumps(what).encode() + b"\n")
    await_word("hello")
    say({"job": {"component": "tree", "root": os.fsencode(root).hex(), "exclude": [], "trusted_xattrs": False,
                 "compression": "gzip", "level": level, "threads": threads, "keyring": keyring,
                 "fingerprints": [keys.fingerprint], "passphrase": "", "aead": False, "frozen": False, "folder": os.fsencode(folder).hex()},
         "home": ""})
    await_word("ready")
    say({"go": True})
    await_word("result")
    process.wait()


class Host:
    """What all measurements share: a folder, a bed for its socket, keys, and the commands."""

    def __init__(self, arguments):
        import world
        self.program = os.path.abspath(arguments.program)
        os.environ["MIRACLEMAX_PROGRAM"] = self.program
        self.world = world.World()
        del os.environ["MIRACLEMAX_PROGRAM"]  # miraclemax refuses a variable that it doesn't know
        self.keys = self.world.keys
        self.dir = os.path.join(self.world.dir, "bench")
        self.out = os.path.join(self.dir, "out")
        os.makedirs(self.out)

    def backup_environment(self, root):
        backups, state = os.path.join(self.out, "backups"), os.path.join(self.dir, "state")
        os.makedirs(backups, mode=0o700, exist_ok=True)
        os.makedirs(state, mode=0o700, exist_ok=True)
        config = os.path.join(self.dir, "config.yml")
        with open(config, "w") as file:
            file.write(f"encryption:\n  keys: [{self.keys.public}]\n"
                       f"components:\n  - path: {root}\n    component: tree\n    encryption: required\n")
        return {"CONTAINER_HOST": "unix://" + self.world.socket, "MIRACLEMAX_BACKUP_FOLDER": backups,
                "MIRACLEMAX_STATE_FOLDER": state, "MIRACLEMAX_CONFIG": config}


def commands(host, root, tar):
    """name -> (prepare, measured argv or call, environment, what it leaves)"""
    out, parent, leaf = host.out, os.path.dirname(root), os.path.basename(root)
    encrypt = (f"gpg --homedir {host.keys.home} --batch --quiet --trust-model always --compress-algo none "
               f"--recipient {host.keys.fingerprint} --encrypt --output {out}/archive")
    gnu_tar = f"tar -C {parent} --format=pax --xattrs --acls -cf - {leaf}"

    def piped(how):
        return ["bash", "-c", f"set -o pipefail; {gnu_tar} | {how} | {encrypt}"]

    secret = {"RESTIC_PASSWORD": "x", "BORG_PASSPHRASE": "x", "XDG_CACHE_HOME": f"{host.dir}/cache",
              "BORG_BASE_DIR": f"{host.dir}/borg"}

    def fresh(*argv):
        return lambda: subprocess.run(argv, env={**os.environ, **secret}, check=True, stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL)

    def folder():
        os.makedirs(f"{out}/worker")

    environment = host.backup_environment(root)
    return {
        "gpg alone, on the finished tar": (None, ["bash", "-c", f"{encrypt} {tar}"], {}, "archive"),
        "**miraclemax backup**": (lambda: host.backup_environment(root), [host.program, "backup"], environment, "backups"),
        "its worker alone": (folder, lambda: worker_alone(host.program, root, f"{out}/worker", host.keys), {}, "worker"),
        "tar, igzip -1, gpg": (None, piped("igzip -1 -c"), {}, "archive"),
        "tar, zstd -1 -T2, gpg": (None, piped("zstd -q -1 -T2 -c"), {}, "archive"),
        "tar, pigz -6, gpg": (None, piped("pigz -6 -c"), {}, "archive"),
        "tar, gzip -6, gpg": (None, piped("gzip -6 -c"), {}, "archive"),
        "restic backup, new repository": (fresh("restic", "-q", "-r", f"{out}/restic", "init"),
                                          ["restic", "-q", "-r", f"{out}/restic", "backup", root], secret, "restic"),
        "borg create, new repository": (fresh("borg", "init", "-e", "repokey", f"{out}/borg"),
                                        ["borg", "create", f"{out}/borg::one", root], secret, "borg"),
    }


def speed(host, root, rounds, print_row, rows):
    tar = os.path.join(host.dir, "tree.tar")
    subprocess.run(["tar", "-C", os.path.dirname(root), "--format=pax", "-cf", tar, os.path.basename(root)], check=True)
    table = {name: each for name, each in commands(host, root, tar).items()
             if "miraclemax" in name or any(word in name for word in rows)}
    measured = {name: [] for name in table}
    for _ in range(rounds):
        for name, (prepare, what, environment, leaves) in table.items():
            for path in os.listdir(host.out):
                remove(os.path.join(host.out, path))
            for path in ("cache", "borg"):
                remove(os.path.join(host.dir, path))
            if prepare:
                prepare()
            os.sync()
            call = what if callable(what) else None
            wall, cpu = costs(None if call else what, environment, call)
            measured[name].append(Cost(wall, cpu, size_of(os.path.join(host.out, leaves))))
    middle = {name: middle_of(each) for name, each in measured.items()}
    ours = middle["**miraclemax backup**"]
    print_row("", "wall s", "× ours", "CPU s", "× ours", "stored MB", "÷ ours")
    print_row("---", *["---:"] * 6)
    for name, one in middle.items():
        print_row(name, f"{one.wall:.1f}", f"{one.wall / ours.wall:.2f}", f"{one.cpu:.1f}", f"{one.cpu / ours.cpu:.2f}",
                  f"{one.size / 1e6:.0f}", f"{one.size / ours.size:.3f}")


class Peaks:
    """The greatest resident memory of a process and of each of its descendants, by the kernel's own count."""

    def __init__(self, pid):
        self.pid, self.peak, self.over = pid, {}, False
        self.thread = threading.Thread(target=self.watch, daemon=True)  # an interrupted bench ends
        self.thread.start()

    def look(self, pid):
        try:
            with open(f"/proc/{pid}/status") as file:
                facts = dict(line.split(":", 1) for line in file if line.startswith(("Name", "VmHWM")))
            if "VmHWM" in facts:  # by name too: what was forked to become gpg begins as a copy
                who = (pid, facts["Name"].strip())
                self.peak[who] = max(int(facts["VmHWM"].split()[0]), self.peak.get(who, 0))
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/children") as file:
                    for child in file.read().split():
                        self.look(int(child))
        except (OSError, ProcessLookupError):
            pass

    def watch(self):
        while not self.over:
            self.look(self.pid)
            self.find_adopted()
            time.sleep(0.02)

    def find_adopted(self):  # GPGME's gpg: this process is its subreaper
        with open(f"/proc/self/task/{os.getpid()}/children") as file:
            for child in file.read().split():
                self.look(int(child))

    def stop(self):
        self.over = True
        self.thread.join()
        return self.peak


def memory(host, counts, print_row):
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    print_row("small files", "controller MiB", "worker MiB", "each gpg MiB", "controller + worker", "wall s", "µs a file")
    print_row("---", *["---:"] * 6)
    for count in counts:
        root = os.path.join(host.dir, f"many-{count}")
        mixed_tree.make_many(root, count)
        remove(os.path.join(host.out, "backups"))
        environment = host.backup_environment(root)
        begun = time.monotonic()
        process = subprocess.Popen([host.program, "backup"], env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
        peaks = Peaks(process.pid)
        code = process.wait()
        wall = time.monotonic() - begun
        found = peaks.stop()
        while True:
            try:
                os.wait()
            except ChildProcessError:
                break
        if code != 0:
            sys.exit(f"bench: the backup of {count} files ended with {code}")
        own = os.path.basename(host.program)[:15]
        controller = found.pop((process.pid, own)) / 1024
        # A worker is started as /proc/self/exe.
        worker = max((kib for (_, name), kib in found.items() if name in (own, "exe")), default=0) / 1024
        gpg = max((kib for (_, name), kib in found.items() if name == "gpg"), default=0) / 1024
        print_row(f"{count:,}", f"{controller:.1f}", f"{worker:.1f}", f"{gpg:.1f}", f"{controller + worker:.1f}", f"{wall:.1f}",
                  f"{wall / count * 1e6:.0f}")
        remove(root)


def fixed(host, rounds, print_row):
    """Tiny volumes of running containers, backed up by the sidecar with helper containers."""
    world = host.world

    def tiny(number):
        world.volume(f"tiny{number}", backup="true")
        world.app(f"app{number}", "-v", f"tiny{number}:/data")
        mixed_tree.write(os.path.join(world.mountpoint(f"tiny{number}"), "file"), b"little")

    def backups():
        walls, frozen = [], []
        for _ in range(rounds):
            begun = time.monotonic()
            world.miraclemax("backup")
            walls.append(time.monotonic() - begun)
            frozen.append(world.record("tiny0")["freeze"]["milliseconds"])
        return statistics.median(walls), statistics.median(frozen)
    tiny(0)
    world.sidecar()
    world.miraclemax("backup")  # the first one makes the signing key
    one, frozen = backups()
    runs = []
    for _ in range(rounds):
        begun = time.monotonic()
        world.miraclemax("list")
        runs.append(time.monotonic() - begun)
    for number in range(1, 11):
        tiny(number)
    eleven, _ = backups()
    print_row("tiny volumes, sidecar, helper containers", "median")
    print_row("---", "---:")
    print_row("`podman exec … backup` of one, start to end", f"{one * 1000:.0f} ms")
    print_row("of it `podman exec` itself (with `list`)", f"{statistics.median(runs) * 1000:.0f} ms")
    print_row("of it the container was frozen", f"{frozen:.0f} ms")
    print_row("each further one (of eleven, each in a group of its own)", f"{(eleven - one) * 100:.0f} ms")


def machine():
    with open("/proc/cpuinfo") as file:
        model = next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    with open("/etc/os-release") as file:
        system = next(line.split("=", 1)[1].strip().strip('"') for line in file if line.startswith("PRETTY_NAME"))
    return f"{model}, {os.cpu_count()} cores, {system}, load {os.getloadavg()[0]:.1f} at the start"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--keep", action="store_true", help="keep the tree for the next time")
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--rows", default="", help="of the speed table only those that one of these words is in: "
                        "a,b,c (miraclemax's always)")
    parser.add_argument("--only", default="speed,restore,memory,fixed,crowd")
    arguments = parser.parse_args()
    rounds = arguments.rounds or (1 if arguments.quick else 3)
    mebibytes = 256 if arguments.quick else 2048
    only = arguments.only.split(",")
    print(machine(), "\n", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # and the bed is taken down
    host = Host(arguments)

    def print_row(*cells):
        print("| " + " | ".join(cells) + " |", flush=True)
    try:
        if "speed" in only or "restore" in only:
            root = mixed_tree.kept(mebibytes)
            entries, size = mixed_tree.measure(root)
            tree = f"A tree of {size / 1e6:,.0f} MB and {entries:,} entries"
        if "speed" in only:
            print(f"{tree}; medians of {rounds}:\n", flush=True)
            speed(host, root, rounds, print_row, arguments.rows.split(","))
            print()
        if "restore" in only:
            print(f"{tree}, restored; medians of {rounds}:\n", flush=True)
            bench_restore.restore(host, root, rounds, print_row)
            print()
        if ("speed" in only or "restore" in only) and not arguments.keep:
            shutil.rmtree(os.path.dirname(root))
        if "memory" in only:
            counts = [1_000, 20_000] if arguments.quick else [1_000, 100_000] + [1_000_000] * arguments.long
            memory(host, counts, print_row)
            print()
        if "fixed" in only:
            fixed(host, 3 if arguments.quick else 15, print_row)
            host.world.drop_sidecar()
            print()
        if "crowd" in only:
            bench_crowd.crowd(host, 1 if arguments.quick else max(rounds, 15), print_row)
    finally:
        host.world.close()


if __name__ == "__main__":
    main()
