"""Where miraclemax is not there: RESTORE.txt and the README's emergency block, followed to the letter.

In the bed, with nothing in PATH but gpg, tar, gzip, podman, a shell, coreutils and findutils.
"""
import os
import re
import shutil

from restoring import Shelf, wipe
from world import HERE, run

COREUTILS = ("basename cat chmod chown cp cut dirname env head install ln ls mkdir mktemp mv readlink realpath rm rmdir "
             "sha256sum sort stat tail tee test touch tr true uname wc").split()
PROGRAMS = [*COREUTILS, "sh", "gpg", "gpg-agent", "gpgconf", "gpg-connect-agent", "tar", "gzip", "gunzip", "find", "podman"]


class ByHand(Shelf):
    def place(self):
        """A folder with the few programs, a key and a fresh GNUPGHOME."""
        world = self.world
        self.folder = os.path.join(world.bed, "by-hand")
        shutil.rmtree(self.folder, ignore_errors=True)
        self.addCleanup(shutil.rmtree, self.folder)
        self.addCleanup(run, "gpgconf", "--homedir", self.folder + "/gnupg", "--kill", "all", check=False)
        os.makedirs(self.folder + "/bin")
        os.makedirs(self.folder + "/gnupg", mode=0o700)
        for name in PROGRAMS:
            path = world.inside("sh", "-c", 'command -v "$1"', "sh", name, check=False).stdout.strip()
            if not path:
                self.skipTest(f"the bed's Debian has no {name}")
            os.symlink(path, f"{self.folder}/bin/{name}")
        with open(self.folder + "/backup.sec.asc", "w", encoding="ascii") as file:
            file.write(self.private_key())
        with open(self.folder + "/signer.gpg", "wb") as file:
            file.write(world.podman("exec", "miraclemax", "miraclemax", "key", "--export", text=False).stdout)
        os.symlink(world.backups, self.folder + "/backups")

    def follow(self, text, folder):
        """The commands, all in one shell, which ends at the first that fails. -> what they said"""
        script = os.path.join(self.folder, "script.sh")
        with open(script, "w", encoding="utf-8") as file:
            file.write(text)
        done = self.world.inside("env", "-i", "-C", folder, *self.environment(), self.folder + "/bin/sh", "-e", script, check=False)
        self.assertEqual(done.returncode, 0, f"{text}\n{done.stdout}\n{done.stderr}")
        return done.stdout + done.stderr

    def environment(self):
        kept = self.world.inside("env").stdout.splitlines()
        return [f"PATH={self.folder}/bin", f"GNUPGHOME={self.folder}/gnupg",
                *(line for line in kept if line.split("=")[0] not in ("PATH", "GNUPGHOME"))]

    def gpg_import(self, name):
        self.follow(f"gpg --batch --quiet --import {name}\n", self.folder)

    def commands(self, backup):
        with open(os.path.join(backup, "RESTORE.txt"), encoding="utf-8") as file:
            return "".join(line[4:] for line in file if line.startswith("    "))

    def lacks_the_tool(self):
        self.assertEqual(sorted(os.listdir(self.folder + "/bin")), sorted(PROGRAMS))

    def test_restore_text(self):
        world = self.world
        self.shelf()
        site = os.path.join(world.bed, "site")
        os.makedirs(site)
        self.stock(site, "site")
        single = os.path.join(world.bed, "single.conf")
        with open(single, "w", encoding="ascii") as file:
            file.write("one = file\n")
        os.chmod(single, 0o640)
        world.app("web", "-v", f"{site}:/srv", "-v", f"{single}:/etc/single.conf", labels={
            "mounts": '[{"dest": "/srv", "component": "site"}, {"dest": "/etc/single.conf", "component": "single"}]'})
        before = world.states()
        world.backup()
        self.place()
        kept = self.keep(self.one, self.two, site)
        self.gpg_import("backup.sec.asc")
        self.gpg_import("signer.gpg")
        backup = os.path.join(world.backups, world.newest())
        for folder in (self.one, self.two, site):
            wipe(folder)
        os.unlink(single)
        # Once over what is left, once onto nothing at all.
        self.lacks_the_tool()
        self.assertIn("Good signature", self.follow(self.commands(backup), backup))
        self.same(kept, "RESTORE.txt")
        with open(single, encoding="ascii") as file:
            self.assertEqual(file.read(), "one = file\n")
        self.assertEqual(os.stat(single).st_mode & 0o7777, 0o640)
        world.podman("start", *(name for name in before if name != "miraclemax"))
        self.as_before(before)
        labels = world.podman("volume", "inspect", "--format", "{{.Labels}}", "one-data", "two-data").stdout
        world.podman("rm", "-f", "-t", "0", *before)
        world.podman("volume", "rm", "one-data", "two-data")
        shutil.rmtree(site)
        self.follow(self.commands(backup), backup)
        self.same(kept, "RESTORE.txt on a bare host")
        self.assertEqual(world.podman("volume", "inspect", "--format", "{{.Labels}}", "one-data", "two-data").stdout, labels)

    def test_readme(self):
        world = self.world
        with open(os.path.join(HERE, "..", "..", "README.md"), encoding="utf-8") as file:
            readme = file.read()
        block = re.search(r"## When the tool is not there\n.*?```bash\n(.*?)```", readme, re.S).group(1)
        world.volume("n8n-data", backup="true", component="n8n", category="databases", encryption="required")
        folder = world.mountpoint("n8n-data")
        world.app("n8n", "-v", "n8n-data:/data")
        self.stock(folder, "n8n")
        self.start_sidecar()
        world.backup()
        before = world.states()
        self.place()
        kept = self.keep(folder)
        wipe(folder)
        with open(os.path.join(folder, "now"), "w", encoding="ascii") as file:
            file.write("what was there")
        self.lacks_the_tool()
        self.follow(block, self.folder)
        self.same(kept, "README")
        self.assertIn("n8n", os.listdir(self.folder + "/look/n8n"))
        self.as_before(before)
        aside = [name for name in os.listdir(os.path.dirname(folder)) if ".before-" in name]
        self.assertEqual([os.listdir(os.path.join(os.path.dirname(folder), name)) for name in aside], [["now"]])
