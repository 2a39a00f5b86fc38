"""The dated report of a verification, to be committed in docs/verification/."""

import platform

from verify.plan import STEPS
from verify.verification import ROOT, now

FOLDER = ROOT / "docs/verification"


def write(verification, folder=None):
    """Writes the report, and returns its path. Of the account it has the last digits only."""
    state, options = verification.state, verification.options
    folder = folder or FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    commit = verification.command(["git", "rev-parse", "--short=12", "HEAD"], check=False).stdout.strip() or "unknown"
    changed = verification.command(["git", "status", "--porcelain", "--untracked-files=no"], check=False).stdout.strip()
    client = verification.command(["aws", "--version"], check=False)
    passed = all(state.outcome(step.name) == "passed" for step in STEPS)
    lines = [
        f"# Verification on AWS, {now():%Y-%m-%d}",
        "",
        "Written by `scripts/verify-aws`.",
        "",
        "| | |",
        "| --- | --- |",
        f"| result | {'every step passed' if passed else 'not every step passed'} |",
        f"| commit | {commit}{', with local changes' if changed else ''} |",
        f"| account | ends in {state['account'][-4:]} |",
        f"| region | {state['region']} |",
        f"| stack | {state['stack']} |",
        f"| begun, ended (UTC) | {state['started'][:16]}, {now().isoformat()[:16]} |",
        f"| aws command line | {(client.stdout or client.stderr).strip()} |",
        f"| Python | {platform.python_version()} |",
    ]
    if options.endpoint:
        lines.append(f"| **not AWS** | {options.endpoint} |")
    lines += ["", "| step | what | outcome | seconds | found |", "| --- | --- | --- | --- | --- |"]
    for step in STEPS:
        record = state.get("steps", {}).get(step.name, {"outcome": "not tried"})
        found = "; ".join(f"{name}: {value}" for name, value in record.get("facts", {}).items())
        found = (found or record.get("error", "")).replace("|", "\\|").replace("\n", " ")
        lines.append(f"| {step.name} | {step.what} | {record['outcome']} | {record.get('seconds', '')} | {found} |")
    lines += [
        "",
        "The bill is computed from CloudWatch's metrics and list prices. AWS's own has it a day later: Billing, Bills, by",
        "service; or `aws ce get-cost-and-usage` for that day (0.01 USD a request).",
        "",
    ]
    path = folder / f"{now():%Y-%m-%d}.md"
    path.write_text("\n".join(lines))
    return path
