"""A sidecar that serves on the bed's loopback, and what it says of itself. What the tests of `serve` share."""
import json
import os
import shutil
import subprocess
import time
import urllib.parse

from oracle import bed_pid
from world import Scenario, run, wait_until

PORT = 9847
LONG_AGO = 3 * 86400  # seconds


def at(moment):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))


class Answer:
    def __init__(self, text):
        head, _, self.body = text.partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


class Serving(Scenario):
    def serve(self, *argv, **environment):
        """With a plan only where the test names one."""
        plans = {"SCHEDULE_BACKUP": "off", "SCHEDULE_VERIFY": "off"}
        self.world.sidecar(*argv, network="host", environment={**plans, **environment})

    def tearDown(self):
        super().tearDown()
        for name in os.listdir(self.world.bed):
            if name.startswith("t-"):
                shutil.rmtree(os.path.join(self.world.bed, name))

    def writer(self, name, volume, *argv):
        """world.writer() syncs the whole machine at each step."""
        write = ("sh", "-c", "while :; do echo line >> /data/log; usleep 50000; done")
        return self.world.app(name, "-v", f"{volume}:/data", *argv, command=write)

    def folder(self, name):
        path = os.path.join(self.world.bed, "t-" + name)
        os.makedirs(path)
        return path

    # --- over HTTP ---
    def http(self, path, *argv, port=PORT):
        done = run(*self.in_network("curl", "--silent", "--include", "--max-time", "60", *argv,
                                    f"http://127.0.0.1:{port}{path}"), check=False, text=False)
        return Answer(done.stdout.decode()) if done.returncode == 0 else None

    def status(self):
        answer = self.http("/api/status")
        return json.loads(answer.body) if answer else None

    def until_status(self, true, what, seconds=60):
        found = []

        def seen():
            found[:] = [self.status()]
            return found[0] is not None and true(found[0])

        try:
            wait_until(seen, what, seconds)
        except AssertionError:
            self.fail(f"waited {seconds} s for {what}; status {found}\n{self.log()}")
        return found[0]

    def metrics(self):
        """Name with its labels -> value."""
        lines = self.http("/metrics").body.splitlines()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if line and line[0] != "#"}

    # --- its state, from outside ---
    def state(self, *path):
        return os.path.join(self.world.mountpoint("miraclemax-state"), *path)

    def runs(self):
        """The records of runs, oldest first."""
        folder = self.state("runs")
        records = []
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            if name.endswith(".json") and not name.startswith("."):
                with open(os.path.join(folder, name)) as file:
                    records.append(json.load(file))
        return records

    def ended(self, **wanted):
        return [each for each in self.runs() if each["ended"] and all(each[key] == value for key, value in wanted.items())]

    def until_ended(self, count, seconds=60, **wanted):
        try:
            wait_until(lambda: len(self.ended(**wanted)) >= count, "a run", seconds)
        except AssertionError:
            self.fail(f"waited {seconds} s for {count} runs {wanted}; there are {self.runs()}\n{self.log()}")
        return self.ended(**wanted)

    def planned_before(self, expression, moment, jobs=("backup",)):
        """As if the sidecar had last seen to the jobs at this moment."""
        self.world.podman("volume", "create", "miraclemax-state", check=False)  # it may be there
        with open(self.state("schedule.json"), "w") as file:
            json.dump({"version": 1, "jobs": {job: {"when": expression, "done": [[moment, moment]]} for job in jobs}}, file)

    def log(self, name="miraclemax"):
        done = self.world.podman("logs", name, check=False)
        return done.stdout + done.stderr

    def until_told(self, words, seconds=90):
        try:
            wait_until(lambda: words in self.log(), words, seconds)
        except AssertionError:
            self.fail(f"waited {seconds} s for {words!r} in the log:\n{self.log()}")

    def pid(self, words="/usr/bin/miraclemax serve"):
        """Of the sidecar's process whose command begins so, seen from outside."""
        for pid in run("pgrep", "--full", "^" + words).stdout.split():
            try:
                with open(f"/proc/{pid}/mountinfo") as file:
                    if self.world.bed in file.read():
                        return int(pid)
            except OSError:
                pass  # of another bed, and ended meanwhile
        self.fail(f"the sidecar has no process {words}")

    # --- programs beside it: this machine's own, in the bed's network; a bed's Debian may not have them ---
    def in_network(self, *argv):
        return ["nsenter", "--target", bed_pid(self.world), "--net", "setpriv", "--pdeathsig", "KILL", *argv]

    def beside(self, *argv, log=None, **options):
        """A program that runs on until the test ends."""
        with open(log or os.devnull, "wb") as out:
            pipes = {"stdin": subprocess.DEVNULL, "stdout": out, "stderr": out}
            process = subprocess.Popen(self.in_network(*argv), **{**pipes, **options})
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()


class Mails:
    """An SMTP server in the bed; its port may be asked for before it is there."""
    SINK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fakes", "smtp_sink.py")

    def __init__(self, test, name, port):
        self.test, self.port, self.folder = test, port, test.folder(name)

    def start(self):
        process = self.test.beside("/usr/bin/python3", self.SINK, self.folder, "plain", "none", str(self.port),
                                   stdout=subprocess.PIPE)
        self.test.assertEqual(process.stdout.readline().strip(), str(self.port).encode())
        return self

    def all(self):
        found = []
        for name in sorted(os.listdir(self.folder)):
            if name.endswith(".eml"):
                with open(os.path.join(self.folder, name), newline="") as file:
                    found.append(plain(file.read()))
        return found

    def one(self, words, seconds=60):
        """Waits for the mail that holds these words."""
        found = []

        def come():
            found[:] = [mail for mail in self.all() if words in mail]
            return found

        try:
            wait_until(come, words, seconds)
        except AssertionError:
            self.test.fail(f"waited {seconds} s for a mail with {words!r}; there are {self.all()}\n{self.test.log()}")
        return found[0]


def plain(mail):
    """Readable: quoted-printable soft breaks and folded headers undone."""
    mail = mail.replace("\r\n", "\n")
    head, _, body = mail.partition("\n\n")
    head = head.replace("\n ", " ").replace("\n\t", " ")
    if "quoted-printable" in head:
        body = urllib.parse.unquote(body.replace("=\n", "").replace("%", "%25").replace("=", "%"))
    return head + "\n\n" + body
