"""A labelled volume becomes an encrypted backup that stock tools open."""
import json
import os
import shutil
import stat

from world import Scenario, run, same_tree


def fill(root):
    """Everything an application may leave in a volume."""
    os.makedirs(os.path.join(root, "deep/er/folder"))
    os.makedirs(os.path.join(root, "empty"))
    os.makedirs(os.path.join(root, "dev"))
    for number in range(50):
        with open(os.path.join(root, "deep", f"file {number}"), "w") as file:
            file.write(f"content {number}\n" * number)
    with open(os.path.join(os.fsencode(root), b"odd \xff\n name"), "wb") as file:
        file.write(b"odd")
    with open(os.path.join(root, "big"), "wb") as file:
        file.write(os.urandom(3_000_000) + b"text " * 400_000)
    with open(os.path.join(root, "sparse"), "wb") as file:
        file.seek(200_000_000)
        file.write(b"end")
    os.symlink("/etc/passwd", os.path.join(root, "link"))
    os.link(os.path.join(root, "big"), os.path.join(root, "hard"))
    os.mkfifo(os.path.join(root, "fifo"))
    os.mknod(os.path.join(root, "device"), 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    os.chmod(os.path.join(root, "big"), 0o4751)
    os.chown(os.path.join(root, "big"), 999, 998)
    os.setxattr(os.path.join(root, "big"), "user.note", b"kept")
    run("setfacl", "-m", "u:1234:rw", os.path.join(root, "deep", "file 7"))
    run("setfacl", "-d", "-m", "g:4321:rx", os.path.join(root, "empty"))
    os.utime(os.path.join(root, "deep", "file 1"), ns=(1, 1_234_567_890_123_456_789))
    os.chown(root, 999, 999)
    os.chmod(root, 0o1770)


class MainPath(Scenario):
    def prepare(self, **sidecar):
        world = self.world
        world.volume("n8n-data", backup="true", component="n8n", category="databases", encryption="required")
        world.app("n8n", "-v", "n8n-data:/data")
        self.data = world.mountpoint("n8n-data")
        fill(self.data)
        world.sidecar(**sidecar)
        self.before = world.containers()

    def check_backup(self, worker):
        world = self.world
        self.assertEqual(world.containers(), self.before)
        record = world.record("n8n")
        self.assertEqual(record["worker"], worker)
        self.assertEqual(record["archive"]["file"]["path"], "databases/n8n.tar.gz.gpg")
        self.assertEqual(record["archive"]["recipients"], [world.keys.fingerprint])
        self.assertEqual([(each["name"], each["how"]) for each in record["freeze"]["containers"]], [("n8n", "pause")])
        same_tree(self, self.data, world.extract("n8n"))
        manifest = world.manifest()
        self.assertTrue(manifest["complete"])
        world.check_sums("latest")
        self.assertEqual(world.debris(), [])
        return manifest

    def test_helper_container(self):
        self.prepare()
        told = self.world.backup().stdout
        self.assertIn("n8n: released after", told)
        manifest = self.check_backup("container")
        names = [each for each in self.world.containers() if "worker" in each]
        self.assertEqual(names, [])
        # sparse files stay sparse in the archive
        self.assertLess(self.world.record("n8n")["archive"]["tar"]["size"], 30_000_000)
        self.check_modes(manifest["id"])
        self.check_signature(manifest)
        self.check_inventory()
        self.check_no_names_leak(manifest["id"])

    def check_modes(self, id):
        for folder, folders, files in os.walk(os.path.join(self.world.backups, id)):
            self.assertEqual(stat.S_IMODE(os.stat(folder).st_mode), 0o700, folder)
            for name in files:
                self.assertEqual(stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode), 0o600, name)

    def check_signature(self, manifest):
        world = self.world
        key = os.path.join(world.dir, "signing.gpg")
        with open(key, "wb") as file:
            file.write(world.podman("exec", "miraclemax", "miraclemax", "key", "--export", text=False).stdout)
        world.keys.gpg("--import", key)
        folder = os.path.join(world.backups, manifest["id"])
        done = world.keys.gpg("--status-fd", "1", "--verify", os.path.join(folder, "manifest.json.sig"),
                              os.path.join(folder, "manifest.json"))
        self.assertIn("VALIDSIG " + manifest["signer"], done.stdout)

    def check_inventory(self):
        """Stock mtree holds the inventory against the live data."""
        world = self.world
        stored = os.path.join(world.backups, "latest", world.record("n8n")["inventory"]["path"])
        text = run("gunzip", input=world.keys.gpg("--decrypt", stored, text=False).stdout, text=False).stdout
        done = run("mtree", "-p", self.data, input=text, text=False, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, b""))

    def check_no_names_leak(self, id):
        for name in ("manifest.json", "RESTORE.txt", "SHA256SUMS"):
            with open(os.path.join(self.world.backups, id, name)) as file:
                self.assertNotIn("deep", file.read())

    def test_child_process(self):
        self.prepare_child()
        self.world.backup()
        self.check_backup("child")

    def prepare_child(self):
        # The volume store mounted into the sidecar, and the one capability that reading needs.
        store = os.path.join(self.world.bed, "root", "volumes")
        self.world.volume("n8n-data", backup="true", component="n8n", category="databases", encryption="required")
        self.world.app("n8n", "-v", "n8n-data:/data")
        self.data = self.world.mountpoint("n8n-data")
        fill(self.data)
        self.world.sidecar("-v", f"{store}:/volumes:ro", "--cap-add", "DAC_READ_SEARCH")
        self.before = self.world.containers()

    def test_plain_zstd_and_seed_name(self):
        world = self.world
        world.volume("grafana-data", backup="true", component="grafana", encryption="never")
        world.volume("prometheus-data", backup="optional", component="prometheus")
        world.app("grafana", "-v", "grafana-data:/data")
        fill(world.mountpoint("grafana-data"))
        world.sidecar(environment={"COMPRESSION_KIND": "zstd"})
        world.podman("exec", "miraclemax", "pai-miraclemax-backup")
        self.assertEqual([each["name"] for each in world.manifest()["components"]], ["grafana"])
        self.assertEqual(world.record("grafana")["archive"]["file"]["path"], "volumes/grafana.tar.zst")
        same_tree(self, world.mountpoint("grafana-data"), world.extract("grafana"))
        world.podman("exec", "miraclemax", "pai-miraclemax-backup", "--full")
        self.assertEqual(sorted(each["name"] for each in world.manifest()["components"]), ["grafana", "prometheus"])

    def test_bind_mount_and_bound_volume(self):
        world = self.world
        site = os.path.join(world.bed, "site")
        device = os.path.join(world.bed, "device")
        for folder in (site, device):
            os.makedirs(folder)
            fill(folder)
        world.app("web", "-v", f"{site}:/srv/www",
                  labels={"mounts": json.dumps([{"dest": "/srv/www", "component": "site", "category": "web"}])})
        world.podman("volume", "create", "--label", "miraclemax.backup=true", "--label", "miraclemax.component=bound",
                     "--opt", "type=none", "--opt", "o=bind", "--opt", f"device={device}", "bound")
        world.app("user", "-v", "bound:/data")
        world.sidecar()
        before = world.containers()
        world.backup()
        self.assertEqual(world.containers(), before)
        same_tree(self, site, world.extract("site"))
        same_tree(self, device, world.extract("bound"))
        self.assertEqual([each["name"] for each in world.record("site")["freeze"]["containers"]], ["web"])
        shutil.rmtree(site)
        shutil.rmtree(device)

    def test_commands(self):
        world = self.world
        self.prepare()
        world.backup()
        world.backup()
        listed = json.loads(world.miraclemax("list", "--json").stdout)
        self.assertEqual([each["id"] for each in listed], world.ids())
        self.assertEqual([each["latest"] for each in listed], [False, True])
        shown = json.loads(world.miraclemax("show", "latest", "--json").stdout)
        self.assertEqual(shown["previous"]["id"], listed[0]["id"])
        self.assertIn("n8n", world.miraclemax("show", listed[0]["id"]).stdout)
        self.assertEqual(world.miraclemax("show", "20200101_000000", check=False).returncode, 11)
        self.assertEqual(world.miraclemax("check").returncode, 0)
        self.assertIn("nothing to recover", world.miraclemax("recover").stdout)
        plan = json.loads(world.miraclemax("plan", "--json").stdout)
        (group,) = plan["groups"]
        self.assertEqual(group["components"][0]["last"]["stored"], world.record("n8n")["archive"]["file"]["size"])
        self.assertEqual(group["stages"][0][0]["how"], "pause")
        before = world.ids()
        self.assertIn("n8n", world.backup("--dry-run").stdout)
        self.assertEqual(world.ids(), before)
        events = [json.loads(line) for line in world.backup("--json").stdout.splitlines()]
        self.assertEqual([events[0]["event"], events[-1]["event"], events[-1]["exit_code"]], ["began", "ended", 0])
        for verb in ("backup", "plan", "list", "show", "recover", "check", "serve", "key", "config"):
            self.assertIn("Exit codes", world.miraclemax(verb, "--help").stdout)
        self.assertEqual(world.miraclemax("bakup", check=False).returncode, 2)
