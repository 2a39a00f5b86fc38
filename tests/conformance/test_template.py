"""What AWS would only say at a deployment, read from the template: its order, its policies, and that its alarms watch all."""

import re

import pytest

from alarms import Intrinsic, Template

RESOURCES = Template().document["Resources"]
# CloudWatch's quota for the metrics of one alarm (`Alarms on math expressions cannot contain more than 10 individual metrics`).
MAX_ALARM_METRICS = 10


def of_type(*types):
    return [id for id, resource in RESOURCES.items() if resource["Type"] in types]


def properties(id):
    return RESOURCES[id]["Properties"]


def named(value):
    """The logical ids that a value refers to, in any depth."""
    if isinstance(value, dict):
        return {id for inner in value.values() for id in named(inner)}
    if isinstance(value, list):
        return {id for inner in value for id in named(inner)}
    if not isinstance(value, Intrinsic):
        return set()
    found = named(value.value)
    if value.name in ("Ref", "GetAtt"):
        found |= {value.value.split(".")[0]}
    if value.name == "Sub":
        found |= {name.split(".")[0] for name in re.findall(r"\$\{([^}!]+)\}", value.value)}
    return found & set(RESOURCES)


def waits_for(id):
    """The resources that CloudFormation makes before this one."""
    depends = RESOURCES[id].get("DependsOn", [])
    waits, open = set(), named(properties(id)) | set([depends] if isinstance(depends, str) else depends)
    while open:
        one = open.pop()
        waits.add(one)
        further = RESOURCES[one].get("DependsOn", [])
        open |= (named(properties(one)) | set([further] if isinstance(further, str) else further)) - waits
    return waits


def only(found):
    (one,) = found
    return one


def policy_of(queue):
    return only(id for id in of_type("AWS::SQS::QueuePolicy") if named(properties(id)["Queues"]) == {queue})


def permission_for(function, last):
    """The permission to call this function's alias whose source ends like this."""
    all = of_type("AWS::Lambda::Permission")
    source = lambda id: properties(id)["SourceArn"].value
    return only(id for id in all if named(properties(id)["FunctionName"]) == {function} and source(id).endswith(last))


def function_of(route):
    (integration,) = named(properties(route)["Target"])
    return only(named(properties(integration)["IntegrationUri"]))


def denies_plain(statement, action):
    return (
        statement["Effect"] == "Deny"
        and statement["Principal"] == "*"
        and statement["Action"] == action
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    )


@pytest.mark.parametrize("id", RESOURCES)
def test_nothing_waits_for_itself(id):
    assert id not in waits_for(id)


@pytest.mark.parametrize("id", RESOURCES)
def test_depends_on_names_what_always_exists(id):
    depends = RESOURCES[id].get("DependsOn", [])
    for other in [depends] if isinstance(depends, str) else depends:
        condition = RESOURCES[other].get("Condition")
        assert condition in (None, RESOURCES[id].get("Condition")), other


@pytest.mark.parametrize("queue", of_type("AWS::SQS::Queue"))
def test_every_queue_has_one_policy_and_it_denies_plain_http(queue):
    policy = policy_of(queue)
    assert properties(policy)["Queues"][0].value == queue and len(properties(policy)["Queues"]) == 1
    statements = properties(policy)["PolicyDocument"]["Statement"]
    assert [named(one["Resource"]) for one in statements] == [{queue}] * len(statements)
    assert any(denies_plain(one, "sqs:*") for one in statements)
    # Deleting it would clear the policy that another resource has set on the same queue meanwhile.
    assert RESOURCES[policy]["DeletionPolicy"] == RESOURCES[policy]["UpdateReplacePolicy"] == "Retain"


@pytest.mark.parametrize("queue, before", [("Continuations", "QueuesPolicy"), ("JobsDeadLetter", "QueuesPolicy"),
                                           ("Deliveries", "QueuesPolicy"), ("FanoutDeadLetter", "FanoutQueuesPolicy")])
def test_a_queue_that_leaves_a_shared_policy_gets_its_own_afterwards(queue, before):
    assert before in waits_for(policy_of(f"{queue}Queue"))


