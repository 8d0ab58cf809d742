"""Killed at any moment, by any hand, a restore leaves the old data whole or the new data whole."""
import contextlib
import os
import signal
import time

from half_restored import HalfRestored
from oracle import bed_pid, in_mounts
from world import LONG, wait_until


class Interrupted(HalfRestored):
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

    def test_sigterm(self):
        world = self.world
        self.prepare()
        for _ in range(5):  # until it meets the restore
            going = world.start_podman("exec", "miraclemax", "miraclemax", "restore", "--latest", "--force")
            wait_until(lambda: self.staging(self.one, self.two) or going.poll() is not None, "a staging folder")
            pid = self.pid()
            if pid:
                os.kill(pid, signal.SIGTERM)
            told = going.communicate()[0]
            self.assertIn(going.returncode, (12, 0), told)
            swapped = self.whole("SIGTERM", killed=False)
            if going.returncode == 12:
                self.assertLess(swapped, 2)
                return
            self.assertEqual(swapped, 2)
        self.fail("no SIGTERM met a restore")

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
