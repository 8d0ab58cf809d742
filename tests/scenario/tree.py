"""A tree with everything that a file system may hold, what stock gpg and tar make of its archive, and a comparison.

The comparison shares nothing with miraclemax's own walk: it goes by descriptors in Python, to any depth, and sees
a file as its bytes other than zero, so that it neither reads holes nor misses a difference.
"""
import errno
import gzip
import hashlib
import json
import os
import socket
import stat
import struct
import subprocess
import tarfile

from world import run

S = 1_000_000_000
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
ZEROS = bytes(1 << 16)


# --- building ---
def odd_names():
    """More than 300 names of which each has broken some tool: every byte, and what looks like something else."""
    names = [bytes([byte]) for byte in range(1, 256) if byte not in b"/."]
    names += [b"..." + bytes([byte]) for byte in b" \t\n\\\"'`$*?[]{}|<>;&!#~%^()=:,"]
    names += [b"-rf", b"--checkpoint-action=exec=id", b"-", b"--", b"...", b".hidden", b"..x", b"a b", b" lead",
              b"trail ", b"line\nbreak", b"\n\n", b"cr\r", b"tab\t", b"bell\a", b"\x1b[2J", b"back\\slash", b"\\n",
              b"\\001", b"%s%n", b"C:\\x", b"CON", b"x" * 255, b"\xff" * 255, b"\xc3\xa9" * 127, "é".encode(),
              "e\u0301".encode(),
              "\u202egpj".encode(), "\u200b".encode(), b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82",
              b"./.".replace(b"/", b"\\"), b"@LongLink", b"././@PaxHeader".replace(b"/", b"_"), b"GNUSparseFile.0",
              b"10 path=x", b"x=y", b"SCHILY.xattr.user.x", b"pax_global_header"]
    return list(dict.fromkeys(names))


def write(path, content=b"x"):
    with open(path, "wb") as file:
        file.write(content)


def sparse(path, size, parts):
    with open(path, "wb") as file:
        for offset, content in parts:
            file.seek(offset)
            file.write(content)
        file.truncate(size)


def build(root):
    """root: an existing folder, by its text path."""
    at = lambda *names: os.path.join(root, *names)
    for name in ("dev", "proc", "sys", "odd", "times", "owners", "modes", "xattrs", "acls", "links", "sparse",
                 "special"):
        os.mkdir(at(name))
    for name in ("dev", "proc", "sys"):
        write(at(name, "inside"), name.encode())
    os.mkdir(at("empty"))
    for number, name in enumerate(odd_names()):
        path = os.path.join(os.fsencode(at("odd")), name)
        if number % 5 == 3:
            os.symlink(name, path)
        elif number % 5 == 4 and len(name) < 200:
            os.mkdir(path)
            write(os.path.join(path, name), name)
        else:
            write(path, name)
    _build_deep(root)
    for number, size in enumerate((0, 1, 511, 512, 513, 4095, 65536, 4 << 20, (4 << 20) + 1, 9_000_001)):
        write(at("modes", f"size {size}"), hashlib.shake_128(bytes([number])).digest(size))
    for mode in (0, 0o1, 0o400, 0o644, 0o777, 0o1777, 0o2755, 0o4755, 0o6711, 0o7777):
        write(at("modes", f"{mode:o}"))
        os.chmod(at("modes", f"{mode:o}"), mode)
        os.mkdir(at("modes", f"folder {mode:o}"))
        os.chmod(at("modes", f"folder {mode:o}"), mode)
    for uid in (1, 1000, 65534, 65536, 2_097_151, 2_097_152, 2_000_000_000, 4_294_967_294):
        write(at("owners", str(uid)))
        os.chown(at("owners", str(uid)), uid, uid - 1)
        os.symlink("nowhere", at("owners", f"link {uid}"))
        os.chown(at("owners", f"link {uid}"), uid, 5, follow_symlinks=False)
    _build_links(root)
    _build_attributes(root)
    _build_sparse(root)
    devices = ((stat.S_IFCHR, (1, 3)), (stat.S_IFBLK, (259, 70_000)), (stat.S_IFCHR, (4095, 1_048_575)),
               (stat.S_IFCHR, (0, 0)))
    for number, (kind, device) in enumerate(devices):
        os.mknod(at("special", f"device {number}"), 0o640 | kind, os.makedev(*device))
    os.mkfifo(at("special", "fifo"), 0o622)
    with socket.socket(socket.AF_UNIX) as one:
        folder = os.open(at("special"), FOLDER)
        one.bind(f"/proc/self/fd/{folder}/socket")
        os.close(folder)
    # Last: what is made in a folder moves its times.
    times = (-2_147_000_000 * S + 7, -S - 1, -S, -1, 0, 1, 999_999_999, 2**31 * S + 5, 2**32 * S + 6,
             4_200_000_000 * S + 123_456_789, 15_000_000_000 * S + 999_999_999)
    for number, ns in enumerate(times):
        write(at("times", f"file {number}"))
        os.mkdir(at("times", f"folder {number}"))
        os.symlink("x", at("times", f"link {number}"))
        for kind in ("file", "folder", "link"):
            os.utime(at("times", f"{kind} {number}"), ns=(ns, ns), follow_symlinks=False)
    os.chown(root, 999, 998)
    os.chmod(root, 0o1770)
    os.utime(root, ns=(5, 1_111_111_111_111_111_111))


