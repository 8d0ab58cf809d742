#!/usr/bin/python3
"""compose/monitoring/ is right, and works: rules, runbook, dashboard, Prometheus, Alertmanager, the mail.

monitoring_test.py [PROGRAM]: with the built program the runbook's commands are looked up too. What needs promtool,
prometheus, amtool or prometheus-alertmanager (Debian's packages prometheus, prometheus-alertmanager) is left out,
and said so, where they are missing. All of it listens on 127.0.0.1 only and lives in a temporary folder.
"""
import base64
import glob
import http.server
import json
import os
import re
import shutil
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
HERE = os.path.join(ROOT, "compose", "monitoring")
PATIENCE = 90  # seconds until a server that is slow counts as one that hangs
PASSWORD = "not a secret"
wrong, skipped = [], []

# The seed's alerts and ours, with the worst severity that each has.
ALERTS = {
    "BackupFailed": "critical", "BackupStale": "warning", "BackupMetricsMissing": "warning",
    "BackupSizeAnomaly": "warning", "BackupDurationAnomaly": "warning", "FreezeTooLong": "warning",
    "ContainerNotBack": "critical", "TierLagging": "warning", "NotVerified": "critical", "KeyExpiring": "critical",
    "DiskFilling": "warning", "NotificationsFailing": "warning",
}


def read(*path):
    with open(os.path.join(HERE, *path), encoding="utf-8") as file:
        return file.read()


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def expect(true, sentence):
    if not true:
        wrong.append(sentence)
    return true


