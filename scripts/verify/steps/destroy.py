"""Removes all that the verification made, and nothing else; then looks for what is left."""

import time

from verify.client import StepFailed, require

WAIT_SECONDS = 3600
POLL_SECONDS = 10


def when_idle(verification):
    """The stack, once CloudFormation does nothing with it."""
    end = time.monotonic() + WAIT_SECONDS
    while True:
        stack = verification.described()
        # A stack that waits for its first change set is in review for as long as that takes.
        if not stack or stack["StackStatus"] == "REVIEW_IN_PROGRESS" or not stack["StackStatus"].endswith("_IN_PROGRESS"):
            return stack
        require(time.monotonic() < end, f"the stack is still {stack['StackStatus']}")
        time.sleep(POLL_SECONDS)


def left(verification):
    """What the account still has under our names, one line each with the command that removes it."""
    stack, found = verification.stack, []
    if verification.described():
        found.append(f"stack {stack}: scripts/destroy --stack {stack} --with-data")
    for name in verification.aws("dynamodb", "list-tables")["TableNames"]:
        if name.startswith(f"{stack}-"):
            found.append(f"table {name}: aws dynamodb delete-table --table-name {name}")
    for entry in verification.aws("s3api", "list-buckets")["Buckets"]:
        if entry["Name"].startswith(f"{stack}-"):
            found.append(f"bucket {entry['Name']}: aws s3 rb s3://{entry['Name']} --force")
    groups = verification.aws("logs", "describe-log-groups", "--log-group-name-prefix", f"/aws/lambda/{stack}-")
    for group in groups["logGroups"]:
        found.append(f"log group {group['logGroupName']}: aws logs delete-log-group --log-group-name {group['logGroupName']}")
    role = verification.state.get("own_access_logs_role")
    if role and role_exists(verification, role):
        found.append(f"role {role}, which API Gateway wrote access logs with: aws iam delete-role --role-name {role}")
    return found


def role_exists(verification, role):
    return verification.aws("iam", "get-role", "--role-name", role, check=False) is not None


def remove_tables_and_buckets(verification):
    """Those that a clean-up left behind that was interrupted: the stack is gone, and no other has its name's six random
    digits."""
    prefix = f"{verification.stack}-"
    for name in verification.aws("dynamodb", "list-tables")["TableNames"]:
        if name.startswith(prefix):
            verification.aws("dynamodb", "update-table", "--table-name", name, "--no-deletion-protection-enabled")
            verification.command(["aws", "dynamodb", "wait", "table-exists", "--table-name", name])
            verification.aws("dynamodb", "delete-table", "--table-name", name)
            verification.command(["aws", "dynamodb", "wait", "table-not-exists", "--table-name", name])
    for entry in verification.aws("s3api", "list-buckets")["Buckets"]:
        if entry["Name"].startswith(prefix):
            # With the code bucket, which scripts/deploy made and no stack has.
            verification.command(["aws", "s3", "rb", f"s3://{entry['Name']}", "--force"])


def remember_access_logs_role(verification):
    """The role that the stack made for the account, if it did: it outlives the stack."""
    if verification.state.get("access_logs_role"):
        return
    listed = verification.aws("cloudformation", "list-stack-resources", "--stack-name", verification.stack)
    for resource in listed["StackResourceSummaries"]:
        if resource["LogicalResourceId"] == "AccessLogsRole" and resource.get("PhysicalResourceId"):
            verification.state.set(own_access_logs_role=resource["PhysicalResourceId"])


def remove_access_logs_role(verification):
    """Only if API Gateway uses no other role by now."""
    role = verification.state.get("own_access_logs_role")
    if not role or not role_exists(verification, role):
        return
    used = (verification.aws("apigateway", "get-account") or {}).get("cloudwatchRoleArn") or ""
    if used.endswith(f"/{role}"):
        verification.aws("apigateway", "update-account", "--patch-operations", "op=replace,path=/cloudwatchRoleArn,value=")
    attached = verification.aws("iam", "list-attached-role-policies", "--role-name", role)["AttachedPolicies"]
    for policy in attached:
        verification.aws("iam", "detach-role-policy", "--role-name", role, "--policy-arn", policy["PolicyArn"])
    verification.aws("iam", "delete-role", "--role-name", role)


def run(verification):
    stack = when_idle(verification)
    if stack:
        if not verification.is_ours(stack):
            raise StepFailed(f"the stack {verification.stack} was not made by this verification; nothing is deleted")
        verification.state.set(stack_id=stack["StackId"])
        remember_access_logs_role(verification)
        verification.script("destroy", "--stack", verification.stack, "--with-data", said=f"{verification.stack}\n")
    if verification.state.get("unused_at"):
        remove_tables_and_buckets(verification)
        remove_access_logs_role(verification)
    remains = left(verification)
    require(not remains, "left behind; remove it with these commands:\n" + "\n".join(remains))
    return {"left": "nothing"}
