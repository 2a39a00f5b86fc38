"""What the evaluation set of finops expects, computed again from the sample bill by code that is not ours to test.

Run by hand:  pytest tests/conformance/test_evaluation.py   (after cargo build)
"""

import subprocess

from cloud import PROGRAM, ROOT

CHECK = ROOT / "scripts/check-evaluation"
SET = ROOT / "analyses/finops/src/evaluation.jsonl"


def check(bill, *questions):
    return subprocess.run([CHECK, bill, *questions], capture_output=True, text=True)


def test_every_expected_figure_is_what_the_bill_gives(tmp_path):
    bill = tmp_path / "bill.csv"
    subprocess.run([PROGRAM, "bill", "--out", bill], check=True)
    checked = check(bill)
    assert checked.returncode == 0, checked.stdout
    # A set with one wrong figure is found out.
    lines = SET.read_text().splitlines()[:20]
    lines[0] = lines[0].replace("4759.9995", "4759.9994")
    (tmp_path / "wrong.jsonl").write_text("\n".join(lines))
    spoilt = check(bill, tmp_path / "wrong.jsonl")
    assert spoilt.returncode == 1 and "20 questions, 1 of them wrong" in spoilt.stdout
