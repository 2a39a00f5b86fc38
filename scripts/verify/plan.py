"""The steps in their order, with what each costs and how long it takes in AWS."""

from dataclasses import dataclass
from typing import Callable

from verify.steps import batch, crashes, deploy, destroy, doors, publish, releases, smoke, usage

# A job of the batch with its share of everything, in USD: `longhaul cost` says less than half of it.
DOLLARS_PER_JOB = 0.0001
# The whole verification costs less, or does not start.
LIMIT = 5.00


@dataclass(frozen=True)
class Step:
    name: str
    what: str
    run: Callable
    minutes: int
    dollars: float
    # Steps without which this one makes no sense.
    after: tuple = ("deploy",)

    def cost(self, options):
        jobs = options.jobs * DOLLARS_PER_JOB if self.name == "batch" else 0
        return self.dollars + jobs + self.minutes / 60 * usage.STANDING_PER_HOUR


STEPS = [
    Step("deploy", "scripts/deploy makes a stack of its own", deploy.run, 6, 0.01, ()),
    Step("smoke", "longhaul smoke", smoke.run, 1, 0.001),
    Step("doctor", "longhaul doctor --aws", smoke.doctor, 1, 0.001),
    Step("doors", "a job through every way in", doors.run, 4, 0.005),
    Step("publish", "publications by SNS, EventBridge and longhaul publish", publish.run, 3, 0.001),
    Step("kill", "a worker that crashes is followed by another", crashes.kill, 3, 0.001),
    Step("poison", "a job that crashes every worker gets a dead letter", crashes.poison, 10, 0.001),
    Step("time-out", "hand-over to the next invocation, TIMEOUT, DEADLINE", crashes.time_out, 6, 0.002),
    Step("batch", "a batch of jobs over ten connections", batch.run, 5, 0.001),
    Step("upgrade", "a release while jobs run", releases.upgrade, 12, 0.01),
    Step("shift", "calls of each function were shared by both versions", releases.shift, 0, 0, ("deploy", "upgrade")),
    Step("rollback", "a release that does not work is rolled back", releases.rollback, 12, 0.01),
    Step("write-units", "the batch's write units in CloudWatch against longhaul cost", usage.write_units, 1, 0.005, ("deploy", "batch")),
    Step("bill", "what all of it cost, from CloudWatch and list prices", usage.bill, 1, 0.01),
    Step("destroy", "removes all of it, and looks for what is left", destroy.run, 6, 0.001, ()),
]
NAMES = [step.name for step in STEPS]


def total(options):
    return sum(step.cost(options) for step in STEPS if step.name not in options.without)


def text(options):
    lines = []
    for step in STEPS:
        left_out = step.name in options.without
        cost = "left out" if left_out else f"{step.minutes:3} min  {step.cost(options):5.2f} USD"
        lines.append(f"{step.name:12}  {step.what:60}  {cost}")
    minutes = sum(step.minutes for step in STEPS if step.name not in options.without)
    lines.append(f"{'total':12}  {'list prices of us-east-1, without free tiers':60}  {minutes:3} min  {total(options):5.2f} USD")
    return "\n".join(lines)
