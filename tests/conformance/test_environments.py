"""No choice of parameters can fill a function's environment beyond what Lambda accepts.

An environment of the greatest size is computed from the parameters' own bounds, so a parameter without a bound fails here,
and not the deployment of the one who used it.
"""

import re

import pytest

from alarms import Intrinsic, Template

# Lambda's quota for all environment variables of a function, in bytes (Lambda quotas). It measures them as JSON, as its error
# says ("String measured: {...}").
MAX_ENVIRONMENT = 4096
JSON_OF_EACH = len('"":"",')
# The greatest lengths of what AWS chooses.
PSEUDO = {"AWS::AccountId": 12, "AWS::Region": 14, "AWS::Partition": 10, "AWS::URLSuffix": 16, "AWS::NoValue": 0}
QUEUE_URL = len("https://sqs.ap-northeast-1.amazonaws.com.cn/123456789012/")
API_ID = 10
SECRET_ARN = len("arn:aws-us-gov:secretsmanager:ap-northeast-1:123456789012:secret:-AbCdEf")
NAMES = ("TableName", "BucketName", "QueueName", "Name")
# Of these parameters a rule of the template allows one only.
EITHER = [("CHAT_MODEL_ID", "CHAT_AGENT_RUNTIME_ARN")]


class Bounds:
    """The greatest length, in characters, of any value of the template."""

    def __init__(self):
        self.document = Template().document

    def parameter(self, name):
        declared = self.document["Parameters"][name]
        if "AllowedValues" in declared:
            return max(len(str(value)) for value in declared["AllowedValues"])
        if declared["Type"] == "Number":
            return len(str(declared["MaxValue"]))
        assert "MaxLength" in declared, f"{name} is in an environment and has no MaxLength"
        return int(declared["MaxLength"])

    def reference(self, name):
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self.document["Parameters"]:
            return self.parameter(name)
        resource = self.document["Resources"][name]
        if resource["Type"] == "AWS::ApiGatewayV2::Api":
            return API_ID
        named = next(resource["Properties"][key] for key in NAMES if key in resource["Properties"])
        around = {"AWS::SQS::Queue": QUEUE_URL, "AWS::SecretsManager::Secret": SECRET_ARN}
        return self.value(named) + around.get(resource["Type"], 0)

    def value(self, value):
        if not isinstance(value, Intrinsic):
            return len(str(value))
        if value.name == "Ref":
            return self.reference(value.value)
        if value.name == "Sub":
            inside = re.findall(r"\$\{([^}]+)\}", value.value)
            return len(re.sub(r"\$\{[^}]+\}", "", value.value)) + sum(map(self.reference, inside))
        if value.name == "If":
            return max(self.value(branch) for branch in value.value[1:])
        assert value.name == "Join", value.name
        delimiter, items = value.value
        return sum(self.value(item) for item in items) + len(delimiter) * (len(items) - 1)

    def environment(self, function):
        variables = self.document["Resources"][function]["Properties"]["Environment"]["Variables"]
        return {name: self.value(value) for name, value in variables.items()}


FUNCTIONS = [id for id, it in Template().document["Resources"].items() if it["Type"] == "AWS::Lambda::Function"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_parameters_overfill_an_environment(function):
    sizes = Bounds().environment(function)
    for pair in EITHER:
        if set(pair) <= set(sizes):
            smaller = min(pair, key=sizes.get)
            sizes = sizes | {smaller: 0}
    size = sum(len(name) + length + JSON_OF_EACH for name, length in sizes.items())
    assert size <= MAX_ENVIRONMENT, f"{size} bytes: {sorted(sizes.items(), key=lambda one: -one[1])}"


def test_the_rule_that_allows_one_answer_of_chat_is_there():
    rule = Template().document["Rules"]["OneAnswersChat"]
    assert rule["RuleCondition"].value[0].value[0].value == "ChatModelId"
    assert rule["Assertions"][0]["Assert"].value[0].value == "ChatAgentRuntimeArn"
