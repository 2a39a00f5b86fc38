"""scripts/version keeps one version in all files: a file or a tag that says another is named."""

import re
import shutil
import subprocess

import pytest

from cloud import PROGRAM, ROOT

FILES = [
    "Cargo.toml",
    "Cargo.lock",
    "examples/python/pyproject.toml",
    "web/client/package.json",
    "web/client/package-lock.json",
    "web/console/package.json",
    "web/console/package-lock.json",
]


@pytest.fixture
def copy(tmp_path):
    """The files that have the version, and the script."""
    for path in ["scripts/version", *FILES]:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    return tmp_path


def version(root, *arguments):
    done = subprocess.run([root / "scripts/version", *arguments], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout.strip(), done.stderr


def test_the_program_and_every_file_have_it():
    printed = version(ROOT)[1]
    assert version(ROOT, "--check", f"v{printed}") == (0, "", "")
    program = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True, timeout=60)
    assert program.stdout == f"longhaul {printed}\n"


@pytest.mark.parametrize("path", FILES[1:])
def test_a_file_with_another_version_is_named(copy, path):
    printed = version(copy)[1]
    text = (copy / path).read_text()
    # The last place that the script has to know: of a lock file the package, not the file's own line.
    last = list(re.finditer(rf'(?:longhaul[\w-]*",?\n *)"?version"?(?: =|:) "{re.escape(printed)}"', text))[-1]
    (copy / path).write_text(text[: last.start()] + last[0].replace(printed, "9.9.9") + text[last.end() :])
    code, _, said = version(copy, "--check")
    assert (code, said) == (1, f"{path} has 9.9.9, but Cargo.toml has {printed}\n")


def test_another_tag_is_refused(copy):
    code, _, said = version(copy, "--check", "v9.9.9")
    assert code == 1 and said.startswith("the tag is v9.9.9")


def test_a_new_version_is_written_to_every_file(copy):
    before = {path: (copy / path).read_text() for path in FILES}
    printed = version(copy)[1]
    assert version(copy, "--set", "9.8.7-alpha.1")[0] == 0
    assert version(copy, "--check", "v9.8.7-alpha.1") == (0, "", "")
    assert all((copy / path).read_text() != text for path, text in before.items())
    assert version(copy, "--set", printed)[0] == 0
    assert {path: (copy / path).read_text() for path in FILES} == before
    assert version(copy, "--set", "soon")[0] == 1
