"""Runs the scenario tests: run.py [--jobs N] PROGRAM RESULTS.xml [NAME…]

Each test case has a podman bed of its own, so N of them can be run beside each other; those of one class are run
one after the other. The results are a JUnit file; one line a test goes to stdout.
"""
import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import unittest
import xml.etree.ElementTree as tree

HERE = os.path.dirname(os.path.abspath(__file__))
LONGEST = ("test_restore_points", "test_restore_interrupted", "test_changing", "test_faults")  # at the end they would run alone


class Result(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.suite = tree.Element("testsuite", name="scenario")

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()
        self.case = tree.SubElement(self.suite, "testcase", name=test.id(), status="run")

    def told(self, test, word, why=""):
        print(f"  {word:7} {test.id()} ({why or f'{time.monotonic() - self.began:.1f} s'})", flush=True)

    def addSuccess(self, test):
        self.told(test, "ok")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        if not hasattr(self, "case") or self.case.get("name") != test.id():
            self.case = tree.SubElement(self.suite, "testcase", name=test.id(), status="notrun")
            self.began = time.monotonic()
        tree.SubElement(self.case, "skipped", message=reason)
        self.told(test, "skipped", reason)

    def failed(self, test, error):
        if not hasattr(self, "case") or self.case.get("name") != test.id():  # setUpClass
            self.case = tree.SubElement(self.suite, "testcase", name=test.id(), status="fail")
            self.began = time.monotonic()
        text = "".join(traceback.format_exception(*error))
        tree.SubElement(self.case, "failure").text = text.encode("ascii", "backslashreplace").decode()
        self.told(test, "FAILED")
        print(text, flush=True)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.failed(test, error)

    def addError(self, test, error):
        super().addError(test, error)
        self.failed(test, error)

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            self.failed(test, error)


class Beside:
    """Gives each class of tests to a process of its own, `jobs` at a time, and says what each said when it ends."""

    def __init__(self, program, jobs, folder):
        self.program, self.jobs, self.folder = program, jobs, folder
        self.running = {}
        self.results = tree.Element("testsuite", name="scenario")

    def start(self, name, tests):
        said = open(os.path.join(self.folder, name + ".log"), "w+", encoding="utf-8", errors="replace")
        command = [sys.executable, os.path.abspath(__file__), self.program, self.results_of(name), *tests]
        self.running[name] = (subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT), said)

    def results_of(self, name):
        return os.path.join(self.folder, name + ".xml")

    def end(self, name):
        process, said = self.running.pop(name)
        said.seek(0)
        print(said.read(), end="", flush=True)
        said.close()
        try:
            self.results.extend(tree.parse(self.results_of(name)).getroot())
        except (OSError, tree.ParseError):
            case = tree.SubElement(self.results, "testcase", name=name, status="fail")
            tree.SubElement(case, "failure").text = f"ended without results, exit code {process.returncode}"

    def run(self, groups):
        waiting = sorted(groups.items(), key=lambda each: not each[0].startswith(LONGEST))
        try:
            while waiting or self.running:
                while waiting and len(self.running) < self.jobs:
                    self.start(*waiting.pop(0))
                for name in [each for each, (process, _) in self.running.items() if process.poll() is not None]:
                    self.end(name)
                time.sleep(0.1)
        finally:
            for process, _ in self.running.values():
                process.terminate()
            for process, _ in self.running.values():
                process.wait()
        return all(case.find("failure") is None for case in self.results)


def by_class(suite):
    """{class: names of its tests, for the loader}, in the suite's order."""
    groups = {}
    for each in suite:
        if isinstance(each, unittest.TestSuite):
            for name, tests in by_class(each).items():
                groups.setdefault(name, []).extend(tests)
        elif each.id().startswith("unittest."):  # can't be imported: its process says why
            groups[each.id().rpartition(".")[2]] = [each.id().rpartition(".")[2]]
        else:
            groups.setdefault(each.id().rpartition(".")[0], []).append(each.id())
    return groups


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("program")
    parser.add_argument("results")
    parser.add_argument("names", nargs="*")
    wish = parser.parse_args()

    def end(*_):
        raise KeyboardInterrupt  # the one that no test runner swallows

    signal.signal(signal.SIGTERM, end)
    os.environ["MIRACLEMAX_PROGRAM"] = os.path.abspath(wish.program)
    sys.path.insert(0, HERE)
    loader = unittest.TestLoader()
    suite = loader.loadTestsFromNames(wish.names) if wish.names else loader.discover(HERE, "test_*.py", HERE)
    if wish.jobs > 1:
        with tempfile.TemporaryDirectory() as folder:
            beside = Beside(wish.program, wish.jobs, folder)
            good = beside.run(by_class(suite))
        tree.ElementTree(beside.results).write(wish.results)
        return 0 if good else 1
    result = Result()
    suite.run(result)
    tree.ElementTree(result.suite).write(wish.results)
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
