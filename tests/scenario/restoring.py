"""What the scenario tests of restore share: applications with real data, the command, and what must hold afterwards."""
import datetime
import hashlib
import json
import os
import sqlite3

import tree
from world import Scenario, run, wait_until

# The bed's own programs in an application's container: the image has busybox alone.
PROGRAMS = ("-v", "/usr:/usr:ro")
# Rows that tell which they are and whether they are torn, and a diary beside the volume of what was begun and what was
# committed when. The writers wait while the flag says so, so that a test may look at a tree that nobody changes.
WRITER = """
import hashlib, os, subprocess, sqlite3, sys, time
def wait():
    while os.path.exists('/flag/quiet'):
        time.sleep(0.05)
def digest(number):
    return hashlib.sha256(b'%d' % number).hexdigest() * 4
diary = open(sys.argv[1], 'ab', buffering=0)
def note(what, number):
    diary.write(b'%d %s %d\\n' % (time.time_ns(), what, number))
wait()
"""
SQLITE_WRITER = WRITER + """
base = sqlite3.connect('/data/app.db')
base.execute('PRAGMA journal_mode=WAL')
base.execute('PRAGMA synchronous=FULL')
base.execute('CREATE TABLE IF NOT EXISTS log (number INTEGER PRIMARY KEY, noise TEXT)')
number = base.execute('SELECT coalesce(max(number), 0) FROM log').fetchone()[0]
while True:
    number += 1
    note(b'begun', number)
    base.execute('INSERT INTO log VALUES (?, ?)', (number, digest(number)))
    base.commit()
    note(b'done', number)
    time.sleep(0.005)
    wait()
"""
# Three rows a transaction, by the psql whose command is argv[2:].
POSTGRES_WRITER = WRITER + """
psql = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
def ask(text):
    psql.stdin.write(text + '\\n')
    return psql.stdout.readline().strip()
number = int(ask('SELECT coalesce(max(number), 0) FROM log;'))
while not os.path.exists('/flag/quiet'):
    note(b'begun', number + 3)
    rows = ''.join(f"INSERT INTO log VALUES ({each}, '{digest(each)}'); " for each in range(number + 1, number + 4))
    if ask(f"BEGIN; {rows}COMMIT; SELECT 'committed';") != 'committed':
        sys.exit('psql has ended')
    number += 3
    note(b'done', number)
    time.sleep(0.005)
"""


def digest(number):
    """What a writer's row of that number holds."""
    return hashlib.sha256(b"%d" % number).hexdigest() * 4


def wipe(folder):
    """All in it, but not itself."""
    for name in os.listdir(os.fsencode(folder)):
        path = os.path.join(os.fsencode(folder), name)
        run("rm", "-rf", "--one-file-system", path)


class RestoreScenario(Scenario):
    # --- the command ---
    def start_sidecar(self, *argv, **environment):
        self.world.sidecar(*argv, environment={"RESTORE_SETTLE_TIME": "300ms", **environment})

    def private_key(self):
        keys = self.world.keys
        return keys.gpg("--armor", "--export-secret-keys", keys.fingerprint).stdout

    def exec(self, *argv, key=None, code=0, environment=()):
        """A command in the sidecar, a private key on its standard input."""
        options = [word for each in environment for word in ("-e", each)]
        done = self.world.podman("exec", "-i", *options, "miraclemax", *argv, check=False, input=key or "")
        told = done.stdout + done.stderr
        self.assertEqual(done.returncode, code, f"{argv} ended with {done.returncode}, not {code}\n{told}")
        return told

    def restore(self, *argv, key=True, **options):
        if key:
            return self.exec("miraclemax", "restore", *argv, "--key", "-", key=self.private_key(), **options)
        return self.exec("miraclemax", "restore", *argv, **options)

    # --- data ---
    def keep(self, *folders):
        """What lies there now, with everything that can be compared."""
        return {folder: tree.facts(folder) for folder in folders}

    def same(self, kept, what="", **elsewhere):
        """elsewhere: where to look for it now, by the folder's last part."""
        for folder, facts in kept.items():
            now = tree.facts(elsewhere.get(os.path.basename(folder), folder))
            self.assertEqual(tree.differences(facts, now)[:5], [], f"{what}: {folder}")

    def is_one_of(self, states, what):
        """Each folder holds one of these states exactly. -> the number of each folder's state"""
        found = {}
        for folder in states[0]:
            now = tree.facts(folder)
            each = [tree.differences(state[folder], now)[:3] for state in states]
            good = [number for number, wrong in enumerate(each) if not wrong]
            self.assertTrue(good, f"{what}: {folder} is none of the states: {each}")
            found[folder] = good[0]
        return found

    @staticmethod
    def rows(folder):
        with sqlite3.connect(f"file:{folder}/app.db", uri=True) as base:
            (checked,) = base.execute("PRAGMA integrity_check").fetchone()
            if checked != "ok":
                raise AssertionError(checked)
            return base.execute("SELECT number, noise FROM log ORDER BY number").fetchall()

    def frozen_at(self, container):
        """When podman's last pause of it had been done, in ns since 1970."""
        told = self.world.podman("events", "--stream=false", "--format", "json", "--filter", "event=pause",
                                 "--filter", f"container={container}").stdout.splitlines()
        self.assertTrue(told, f"{container} was never paused")
        event = json.loads(told[-1])
        if "timeNano" in event:  # podman 5
            return event["timeNano"]
        return int(datetime.datetime.fromisoformat(event["Time"]).timestamp() * 1e6) * 1000

    def committed_at(self, diary, moment):
        """What its writer had committed then for certain, and what it had begun to."""
        highest = {"done": 0, "begun": 0}
        with open(diary, encoding="ascii") as file:
            for line in file:
                when, what, number = line.split()
                if int(when) <= moment:
                    highest[what] = int(number)
        return highest["done"], highest["begun"]

    def rows_of_the_freeze(self, rows, diary, moment):
        """1 to N without a gap, none torn, and N what was committed when the writer froze. -> N"""
        self.assertEqual([number for number, _ in rows], list(range(1, len(rows) + 1)))
        for number, noise in rows:
            self.assertEqual(noise, digest(number), f"row {number}")
        done, begun = self.committed_at(diary, moment)
        self.assertGreater(done, 20)
        # Nothing was begun between the freeze and its end: what was on its way then is all that may be there or not.
        self.assertGreaterEqual(len(rows), done)
        self.assertLessEqual(len(rows), begun)
        return len(rows)

    # --- what must hold ---
    def staging(self, *folders):
        return [os.path.join(folder, name) for folder in folders for name in os.listdir(folder)
                if name.startswith(".miraclemax-")]

    def helpers(self):
        return [name for name in self.world.states() if name.startswith("miraclemax-worker")]

    def as_before(self, before, but=()):
        """Same containers, same states."""
        wanted = {name: state for name, state in before.items() if name not in but}

        def holds():
            return {name: state for name, state in self.world.states().items()
                    if name not in but and not name.startswith("miraclemax-worker")} == wanted

        try:
            wait_until(holds, "containers", 20)
        except AssertionError:
            self.fail(f"containers were {wanted}, are {self.world.states()}")

    def tidy(self, *folders, killed=False):
        """Nothing of a restore is left but what it keeps aside; of a killed one what the next run drops."""
        wait_until(lambda: not self.helpers(), "the end of the helpers", 10)
        command = "cd /var/lib/miraclemax || exit; ls -A journal"
        if not killed:
            command += "; ls -A control; ls -d /dev/shm/mm-* /run/mm-* /tmp/mm-*"
        left = self.world.podman("exec", "miraclemax", "sh", "-c", command + "; true").stdout  # of one that lives
        self.assertEqual(left.split(), [])
        self.assertEqual(self.world.debris(), [])
        if folders:
            self.assertEqual(self.staging(*folders), [])


