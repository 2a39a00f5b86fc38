"""The steps of `scripts/verify-aws`, one module each. A step's `run(verification)` returns facts for the report, and
raises `StepFailed` if the stack does not do what it should."""
