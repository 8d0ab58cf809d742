"""The README says what the program does: endpoints, exit codes, labels, commands, the compose snippet.

readme_test.py [PROGRAM]: with the built program its commands are looked up too.
"""
import os
import re
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
wrong = []


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def same(what, told, true):
    if told != true:
        wrong.append(f"{what}: the README has {sorted(set(told) - set(true))} too much and lacks {sorted(set(true) - set(told))}")


readme = read("README.md")
same("endpoints", re.findall(r"^\| ([A-Z]+) \| `(libpod/[^`]+)` \|", readme, re.M),
     re.findall(r'\{"([A-Z]+)", "(libpod/[^"]+)"', read("src/podman/endpoints.cpp")))
same("exit codes", re.findall(r"^\| (\d+) \| ", readme, re.M), re.findall(r"^    \w+ = (\d+),", read("src/error.hpp"), re.M))
sources = "".join(read(os.path.join("src/component", name)) for name in os.listdir(os.path.join(ROOT, "src/component")))
for label in sorted(set(re.findall(r"`miraclemax\.([a-z.-]+)`", readme))):
    if f'"miraclemax.{label}"' not in sources and f'"{label}"' not in sources and label not in sources:
        wrong.append(f"label miraclemax.{label} is not known to src/component")

# Every line of the compose snippet stands in the file it is taken from, comments apart.
snippet = re.search(r"```yaml\n(services:\n.*?)```", readme, re.S).group(1)
file = {line.split(" #")[0].strip() for line in read("compose/miraclemax.yml").splitlines()}
for line in snippet.splitlines():
    if line.strip() and line.split(" #")[0].strip() not in file:
        wrong.append(f"compose/miraclemax.yml has no line {line.strip()!r}")

if len(sys.argv) > 1:
    verbs = set(re.findall(r"\bmiraclemax miraclemax ([a-z]+)", readme)) | set(re.findall(r"`miraclemax ([a-z]+)", readme))
    for verb in sorted(verbs):
        done = subprocess.run([sys.argv[1], verb, "--help"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode != 0:
            wrong.append(f"miraclemax {verb} --help ended with {done.returncode}")
for link in re.findall(r"\]\(([^)]+)\)", readme):
    if not os.path.exists(os.path.join(ROOT, link)):
        wrong.append(f"the link {link} leads nowhere")

for line in wrong:
    print(line)
print("readme: " + ("wrong" if wrong else "ok"))
sys.exit(1 if wrong else 0)
