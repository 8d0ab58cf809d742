"""The tree that is measured: always the same bytes for the same size, some 43,000 entries at 2 GiB."""
import os
import random
import shutil
import sqlite3

MIB = 1 << 20
# Of the whole: what a host's volumes hold. Small files are text and program-like; media is incompressible.
SHARES = {"files": 0.38, "database": 0.12, "logs": 0.30, "media": 0.20}
SMALL = 41_000  # files at 2 GiB
FOLDERS = 1_600


def words(source, count):
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    weights = [1 / (rank + 1) for rank in range(len(letters))]
    return ["".join(source.choices(letters, weights, k=source.randint(2, 11))) for _ in range(count)]


class Pool:
    """Much text and much program-like data, from which files are cut at odd places: compressors look back
    32 KiB (gzip) to some MiB, so they find in it what they would in real files; deduplication finds nothing."""

    def __init__(self, source):
        self.source = source
        vocabulary = words(source, 30_000)
        weights = [1 / (rank + 3) for rank in range(len(vocabulary))]
        chosen = source.choices(vocabulary, weights, k=2_500_000)
        ends = source.choices([" ", " ", " ", " ", ", ", " = ", "(", ")\n", ".\n", ";\n"], k=len(chosen))
        self.text = "".join(word + end for word, end in zip(chosen, ends)).encode()
        parts = []
        for _ in range(90_000):  # records: a common head, small numbers, noise
            parts.append(b"\x7f\x45\x00\x01\x48\x8b" + source.randbytes(1) * source.randint(2, 20))
            parts.append(source.getrandbits(40).to_bytes(16, "little"))
            parts.append(source.choice(vocabulary).encode() + b"\0")
            parts.append(source.randbytes(source.randint(8, 40)))
        self.binary = b"".join(parts)

    def cut(self, of, size):
        out = []
        while size > 0:
            at = self.source.randrange(len(of) - 1)
            piece = of[at:at + min(size, self.source.randint(2_000, 200_000))]
            out.append(piece)
            size -= len(piece)
        return b"".join(out)

    def small(self, size):
        return self.cut(self.text if self.source.random() < 0.55 else self.binary, size)


def write(path, *parts):
    with open(path, "wb") as file:
        for part in parts:
            file.write(part)


def small_files(root, pool, size, count):
    source = pool.source
    folders = [root]
    for number in range(max(4, count * FOLDERS // SMALL)):
        folder = os.path.join(source.choice(folders[-200:]), f"folder-{number:05d}")
        os.mkdir(folder)
        if folder.count("/") - root.count("/") < 8:
            folders.append(folder)
    mean = size / count
    for number in range(count):
        length = int(min(source.lognormvariate(0, 1.3) / 2.33 * mean, 2 * MIB))
        path = os.path.join(source.choice(folders), f"file-{number:06d}.{source.choice(['txt', 'json', 'so', 'py'])}")
        write(path, pool.small(length))
        if number % 97 == 0:
            os.symlink(f"file-{number:06d}", path + ".link")


def database(path, pool, size):
    """Rows as an application writes them: keys, numbers, some text, a token."""
    source = pool.source
    base = sqlite3.connect(path)
    base.execute("PRAGMA journal_mode = OFF")
    base.execute("PRAGMA synchronous = OFF")
    base.execute("CREATE TABLE execution (id INTEGER PRIMARY KEY, at REAL, state TEXT, token BLOB, data TEXT)")
    row = 450

    def rows():
        for number in range(size // row):
            yield (number, 1.7e9 + number * 1.37, source.choice(["success", "error", "running"]), source.randbytes(24),
                   pool.cut(pool.text, 350).decode("ascii"))
    base.executemany("INSERT INTO execution VALUES (?, ?, ?, ?, ?)", rows())
    base.commit()
    base.close()


def logs(root, pool, size):
    source = pool.source
    paths = words(source, 400)
    agents = [pool.cut(pool.text, 80).decode().replace("\n", " ") for _ in range(60)]
    base = []
    at = 1_760_000_000
    for _ in range(120_000):
        at += source.randint(0, 3)
        base.append(f"10.{source.randint(0, 9)}.{source.randint(0, 255)}.{source.randint(1, 254)} - - [{at}] "
                    f"\"GET /api/{source.choice(paths)}/{source.getrandbits(28)} HTTP/1.1\" "
                    f"{source.choice([200, 200, 200, 304, 404, 500])} {source.getrandbits(16)} \"{source.choice(agents)}\"\n")
    text = "".join(base).encode()
    number = 0
    while size > 0:
        length = min(size, 16 * MIB)
        write(os.path.join(root, f"access.log.{number}"), pool.cut(text, length))
        size -= length
        number += 1


def media(root, source, size):
    number = 0
    while size > 0:
        length = min(size, source.randint(1 * MIB, 40 * MIB))
        write(os.path.join(root, f"photo-{number:04d}.jpg"), source.randbytes(length))
        size -= length
        number += 1


def make(root, mebibytes):
    """The tree of so many MiB in the new folder root."""
    source = random.Random(20260101)
    pool = Pool(source)
    for name in SHARES:
        os.makedirs(os.path.join(root, name))
    size = {name: int(share * mebibytes * MIB) for name, share in SHARES.items()}
    small_files(os.path.join(root, "files"), pool, size["files"], SMALL * mebibytes // 2048)
    database(os.path.join(root, "database", "database.sqlite"), pool, size["database"])
    logs(os.path.join(root, "logs"), pool, size["logs"])
    media(os.path.join(root, "media"), source, size["media"])


def kept(mebibytes):
    """Where such a tree lies: from an earlier time, or made now."""
    root = os.path.join(os.environ.get("TMPDIR", "/var/tmp"), f"miraclemax-bench-{mebibytes}", "tree")
    if not os.path.exists(root + ".whole"):
        shutil.rmtree(os.path.dirname(root), ignore_errors=True)
        os.makedirs(root)
        make(root, mebibytes)
        write(root + ".whole")
    return root


def make_many(root, count):
    """So many small files, 500 a folder."""
    for number in range(count):
        folder = os.path.join(root, f"{number // 500:05d}")
        if number % 500 == 0:
            os.makedirs(folder)
        write(os.path.join(folder, f"a-file-of-many-{number:07d}"), b"%d\n" % number * 20)


def measure(root):
    entries, size = 1, 0
    for folder, folders, files in os.walk(root):
        entries += len(folders) + len(files)
        size += sum(os.lstat(os.path.join(folder, name)).st_size for name in files)
    return entries, size