@pytest.mark.parametrize("topic", of_type("AWS::SNS::Topic"))
def test_every_topic_denies_plain_http_and_stays_its_accounts(topic):
    policy = only(id for id in of_type("AWS::SNS::TopicPolicy") if named(properties(id)["Topics"]) == {topic})
    assert RESOURCES[policy].get("Condition") == RESOURCES[topic].get("Condition")
    owner, plain = properties(policy)["PolicyDocument"]["Statement"]
    assert denies_plain(plain, "sns:Publish")
    assert owner["Effect"] == "Allow" and "sns:Publish" in owner["Action"]
    assert owner["Condition"]["StringEquals"]["aws:SourceOwner"].value == "AWS::AccountId"


@pytest.mark.parametrize("source", of_type("AWS::Lambda::EventSourceMapping"))
def test_an_event_source_waits_for_its_queues_policy_and_its_functions_role(source):
    queue = only(named(properties(source)["EventSourceArn"]))
    waits = waits_for(source)
    assert policy_of(queue) in waits
    function = only(id for id in waits if RESOURCES[id]["Type"] == "AWS::Lambda::Function")
    assert only(named(properties(function)["Role"])) in waits


@pytest.mark.parametrize("function", of_type("AWS::Lambda::Function"))
def test_a_function_waits_for_its_role_with_its_policies_and_for_its_log_group(function):
    role = only(named(properties(function)["Role"]))
    group = only(named(properties(function)["LoggingConfig"]))
    assert {role, group} <= waits_for(function)
    assert RESOURCES[group]["Type"] == "AWS::Logs::LogGroup"
    # Policies of their own would be made after the function.
    assert properties(role)["Policies"] and not of_type("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy")


@pytest.mark.parametrize("route", of_type("AWS::ApiGatewayV2::Route"))
def test_a_route_waits_for_the_permission_to_call_its_function(route):
    key = properties(route)["RouteKey"]
    assert permission_for(function_of(route), f"/{key}") in waits_for(route)
    if "AuthorizerId" in properties(route):
        authorizer = only(named(properties(route)["AuthorizerId"]))
        function = only(named(properties(authorizer)["AuthorizerUri"]))
        assert permission_for(function, f"/authorizers/${{{authorizer}}}") in waits_for(route)


@pytest.mark.parametrize("rule", of_type("AWS::Events::Rule"))
def test_a_rule_waits_for_the_permission_to_reach_its_target(rule):
    template = Template()
    bus = properties(rule).get("EventBusName")
    name = template.resolve(properties(rule)["Name"])
    path = f"rule/{template.resolve(bus)}/{name}" if bus else f"rule/{name}"
    for target in properties(rule)["Targets"]:
        to = only(named(target["Arn"]))
        if RESOURCES[to]["Type"] == "AWS::SQS::Queue":
            allowing = [policy_of(to), policy_of(only(named(target["DeadLetterConfig"])))]
            for policy in allowing:
                assert policy in waits_for(rule)
                statements = properties(policy)["PolicyDocument"]["Statement"]
                allows = only(one for one in statements if one["Principal"] == {"Service": "events.amazonaws.com"})
                source = allows["Condition"]["ArnEquals"]["aws:SourceArn"]
                assert template.resolve(source).endswith(f":{path}")
        else:
            permission = permission_for(to, f"-{name.split('-')[-1]}")
            assert permission in waits_for(rule)
            assert template.resolve(properties(permission)["SourceArn"]).endswith(f":{path}")


def test_a_subscription_waits_for_its_queues_policies_and_has_a_dead_letter_queue():
    for id in of_type("AWS::SNS::Subscription"):
        queues = named(properties(id)["Endpoint"]) | named(properties(id)["RedrivePolicy"])
        assert len(queues) == 2
        for queue in queues:
            assert policy_of(queue) in waits_for(id)
            statements = properties(policy_of(queue))["PolicyDocument"]["Statement"]
            allows = only(one for one in statements if one["Principal"] == {"Service": "sns.amazonaws.com"})
            assert named(allows["Condition"]) == named(properties(id)["TopicArn"])
        # A rolled back update would delete the subscription that the topic has again by then.
        assert RESOURCES[id]["DeletionPolicy"] == "Retain" and RESOURCES[id]["UpdateReplacePolicy"] == "Delete"
    # One in a topic could have neither.
    for topic in of_type("AWS::SNS::Topic"):
        assert {one["Protocol"] for one in properties(topic).get("Subscription", [])} <= {"email"}


