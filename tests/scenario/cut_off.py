"""What the tests of runs that are cut off share: applications, a sidecar, and who judges."""
import os
import random

from oracle import Fault, Oracle
from world import LONG, Scenario


def with_points():
    with open(os.environ["MIRACLEMAX_PROGRAM"], "rb") as file:
        return b"MIRACLEMAX_FAULT_LOG" in file.read()


class Bench(Scenario):
    """One paused group, one stopped, a container that the user paused, and the sidecar."""

    # world.WRITER syncs the whole machine at each step, which would be most of these tests' time.
    WRITES = ("sh", "-c", "while :; do echo line >> /data/log; usleep 50000; done")

    def prepare(self, *argv, noise=300_000, **options):
        world = self.world
        world.volume("paused", backup="true")
        world.volume("stopped", backup="true", quiesce="stop")
        for name in ("paused", "stopped"):
            self.fill(name, noise)
        for name, volume in (("a", "paused"), ("b", "paused"), ("c", "stopped")):
            world.app(name, "-v", f"{volume}:/data", command=self.WRITES)
        world.app("still", "-v", "paused:/data")
        world.podman("pause", "still")
        world.sidecar(*argv, **options)
        return Oracle(self, "a", "b", "c", "still")

    def killed_in_a_freeze(self, point, tries=5):
        """A backup, whose last such point has been reached, hangs there and is killed."""
        for _ in range(tries):
            fault = Fault(self.world)
            code, told = fault.run()
            self.assertEqual(code, 0, told)
            reached = fault.reached()
            number = max(at for at, name in enumerate(reached, 1) if name == point)
            fault = Fault(self.world, f"{number}:hang")
            self.assertTrue(fault.run_until_it_hangs(number))
            if fault.reached()[number - 1] == point:  # the first of all makes more files
                return
            self.world.miraclemax("recover")
        self.fail(f"no backup hung at {point}")

    def fill(self, volume, size):
        with open(os.path.join(self.world.mountpoint(volume), "noise"), "wb") as file:
            file.write(os.urandom(size))

    def dice(self):
        seed = int(os.environ.get("MIRACLEMAX_TEST_SEED", random.randrange(1 << 30) if LONG else 1))
        print(f"    seed {seed}", flush=True)
        return random.Random(seed)
