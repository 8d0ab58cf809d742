"""Broken backups are heard of, and mended ones too: sidecar, Prometheus, Alertmanager and a mail server, all of them real.

What needs prometheus or prometheus-alertmanager is skipped where they are missing.
"""
import json
import os
import re
import shutil
import sys
import unittest

from oracle import bed_pid, in_mounts
from serving import Mails, Serving
from test_serve import NIGHTLY, nights
from world import HERE, wait_until

sys.path.insert(0, os.path.join(HERE, ".."))
import monitoring_test as monitoring  # noqa: E402

PROMETHEUS, ALERTMANAGER, MAIL = 9090, 9093, 2525
RUNBOOK = "https://wiki.example.org/runbook"


def mailing(**more):
    return {"NOTIFY_MAIL_URL": f"smtp://127.0.0.1:{MAIL}", "NOTIFY_MAIL_STARTTLS": "false", "NOTIFY_RUNBOOK": RUNBOOK,
            "NOTIFY_MAIL_FROM": "backup@example.org", "NOTIFY_MAIL_TO": "me@example.org", **more}


class Chain(Serving):
    def tearDown(self):
        in_mounts(bed_pid(self.world), "umount", self.world.backups, check=False)
        super().tearDown()

    # --- the world: one component, in a backup folder that can be filled ---
    def prepare(self):
        world = self.world
        in_mounts(bed_pid(world), "mount", "-t", "tmpfs", "-o", "size=12m,mode=700", "tmpfs", world.backups)
        world.volume("data", backup="true", quiesce="stop")
        with open(os.path.join(world.mountpoint("data"), "noise"), "wb") as file:
            file.write(os.urandom(1_000_000))
        self.writer("app", "data")

    def start_servers(self):
        folder = self.folder("monitoring")
        shutil.copy(os.path.join(monitoring.HERE, "mail.tmpl"), folder)
        changed = monitoring.changed
        files = {
            "rules.yml": changed(monitoring.read("rules.yml"), (r"^    interval: 5m$", "    interval: 1s"),
                                 (r"^        for: \w+$", "        for: 0s")),
            "prometheus.yml": changed(monitoring.read("prometheus.yml"), (r"_interval: 1m", "_interval: 1s"),
                                      (r"miraclemax:9847", "127.0.0.1:9847"),
                                      (r"alertmanager:9093", f"127.0.0.1:{ALERTMANAGER}")),
            "alertmanager.yml": changed(monitoring.read("alertmanager.yml"),
                                        (r"smtp_smarthost: \S+", f"smtp_smarthost: 127.0.0.1:{MAIL}"),
                                        (r"^  smtp_auth_.*\n", ""), (r"smtp_require_tls: true", "smtp_require_tls: false"),
                                        (r"group_wait: \w+", "group_wait: 1s"),
                                        (r"group_interval: \w+", "group_interval: 1s"))}
        self.assertEqual(monitoring.wrong, [])
        for name, text in files.items():
            monitoring.write(os.path.join(folder, name), text)
        self.beside("prometheus-alertmanager", f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/am",
                    "--cluster.listen-address=", f"--web.listen-address=127.0.0.1:{ALERTMANAGER}", log=f"{folder}/am.log")
        self.beside("prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/tsdb",
                    f"--web.listen-address=127.0.0.1:{PROMETHEUS}", log=f"{folder}/prometheus.log")

    def alerts(self):
        """(name, job or "") of what fires in Alertmanager."""
        answer = self.http("/api/v2/alerts?active=true", port=ALERTMANAGER)
        if not answer or answer.status != 200:
            return None
        return {(each["labels"]["alertname"], each["labels"].get("job", ""), each["labels"].get("component", ""))
                for each in json.loads(answer.body)}

    def until_alert(self, name, job="miraclemax", component=""):
        wait_until(lambda: (name, job, component) in (self.alerts() or ()), f"{name} in Alertmanager, which has {self.alerts()}")

    def until_over(self, name, job="miraclemax", component=""):
        def over():
            fires = self.alerts()
            return fires is not None and (name, job, component) not in fires

        wait_until(over, f"the end of {name}, {component}")

    # --- the story ---
    @unittest.skipUnless(shutil.which("prometheus") and shutil.which("prometheus-alertmanager"), "prometheus is missing")
    def test_broken_and_mended(self):
        self.prepare()
        mails = Mails(self, "mails", MAIL).start()
        self.start_servers()
        self.serve(SCHEDULE_BACKUP=NIGHTLY, **mailing(NOTIFY_ALERTMANAGER_URL=f"http://127.0.0.1:{ALERTMANAGER}"))
        self.until_status(lambda status: True, "the status")
        self.world.backup()
        status = self.until_status(lambda status: status["last_run"], "the first run")
        self.good, self.host = status["last_run"]["id"], status["host"]
        self.assertTrue(self.host)
        self.container_that_can_not_be_stopped(mails)
        self.expired_key(mails)
        self.full_folder(mails)
        subjects = [re.search(r"^Subject: (.*)$", mail, re.M).group(1) for mail in mails.all()]
        own = [each for each in subjects if each.startswith("[miraclemax]")]
        self.assertEqual(len(own), 6, subjects)  # each failure and each recovery once

    def mended(self, mails, name):
        """The next whole backup is told: by the sidecar itself, and by Prometheus' way."""
        self.world.backup()
        self.until_status(lambda status: status["last_run"]["ok"], "the whole run")
        recovery = mails.one(f"Backup:  {self.newest()}")
        self.assertIn(f"Subject: [miraclemax] backup of {self.host} is whole again", recovery)
        self.assertIn("Had failed: data", recovery)
        for job, component in (("miraclemax", ""), ("", "data")):
            self.until_over(name, job, component)
        self.good = self.newest()

    def newest(self):
        return self.status()["last_run"]["id"]

    def facts(self, mail, *more):
        for fact in (f"Subject: [miraclemax] backup of {self.host} failed: data: ", "Reason: data: ", "- data: ",
                     f"({self.good})", f"What to do: {RUNBOOK}#backupfailed", "The log's last lines:", "miraclemax status",
                     *more):
            self.assertIn(fact, mail)
        self.assertRegex(mail, r"Last backup that was whole: \d+ \w+ 20")

    def container_that_can_not_be_stopped(self, mails):
        """By the schedule: what was missed is made up for at the start."""
        world = self.world
        world.podman("rm", "-f", "-t", "0", "app")
        self.writer("app", "data", "--rm")
        before = world.states()["app"]
        world.podman("stop", "-t", "10", "miraclemax")
        self.planned_before(NIGHTLY, nights(2)[0])
        world.podman("start", "miraclemax")
        (record,) = [each for each in self.until_ended(2) if each["planned"]]
        self.assertEqual((record["code"], record["id"]), (1, ""), record)
        self.assertEqual(world.states()["app"], before)
        mail = mails.one(record["run"])
        self.facts(mail, "exit code 1", "app", "planned backup begins")
        self.assertRegex(mail.split("The log's last lines:")[1], r"(?m)^  .*data")  # what the run itself wrote
        self.until_alert("BackupFailed")
        self.until_alert("BackupFailed", "", "data")  # the sidecar's own
        theirs = mails.one("[CRITICAL] BackupFailed on 127.0.0.1:9847")
        self.assertIn("Reason:      it failed, and nothing was published (exit code 1)", theirs)
        self.assertIn("Runbook:     compose/monitoring/runbook.md#backupfailed", theirs)
        world.podman("rm", "-f", "-t", "0", "app")
        self.writer("app", "data")
        self.mended(mails, "BackupFailed")
        mails.one("Subject: [over] BackupFailed on 127.0.0.1:9847")

    def expired_key(self, mails):
        world, home = self.world, self.world.keys
        home.gpg("--passphrase", "", "--faked-system-time", "20200101T000000", "--quick-generate-key",
                 "Old <old@example.test>", "ed25519", "default", "1d")
        old = os.path.join(home.public, "old.asc")
        with open(old, "w") as file:
            file.write(home.gpg("--armor", "--export", "old@example.test").stdout)
        world.podman("restart", "-t", "10", "miraclemax")  # keys are looked at every ten minutes
        world.backup(code=1)
        self.facts(mails.one("has expired"), "expired")
        self.until_alert("BackupFailed")
        wait_until(lambda: any(name == "KeyExpiring" for name, _, _ in self.alerts() or ()), "KeyExpiring in Alertmanager")
        os.unlink(old)
        world.podman("restart", "-t", "10", "miraclemax")
        self.mended(mails, "BackupFailed")

    def full_folder(self, mails):
        world = self.world
        ballast = os.path.join(world.backups, "ballast")
        in_mounts(bed_pid(world), "sh", "-c", f"cat /dev/zero > {ballast} || true", check=False)
        world.backup(code=1)
        self.facts(mails.one("o space left"))
        self.until_alert("BackupFailed")
        in_mounts(bed_pid(world), "rm", ballast)
        self.mended(mails, "BackupFailed")

    # --- what the planned proof finds ---
    def test_damage_is_told_and_its_end(self):
        world = self.world
        world.volume("data", backup="true")
        self.writer("app", "data")
        mails = Mails(self, "mails", MAIL).start()
        self.serve(SCHEDULE_VERIFY=NIGHTLY, **mailing())
        self.until_status(lambda status: status["next_runs"], "the status")
        world.backup()
        id = world.newest()
        path = world.record("data", id)["archive"]["file"]["path"]
        stored = os.path.join(world.backups, id, path)
        with open(stored, "r+b") as file:
            whole = file.read()
            file.truncate(len(whole) // 2)
        world.podman("stop", "-t", "10", "miraclemax")
        self.planned_before(NIGHTLY, nights(2)[0], jobs=("verify",))
        world.podman("start", "miraclemax")
        mail = mails.one("Subject: [miraclemax] verify of")
        for fact in (f" failed: data: {id}: {path}: ", "(exit code 13)", f"- data: {id}: {path}: ", f"({id})",
                     f"What to do: {RUNBOOK}#notverified", "`miraclemax backup --component data` makes a new one",
                     "The log's last lines:"):
            self.assertIn(fact, mail)
        with open(stored, "wb") as file:
            file.write(whole)
        world.miraclemax("verify", "--all")
        self.assertIn("Had failed: data", mails.one("is good again"))
        self.assertEqual(len(mails.all()), 2)

    # --- a mail server that is not there ---
    def test_nobody_listens_and_the_mail_comes_later(self):
        world = self.world
        world.volume("data", backup="true")
        self.writer("app", "data")
        self.serve(**mailing(NOTIFY_MAIL_ON_SUCCESS="true"))
        mails = Mails(self, "mails", MAIL)
        self.until_status(lambda status: True, "the status")
        world.backup()
        waiting = self.until_status(lambda status: status["notifications"]["waiting"] == 1, "a message that waits")
        self.assertTrue(waiting["last_run"]["ok"])
        self.until_told("tried again in 1 min")
        self.assertRegex(self.log(), r'notification "\[miraclemax\] backup of \S+ is whole" failed by mail \(smtp://127.0.0.1:2525\)')
        metrics = self.metrics()
        self.assertEqual((metrics["miraclemax_notifications_waiting"], metrics["miraclemax_notifications_sent_total"]), (1, 0))
        # Not lost in a restart, and not tried before its time.
        world.podman("restart", "-t", "10", "miraclemax")
        self.until_status(lambda status: status["notifications"]["waiting"] == 1, "a message that waits after a restart")
        self.minute_later()
        mails.start()
        mail = mails.one("is whole")
        self.assertIn(world.newest(), mail)
        after = self.until_status(lambda status: status["notifications"]["waiting"] == 0, "an empty outbox")
        self.assertEqual(after["notifications"], {"sent": 1, "failed": 0, "waiting": 0})
        self.assertEqual(self.metrics()["miraclemax_notifications_sent_total"], 1)
        self.assertEqual(len(mails.all()), 1)

    def minute_later(self):
        """The outbox's own files, as if the tries had been longer ago."""
        folder = self.state("outbox")
        for name in os.listdir(folder):
            if name[0].isdigit():
                path = os.path.join(folder, name)
                with open(path) as file:
                    whole = json.load(file)
                for tries in whole["channels"].values():
                    tries["last"] -= 61_000
                with open(path, "w") as file:
                    json.dump(whole, file)
