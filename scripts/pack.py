"""Packs one function's program for Lambda, with its bill of materials (CycloneDX).

    pack.py CRATE TARGET PROGRAM ZIP [FILE...]

CRATE is the package whose binary PROGRAM is; an example's further packages follow it, separated by commas. Each FILE is packed beside the program. Reads Cargo.lock and `cargo metadata`. The same inputs give the
same bytes, so the bill of materials has no serial number and no time.
"""

import json
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

# The earliest time that a zip file can have.
EPOCH = (1980, 1, 1, 0, 0, 0)


def main(crate, target, program, package, *files):
    metadata = subprocess.run(
        ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", target],
        check=True,
        stdout=subprocess.PIPE,
    )
    with open("Cargo.lock", "rb") as file:
        lock = tomllib.load(file)
    sbom = bill_of_materials(json.loads(metadata.stdout), lock, crate, target)
    text = json.dumps(sbom, indent=1, sort_keys=True) + "\n"
    with zipfile.ZipFile(package, "w") as archive:
        add(archive, "bootstrap", 0o755, Path(program).read_bytes())
        add(archive, "sbom.cdx.json", 0o644, text.encode())
        for file in files:
            add(archive, Path(file).name, 0o644, Path(file).read_bytes())


def add(archive, name, mode, data):
    entry = zipfile.ZipInfo(name, EPOCH)
    # A regular file made on Unix, on every system.
    entry.create_system = 3
    entry.external_attr = (0o100000 | mode) << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, data, compresslevel=9)


def bill_of_materials(metadata, lock, crate, target):
    """The crates that are linked into the program: its dependencies for the target, without build and test
    dependencies."""
    packages = {package["id"]: package for package in metadata["packages"]}
    root, *others = [next(id for id, package in packages.items() if package["name"] == name) for name in crate.split(",")]
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    linked, open_ids = {}, [root]
    while open_ids:
        current = open_ids.pop()
        if current in linked:
            continue
        needs = [dep["pkg"] for dep in nodes[current]["deps"] if is_linked(dep)]
        if current == root:
            needs += others
        linked[current] = needs
        open_ids.extend(needs)
    checksums = {(p["name"], p["version"]): p.get("checksum") for p in lock["package"]}
    described = {id: component(packages[id], checksums) for id in linked}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": described[root] | {"type": "application"},
            "properties": [{"name": "longhaul:target", "value": target}],
        },
        "components": sorted(
            (described[id] for id in linked if id != root), key=lambda component: component["bom-ref"]
        ),
        "dependencies": sorted(
            (
                {"ref": reference(packages[id]), "dependsOn": sorted(reference(packages[need]) for need in set(needs))}
                for id, needs in linked.items()
            ),
            key=lambda entry: entry["ref"],
        ),
    }


def is_linked(dependency):
    return any(kind["kind"] is None for kind in dependency["dep_kinds"])


def reference(package):
    return f"pkg:cargo/{package['name']}@{package['version']}"


def component(package, checksums):
    described = {
        "type": "library",
        "bom-ref": reference(package),
        "purl": reference(package),
        "name": package["name"],
        "version": package["version"],
    }
    if package["license"]:
        # Cargo accepts the old notation with a slash for OR.
        described["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    checksum = checksums.get((package["name"], package["version"]))
    if checksum:
        described["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return described


if __name__ == "__main__":
    main(*sys.argv[1:])
