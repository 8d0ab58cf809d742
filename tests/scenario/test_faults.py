"""Cut off at any point, by any hand: no container is left other than it was, and no listed backup is less than whole.

The program must be built with MIRACLEMAX_FAULT_POINTS. The long form goes through every point; the quick one
through a sample, by the seed that it prints (MIRACLEMAX_TEST_SEED repeats it).
"""
import contextlib
import os
import re
import signal
import time
import unittest

from cut_off import Bench, with_points
from oracle import Fault, Oracle, bed_pid, in_mounts, points_in_sources, processes, run_pid
from world import ASLEEP, BED, LONG, run, wait_until


# Reached by a restore, a replication, a removal: their unit tests go through them one by one.
OF_OTHERS = re.compile(r"(staging|emptying|volume|copy|removal)\.|worker\.(unpack|sealed|swap|decrypt)$|openpgp\.decrypted$")


@unittest.skipUnless(with_points(), "the program is built without MIRACLEMAX_FAULT_POINTS")
class FaultPoints(Bench):
    hit = set()  # by any of the tests

    def numbers(self, dice, points, picks):
        """Every number in the long form, until a run goes by without a hit; else some, from all over the run."""
        if LONG:
            return range(1, 1000)
        return sorted(dice.randrange(points * i // picks, points * (i + 1) // picks) + 1 for i in range(picks))

    def clean_run(self, **options):
        fault = Fault(self.world, **options)
        code, told = fault.run()
        self.assertEqual(code, 0, told)
        FaultPoints.hit.update(fault.reached())
        return fault.reached()

    def enumerate(self, oracle, act, numbers, environment=()):
        world = self.world
        for number in numbers:
            what = f"{number}:{act}"
            listed = world.ids()
            fault = Fault(world, what, environment)
            with self.subTest(point=what):
                if act == "hang":
                    fault.run_until_it_hangs(number)
                else:
                    code, told = fault.run()
                    if act == "error":
                        oracle.told_truth(what, code, listed, told)
                what += " " + " ".join(fault.reached()[-1:])
                oracle.holds(what)
                if act == "error":
                    self.assertEqual(oracle.leftovers(), [], what)
            FaultPoints.hit.update(fault.reached())
            if len(fault.reached()) < number:
                return number
        return None

    def test_at_any_point_of_the_controller(self):
        oracle = self.prepare()
        points = len(self.clean_run())
        dice = self.dice()
        for act, picks in (("error", 2), ("kill", 2), ("hang", 1)):
            end = self.enumerate(oracle, act, self.numbers(dice, points, picks))
            print(f"    {act}: {end or 'a sample of ' + str(points)} points", flush=True)
            if LONG:  # a run that ended early for another reason is not the end of the points
                self.assertGreater(end or 0, points - 5, act)
        oracle.next_run_is_clean()

    def test_at_any_point_of_the_worker(self):
        """In a child worker, which keeps the fault's environment; a point by its name is the first to reach it."""
        store = os.path.join(self.world.bed, "root", "volumes")
        oracle = self.prepare("-v", f"{store}:{store}:ro", environment={"WORKER_LAUNCHER": "child"})
        reached = self.clean_run()
        names = sorted(name for name in set(reached) if name.startswith(("worker.", "openpgp.")))
        self.assertIn("worker.read", names)
        listed = self.world.ids()
        chosen = [(name, act) for name in names for act in ("error", "kill")]
        for name, act in chosen if LONG else self.dice().sample(chosen, 2):
            with self.subTest(point=name, act=act):
                fault = Fault(self.world, f"{name}:{act}")
                code, told = fault.run()
                self.assertEqual(code, 1, told)
                self.assertEqual(self.world.ids(), listed)
                self.assertIn(name, fault.reached())
                oracle.holds(f"{name}:{act}")
                if act == "kill":
                    oracle.nothing_is_left(f"{name}:kill")
                else:
                    self.assertEqual(oracle.leftovers(), [], f"{name}:error")
        with self.subTest(point="worker.read", act="hang"):
            began = oracle.acts()
            code, told = Fault(self.world, "worker.read:hang", ["MIRACLEMAX_WORKER_SILENCE=1s"]).run()
            if code == 0:
                self.fail(told)
            self.assertGreater(oracle.acts(), began)
            oracle.holds("worker.read:hang")
        oracle.next_run_is_clean()

    def test_recovery_itself_is_cut_off(self):
        oracle = self.prepare(*ASLEEP)  # no patrol is faster
        for act in ("error", "kill"):
            self.killed_in_a_freeze("freeze.pause")
            fault = Fault(self.world, f"recovery.done:{act}", command=("recover",))
            code, told = fault.run()
            if act == "kill":
                self.assertEqual((code, fault.reached().count("recovery.done")), (137, 1), told)
            else:  # a and b are back, and it says that it could not note so
                self.assertEqual(fault.reached().count("recovery.done"), 2, told)
                self.assertEqual(told.count("fault point recovery.done"), 2, told)
                self.assertEqual(oracle.states(), oracle.before)
            FaultPoints.hit.update(fault.reached())
            oracle.holds(f"recovery.done:{act}")
        oracle.next_run_is_clean()

    @unittest.skipUnless(LONG, "only in the long form")
    def test_key_folders_of_killed_runs_are_swept(self):
        oracle = self.prepare()
        for number in (1, 2, 3):
            self.assertEqual(Fault(self.world, "file.create:kill").run()[0], 137, number)
        time.sleep(2)  # a younger one may be one that is just being made
        self.world.backup()
        self.assertEqual(oracle.key_folders(), [])

    def test_z_every_point_of_the_sources_was_reached(self):
        if not LONG:
            self.skipTest("only the long form goes through all of them")
        missing = {name for name in points_in_sources() - FaultPoints.hit if not OF_OTHERS.match(name)}
        self.assertEqual(missing, set())


class ServiceKills(Bench):
    def test_service_is_killed_at_random_moments(self):
        """Some of them within a stop, which leaves podman's state `stopping` behind."""
        world = self.world
        oracle = self.prepare()
        world.volume("slow", backup="true", quiesce="stop")
        # As process 1, sleep ignores SIGTERM: its stop takes the whole three seconds.
        world.app("d", "-v", "slow:/data", "--stop-signal", "TERM", "--stop-timeout", "3")
        oracle = Oracle(self, "a", "b", "c", "d", "still")
        dice = self.dice()
        began = time.monotonic()
        world.backup()
        length = time.monotonic() - began
        stopping = 0
        for number in range(30 if LONG else 2):
            what = f"kill {number}"
            listed = world.ids()
            going = world.start_backup()
            if number % 3 == 0:
                wait_until(lambda: oracle.states()["d"][1] == "stopping" or going.poll() is not None, "a stop")
                time.sleep(dice.random())
            else:
                wait_until(lambda: run_pid(world) or going.poll() is not None, "the run")
                time.sleep(dice.random() * length)
            world.service("kill-service")
            time.sleep(dice.random() * 2)
            world.service("start-service")
            stopping += oracle.states()["d"][1] == "stopping"
            told = going.communicate()[0]
            with self.subTest(number=number):
                oracle.told_truth(what, going.returncode, listed, told)
                oracle.holds(what)
        print(f"    found {stopping} times in podman's state stopping", flush=True)
        if LONG:
            self.assertGreater(stopping, 0)
        oracle.next_run_is_clean()


class Workers(Bench):
    def test_worker_is_stopped_or_killed(self):
        oracle = self.prepare(noise=80_000_000)
        for sent in (signal.SIGSTOP, signal.SIGKILL) * (5 if LONG else 1):
            for number in range(5):  # until one meets a run
                with self.subTest(sent=sent, number=number):
                    if self.worker_gets(sent, oracle):
                        break
            else:
                self.fail(f"{sent} never met a worker that read what was frozen")
        oracle.next_run_is_clean()

    def worker_gets(self, sent, oracle):
        """Within a freeze. -> it met the run before its end"""
        world = self.world
        listed = world.ids()
        going = world.start_backup(environment=["MIRACLEMAX_WORKER_SILENCE=2s"])
        wait_until(lambda: oracle.frozen() or going.poll() is not None, "a frozen container")
        workers = processes(world, "miraclemax worker")
        for pid in workers:
            with contextlib.suppress(ProcessLookupError):  # it has ended
                os.kill(pid, sent)
        told = going.communicate()[0]
        self.assertIn(going.returncode, (0, 3), told)  # 0: it had finished just before
        if going.returncode == 3:
            self.assertRegex(told, "has not said anything|ended|is gone")
        oracle.told_truth(sent, going.returncode, listed, told)
        oracle.as_before(sent, 1)  # by the run itself
        oracle.holds(sent)
        self.assertEqual(oracle.leftovers(), [])
        return workers and going.returncode == 3


class Places(Bench):
    """The state folder and the backup folder on small file systems that fill up, turn read-only, vanish."""

    def setUp(self):
        self.mounted = []

    def tearDown(self):
        self.world.podman("rm", "-f", "-t", "0", "--all", check=False)
        for folder in self.mounted:
            in_mounts(bed_pid(self.world), "umount", "-l", folder, check=False)
        super().tearDown()

    def mount(self, folder, options):
        os.makedirs(folder, exist_ok=True)
        in_mounts(bed_pid(self.world), "mount", "-t", "tmpfs", "-o", options, "tmpfs", folder)
        self.mounted.append(folder)

    def remount(self, folder, options):
        in_mounts(bed_pid(self.world), "mount", "-o", "remount," + options, folder)

    def fails_without_a_freeze(self, oracle, pattern, what):
        acts = oracle.acts()
        done = self.world.miraclemax("backup", check=False)
        self.assertNotIn(done.returncode, (0, 3), what)
        self.assertRegex(done.stdout + done.stderr, pattern)
        self.assertEqual(oracle.acts(), acts, what)
        oracle.as_before(what, 1)
        return done

    def test_state_folder_full_and_read_only(self):
        world = self.world
        world.podman("volume", "create", "miraclemax-state")
        state = world.mountpoint("miraclemax-state")
        self.mount(state, "size=2m,mode=700")
        oracle = self.prepare()
        world.backup()
        listed = world.ids()
        for left in (0, 4, 60):  # KiB; the journal reserves 64
            world.podman("exec", "miraclemax", "sh", "-c", "cd /var/lib/miraclemax; cat /dev/zero > filler 2>/dev/null; "
                         f"truncate -s $(($(stat -c %s filler) - {left * 1024})) filler")
            self.fails_without_a_freeze(oracle, "(?i)no space", f"{left} KiB left")
        world.podman("exec", "miraclemax", "rm", "/var/lib/miraclemax/filler")
        self.remount(state, "ro")
        self.fails_without_a_freeze(oracle, "(?i)read-only", "read-only")
        self.remount(state, "rw")
        self.assertEqual(world.ids(), listed)
        self.assertEqual(world.debris(), [])
        oracle.next_run_is_clean()

    def test_destination_full_read_only_and_vanished(self):
        world = self.world
        self.mount(world.backups, "size=64m,mode=700")
        oracle = self.prepare(noise=1_500_000)
        folder, outside = world.backups, f"/proc/{bed_pid(world)}/root{world.backups}"
        world.backups = outside
        self.addCleanup(setattr, world, "backups", folder)  # where the bed itself sees it
        oracle.next_run_is_clean()
        used = sum(os.path.getsize(os.path.join(each, name)) for each, _, names in os.walk(outside) for name in names)
        dice = self.dice()
        sizes = 20 if LONG else 2
        for step in range(sizes):
            # From nothing left to just not enough for all: two archives of 1.5 MB and what goes with them.
            size = used // 1024 + 16 + int(3_000 * (step + dice.random()) / sizes)
            listed = world.ids()
            self.remount(folder, f"size={size}k")
            done = world.miraclemax("backup", check=False)
            self.remount(folder, "size=64m")
            told = done.stdout + done.stderr
            with self.subTest(size=size):
                self.assertIn(done.returncode, (1, 3, 9), told)
                self.assertRegex(told, "(?i)no space|full")
                oracle.told_truth(size, done.returncode, listed, told)
                oracle.as_before(size, 1)
                oracle.holds(size)
                self.assertEqual(oracle.leftovers(), [])
                for id in set(world.ids()) - set(listed):  # makes room for the next size
                    self.assertFalse(world.manifest(id)["complete"])
                    oracle.proven.discard(id)
                    run("rm", "-r", os.path.join(outside, id))
        self.remount(folder, "ro")
        self.assertEqual(self.fails_without_a_freeze(oracle, "(?i)read-only", "read-only").returncode, 9)
        self.remount(folder, "rw")
        sidecar = world.podman("inspect", "--format", "{{.State.Pid}}", "miraclemax").stdout.strip()
        going = world.start_backup()
        wait_until(lambda: oracle.frozen() or going.poll() is not None, "a frozen container")
        run(BED, "in", world.bed, "nsenter", "-t", sidecar, "-m", "umount", "-l", "/backups")
        told = going.communicate()[0]
        self.assertNotEqual(going.returncode, 0, told)
        oracle.as_before("vanished", 1)
        self.assertEqual(self.fails_without_a_freeze(oracle, "(?i)backup folder", "vanished").returncode, 9)
        oracle.backups_are_whole("vanished")
        world.backups = folder
        world.drop_sidecar()
        world.sidecar()
        world.backups = outside
        oracle.next_run_is_clean()
