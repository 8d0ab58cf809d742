"""Killed at any moment, by any hand, a restore leaves the old data whole or the new data whole."""
import contextlib
import json
import os
import random
import signal
import time
import unittest

from oracle import Fault, bed_pid, in_mounts
from restoring import Shelf
from test_faults import with_points
from world import LONG, run, wait_until


class Interrupted(Shelf):
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
        """Those of the bed's containers, seen from outside of it."""
        found = []
        for pid in run("pgrep", "-f", pattern, check=False).stdout.split():
            try:
                with open(f"/proc/{pid}/mountinfo", encoding="utf-8") as file:
                    if self.world.bed in file.read():
                        found.append(int(pid))
            except OSError:
                pass
        return found

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

    def test_sigkill_at_random_moments(self):
        world = self.world
        self.prepare()
        dice = self.dice()
        began = time.monotonic()
        self.restore("--latest", "--force", key=False)
        length = time.monotonic() - began
        self.assertEqual(self.whole("no kill", killed=False), 2)
        counts = []
        for number in range(100 if LONG else 4):
            what = f"kill {number}"
            going = world.start_podman("exec", "miraclemax", "miraclemax", "restore", "--latest", "--force")
            wait_until(lambda: self.pid() or going.poll() is not None, "the restore")
            time.sleep(dice.random() * length)
            pid = self.pid()
            if number % 3 == 2:  # the sidecar, with all in it
                world.podman("kill", "-s", "KILL", "miraclemax")
                going.communicate()
                world.podman("start", "miraclemax")
            else:
                if pid:
                    os.kill(pid, signal.SIGKILL)
                going.communicate()
            with self.subTest(number=number):
                if number % 3 == 1:  # by the sidecar alone
                    wait_until(self.settled, f"{what}: the sidecar's own look after dead runs", 60)
                self.exec("miraclemax", "recover")
                counts.append(self.whole(what))
        print(f"    components that held the new data: {counts}", flush=True)
        self.restore("--latest", "--force", key=False)
        self.assertEqual(self.which("at the end"), 2)
        self.tidy()  # key folders of the killed ones too

    def test_helper_is_killed(self):
        """The one that unpacks, swaps or settles; what it left is put in order by the restore itself."""
        world = self.world
        self.prepare()
        dice = self.dice()
        codes = []
        for number in range(40 if LONG else 2):
            what = f"kill {number}"
            going = world.start_podman("exec", "miraclemax", "miraclemax", "restore", "--latest", "--force")
            wanted = dice.randrange(1, 5)  # of the helpers that come
            seen = set()

            def comes():
                seen.update(self.helpers())
                return len(seen) >= wanted or going.poll() is not None

            wait_until(comes, "a helper")
            time.sleep(dice.random() * 0.4)
            for name in self.helpers():
                world.podman("kill", "-s", "KILL", name, check=False)
            told = going.communicate()[0]
            codes.append(going.returncode)
            with self.subTest(number=number):
                self.assertIn(going.returncode, (0, 1, 7, 9, 13), told)
                swapped = self.whole(what, killed=False)
                self.assertEqual(going.returncode == 0, swapped == 2, f"{what}: {told}")
        print(f"    exit codes: {codes}", flush=True)

    def test_volume_that_was_made_in_vain_goes_again(self):
        world = self.world
        self.prepare()
        volumes = lambda: set(world.podman("volume", "ls", "-q").stdout.split())
        store = os.path.dirname(os.path.dirname(world.mountpoint("miraclemax-state")))
        before, failed = volumes(), False
        for number in range(10):
            made = f"made-{number}"
            going = world.start_podman("exec", "miraclemax", "miraclemax", "restore", "--latest", "--component", "two",
                                       "--into", made, "--force")
            unpacking = []

            def comes():  # podman itself would be too slow to ask
                unpacking[:] = self.processes("miraclemax worker") if os.path.isdir(os.path.join(store, made)) else []
                return unpacking or going.poll() is not None

            wait_until(comes, "a worker")
            for pid in unpacking:
                with contextlib.suppress(ProcessLookupError):  # it has ended
                    os.kill(pid, signal.SIGKILL)
            told = going.communicate()[0]
            failed = failed or going.returncode != 0
            self.assertEqual(volumes(), before if going.returncode else before | {made}, told)
            before = volumes()
            if failed:
                break
        self.assertTrue(failed, "no helper was killed in time")
        self.tidy()

    @unittest.skipUnless(with_points(), "the program is built without MIRACLEMAX_FAULT_POINTS")
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

    def settled(self):
        listed = self.world.states()
        return not self.helpers() and all(listed[name] == state for name, state in self.before.items() if name != "miraclemax") \
            and not os.listdir(os.path.join(self.world.mountpoint("miraclemax-state"), "journal"))

    def test_sigterm(self):
        world = self.world
        self.prepare()
        going = world.start_podman("exec", "miraclemax", "miraclemax", "restore", "--latest", "--force")
        wait_until(lambda: self.staging(self.one, self.two) or going.poll() is not None, "a staging folder")
        pid = self.pid()
        if pid:
            os.kill(pid, signal.SIGTERM)
        told = going.communicate()[0]
        self.assertIn(going.returncode, (12, 0), told)
        if going.returncode == 12:
            self.assertLess(self.whole("SIGTERM", killed=False), 2)

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

    @unittest.skipUnless(with_points(), "the program is built without MIRACLEMAX_FAULT_POINTS")
    def test_at_any_point_of_the_controller(self):
        """The two are one group, and so of one moment, whatever happens."""
        self.at_any_point(self.between_the_swaps, allowed=(0, 2), group="both")

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

    @unittest.skipUnless(with_points(), "the program is built without MIRACLEMAX_FAULT_POINTS")
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

    @unittest.skipUnless(with_points(), "the program is built without MIRACLEMAX_FAULT_POINTS")
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

    @unittest.skipUnless(LONG and with_points(), "only in the long form, of a program with MIRACLEMAX_FAULT_POINTS")
    def test_at_any_point_of_two_groups(self):
        self.at_any_point()

    def test_no_room_for_both(self):
        world = self.world
        small = os.path.join(world.bed, "small")
        os.makedirs(small)
        in_mounts(bed_pid(world), "mount", "-t", "tmpfs", "-o", "size=12m,mode=750", "tmpfs", small)
        self.addCleanup(in_mounts, bed_pid(world), "umount", "-l", small, check=False)
        inside = f"/proc/{bed_pid(world)}/root{small}"
        world.podman("volume", "create", "--label", "miraclemax.backup=true", "--opt", "type=none", "--opt", "o=bind",
                     "--opt", f"device={small}", "small")
        world.app("first", "-v", "small:/data")
        for name in ("a", "b"):
            with open(os.path.join(inside, name), "wb") as file:
                file.write(os.urandom(3_500_000))
        self.start_sidecar()
        world.backup()
        self.before = world.states()
        os.unlink(os.path.join(inside, "b"))
        with open(os.path.join(inside, "c"), "wb") as file:
            file.write(os.urandom(3_500_000))
        kept, acts = self.keep(inside), self.acts()
        told = self.restore("--latest", "--force", code=9)
        self.assertRegex(told, "(?i)space|room|full")
        self.assertIn("--in-place", told)
        self.untouched(kept, acts, "full")
        id, old = world.ids()[-1], self.contents(inside)
        told = self.restore("--from-backup", id, "--in-place", "--force")
        self.assertIn("in place: a safety backup first", told)
        safety = world.ids()[-1]
        self.assertIn(f"--from-backup {safety}", told)
        self.assertEqual(sorted(os.listdir(inside)), ["a", "b"])
        self.as_before(self.before)
        if LONG:
            self.restore("--from-backup", safety, "--in-place", "--force")
            self.holds(inside, old, "the safety backup")
            self.as_before(self.before)
        os.unlink(os.path.join(inside, "c" if LONG else "b"))  # there is room now
        self.restore("--from-backup", id, "--force")
        self.assertIn("b", os.listdir(inside))
        self.as_before(self.before)
