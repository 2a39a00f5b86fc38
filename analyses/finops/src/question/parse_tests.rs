//! Many phrasings of questions, parsed for a bill that ends in the middle of a month.

use proptest::prelude::*;

use crate::bill::charge_row::BillRow;
use crate::bill::grouping::Grouping;
use crate::bill::ledger::Ledger;
use crate::question::parse::Question;
use crate::text::tokens::Tokens;

fn ledger(question: &str) -> Ledger {
    let mut ledger = Ledger::new(vec![Tokens::of(question)]);
    for (line, (day, service, region)) in (2u64..).zip([
        ("2024-02-01", "Amazon Simple Storage Service", "us-east-1"),
        ("2025-05-20", "Amazon Elastic Compute Cloud", "eu-west-1"),
        ("2025-09-17", "AmazonCloudWatch", "us-east-1"),
    ]) {
        let row = BillRow {
            line,
            day: day.parse().unwrap(),
            cost: Some(rust_decimal::Decimal::ONE),
            currency: "USD",
            service,
            account: "123",
            account_name: "Shop Production",
            region,
            region_name: if region == "eu-west-1" {
                "Europe (Ireland)"
            } else {
                "US East (N. Virginia)"
            },
            provider: "AWS",
            resource: "",
            consumed: None,
            description: "",
            category: "Usage",
            tags: r#"{"team": "search", "cost_center": "42"}"#,
            unit: "",
            pricing: "",
            commitment: "",
            list: None,
            effective: None,
            further: Default::default(),
        };
        ledger.add(&row).unwrap();
    }
    ledger
}

fn read(text: &str) -> Question {
    Question::parse(Tokens::of(text), &ledger(text))
}

#[test]
fn periods_are_parsed_in_many_phrasings() {
    // The bill's last day is Wednesday, 2025-09-17.
    for (text, start, end, relative) in [
        ("S3 in May", "2025-05-01", "2025-06-01", true),
        ("S3 in may?", "2025-05-01", "2025-06-01", true),
        ("what about October", "2024-10-01", "2024-11-01", true),
        ("last month", "2025-08-01", "2025-09-01", true),
        ("Last month's bill", "2025-08-01", "2025-09-01", true),
        ("this month", "2025-09-01", "2025-10-01", true),
        ("September 2024", "2024-09-01", "2024-10-01", false),
        ("Sept. 2024", "2024-09-01", "2024-10-01", false),
        ("2024 September", "2024-09-01", "2024-10-01", false),
        ("2024-09", "2024-09-01", "2024-10-01", false),
        ("on 2024-09-05", "2024-09-05", "2024-09-06", false),
        (
            "between 1 and 15 September",
            "2025-09-01",
            "2025-09-16",
            true,
        ),
        (
            "between the 1st and the 15th of May",
            "2025-05-01",
            "2025-05-16",
            true,
        ),
        (
            "between 1 and 15 September 2024",
            "2024-09-01",
            "2024-09-16",
            false,
        ),
        (
            "between Sep 1 and Sep 15, 2024",
            "2024-09-01",
            "2024-09-16",
            false,
        ),
        (
            "from 2024-09-01 to 2024-09-15",
            "2024-09-01",
            "2024-09-16",
            false,
        ),
        ("1-15 September 2024", "2024-09-01", "2024-09-16", false),
        ("from May to July", "2025-05-01", "2025-08-01", true),
        ("May and June", "2025-05-01", "2025-07-01", true),
        (
            "from November to February 2025",
            "2024-11-01",
            "2025-03-01",
            false,
        ),
        (
            "from November to February",
            "2024-11-01",
            "2025-03-01",
            true,
        ),
        ("2024 to 2025", "2024-01-01", "2026-01-01", false),
        ("on 15 May 2025", "2025-05-15", "2025-05-16", false),
        ("on May 15th, 2025", "2025-05-15", "2025-05-16", false),
        (
            "on the 29th of February 2024",
            "2024-02-29",
            "2024-03-01",
            false,
        ),
        ("year to date", "2025-01-01", "2025-09-18", true),
        ("YTD", "2025-01-01", "2025-09-18", true),
        ("month to date", "2025-09-01", "2025-09-18", true),
        ("yesterday", "2025-09-16", "2025-09-17", true),
        ("last week", "2025-09-08", "2025-09-15", true),
        ("last 7 days", "2025-09-11", "2025-09-18", true),
        ("the past three months", "2025-06-18", "2025-09-18", true),
        ("last quarter", "2025-04-01", "2025-07-01", true),
        ("last year", "2024-01-01", "2025-01-01", true),
        ("Q1 2025", "2025-01-01", "2025-04-01", false),
        ("Q4", "2024-10-01", "2025-01-01", true),
        ("in 2024", "2024-01-01", "2025-01-01", false),
        ("since March", "2025-03-01", "2025-09-18", true),
        ("before March 2025", "2024-02-01", "2025-03-01", false),
        ("last May", "2025-05-01", "2025-06-01", true),
    ] {
        let question = read(text);
        let period = question
            .period
            .unwrap_or_else(|| panic!("{text}: no period"));
        let found = (
            period.start.to_string(),
            period.end.to_string(),
            period.relative,
        );
        assert_eq!(
            found,
            (start.to_string(), end.to_string(), relative),
            "{text}"
        );
        let extra: Vec<&String> = question
            .not_understood
            .iter()
            .filter(|part| *part != "about")
            .collect();
        assert!(extra.is_empty(), "{text}: {extra:?}");
    }
}