def tool(name, *arguments):
    """Runs one of Prometheus' own checkers in compose/monitoring."""
    if not shutil.which(name):
        skipped.append(f"{name} is not installed: {' '.join(arguments)}")
        return
    done = subprocess.run([name, *arguments], cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    expect(done.returncode == 0, f"{name} {' '.join(arguments)}:\n{done.stdout}")


# --- the rules and the runbook ---------------------------------------------------------------------------------

def anchors_of(markdown):
    headings = re.findall(r"^#+ (.+)$", markdown, re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def check_rules(program):
    rules, runbook = read("rules.yml"), read("runbook.md")
    anchors, found = anchors_of(runbook), {}
    tests = read("rules_test.yml") + read("rules_history_test.yml")
    for rule in re.split(r"^ +- alert: ", rules, flags=re.M)[1:]:
        name = rule.split(None, 1)[0]
        severity = re.search(r"severity: (\w+)", rule).group(1)
        found.setdefault(name, set()).add(severity)
        link = re.search(r'runbook_url: \'\{\{ or \$externalLabels\.runbook "([^"]+)" \}\}#([^\']+)\'', rule)
        if expect(link, f"{name} has no runbook_url of the usual form"):
            expect(os.path.isfile(os.path.join(ROOT, link.group(1))), f"{name}: {link.group(1)} is no file")
            expect(link.group(2) in anchors, f"{name}: runbook.md has no section #{link.group(2)}")
        for annotation in ("summary", "description", "reason", "logs"):
            expect(f" {annotation}: " in rule, f"{name} has no {annotation}")
    expect(set(found) == set(ALERTS), f"alerts: {sorted(set(found) ^ set(ALERTS))} are too much or missing")
    for name, severity in ALERTS.items():
        expect(severity in found.get(name, ()), f"{name} is never {severity}")
        fires = re.findall(rf"alertname: {name}\n +exp_alerts:", tests)
        silent = re.findall(rf"alertname: {name}\n(?! +exp_alerts:)", tests)
        expect(fires and len(silent) > 1, f"{name} is not tested to fire, to be silent and to recover")
    for anchor in re.findall(r"\]\(#([^)]+)\)", runbook):
        expect(anchor in anchors, f"runbook.md links to #{anchor}, which is not there")
    if program:
        for verb in sorted(set(re.findall(r"\bmiraclemax\s+miraclemax\s+([a-z]+)|`miraclemax\s+([a-z]+)", runbook + rules))):
            done = subprocess.run([program, verb[0] or verb[1], "--help"], stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, check=False)
            expect(done.returncode == 0, f"miraclemax {verb[0] or verb[1]} --help ended with {done.returncode}")


def check_compose():
    text = read("monitoring.yml")
    for path in re.findall(r"- \./monitoring/(\S+?):/", text):
        expect(path.startswith("secrets/") or os.path.exists(os.path.join(HERE, path)), f"monitoring.yml: no {path}")
    for port in re.findall(r'- "?([\d.:]*\d:\d+)"?$', text, re.M):
        expect(port.startswith("127.0.0.1:"), f"monitoring.yml publishes {port} on more than the loopback")
    for image in re.findall(r"image: (\S+)", text):
        expect(re.search(r":v?\d+\.\d", image), f"monitoring.yml: {image} names no version")


# --- the dashboard ---------------------------------------------------------------------------------------------

def known_metrics():
    """Every name that src/telemetry/metrics*.cpp can write: it puts them together from their parts."""
    sources = glob.glob(os.path.join(ROOT, "src", "telemetry", "metrics*.cpp"))
    parts = set()
    for path in sources:
        with open(path, encoding="utf-8") as file:
            parts |= set(re.findall(r'"([a-z][a-z_]*[a-z])"', file.read()))
    expect(sources and parts, "src/telemetry/metrics*.cpp has no names of metrics")
    prefixes = ("", "miraclemax_", "miraclemax_component_", "miraclemax_tier_")
    return {prefix + part for part in parts for prefix in prefixes if (prefix + part).startswith("miraclemax_")}


def targets_of(dashboard):
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield panel, target


def check_metric_names(dashboard):
    known = known_metrics()
    rules = re.sub(r"#.*", "", read("rules.yml"))
    rules = re.sub(r"- name: .*", "", rules)
    places = {"rules.yml": rules}
    for panel, target in targets_of(dashboard):
        places[f"dashboard, {panel['title']}"] = target["expr"]
    for variable in dashboard["templating"]["list"][1:]:
        places[f"dashboard, ${variable['name']}"] = variable["query"]["query"]
    for place, text in places.items():
        for name in sorted(set(re.findall(r"\bmiraclemax_\w+", text)) - known):
            wrong.append(f"{place}: nothing writes the metric {name}")


def overlap(one, other):
    return (one["x"] < other["x"] + other["w"] and other["x"] < one["x"] + one["w"]
            and one["y"] < other["y"] + other["h"] and other["y"] < one["y"] + one["h"])


def check_dashboard(dashboard):
    panels = dashboard["panels"]
    ids = [panel["id"] for panel in panels]
    titles = [panel["title"] for panel in panels]
    expect(len(ids) == len(set(ids)), "dashboard: two panels have one id")
    expect(len(titles) == len(set(titles)), "dashboard: two panels have one title")
    expect(dashboard["id"] is None and dashboard["uid"] == "miraclemax", "dashboard: id must be null, uid miraclemax")
    for number, panel in enumerate(panels):
        place = panel["gridPos"]
        expect(place["x"] + place["w"] <= 24 and min(place.values()) >= 0, f"dashboard: {panel['title']} is too wide")
        for other in panels[number + 1:]:
            expect(not overlap(place, other["gridPos"]), f"dashboard: {panel['title']} lies over {other['title']}")
        refs = [target["refId"] for target in panel.get("targets", [])]
        expect(len(refs) == len(set(refs)), f"dashboard: {panel['title']} has two queries of one name")
        expect(panel["description"], f"dashboard: {panel['title']} is not explained")
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    expect({"datasource", "instance", "component"} <= variables, "dashboard: a variable is missing")
    text = json.dumps(dashboard)
    for name in set(re.findall(r"\$\{?([a-z]\w*)", text)) - {"__all", "__rate_interval"}:
        expect(name in variables, f"dashboard: there is no variable ${name}")
    for panel, target in targets_of(dashboard):
        for source in (panel["datasource"], target["datasource"]):
            expect(source == {"type": "prometheus", "uid": "${datasource}"},
                   f"dashboard: {panel['title']} does not use the variable of the data source")
        expect("$instance" in target["expr"], f"dashboard: {panel['title']} does not heed $instance")


# --- servers of our own ----------------------------------------------------------------------------------------

def sample(success):
    """What a sidecar says, with every metric there is."""
    now = time.time()
    goldens = sorted(glob.glob(os.path.join(ROOT, "tests", "unit", "telemetry", "**", "*.prom"), recursive=True))
    if goldens:
        with open(goldens[0], encoding="utf-8") as file:
            text = file.read()
        text = re.sub(r"^miraclemax_backup_success .*$", f"miraclemax_backup_success {success}", text, flags=re.M)
        return re.sub(r"^miraclemax_last_run_exit_code .*$", "miraclemax_last_run_exit_code 8", text, flags=re.M)
    lines = ['build_info{version="1.0"} 1', f"backup_success {success}", f"backup_timestamp {now - 7200}",
             "backup_size_bytes 524288000", "backup_duration_seconds 487", "containers_not_restored 0",
             f"last_run_exit_code {0 if success else 8}", f'next_run_timestamp_seconds{{run="backup"}} {now + 3600}',
             f'key_expiry_timestamp_seconds{{fingerprint="6A1F"}} {now + 1e8}', 'key_usable{fingerprint="6A1F"} 1',
             "notifications_sent_total 3", "notifications_failed_total 0", "notifications_waiting 0"]
    for name, category in (("n8n", "databases"), ("web", "volumes")):
        label = f'component="{name}"'
        lines.append(f'component_last_good_timestamp_seconds{{{label},category="{category}"}} {now - 7200}')
        lines += [f"component_{what}{{{label}}} {value}" for what, value in (
            ("success", success), ("freeze_seconds", 0.02), ("stored_bytes", 2e8), ("read_bytes", 5e8), ("files", 1000),
            ("skipped_entries", 0), ("changed_entries", 1), ("verified_timestamp_seconds", now - 86400),
            ("verify_success", 1), ("restored_timestamp_seconds", now - 8640000))]
    lines += [f'tier_{what}{{tier="local"}} {value}' for what, value in (
        ("up", 1), ("backups", 30), ("stored_bytes", 1.5e10), ("free_bytes", 9e10), ("until_full_seconds", 7776000),
        ("newest_timestamp_seconds", now - 7200))]
    return "".join(f"miraclemax_{line}\n" for line in lines)


class Sidecar(http.server.BaseHTTPRequestHandler):
    success = 0

    def do_GET(self):
        body = sample(Sidecar.success).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Mailbox(socketserver.StreamRequestHandler):
    """As much of an SMTP server as Alertmanager needs; takes no mail without the right password."""
    mails = []

    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        known = False
        self.say("220 localhost")
        while line := self.rfile.readline():
            word, _, rest = line.decode(errors="replace").strip().partition(" ")
            if word.upper() == "EHLO":
                self.say("250-localhost\r\n250 AUTH PLAIN")
            elif word.upper() == "AUTH":
                known = base64.b64decode(rest.split()[-1]).decode().split("\0")[-1] == PASSWORD
                self.say("235 ok" if known else "535 wrong password")
            elif word.upper() == "DATA" and known:
                self.say("354 go on")
                body = iter(self.rfile.readline, b".\r\n")
                Mailbox.mails.append(b"".join(body).decode(errors="replace"))
                self.say("250 taken")
            elif word.upper() == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok" if known or word.upper() in ("HELO", "RSET", "NOOP") else "530 who are you")


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


def serve(handler):
    server = Server(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def free_port():
    with socketserver.TCPServer(("127.0.0.1", 0), None) as server:
        return server.server_address[1]


def get(port, path, **query):
    url = f"http://127.0.0.1:{port}{path}"
    if query:
        url += "?" + urllib.parse.urlencode(query, doseq=True)
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read().decode()


def until(what, seen):
    """Waits until seen() is true. Its trouble while a server comes up is no news."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            if result := seen():
                return result
        except (OSError, ValueError, KeyError):
            pass
        time.sleep(0.2)
    wrong.append(f"waited {PATIENCE} s in vain for {what}")
    return None


class Process:
    def __init__(self, folder, name, *arguments):
        with open(os.path.join(folder, name + ".log"), "wb") as self.log:
            self.process = subprocess.Popen([name, *arguments], cwd=folder, stdin=subprocess.DEVNULL, stdout=self.log,
                                            stderr=self.log)

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        with open(self.log.name, encoding="utf-8", errors="replace") as file:
            return file.read()


def changed(text, *changes):
    """The configuration as it is shipped, but for addresses and waiting times."""
    for old, new in changes:
        text, count = re.subn(old, new, text, flags=re.M)
        expect(count, f"the configuration has no {old!r}")
    return text


def start_prometheus(folder, sidecar, alertmanager):
    port = free_port()
    write(os.path.join(folder, "rules.yml"), changed(read("rules.yml"), (r"^    interval: 5m$", "    interval: 1s")))
    write(os.path.join(folder, "prometheus.yml"), changed(
        read("prometheus.yml"), (r"_interval: 1m", "_interval: 1s"), (r"miraclemax:9847", f"127.0.0.1:{sidecar}"),
        (r"alertmanager:9093", f"127.0.0.1:{alertmanager}")))
    return port, Process(folder, "prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=tsdb",
                         f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn")


def start_alertmanager(folder, port, mail):
    write(os.path.join(folder, "smtp_password"), PASSWORD)
    shutil.copy(os.path.join(HERE, "mail.tmpl"), folder)
    write(os.path.join(folder, "alertmanager.yml"), changed(
        read("alertmanager.yml"), (r"smtp_smarthost: \S+", f"smtp_smarthost: 127.0.0.1:{mail}"),
        (r"/run/secrets/smtp_password", os.path.join(folder, "smtp_password")),
        (r"smtp_require_tls: true", "smtp_require_tls: false"), (r"group_wait: \w+", "group_wait: 1s"),
        (r"group_interval: \w+", "group_interval: 1s")))
    return Process(folder, "prometheus-alertmanager", "--config.file=alertmanager.yml", "--storage.path=am",
                   "--cluster.listen-address=", f"--web.listen-address=127.0.0.1:{port}")


# --- the chain -------------------------------------------------------------------------------------------------

def check_queries(port, dashboard):
    """Every query of the dashboard returns data."""
    def ask(text):
        text = re.sub(r"\$\{?__rate_interval\}?", "5m", re.sub(r"\$(instance|component)\b", ".*", text))
        return json.loads(get(port, "/api/v1/query", query=text))

    for panel, target in targets_of(dashboard):
        where = f"dashboard, {panel['title']} {target['refId']}"
        try:
            answer = ask(target["expr"])
            expect(answer["status"] == "success" and answer["data"]["result"], f"{where}: no data: {target['expr']}")
        except OSError as error:
            wrong.append(f"{where}: {error}: {target['expr']}")
    for variable in dashboard["templating"]["list"][1:]:
        series, label = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"]).groups()
        series = series.replace("$instance", ".*")
        values = json.loads(get(port, f"/api/v1/label/{label}/values", **{"match[]": series}))["data"]
        expect(values, f"dashboard: ${variable['name']} has no values")


def check_rules_run(port):
    def evaluated():
        groups = json.loads(get(port, "/api/v1/rules"))["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]] if all(
            rule["health"] != "unknown" for group in groups for rule in group["rules"]) else None

    for rule in until("rules to be evaluated", evaluated) or []:
        expect(rule["health"] == "ok", f"{rule['name']}: {rule.get('lastError')}")


def check_mails():
    mail = until("the mail of a failed backup", lambda: next(iter(Mailbox.mails), None))
    Sidecar.success = 1
    over = until("the mail of the recovery", lambda: next((mail for mail in Mailbox.mails if "[over]" in mail), None))
    facts = {"Subject: [CRITICAL] BackupFailed on 127.0.0.1:": mail, "Auto-Submitted: auto-generated": mail,
             "Reason:      a key is missing, expired, revoked or unusable (exit code 8)": mail,
             "Last good:   20": mail, "What to do:": mail, "Logs:        podman logs": mail,
             "Runbook:     compose/monitoring/runbook.md#backupfailed": mail,
             "Subject: [over] BackupFailed": over, "Over since": over}
    for fact, text in facts.items():
        # Alertmanager writes quoted-printable: soft line breaks go, =3D is =.
        plain = (text or "").replace("=\r\n", "").replace("=3D", "=")
        expect(text is None or fact in plain, f"the mail lacks {fact!r}:\n{plain}")
    expect(not any("<no value>" in each or "<error" in each for each in Mailbox.mails), "a mail has an empty fact")


def check_chain(dashboard):
    if not shutil.which("prometheus"):
        skipped.append("prometheus is not installed: the dashboard's queries")
        return
    mails = shutil.which("prometheus-alertmanager")
    if not mails:
        skipped.append("prometheus-alertmanager is not installed: the mails")
    sidecar, mail, processes = serve(Sidecar), serve(Mailbox), []
    with tempfile.TemporaryDirectory(prefix="miraclemax-monitoring-") as folder:
        try:
            alertmanager = free_port()
            if mails:
                processes.append(start_alertmanager(folder, alertmanager, mail.server_address[1]))
            port, prometheus = start_prometheus(folder, sidecar.server_address[1], alertmanager)
            processes.append(prometheus)
            scraped = 'count_over_time(up{job="miraclemax"}[1m]) > 3'
            if until("prometheus to scrape", lambda: json.loads(
                    get(port, "/api/v1/query", query=scraped))["data"]["result"]):
                check_queries(port, dashboard)
                check_rules_run(port)
                if mails:
                    check_mails()
        finally:
            logs = [process.end() for process in processes]
            sidecar.shutdown()
            mail.shutdown()
    if wrong:
        print("\n".join(log[-3000:] for log in logs))


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else None
    dashboard = json.loads(read("grafana", "dashboards", "miraclemax.json"))
    check_rules(program)
    check_compose()
    check_dashboard(dashboard)
    check_metric_names(dashboard)
    tool("promtool", "check", "config", "prometheus.yml")
    tool("promtool", "test", "rules", "rules_test.yml", "rules_history_test.yml")
    tool("amtool", "check-config", "alertmanager.yml")
    check_chain(dashboard)
    for line in skipped:
        print("skipped:", line)
    for line in wrong:
        print(line)
    print("monitoring: " + ("wrong" if wrong else "ok"))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
