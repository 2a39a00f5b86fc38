"""`scripts/verify-aws`: tries a whole stack in an AWS account, step by step, and writes a report."""
