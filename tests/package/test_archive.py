"""What a release publishes besides the functions' packages: the archive of the program, and the library for Python."""

import json
import subprocess
import sys
import tarfile
import venv
import zipfile

import pytest

from conftest import MAX_WAIT, PROGRAM, ROOT

TARGET = "x86_64-unknown-linux-gnu"


def archived(program, folder):
    command = [sys.executable, ROOT / "scripts/archive.py", TARGET, program, folder]
    done = subprocess.run(command, cwd=folder.parent, capture_output=True, text=True, timeout=MAX_WAIT * 5)
    assert done.returncode == 0, done.stderr
    return folder / done.stdout.strip().split("/")[-1]


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    return archived(PROGRAM, tmp_path_factory.mktemp("archive") / "dist")


@pytest.fixture(scope="module")
def prefix(archive, tmp_path_factory):
    """The archive unpacked, as docs/install.md says."""
    folder = tmp_path_factory.mktemp("prefix")
    subprocess.run(["tar", "xzf", archive, "--strip-components", "1", "-C", folder], check=True)
    return folder


def test_it_has_the_program_and_what_it_reads(archive):
    version = subprocess.run([ROOT / "scripts/version"], check=True, capture_output=True, text=True).stdout.strip()
    root = f"longhaul-{version}-{TARGET}"
    assert archive.name == f"{root}.tar.gz"
    with tarfile.open(archive) as opened:
        entries = {entry.name.removeprefix(f"{root}/"): entry for entry in opened}
    assert {entry.mtime for entry in entries.values()} == {0} and {entry.uname for entry in entries.values()} == {""}
    assert {name: oct(entry.mode) for name, entry in entries.items() if entry.mode & 0o111} == {"bin/longhaul": "0o755"}
    for path in ["cloudformation/template.yaml", "web/console/dist/index.html", "web/console/dist/config.json"]:
        assert f"share/longhaul/{path}" in entries
    for path in ["bash-completion/completions/longhaul", "man/man1/longhaul.1", "man/man1/longhaul-up.1"]:
        assert f"share/{path}" in entries
    assert {"LICENSE", "README.md", "sbom.cdx.json"} <= {name.split("/")[-1] for name in entries if "/doc/" in name}


def test_its_bill_of_materials_has_what_is_linked(archive, prefix):
    inside = (prefix / "share/doc/longhaul/sbom.cdx.json").read_text()
    assert inside == (archive.parent / archive.name.replace(".tar.gz", ".cdx.json")).read_text()
    sbom = json.loads(inside)
    names = {component["name"] for component in sbom["components"]}
    assert sbom["metadata"]["component"]["name"] == "longhaul"
    assert {"clap", "longhaul-local", "longhaul-worker", "tokio"} <= names and "proptest" not in names


def test_the_same_inputs_give_the_same_bytes(tmp_path):
    small = tmp_path / "longhaul"  # packed in a second; it hands everything to the built program
    small.write_text(f'#!/bin/sh\nexec "{PROGRAM}" "$@"\n')
    small.chmod(0o755)
    first, second = [archived(small, tmp_path / folder).read_bytes() for folder in ["one", "two"]]
    assert first == second


def test_the_library_for_python_is_one_module_that_runs_an_analysis(tmp_path):
    venv.create(tmp_path / "python", with_pip=True)
    pip = [tmp_path / "python/bin/python", "-m", "pip", "--quiet", "--disable-pip-version-check"]
    source = tmp_path / "source"  # a copy, since pip builds inside the folder
    source.mkdir()
    for name in ["pyproject.toml", "longhaul.py", "text_statistics.py"]:
        (source / name).write_bytes((ROOT / "examples/python" / name).read_bytes())
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", tmp_path, source], check=True, timeout=MAX_WAIT)
    (wheel,) = tmp_path.glob("longhaul_analysis-*-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as package:
        assert [name for name in package.namelist() if ".dist-info/" not in name] == ["longhaul.py"]

    subprocess.run([*pip, "install", "--no-deps", wheel], check=True, timeout=MAX_WAIT)
    # The program alone: its library is the installed one.
    program = tmp_path / "text_statistics.py"
    program.write_bytes((source / program.name).read_bytes())
    job = json.dumps({"job": "j", "query": "one three", "params": {}, "attempt": 1, "history": []})
    ran = subprocess.run(
        [tmp_path / "python/bin/python", program],
        input=f"{job}\n" + '{"kept":null,"done":false}\n' * 8,
        capture_output=True, text=True, timeout=MAX_WAIT,
    )
    assert ran.returncode == 0, ran.stderr
    assert "result" in json.loads(ran.stdout.splitlines()[-1])
