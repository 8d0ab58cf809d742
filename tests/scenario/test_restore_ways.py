"""The ways of a restore: onto a bare host, beside what is there, a part of it, back again, and when it doesn't come up."""
import json
import os
import shutil

import tree
from restoring import Shelf, wipe
from world import run


class Ways(Shelf):
    def test_onto_a_bare_host(self):
        world = self.world
        self.shelf()
        device = os.path.join(world.bed, "device", "below")
        os.makedirs(device)
        self.stock(device, "bound")
        world.podman("volume", "create", "--label", "miraclemax.backup=true", "--label", "own.label=a b", "--opt", "type=none",
                     "--opt", "o=bind", "--opt", f"device={device}", "bound")
        world.backup()
        signer = world.manifest()["signer"]
        names = ["one-data", "two-data", "bound"]
        was = {each["Name"]: each for each in json.loads(world.podman("volume", "inspect", *names).stdout)}
        kept = self.keep(self.one, self.two, device)
        world.podman("rm", "-f", "-t", "0", *world.states())
        world.podman("volume", "rm", *names, "miraclemax-state")
        shutil.rmtree(os.path.dirname(device))
        self.start_sidecar()  # with another signing key
        told = self.restore("--latest", "--force", code=14)
        self.assertIn("--signer", told)
        self.assertEqual(world.podman("volume", "ls", "-q").stdout.split(), ["miraclemax-state"])
        self.restore("--latest", "--force", "--signer", signer)
        now = {each["Name"]: each for each in json.loads(world.podman("volume", "inspect", *names).stdout)}
        for name in names:
            self.assertTrue(now[name]["Labels"].pop("miraclemax.run"), name)
            for what in ("Driver", "Labels", "Options"):
                self.assertEqual(now[name].get(what), was[name].get(what), name)
        for folder, facts in kept.items():
            self.holds(folder, facts)
        world.app("first", "-v", "one-data:/data")
        world.app("second", "-v", "two-data:/data")
        self.assertIn("before 5", world.podman("exec", "first", "cat", "/data/both/file 5").stdout)
        for folder, facts in kept.items():  # podman's first mount changes nothing of it either
            self.holds(folder, facts)
        self.tidy()
        # Nothing old is kept aside of what was not there.
        self.exec("miraclemax", "restore", "--discard-old", "--force", code=11)
        self.assertEqual(self.staging(*kept), [])

    def test_beside_and_in_part(self):
        world = self.world
        self.shelf()
        world.backup()
        first = world.newest()
        old = {folder: self.contents(folder) for folder in (self.one, self.two)}
        for folder in old:
            self.stock(folder, "later")
        world.backup()
        later = self.keep(self.one, self.two)
        acts = self.acts()
        self.restore("--from-backup", first, "--component", "one", "--into", "beside", "--force")
        self.holds(world.mountpoint("beside"), old[self.one])
        self.restore("--from-backup", first, "--component", "one", "--into", "beside", "--force", code=1)
        folder = os.path.join(world.bed, "made", "here")
        self.restore("--from-backup", first, "--component", "one", "--component", "two", "--to", folder, "--force")
        self.holds(os.path.join(folder, "one"), old[self.one])
        self.holds(os.path.join(folder, "two"), old[self.two])
        self.untouched(later, acts, "beside")
        # One file alone: all else stays, the folder around it too.
        self.restore("--from-backup", first, "--component", "one", "--path", "both/file 3", "--force")
        expected = dict(later[self.one])
        expected[b"both/file 3"] = old[self.one][b"both/file 3"]
        expected[b"both"] = {**expected[b"both"], "mtime": self.contents(self.one)[b"both"]["mtime"]}  # of the change
        self.holds(self.one, expected, "one path")
        self.same({self.two: later[self.two]}, "one path")
        self.exec("miraclemax", "restore", "--undo", "--force")
        expected[b"both/file 3"] = later[self.one][b"both/file 3"]
        expected[b"both"] = {**expected[b"both"], "mtime": self.contents(self.one)[b"both"]["mtime"]}
        self.holds(self.one, expected, "one path, undone")
        self.exec("miraclemax", "restore", "--discard-old", "--force")
        # One component alone, from an older backup.
        self.restore("--from-backup", first, "--component", "two", "--force", key=False)
        self.holds(self.two, old[self.two])
        self.holds(self.one, expected, "the other component")
        self.as_before(self.before)
        self.restore("--from-backup", "20200101_000000", "--force", code=11)
        self.restore("--latest", "--component", "three", "--force", code=11)

    def test_it_asks_and_only_tells(self):
        world = self.world
        self.shelf()
        world.backup()
        wipe(self.one)
        kept, acts = self.keep(self.one, self.two), self.acts()
        self.restore("--latest", code=2)
        self.exec("miraclemax", "restore", "--force", code=2)
        told = self.restore("--latest", "--dry-run")
        self.assertRegex(told, "one .*from .*volume one-data")
        self.assertRegex(told, "stops and starts again: .*first")
        self.assertIn("nothing was changed", told)
        self.untouched(kept, acts, "--dry-run")
        self.assertIn("nothing was changed", self.restore("--latest", "--verify-only"))
        self.exec("pai-miraclemax-restore", "--latest", "--verify-only", "--key", "-", key=self.private_key())
        self.untouched(kept, acts, "--verify-only")
        events = [json.loads(line) for line in self.restore("--latest", "--dry-run", "--json").splitlines()]
        self.assertEqual((events[0]["event"], events[-1]["event"], events[-1]["exit_code"]), ("plan", "ended", 0))
        # The seed's words.
        self.exec("pai-miraclemax-restore", "--latest", "--component", "one", "--force", "--key", "-", key=self.private_key())
        self.as_before(self.before)
        self.assertIn("before", os.listdir(self.one))
        count = len(world.ids())
        told = self.exec("pai-miraclemax-backup", "--verify", "--key", "-", key=self.private_key())
        self.assertEqual(len(world.ids()), count + 1)
        self.assertIn(world.newest(), told)
        self.assertRegex(world.miraclemax("list").stdout, world.newest() + ".* deep")

    def test_undo_and_letting_go(self):
        world = self.world
        self.shelf()
        world.backup()
        new = {folder: self.contents(folder) for folder in (self.one, self.two)}
        for folder in new:
            self.stock(folder, "later")
        old = {folder: self.contents(folder) for folder in new}

        def hold(state, what):
            for folder, facts in state.items():
                self.holds(folder, facts, what)
            self.as_before(self.before)
            self.tidy()

        self.exec("miraclemax", "restore", "--undo", "--force", code=11)
        self.restore("--latest", "--force")
        hold(new, "restored")
        self.exec("miraclemax", "restore", "--undo", code=2)
        self.exec("miraclemax", "restore", "--undo", "--force")
        hold(old, "undone")
        self.assertIn("undone already", self.exec("miraclemax", "restore", "--undo", "--force", code=11))
        hold(old, "undone twice")
        self.exec("miraclemax", "restore", "--discard-old", "--force")
        self.assertEqual(self.staging(self.one, self.two), [])
        self.same(old, "let go")
        # Twice in a row: the last one is undone.
        self.restore("--latest", "--force")
        self.stock_more("third")
        third = {folder: self.contents(folder) for folder in new}
        self.restore("--latest", "--force")
        hold(new, "restored again")
        self.exec("miraclemax", "restore", "--undo", "--component", "one", "--force")
        hold({self.one: third[self.one], self.two: new[self.two]}, "one undone")
        # No backup has what lies aside; the good one lets it go.
        world.backup()
        for component in ("one", "two"):
            names = [name for name in tree.members(world, component) if ".miraclemax" in name]
            self.assertEqual(names, [])
        self.assertEqual(self.staging(self.one, self.two), [])
        hold({self.one: third[self.one], self.two: new[self.two]}, "after a backup")
        self.exec("miraclemax", "restore", "--undo", "--force", code=11)

    def stock_more(self, text):
        for folder in (self.one, self.two):
            tree.write(os.path.join(folder, text), text.encode())

    # Runs only on data that isn't bad.
    PICKY = ("sh", "-c", "if [ -e /data/bad ]; then echo 'the data is bad'; exit 3; fi; exec sleep infinity")

    def test_unhealthy(self):
        world = self.world
        world.volume("picky-data", backup="true", component="picky", encryption="never")
        world.app("picky", "-v", "picky-data:/data", command=self.PICKY)
        folder = world.mountpoint("picky-data")
        self.stock(folder, "bad")
        self.start_sidecar()
        world.backup()
        self.stock(folder, "good")
        good, before = self.contents(folder), world.states()
        told = self.restore("--latest", "--force", "--rollback-on-unhealthy", key=False, code=15)
        self.assertIn("the data is bad", told)
        self.assertIn("put back", told)
        self.holds(folder, good, "rolled back")
        self.as_before(before)
        self.tidy()
        told = self.restore("--latest", "--force", key=False, code=15)
        self.assertIn("the data is bad", told)
        self.assertIn("--undo", told)
        self.assertIn("bad", os.listdir(folder))
        self.exec("miraclemax", "restore", "--undo", "--force")
        self.holds(folder, good, "undone")
        world.podman("start", "picky")  # it had ended by itself
        self.as_before(before)

    def test_health_check(self):
        """No systemd is here to run it: the restore does."""
        world = self.world
        world.volume("fit-data", backup="true", component="fit", encryption="never")
        world.app("fit", "-v", "fit-data:/data", "--health-cmd", "test ! -e /data/bad", "--health-interval", "1s", "--health-retries", "2",
                  command=("sh", "-c", "echo the app began; exec sleep infinity"))
        folder = world.mountpoint("fit-data")

        def health():
            return json.loads(world.podman("inspect", "fit").stdout)[0]["State"]["Health"]["Status"]

        self.stock(folder, "good")
        self.start_sidecar()
        world.backup()
        self.assertIn("fit is healthy", self.restore("--latest", "--force", key=False))
        self.assertEqual(health(), "healthy")
        self.stock(folder, "bad")
        world.backup()
        self.stock(folder, "good")
        good, before = self.contents(folder), world.states()
        told = self.restore("--latest", "--force", "--rollback-on-unhealthy", key=False, code=15)
        for text in ("fit is unhealthy", "the app began", "put back"):
            self.assertIn(text, told)
        self.holds(folder, good, "rolled back")
        self.as_before(before)
        world.podman("healthcheck", "run", "fit")
        self.assertEqual(health(), "healthy")


