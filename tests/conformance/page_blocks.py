"""The blocks of commands of a page, and a terminal that they are pasted into.

A block is a fence of `sh` or `bash`. One that can't run here has a comment directly above it, which the reader of the
source sees: `<!-- not run: it deploys to AWS -->`.

The terminal is bash in a copy of the repository's folder, with the programs that the tests have built: `cargo run --` and
`longhaul` are the built binary, and `cargo build` checks that what it would build is there. `up` takes free ports, and
their addresses replace those of the page.
"""

import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from cloud import PROGRAM, ROOT

MAX_WAIT = 90
PART = re.compile(r"^#+ ([^\n]+)$|^(?: *<!-- not run: ([^\n]+) -->\n)? *```(\w*)\n(.*?)^ *```$", re.M | re.S)
PROGRAMS = {
    "longhaul": f'[ "$1" != up ] || set -- "$@" --port 0 --aws-port 0\nexec "{PROGRAM}" "$@"',
    "cargo": 'case "$1" in\n    run) while [ "$1" != -- ]; do shift; done; shift; exec longhaul "$@" ;;\n'
    '    build) exec test -x target/debug/examples/python -a -x target/debug/examples/word_count ;;\n'
    '    *) echo "no page says cargo $1" >&2; exit 2 ;;\nesac',
}


@dataclass
class Block:
    """`heading` is the one that it stands under, `reason` why it is not run, if it is not."""

    page: str
    heading: str
    reason: str | None
    text: str

    def starts_the_cloud(self):
        return re.search(r"^(?:cargo run -- |longhaul )up\b", self.text, re.M) is not None


def blocks(page):
    """The blocks of a page, in its order."""
    found, heading = [], ""
    for part in PART.finditer((ROOT / page).read_text()):
        if part[1]:
            heading = part[1]
        elif part[3] in ("sh", "bash"):
            found.append(Block(page, heading, part[2], part[4]))
    return found


class Terminal:
    """Bash that keeps its variables from block to block, and one embedded cloud."""

    def __init__(self, folder: Path):
        self.folder, self.cloud, self.addresses = folder / "longhaul", None, {}
        self.exported = folder / "exported"
        self.exported.write_text("")
        programs = folder / "bin"
        for made in [self.folder, programs]:
            made.mkdir()
        for name, text in PROGRAMS.items():
            (programs / name).write_text(f"#!/bin/sh\n{text}\n")
            (programs / name).chmod(0o755)
        for path in ROOT.iterdir():
            if path.name not in [".longhaul", "target", ".git"]:
                (self.folder / path.name).symlink_to(path)
        (self.folder / "target").symlink_to(PROGRAM.parents[1])
        known = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        # The tools beside this Python, and no settings of the caller.
        path = f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.environment = known | {"PATH": path, "AWS_CONFIG_FILE": os.devnull}

    def paste(self, text):
        """Runs a block, and returns what it printed. A command that fails ends it."""
        for written, actual in self.addresses.items():
            text = text.replace(written, actual)
        script = f"set -euao pipefail\n. {self.exported}\n{text}\nexport -p >{self.exported}\n"
        done = subprocess.run(["bash", "-c", script], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=MAX_WAIT)
        assert done.returncode == 0, f"{text}\nended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def start(self, text):
        """Runs a block that ends with `up`, until that is ready; it goes on in another terminal."""
        script = f"set -euo pipefail\n{text}"
        with open(self.folder.parent / "up.log", "ab") as log:
            self.cloud = subprocess.Popen(["bash", "-c", script], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
                                          stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True)
        printed = ""
        for line in self.cloud.stdout:
            printed += line
            for word, port in [("AWS ", 4566), ("WebSocket ", 3001)]:
                if line.startswith(word):
                    self.addresses[f"localhost:{port}"] = line.split()[1].split("://")[1]
            if line.strip() == "READY":
                return printed
        raise AssertionError(f"{text}\nended before READY:\n{printed}\n{(self.folder.parent / 'up.log').read_text()}")

    def stop(self):
        """Ctrl-C in the terminal of `up`."""
        if self.cloud:
            os.killpg(self.cloud.pid, signal.SIGINT)
            self.cloud.wait(timeout=MAX_WAIT)
            self.cloud.stdout.close()
            self.cloud = None
            self.addresses = {}

    def read(self, page):
        """Pastes every block of a page, in order, and returns what each that ran has printed. An embedded cloud that a block
        starts is stopped at the next heading."""
        printed, heading = [], None
        for block in blocks(page):
            if block.reason:
                continue
            if heading not in (None, block.heading):
                self.stop()
                heading = None
            if block.starts_the_cloud():
                heading = block.heading
                printed.append(self.start(block.text))
            else:
                printed.append(self.paste(block.text))
        return printed
