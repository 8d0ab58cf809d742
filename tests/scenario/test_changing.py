"""Backups while the volume moves: what stands still is right, what moves is named, nothing leads outside."""
import ctypes
import json
import os
import random
import shutil
import signal
import time
import zlib

import tree
from world import LONG, Scenario, run

BLOCK = 512
EXCHANGE = 2  # RENAME_EXCHANGE
libc = ctypes.CDLL(None, use_errno=True)


def exchange(one, other):
    libc.renameat2(-100, os.fsencode(one), -100, os.fsencode(other), EXCHANGE)


def slow_backup(world, *inject):
    """By the program on the host with its child worker, each of whose opens or reads strace holds up: what has
    microseconds to happen otherwise is then all but certain to."""
    state = os.path.join(world.bed, "state")
    os.makedirs(state, exist_ok=True)
    options = [word for each in inject for word in ("-e", "inject=" + each)]
    calls = ",".join(each.split(":")[0] for each in inject)
    return run("strace", "-f", "-qq", "-o", "/dev/null", "--seccomp-bpf", "-e", "trace=" + calls, *options,
               os.environ["MIRACLEMAX_PROGRAM"], "backup", check=False,
               env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "CONTAINER_HOST": "unix://" + world.socket,
                    "MIRACLEMAX_BACKUP_FOLDER": world.backups, "MIRACLEMAX_STATE_FOLDER": state,
                    "MIRACLEMAX_ENCRYPTION_KEYS": world.keys.public, "MIRACLEMAX_COMPRESSION_LEVEL": "0"})


# --- contents that tell whether they are torn ---
def block(name, version, number):
    head = b"%s %d %d " % (name.encode(), version, number)
    head += b"%08x " % zlib.crc32(head)
    return head.ljust(BLOCK - 1, b".") + b"\n"


def blocks(name, content):
    """[(version, number)] or why it can't be one state of the file"""
    if len(content) % BLOCK:
        return f"{len(content)} bytes are no whole blocks"
    found = []
    for at in range(0, len(content), BLOCK):
        words = content[at:at + BLOCK].split(b" ", 4)
        if len(words) != 5 or content[at:at + BLOCK] != block(name, int(words[1]), int(words[2])):
            return f"block {at // BLOCK} is not what was written"
        found.append((int(words[1]), int(words[2])))
    return found


def torn(name, content):
    """Why the content was at no time that of the file; writers write block by block, from the first on."""
    found = blocks(name, content)
    if isinstance(found, str):
        return found
    if [number for _, number in found] != list(range(len(found))):
        return "blocks are missing or doubled"
    versions = [version for version, _ in found]
    if versions != sorted(versions, reverse=True) or (versions and versions[0] - versions[-1] > 1):
        return f"versions {sorted(set(versions))} never stood together"
    return None


# --- writers: each a process, so that they move while Python waits ---
def fill(path, name, version, length):
    with open(path, "wb", buffering=0) as file:
        for number in range(length):
            file.write(block(name, version, number))


