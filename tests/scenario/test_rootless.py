"""A rootless podman: only where a user can be made for it, which matrix.sh does in a Debian of its own."""
import os
import unittest

from world import Scenario


@unittest.skipUnless(os.environ.get("BED_USER"), "matrix.sh runs it, in a Debian where a user can be made")
class Rootless(Scenario):
    def prepare(self, **labels):
        world = self.world
        world.volume("data", backup="true", encryption="required", **labels)
        script = "echo kept >/data/file; chown 33:34 /data/file; chmod 600 /data/file; sleep 1000000"
        world.app("writer", "-v", "data:/data", command=("sh", "-c", script))
        world.sidecar()
        return world

    def content(self, world):
        path = os.path.join(world.extract("data"), "file")
        status = os.stat(path)
        with open(path) as file:
            # As the container sees them: 33, not 100032.
            return file.read(), status.st_uid, status.st_gid, status.st_mode & 0o777

    def test_auto(self):
        """Paused where pausing works, else stopped and started again: never left otherwise than it was."""
        world = self.prepare()
        before = world.states()
        done = world.miraclemax("backup", check=False)
        self.assertEqual(world.states(), before)
        can_pause = world.podman("pause", "writer", check=False).returncode == 0
        if can_pause:
            world.podman("unpause", "writer")
        cgroups = world.api("GET", "info")["host"]["cgroupVersion"]
        print(f"  cgroup {cgroups}, pausing {'works' if can_pause else 'fails'}: exit code {done.returncode}",
              flush=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual([each["how"] for each in world.record("data")["freeze"]["containers"]],
                         ["pause" if can_pause else "stop"])
        self.assertEqual(self.content(world), ("kept\n", 33, 34, 0o600))
        self.assertEqual(world.debris(), [])

    def test_stop(self):
        world = self.prepare(quiesce="stop")
        before = world.states()
        world.backup()
        self.assertEqual(world.states(), before)
        self.assertEqual(self.content(world), ("kept\n", 33, 34, 0o600))

    def test_pause_asked_for_where_it_fails(self):
        world = self.prepare(quiesce="pause")
        before = world.states()
        can_pause = world.podman("pause", "writer", check=False).returncode == 0
        if can_pause:
            world.podman("unpause", "writer")
            self.skipTest("pausing works here")
        done = world.backup(code=1)
        self.assertIn("writer", done.stdout)
        self.assertEqual(world.states(), before)
        self.assertEqual((world.ids(), world.debris()), ([], []))
