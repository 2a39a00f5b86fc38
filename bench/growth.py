#!/usr/bin/env python3
"""How a stack scales: a curve for each kind of load, as a table and as a plot.

    .tools/python/bin/python bench/growth.py LONGHAUL finished|connections|fanout|followers|backlog|replay SIZE...
    .tools/python/bin/python bench/growth.py plot

Measured sizes are stored in bench/growth.json, from which bench/growth.md and bench/plots/*.svg are made. With
GROWTH_DATA=DIR the jobs of `finished` stay in that folder, so a later run with a larger size continues from there.
"""

import json
import os
import sys
from pathlib import Path

import plot

HERE = Path(__file__).parent
RESULTS = HERE / "growth.json"
# For each curve: the name of its sizes, its plot's panels with their lines by name, and the table's other columns.
CURVES = {
    "finished": ("finished jobs in the tables", {
        "jobs/s": {"jobs/s": "jobsPerSecond"},
        "job, ms": {"p50": "completedP50", "p99": "completedP99"},
        "CPU, ms a job": {"all": "cpuMs"},
        "peak memory, MB": {"MB": "peakMB"},
        "listJobs, p50 ms": {"few jobs": "listFewP50", "many jobs": "listManyP50"},
    }, {"listJobs p99 ms, few": "listFewP99", "many": "listManyP99", "sweep ms": "sweepMs", "data folder MB": "dataMB",
        "seeded a second": "seededPerSecond"}),
    "connections": ("open connections", {
        "jobs/s": {"jobs/s": "jobsPerSecond"},
        "job, ms": {"p50": "completedP50", "p99": "completedP99"},
        "CPU, ms a job": {"all": "cpuMs"},
        "memory, MB": {"idle": "idleMB", "under load": "peakMB"},
    }, {"idle KB a connection": "idleKBEach", "opened a second": "openedPerSecond"}),
    "fanout": ("subscribers", {
        "first received, ms": {"p50": "firstP50", "p99": "firstP99"},
        "last received, ms": {"p50": "lastP50", "p99": "lastP99"},
        "CPU, ms a subscriber": {"all": "cpuMsEach"},
    }, {}),
    "followers": ("followers of a job", {
        "first to last, ms": {"p50": "spreadP50", "p99": "spreadP99"},
        "job of 600 ms, ms": {"p50": "completedP50", "p99": "completedP99"},
        "CPU, ms a job": {"all": "cpuMs"},
    }, {}),
    "backlog": ("queued jobs", {
        "drained, jobs/s": {"jobs/s": "drainedPerSecond"},
        "another user's job, ms": {"p50": "completedP50", "p99": "completedP99"},
        "CPU, ms a job": {"all": "cpuMs"},
        "peak memory, MB": {"MB": "peakMB"},
    }, {"alone p50 ms": "aloneP50", "alone p99 ms": "aloneP99"}),
    "replay": ("dead letters", {
        "replayed a second": {"a second": "perSecond"},
        "plan, s": {"s": "planSeconds"},
        "peak memory, MB": {"plan": "planMB", "apply": "applyMB"},
    }, {"replayed": "replayed"}),
}


def save(curve, size, row):
    """Stores a row in place of an earlier one of the same size."""
    curves_by_name = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    rows = curves_by_name.setdefault(curve, {})
    rows[str(size)] = {**row, "load": os.getloadavg()[1]}
    curves_by_name[curve] = dict(sorted(rows.items(), key=lambda item: int(item[0])))
    RESULTS.write_text(json.dumps(curves_by_name, indent=1) + "\n")
    print(curve, size, json.dumps(row), flush=True)


def number(value):
    if value is None:
        return ""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def draw():
    """Writes the tables and the plots of all stored rows."""
    curves_by_name = json.loads(RESULTS.read_text())
    pages = ["# Growth\n\nMade by `bench/growth.py plot` from growth.json; [README.md](README.md#growth) explains the figures.\n"]
    (HERE / "plots").mkdir(exist_ok=True)
    for curve, rows in curves_by_name.items():
        of, panels, others = CURVES[curve]
        columns = {panel if len(lines) == 1 else f"{panel}: {name}": key
                   for panel, lines in panels.items() for name, key in lines.items()} | others | {"machine's load": "load"}
        pages.append(f"\n## {of.capitalize()}\n\n| {of} | {' | '.join(columns)} |\n| --- {'| --- ' * len(columns)}|")
        for size, row in rows.items():
            pages.append(f"| {int(size):,} | {' | '.join(number(row.get(key)) for key in columns.values())} |")
        sizes = [int(size) for size in rows]
        drawn = {panel: {name: [row.get(key) for row in rows.values()] for name, key in lines.items()}
                 for panel, lines in panels.items()}
        (HERE / "plots" / f"{curve}.svg").write_text(plot.svg(f"Growth: {of}", of, sizes, drawn))
    (HERE / "growth.md").write_text("\n".join(pages) + "\n")


def main():
    if sys.argv[1:] != ["plot"]:
        import curves
        longhaul, curve, *sizes = sys.argv[1:]
        for size, row in getattr(curves, curve)(longhaul, sorted(map(int, sizes))):
            save(curve, size, row)
    draw()


main()
