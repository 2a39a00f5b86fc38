"""What a verification has done so far, in a file that survives a kill: it is how a later run resumes and cleans up.

It holds no secret and no token.
"""

import json
import os
from pathlib import Path


class State:
    def __init__(self, folder):
        self.path = Path(folder) / "state.json"
        self.values = json.loads(self.path.read_text()) if self.path.exists() else {}

    def __getitem__(self, name):
        return self.values[name]

    def get(self, name, otherwise=None):
        return self.values.get(name, otherwise)

    def set(self, **values):
        """Durable when this returns: what is made in AWS is recorded before it is made."""
        self.values |= values
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_suffix(".new")
        with open(new, "w") as file:
            json.dump(self.values, file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path)

    def outcome(self, step):
        """`passed`, `failed`, `skipped`, or None if the step was not tried."""
        return self.values.get("steps", {}).get(step, {}).get("outcome")

    def record(self, step, **values):
        self.set(steps=self.values.get("steps", {}) | {step: values})

    def remove(self):
        self.path.unlink(missing_ok=True)
