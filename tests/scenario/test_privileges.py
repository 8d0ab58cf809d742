"""The least that it can do with: privileges, endpoints, programs; and that nothing in the clear is left anywhere."""
import json
import os
import re
import secrets
import shutil
import socket

import tree
from proxy import Proxy
from restoring import RestoreScenario
from world import Scenario, run, wait_until

# Programs started, everything that writes, and FIFOs made.
CALLS = ("execve,execveat,write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,splice,sendfile,copy_file_range,"
         "mknod,mknodat")


class Privileges(RestoreScenario):
    def test_behind_a_proxy(self):
        world = self.world
        world.volume("paused", backup="true", encryption="required")
        world.volume("stopped", backup="true", quiesce="stop")
        world.writer("a", "paused", labels={"hook.before": json.dumps(["touch", "/data/hooked"])})
        world.app("b", "-v", "stopped:/data")
        folder = os.path.join(world.bed, "proxy")
        os.mkdir(folder)
        proxy = Proxy(world.socket, os.path.join(folder, "podman.sock"))
        self.addCleanup(proxy.close)
        own, world.socket = world.socket, os.path.join(folder, "podman.sock")
        try:
            world.sidecar()
        finally:
            world.socket = own
        before = world.states()
        world.miraclemax("check")
        world.miraclemax("plan")
        world.backup()
        self.assertEqual(world.states(), before)
        self.assertIn("hooked", os.listdir(world.extract("paused")))
        world.miraclemax("verify")
        self.restore("--latest", "--verify-only")
        self.restore("--latest", "--force")
        self.restore("--latest", "--component", "paused", "--into", "beside", "--force")
        self.assertEqual(world.states(), before)
        self.assertIn("hooked", os.listdir(world.mountpoint("beside")))
        world.miraclemax("recover")
        world.podman("stop", "miraclemax")
        self.assertEqual(proxy.refused, [])
        # The rest is for what fails, for health checks, and for a volume's image that is not there.
        unused = {(method, name) for method, name, _ in proxy.endpoints} - proxy.used
        self.assertLessEqual(unused, {("GET", "libpod/containers/{id}/logs"), ("GET", "libpod/images/{name}/exists"),
                                      ("GET", "libpod/containers/{id}/healthcheck"), ("GET", "libpod/_ping"),
                                      ("DELETE", "libpod/volumes/{name}")})
        world.check_everything()

    def status_of(self, pid):
        text = self.world.inside("cat", f"/proc/{pid}/status").stdout
        return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)

    def test_least_privileges(self):
        world = self.world
        world.volume("data", backup="true", encryption="required")
        tree.write(os.path.join(world.mountpoint("data"), "noise"), os.urandom(150_000_000))
        world.app("owner", "-v", "data:/data")
        world.sidecar()
        sidecar = world.api("GET", "containers/miraclemax/json")
        self.assertTrue(sidecar["HostConfig"]["ReadonlyRootfs"])
        self.assertFalse(sidecar["HostConfig"]["Privileged"])
        self.assertFalse(sidecar["EffectiveCaps"])
        self.assertFalse(sidecar["BoundingCaps"])
        self.assertIn("no-new-privileges", sidecar["HostConfig"]["SecurityOpt"])
        status = self.status_of(sidecar["State"]["Pid"])
        for word in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            self.assertEqual(int(status[word], 16), 0, word)
        self.assertEqual(status["NoNewPrivs"].strip(), "1")
        self.assertNotEqual(world.podman("exec", "miraclemax", "touch", "/usr/x", check=False).returncode, 0)
        run_ = world.start_backup()
        try:
            worker, status = self.caught_worker()
        finally:
            self.assertEqual(run_.wait(), 0, run_.stdout.read())
            run_.stdout.close()
        self.assertTrue(worker["HostConfig"]["ReadonlyRootfs"])
        self.assertFalse(worker["HostConfig"]["Privileged"])
        self.assertEqual(worker["HostConfig"]["NetworkMode"], "none")
        self.assertEqual(worker["EffectiveCaps"], ["CAP_DAC_READ_SEARCH"])
        self.assertEqual(worker["BoundingCaps"], ["CAP_DAC_READ_SEARCH"])
        self.assertIn("no-new-privileges", worker["HostConfig"]["SecurityOpt"])
        mounts = {each["Destination"]: each for each in worker["Mounts"]}
        self.assertEqual(set(mounts), {"/data", "/out", "/control"})
        self.assertFalse(mounts["/data"]["RW"])
        self.assertFalse([each for each in worker["Mounts"] if os.path.dirname(world.socket) in each["Source"]])
        for word in ("CapPrm", "CapEff"):
            self.assertEqual(int(status[word], 16), 1 << 2, word)  # CAP_DAC_READ_SEARCH of linux/capability.h
        self.assertEqual(status["NoNewPrivs"].strip(), "1")
        self.assertEqual(status["Seccomp"].strip(), "2")
        # Neither secrets nor keys are in its arguments and environment.
        config = worker["Config"]
        told = json.dumps([config["Env"], config["Cmd"], config["Entrypoint"], worker["Args"]])
        self.assertNotIn("PGP", told)

    def caught_worker(self):
        """A helper's inspect, and its process's status, while it reads."""
        caught = []

        def look():
            listed = self.world.api("GET", "containers/json?filters=%7B%22label%22%3A%5B%22miraclemax.worker%22%5D%7D")
            for each in listed or []:
                detail = self.world.api("GET", f"containers/{each['Id']}/json", missing=None)
                if detail and detail["State"]["Pid"]:
                    try:
                        caught[:] = [detail, self.status_of(detail["State"]["Pid"])]
                    except AssertionError:
                        pass  # it ended between
            # Once it has given up what it was started with.
            return caught and int(caught[1]["CapEff"], 16) == 4 and caught[1]["Seccomp"].strip() == "2"
        wait_until(look, "a helper container at work")
        return caught


