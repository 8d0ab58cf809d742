"""Cut off at each of the program's fault points, a restore leaves the old data whole or the new data whole."""
import os
import unittest

from cut_off import with_points
from half_restored import HalfRestored
from oracle import Fault
from world import LONG, wait_until


@unittest.skipUnless(with_points(), "the program is built without MIRACLEMAX_FAULT_POINTS")
class Points(HalfRestored):
    def test_volume_of_a_killed_restore_goes_again(self):
        world = self.world
        self.prepare()
        volumes = lambda: set(world.podman("volume", "ls", "-q").stdout.split())
        before = volumes()
        command = ("restore", "--latest", "--component", "two", "--into", "made", "--force")
        for point in ("volume.make", "volume.made"):
            with self.subTest(point=point):
                fault = Fault(world, f"{point}:kill", command=command)
                code, told = fault.run()
                self.assertEqual((code, fault.reached()[-1]), (137, point), told)
                self.exec("miraclemax", "recover")
                self.assertEqual(volumes(), before)
                self.assertEqual(self.steps(), set())
        self.exec("miraclemax", *command)
        self.assertEqual(volumes(), before | {"made"})
        self.tidy()

    @staticmethod
    def between_the_swaps(reached):
        stopped = max(i for i, name in enumerate(reached) if name == "freeze.stop")
        # Each swap is announced and then noted: the third record announces the second.
        return [i + 1 for i in range(stopped, len(reached)) if reached[i] == "file.create"][2]

    def at_any_point(self, between=None, allowed=(0, 1, 2), **labels):
        """between: finds one more point to be killed at. allowed: how many components may hold the new data."""
        self.prepare(**labels)
        command = ("restore", "--latest", "--force")
        fault = Fault(self.world, command=command)
        self.assertEqual(fault.run()[0], 0)
        reached = fault.reached()
        points = len(reached)
        self.assertEqual(self.whole("no fault", killed=False), 2)
        dice = self.dice()
        for act, picks in (("kill", 3), ("error", 2)):
            sample = sorted(dice.randrange(points * i // picks, points * (i + 1) // picks) + 1 for i in range(picks))
            if between and act == "kill":
                sample.append(between(reached))
            for number in range(1, points + 1) if LONG else sample:
                what = f"{number}:{act}"
                with self.subTest(point=what):
                    fault = Fault(self.world, what, command=command)
                    code, told = fault.run()
                    what += f" {fault.reached()[-1:]} ended with {code}: {told}"
                    if act == "kill":
                        self.assertEqual(code, 137, what)
                    self.exec("miraclemax", "recover")
                    swapped = self.whole(what, killed=act == "kill")
                    self.assertIn(swapped, allowed, what)
                    if act == "error":
                        self.assertEqual(code == 0, swapped == 2 and "FAILED" not in told, what)
        print(f"    {points} points", flush=True)

    def test_at_any_point_of_the_controller(self):
        """The two are one group, and so of one moment, whatever happens."""
        self.at_any_point(self.between_the_swaps, allowed=(0, 2), group="both")

    @unittest.skipUnless(LONG, "only in the long form")
    def test_at_any_point_of_two_groups(self):
        self.at_any_point()

    def half_way(self):
        """-> a restore of both, and the number of the point at which one has its new data, the other not yet"""
        self.prepare(group="both")
        command = ("restore", "--latest", "--force")
        fault = Fault(self.world, command=command)
        self.assertEqual(fault.run()[0], 0)
        point = self.between_the_swaps(fault.reached())
        self.assertEqual(self.whole("no fault", killed=False), 2)
        return command, point

    def cut_power(self, point, command, what):
        fault = Fault(self.world, f"{point}:hang", command=command)
        options = [word for each in fault.environment for word in ("-e", each)]
        going = self.world.start_podman("exec", *options, "miraclemax", "miraclemax", *command)
        wait_until(lambda: len(fault.reached()) >= point or going.poll() is not None, "the hang", 60)
        self.world.podman("kill", "-s", "KILL", "miraclemax")
        going.communicate()
        states = self.world.states
        wait_until(lambda: not any(states()[name][1] == "running" for name in self.helpers()),
                   "the end of the one that waits for its swap", 60)
        self.assertEqual(self.which(what), 1, f"{what}: half moved")

    def test_power_cut_and_containers_that_start_by_themselves(self):
        """The sidecar stops those that came up on half-moved data; what it has stopped is not forgotten either."""
        world = self.world
        command, point = self.half_way()
        for again in (False, True):
            what = f"power goes {'twice' if again else 'once'}"
            with self.subTest(what):
                self.cut_power(point, command, what)
                world.podman("start", "first", "second")  # as podman-restart does
                world.podman("start", "miraclemax")
                if again:
                    wait_until(lambda: "running" not in (world.states()[name][1] for name in ("first", "second")),
                               "the stop", 30)
                    world.podman("kill", "-s", "KILL", "miraclemax")
                    world.podman("start", "miraclemax")
                wait_until(self.settled, f"{what}: the sidecar puts it in order", 60)
                self.assertEqual(self.whole(what), 0)
                self.assertIn("stopped meanwhile: first second", world.podman("logs", "miraclemax").stdout)

    def test_power_cut_and_an_entry_that_a_container_made_meanwhile(self):
        """Under a name that still has to come into the root: it is moved aside, named, and kept."""
        world = self.world
        command, point = self.half_way()
        self.cut_power(point, command, "power goes")
        half = next(folder for folder in self.new if self.contents(folder) == self.new[folder])
        stage, = self.staging(half)
        # As if power had gone a rename earlier.
        os.rename(os.path.join(half, "both"), os.path.join(stage, "new", "both"))
        with open(os.path.join(stage, "phase"), "w", encoding="ascii") as file:
            file.write("in\n")
        world.podman("start", "first", "second")  # as podman-restart does
        user = "first" if half == self.one else "second"
        world.podman("exec", user, "sh", "-c", "mkdir /data/both && echo stranger > /data/both/made")
        world.podman("start", "miraclemax")
        wait_until(self.settled, "the sidecar puts it in order", 60)
        self.as_before(self.before, but=("miraclemax",))
        self.assertEqual(self.which("after it"), 0)
        stray = os.path.join(stage, "strays", "1", "both")
        self.assertIn(stray, world.podman("logs", "miraclemax").stdout)
        self.assertIn(stray, self.exec("miraclemax", "check"))
        world.backup()  # which lets go of what else lies aside
        with open(os.path.join(stray, "made"), encoding="ascii") as file:
            self.assertEqual(file.read(), "stranger\n")
        self.restore("--discard-old", "--force", key=False)
        self.assertEqual(self.staging(self.one, self.two), [])
        self.assertEqual(self.which("let go of"), 0)
