"""What a restore that was cut off has to leave: the old data whole or the new data whole, of each component."""
import json
import os
import random

from oracle import processes
from restoring import Shelf
from world import LONG, wait_until


class HalfRestored(Shelf):
    def prepare(self, **labels):
        world = self.world
        private = os.path.join(world.bed, "private")
        os.makedirs(private, exist_ok=True)
        with open(os.path.join(private, "key.asc"), "w", encoding="ascii") as file:
            file.write(self.private_key())
        self.shelf("-v", f"{private}:/private-keys:ro", labels=labels)
        world.backup()
        self.new = {folder: self.contents(folder) for folder in (self.one, self.two)}
        for folder in self.new:
            self.stock(folder, "later")
        self.old = {folder: self.contents(folder) for folder in self.new}

    def dice(self):
        seed = int(os.environ.get("MIRACLEMAX_TEST_SEED", random.randrange(1 << 30) if LONG else 1))
        print(f"    seed {seed}", flush=True)
        return random.Random(seed)

    def processes(self, pattern):
        return processes(self.world, pattern)

    def pid(self):
        """The controller's."""
        return next(iter(self.processes("^miraclemax restore")), None)

    def which(self, what):
        """Each folder holds one of the two exactly. -> how many hold the new"""
        count = 0
        for folder in self.old:
            now = self.contents(folder)
            self.assertIn(now, (self.old[folder], self.new[folder]), f"{what}: {folder} holds {sorted(now)[:80]}")
            count += now == self.new[folder]
        return count

    def steps(self):
        """What the records say, of any component."""
        folder = os.path.join(self.world.mountpoint("miraclemax-state"), "restores")
        found = set()
        for name in os.listdir(folder):
            if name.endswith(".json") and not name.startswith("."):
                try:
                    with open(os.path.join(folder, name), encoding="utf-8") as file:
                        found.update(each["step"] for each in json.load(file)["components"])
                except FileNotFoundError:  # settled meanwhile
                    pass
        return found

    def whole(self, what, killed=True):
        """After a recovery. -> how many components hold the new data; brings all back to the old."""
        try:
            self.as_before(self.before, but=("miraclemax",))
            # The sidecar may have been at it already, and then is left to it.
            wait_until(lambda: self.steps() <= {"swapped", "undone"}, f"{what}: the records at rest", 30)
            swapped = self.which(what)
            self.tidy(killed=killed)
            aside = len(self.staging(self.one, self.two))
            self.assertEqual(aside, swapped, f"{what}: lies aside")
            self.assertEqual(bool(self.steps()), swapped > 0, f"{what}: {self.steps()}")
            return swapped
        finally:  # a failure is not to make the next ones fail
            self.back_to_old()

    def back_to_old(self):
        for act in ("--undo", "--discard-old"):
            self.world.miraclemax("restore", act, "--force", check=False)
        self.assertEqual(self.staging(self.one, self.two), [])
        self.assertEqual(self.which("undone"), 0)

    def settled(self):
        listed = self.world.states()
        return not self.helpers() and all(listed[name] == state for name, state in self.before.items() if name != "miraclemax") \
            and not os.listdir(os.path.join(self.world.mountpoint("miraclemax-state"), "journal"))
