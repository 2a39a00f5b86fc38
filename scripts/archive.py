"""Packs the program `longhaul` of one target, with all that it needs to run outside of this source tree.

    archive.py TARGET PROGRAM FOLDER

Writes FOLDER/longhaul-VERSION-TARGET.tar.gz and, beside it, the program's bill of materials (CycloneDX). The archive is
unpacked into a prefix such as /usr/local: it has bin/, the template and the console in share/longhaul/, and where shells
and `man` look for them the completions and manual pages, which PROGRAM prints: so it has to run on this machine. The
console has to be built (`npm run build` in web/console). The same inputs give the same bytes.
"""

import gzip
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path

from pack import bill_of_materials

ROOT = Path(__file__).resolve().parents[1]
CRATE = "longhaul"
SHARED = ["cloudformation/template.yaml", "web/console/dist"]
COMPLETIONS = {
    "bash": "share/bash-completion/completions/longhaul",
    "fish": "share/fish/vendor_completions.d/longhaul.fish",
    "zsh": "share/zsh/site-functions/_longhaul",
}


def main(target, program, folder):
    name = f"longhaul-{output('scripts/version').strip()}-{target}"
    sbom = (json.dumps(bill(target), indent=1, sort_keys=True) + "\n").encode()
    packed = {"bin/longhaul": (0o755, Path(program).read_bytes())}
    for path in [found for given in SHARED for found in files(ROOT / given)]:
        packed[f"share/longhaul/{path.relative_to(ROOT).as_posix()}"] = (0o644, path.read_bytes())
    for document in ["LICENSE", "README.md", "CHANGELOG.md"]:
        packed[f"share/doc/longhaul/{document}"] = (0o644, (ROOT / document).read_bytes())
    packed["share/doc/longhaul/sbom.cdx.json"] = (0o644, sbom)
    program = Path(program).resolve()
    for shell, path in COMPLETIONS.items():
        packed[path] = (0o644, output(program, "completions", shell).encode())
    with tempfile.TemporaryDirectory() as pages:
        output(program, "man", "--out", pages)
        for page in Path(pages).iterdir():
            packed[f"share/man/man1/{page.name}"] = (0o644, page.read_bytes())

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.cdx.json").write_bytes(sbom)
    # Neither the compressor's header nor an entry has a time or a user.
    with open(folder / f"{name}.tar.gz", "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as compressed:
        with tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for path, (mode, data) in sorted(packed.items()):
                entry = tarfile.TarInfo(f"{name}/{path}")
                entry.mode, entry.size = mode, len(data)
                archive.addfile(entry, io.BytesIO(data))
    print(folder / f"{name}.tar.gz")


def files(path):
    """The file itself, or all files of a folder."""
    found = [path] if path.is_file() else sorted(inner for inner in path.rglob("*") if inner.is_file())
    if not found:
        sys.exit(f"archive.py: {path} is missing; web/console is built with: npm ci && npm run build")
    return found


def bill(target):
    metadata = output("cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", target)
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    return bill_of_materials(json.loads(metadata), lock, CRATE, target)


def output(*command):
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
