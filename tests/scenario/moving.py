"""What moves while it is backed up, and contents that tell whether they are torn."""
import ctypes
import mmap
import os
import random
import shutil
import signal
import time
import traceback
import zlib

from world import run

BLOCK = 512
EXCHANGE = 2  # RENAME_EXCHANGE
libc = ctypes.CDLL(None, use_errno=True)


def exchange(one, other):
    if libc.renameat2(-100, os.fsencode(one), -100, os.fsencode(other), EXCHANGE) != 0:
        raise OSError(ctypes.get_errno(), f"{one} and {other} could not be exchanged")


def slow_backup(world, *inject):
    """By the program on the host with its child worker, each of whose opens or reads strace holds up: what has
    microseconds to happen otherwise is then all but certain to."""
    state = os.path.join(world.bed, "state")
    os.makedirs(state, exist_ok=True)
    options = [word for each in inject for word in ("-e", "inject=" + each)]
    calls = ",".join(each.split(":")[0] for each in inject)
    return run("strace", "-f", "-qq", "-o", "/dev/null", "--seccomp-bpf", "-e", "trace=" + calls, *options,
               os.environ["MIRACLEMAX_PROGRAM"], "backup", check=False,
               env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "CONTAINER_HOST": "unix://" + world.socket,
                    "MIRACLEMAX_BACKUP_FOLDER": world.backups, "MIRACLEMAX_STATE_FOLDER": state,
                    "MIRACLEMAX_ENCRYPTION_KEYS": world.keys.public, "MIRACLEMAX_COMPRESSION_LEVEL": "0"})


# --- contents that tell whether they are torn ---
def block(name, version, number):
    head = b"%s %d %d " % (name.encode(), version, number)
    head += b"%08x " % zlib.crc32(head)
    return head.ljust(BLOCK - 1, b".") + b"\n"


def blocks(name, content):
    """[(version, number)] or why it can't be one state of the file"""
    if len(content) % BLOCK:
        return f"{len(content)} bytes are no whole blocks"
    found = []
    for at in range(0, len(content), BLOCK):
        words = content[at:at + BLOCK].split(b" ", 4)
        if len(words) != 5 or content[at:at + BLOCK] != block(name, int(words[1]), int(words[2])):
            return f"block {at // BLOCK} is not what was written"
        found.append((int(words[1]), int(words[2])))
    return found


def torn(name, content):
    """Why the content was at no time that of the file; writers write block by block, from the first on."""
    found = blocks(name, content)
    if isinstance(found, str):
        return found
    if [number for _, number in found] != list(range(len(found))):
        return "blocks are missing or doubled"
    versions = [version for version, _ in found]
    if versions != sorted(versions, reverse=True) or (versions and versions[0] - versions[-1] > 1):
        return f"versions {sorted(set(versions))} never stood together"
    return None


# --- processes of their own, so that they move while Python waits ---
class Mover:
    """Does one act after the other until it is ended."""

    def __init__(self):
        self.pid, self.status = 0, None
        self.counted = mmap.mmap(-1, 8)  # shared with the process

    def act(self):
        raise NotImplementedError

    def start(self):
        self.pid = os.fork()
        if self.pid == 0:
            try:
                while True:
                    self.act()
                    self.counted[:] = (self.acts() + 1).to_bytes(8, "little")
            except BaseException:  # pylint: disable=broad-except
                traceback.print_exc()
            finally:
                os._exit(1)

    def acts(self):
        """How many it has done so far."""
        return int.from_bytes(self.counted[:], "little")

    def end(self):
        if self.pid:
            ended, self.status = os.waitpid(self.pid, os.WNOHANG)
            if not ended:
                os.kill(self.pid, signal.SIGKILL)
                self.status = os.waitpid(self.pid, 0)[1]

    def went_on(self):
        """Until it was ended, and not by itself."""
        return os.WIFSIGNALED(self.status) and os.WTERMSIG(self.status) == signal.SIGKILL