class Writer:
    """Moves a few entries of one folder until it is ended. Which names are always there: `lasting`; when the others
    were not there stands in a diary."""

    def __init__(self, root, kind, seed, diary):
        self.folder = os.path.join(root, kind)
        os.makedirs(self.folder)
        self.names = [f"{kind}{number}" for number in range(8)]
        self.random = random.Random(seed)
        self.act = getattr(self, kind)
        self.lasting = kind in ("append", "truncate", "overwrite", "over", "exchange")
        self.version = dict.fromkeys(self.names, 0)
        self.pid = 0
        self.diary = open(diary, "ab+", buffering=0)
        self.read_up_to = 0
        self.gone = {}  # name -> since when it is not there
        for name in self.names:
            fill(self.path(name), name, 0, 20 if name != self.names[-1] else 9000)  # the last is a big one

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self):
        self.pid = os.fork()
        if self.pid == 0:
            try:
                while True:
                    name = self.random.choice(self.names + self.names[-1:])
                    self.version[name] += 1
                    self.act(self.path(name), name, self.version[name])
                    time.sleep(self.random.choice((0, 0, 0.001, 0.005)))
            finally:
                os._exit(1)

    def end(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        self.diary.close()

    def note(self, name, there):
        """Before it goes, and after it came."""
        self.diary.write(f"{time.monotonic_ns()} {name} {there:d}\n".encode())

    def was_gone_since(self, began):
        """The names that were not there at some time since then."""
        descriptor = self.diary.fileno()
        text = os.pread(descriptor, os.fstat(descriptor).st_size - self.read_up_to, self.read_up_to)
        lines = text.splitlines(keepends=True)
        found = set(self.gone)
        for line in lines:
            if not line.endswith(b"\n"):
                break
            self.read_up_to += len(line)
            when, name, there = line.decode().split()
            if there == "0":
                self.gone[name] = int(when)
                found.add(name)
            else:
                self.gone.pop(name, None)
                if int(when) < began:
                    found.discard(name)
        return found

    def append(self, path, name, version):
        with open(path, "ab", buffering=0) as file:
            number = file.tell() // BLOCK
            for each in range(number, number + 1 + version % 3):
                file.write(block(name, 0, each))
        if number > 12000:
            os.truncate(path, 20 * BLOCK)

    def truncate(self, path, name, version):
        fill(path, name, version, self.random.choice((0, 3, 40, 200)))

    def overwrite(self, path, name, version):
        with open(path, "r+b", buffering=0) as file:
            for number in range(os.fstat(file.fileno()).st_size // BLOCK):
                file.write(block(name, version, number))

    def over(self, path, name, version):
        fill(path + "~", name, version, 20)
        os.rename(path + "~", path)

    def exchange(self, path, name, version):
        fill(path + "~", name, version, 10)
        exchange(path + "~", path)

    def unlink(self, path, name, version):
        if os.path.exists(path):
            self.note(name, False)
            os.unlink(path)
        elif version % 2:
            fill(path, name, version, 20)
            self.note(name, True)

    def recreate(self, path, name, version):
        self.note(name, False)
        os.unlink(path)
        fill(path, name, version, 15)
        self.note(name, True)

    def swap(self, path, name, version):
        """file, folder, link, and again"""
        self.note(name, False)
        if os.path.islink(path):
            os.unlink(path)
            fill(path, name, version, 5)
        elif os.path.isdir(path):
            shutil.rmtree(path)
            os.symlink("/secret", path)
        else:
            os.unlink(path)
            os.mkdir(path)
            fill(os.path.join(path, name), name, version, 5)
        self.note(name, True)


KINDS = ("append", "truncate", "overwrite", "over", "exchange", "unlink", "recreate", "swap")


class Changing(Scenario):
    def test_writers(self):
        world = self.world
        world.volume("busy", backup="true", component="busy", quiesce="none")
        world.app("owner", "-v", "busy:/data")
        root = world.mountpoint("busy")
        still = self.stand_still(root)
        seed = random.randrange(1 << 30)
        print(f"  seed {seed}", flush=True)
        writers = [Writer(root, kind, seed + number, os.path.join(world.dir, "diary " + kind))
                   for number, kind in enumerate(KINDS)]
        world.sidecar(environment={"COMPRESSION_LEVEL": "0"})
        self.named = dict.fromkeys(("changed", "vanished", "unreadable"), 0)
        try:
            for writer in writers:
                writer.start()
            for number in range(200 if LONG else 5):
                self.one(still, writers, slow=number % 5 == 0)
                shutil.rmtree(os.path.join(world.backups, world.newest()))
        finally:
            for writer in writers:
                writer.end()
        print(f"  named in the reports: {self.named}", flush=True)
        self.assertGreater(self.named["changed"], 0)

    def stand_still(self, root):
        """Between the moving folders in the walk's order, and in them, too."""
        contents = {}
        for number in range(600):
            folder = os.path.join("still" if number % 2 else "m still", str(number % 17))
            os.makedirs(os.path.join(root, folder), exist_ok=True)
            name = os.path.join(folder, f"file {number}")
            contents[name] = random.Random(number).randbytes((0, 100, 4096, 30_000)[number % 4])
        contents["still/big"] = random.Random(-1).randbytes(6 << 20)
        for name, content in contents.items():
            tree.write(os.path.join(root, name), content)
        return contents

    def one(self, still, writers, slow):
        world = self.world
        began = time.monotonic_ns()
        if slow:
            done = slow_backup(world, "pread64:delay_exit=2000")
        else:
            done = world.miraclemax("backup", check=False)
        self.assertIn(done.returncode, (0, 3), done.stdout + done.stderr)
        id = world.newest()
        record = world.record("busy", id)
        entries = record["entries"]
        self.assertEqual(done.returncode == 0, record["complete"])
        self.assertEqual(record["complete"], entries["changed"] == 0 and entries["unreadable"] == 0)
        lines = tree.report(world, "busy", id)
        for what in self.named:
            self.assertEqual(sum(each["what"] == what for each in lines), entries[what])
            self.named[what] += entries[what]
        named = {each["entry"].rstrip("/") for each in lines}
        found = tree.members(world, "busy", id)
        for name, content in still.items():
            self.assertIn("busy/" + name, found)
            self.assertEqual(found["busy/" + name][1], content, name)
            self.assertNotIn("busy/" + name, named)
        for writer in writers:
            self.judge(writer, writer.was_gone_since(began), found, named)
        for name, (_, content) in found.items():
            self.assertFalse(content and b"CANARY" in content, name)

    def judge(self, writer, was_gone, found, named):
        folder = "busy/" + os.path.basename(writer.folder)
        self.assertIn(folder, found)
        for name in writer.names:
            path = f"{folder}/{name}"
            if path not in found:
                self.assertTrue(path in named or name in was_gone, f"{path} is silently missing")
                continue
            member, content = found[path]
            if member.isreg() and path not in named:
                self.assertIsNone(torn(name, content), path)
            if member.isdir() and f"{path}/{name}" in found and f"{path}/{name}" not in named:
                self.assertIsNone(torn(name, found[f"{path}/{name}"][1]), path)
            if writer.lasting:
                self.assertTrue(member.isreg(), path)


class Outside(Scenario):
    """A link swapped in for a folder, and a folder moved elsewhere, while the walk is in them."""
    DEPTH = 90

    def test_swapped_links(self):
        world = self.world
        # The child worker sees more than the volume: the whole store, the sidecar's own files, /secret.
        world.volume("raced", backup="true", component="raced", quiesce="none", encryption="never")
        world.volume("other")
        world.app("owner", "-v", "raced:/data", "-v", "other:/other")
        self.root, self.other = world.mountpoint("raced"), world.mountpoint("other")
        secret = os.path.join(world.bed, "secret")
        os.makedirs(os.path.join(secret, "CANARY folder"))
        for folder in (secret, os.path.join(secret, "CANARY folder"), self.other):
            for number in range(5):
                tree.write(os.path.join(folder, f"CANARY {number}"), b"CANARY " * 10)
                tree.write(os.path.join(folder, f"inside {number}"), b"CANARY " * 10)
        self.build(secret)
        store = os.path.join(world.bed, "root", "volumes")
        world.sidecar("-v", f"{store}:/volumes:ro", "-v", f"{secret}:/secret:ro", "--cap-add", "DAC_READ_SEARCH",
                      environment={"COMPRESSION_LEVEL": "0"})
        seen = {"folder": 0, "link": 0, "cut": 0, "runs": 0}
        racers = [self.race(self.swap_links, 1), self.race(self.move_folder, 2)]
        end = time.monotonic() + (600 if LONG else 10)
        try:
            while time.monotonic() < end:
                self.one(seen, slow=seen["runs"] % 2 == 0)
        finally:
            for pid in racers:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
        print(f"  {seen}", flush=True)
        self.assertGreater(seen["folder"], 0)
        self.assertGreater(seen["link"], 0)

    def build(self, secret):
        for number in range(60):
            swap = os.path.join(self.root, "swap", f"{number:02}")
            os.makedirs(swap)
            for inside in range(5):
                tree.write(os.path.join(swap, f"inside {inside}"), b"harmless")
            # /secret and /volumes are there for the sidecar's child worker, the others for one on the host too.
            target = (secret, "/secret", "../../../other/_data", "/volumes/other/_data", self.other)[number % 5]
            os.symlink(target, os.path.join(self.root, f"link {number:02}"))
        deep = os.path.join(self.root, "deep")
        for level in range(self.DEPTH):
            os.makedirs(deep)
            for inside in range(5):
                tree.write(os.path.join(deep, f"inside {inside}"), b"harmless")
            deep = os.path.join(deep, "deep")

    def race(self, act, seed):
        pid = os.fork()
        if pid == 0:
            try:
                chance = random.Random(seed)
                while True:
                    act(chance)
            finally:
                os._exit(1)
        return pid

    def swap_links(self, chance):
        number = chance.randrange(60)
        exchange(os.path.join(self.root, "swap", f"{number:02}"), os.path.join(self.root, f"link {number:02}"))

    def move_folder(self, chance):
        """Its ".." is then in another volume, beside secrets, on the same file system."""
        inside = os.path.join(self.root, *["deep"] * chance.choice((5, 10, 20)))
        outside = os.path.join(self.other, "deep")
        os.rename(inside, outside)
        time.sleep(chance.choice((0, 0.0005, 0.005)))
        os.rename(outside, inside)
        time.sleep(chance.choice((0, 0.0005, 0.005)))

    def one(self, seen, slow):
        world = self.world
        if slow:
            done = slow_backup(world, "openat:delay_enter=1000")
        else:
            done = world.miraclemax("backup", check=False)
        self.assertIn(done.returncode, (0, 3), done.stdout + done.stderr)
        id = world.newest()
        record = world.record("raced", id)
        self.assertEqual(record["worker"], "child")
        seen["runs"] += 1
        seen["cut"] += record["entries"]["changed"]
        found = tree.members(world, "raced", id)
        for name, (member, content) in found.items():
            self.assertNotIn("CANARY", name)
            # Nor does the archive lead whoever extracts it through a link of its own.
            self.assertTrue(name == "raced" or found[os.path.dirname(name)][0].isdir(), name)
            self.assertIn(content, (None, b"harmless"), name)
            parts = name.split("/")
            if len(parts) == 3 and parts[1] == "swap":
                seen["link" if member.issym() else "folder"] += 1
        shutil.rmtree(os.path.join(world.backups, id))


class ReadErrors(Scenario):
    """A disk that fails in the middle of a file: a file system in a file that was cut under its mount."""

    def test_named_and_all_others_read(self):
        world = self.world
        image, at = os.path.join(world.bed, "disk"), os.path.join(world.bed, "mnt")
        source = os.path.join(world.bed, "source")
        for folder in (at, source, os.path.join(source, "a"), os.path.join(source, "z")):
            os.makedirs(folder)
        contents = {f"{folder}/file {number}": os.urandom(5000) for folder in "az" for number in range(100)}
        contents["z/big"] = os.urandom(5 << 20)
        for name, content in contents.items():
            tree.write(os.path.join(source, name), content)
        bad = {"m bad": os.urandom(6 << 20), "m small": os.urandom(100_000)}
        run("mkfs.ext4", "-q", "-O", "^has_journal,^metadata_csum", "-b", "4096", "-d", source, image, "60m")
        for name, content in bad.items():  # after the others, so that it lies behind them
            tree.write(os.path.join(world.bed, "bad"), content)
            run("debugfs", "-w", "-R", f'write {world.bed}/bad "{name}"', image)
        places = lambda name: [int(word) for word in run("debugfs", "-R", f'blocks "{name}"', image).stdout.split()]
        blocks_of_bad = places("m bad")
        cut = blocks_of_bad[len(blocks_of_bad) // 2]
        self.assertLess(max(max(places(name)) for name in contents), cut)
        self.assertGreater(min(places("m small")), cut)
        world.inside("mount", "-o", "loop,ro,noload", image, at)
        try:
            os.truncate(image, cut * 4096)
            world.inside("sh", "-c", f"echo 1 >/proc/sys/vm/drop_caches; ! cat '{at}/m bad' >/dev/null")
            config = os.path.join(world.bed, "config.yml")
            with open(config, "w") as file:
                file.write(f"components:\n  - path: {at}\n    component: disk\n")
            world.sidecar("-v", f"{config}:/etc/miraclemax/config.yml:ro")
            done = world.backup(code=3)
            self.check(done, contents, bad)
        finally:
            world.drop_sidecar()
            world.inside("umount", "-l", at)

    def check(self, done, contents, bad):
        world = self.world
        record = world.record("disk", world.newest())
        self.assertFalse(record["complete"])
        self.assertFalse(world.manifest(world.newest())["complete"])
        self.assertEqual(record["entries"]["unreadable"], 2)
        self.assertIn("disk", done.stdout)
        lines = tree.report(world, "disk", world.newest())
        self.assertEqual([(each["entry"], each["what"]) for each in lines],
                         [("disk/m bad", "unreadable"), ("disk/m small", "unreadable")], json.dumps(lines))
        found = tree.members(world, "disk", world.newest())
        for name, content in contents.items():
            self.assertEqual(found["disk/" + name][1], content, name)
        for name, content in bad.items():
            kept = found["disk/" + name][1]
            self.assertEqual(len(kept), len(content))
            # What could be read stands there, the rest is zeros and nothing else.
            for at in range(0, len(content), 4096):
                self.assertIn(kept[at:at + 4096], (content[at:at + 4096], bytes(len(content[at:at + 4096]))))
        self.assertEqual(found["disk/m bad"][1][:1 << 20], bad["m bad"][:1 << 20])
        world.check_sums(world.newest())
