"""Backups while the volume moves: what stands still is right, what moves is named, nothing leads outside."""
import decimal
import json
import os
import random
import shutil
import time

import tree
from moving import KINDS, Mover, Writer, exchange, slow_backup, torn
from world import LONG, Scenario, run


def ns_of(member):
    """The entry's mtime, which tarfile rounds to a float."""
    return int(decimal.Decimal(member.pax_headers.get("mtime", member.mtime)) * 10**9)


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
        self.met = dict.fromkeys(KINDS, 0)
        try:
            for writer in writers:
                writer.start()
            for number in range(200 if LONG else 5):
                self.one(still, writers, slow=number % 5 == 0)
                shutil.rmtree(os.path.join(world.backups, world.newest()))
        finally:
            for writer in writers:
                writer.end()
        print(f"  named in the reports: {self.named}, of each kind of change: {self.met}", flush=True)
        for writer in writers:
            self.assertTrue(writer.went_on(), f"{writer.kind}: ended with {writer.status}")
            self.assertGreater(writer.acts(), 0, writer.kind)
        self.assertGreater(self.named["changed"], 0)
        if LONG:
            self.assertEqual([kind for kind, count in self.met.items() if count == 0], [])

    def stand_still(self, root):
        """Between the moving folders in the walk's order. -> name: (content, uid, gid, mode, ns)"""
        contents = {}
        for number in range(600):
            folder = os.path.join("still" if number % 2 else "m still", str(number % 17))
            os.makedirs(os.path.join(root, folder), exist_ok=True)
            name = os.path.join(folder, f"file {number}")
            contents[name] = random.Random(number).randbytes((0, 100, 4096, 30_000)[number % 4])
        contents["still/big"] = random.Random(-1).randbytes(6 << 20)
        still = {}
        for number, (name, content) in enumerate(contents.items()):
            path = os.path.join(root, name)
            tree.write(path, content)
            owner, mode = (1000 + number % 7, 2000 + number % 5), 0o600 | number % 64
            moment = 1_500_000_000_000_000_000 + number * 1_234_567_891
            os.chown(path, *owner)
            os.chmod(path, mode)
            os.utime(path, ns=(moment, moment))
            still[name] = (content, *owner, mode, moment)
        return still

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
        for name, facts in still.items():
            self.assertIn("busy/" + name, found)
            member, content = found["busy/" + name]
            self.assertEqual(content, facts[0], name)
            self.assertEqual((member.uid, member.gid, member.mode, ns_of(member)), facts[1:], name)
            self.assertNotIn("busy/" + name, named)
        for each in named:
            kind = each.split("/")[1]
            if kind in self.met:
                self.met[kind] += 1
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


class Racer(Mover):
    def __init__(self, race, seed):
        super().__init__()
        self.race, self.chance = race, random.Random(seed)

    def act(self):
        self.race(self.chance)


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
        seen = {"folder": 0, "link": 0, "swapped": 0, "moved": 0, "runs": 0}
        racers = [Racer(self.swap_links, 1), Racer(self.move_folder, 2)]
        end = time.monotonic() + (600 if LONG else 10)
        try:
            for racer in racers:
                racer.start()
            while time.monotonic() < end:
                self.one(seen, slow=seen["runs"] % 2 == 0)
        finally:
            for racer in racers:
                racer.end()
        print(f"  {seen}", flush=True)
        for racer in racers:
            self.assertTrue(racer.went_on(), f"{racer.race.__name__}: ended with {racer.status}")
            self.assertGreater(racer.acts(), 0, racer.race.__name__)
        self.assertGreater(seen["folder"], 0)
        self.assertGreater(seen["link"], 0)
        if LONG:  # while a walk was in them
            self.assertGreater(seen["swapped"], 0)
            self.assertGreater(seen["moved"], 0)

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
        for each in tree.report(world, "raced", id):
            seen["moved" if each["entry"].startswith("raced/deep") else "swapped"] += 1
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