def fill(path, name, version, length):
    with open(path, "wb", buffering=0) as file:
        for number in range(length):
            file.write(block(name, version, number))


class Writer(Mover):
    """Moves a few entries of one folder until it is ended. Which names are always there: `lasting`; when the others
    were not there stands in a diary."""

    def __init__(self, root, kind, seed, diary):
        super().__init__()
        self.kind = kind
        self.folder = os.path.join(root, kind)
        os.makedirs(self.folder)
        self.names = [f"{kind}{number}" for number in range(8)]
        self.random = random.Random(seed)
        self.change = getattr(self, kind)
        self.lasting = kind in ("append", "truncate", "overwrite", "over", "exchange")
        self.version = dict.fromkeys(self.names, 0)
        self.diary = open(diary, "ab+", buffering=0)
        self.read_up_to = 0
        self.gone = {}  # name -> since when it is not there
        for name in self.names:
            fill(self.path(name), name, 0, 20 if name != self.names[-1] else 9000)  # the last is a big one

    def path(self, name):
        return os.path.join(self.folder, name)

    def act(self):
        name = self.random.choice(self.names + self.names[-1:])
        self.version[name] += 1
        self.change(self.path(name), name, self.version[name])
        time.sleep(self.random.choice((0, 0, 0.001, 0.005)))

    def end(self):
        super().end()
        self.diary.close()

    def note(self, name, there):
        """Before it goes, and after it came."""
        self.diary.write(f"{time.monotonic_ns()} {name} {there:d}\n".encode())

    def was_gone_since(self, began):
        """The names that were not there at some time since then."""
        descriptor = self.diary.fileno()
        text = os.pread(descriptor, os.fstat(descriptor).st_size - self.read_up_to, self.read_up_to)
        lines = text.splitlines(keepends=True)
        found = set(self.gone)
        for line in lines:
            if not line.endswith(b"\n"):
                break
            self.read_up_to += len(line)
            when, name, there = line.decode().split()
            if there == "0":
                self.gone[name] = int(when)
                found.add(name)
            else:
                self.gone.pop(name, None)
                if int(when) < began:
                    found.discard(name)
        return found

    def append(self, path, name, version):
        with open(path, "ab", buffering=0) as file:
            number = file.tell() // BLOCK
            for each in range(number, number + 1 + version % 3):
                file.write(block(name, 0, each))
        if number > 12000:
            os.truncate(path, 20 * BLOCK)

    def truncate(self, path, name, version):
        fill(path, name, version, self.random.choice((0, 3, 40, 200)))

    def overwrite(self, path, name, version):
        with open(path, "r+b", buffering=0) as file:
            for number in range(os.fstat(file.fileno()).st_size // BLOCK):
                file.write(block(name, version, number))

    def over(self, path, name, version):
        fill(path + "~", name, version, 20)
        os.rename(path + "~", path)

    def exchange(self, path, name, version):
        fill(path + "~", name, version, 10)
        exchange(path + "~", path)

    def unlink(self, path, name, version):
        if os.path.exists(path):
            self.note(name, False)
            os.unlink(path)
        elif version % 2:
            fill(path, name, version, 20)
            self.note(name, True)

    def recreate(self, path, name, version):
        self.note(name, False)
        os.unlink(path)
        fill(path, name, version, 15)
        self.note(name, True)

    def swap(self, path, name, version):
        """file, folder, link, and again"""
        self.note(name, False)
        if os.path.islink(path):
            os.unlink(path)
            fill(path, name, version, 5)
        elif os.path.isdir(path):
            shutil.rmtree(path)
            os.symlink("/secret", path)
        else:
            os.unlink(path)
            os.mkdir(path)
            fill(os.path.join(path, name), name, version, 5)
        self.note(name, True)


KINDS = ("append", "truncate", "overwrite", "over", "exchange", "unlink", "recreate", "swap")
