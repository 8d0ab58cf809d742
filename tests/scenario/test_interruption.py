"""Ended at any moment, every container is as it was, and no listed backup is less than whole."""
import os
import random
import re
import signal
import time

from world import BED, LONG, Scenario, run, wait_until


class Interruption(Scenario):
    def prepare(self):
        world = self.world
        world.volume("paused", backup="true")
        world.volume("stopped", backup="true", quiesce="stop")
        for name in ("paused", "stopped"):
            with open(os.path.join(world.mountpoint(name), "noise"), "wb") as file:
                file.write(os.urandom(20_000_000))
        world.writer("a", "paused")
        world.writer("b", "paused")
        world.writer("c", "stopped")
        world.app("still", "-v", "paused:/data")
        world.podman("pause", "still")
        world.sidecar()

    def as_before(self, before):
        wait_until(lambda: self.world.states() == before, f"{before}\nnow {self.world.states()}", 30)

    def run_pid(self):
        """The pid, seen from outside, of the backup that podman exec started."""
        found = run("pgrep", "-f", "^miraclemax backup", check=False).stdout.split()
        mine = []
        for pid in found:
            try:
                with open(f"/proc/{pid}/mountinfo") as file:
                    if self.world.bed in file.read():
                        mine.append(int(pid))
            except OSError:
                pass
        return mine[0] if mine else None

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
        self.prepare()
        before = world.states()
        going = world.start_backup()
        victim = []

        def found():
            victim[:] = [name for name in world.states() if name.startswith("miraclemax-worker") and "paused" in name]
            return victim and self.frozen()

        wait_until(found, "a worker")
        world.podman("kill", "-s", "KILL", victim[0], check=False)
        told = going.communicate()[0]
        self.assertIn(going.returncode, (0, 3), told)  # 0: it had finished just before
        self.as_before(before)
        world.check_everything()

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
        for number in range(100 if LONG else 10):
            going = world.start_backup()
            wait_until(lambda: self.run_pid() or going.poll() is not None, "the run")
            time.sleep(dice.random() * length)
            pid = self.run_pid()
            if pid:
                os.kill(pid, signal.SIGKILL)
            going.communicate()
            with self.subTest(number=number, seed=seed):
                world.miraclemax("recover")
                self.as_before(before)
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
