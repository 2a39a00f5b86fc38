#!/usr/bin/env python3
"""Counts the instructions of the pure core's hot functions, by callgrind, and compares them with a table.

    bench/instructions.py PROGRAM --write    writes bench/instructions.md
    bench/instructions.py PROGRAM --check    exits with 1 if a function takes over 5 % more than in the table

PROGRAM is the example `instructions`, built as in scripts/bench. Each function runs two different numbers of times, and
the difference counts, which excludes the start. The counts depend on the compiler, the C library and the processor: AVX
and similar features are hidden from the C library, and nothing is compared if compiler, library or architecture differ
from the table's.
"""

import os
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path

TABLE = Path(__file__).with_name("instructions.md")
TOLERANCE = 0.05
FEW, MANY = 100, 600
# Features by which the C library would choose its string functions.
TUNABLES = "glibc.cpu.hwcaps=-AVX,-AVX2,-AVX_Fast_Unaligned_Load,-AVX512F,-AVX512VL,-AVX512BW,-ERMS,-FSRM,-BMI2"


def instructions(program, name, times):
    """The number of instructions of a run."""
    with tempfile.TemporaryDirectory() as folder:
        out = f"--callgrind-out-file={folder}/out"
        run = subprocess.run(
            ["valgrind", "--tool=callgrind", out, program, name, str(times)],
            env={"PATH": os.environ["PATH"], "GLIBC_TUNABLES": TUNABLES},
            capture_output=True,
            text=True,
        )
    found = re.search(r"Collected : (\d+)", run.stderr)
    if run.returncode or not found:
        sys.exit(f"valgrind failed: {run.stderr}")
    return int(found[1])


def count(program):
    names = subprocess.run([program], capture_output=True, text=True, check=True).stdout.splitlines()
    each = lambda name: (instructions(program, name, MANY) - instructions(program, name, FEW)) // (MANY - FEW)
    return {name: each(name) for name in names}


def made_with():
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return f"{rustc}, {' '.join(platform.libc_ver())}, {platform.machine()}"


def write(counts):
    rows = "".join(f"| {name} | {number} |\n" for name, number in counts.items())
    TABLE.write_text(
        "# Instructions of the pure core\n\nWritten by `scripts/bench --count`, compared by `scripts/bench --check`.\n\n"
        f"{made_with()}\n\n| what | instructions |\n| --- | --- |\n{rows}"
    )


def check(counts):
    """Returns whether no function has become slower."""
    text = TABLE.read_text()
    if made_with() not in text.splitlines():
        print(f"SKIPPED: the comparison of instructions: bench/instructions.md was not measured with {made_with()}")
        return True
    table = {name: int(number) for name, number in re.findall(r"^\| (.+) \| (\d+) \|$", text, re.M)}
    good = table.keys() == counts.keys()
    if not good:
        print("bench/instructions.md has other functions; rewrite it with: scripts/bench --count")
    for name in table.keys() & counts.keys():
        change = counts[name] / table[name] - 1
        if abs(change) > TOLERANCE:
            print(f"{name}: {counts[name]} instructions, {change:+.1%} compared with {table[name]}")
        good = good and change <= TOLERANCE
    return good


program, option = sys.argv[1:]
counts = count(program)
if option == "--write":
    write(counts)
elif not check(counts):
    sys.exit("instructions: slower than bench/instructions.md; to accept that, run: scripts/bench --count")