class InTheClear(Scenario):
    """Words that stand in contents, names and the passphrase, looked for wherever anything was written."""

    def words(self):
        self.content, self.name, self.passphrase = ("CANARY" + kind + secrets.token_hex(12) for kind in "cnp")
        return [self.content, self.name, self.passphrase]

    def plant(self, root):
        os.makedirs(os.path.join(root, "f " + self.name))
        for number in range(20):
            path = os.path.join(root, "f " + self.name, f"{self.name} {number}")
            tree.write(path, (self.content + "\n").encode() * 3000)
        os.symlink("/" + self.name, os.path.join(root, "link " + self.name))
        with socket.socket(socket.AF_UNIX) as one:  # named in the report
            folder = os.open(root, tree.FOLDER)
            one.bind(f"/proc/self/fd/{folder}/s {self.name}")
            os.close(folder)

    def canaries(self):
        return self.content, self.name, self.passphrase

    def look(self, *argv):
        """What holds one of the words: as its content, its name, or where a link leads. argv: files and folders"""
        words = [option for word in self.canaries() for option in ("-e", word)]
        return (run("grep", "-r", "-l", "-a", "-F", "-s", *words, *argv, check=False).stdout.splitlines() +
                run("find", *argv, *self.named("-name", "-lname"), check=False).stdout.splitlines())

    def named(self, *tests):
        """What `find` is asked for."""
        asked = [option for word in self.canaries() for test in tests for option in ("-o", test, f"*{word}*")]
        return ["(", *asked[1:], ")"]

    def check_places(self, own):
        """own: where the words may be, since the test put them there"""
        world = self.world
        found = [path for path in self.look(world.bed) if not any(path.startswith(each) for each in own)]
        self.assertEqual(found, [])
        for name in ("miraclemax",):
            # grep of the image's busybox, where only the sidecar sees: its tmpfs, /dev/shm, its processes' arguments
            words = [option for word in self.canaries() for option in ("-e", word)]
            places = ("/tmp", "/run", "/dev/shm", "/var/tmp", "/var/lib/miraclemax", "/backups")
            # busybox's find has no -lname
            self.assertEqual(world.podman("exec", name, "find", *places, *self.named("-name")).stdout, "")
            script = """grep -r -l -F "$@" /tmp /run /dev/shm /var/tmp /var/lib/miraclemax /backups 2>/dev/null
                for each in /proc/[0-9]*; do
                    [ "$each" = /proc/$$ ] || cat $each/cmdline $each/environ
                done 2>/dev/null | tr '\\0' '\\n' | grep -F "$@" | sed 's/^/process: /'"""
            done = world.podman("exec", name, "sh", "-c", script, "sh", *words, check=False)
            # the grep itself has them as arguments
            lines = [line for line in done.stdout.splitlines() if line.removeprefix("process: ") not in words]
            self.assertEqual(lines, [])
            logs = world.podman("logs", name)
            for word in self.canaries():
                self.assertNotIn(word, logs.stdout + logs.stderr)

    def test_sidecar(self):
        world = self.world
        self.words()
        world.volume("data", backup="true", encryption="required")
        root = world.mountpoint("data")
        world.app("owner", "-v", "data:/data")
        self.plant(root)
        secret = os.path.join(world.bed, "passphrase")
        tree.write(secret, self.passphrase.encode())
        own = [os.path.dirname(root), secret]
        for environment in ({}, {"ENCRYPTION_PASSPHRASE_FILE": "/passphrase"}):
            world.sidecar("-v", f"{secret}:/passphrase:ro", keys=not environment,
                          environment={"COMPRESSION_KIND": "none", **environment})
            told = world.backup()
            told = told.stdout + told.stderr
            for words in (("plan",), ("show", "latest"), ("show", "latest", "--json"), ("list",)):
                told += world.miraclemax(*words).stdout
            for word in self.canaries():
                self.assertNotIn(word, told)
            self.assertEqual(world.record("data")["archive"]["encryption"], "passphrase" if environment else "openpgp")
            self.assertEqual(world.record("data")["entries"]["skipped"], 1)
            self.check_places(own)
            world.drop_sidecar()
        self.finds_what_it_looks_for()
        # What was looked for is there once it is decrypted.
        stored = os.path.join(world.backups, "latest", world.record("data")["archive"]["file"]["path"])
        plain = world.keys.gpg("--passphrase", self.passphrase, "--decrypt", stored, text=False).stdout
        self.assertIn(self.content.encode(), plain)
        self.assertIn(self.name.encode(), plain)

    def finds_what_it_looks_for(self):
        """A content, a name, and a link's target."""
        trap = os.path.join(self.world.bed, "trap")
        os.makedirs(os.path.join(trap, "a folder " + self.name))
        os.symlink("/" + self.name, os.path.join(trap, "link"))
        tree.write(os.path.join(trap, "content"), b"-" + self.passphrase.encode() + b"-")
        self.assertEqual({os.path.basename(path) for path in self.look(trap)}, {"a folder " + self.name, "link", "content"})
        shutil.rmtree(trap)

    def test_host_under_strace(self):
        """The controller, its child worker and gpg, as the kernel sees them."""
        if not shutil.which("strace"):
            self.skipTest("strace is not installed")
        world = self.world
        self.words()
        world.volume("data", backup="true", encryption="required")
        root = world.mountpoint("data")
        world.app("owner", "-v", "data:/data")
        self.plant(root)
        secret = os.path.join(world.bed, "passphrase")
        tree.write(secret, self.passphrase.encode())
        state = os.path.join(world.bed, "state")
        os.mkdir(state)
        for passphrase in (False, True):
            environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "CONTAINER_HOST": "unix://" + world.socket,
                           "MIRACLEMAX_BACKUP_FOLDER": world.backups, "MIRACLEMAX_STATE_FOLDER": state,
                           "MIRACLEMAX_COMPRESSION_KIND": "none", "MIRACLEMAX_ENCRYPTION_KEYS": world.keys.public}
            if passphrase:
                environment["MIRACLEMAX_ENCRYPTION_PASSPHRASE_FILE"] = secret
            log = os.path.join(world.dir, "strace")
            run("strace", "-f", "-v", "-s", "300000", "-yy", "-o", log,
                "-e", "trace=" + CALLS,
                os.environ["MIRACLEMAX_PROGRAM"], "backup", env=environment)
            self.assertEqual(world.record("data")["worker"], "child")
            self.judge(log, world.record("data"), passphrase)
            self.assertEqual(self.look(world.backups, state), [])
            os.unlink(log)

    def judge(self, log, record, passphrase):
        programs, fifos, sent = set(), set(), 0
        with open(log, errors="replace") as file:
            for line in file:
                call = re.match(r"\d+ +(?:<\.\.\. )?(\w+)", line)
                if call is None:
                    continue
                if call[1] in ("execve", "execveat") and "resumed" not in line:
                    programs.add(os.path.basename(re.search(r'"([^"]*)"', line)[1]))
                    for word in self.canaries():
                        self.assertNotIn(word, line)
                    self.assertNotIn("PRIVATE KEY", line)
                elif call[1] in ("mknod", "mknodat") and "S_IFIFO" in line:
                    fifos.add(re.search(r'"([^"]*)"', line)[1])
                elif self.content in line or self.name in line or self.passphrase in line:
                    to = re.match(r"\d+ +\w+\(\d+<(.*?)>[,)]", line)
                    self.assertIsNotNone(to, line[:200])
                    # Pipes to gpg and the pair of sockets between controller and worker: memory, no file.
                    if to[1] not in fifos:
                        self.assertRegex(to[1], r"^(pipe:|UNIX|socket:)", line[:300])
                    sent += 1
        own = {os.path.basename(os.environ["MIRACLEMAX_PROGRAM"]), "exe"}  # the worker is started from /proc/self/exe
        gnupg = {"gpg", "gpgconf", "gpg-agent", "gpg-connect-agent", "gpgsm", "keyboxd", "scdaemon"}
        self.assertLessEqual(programs, own | gnupg)
        self.assertIn("gpg", programs)
        self.assertGreater(sent, 0)
