#!/usr/bin/python3
"""Holds the includes of src/ against the arrows that src/CMakeLists.txt allows (add_room … USES).

A room may include itself, the rooms it uses and what these use; error.hpp is everybody's. Also told: cycles,
files that are too long, names that say nothing. Usage: includes_test.py [repository]."""
import pathlib
import re
import sys

TOLD, FAILED = 300, 400  # lines
EMPTY_NAMES = {"util", "utils", "common", "helper", "helpers", "manager", "managers", "misc"}
KEYWORDS = {"USES", "LIBRARIES"}


def rooms_of(cmake):
    rooms = {}
    for body in re.findall(r"^add_room\(([^)]*)\)", re.sub(r"#.*", "", cmake), re.M):
        name, *words = body.split()
        uses, taking = set(), None
        for word in words:
            if word in KEYWORDS:
                taking = word
            elif taking == "USES":
                uses.add(word)
        rooms[name] = uses
    return rooms


def reachable(rooms, start):
    seen, rest = set(), list(rooms.get(start, ()))
    while rest:
        room = rest.pop()
        if room not in seen:
            seen.add(room)
            rest.extend(rooms.get(room, ()))
    return seen


def cycle(arrows):
    """A cycle as a list of rooms, or None."""
    done = set()

    def walk(room, path):
        if room in path:
            return path[path.index(room):] + [room]
        if room in done:
            return None
        for after in sorted(arrows.get(room, ())):
            if found := walk(after, path + [room]):
                return found
        done.add(room)
        return None

    for room in sorted(arrows):
        if found := walk(room, []):
            return found
    return None


def check_file(path, source, rooms, allowed, arrows, problems):
    inside = path.relative_to(source)
    room = inside.parts[0] if len(inside.parts) > 1 else None
    lines = path.read_text(errors="replace").splitlines()
    if len(lines) > FAILED:
        problems.append(f"{inside}: {len(lines)} lines, more than {FAILED}: split it")
    elif len(lines) > TOLD:
        print(f"warning: {inside}: {len(lines)} lines, about {TOLD} is the limit")
    if set(re.split(r"[_-]", path.stem)) & EMPTY_NAMES:
        problems.append(f"{inside}: the name says nothing about what is in it")
    if room is not None and room not in rooms:
        problems.append(f"{inside}: src/CMakeLists.txt knows no room {room}")
    for number, line in enumerate(lines, 1):
        include = re.match(r'\s*#\s*include\s*"([^"]+)"', line)
        if not include:
            continue
        target = include[1]
        if not (source / target).is_file():
            problems.append(f'{inside}:{number}: "{target}" is no file of src/: write "room/file.hpp"')
            continue
        other = target.split("/")[0] if "/" in target else None
        if other is None:
            if target != "error.hpp":
                problems.append(f"{inside}:{number}: only error.hpp belongs to no room, not {target}")
        elif room is None:
            if inside.name != "main.cpp":
                problems.append(f"{inside}:{number}: includes {target}, and belongs to everybody")
        elif other != room:
            if other == "config":
                problems.append(f"{inside}:{number}: includes {target}: only main.cpp sees config")
            elif other not in allowed.get(room, set()):
                problems.append(f"{inside}:{number}: includes {target}, but {room} may not use {other}")
            arrows.setdefault(room, set()).add(other)


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent)
    source = root / "src"
    rooms = rooms_of((source / "CMakeLists.txt").read_text())
    problems, arrows = [], {}
    if not rooms:
        problems.append("src/CMakeLists.txt: no add_room found")
    for room, uses in rooms.items():
        for other in sorted(uses - set(rooms)):
            problems.append(f"src/CMakeLists.txt: {room} uses {other}, which is no room")
    if found := cycle(rooms):
        problems.append("src/CMakeLists.txt: a cycle: " + " -> ".join(found))
    allowed = {room: reachable(rooms, room) for room in rooms}
    for path in sorted(source.rglob("*")):
        if path.suffix in {".cpp", ".hpp", ".h", ".cc"}:
            check_file(path, source, rooms, allowed, arrows, problems)
    if found := cycle(arrows):
        problems.append("the includes make a cycle: " + " -> ".join(found))
    for problem in problems:
        print(f"includes: {problem}", file=sys.stderr)
    if problems:
        return 1
    print("includes: ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
