"""A restore on a terminal shows what it would do and asks; one beside a backup waits for nobody."""
import os
import pty
import re
import select
import signal
import unittest

from cut_off import with_points
from half_restored import HalfRestored
from oracle import Fault, run_pid
from world import BED, wait_until


class Terminal:
    """`podman exec -it` on a pty of its own."""

    def __init__(self, world, *argv):
        self.told = ""
        self.pid, self.screen = pty.fork()
        if self.pid == 0:
            try:
                os.execv(BED, [BED, "in", world.bed, "podman", "exec", "-it", "miraclemax", "miraclemax", *argv])
            finally:
                os._exit(127)

    def until(self, words):
        """What it says up to these; or to its end."""
        while words not in self.told:
            if not select.select([self.screen], [], [], 120)[0]:
                os.kill(self.pid, signal.SIGKILL)
                raise AssertionError(f"it says no more than {self.told!r}")
            try:
                more = os.read(self.screen, 65536)
            except OSError:  # the other side is closed
                break
            if not more:
                break
            self.told += more.decode(errors="replace")
        return self.told

    def type(self, keys):
        os.write(self.screen, keys.encode())

    def end(self):
        """(exit code, all it said)"""
        self.until("\0")
        os.close(self.screen)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1]), self.told


class Asks(HalfRestored):
    def test_on_a_terminal(self):
        world = self.world
        self.prepare()
        kept, acts = self.keep(self.one, self.two), self.acts()
        for keys in ("n\r", "\r", "no, yes\r", "\x04", "\x03"):  # Ctrl-D, Ctrl-C
            with self.subTest(keys=keys):
                terminal = Terminal(world, "restore", "--latest")
                shown = terminal.until("[y/N]")
                for plan in (r"one .*from .*volume one-data", r"two .*from .*volume two-data",
                             r"stops and starts again: .*first", r"stops and starts again: .*second",
                             "what is there now is moved aside", r"Restore this over what is there now\? \[y/N\]"):
                    self.assertRegex(shown, plan)
                self.untouched(kept, acts, "before an answer")
                terminal.type(keys)
                code, told = terminal.end()
                self.assertEqual(code, 12, told)
                self.assertRegex(told, "nothing was (restored|changed)")
                self.untouched(kept, acts, repr(keys))
        terminal = Terminal(world, "restore", "--latest")
        terminal.until("[y/N]")
        terminal.type("y\r")
        code, told = terminal.end()
        self.assertEqual(code, 0, told)
        self.assertRegex(told, re.compile(r"^restored\r?$", re.M))
        self.assertEqual(self.whole("y", killed=False), 2)

    @unittest.skipUnless(with_points(), "the program is built without MIRACLEMAX_FAULT_POINTS")
    def test_beside_a_backup(self):
        world = self.world
        self.prepare()
        kept, acts = self.keep(self.one, self.two), self.acts()
        fault = Fault(world, "partial.create:hang")
        going = world.start_backup(environment=fault.environment)
        try:
            wait_until(lambda: "partial.create" in fault.reached() or going.poll() is not None, "the hang")
            told = self.exec("miraclemax", "restore", "--latest", "--force", code=5)
            self.assertIn("another run", told)
            self.same(kept, "beside a backup")
            self.assertEqual((self.acts(), world.states()), (acts, self.before))
            self.assertEqual(self.staging(self.one, self.two), [])
            self.assertIsNone(going.poll())
        finally:
            os.kill(run_pid(world), signal.SIGKILL)
            going.communicate()
        self.exec("miraclemax", "recover")
        self.exec("miraclemax", "restore", "--latest", "--force")
        self.assertEqual(self.whole("afterwards", killed=False), 2)
