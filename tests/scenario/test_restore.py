"""A restore on a real podman: applications with data, which lose it, and have it again."""
import json
import os
import shutil
import time

import tree
from restoring import PROGRAMS, SQLITE_WRITER, RestoreScenario, wipe
from test_main_path import fill
from world import APP, wait_until


class RoundTrip(RestoreScenario):
    def test_databases_and_files_come_back(self):
        world = self.world
        if world.inside("test", "-x", "/usr/bin/python3", check=False).returncode != 0:
            self.skipTest("the bed's Debian has no python3 for the SQLite writer")
        found = world.inside("sh", "-c", "ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -n 1")
        self.postgres = found.stdout.strip()
        self.stack()
        self.start_sidecar()
        before = world.states()
        world.backup("--verify")
        kept, committed = {}, {}
        for component, folder in self.folders.items():  # what the archive holds, by stock tools alone
            stock = world.extract(component)
            self.addCleanup(shutil.rmtree, os.path.dirname(stock))
            kept[folder] = tree.facts(stock)
        committed["sqlite"] = self.rows(world.extract("sqlite"))
        self.assertGreater(committed["sqlite"][0], 20)
        for folder in self.folders.values():
            wipe(folder)
        # Nothing writes for a moment: what is compared is what the restore left.
        self.quiet()
        before_quiet = world.states()
        told = self.restore("--latest", "--force")
        self.assertIn("restored", told)
        self.assertEqual(world.states(), before_quiet)
        for component, folder in self.folders.items():
            aside = self.staging(folder)
            self.assertEqual(len(aside), 1, folder)
            now = {path: fact for path, fact in tree.facts(folder).items() if not path.startswith(b".miraclemax-")}
            self.assertEqual(tree.differences(kept[folder], now)[:5], [], component)
        self.assertEqual(self.rows(self.folders["sqlite"]), committed["sqlite"])
        os.unlink(os.path.join(self.flag, "quiet"))
        for name in self.writers:  # the same containers, on what came back
            world.podman("restart", "-t", "0", name)
        self.as_before(before)
        wait_until(lambda: self.rows(self.folders["sqlite"])[0] > committed["sqlite"][0] + 20, "new rows")
        if self.postgres:
            self.check_postgres()
        self.tidy()
        self.next_backup_lets_go()

    def stack(self):
        world = self.world
        site = os.path.join(world.bed, "site")
        os.makedirs(site)
        fill(site)
        world.volume("sqlite-data", backup="true", component="sqlite", category="databases", priority="critical")
        self.folders = {"sqlite": world.mountpoint("sqlite-data"), "site": site}
        self.flag = os.path.join(world.bed, "flag")
        os.makedirs(self.flag)
        self.writers = ["writer"]
        world.app("writer", *PROGRAMS, "-v", "sqlite-data:/data", "-v", f"{self.flag}:/flag:ro",
                  command=("python3", "-c", SQLITE_WRITER))
        mounts = [{"dest": "/srv", "component": "site", "category": "web"}]
        world.app("web", "-v", f"{site}:/srv", labels={"mounts": json.dumps(mounts)})
        if self.postgres:
            self.start_postgres()
        folder = self.folders["sqlite"]
        wait_until(lambda: os.path.exists(folder + "/app.db") and self.rows(folder)[0] > 20, "rows")

    def start_postgres(self):
        world = self.world
        world.volume("pg-data", backup="true", component="postgres", category="databases", priority="high")
        self.folders["postgres"] = world.mountpoint("pg-data")
        os.chown(self.folders["postgres"], 1000, 1000)
        os.chmod(self.folders["postgres"], 0o700)
        user = (*PROGRAMS, "--user", "1000", "-v", "pg-data:/data/pg", "-v", f"{self.flag}:/flag:ro", "-e", "LC_ALL=C")
        world.podman("run", "--rm", "--network", "none", *user, APP, self.postgres + "/initdb", "-D", "/data/pg",
                     "-U", "app", "-A", "trust", "-N")
        world.app("pg", *user, "--stop-signal", "INT",
                  command=(self.postgres + "/postgres", "-D", "/data/pg", "-k", "/tmp", "-h", ""))
        wait_until(lambda: self.psql("SELECT 1", check=False).returncode == 0, "postgres")
        self.psql("CREATE TABLE orders (id serial PRIMARY KEY, cents int NOT NULL); CREATE EXTENSION amcheck")
        world.podman("exec", "-d", "--user", "1000", "pg", "sh", "-c",
                     "while [ ! -e /flag/quiet ]; do "
                     "echo 'INSERT INTO orders (cents) SELECT 7 FROM generate_series(1, 3);'; "
                     f"usleep 5000; done | {self.postgres}/psql -q -h /tmp -U app postgres")
        wait_until(lambda: int(self.psql("SELECT count(*) FROM orders").stdout) > 30, "orders")

    def psql(self, text, **options):
        return self.in_postgres("psql", "-tA", "-c", text, "postgres", **options)

    def in_postgres(self, program, *argv, **options):
        return self.world.podman("exec", "--user", "1000", "pg", f"{self.postgres}/{program}", "-h", "/tmp", "-U", "app",
                                 *argv, **options)

    def quiet(self):
        """The writers wait; PostgreSQL, whose start always writes, is stopped as the user left it."""
        with open(os.path.join(self.flag, "quiet"), "w", encoding="ascii"):
            pass
        if self.postgres:
            self.writers.append("pg")
            self.world.podman("kill", "-s", "KILL", "pg", check=False)
            wait_until(lambda: self.world.states()["pg"][1] == "exited", "postgres's end")
        time.sleep(0.2)

    def check_postgres(self):
        wait_until(lambda: self.psql("SELECT 1", check=False).returncode == 0, "postgres on the restored data")
        count, total = self.psql("SELECT count(*), sum(cents) FROM orders").stdout.strip().split("|")
        self.assertGreater(int(count), 30)
        self.assertEqual(int(count) % 3, 0)  # no half of a transaction
        self.assertEqual(int(total), 7 * int(count))
        self.in_postgres("pg_amcheck", "--heapallindexed", "postgres")
        self.in_postgres("pg_dump", "-f", "/dev/null", "postgres")

    def next_backup_lets_go(self):
        for folder in self.folders.values():
            self.assertEqual(len(self.staging(folder)), 1)
        self.world.backup()
        self.assertEqual(self.staging(*self.folders.values()), [])
        self.assertEqual(self.exec("sh", "-c", "ls /var/lib/miraclemax/restores").split(), [])
