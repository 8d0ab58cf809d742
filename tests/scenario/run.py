"""Runs the scenario tests one after the other: run.py PROGRAM RESULTS.xml [NAME…]

Each test case has a podman bed of its own. The results are a JUnit file; one line a test goes to stdout.
"""
import os
import signal
import sys
import time
import traceback
import unittest
import xml.etree.ElementTree as tree

HERE = os.path.dirname(os.path.abspath(__file__))


class Result(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.suite = tree.Element("testsuite", name="scenario")

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()
        self.case = tree.SubElement(self.suite, "testcase", name=test.id(), status="run")

    def told(self, test, word):
        print(f"  {word:7} {test.id()} ({time.monotonic() - self.began:.1f} s)", flush=True)

    def addSuccess(self, test):
        self.told(test, "ok")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        if not hasattr(self, "case") or self.case.get("name") != test.id():
            self.case = tree.SubElement(self.suite, "testcase", name=test.id(), status="notrun")
            self.began = time.monotonic()
        tree.SubElement(self.case, "skipped", message=reason)
        self.told(test, "skipped")

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


def main():
    program, results, *names = sys.argv[1:]
    def end(*_):
        raise KeyboardInterrupt  # the one that no test runner swallows

    signal.signal(signal.SIGTERM, end)
    os.environ["MIRACLEMAX_PROGRAM"] = os.path.abspath(program)
    sys.path.insert(0, HERE)
    loader = unittest.TestLoader()
    suite = loader.loadTestsFromNames(names) if names else loader.discover(HERE, "test_*.py", HERE)
    result = Result()
    suite.run(result)
    tree.ElementTree(result.suite).write(results)
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