def test_access_logs_wait_for_the_accounts_role_and_that_for_an_api():
    account = only(of_type("AWS::ApiGateway::Account"))
    stage = only(of_type("AWS::ApiGatewayV2::Stage"))
    assert account in waits_for(stage)
    assert {*of_type("AWS::ApiGatewayV2::Api"), "AccessLogsRole"} <= waits_for(account)


@pytest.mark.parametrize("queue", of_type("AWS::SQS::Queue"))
def test_a_dead_letter_queue_takes_from_its_own_queues_only(queue):
    template = Template()
    sources = {id for id in of_type("AWS::SQS::Queue") if queue in named(properties(id).get("RedrivePolicy", {}))}
    if not sources:
        return
    allow = properties(queue)["RedriveAllowPolicy"]
    arns = {template.resolve(arn).rsplit(":", 1)[1] for arn in allow["sourceQueueArns"]}
    assert allow["redrivePermission"] == "byQueue"
    assert arns == {template.resolve(properties(id)["QueueName"]) for id in sources}


@pytest.mark.parametrize("role", of_type("AWS::IAM::Role"))
def test_a_role_is_assumed_for_this_account_only(role):
    (trust,) = properties(role)["AssumeRolePolicyDocument"]["Statement"]
    if trust["Principal"] == {"Service": "apigateway.amazonaws.com"}:
        # It sends no aws:SourceAccount when it assumes a role, so a condition would deny access logs.
        assert "Condition" not in trust
    else:
        assert trust["Condition"]["StringEquals"]["aws:SourceAccount"].value == "AWS::AccountId"


def watched(metric, dimension):
    """The resources whose metric an alarm watches that calls somebody, not counting those of releases."""
    found = set()
    for id in of_type("AWS::CloudWatch::Alarm"):
        if "AlarmActions" not in properties(id):
            continue
        stats = [query["MetricStat"]["Metric"] for query in properties(id).get("Metrics", []) if "MetricStat" in query]
        for one in [*stats, properties(id)]:
            if one.get("MetricName") == metric:
                found |= {only(named(it["Value"])) for it in one["Dimensions"] if it["Name"] == dimension}
    return found


@pytest.mark.parametrize("metric", ["ReadThrottleEvents", "WriteThrottleEvents"])
def test_every_table_is_watched_for_throttles(metric):
    assert watched(metric, "TableName") == set(of_type("AWS::DynamoDB::Table"))


@pytest.mark.parametrize("metric", ["Errors", "Throttles"])
def test_every_function_is_watched_for(metric):
    assert watched(metric, "FunctionName") == set(of_type("AWS::Lambda::Function"))


def test_every_queue_is_watched_for_its_age_or_its_dead_letters():
    queues = set(of_type("AWS::SQS::Queue"))
    dead = {id for queue in queues for id in named(properties(queue).get("RedrivePolicy", {}))}
    assert watched("ApproximateNumberOfMessagesVisible", "QueueName") == dead
    assert watched("ApproximateAgeOfOldestMessage", "QueueName") == queues - dead


def test_every_way_into_the_publish_queue_is_watched_for_failures():
    alarms = {id: properties(id) for id in of_type("AWS::CloudWatch::Alarm")}
    failures = {(it["Namespace"], it["MetricName"]): it for it in alarms.values() if "Namespace" in it}
    rule = failures["AWS/Events", "FailedInvocations"]
    # The metric of a rule on a bus of its own has both.
    assert {one["Name"] for one in rule["Dimensions"]} == {"EventBusName", "RuleName"}
    topic = failures["AWS/SNS", "NumberOfNotificationsFailed"]
    assert [only(named(one["Value"])) for one in topic["Dimensions"]] == ["PublishTopic"]


@pytest.mark.parametrize("alarm", of_type("AWS::CloudWatch::Alarm"))
def test_an_alarm_has_no_more_metrics_than_cloudwatch_takes(alarm):
    stats = [query for query in properties(alarm).get("Metrics", []) if "MetricStat" in query]
    assert len(stats) <= MAX_ALARM_METRICS


def test_every_alarm_that_calls_somebody_is_on_the_dashboard():
    body = properties("Dashboard")["DashboardBody"].value
    calling = {id for id in of_type("AWS::CloudWatch::Alarm") if "AlarmActions" in properties(id)}
    assert set(re.findall(r"\$\{(\w+Alarm)\.Arn\}", body)) == calling
