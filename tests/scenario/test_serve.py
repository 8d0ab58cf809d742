"""`serve` on real podman: planned runs, a new configuration, its death in a freeze, what it says over HTTP, what it keeps."""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
import unittest

from serving import LONG_AGO, Serving, at
from test_faults import with_points
from world import LONG, run, wait_until

NIGHTLY = "0 3 * * *"


def nights(count):
    """The moments of the last nightly runs, the newest last."""
    last = int(time.time()) // 86400 * 86400 + 3 * 3600
    if last > time.time():
        last -= 86400
    return [last - 86400 * before for before in reversed(range(count))]


class Planned:
    def prepare(self, noise=1000):
        world = self.world
        world.volume("data", backup="true")
        with open(os.path.join(world.mountpoint("data"), "noise"), "wb") as file:
            file.write(os.urandom(noise))
        self.writer("app", "data")
        return world.states()

    @contextlib.contextmanager
    def another_run(self):
        """What a run by hand holds as long as it lasts."""
        holder = subprocess.Popen(["flock", "--exclusive", os.path.join(self.world.backups, ".lock"), "sh", "-c", "echo; cat"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        holder.stdout.readline()
        try:
            yield
        finally:
            holder.stdin.close()
            holder.stdout.close()
            holder.wait()

    def quiet_for(self, seconds, records):
        """No run comes: there is nothing to wait for, so it takes a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.assertEqual(self.runs(), records, self.log())
            time.sleep(0.2)

    def test_each_minute_has_one_run_and_another_is_waited_for(self):
        world = self.world
        before = self.prepare()
        if not LONG:  # the minute that is going on was missed, and comes at once; else the next one
            self.planned_before("* * * * *", int(time.time()) // 60 * 60 - 60)
        self.serve(SCHEDULE_BACKUP="* * * * *")
        with self.another_run():  # until the planned one has met it
            self.until_told("planned backup waits: another run is going on")
            self.assertEqual(world.ids(), [])
        first = self.until_ended(1)[0]
        self.assertEqual((first["kind"], first["code"]), ("backup", 0), first)
        self.assertRegex(first["planned"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:00Z$")
        # A run by hand beside it: either waits or is told.
        self.assertIn(world.miraclemax("backup", check=False).returncode, (0, 5))
        world.podman("stop", "-t", "10", "miraclemax")
        world.podman("start", "miraclemax")
        self.until_status(lambda status: status["next_runs"], "the next run after a restart")
        time.sleep(3)  # a planned time that had its run has no other
        planned = [each["planned"] for each in self.runs() if each["planned"]]
        self.assertEqual(len(planned), len(set(planned)), planned)
        world.podman("stop", "-t", "10", "miraclemax")
        self.assertEqual(world.states()["app"], before["app"])
        world.check_everything()
        self.assertEqual(world.debris(), [])

    def test_missed_run_is_made_up_for_at_once_and_once(self):
        world = self.world
        self.prepare()
        *_, oldest, _, _, newest = nights(4)
        self.planned_before(NIGHTLY, oldest, jobs=("backup", "verify"))
        # The sidecar is started again while it waits for another run.
        with self.another_run():
            self.serve(SCHEDULE_BACKUP=NIGHTLY, SCHEDULE_VERIFY=NIGHTLY)
            self.until_told("planned backup waits: another run is going on")
            world.podman("restart", "-t", "10", "miraclemax")
            wait_until(lambda: self.log().count("planned backup waits") > 1, "the second wait")
        # One after the other, in their order.
        record, proof = self.until_ended(2)
        self.assertEqual((record["kind"], record["planned"], record["code"]), ("backup", at(newest), 0), record)
        self.assertEqual((proof["kind"], proof["planned"], proof["code"]), ("verify", at(newest), 0), proof)
        self.assertLessEqual(record["ended"], proof["began"])
        self.assertEqual(world.ids(), [record["id"]])
        self.assertIn("2 planned runs of backup before this one were missed", self.log())
        status = self.until_status(lambda status: status["last_run"], "the run in the status")
        self.assertEqual(status["next_runs"], dict.fromkeys(("backup", "verify"), at(newest + 86400)))
        self.assertEqual((status["last_run"]["id"], status["last_run"]["ok"]), (record["id"], True))
        world.podman("restart", "-t", "10", "miraclemax")
        self.until_status(lambda status: status["next_runs"], "the sidecar after its restart")
        self.quiet_for(2.5, [record, proof])

    def test_nothing_is_planned_and_nothing_made_up_for(self):
        self.prepare()
        long_ago = int(time.time()) - LONG_AGO
        self.planned_before(NIGHTLY, long_ago)
        self.serve()
        status = self.until_status(lambda status: True, "the status")
        self.assertEqual((status["next_runs"], status["last_run"]), ({}, None))
        self.quiet_for(2.5, [])
        if not LONG:
            return
        self.world.drop_sidecar()
        self.planned_before(NIGHTLY, long_ago)
        self.serve(SCHEDULE_BACKUP=NIGHTLY, SCHEDULE_CATCH_UP="false")
        self.until_status(lambda status: status["next_runs"], "the status")
        if nights(1)[0] < time.time() - 700:
            self.quiet_for(2.5, [])

    def test_serve_is_stopped_while_its_planned_run_hangs_in_a_freeze(self):
        world = self.world
        before = self.prepare(noise=30_000_000)
        self.planned_before(NIGHTLY, nights(2)[0])
        self.serve(SCHEDULE_BACKUP=NIGHTLY)
        wait_until(lambda: world.states()["app"][1] == "paused", "a frozen container")
        os.kill(self.pid("/proc/self/exe backup"), signal.SIGSTOP)  # it hears no SIGTERM any more
        self.assertEqual(world.states()["app"][1], "paused")
        world.podman("stop", "-t", "10", "miraclemax")
        self.assertEqual(world.states()["app"], before["app"], self.log())
        code = world.podman("inspect", "--format", "{{.State.ExitCode}}", "miraclemax").stdout.strip()
        self.assertEqual(code, "0", self.log())
        self.assertEqual(world.ids(), [])


class NewConfiguration:
    def write(self, text):
        path = os.path.join(self.configuration, "config.yml")
        with open(path + ".new", "w") as file:
            file.write(text)
        os.rename(path + ".new", path)

    def hang_up(self):
        self.world.podman("kill", "--signal", "HUP", "miraclemax")

    def test_good_one_takes_effect_and_bad_one_is_refused_whole(self):
        world = self.world
        self.configuration = self.folder("configuration")
        first, second = "schedule:\n  backup: 0 4 1 1 *\n  verify: off\n", "schedule:\n  backup: 30 5 2 1 *\n  verify: off\n"
        self.write(first)
        world.sidecar("-v", f"{self.configuration}:/etc/miraclemax:ro", network="host")

        def is_next(day_and_time):
            return lambda status: status["next_runs"].get("backup", "").endswith(day_and_time)

        self.until_status(is_next("-01-01T04:00:00Z"), "the first plan")
        self.write(second)
        self.assertTrue(is_next("-01-01T04:00:00Z")(self.status()))
        self.hang_up()
        self.until_status(is_next("-01-02T05:30:00Z"), "the second plan")
        self.assertIn("configuration read anew", self.log())
        told = json.loads(world.miraclemax("status", "--json", check=False).stdout)
        self.assertTrue(is_next("-01-02T05:30:00Z")(told), told)
        # Right in its first half: nothing of it may be taken.
        self.write(first + "retention:\n  dayz: 3\n")
        self.hang_up()
        self.until_told("the configuration was NOT read anew, and the old one stays")
        self.assertRegex(self.log(), r"NOT read anew.*dayz")
        time.sleep(1)
        self.assertTrue(is_next("-01-02T05:30:00Z")(self.status()), self.log())


class Death:
    @unittest.skipUnless(with_points(), "the program is built without MIRACLEMAX_FAULT_POINTS")
    def test_killed_in_a_freeze_and_started_again(self):
        world = self.world
        for name, quiesce in (("paused", "pause"), ("stopped", "stop")):
            world.volume(name, backup="true", quiesce=quiesce)
            self.writer("a-" + name, name)
        world.app("still", "-v", "paused:/data")
        world.podman("pause", "still")
        self.serve()
        self.until_status(lambda status: True, "the status")
        before = world.states()
        for fault, name, state in (("release.unpause", "a-paused", "paused"), ("release.start", "a-stopped", "exited")):
            with self.subTest(fault):
                going = world.start_backup(environment=[f"MIRACLEMAX_FAULT={fault}:hang"])
                wait_until(lambda: world.states()[name][1] == state, "a frozen container")
                os.kill(self.pid(), signal.SIGKILL)
                going.communicate()
                wait_until(lambda: world.states()["miraclemax"][1] != "running", "the sidecar's end")
                self.assertEqual(world.states()[name][1], state)
                began = time.monotonic()
                world.podman("start", "miraclemax")
                wait_until(lambda: world.states() == before, f"{before}\nnow {world.states()}", 60)
                print(f"    {name} was back {time.monotonic() - began:.1f} s after the start", flush=True)
        status = self.until_status(lambda status: status["last_run"], "the killed run")
        self.assertTrue(status["last_run"]["killed"], status["last_run"])
        self.assertEqual(self.metrics()["miraclemax_backup_success"], 0)
        world.backup()
        self.until_status(lambda status: status["last_run"]["ok"], "the whole run")
        self.assertEqual(self.metrics()["miraclemax_containers_not_restored"], 0)
        world.check_everything()


# Runs in the bed's network: opens COUNT connections, each with a bad habit, and keeps at it until its stdin ends.
CROWD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "crowd.py")


class Http:
    def test_pages(self):
        world = self.world
        world.volume("data", backup="true", priority="critical")
        self.writer("app", "data")
        self.serve(SCHEDULE_BACKUP=NIGHTLY)
        world.backup()
        status = self.until_status(lambda status: status["last_run"], "the run in the status")
        self.assertEqual([each["name"] for each in status["components"]], ["data"])
        self.assertEqual(status["problems"], [])
        page = self.http("/")
        self.assertEqual((page.status, page.headers["content-type"]), (200, "text/html; charset=utf-8"))
        self.assertIn("default-src 'none'", page.headers["content-security-policy"])
        self.assertNotIn("unsafe-inline", page.headers["content-security-policy"].replace("style-src 'unsafe-inline'", ""))
        self.assertEqual(page.headers["x-content-type-options"], "nosniff")
        self.assertIn("data", page.body)
        self.assertNotIn("<script", page.body)
        self.check_metrics(status)
        health = self.http("/healthz")
        self.assertEqual((health.status, health.body), (200, "ok\n"))
        self.check_refusals()
        self.check_lost_socket()

    def check_metrics(self, status):
        text = self.http("/metrics")
        self.assertEqual(text.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8")
        if shutil.which("promtool"):
            run("promtool", "check", "metrics", input=text.body)
        metrics = self.metrics()
        self.assertEqual(metrics["miraclemax_backup_success"], 1)
        stored = self.world.record("data")["archive"]["file"]["size"]
        self.assertEqual(metrics['miraclemax_component_stored_bytes{component="data"}'], stored)
        self.assertGreaterEqual(metrics["miraclemax_backup_size_bytes"], stored)
        self.assertEqual(metrics['miraclemax_tier_backups{tier="local"}'], 1)
        self.assertEqual(at(metrics['miraclemax_next_run_timestamp_seconds{run="backup"}']), status["next_runs"]["backup"])

    def check_refusals(self):
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            for path in ("/", "/api/status", "/metrics"):
                self.assertEqual(self.http(path, "-X", method).status, 405, f"{method} {path}")
        self.assertEqual(self.http("/api/backup").status, 404)
        self.assertEqual(self.http("/../etc/passwd", "--path-as-is").status, 404)
        head = self.http("/", "--head")
        self.assertEqual((head.status, head.body), (200, ""))

    def check_lost_socket(self):
        world = self.world
        self.assertEqual(world.miraclemax("check", "--health").stdout, "healthy\n")
        world.service("kill-service")
        try:
            wait_until(lambda: self.http("/healthz").status == 503, "a 503")
            self.assertIn("socket can't be reached", self.http("/healthz").body)
            self.assertIn("socket", self.http("/").body)
            unwell = world.miraclemax("check", "--health", check=False)
            self.assertEqual(unwell.returncode, 1, unwell.stdout)
        finally:
            world.service("start-service")
        wait_until(lambda: self.http("/healthz").status == 200, "a 200 again")

    def memory(self, which):
        with open(f"/proc/{self.pid()}/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith(which + ":"))  # KiB

    def test_crowd_of_slow_and_broken_clients(self):
        world = self.world
        world.volume("data", backup="true")
        with open(os.path.join(world.mountpoint("data"), "noise"), "wb") as file:
            file.write(os.urandom(30_000_000))
        self.writer("app", "data")
        self.serve()
        self.until_status(lambda status: True, "the status")
        world.backup()
        alone = self.timed_backup()
        with open(f"/proc/{self.pid()}/clear_refs", "w") as file:
            file.write("5")  # VmHWM begins anew
        calm = self.memory("VmHWM")
        crowd = self.beside("/usr/bin/python3", CROWD, "9847", "500", stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)
        try:
            self.assertEqual(crowd.stdout.readline(), "all there\n")
            crowded = self.timed_backup()
            # Somebody well-behaved still gets through, if it tries again.
            wait_until(lambda: (self.http("/healthz") or self).status in (200, 503), "an answer in the crowd", 120)
        finally:
            met = crowd.communicate("over\n", timeout=60)[0].strip()
        grown = self.memory("VmHWM") - calm
        print(f"    {met} connections: backup {crowded:.2f} s, alone {alone:.2f} s (x{crowded / alone:.2f}); "
              f"{calm} KiB, {grown} more", flush=True)
        self.assertGreaterEqual(int(met), 500)
        self.assertLess(grown, 20 * 1024)
        self.assertEqual(self.ended(code=0)[-1]["id"], world.newest())
        self.assertLess(len(os.listdir(f"/proc/{self.pid()}/fd")), 150)
        wait_until(lambda: self.http("/healthz").status == 200, "a healthy answer")
        world.check_everything()

    def timed_backup(self):
        began = time.monotonic()
        self.world.backup()
        return time.monotonic() - began


class Keeping:
    def test_old_ones_go_after_a_run(self):
        world = self.world
        world.volume("data", backup="true")
        self.writer("app", "data")
        self.serve(RETENTION_DAYS="0", RETENTION_LAST="0")
        made = []
        for _ in range(3):
            world.backup()
            made.append(os.readlink(os.path.join(world.backups, "latest")))
        first, second, third = made  # where the clock is set back meanwhile, their names have another order
        world.miraclemax("keep", first)
        one, two = (["MIRACLEMAX_RETENTION_LAST=" + number] for number in "12")
        told = json.loads(world.miraclemax("prune", "--dry-run", "--json", environment=one).stdout)
        self.assertEqual({each["id"]: each["keep"] for each in told["verdicts"]},
                         {first: True, second: False, third: True}, told)
        self.assertTrue(all(each["reason"] for each in told["verdicts"]), told)
        self.assertEqual((told["dry_run"], told["removed"]), (True, []))
        self.assertEqual(world.ids(), sorted(made))
        done = world.backup(environment=two)
        self.assertIn(f"removed {second}", done.stdout)
        newest = os.readlink(os.path.join(world.backups, "latest"))
        self.assertNotIn(newest, made)
        self.assertEqual(world.ids(), sorted([first, third, newest]))
        world.check_everything()
        world.miraclemax("keep", "--off", first)
        pruned = json.loads(world.miraclemax("prune", "--json", environment=two).stdout)
        self.assertEqual(pruned["removed"], [first])
        self.assertEqual(world.ids(), sorted([third, newest]))
        self.assertEqual([each for each in world.debris() if each != ".pinned"], [])
        self.assertEqual(os.listdir(os.path.join(world.backups, ".pinned")), [])
        # What went is on record; what somebody else removed is missed, until the user says that it is right.
        world.miraclemax("verify", "--all")
        shutil.rmtree(os.path.join(world.backups, third))
        missed = world.miraclemax("verify", "--all", check=False)
        self.assertEqual(missed.returncode, 13, missed.stdout)
        self.assertIn(f"{third}: is missing before {newest}", missed.stdout)
        world.miraclemax("prune", "--gone", third)
        world.miraclemax("verify", "--all")

    @unittest.skipUnless(LONG, "only in the long form")
    def test_failed_run_lets_nothing_go(self):
        world = self.world
        world.volume("data", backup="true", encryption="required")
        self.writer("app", "data")
        self.serve(RETENTION_DAYS="0", RETENTION_LAST="1")
        world.backup()
        (good,) = world.ids()
        world.drop_sidecar()
        world.sidecar(keys=False, environment={"RETENTION_DAYS": "0", "RETENTION_LAST": "1"})
        world.backup(code=1)
        world.miraclemax("prune")
        self.assertEqual(world.ids(), [good])
        self.assertEqual(os.readlink(os.path.join(world.backups, "latest")), good)


class Serve(Planned, NewConfiguration, Death, Http, Keeping, Serving):
    """All of them in one bed."""
