//! The schema fits the type, and a plan that can't be followed is refused with the name of its field.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::aws::sources::AwsSources;
use crate::bill::measure::Measure;
use crate::question::query_plan::QueryPlan;
use crate::question::{query_plan::schema, resolve};
use crate::read::locations::BillSource;
use crate::{Finops, write_sample};
use longhaul_worker::analysis::AnalysisInput;
use longhaul_worker::testing;

/// A plan with every field.
fn whole_plan() -> Value {
    json!({
        "operation": "unitCost", "measure": "effective",
        "filters": [{"column": "ServiceName", "in": ["S3"], "notIn": ["AWS Lambda"], "contains": ["a"], "isNull": true}],
        "groupBy": ["SubAccountId", "month"],
        "period": {"start": "2026-05-01", "end": "2026-06-01"},
        "comparedWith": {"start": "2026-04-01", "end": "2026-05-01"},
        "top": 3, "bottom": 2, "skip": 1, "having": {"over": "1", "under": 2}, "per": {"unit": "GB", "many": 2, "count": "3"},
        "budget": {"amount": "5", "monthly": true}, "average": "day", "share": true, "rate": true,
    })
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[test]
fn the_schema_has_exactly_the_fields_of_a_plan() {
    let plan: QueryPlan = serde_json::from_value(whole_plan()).unwrap();
    let (plan, schema) = (json!(plan), schema());
    let properties = &schema["properties"];
    assert_eq!(keys(&plan), keys(properties));
    assert_eq!(
        keys(&plan["filters"][0]),
        keys(&properties["filters"]["items"]["properties"])
    );
    for field in ["period", "comparedWith", "having", "per", "budget"] {
        assert_eq!(
            keys(&plan[field]),
            keys(&properties[field]["properties"]),
            "{field}"
        );
    }
    assert_eq!(
        properties["measure"]["enum"],
        json!(Measure::ALL.map(Measure::name))
    );
    for operation in properties["operation"]["enum"].as_array().unwrap() {
        let parsed = serde_json::from_value::<QueryPlan>(json!({"operation": operation}));
        assert!(parsed.is_ok(), "{operation}");
    }
}

#[test]
fn a_malformed_plan_is_refused_with_the_name_of_its_field() {
    for (plan, said) in [
        (json!({}), "missing field `operation`"),
        (json!({"operation": "guess"}), "unknown variant `guess`"),
        (
            json!({"operation": "total", "colour": 1}),
            "unknown field `colour`",
        ),
        (
            json!({"operation": "total", "groupBy": ["month", "day", "year"]}),
            "plan.groupBy:",
        ),
        (
            json!({"operation": "breakdown", "groupBy": ["Colour"]}),
            "plan.groupBy[0]: \"Colour\"",
        ),
        (
            json!({"operation": "total", "filters": [{"column": "SkuName", "in": ["a"]}]}),
            "plan.filters[0].column:",
        ),
        (
            json!({"operation": "total", "filters": [{"column": "RegionId"}]}),
            "plan.filters[0]: it needs",
        ),
        (
            json!({"operation": "total", "period": {"start": "May", "end": "2026-06-01"}}),
            "plan.period.start: \"May\"",
        ),
        (
            json!({"operation": "total", "period": {"start": "2026-06-01", "end": "2026-06-01"}}),
            "plan.period.end:",
        ),
        (json!({"operation": "why"}), "plan.period:"),
        (json!({"operation": "rank"}), "plan.top:"),
        (json!({"operation": "threshold"}), "plan.having:"),
        (
            json!({"operation": "threshold", "having": {"over": "much"}}),
            "plan.having.over:",
        ),
        (json!({"operation": "budget"}), "plan.budget:"),
    ] {
        let refused = resolve::parse(&plan).unwrap_err().0;
        assert!(refused.contains(said), "{plan}: {refused}");
    }
}

async fn send(plan: Value) -> Result<Value, longhaul_worker::analysis::Failure> {
    let mut bill = tempfile::NamedTempFile::new().unwrap();
    write_sample(2_000, 1, &mut bill).unwrap();
    let source = BillSource::parse(&bill.path().to_string_lossy(), true);
    let finops = Finops::new(source, AwsSources::default());
    let input = AnalysisInput {
        params: json!({"plan": plan}),
        ..testing::question("from a front end")
    };
    testing::run(&finops, input).await.result
}

#[tokio::test]
async fn a_plan_that_a_front_end_sends_is_answered_and_returned() {
    let result = send(json!({
        "operation": "breakdown", "measure": "effective", "groupBy": ["month", "Tags/team"],
        "filters": [{"column": "ServiceName", "in": ["S3", "EC2"]}, {"column": "ChargeCategory", "notIn": ["Credit"]}],
        "period": {"start": "2026-04-01", "end": "2026-06-01"},
    }))
    .await
    .unwrap();
    let analysis = &result["cost_analysis"];
    assert_eq!(analysis["status"], "answered", "{result}");
    assert_eq!(analysis["plan"]["groupBy"], json!(["month", "Tags/team"]));
    assert_eq!(
        analysis["plan"]["filters"][0]["in"],
        json!([
            "Amazon Simple Storage Service",
            "Amazon Elastic Compute Cloud"
        ])
    );
    assert_eq!(analysis["groups"][0]["key"], "2026-04");
    let response = result["response"].as_str().unwrap();
    assert!(
        response.contains("effective cost, by month and team"),
        "{response}"
    );
}

#[tokio::test]
async fn a_plan_with_a_name_that_the_bill_does_not_have_is_refused() {
    for (plan, said) in [
        (
            json!({"operation": "total", "filters": [{"column": "ServiceName", "in": ["Snowflake"]}]}),
            "params.plan.filters[0].in: the bill has no ServiceName \"Snowflake\".",
        ),
        (
            json!({"operation": "breakdown", "groupBy": ["Tags/colour"]}),
            "params.plan.groupBy[0]: the bill has no tag \"colour\".",
        ),
    ] {
        let failure = send(plan).await.unwrap_err();
        assert_eq!(failure.code(), "BAD_PARAMS");
        assert_eq!(failure.message(), said);
    }
}
