"""A small Podman host: a bed, applications with data, a sidecar, keys. What the scenario tests share."""
import atexit
import http.client
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
BED = os.path.join(HERE, "bed.sh")
IMAGES = os.path.join(HERE, "images.sh")
APP = "localhost/miraclemax-test:1"
SIDECAR = "localhost/miraclemax:test"
ASLEEP = ("--entrypoint", '["sh", "-c", "sleep infinity"]')  # a sidecar whose first process looks after no dead run
LONG = bool(os.environ.get("MIRACLEMAX_TEST_LONG"))


class UnixHTTP(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("podman", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(self.path)


def run(*argv, check=True, text=True, **options):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=text, **options)
    if check and done.returncode != 0:
        raise AssertionError(f"{argv} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


class Keys:
    """A throwaway key pair: the public part for the sidecar, the home for stock gpg."""

    def __init__(self, parent):
        self.home = os.path.join(parent, "gpg")
        self.public = os.path.join(parent, "keys")
        os.makedirs(self.home, mode=0o700)
        os.makedirs(self.public)
        self.gpg("--passphrase", "", "--quick-generate-key", "Backup <backup@example.test>", "future-default", "default", "never")
        listing = self.gpg("--with-colons", "--list-keys").stdout
        self.fingerprint = next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr"))
        self.export("backup.asc")

    def gpg(self, *argv, **options):
        return run("gpg", "--homedir", self.home, "--batch", "--quiet", "--pinentry-mode", "loopback", *argv, **options)

    def export(self, name):
        with open(os.path.join(self.public, name), "w") as file:
            file.write(self.gpg("--armor", "--export", self.fingerprint).stdout)

    def close(self):
        run("gpgconf", "--homedir", self.home, "--kill", "all", check=False)


class World:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="mm", dir="/var/tmp")
        atexit.register(self.close)  # an interrupted run leaves no bed behind
        self.bed = os.path.join(self.dir, "b")
        self.backups = os.path.join(self.bed, "backups")
        run(BED, "up", self.bed, *filter(None, [os.environ.get("MIRACLEMAX_TEST_ROOTFS")]))
        os.makedirs(self.backups, mode=0o700)
        self.become = []  # what makes a command in the bed one of the rootless user's
        if os.environ.get("BED_USER"):
            self.go_rootless(os.environ["BED_USER"])
        else:
            run(IMAGES, "load", self.bed, os.environ["MIRACLEMAX_PROGRAM"])
        self.keys = Keys(self.bed)
        self.socket = os.path.join(self.bed, "api", "podman.sock")

    def close(self):
        atexit.unregister(self.close)
        if hasattr(self, "keys"):
            self.keys.close()
        run(BED, "down", self.bed, check=False)
        shutil.rmtree(self.dir, ignore_errors=True)

    def go_rootless(self, user):
        uid, gid = (int(self.inside("id", option, user).stdout) for option in ("-u", "-g"))
        os.chown(self.backups, uid, gid)
        self.become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups",
                       "env", "-C", "/", f"XDG_RUNTIME_DIR=/run/user/{uid}", f"HOME={self.bed}/home"]
        tars = run(IMAGES, "build", os.environ["MIRACLEMAX_PROGRAM"]).stdout.split()
        for tar, image, entry in zip(tars, (APP, SIDECAR), ('CMD ["sleep"]', 'ENTRYPOINT ["/usr/bin/miraclemax"]')):
            with open(tar, "rb") as file:
                self.podman("import", "--quiet", "--change", entry, "-", image, stdin=file)

    # --- podman ---
    def podman(self, *argv, **options):
        return run(BED, "in", self.bed, *self.become, "podman", *argv, **options)

    def inside(self, *argv, **options):
        """A program of the bed's own mount, network and pid namespaces."""
        return run(BED, "in", self.bed, *argv, **options)

    def start_podman(self, *argv):
        return subprocess.Popen([BED, "in", self.bed, *self.become, "podman", *argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def service(self, operation):
        run(BED, operation, self.bed)

    def api(self, method, path, **otherwise):
        connection = UnixHTTP(self.socket)
        connection.request(method, "/v4.0.0/libpod/" + path)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        if "missing" in otherwise and (answer.status == 404 or b"no such container" in body):
            return otherwise["missing"]
        if answer.status >= 400:
            raise AssertionError(f"{method} {path}: {answer.status} {body!r}")
        return json.loads(body) if body else None

    def containers(self):
        """name -> (id, status, start time): what must be the same after any end of any run."""
        listed = self.api("GET", "containers/json?all=true") or []
        found = {}
        for each in listed:
            detail = self.api("GET", f"containers/{each['Id']}/json", missing=None)
            if detail is None:
                continue  # a worker that ended meanwhile
            found[detail["Name"]] = (detail["Id"], detail["State"]["Status"], detail["State"]["StartedAt"])
        return found

    def states(self):
        return {name: (id, status) for name, (id, status, _) in self.containers().items()}

    def volume(self, name, **labels):
        argv = []
        for key, value in labels.items():
            argv += ["--label", f"miraclemax.{key.replace('_', '-')}={value}"]
        self.podman("volume", "create", *argv, name)

    def mountpoint(self, volume):
        return self.podman("volume", "inspect", "--format", "{{.Mountpoint}}", volume).stdout.strip()

    def app(self, name, *argv, command=("sleep", "infinity"), labels=None):
        """A running container; busybox's sleep ignores SIGTERM as process 1, so --init unless said otherwise."""
        options = []
        for key, value in (labels or {}).items():
            options += ["--label", f"miraclemax.{key}={value}"]
        self.podman("run", "-d", "--network", "none", "--stop-signal", "KILL", "--name", name, *options, *argv, APP, *command)
        return name

    WRITER = ("sh", "-c", "i=0; while :; do i=$((i+1)); echo $i >> /data/log; sync; usleep 20000; done")

    def writer(self, name, volume, *argv, labels=None):
        return self.app(name, "-v", f"{volume}:/data", *argv, command=self.WRITER, labels=labels)

    # --- the sidecar ---
    def sidecar(self, *argv, keys=True, name="miraclemax", environment=None, network="none"):
        options = []
        for key, value in (environment or {}).items():
            options += ["-e", f"MIRACLEMAX_{key}={value}"]
        if keys:
            options += ["-v", f"{self.keys.public}:/keys:ro"]
        self.podman("run", "-d", "--name", name, "--network", network, "--read-only", "--cap-drop", "all",
                    "--security-opt", "no-new-privileges", "-e", "TZ=UTC",
                    "-v", f"{os.path.dirname(self.socket)}:/run/podman", "-v", f"{self.backups}:/backups",
                    "-v", "miraclemax-state:/var/lib/miraclemax", *options, *argv, SIDECAR, "serve")

    def drop_sidecar(self, name="miraclemax"):
        self.podman("rm", "-f", "-t", "0", name)

    def miraclemax(self, *argv, check=True, name="miraclemax", environment=()):
        options = []
        for each in environment:
            options += ["-e", each]
        return self.podman("exec", *options, name, "miraclemax", *argv, check=check)

    def backup(self, *argv, code=0, **options):
        done = self.miraclemax("backup", *argv, check=False, **options)
        if done.returncode != code:
            raise AssertionError(f"backup ended with {done.returncode}, not {code}\n{done.stdout}\n{done.stderr}")
        return done

    def start_backup(self, *argv, environment=()):
        options = []
        for each in environment:
            options += ["-e", each]
        return self.start_podman("exec", *options, "miraclemax", "miraclemax", "backup", *argv)

    # --- what lies in the backup folder ---
    def newest(self):
        return self.ids()[-1]

    def ids(self):
        return sorted(name for name in os.listdir(self.backups) if name[0].isdigit())

    def debris(self):
        for _ in range(10):
            found = sorted(name for name in os.listdir(self.backups)
                           if name.startswith(".") and name not in (".lock", ".removed"))
            if ".probe-1" not in found:
                break
            time.sleep(0.1)  # the sidecar's first process is just looking whether it can write there
        return found

    def manifest(self, id="latest"):
        with open(os.path.join(self.backups, id, "manifest.json")) as file:
            return json.load(file)

    def record(self, component, id="latest"):
        return next(each for each in self.manifest(id)["components"] if each["name"] == component)

    def extract(self, component, id="latest"):
        """Stock tools alone: gpg where it is encrypted, then tar."""
        record = self.record(component, id)
        stored = os.path.join(self.backups, id, record["archive"]["file"]["path"])
        into = tempfile.mkdtemp(dir=self.dir)
        tar = ["tar", "-C", into, "--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner", "-xpf", "-"]
        flag = {"gzip": "-z", "zstd": "--zstd", "none": None}[record["archive"]["compression"]]
        if flag:
            tar.insert(1, flag)
        if stored.endswith(".gpg"):
            plain = self.keys.gpg("--decrypt", stored, text=False).stdout
        else:
            with open(stored, "rb") as file:
                plain = file.read()
        run(*tar, input=plain, text=False)
        return os.path.join(into, component)

    def check_sums(self, id):
        run("sha256sum", "-c", "--quiet", "--strict", "SHA256SUMS", cwd=os.path.join(self.backups, id))

    def check_everything(self):
        """Every listed backup is whole: sums, and every archive to its end by stock tools."""
        for id in self.ids():
            self.check_sums(id)
            for component in self.manifest(id)["components"]:
                shutil.rmtree(os.path.dirname(self.extract(component["name"], id)))


def wait_until(condition, what, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s for {what}")
        time.sleep(0.05)


def same_tree(test, one, other, ignore=()):
    """An independent comparison: names, types, owner, mode, ns time, links, content, xattrs."""
    def facts(root):
        found = {}
        for folder, folders, files in os.walk(os.fsencode(root)):
            for name in [b"."] + folders + files if folder == os.fsencode(root) else folders + files:
                path = os.path.join(folder, name)
                relative = os.path.relpath(path, os.fsencode(root))
                if relative.decode("latin1") in ignore:
                    continue
                status = os.lstat(path)
                fact = [status.st_mode, status.st_uid, status.st_gid, status.st_mtime_ns]
                if os.path.islink(path):
                    fact.append(os.readlink(path))
                elif os.path.isfile(path):
                    with open(path, "rb") as file:
                        fact.append(file.read())
                fact.append({each: os.getxattr(path, each, follow_symlinks=False)
                             for each in os.listxattr(path, follow_symlinks=False)})
                found[relative] = fact
        return found
    test.assertEqual(facts(one), facts(other))


class Scenario(unittest.TestCase):
    """One bed a class; each test leaves only what tearDown removes."""
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.world = World()
        cls.addClassCleanup(cls.world.close)

    def tearDown(self):
        world = self.world
        names = [name for name in world.containers()]
        if names:
            world.podman("unpause", "--all", check=False)
            world.podman("rm", "-f", "-t", "0", *names, check=False)
        world.podman("volume", "prune", "-f", check=False)
        world.podman("volume", "rm", "--all", "-f", check=False)
        for name in os.listdir(world.backups):
            path = os.path.join(world.backups, name)
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)
