"""CloudWatch's part in an alarm: what the template's alarms read, computed from the files of the embedded cloud.

Metrics of our own come from the functions' logs (embedded metric format), AWS's from the wire log, the REPORT lines and
the queues. It knows statistics, the part of metric math that the template uses, and no alarm by name.
"""

import json
import math
import re
from pathlib import Path

import yaml

from cloud import ROOT

TEMPLATE = ROOT / "cloudformation/template.yaml"


def whole_lines(log: Path):
    """A log's lines but the last, where that is being written just now."""
    return log.read_text().rpartition("\n")[0].splitlines()


class Intrinsic:
    """`!Ref X` and its like, as they stand in the template."""

    def __init__(self, name, value):
        self.name, self.value = name, value


class Loader(yaml.SafeLoader):
    pass


def _intrinsic(loader, suffix, node):
    build = {
        yaml.ScalarNode: loader.construct_scalar,
        yaml.SequenceNode: lambda node: loader.construct_sequence(node, deep=True),
        yaml.MappingNode: lambda node: loader.construct_mapping(node, deep=True),
    }
    return Intrinsic(suffix, build[type(node)](node))


Loader.add_multi_constructor("!", _intrinsic)


class Template:
    """The template with these parameters, with those values resolved that alarms use."""

    def __init__(self, **parameters):
        self.document = yaml.load(TEMPLATE.read_text(), Loader)
        defaults = {name: it.get("Default") for name, it in self.document["Parameters"].items()}
        self.parameters = defaults | parameters

    def alarms(self):
        """The alarms' resolved properties by logical id."""
        resources = self.document["Resources"].items()
        of_type = {id: it for id, it in resources if it["Type"] == "AWS::CloudWatch::Alarm"}
        return {id: self.resolve(it["Properties"]) for id, it in of_type.items()}

    def dashboard(self):
        return json.loads(self.resolve(self.document["Resources"]["Dashboard"]["Properties"]["DashboardBody"]))

    def resolve(self, value):
        if isinstance(value, dict):
            return {key: self.resolve(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.resolve(inner) for inner in value]
        if not isinstance(value, Intrinsic):
            return value
        if value.name == "Ref":
            return self.reference(value.value)
        if value.name == "Sub":
            return re.sub(r"\$\{([^}]+)\}", lambda match: str(self.reference(match[1])), value.value)
        if value.name == "GetAtt":
            return self.reference(value.value)
        if value.name == "FindInMap":
            table, key, field = value.value
            return self.document["Mappings"][table][str(self.resolve(key))][field]
        # A condition's branches name actions only, which no evaluation reads.
        return None

    def reference(self, name):
        if name in self.parameters:
            return self.parameters[name]
        properties = self.document["Resources"].get(name.split(".")[0], {}).get("Properties", {})
        keys = ("TableName", "QueueName", "FunctionName", "TopicName", "Name")
        named = (properties[key] for key in keys if key in properties)
        return self.resolve(next(named, name))


def dimensions(listed):
    return frozenset((one["Name"], one["Value"]) for one in listed)


class Samples:
    """Values by namespace, metric and dimensions."""

    def __init__(self):
        self.values = {}

    def add(self, namespace, metric, listed, *values):
        self.values.setdefault((namespace, metric, frozenset(listed.items())), []).extend(values)

    def read_logs(self, logs: Path):
        """What the functions printed: our metrics, and Lambda's durations."""
        for log in logs.glob("*.log"):
            for line in whole_lines(log):
                text = line.split(" ", 2)[2]
                if text.startswith('{"_aws"'):
                    self._embedded(json.loads(text))
                elif text.startswith("REPORT"):
                    duration = float(re.search(r"\tDuration: ([0-9.]+) ms", text)[1])
                    self.add("AWS/Lambda", "Duration", {"FunctionName": log.stem}, duration)

    def _embedded(self, document):
        for directive in document["_aws"]["CloudWatchMetrics"]:
            for names in directive["Dimensions"]:
                listed = {name: document[name] for name in names}
                for metric in directive["Metrics"]:
                    value = document[metric["Name"]]
                    values = value if isinstance(value, list) else [value]
                    self.add(directive["Namespace"], metric["Name"], listed, *values)

    def read_wire(self, log: Path):
        """Invocations as Lambda counts them."""
        for line in whole_lines(log):
            call = json.loads(line)
            if call["service"] == "lambda":
                function = {"FunctionName": call["function"]}
                # Everything is called by its alias, which Lambda counts besides.
                for counted in (function, function | {"Resource": f"{call['function']}:live"}):
                    self.add("AWS/Lambda", "Throttles" if call["status"] == 429 else "Invocations", counted, 1)
                    self.add("AWS/Lambda", "Errors", counted, int(call.get("functionError", False)))

    def statistic(self, namespace, metric, listed, name):
        """The statistic over all values; None without any."""
        values = sorted(self.values.get((namespace, metric, listed), []))
        if not values:
            return None
        if name.startswith("p"):
            return values[min(len(values) - 1, math.ceil(float(name[1:]) / 100 * len(values)) - 1)]
        return {"Sum": sum, "Maximum": max, "Minimum": min, "Average": lambda all: sum(all) / len(all)}[name](values)


def value(alarm, samples):
    """What the alarm compares with its threshold; None where there are no data."""
    if "Metrics" not in alarm:
        name = alarm.get("Statistic") or alarm["ExtendedStatistic"]
        return samples.statistic(alarm["Namespace"], alarm["MetricName"], dimensions(alarm["Dimensions"]), name)
    known, result = {}, None
    for query in alarm["Metrics"]:
        if "MetricStat" in query:
            stat, metric = query["MetricStat"]["Stat"], query["MetricStat"]["Metric"]
            listed = dimensions(metric["Dimensions"])
            known[query["Id"]] = samples.statistic(metric["Namespace"], metric["MetricName"], listed, stat)
        else:
            assert query["ReturnData"] and result is None
            result = query["Expression"]
    return evaluate(result, known)


def evaluate(expression, known):
    """Metric math: FILL, IF, comparisons and arithmetic. What has no data makes all that it is in have none."""
    names = {name: math.nan if found is None else found for name, found in known.items()}
    names["FILL"] = lambda found, instead: instead if math.isnan(found) else found
    names["IF"] = lambda holds, then, otherwise: then if holds else otherwise
    found = eval(expression, {"__builtins__": {}}, names)
    return None if math.isnan(found) else found


def is_firing(alarm, samples):
    found = value(alarm, samples)
    if found is None:
        return alarm["TreatMissingData"] == "breaching"
    compare = {
        "GreaterThanThreshold": lambda: found > float(alarm["Threshold"]),
        "LessThanThreshold": lambda: found < float(alarm["Threshold"]),
    }
    return compare[alarm["ComparisonOperator"]]()
