"""What a command costs, beside others.

CPU is user and system time of the command and of every process it leaves behind (GPGME lets gpg be adopted), so it
counts all there is to do, and a busy machine moves it little.
"""
import ctypes
import json
import os
import shutil
import statistics
import subprocess
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
TICKS = os.sysconf("SC_CLK_TCK")


class Cost:
    def __init__(self, wall, cpu, size):
        self.wall, self.cpu, self.size = wall, cpu, size


def costs(argv, environment=None, call=None):
    """Wall and CPU seconds of a command (or call) with all its descendants, in a process that adopts them."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
            begun = time.monotonic()
            if call:
                call()
            else:
                subprocess.run(argv, env={**os.environ, **(environment or {})}, check=True, stdout=subprocess.DEVNULL)
            wall = time.monotonic() - begun
            while True:
                try:
                    os.wait()
                except ChildProcessError:
                    break
            used = os.times()
            os.write(writing, json.dumps([wall, used.children_user + used.children_system]).encode())
            code = 0
        except BaseException as error:  # the parent must not go on in this process
            print(f"bench: {argv}: {error}", file=sys.stderr)
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    if status != 0:
        sys.exit(f"bench: {argv or call} failed")
    return json.loads(said)


def size_of(path):
    if os.path.isfile(path):
        return os.path.getsize(path)
    return sum(os.lstat(os.path.join(folder, name)).st_size for folder, _, names in os.walk(path) for name in names)


def remove(path):
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def middle_of(each):
    """Of some rounds' costs."""
    return Cost(statistics.median(one.wall for one in each), statistics.median(one.cpu for one in each), each[0].size)


def used_below(pid):
    """CPU seconds of a process, of all that descend from it, and of those that ended."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    seconds = sum(int(field) for field in fields[11:15]) / TICKS
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children") as file:
            children = file.read().split()
        for child in children:
            try:
                seconds += used_below(int(child))
            except (FileNotFoundError, ProcessLookupError):
                pass  # it ended: its parent has its time by the next look
    return seconds
