"""The packages that scripts/package has made: what is in them, and that they run."""

import json
import os
import struct
import tomllib
import zipfile
from pathlib import Path

import pytest
from websockets.sync.client import connect

from conftest import HOST, PACKAGES, MAX_WAIT, ROOT, run, token

# By the ELF header's e_machine.
MACHINES = {"x86_64": 62, "arm64": 183}
# The packages of the source that have the binaries.
CRATES = {"handlers": "longhaul-handlers", "worker": "longhaul-analyses"}
MADE = sorted(folder.name for folder in PACKAGES.glob("*") if folder.is_dir())


def test_this_machine_has_packages_to_test():
    assert HOST in MADE, "run scripts/package first"


@pytest.mark.parametrize("name", CRATES)
@pytest.mark.parametrize("arch", MADE)
def test_a_package_is_a_program_and_what_it_is_made_of(arch, name):
    with zipfile.ZipFile(PACKAGES / arch / f"{name}.zip") as package:
        entries = {entry.filename: entry for entry in package.infolist()}
        program = package.read("bootstrap")
        sbom = json.loads(package.read("sbom.cdx.json"))
    modes = {path: oct(entry.external_attr >> 16) for path, entry in entries.items()}
    assert modes == {"bootstrap": "0o100755", "sbom.cdx.json": "0o100644"}
    assert {entry.date_time for entry in entries.values()} == {(1980, 1, 1, 0, 0, 0)}
    assert program[:4] == b"\x7fELF"
    assert struct.unpack_from("<H", program, 18)[0] == MACHINES[arch]
    for trace in [str(ROOT), str(Path.home())]:
        assert trace.encode() not in program, f"{trace} is in the program"

    assert (sbom["bomFormat"], sbom["metadata"]["component"]["name"]) == ("CycloneDX", CRATES[name])
    assert "serialNumber" not in sbom and "timestamp" not in sbom["metadata"]
    locked = {(p["name"], p["version"]): p.get("checksum") for p in tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]}
    for component in sbom["components"]:
        hashes = [entry["content"] for entry in component.get("hashes", [])]
        expected = locked[component["name"], component["version"]]
        assert hashes == ([expected] if expected else []), component["name"]
    names = {component["name"] for component in sbom["components"]}
    assert {"lambda_runtime", "aws-sdk-dynamodb", "longhaul-shared", "rustls"} <= names
    assert name != "worker" or {"longhaul-worker", "longhaul-finops", "parquet", "aws-sdk-bedrockruntime"} <= names
    assert not names & {"proptest", "cc", "longhaul-local"}, "what only builds or tests is not in it"


def programs_running():
    running = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            running.add(str((process / "exe").readlink()))
        except OSError:
            pass  # it has ended, or is another user's
    return running


def test_a_job_is_run_by_the_packaged_programs(packaged, unpacked):
    with connect(f"{packaged.gateway}/?token={token(packaged)}", open_timeout=MAX_WAIT) as socket:
        socket.send(json.dumps({"action": "query", "kind": "noop", "query": "packaged", "params": {"steps": 3, "bytes": 8000}}))
        frames = []
        while not frames or frames[-1]["type"] not in ("job_completed", "job_failed", "error"):
            frames.append(json.loads(socket.recv(timeout=MAX_WAIT)))
    assert frames[-1]["type"] == "job_completed", frames
    assert frames[0]["type"] == "job_queued"
    # They stay for the next call.
    ours = {str(unpacked / name / "bootstrap") for name in ["handlers", "worker"]}
    assert ours <= programs_running()


def test_a_wrong_architecture_is_refused_with_a_sentence():
    code, said = run("package", dict(os.environ), "--arch", "mips")
    assert code == 2 and "must be arm64 or x86_64" in said


def test_a_file_that_is_missing_is_refused_before_anything_is_built():
    code, said = run("package", dict(os.environ), "--example", "python", "--file", "nowhere.py")
    assert code == 2 and "nowhere.py: there is no such file" in said
    code, said = run("package", dict(os.environ), "--example")
    assert code == 2 and "--example needs a value" in said
