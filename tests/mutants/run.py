"""Which changes does no test notice? `run.py CRATE WORK JOBS FILTER…`, with `DATABASE_URL`.

`CRATE` is a copy of the crate in which files may be written, `WORK/changes.json` what
`cargo mutants --list --json` says of it. All changes are built at once (`switches.py`); each
is then switched on for the tests that reach it, those first that noticed a change of the same
file and then the quickest, until one fails. Of the integration tests those count whose names
begin with a FILTER.
"""

import collections
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

import switches

CRATE, WORK, JOBS = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
FILTERS = tuple(sys.argv[4:])
CARGO = ["--locked", "--features", "demo", "--message-format", "json"]


def say(*words):
    print(time.strftime("%H:%M:%S"), *words, flush=True)


def cargo(*words):
    command = ["cargo", *words, *CARGO]
    done = subprocess.run(command, cwd=CRATE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith(b"{")]


def blamed(message):
    """The changes in which the compiler's error lies."""
    for span in message["spans"]:
        path = CRATE / span["file_name"]
        text = path.read_bytes() if path.is_file() else b""
        for found in re.finditer(rb"/\*<(\d+)\*/.*?/\*\1>\*/", text, re.DOTALL):
            if found.start() <= span["byte_start"] and span["byte_end"] <= found.end():
                yield int(found[1])


def build(changes):
    """Switches and builds; gives the tests' programs and the numbers that are in there."""
    original = WORK / "src"
    shutil.rmtree(original, ignore_errors=True)
    shutil.copytree(CRATE / "src", original)
    dropped = set()
    while True:
        shutil.rmtree(CRATE / "src")
        shutil.copytree(original, CRATE / "src")
        missing = switches.write(WORK, CRATE, changes, dropped)
        said = [m["message"] for m in cargo("check", "--lib") if m["reason"] == "compiler-message"]
        errors = [m for m in said if m["level"] == "error"]
        if not errors:
            break
        more = {number for error in errors for number in blamed(error)}
        if not more:
            sys.exit("cannot be built:\n" + errors[0]["rendered"])
        dropped |= more
    for number in sorted(missing - dropped):
        say("not switched, try it by hand:", changes[number]["name"])
    say(len(changes) - len(missing), "changes,", len(dropped), "that do not compile; building")
    built = cargo("test", "--no-run", "--lib", "--bins", "--test", "it")
    programs = {
        m["target"]["name"]: m["executable"]
        for m in built
        if m.get("executable") and m["profile"]["test"] and m["target"]["kind"] != ["bin"]
    }
    return programs, [n for n in range(len(changes)) if n not in missing]


def run(program, tests, seconds, **variables):
    """`None` when all of them pass, or what did not."""
    command = [program, "--exact", "--test-threads", "2", *tests]
    environment = os.environ | variables
    try:
        done = subprocess.run(
            command, cwd=CRATE, env=environment, capture_output=True, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        return "it took too long"
    if done.returncode == 0:
        return None
    failed = re.findall(r"^test (\S+) \.\.\. FAILED", done.stdout.decode(errors="replace"), re.M)
    return failed[0] if failed else f"it ended with {done.returncode}"


def sweep():
    """Drops what databases the tests have left; those in use cannot be dropped."""
    if not shutil.which("psql"):
        return
    psql = ["psql", "-XqtA", os.environ["DATABASE_URL"]]
    listed = "SELECT 'DROP DATABASE ' || datname || ';' FROM pg_database WHERE datname LIKE 'test_%'"
    # The newest may be of a test that has not connected yet.
    listed += " ORDER BY oid DESC OFFSET 20"
    drops = subprocess.run([*psql, "-c", listed], capture_output=True).stdout
    subprocess.run(psql, input=drops, capture_output=True)


def reach(programs, pool):
    """For each change the tests that reach it: seconds, program, name."""
    tests = []
    for name, program in programs.items():
        listed = subprocess.run([program, "--list"], capture_output=True, text=True).stdout
        names = re.findall(r"^(\S+): test$", listed, re.M)
        if name == "it":
            names = [n for n in names if n.startswith(FILTERS)]
        tests += [(program, n) for n in names]

    def trace(number_test):
        number, (program, test) = number_test
        file = WORK / f"reached.{number}"
        file.unlink(missing_ok=True)
        begun = time.monotonic()
        failed = run(program, [test], 300, MUTANTS_REACHED=str(file))
        took = time.monotonic() - begun
        reached = file.read_text().split() if file.exists() else []
        file.unlink(missing_ok=True)
        if number % 50 == 0:
            sweep()
        if failed:
            say("left out, fails without any change:", test)
            return []
        return [(int(change), (took, program, test)) for change in set(reached)]

    found = collections.defaultdict(list)
    for reached in pool.map(trace, enumerate(tests)):
        for change, test in reached:
            found[change].append(test)
    say(len(tests), "tests traced")
    return found


def noticed(number, tests, well_known):
    """Who notices the change. `well_known`: how many of the same file each test has noticed."""
    at, bundle = 0, 4
    tests = sorted(tests, key=lambda test: (-well_known[test[2]], test))
    while at < len(tests):
        some = tests[at : at + bundle]
        for program in dict.fromkeys(test[1] for test in some):
            own = [test for test in some if test[1] == program]
            seconds = 30 + 6 * sum(test[0] for test in own)
            failed = run(program, [test[2] for test in own], seconds, MUTANT=str(number))
            if failed:
                well_known[failed] += 1
                return failed
        at, bundle = at + bundle, bundle * 2
    return None


def main():
    changes = json.loads((WORK / "changes.json").read_text())
    programs, numbers = build(changes)
    survivors = []
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        tests = reach(programs, pool)
        well_known = collections.defaultdict(collections.Counter)
        todo = {
            pool.submit(noticed, number, tests[number], well_known[changes[number]["file"]]): number
            for number in numbers
        }
        for done, future in enumerate(concurrent.futures.as_completed(todo), 1):
            number = todo[future]
            if future.result() is None:
                survivors.append(changes[number]["name"])
                reached = len(tests[number])
                say("NOT NOTICED", changes[number]["name"], f"({reached} tests reach it)")
            if done % 50 == 0:
                say(done, "of", len(numbers))
                sweep()
    (WORK / "not-noticed").write_text("".join(f"{name}\n" for name in sorted(survivors)))
    say(len(numbers) - len(survivors), "noticed,", len(survivors), "not")
    sys.exit(1 if survivors else 0)


main()
