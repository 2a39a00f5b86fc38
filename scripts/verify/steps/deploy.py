"""Deploys the stack with scripts/deploy, under a name that nothing in the account and region has."""

import tempfile
from pathlib import Path

from verify.client import require
from verify.verification import Stopped, now

# Short, so that the steps for crashes and time-outs take minutes. A user's rate would slow the batch; without one a submit
# writes less than usual.
PARAMETERS = {
    "NoopEnabled": "true",
    "LeaseSeconds": "30",
    "WorkerTimeoutSeconds": "10",
    "SubmitsPerSecond": "1000",
    "SubmitsAtOnce": "1000",
    "LogRetentionDays": "7",
    "BillIsSample": "true",
}


def taken(verification):
    """What the account has under our names already. It may be somebody's, and CloudFormation would take tables and a
    bucket over."""
    stack, found = verification.stack, []
    if verification.described():
        found.append(f"the stack {stack}")
    tables = verification.aws("dynamodb", "list-tables")["TableNames"]
    found += [f"the table {name}" for name in tables if name.startswith(f"{stack}-")]
    buckets = verification.aws("s3api", "list-buckets")["Buckets"]
    found += [f"the bucket {entry['Name']}" for entry in buckets if entry["Name"].startswith(f"{stack}-")]
    return found


def run(verification):
    state, bucket = verification.state, verification.state["code_bucket"]
    if not state.get("unused_at"):
        found = taken(verification)
        if found:
            raise Stopped(f"the name is not free: {', '.join(found)}; remove {state.path} to choose another")
        # The role that API Gateway writes access logs with is the account's; scripts/deploy makes one if the account lacks it.
        account = verification.aws("apigateway", "get-account", check=False) or {}
        state.set(unused_at=now().isoformat(), access_logs_role=account.get("cloudwatchRoleArn"))
    stack = verification.described()
    if stack and not verification.is_ours(stack):
        raise Stopped(f"the stack {verification.stack} was made by somebody else meanwhile")
    with tempfile.TemporaryDirectory() as folder:
        bill = Path(folder) / "bill.csv"
        verification.longhaul("bill", "--out", str(bill))
        parameters = PARAMETERS | {"SourceBucket": bucket, "BillLocation": f"s3://{bucket}/bill.csv"}
        parameters |= dict(pair.split("=", 1) for pair in verification.options.parameter)
        given = [word for pair in parameters.items() for word in ("--parameter", "=".join(pair))]
        verification.deploy("--no-smoke", *given)
        stack = verification.described()
        state.set(stack_id=stack["StackId"])
        verification.aws("s3api", "put-object", "--bucket", bucket, "--key", "bill.csv", "--body", str(bill))
    require(stack["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), f"the stack is {stack['StackStatus']}")
    listed = verification.aws("cloudformation", "list-stack-resources", "--stack-name", verification.stack)
    return {"resources": len(listed["StackResourceSummaries"]), "release": verification.parameters()["Release"]}
