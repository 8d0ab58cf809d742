"""A restore on a real podman: applications with data, which lose it, and have it again."""
import json
import os
import shutil
import time

import tree
from restoring import POSTGRES_WRITER, PROGRAMS, SQLITE_WRITER, RestoreScenario, wipe
from test_main_path import fill
from world import APP, wait_until


class RoundTrip(RestoreScenario):
    def setUp(self):
        world = self.world
        if world.inside("test", "-x", "/usr/bin/python3", check=False).returncode != 0:
            self.skipTest("the bed's Debian has no python3 for the writers")
        self.flag, self.diaries = (os.path.join(world.bed, name) for name in ("flag", "diaries"))
        for folder in (self.flag, self.diaries):
            os.makedirs(folder)
            self.addCleanup(shutil.rmtree, folder)
        os.chmod(self.diaries, 0o777)
        self.beside = (*PROGRAMS, "-v", f"{self.flag}:/flag:ro", "-v", f"{self.diaries}:/diaries")
        self.folders = {}

    def diary(self, name):
        return os.path.join(self.diaries, name)

    def backed_up(self):
        """A proven backup. -> what its archives hold, by stock tools alone"""
        self.world.backup("--verify")
        kept = {}
        for component in self.folders:
            stock = self.world.extract(component)
            self.addCleanup(shutil.rmtree, os.path.dirname(stock))
            kept[component] = tree.facts(stock)
        return kept

    def lost_and_restored(self, kept):
        """While nothing writes: what is compared is what the restore left."""
        world = self.world
        for folder in self.folders.values():
            wipe(folder)
        before = world.states()
        self.assertIn("restored", self.restore("--latest", "--force"))
        self.assertEqual(world.states(), before)
        for component, folder in self.folders.items():
            self.assertEqual(len(self.staging(folder)), 1, folder)
            now = {path: fact for path, fact in tree.facts(folder).items() if not path.startswith(b".miraclemax-")}
            self.assertEqual(tree.differences(kept[component], now)[:5], [], component)

    def quiet(self):
        with open(os.path.join(self.flag, "quiet"), "w", encoding="ascii"):
            pass
        time.sleep(0.2)

    def next_backup_lets_go(self):
        for folder in self.folders.values():
            self.assertEqual(len(self.staging(folder)), 1)
        self.world.backup()
        self.assertEqual(self.staging(*self.folders.values()), [])
        self.assertEqual(self.exec("sh", "-c", "ls /var/lib/miraclemax/restores").split(), [])

    # --- SQLite, and files of a bind mount ---
    def test_sqlite_and_files_come_back(self):
        world = self.world
        self.start_sqlite()
        self.start_site()
        folder = self.folders["sqlite"]
        self.start_sidecar()
        before = world.states()
        kept = self.backed_up()
        moment = self.frozen_at("writer")
        count = self.rows_of_the_freeze(self.rows(world.extract("sqlite")), self.diary("sqlite"), moment)
        self.quiet()
        self.lost_and_restored(kept)
        self.assertEqual(self.rows_of_the_freeze(self.rows(folder), self.diary("sqlite"), moment), count)
        os.unlink(os.path.join(self.flag, "quiet"))
        world.podman("restart", "-t", "0", "writer")  # the same container, on what came back
        self.as_before(before)
        wait_until(lambda: len(self.rows(folder)) > count + 20, "new rows")
        self.tidy()
        self.next_backup_lets_go()

    def start_sqlite(self):
        world = self.world
        world.volume("sqlite-data", backup="true", component="sqlite", category="databases", priority="critical")
        folder = self.folders["sqlite"] = world.mountpoint("sqlite-data")
        world.app("writer", *self.beside, "-v", "sqlite-data:/data", command=("python3", "-c", SQLITE_WRITER, "/diaries/sqlite"))
        wait_until(lambda: os.path.exists(folder + "/app.db") and self.committed_at(self.diary("sqlite"), 1 << 63)[0] > 30, "rows")

    def start_site(self):
        site = self.folders["site"] = os.path.join(self.world.bed, "site")
        os.makedirs(site)
        fill(site)
        mounts = [{"dest": "/srv", "component": "site", "category": "web"}]
        self.world.app("web", "-v", f"{site}:/srv", labels={"mounts": json.dumps(mounts)})

    # --- PostgreSQL ---
    def test_postgres_comes_back(self):
        world = self.world
        found = world.inside("sh", "-c", "ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -n 1", check=False)
        self.postgres = found.stdout.strip()
        if not self.postgres:
            self.skipTest("the bed's Debian has no PostgreSQL")
        self.start_postgres()
        self.start_sidecar()
        before = world.states()
        kept = self.backed_up()
        moment = self.frozen_at("pg")
        # Its start always writes: it is down while what was restored is compared, left as the user left it.
        self.quiet()
        world.podman("kill", "-s", "KILL", "pg")
        wait_until(lambda: world.states()["pg"][1] == "exited", "postgres's end")
        self.lost_and_restored(kept)
        world.podman("restart", "-t", "0", "pg")  # the same container, on what came back
        self.as_before(before)
        count = self.check_postgres(moment)
        os.unlink(os.path.join(self.flag, "quiet"))
        self.start_orders()
        wait_until(lambda: len(self.orders()) > count + 20, "new rows")
        self.tidy()
        self.next_backup_lets_go()

    def start_postgres(self):
        world = self.world
        world.volume("pg-data", backup="true", component="postgres", category="databases", priority="high")
        folder = self.folders["postgres"] = world.mountpoint("pg-data")
        os.chown(folder, 1000, 1000)
        os.chmod(folder, 0o700)
        user = (*self.beside, "--user", "1000", "-v", "pg-data:/data/pg", "-e", "LC_ALL=C")
        world.podman("run", "--rm", "--network", "none", *user, APP, self.postgres + "/initdb", "-D", "/data/pg",
                     "-U", "app", "-A", "trust", "-N")
        world.app("pg", *user, "--stop-signal", "INT",
                  command=(self.postgres + "/postgres", "-D", "/data/pg", "-k", "/tmp", "-h", ""))
        wait_until(lambda: self.psql("SELECT 1", check=False).returncode == 0, "postgres")
        self.psql("CREATE TABLE log (number int PRIMARY KEY, noise text NOT NULL); CREATE EXTENSION amcheck")
        self.start_orders()
        wait_until(lambda: self.committed_at(self.diary("postgres"), 1 << 63)[0] > 60, "rows")

    def start_orders(self):
        self.world.podman("exec", "-d", "--user", "1000", "pg", "python3", "-c", POSTGRES_WRITER, "/diaries/postgres",
                          self.postgres + "/psql", "-qtA", "-v", "ON_ERROR_STOP=1", "-h", "/tmp", "-U", "app", "postgres")
        wait_until(lambda: os.path.exists(self.diary("postgres")), "the writer")

    def psql(self, text, **options):
        return self.in_postgres("psql", "-tA", "-c", text, "postgres", **options)

    def in_postgres(self, program, *argv, **options):
        return self.world.podman("exec", "--user", "1000", "pg", f"{self.postgres}/{program}", "-h", "/tmp", "-U", "app",
                                 *argv, **options)

    def orders(self):
        lines = self.psql("SELECT number, noise FROM log ORDER BY number").stdout.splitlines()
        return [(int(number), noise) for number, noise in (line.split("|") for line in lines)]

    def check_postgres(self, moment):
        wait_until(lambda: self.psql("SELECT 1", check=False).returncode == 0, "postgres on the restored data")
        count = self.rows_of_the_freeze(self.orders(), self.diary("postgres"), moment)
        self.assertEqual(count % 3, 0)  # no half of a transaction
        self.in_postgres("pg_amcheck", "--heapallindexed", "postgres")
        self.in_postgres("pg_dump", "-f", "/dev/null", "postgres")
        return count