class WithoutPodman(Shelf):
    """The worst day: the program, the backups and the key, and nobody behind podman's socket."""

    def test_proof_and_folder(self):
        world = self.world
        self.shelf()
        world.backup()
        signer = world.manifest()["signer"]
        kept = self.keep(self.one, self.two)
        self.key = os.path.join(world.bed, "backup.sec.asc")
        with open(self.key, "w", encoding="ascii") as file:
            file.write(self.private_key())
        rescue = os.path.join(world.bed, "rescue")
        proof = ("--latest", "--verify-only", "--key", self.key, "--signer", signer)
        folder = ("--from-backup", world.newest(), "--to", rescue, "--force", "--key", self.key, "--signer", signer)
        world.service("kill-service")
        try:
            for socket in (world.socket, "/nowhere/podman.sock"):  # nobody listens; there is none
                told = self.on_the_host(socket, *proof)
                self.assertIn("nothing was changed", told)
                self.assertEqual(told.count("no container is looked for or stopped: "), 1)
                self.assertFalse(os.path.exists(rescue))
                self.on_the_host(socket, *folder)
                for name, source in (("one", self.one), ("two", self.two)):
                    self.holds(os.path.join(rescue, name), kept[source], socket)
                shutil.rmtree(rescue)
                self.on_the_host(socket, "--latest", "--force", "--key", self.key, "--signer", signer, code=7)
            self.same(kept, "without podman")
        finally:
            world.service("start-service")
        self.as_before(self.before)

    def on_the_host(self, socket, *argv, code=0):
        world = self.world
        environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "CONTAINER_HOST": "unix://" + socket,
                       "MIRACLEMAX_BACKUP_FOLDER": world.backups, "MIRACLEMAX_STATE_FOLDER": os.path.join(world.bed, "state")}
        done = run(os.environ["MIRACLEMAX_PROGRAM"], "restore", *argv, check=False, env=environment)
        told = done.stdout + done.stderr
        self.assertEqual(done.returncode, code, told)
        return told
