"""A second place for the backups, and what it is for: the local disk is gone."""
import os
import shutil
import unittest

from restoring import Shelf, wipe
from world import LONG, wait_until


@unittest.skipUnless(LONG, "only in the long form")
class Tiers(Shelf):
    def test_the_local_disk_is_gone(self):
        world = self.world
        nas, config = os.path.join(world.bed, "nas"), os.path.join(world.bed, "tiers.yml")
        os.makedirs(nas, mode=0o700)
        self.addCleanup(shutil.rmtree, nas)
        with open(config, "w", encoding="ascii") as file:
            file.write("tiers:\n  - name: nas\n    folder: /mnt/nas\n    keep: {days: 90}\n")
        self.shelf("-v", f"{config}:/etc/miraclemax/config.yml:ro", "-v", f"{nas}:/mnt/nas")
        world.backup()
        kept = {folder: self.contents(folder) for folder in (self.one, self.two)}
        self.assertIn("is it mounted", self.exec("miraclemax", "replicate", code=9))
        self.assertEqual(os.listdir(nas), [])
        self.exec("miraclemax", "replicate", "--init")
        self.assertIn(f"nas: copied {world.newest()}", self.exec("miraclemax", "replicate"))
        world.backup()  # which serve follows by itself
        wait_until(lambda: sorted(name for name in os.listdir(nas) if name[0].isdigit()) == world.ids(), "the copy", 60)
        wait_until(lambda: "tier nas     2 backups" in world.miraclemax("status", check=False).stdout, "the status", 30)
        self.exec("miraclemax", "status")
        wipe(world.backups)
        for folder in (self.one, self.two):
            self.stock(folder, "later")
        tier = ("MIRACLEMAX_BACKUP_FOLDER=/mnt/nas",)
        self.exec("miraclemax", "verify", "--all", environment=tier)
        self.restore("--latest", "--force", environment=tier)
        for folder, facts in kept.items():
            self.holds(folder, facts)
        self.as_before(self.before)
