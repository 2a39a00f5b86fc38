"""`longhaul smoke`, as scripts/deploy runs it, and `longhaul doctor`."""

from verify.client import require


def run(verification):
    url = verification.output("WebSocketUrl")
    verification.longhaul("smoke", "--url", url, "--secret-stdin", said=verification.secret())
    return {}


def doctor(verification):
    # 1: it warns, for example that no alarm has an address. 2: a check failed.
    ended = verification.longhaul("doctor", *verification.on_stack(), check=False)
    require(ended.returncode in (0, 1), f"longhaul doctor exited with {ended.returncode}:\n{ended.stdout}{ended.stderr}")
    warnings = [" ".join(line.split()) for line in ended.stdout.splitlines() if line.startswith("warning")]
    return {"warnings": "; ".join(warnings) or "none"}
