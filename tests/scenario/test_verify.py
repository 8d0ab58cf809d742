"""What isn't what it was is found and named, and no byte of it reaches a live volume."""
import hashlib
import json
import os
import random
import shutil
import tempfile

from restoring import Shelf
from world import LONG, run


class Bad(Shelf):
    def prepare(self):
        world = self.world
        self.shelf()
        world.backup()
        self.folder = os.path.join(world.backups, world.newest())
        self.archive = os.path.join(self.folder, world.record("one")["archive"]["file"]["path"])
        self.safe = os.path.join(tempfile.mkdtemp(dir=world.dir), "safe")
        self.addCleanup(shutil.rmtree, os.path.dirname(self.safe))
        shutil.copytree(self.folder, self.safe)
        for folder in (self.one, self.two):
            self.stock(folder, "later")
        self.kept, self.events = self.keep(self.one, self.two), self.acts()

    def mend(self):
        shutil.rmtree(self.folder)
        shutil.copytree(self.safe, self.folder)

    def refused(self, code, what, *argv, only_deep=False):
        """By restore and by verify; and the backup is whole again."""
        told = self.restore("--latest", "--force", *argv, code=code)
        self.untouched(self.kept, self.events, what)
        if not only_deep:
            self.exec("miraclemax", "verify", *argv, code=code)
        self.exec("miraclemax", "verify", "--deep", "--key", "-", *argv, key=self.private_key(), code=code)
        self.mend()
        return told

    def forge(self):
        """Another archive of that name, for the same key, all sums right."""
        world = self.world
        with tempfile.TemporaryDirectory(dir=world.dir) as made:
            os.mkdir(os.path.join(made, "one"))
            with open(os.path.join(made, "one", "evil"), "w", encoding="ascii") as file:
                file.write("evil")
            plain = run("tar", "-C", made, "-czf", "-", "one", text=False).stdout
            os.unlink(self.archive)
            world.keys.gpg("--trust-model", "always", "-r", world.keys.fingerprint, "-o", self.archive, "--encrypt",
                           input=plain, text=False)
        self.sums()

    def sums(self):
        path = os.path.join(self.folder, "SHA256SUMS")
        with open(path, encoding="utf-8") as file:
            names = [line.rstrip("\n").split("  ", 1)[1] for line in file]
        with open(path, "w", encoding="utf-8") as file:
            for name in names:
                if not os.path.exists(os.path.join(self.folder, name)):
                    continue
                with open(os.path.join(self.folder, name), "rb") as stored:
                    file.write(f"{hashlib.sha256(stored.read()).hexdigest()}  {name}\n")

    def edit_manifest(self, change):
        path = os.path.join(self.folder, "manifest.json")
        with open(path, encoding="utf-8") as file:
            manifest = json.load(file)
        change(manifest)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(manifest, file)
        self.sums()

    def file_of_one(self, manifest):
        return next(each for each in manifest["components"] if each["name"] == "one")["archive"]["file"]

    def test_nothing_bad_is_restored(self):
        self.prepare()
        size = os.path.getsize(self.archive)
        dice = random.Random(int(os.environ.get("MIRACLEMAX_TEST_SEED", 1)))
        for _ in range(20 if LONG else 1):
            at, bit = dice.randrange(size), dice.randrange(8)
            with open(self.archive, "r+b") as file:
                byte = os.pread(file.fileno(), 1, at)[0]
                os.pwrite(file.fileno(), bytes([byte ^ (1 << bit)]), at)
            self.assertIn("one", self.refused(13, f"bit {bit} of byte {at}"))
        os.truncate(self.archive, size // 2)
        self.refused(13, "cut")
        self.edit_manifest(lambda manifest: manifest.update(host="another"))
        self.refused(14, "an edited manifest")
        os.unlink(os.path.join(self.folder, "manifest.json.sig"))
        self.refused(14, "no signature")
        self.forge()
        self.refused(13, "a forged archive")
        def believe(manifest):
            with open(self.archive, "rb") as file:
                forged = file.read()
            self.file_of_one(manifest).update(size=len(forged), sha256=hashlib.sha256(forged).hexdigest())

        self.forge()
        self.edit_manifest(believe)
        self.refused(14, "a forged archive and manifest", "--unsigned")
        # Even where nothing is signed and the user says that this doesn't matter: the inventory tells.
        self.forge()
        self.edit_manifest(believe)
        os.unlink(os.path.join(self.folder, "manifest.json.sig"))
        self.sums()
        told = self.restore("--latest", "--force", "--unsigned", "--component", "one", code=13)
        self.assertIn("one", told)
        self.untouched(self.kept, self.events, "unsigned")
        self.mend()
        self.exec("miraclemax", "verify", "--deep", "--key", "-", key=self.private_key())
        self.restore("--latest", "--force")  # the very same backup, whole again

    def test_keys(self):
        world = self.world
        phrases = os.path.join(world.bed, "phrases")
        os.makedirs(phrases)
        for name, text in (("right", "open sesame"), ("wrong", "open")):
            with open(os.path.join(phrases, name), "w", encoding="ascii") as file:
                file.write(text + "\n")
        keys = world.keys
        made = {}
        for name, passphrase in (("guarded", "open sesame"), ("stranger", "")):
            loud = keys.gpg("--status-fd", "1", "--passphrase", passphrase, "--quick-generate-key",
                            f"{name} <{name}@example.test>", "future-default", "default", "never").stdout
            made[name] = loud.split("KEY_CREATED")[1].split()[1]
        public = os.path.join(keys.public, "guarded.asc")
        with open(public, "w", encoding="ascii") as file:
            file.write(keys.gpg("--armor", "--export", made["guarded"]).stdout)
        self.addCleanup(os.unlink, public)
        self.shelf("-v", f"{phrases}:/phrases:ro")
        world.backup()
        data = self.contents(self.one)
        self.stock(self.one, "later")
        kept, acts = self.keep(self.one, self.two), self.acts()
        guarded = keys.gpg("--passphrase", "open sesame", "--armor", "--export-secret-keys", made["guarded"]).stdout
        stranger = keys.gpg("--armor", "--export-secret-keys", made["stranger"]).stdout
        command = ("miraclemax", "restore", "--latest", "--force", "--component", "one")
        self.assertIn("--key", self.exec(*command, code=8))
        self.exec(*command, "--key", "-", key=stranger, code=8)
        self.assertIn("passphrase", self.exec(*command, "--key", "-", key=guarded, code=8))
        self.exec(*command, "--key", "-", "--passphrase-file", "/phrases/wrong", key=guarded, code=8)
        self.exec(*command, "--key", "-", "--passphrase-file", "/phrases/none", key=guarded, code=8)
        self.exec(*command, "--key", "-", key="no key at all", code=8)
        self.untouched(kept, acts, "no key")
        told = self.exec(*command, "--key", "-", "--passphrase-file", "/phrases/right", key=guarded)
        self.assertNotIn("sesame", told)
        self.holds(self.one, data)
        self.as_before(self.before)
        self.tidy()