class Shelf(RestoreScenario):
    """Two components of two containers that write nothing: what they hold can be compared at any moment."""

    def shelf(self, *argv, labels=None, **environment):
        world, more = self.world, labels or {}
        world.volume("one-data", backup="true", component="one", category="databases", encryption="required", priority="high",
                     **more)
        world.volume("two-data", backup="true", component="two", encryption="never", quiesce="stop", **more)
        self.one, self.two = world.mountpoint("one-data"), world.mountpoint("two-data")
        world.app("first", "-v", "one-data:/data")
        world.app("second", "-v", "two-data:/data", "-v", "one-data:/other:ro")
        world.app("other")
        for folder in (self.one, self.two):
            self.stock(folder, "before")
        self.start_sidecar(*argv, **environment)
        self.before = world.states()

    @staticmethod
    def stock(folder, text):
        """Some of everything, other for another text."""
        wipe(folder)
        os.makedirs(os.path.join(folder, text, "deep", "er"))
        os.makedirs(os.path.join(folder, "both", "ways"))
        for number in range(30):
            tree.write(os.path.join(folder, "both", f"file {number}"), f"{text} {number}\n".encode() * number * 50)
            tree.write(os.path.join(folder, text, f"only {number}"), os.urandom(2000))
        tree.write(os.path.join(os.fsencode(folder), b"odd \xff\n"), text.encode())
        tree.sparse(os.path.join(folder, "sparse"), 5_000_000, [(3_000_000, text.encode())])
        os.symlink("/etc/" + text, os.path.join(folder, "link"))
        os.link(os.path.join(folder, "both", "file 7"), os.path.join(folder, text, "hard"))
        os.mkfifo(os.path.join(folder, text, "fifo"))
        os.setxattr(os.path.join(folder, "both", "file 3"), "user.note", text.encode())
        os.chown(os.path.join(folder, text), 1000, len(text))
        os.chmod(os.path.join(folder, text), 0o2751)
        run("setfacl", "-m", "u:1234:rw", os.path.join(folder, "both", "file 9"))
        os.chown(folder, 1000, 1000 + len(text))
        os.chmod(folder, 0o1700 + len(text))

    def contents(self, folder):
        """Its facts without what a restore keeps aside there."""
        return {path: fact for path, fact in tree.facts(folder).items() if not path.startswith(b".miraclemax-")}

    def holds(self, folder, facts, what=""):
        self.assertEqual(tree.differences(facts, self.contents(folder))[:5], [], f"{what}: {folder}")

    def untouched(self, kept, acts, what):
        """No byte has moved and no container was touched."""
        self.same(kept, what)
        self.assertEqual(self.world.states(), self.before, what)
        self.assertEqual(self.acts(), acts, what)
        self.tidy(*kept)

    def acts(self):
        """How often podman stopped, started or paused an application so far."""
        told = self.world.podman("events", "--stream=false", "--format", "{{.Status}} {{.Name}}").stdout
        return [line for line in told.splitlines() if line.split()[-1] in self.before and
                line.split()[0] in ("stop", "start", "pause", "unpause", "kill", "died", "restart", "remove")]
