"""What goes wrong is told, costs only its own component, and leaves nothing behind."""
import os
import shutil
import subprocess

from world import Scenario, run, wait_until


class Failures(Scenario):
    def test_nothing_labelled(self):
        world = self.world
        world.podman("volume", "create", "precious")
        world.app("owner", "-v", "precious:/data")
        world.sidecar()
        done = world.backup(code=4)
        self.assertIn("nothing on this host is labelled", done.stderr)
        self.assertIn("precious", done.stderr)
        self.assertEqual(world.miraclemax("plan", check=False).returncode, 4)
        self.assertEqual(world.ids(), [])

    def test_one_fails_beside_others(self):
        world = self.world
        world.volume("good", backup="true")
        world.volume("bad", backup="true", quiesce="freeze")
        world.writer("a", "good")
        world.sidecar()
        done = world.backup(code=3)
        self.assertIn("freeze", done.stdout)
        (id,) = world.ids()
        manifest = world.manifest(id)
        self.assertFalse(manifest["complete"])
        self.assertEqual([each["name"] for each in manifest["components"]], ["good"])
        self.assertEqual([each["name"] for each in manifest["failed"]], ["bad"])
        self.assertFalse(os.path.lexists(os.path.join(world.backups, "latest")))

    def test_last_good_is_named(self):
        world = self.world
        world.volume("data", backup="true", encryption="required")
        world.volume("plain", backup="true", encryption="never")
        world.sidecar()
        world.backup()
        (good,) = world.ids()
        world.drop_sidecar()
        world.sidecar(keys=False)
        done = world.backup(code=3)
        self.assertIn(good, done.stdout)
        self.assertEqual(os.readlink(os.path.join(world.backups, "latest")), good)

    def test_required_encryption_without_a_key(self):
        world = self.world
        world.volume("secret", backup="true", encryption="required")
        world.writer("app", "secret")
        world.sidecar(keys=False)
        before = world.containers()
        done = world.backup(code=1)
        self.assertIn("encryption is required", done.stdout)
        self.assertEqual(world.containers(), before)
        self.assertEqual((world.ids(), world.debris()), ([], []))

    def test_expired_key(self):
        world = self.world
        world.volume("data", backup="true")
        world.writer("app", "data")
        home = world.keys
        home.gpg("--passphrase", "", "--faked-system-time", "20200101T000000", "--quick-generate-key",
                 "Old <old@example.test>", "ed25519", "default", "1d")
        with open(os.path.join(home.public, "old.asc"), "w") as file:
            file.write(home.gpg("--armor", "--export", "old@example.test").stdout)
        try:
            world.sidecar()
            before = world.containers()
            done = world.backup(code=1)
            self.assertIn("expired", done.stdout)
            self.assertEqual(world.containers(), before)
            self.assertEqual(world.miraclemax("check", check=False).returncode, 8)
        finally:
            os.unlink(os.path.join(home.public, "old.asc"))

    def test_two_runs_at_once(self):
        world = self.world
        world.volume("data", backup="true")
        world.writer("app", "data")
        world.sidecar()
        world.sidecar("--label", "second=1", name="second", environment={"INSTANCE": "second"})
        lock = os.path.join(world.backups, ".lock")
        # A holder in another process, on the same file: what a run in another container is.
        holder = subprocess.Popen(["flock", "--exclusive", lock, "sleep", "1000"])
        try:
            wait_until(lambda: run("flock", "-n", lock, "true", check=False).returncode != 0, "the lock")
            done = world.backup(code=5)
            self.assertIn("another run", done.stderr)
        finally:
            run("pkill", "-P", str(holder.pid), check=False)
            holder.kill()
            holder.wait()
        runs = [world.start_backup(), world.start_podman("exec", "second", "miraclemax", "backup")]
        codes = sorted(each.wait() for each in runs)
        for each in runs:
            each.stdout.close()
        self.assertIn(codes, ([0, 5], [0, 0]))
        world.check_everything()

    def test_folder_full_and_missing(self):
        world = self.world
        world.volume("data", backup="true")
        with open(os.path.join(world.mountpoint("data"), "noise"), "wb") as file:
            file.write(os.urandom(6_000_000))
        world.writer("app", "data")
        world.sidecar()
        world.backup()
        good = world.ids()
        world.drop_sidecar()
        run("nsenter", "-t", self.bed_pid(), "-m", "mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", world.backups)
        try:
            world.sidecar()
            before = world.containers()
            done = world.backup(code=1)
            self.assertRegex(done.stdout, "(?i)no space|full")
            self.assertEqual(world.containers(), before)
            listing = run("nsenter", "-t", self.bed_pid(), "-m", "ls", "-A", world.backups).stdout.split()
            self.assertEqual([each for each in listing if each != ".lock"], [])
            world.drop_sidecar()
        finally:
            run("nsenter", "-t", self.bed_pid(), "-m", "umount", world.backups)
        world.sidecar()
        world.backup()
        self.assertEqual(world.ids()[0], good[0])
        world.check_everything()

    def bed_pid(self):
        with open(os.path.join(self.world.bed, "pid")) as file:
            outer = file.read().strip()
        return run("pgrep", "-P", outer).stdout.split()[0]

    def test_podman_is_away(self):
        world = self.world
        world.volume("data", backup="true")
        world.sidecar()
        world.service("kill-service")
        try:
            done = world.podman("exec", "miraclemax", "miraclemax", "plan", check=False)
            self.assertEqual(done.returncode, 7)
            self.assertIn("podman", done.stderr)
        finally:
            world.service("start-service")

    def test_bad_configuration_changes_nothing(self):
        world = self.world
        world.volume("data", backup="true")
        config = os.path.join(world.bed, "config.yml")
        with open(config, "w") as file:
            file.write("compression:\n  kind: gzip\nretenton: 30\n")
        world.sidecar("-v", f"{config}:/etc/miraclemax/config.yml:ro")
        done = world.podman("exec", "miraclemax", "miraclemax", "backup", check=False)
        # serve has refused the same file, so there may be no container to exec into
        if done.returncode == 6:
            self.assertIn("line 3", done.stderr)
        else:
            logs = world.podman("logs", "miraclemax", check=False)
            self.assertIn("line 3", logs.stdout + logs.stderr)
        self.assertEqual(world.ids(), [])

    def test_configured_path(self):
        world = self.world
        folder = os.path.join(world.bed, "homeassistant-config")
        os.makedirs(folder)
        with open(os.path.join(folder, "configuration.yaml"), "w") as file:
            file.write("default_config:\n")
        config = os.path.join(world.bed, "config.yml")
        with open(config, "w") as file:
            file.write(f"components:\n  - path: {folder}\n    component: homeassistant\n    priority: high\n")
        world.sidecar("-v", f"{config}:/etc/miraclemax/config.yml:ro")
        world.backup()
        with open(os.path.join(world.extract("homeassistant"), "configuration.yaml")) as file:
            self.assertEqual(file.read(), "default_config:\n")
        shutil.rmtree(folder)