#[test]
fn unclear_periods_are_not_guessed() {
    for text in [
        "S3",
        "may I see the S3 cost",
        "31 February 2025",
        "2025-13-01",
        "05/2025",
        "9/15/2024",
        "between 1 and 15",
        "between 15 and 1 September",
        "last 0 months",
        "in 9999",
        "last 99999999999999999999 days",
        "Q7 results",
    ] {
        assert_eq!(read(text).period, None, "{text}");
    }
}

#[test]
fn services_groupings_and_counts_are_parsed() {
    let tag = |key: &str| Some(Grouping::Tag(key.to_string()));
    for (text, services, grouping, top, ignored) in [
        (
            "What was my S3 spend?",
            vec![0],
            Some(Grouping::Account),
            None,
            vec![],
        ),
        (
            "Amazon Simple Storage Service costs",
            vec![0],
            Some(Grouping::Account),
            None,
            vec![],
        ),
        (
            "amazon s3 and cloud watch by region",
            vec![0, 2],
            Some(Grouping::Region),
            None,
            vec![],
        ),
        ("total", vec![], None, None, vec![]),
        (
            "total by service",
            vec![],
            Some(Grouping::Service),
            None,
            vec![],
        ),
        (
            "top 5 accounts",
            vec![],
            Some(Grouping::Account),
            Some(5),
            vec![],
        ),
        (
            "the three most expensive services",
            vec![],
            Some(Grouping::Service),
            Some(3),
            vec![],
        ),
        (
            "which region is the most expensive?",
            vec![],
            Some(Grouping::Region),
            None,
            vec![],
        ),
        (
            "what is the most expensive service",
            vec![],
            Some(Grouping::Service),
            Some(1),
            vec![],
        ),
        ("EC2 cost per team", vec![1], tag("team"), None, vec![]),
        (
            "cost grouped by tag cost center",
            vec![],
            tag("costcenter"),
            None,
            vec![],
        ),
        ("spend by the team tag", vec![], tag("team"), None, vec![]),
        ("daily S3 cost", vec![0], Some(Grouping::Day), None, vec![]),
        ("EC2 monthly", vec![1], Some(Grouping::Month), None, vec![]),
        (
            "compare S3 with Snowflake",
            vec![0],
            Some(Grouping::Account),
            None,
            vec!["compare", "Snowflake"],
        ),
        (
            "my AWS costs by department",
            vec![],
            Some(Grouping::Service),
            None,
            vec!["department"],
        ),
        ("storage", vec![], Some(Grouping::Service), None, vec![]),
    ] {
        let question = read(text);
        assert_eq!(
            question
                .filter
                .services
                .included
                .into_iter()
                .collect::<Vec<u32>>(),
            services,
            "{text}"
        );
        assert_eq!(question.grouping, grouping, "{text}");
        assert_eq!(question.top, top, "{text}");
        assert_eq!(question.not_understood, ignored, "{text}");
    }
    let places = read("S3 in us-east-1 and Ireland for account Shop Production, not CloudWatch");
    assert_eq!(places.filter.regions.included.len(), 2);
    assert_eq!(places.filter.accounts.included.len(), 1);
    assert_eq!(
        places
            .filter
            .services
            .excluded
            .into_iter()
            .collect::<Vec<u32>>(),
        [2]
    );
    assert_eq!(
        read("RDS and Redshift").missing_services,
        ["Amazon Relational Database Service", "Amazon Redshift"]
    );
}

#[test]
fn a_very_long_question_is_truncated_with_a_note() {
    let question = read(&"S3 ".repeat(100_000));
    assert_eq!(
        question.not_understood,
        ["everything after the first 300 words"]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_question_makes_the_grammar_panic(text in "(?s).{0,120}") {
        read(&text);
    }

    #[test]
    fn random_grammar_words_make_no_panic(
        parts in prop::collection::vec(prop::sample::select(vec![
            "between", "and", "from", "to", "last", "may", "15", "31st", "february", "2025", "2024-09", "-", "9999",
            "top", "0", "by", "tag", "team", "tags", "s3", "excluding", "account", "most", "expensive", "3660", "years",
            "past", "q4", "this", "service", "us-east-1", "search", "of", "12", "until", "since", "quarter", "weeks",
        ]), 0..14)
    ) {
        let text = parts.join(" ");
        let question = read(&text);
        if let Some(period) = question.period {
            prop_assert!(period.start < period.end);
        }
    }
}
