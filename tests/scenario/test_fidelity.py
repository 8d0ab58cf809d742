"""What stock gpg and tar bring back is what was there: every attribute, every name, every hole."""
import os
import stat
import tempfile

import tree
from world import LONG, Scenario, run

# What GNU tar 1.34 and 1.35 can't set, or what no archive holds. Everything else must come back as it was.
#   sockets                 tar has no type for them; the report names each
#   ctime, atime, btime     the kernel's own; not looked at
#   chattr flags            not read by miraclemax, not known to tar; not looked at
#   -1 s < mtime < 0        tar takes "-0.5" for 0.5: the archive has -1 s sharp instead (src/archive/tar_writer.cpp)
#   beyond PATH_MAX         one tar call opens no path of over 4,095 bytes. It names each, sets the rest, ends with 2,
#                           and a second one with --strip-components brings them (second_pass below)
SOCKETS = {b"special/socket"}


class Fidelity(Scenario):
    def prepare(self, *sidecar, **environment):
        world = self.world
        world.volume("all", backup="true", component="all", encryption="required")
        world.app("owner", "-v", "all:/data")
        self.data = world.mountpoint("all")
        tree.build(self.data)
        world.sidecar(*sidecar, environment=environment)

    def restore(self):
        """-> the folder that the stock tools made of the newest backup"""
        world = self.world
        into = tempfile.mkdtemp(dir=world.dir)
        self.addCleanup(run, "rm", "-rf", into)
        code, told = tree.extract(world, "all", into)
        self.assertEqual(code, 2, told)
        others = [line.replace("d" * 200, "D") for line in told.splitlines()
                  if not ("d" * 200 in line and line.endswith("File name too long"))
                  and "Exiting with failure" not in line]
        self.assertEqual(others, [])
        self.second_pass(into)
        return os.path.join(into, "all")

    def second_pass(self, into):
        """From a deeper level on, once more into the folder that is there, so that no path is too long."""
        levels = 12
        folder = os.open(os.path.join(into, "all"), tree.FOLDER)
        name, depth = tree.DEEP
        deep = tree.open_below(folder, b"/".join([name] * levels))
        before = os.getcwd()
        os.fchdir(deep)
        try:
            code, told = tree.extract(self.world, "all", None, f"--strip-components={levels + 1}", "--wildcards",
                                      "--no-wildcards-match-slash", "all" + ("/" + name.decode()) * levels)
        finally:
            os.chdir(before)
            os.close(deep)
            os.close(folder)
        self.assertEqual((code, told), (0, ""))
        self.assertGreater(len(name) * depth, 4096)

    def expected(self, original):
        facts = {path: fact for path, fact in original.items() if path not in SOCKETS}
        for fact in facts.values():
            if -tree.S < fact["mtime"] < 0:
                fact["mtime"] = -tree.S
        return facts

    def check(self, worker):
        world = self.world
        world.backup()
        record = world.record("all")
        original = tree.facts(self.data)
        self.assertEqual(record["worker"], worker)
        self.assertEqual({os.fsencode(each["entry"]): each["what"] for each in tree.report(world, "all")},
                         {b"all/" + each: "skipped" for each in SOCKETS})
        # Neither the holes of 3 GiB nor those of the others were read, archived or stored.
        data = sum(fact.get("allocated", 0) for fact in original.values())
        self.assertLess(record["entries"]["bytes"], data)
        self.assertLess(record["archive"]["tar"]["size"], data + 4096 * len(original))
        self.assertEqual(record["entries"]["entries"], len(original) - len(SOCKETS))
        self.assertEqual(record["entries"]["files"], sum(stat.S_ISREG(fact["type"]) for fact in original.values()))
        self.assertGreater(len(tree.odd_names()), 300)
        return record, self.expected(original), tree.facts(self.restore())

    def test_everything(self):
        self.prepare(WORKER_TRUSTED_XATTRS="true")
        record, original, restored = self.check("container")
        self.assertTrue(record["trusted_xattrs"])
        self.assertEqual(tree.differences(original, restored), [])

    def test_without_trusted(self):
        """The default: trusted attributes alone are not there, and the manifest says so."""
        if not LONG:
            self.skipTest("long form only")
        self.prepare()
        record, original, restored = self.check("container")
        self.assertFalse(record["trusted_xattrs"])
        for fact in original.values():
            fact["xattrs"] = {name: value for name, value in fact["xattrs"].items() if not name.startswith("trusted.")}
        self.assertEqual(tree.differences(original, restored), [])

    def test_child_process(self):
        if not LONG:
            self.skipTest("long form only")
        store = os.path.join(self.world.bed, "root", "volumes")
        self.prepare("-v", f"{store}:/volumes:ro", "--cap-add", "DAC_READ_SEARCH", "--cap-add", "SYS_ADMIN",
                     WORKER_TRUSTED_XATTRS="true")
        _, original, restored = self.check("child")
        self.assertEqual(tree.differences(original, restored), [])
