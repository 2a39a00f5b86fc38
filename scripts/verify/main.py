"""The command line of `scripts/verify-aws`: the plan, the run that resumes, the clean-up."""

import argparse
import os
import signal
import sys
import time
from pathlib import Path

from verify import plan, report
from verify.client import StepFailed
from verify.state import State
from verify.steps import destroy
from verify.verification import ROOT, Stopped, Verification

DESCRIPTION = """Tries Longhaul in your AWS account: deploys a stack of its own, runs jobs in every way, crashes workers,
makes a release and rolls another back, compares what CloudWatch counted with what we say, removes everything, and writes
a report to commit (docs/verification/<date>.md).

It needs the aws command line with credentials and a region, the packages of scripts/package, and longhaul ($LONGHAUL, the
one on the PATH, or cargo run). Run it again after an interruption: it resumes after the last step that passed."""
EPILOG = """Exit codes: 0 every step passed, or was left out; 1 a step failed, and everything was removed; 2 wrong usage,
or something is missing; 3 interrupted or not removed: the last lines say what is left, and how to go on or remove it."""


def options(arguments):
    parser = argparse.ArgumentParser(
        prog="scripts/verify-aws", description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--plan", action="store_true", help="print the steps and what they cost, and do nothing")
    parser.add_argument("--clean", action="store_true", help="only remove what an earlier run made")
    parser.add_argument("--without", action="append", default=[], metavar="STEP", choices=plan.NAMES, help="leave a step out; repeatable")
    parser.add_argument("--jobs", type=int, default=200, help="jobs of the batch (default 200)")
    parser.add_argument("--limit", type=float, default=plan.LIMIT, metavar="USD", help="refuse a plan that costs more (default 5)")
    parser.add_argument("--keep", action="store_true", help="when a step fails, keep the stack, to mend the cause and resume")
    parser.add_argument("--state", default=str(ROOT / ".verify-aws"), metavar="DIR", help="where it notes what it made (default .verify-aws)")
    parser.add_argument("--report", metavar="DIR", help="where the report goes (default docs/verification)")
    parser.add_argument("--packages", metavar="DIR", help="as for scripts/deploy")
    parser.add_argument("--template", metavar="FILE", help="as for scripts/deploy")
    parser.add_argument("--parameter", action="append", default=[], metavar="NAME=VALUE", help="as for scripts/deploy")
    given = parser.parse_args(arguments)
    given.endpoint = os.environ.get("AWS_ENDPOINT_URL")
    if given.endpoint and not given.report:
        # An emulator's report is not one to commit.
        given.report = given.state
    if given.jobs < 10:
        parser.error("--jobs must be at least 10, one for each connection of the batch")
    if any("=" not in pair for pair in given.parameter):
        parser.error("--parameter needs NAME=VALUE")
    if "deploy" in given.without or "destroy" in given.without:
        parser.error("deploy and destroy can't be left out")
    if plan.total(given) > given.limit:
        parser.error(f"this plan costs {plan.total(given):.2f} USD, more than the limit of {given.limit:.2f} USD")
    return given


def attempt(verification, step):
    """Runs a step and records its outcome."""
    state = verification.state
    if step.name in verification.options.without:
        state.record(step.name, outcome="left out")
        return
    if state.outcome(step.name) == "passed":
        print(f"\n== {step.name}: passed in an earlier run", flush=True)
        return
    if any(state.outcome(name) != "passed" for name in step.after):
        state.record(step.name, outcome="skipped", error=f"needs {' and '.join(step.after)}")
        print(f"\n== {step.name}: skipped, as it needs {' and '.join(step.after)}", flush=True)
        return
    print(f"\n== {step.name}: {step.what}", flush=True)
    began = time.monotonic()
    try:
        outcome = {"outcome": "passed", "facts": step.run(verification)}
    except Stopped:
        raise
    except Exception as error:  # any fault of a step is its outcome
        reason = str(error) if isinstance(error, StepFailed) else f"{type(error).__name__}: {error}"
        outcome = {"outcome": "failed", "error": reason}
    state.record(step.name, seconds=round(time.monotonic() - began, 1), **outcome)
    found = outcome.get("error") or "; ".join(f"{name}: {value}" for name, value in outcome["facts"].items())
    print(f"{outcome['outcome']}{': ' if found else ''}{found}", flush=True)


def remains(verification):
    """Says what is left, and how to go on or remove it."""
    state = verification.state
    again = "scripts/verify-aws" + ("" if verification.options.state == str(ROOT / ".verify-aws") else f" --state {verification.options.state}")
    print(f"\nNot removed: the stack {state.get('stack')} with its data, and the bucket {state.get('code_bucket')}.")
    print(f"Resume: {again}\nRemove: {again} --clean", flush=True)


def verify(verification):
    state, failed = verification.state, []
    for step in plan.STEPS:
        if step.name == "destroy" and failed and verification.options.keep:
            remains(verification)
            return 3
        attempt(verification, step)
        if state.outcome(step.name) == "failed":
            failed.append(step.name)
    folder = Path(verification.options.report) if verification.options.report else None
    path = report.write(verification, folder)
    print(f"\nThe report: {path}", flush=True)
    if "destroy" in failed:
        remains(verification)
        return 3
    state.remove()
    if failed:
        print(f"Failed: {', '.join(failed)}")
        return 1
    print("Every step passed." if not verification.options.without else f"Passed without: {', '.join(verification.options.without)}")
    return 0


def clean(verification):
    """Removes what an earlier run made."""
    if not verification.state.get("stack"):
        print("Nothing to remove: no earlier run is noted.")
        return 0
    verification.choose_names()
    try:
        destroy.run(verification)
    except StepFailed as error:
        print(f"scripts/verify-aws: {error}", file=sys.stderr)
        remains(verification)
        return 3
    verification.state.remove()
    print("Removed: nothing is left.")
    return 0


def interrupted(*_):
    raise KeyboardInterrupt


def main(arguments):
    given = options(arguments)
    if given.plan:
        print(plan.text(given))
        return 0
    signal.signal(signal.SIGTERM, interrupted)
    verification = None
    try:
        verification = Verification(given, State(given.state))
        if given.clean:
            return clean(verification)
        verification.choose_names()
        print(f"The stack {verification.stack} in {verification.region}; what is made is noted in {given.state}.", flush=True)
        return verify(verification)
    except (Stopped, StepFailed) as error:
        print(f"scripts/verify-aws: {error}", file=sys.stderr)
        if verification and verification.state.get("unused_at"):
            remains(verification)
            return 3
        return 2
    except KeyboardInterrupt:
        print("\nscripts/verify-aws: interrupted", file=sys.stderr)
        if verification and verification.state.get("unused_at"):
            remains(verification)
        return 3