DEEP = (b"d" * 200, 30)  # 6,000 bytes: more than PATH_MAX


def _build_deep(root):
    folder = os.open(root, FOLDER)
    for name, depth in (DEEP, (b"n", 300)):
        here = os.dup(folder)
        for level in range(depth):
            os.mkdir(name, 0o750, dir_fd=here)
            below = os.open(name, FOLDER, dir_fd=here)
            os.close(here)
            here = below
            if level % 10 == 9:
                file = os.open("file", os.O_CREAT | os.O_WRONLY, 0o640, dir_fd=here)
                os.write(file, b"level %d" % level)
                os.close(file)
        os.close(here)
    os.close(folder)


def _build_links(root):
    at = lambda *names: os.path.join(root, "links", *names)
    os.mkdir(at("a"))
    write(at("a", "file"), b"linked" * 1000)
    write(at("a", "big"), os.urandom(5_000_000))
    os.symlink("/nowhere/" + "t" * 3000, at("a", "long target"))
    os.symlink(b"\xff\n -> x", at("a", "odd target"))
    os.symlink("../../../../etc/passwd", at("a", "out"))
    os.symlink(".", at("a", "loop"))
    os.mkfifo(at("a", "fifo"))
    os.mknod(at("a", "device"), 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    for name in ("file", "big", "long target", "odd target", "out", "fifo", "device"):
        for other in (at("0 " + name), at("z " + name)):
            os.link(at("a", name), other, follow_symlinks=False)


def _build_attributes(root):
    at = lambda *names: os.path.join(root, *names)
    folder, file = at("xattrs", "folder"), at("xattrs", "file")
    os.mkdir(folder)
    write(file)
    write(at("xattrs", "capable"))
    os.symlink("file", at("xattrs", "link"))
    os.mkfifo(at("xattrs", "fifo"))
    for path in (folder, file):
        os.setxattr(path, "user.text", b"text")
        os.setxattr(path, "user.empty", b"")
        os.setxattr(path, "user.binary", bytes(range(256)) + b"\n0 x=y\n")
        os.setxattr(path, "user.long", b"l" * 2000)
        os.setxattr(path, "user.UPPER.and.dots-and_others!", b"\0")
    for path in (folder, file, at("xattrs", "link"), at("xattrs", "fifo")):
        os.setxattr(path, "trusted.note", b"trusted\0\n", follow_symlinks=False)
    # cap_net_bind_service=ep, version 2 of linux/capability.h
    os.setxattr(at("xattrs", "capable"), "security.capability", struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0))
    os.chmod(at("xattrs", "capable"), 0o4755)
    for name in ("file", "other"):
        write(at("acls", name))
    os.mkdir(at("acls", "folder"))
    run("setfacl", "-m", "u:1234:rw,g:2000000000:r,m::rw", at("acls", "file"))
    run("setfacl", "-m", "u:root:---,u:4294967294:rwx", at("acls", "other"))
    run("setfacl", "-m", "u:1234:rwx", "-d", "-m", "u::rwx,g::r,o::-,u:77:rwx,g:88:x,m::rwx", at("acls", "folder"))
    os.mkdir(at("acls", "folder", "inherits"))
    write(at("acls", "folder", "inherited"))
    run("setfacl", "-d", "-m", "u::rwx,g::rx,o::rx", at("acls"))


