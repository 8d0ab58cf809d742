"""Ended at any moment, every container is as it was, and no listed backup is less than whole."""
import contextlib
import os
import random
import re
import signal
import time
import unittest

from cut_off import Bench, with_points
from oracle import processes, run_pid
from world import ASLEEP, BED, LONG, Scenario, run, wait_until


class Interruption(Scenario):
    def prepare(self, noise=20_000_000):
        world = self.world
        world.volume("paused", backup="true")
        world.volume("stopped", backup="true", quiesce="stop")
        for name in ("paused", "stopped"):
            with open(os.path.join(world.mountpoint(name), "noise"), "wb") as file:
                file.write(os.urandom(noise))
        world.writer("a", "paused")
        world.writer("b", "paused")
        world.writer("c", "stopped")
        world.app("still", "-v", "paused:/data")
        world.podman("pause", "still")
        world.sidecar()

    def as_before(self, before):
        wait_until(lambda: self.world.states() == before, f"{before}\nnow {self.world.states()}", 30)

    def run_pid(self):
        return run_pid(self.world)

    def frozen(self):
        states = self.world.states()
        return any(states[name][1] in ("paused", "exited", "stopping") for name in ("a", "b", "c"))

    def test_sigterm_in_a_freeze(self):
        world = self.world
        self.prepare()
        before = world.states()
        for sent in (signal.SIGTERM, signal.SIGINT):
            going = world.start_backup()
            wait_until(self.frozen, "a frozen container")
            os.kill(self.run_pid(), sent)
            told = going.communicate()[0]
            self.assertEqual(going.returncode, 12, told)
            self.assertEqual(world.states(), before)
        self.assertEqual(world.ids(), [])
        world.backup()
        self.assertEqual(world.debris(), [])

    def test_serve_is_stopped_in_a_freeze(self):
        world = self.world
        self.prepare()
        before = world.states()
        going = world.start_backup()
        wait_until(self.frozen, "a frozen container")
        world.podman("stop", "-t", "10", "miraclemax")
        going.communicate()
        after = world.states()
        for name in ("a", "b", "c", "still"):
            self.assertEqual(after[name], before[name])
        world.podman("start", "miraclemax")
        world.backup()
        self.assertEqual(world.debris(), [])
        world.check_everything()

    def test_running_sidecar_undoes_a_dead_run(self):
        world = self.world
        self.prepare()
        before = world.states()
        going = world.start_backup()
        wait_until(self.frozen, "a frozen container")
        os.kill(self.run_pid(), signal.SIGKILL)
        going.communicate()
        self.as_before(before)

    def test_worker_is_killed(self):
        world = self.world
        self.prepare(noise=80_000_000)
        before = world.states()
        for _ in range(5):  # until it meets a run
            going = world.start_backup()
            wait_until(lambda: self.frozen() or going.poll() is not None, "a frozen container")
            victims = processes(world, "miraclemax worker")
            for pid in victims:
                with contextlib.suppress(ProcessLookupError):  # it has ended
                    os.kill(pid, signal.SIGKILL)
            told = going.communicate()[0]
            self.assertIn(going.returncode, (0, 3), told)  # 0: it had finished just before
            self.as_before(before)
            world.check_everything()
            if victims and going.returncode == 3:
                return
        self.fail("no worker was killed in a freeze")

    def test_sigkill_at_random_moments(self):
        world = self.world
        self.prepare()
        before = world.states()
        seed = int(os.environ.get("MIRACLEMAX_TEST_SEED", random.randrange(1 << 30) if LONG else 1))
        print(f"    seed {seed}", flush=True)
        dice = random.Random(seed)
        began = time.monotonic()
        world.backup()
        length = time.monotonic() - began
        met = {"runs": 0, "freezes": 0}
        number = 0
        while number < (100 if LONG else 10) or (not met["freezes"] and number < 40):
            number += 1
            going = world.start_backup()
            wait_until(lambda: self.run_pid() or going.poll() is not None, "the run")
            time.sleep(dice.random() * length)
            pid = self.run_pid()
            if pid:
                os.kill(pid, signal.SIGKILL)
                met["freezes"] += self.frozen()  # nobody has put it back yet
            going.communicate()
            met["runs"] += going.returncode == 137
            with self.subTest(number=number, seed=seed):
                world.miraclemax("recover")
                self.as_before(before)
        print(f"    met: {met}", flush=True)
        self.assertGreater(met["runs"], 0)
        self.assertGreater(met["freezes"], 0)
        world.backup()
        self.assertEqual(world.debris(), [])
        self.as_before(before)
        world.check_everything()

    def lead_out(self, told):
        """podman that dies between its runtime's resume and the note of it says "paused" until this is done."""
        ways = re.findall(r"`(\S+ pause \w+)` and then `podman (unpause \w+)` let it know", told)
        self.assertTrue(ways, told)
        for pause, unpause in dict.fromkeys(ways):
            run(BED, "in", self.world.bed, *pause.split())
            self.world.podman(*unpause.split())

    def test_podman_restarts_in_a_freeze(self):
        world = self.world
        self.prepare()
        before = world.states()
        going = world.start_backup()
        wait_until(self.frozen, "a frozen container")
        world.service("restart-service")
        told = going.communicate()[0]
        self.assertIn(going.returncode, (0, 1, 3, 7, 10), told)
        if going.returncode == 10:
            self.lead_out(told)
        world.miraclemax("recover")
        self.as_before(before)
        world.check_everything()


@unittest.skipUnless(with_points(), "the program is built without MIRACLEMAX_FAULT_POINTS")
class RecoverAlone(Bench):
    def test_recover_puts_back_what_a_dead_run_froze(self):
        """Nobody else does: the sidecar's first process sleeps."""
        world = self.world
        oracle = self.prepare(*ASLEEP)
        for point, frozen in (("freeze.pause", {"a": "paused", "b": "paused"}), ("freeze.stop", {"c": "exited"})):
            with self.subTest(point=point):
                self.killed_in_a_freeze(point)
                left = {name: (id, frozen.get(name, state)) for name, (id, state) in oracle.before.items()}
                self.assertEqual(oracle.states(), left)
                time.sleep(1)
                self.assertEqual(oracle.states(), left)
                done = world.miraclemax("recover", check=False)
                # When it ends, and no later.
                self.assertEqual(oracle.states(), oracle.before)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                for name in frozen:
                    self.assertIn(name, done.stdout + done.stderr)
        oracle.next_run_is_clean()
