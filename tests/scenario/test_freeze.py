"""What is frozen, how, in which order; and that everything is as it was."""
import json
import os
import time
from urllib.parse import quote

from world import Scenario, UnixHTTP


class Freeze(Scenario):
    def events(self, since):
        """(action, container) in order, as podman itself tells them."""
        path = f"events?stream=false&since={since // 10**9}&filters=" + quote('{"type":["container"]}')
        connection = UnixHTTP(self.world.socket)
        connection.request("GET", "/v4.0.0/libpod/" + path)
        text = connection.getresponse().read().decode()
        connection.close()
        events = [json.loads(line) for line in text.splitlines()]
        return [(event["Action"], event["Actor"]["Attributes"]["name"]) for event in events
                if event["timeNano"] > since]

    def how(self, component):
        return {each["name"]: each["how"] for each in self.world.record(component, self.world.newest())["freeze"]["containers"]}

    def test_pause_and_readers(self):
        world = self.world
        world.volume("data", backup="true")
        world.writer("writer", "data")
        world.app("reader", "-v", "data:/data:ro")
        world.app("sleeping", "-v", "data:/data")
        world.podman("pause", "sleeping")
        world.app("ended", "-v", "data:/data", command=("true",))
        world.sidecar()
        before = world.containers()
        world.backup()
        self.assertEqual(world.containers(), before)
        self.assertEqual(self.how("data"), {"writer": "pause"})
        record = world.record("data")
        self.assertEqual(record["entries"]["changed"], 0)
        self.assertGreater(record["freeze"]["containers"][0]["milliseconds"], 0)

    def test_stop_in_order(self):
        world = self.world
        world.volume("data", backup="true", quiesce="stop")
        world.app("db", "-v", "data:/data")
        world.app("app", "--requires", "db", "-v", "data:/data")
        world.app("front", "--requires", "app", "-v", "data:/data")
        world.sidecar()
        before = world.states()
        since = time.time_ns()
        world.backup()
        self.assertEqual(world.states(), before)
        self.assertEqual(self.how("data"), {"front": "stop", "app": "stop", "db": "stop"})
        names = ("front", "app", "db")
        acts = [event for event in self.events(since) if event[1] in names]
        died = [name for action, name in acts if action in ("died", "die")]
        started = [name for action, name in acts if action == "start"]
        self.assertEqual(died, ["front", "app", "db"])
        self.assertEqual(started, ["db", "app", "front"])

    def test_none(self):
        world = self.world
        world.volume("data", backup="true", quiesce="none")
        world.app("app", "-v", "data:/data")
        world.sidecar()
        since = time.time_ns()
        before = world.containers()
        world.backup()
        self.assertEqual(world.containers(), before)
        self.assertEqual(self.how("data"), {})
        self.assertNotIn("pause", [action for action, _ in self.events(since)])

    def test_auto_remove_is_paused_and_never_stopped(self):
        world = self.world
        world.volume("data", backup="true")
        world.volume("other", backup="true", quiesce="stop")
        world.app("quadlet", "--rm", "-v", "data:/data")
        world.app("quadlet2", "--rm", "-v", "other:/data")
        world.sidecar()
        before = world.containers()
        world.backup(code=3)
        self.assertEqual(world.containers(), before)
        self.assertEqual(self.how("data"), {"quadlet": "pause"})
        (failed,) = world.manifest(world.ids()[-1])["failed"]
        self.assertEqual(failed["name"], "other")
        self.assertIn("quadlet2", failed["reason"])
        planned = world.miraclemax("plan", check=False)
        self.assertEqual(planned.returncode, 3)
        self.assertIn("quadlet2", planned.stdout)

    def test_shared_volumes_are_one_group(self):
        world = self.world
        for name in ("one", "two", "three"):
            world.volume(name, backup="true")
        world.app("a", "-v", "one:/1", "-v", "two:/2")
        world.app("b", "-v", "two:/2")
        world.app("c", "-v", "three:/3")
        world.sidecar()
        before = world.containers()
        world.backup()
        self.assertEqual(world.containers(), before)
        self.assertEqual(self.how("one"), {"a": "pause", "b": "pause"})
        self.assertEqual(world.record("one")["freeze"]["group"], world.record("two")["freeze"]["group"])
        self.assertEqual(self.how("three"), {"c": "pause"})

    def test_hooks(self):
        world = self.world
        world.volume("data", backup="true")
        world.app("db", "-v", "data:/data",
                  labels={"hook.before": json.dumps(["sh", "-c", "echo before >> /data/hooks"]),
                          "hook.after": json.dumps(["sh", "-c", "echo after >> /data/hooks"])})
        world.sidecar()
        world.backup()
        with open(os.path.join(world.extract("data"), "hooks")) as file:
            self.assertEqual(file.read(), "before\n")
        with open(os.path.join(world.mountpoint("data"), "hooks")) as file:
            self.assertEqual(file.read(), "before\nafter\n")
        world.app("bad", "-v", "data:/data", labels={"hook.before": json.dumps(["false"])})
        before = world.containers()
        world.backup(code=1)
        self.assertEqual(world.containers(), before)

    def test_max_freeze(self):
        world = self.world
        world.volume("slow", backup="true", max_freeze="1ms")
        world.volume("fine", backup="true")
        world.writer("a", "slow")
        world.writer("b", "fine")
        world.sidecar()
        before = world.containers()
        world.backup(code=3)
        self.assertEqual(world.containers(), before)
        manifest = world.manifest(world.ids()[-1])
        self.assertEqual([each["name"] for each in manifest["failed"]], ["slow"])
        self.assertEqual([each["name"] for each in manifest["components"]], ["fine"])
        self.assertIn("max-freeze", manifest["failed"][0]["reason"])