def _build_sparse(root):
    at = lambda *names: os.path.join(root, "sparse", *names)
    gib = 1 << 30
    sparse(at("three gibibytes"), 3 * gib, [(3 * gib // 2, b"middle" * 1000), (3 * gib - 3, b"end")])
    sparse(at("400 extents"), 400 << 16, [(number << 16, bytes([1 + number % 255]) * 4096) for number in range(400)])
    sparse(at("one hole"), 300 << 20, [])
    sparse(at("small hole"), 1 << 20, [])
    sparse(at("small, odd size"), (1 << 20) + 5, [(700_001, b"x" * 11)])
    sparse(at("data first"), 40 << 20, [(0, b"first")])
    sparse(at("odd end"), (20 << 20) + 13, [(10 << 20, b"x" * 8192)])
    sparse(at("zeros written"), 3 << 20, [(0, bytes(3 << 20))])
    run("sync", "-f", at("one hole"))


# --- comparing ---
def _content(descriptor, status):
    """(digest of every block that is not all zeros, with its place; ranges that hold data)"""
    digest, ranges, at = hashlib.sha256(), [], 0
    while at < status.st_size:
        try:
            begin = os.lseek(descriptor, at, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            break
        end = min(os.lseek(descriptor, begin, os.SEEK_HOLE), status.st_size)
        ranges.append((begin, end))
        begin -= begin % len(ZEROS)
        for offset in range(begin, end, len(ZEROS)):
            block = os.pread(descriptor, len(ZEROS), offset)
            if block.strip(b"\0"):
                digest.update(b"%d:" % offset + block.rstrip(b"\0"))
        at = -(-end // len(ZEROS)) * len(ZEROS)
    return digest.hexdigest(), ranges


def facts(root):
    """path (bytes) -> what lstat, the content and the attributes say; and the groups of hard links."""
    found, links = {}, {}

    def look(folder, name, path):
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        fact = {"type": stat.S_IFMT(status.st_mode), "mode": stat.S_IMODE(status.st_mode), "uid": status.st_uid,
                "gid": status.st_gid, "mtime": status.st_mtime_ns}
        if stat.S_ISDIR(status.st_mode):
            pending.append(path)
        elif status.st_nlink > 1:
            links.setdefault((status.st_dev, status.st_ino), []).append(path)
        if stat.S_ISLNK(status.st_mode):
            fact["target"] = os.readlink(name, dir_fd=folder)
        elif stat.S_ISREG(status.st_mode):
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder)
            fact["size"] = status.st_size
            fact["content"], fact["data"] = _content(descriptor, status)
            fact["allocated"] = status.st_blocks * 512
            os.close(descriptor)
        elif stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
            fact["device"] = status.st_rdev
        through = os.fsencode(f"/proc/self/fd/{folder}/") + name
        fact["xattrs"] = {each: os.getxattr(through, each, follow_symlinks=False)
                          for each in os.listxattr(through, follow_symlinks=False)}
        found[path] = fact

    pending = []
    top = os.open(root, FOLDER)
    look(top, b".", b".")
    while pending:
        path = pending.pop()
        folder = open_below(top, path)
        for name in os.listdir(folder):
            name = os.fsencode(name)
            look(folder, name, name if path == b"." else path + b"/" + name)
        os.close(folder)
    os.close(top)
    for group in links.values():
        for path in group:
            found[path]["links"] = sorted(group)
    return found


def open_below(top, path):
    """The folder at a path of any length."""
    folder = os.dup(top)
    for name in path.split(b"/"):
        below = os.open(name, FOLDER, dir_fd=folder)
        os.close(folder)
        folder = below
    return folder


def _covered(inner, outer, slack=65536):
    """Each range lies within the ranges of outer, give or take a block of the file system."""
    return all(any(begin - slack <= low and high <= end + slack for begin, end in outer) for low, high in inner)


def differences(one, other):
    """Between two facts(): (path, what, there, here), for all but where the file systems put their blocks."""
    wrong = []
    for path in sorted(set(one) | set(other)):
        if path not in other or path not in one:
            wrong.append((path, "missing" if path in one else "too much", None, None))
            continue
        before, after = one[path], other[path]
        for what in sorted((set(before) | set(after)) - {"data", "allocated"}):
            if before.get(what) != after.get(what):
                wrong.append((path, what, before.get(what), after.get(what)))
        if "data" in before and "data" in after:
            if not _covered(after["data"], before["data"]) or after["allocated"] > before["allocated"] + 65536:
                wrong.append((path, "holes", before["data"][:3], after["data"][:3]))
    return wrong


# --- stock tools ---
def plain(world, component, id="latest", leaf="archive"):
    """The argv of a pipeline's first stage, and what uncompresses after it."""
    record = world.record(component, id)
    path = record["archive"]["file"]["path"] if leaf == "archive" else record[leaf]["path"]
    stored = os.path.join(world.backups, id, path)
    if stored.endswith(".gpg"):
        return ["gpg", "--homedir", world.keys.home, "--batch", "--quiet", "--decrypt", stored]
    return ["cat", stored]


def extract(world, component, into, *options, id="latest"):
    """gpg | tar as RESTORE.txt has it; -> (exit code, stderr) of tar, without its remarks on odd times and on names
    that are not UTF-8 ("Ignoring unknown extended header keyword 'hdrcharset'")."""
    with subprocess.Popen(plain(world, component, id), stdout=subprocess.PIPE) as first:
        done = subprocess.run(["tar", "--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner",
                               "--warning=no-timestamp", "--warning=no-unknown-keyword", *options, "-xpzf", "-"],
                              stdin=first.stdout, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=into, check=False)
        first.stdout.close()
    if first.returncode != 0:
        raise AssertionError(f"gpg ended with {first.returncode}")
    return done.returncode, done.stderr.decode(errors="backslashreplace")


def members(world, component, id="latest"):
    """Each entry of the archive and its bytes, the later of two of one name, read without writing anything."""
    found = {}
    # gunzip, since Python's streaming tarfile ends with the first gzip member.
    with subprocess.Popen(plain(world, component, id), stdout=subprocess.PIPE) as first, \
            subprocess.Popen(["gunzip"], stdin=first.stdout, stdout=subprocess.PIPE) as second:
        first.stdout.close()
        with tarfile.open(fileobj=second.stdout, mode="r|", errors="surrogateescape", encoding="utf-8") as archive:
            for member in archive:
                content = archive.extractfile(member).read() if member.isreg() else None
                found[member.name.rstrip("/")] = (member, content)
        while second.stdout.read(1 << 20):
            pass
    if (first.returncode, second.returncode) != (0, 0):
        raise AssertionError(f"gpg ended with {first.returncode}, gunzip with {second.returncode}")
    return found


def report(world, component, id="latest"):
    """What the component's report names: a list of {entry, what, why}."""
    text = run(*plain(world, component, id, "report"), text=False).stdout
    return [json.loads(line) for line in gzip.decompress(text).splitlines()]
