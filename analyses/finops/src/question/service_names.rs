//! Maps what people call a service to the names that bills use.
//!
//! A short name means a service of the bill if the bill has it. The bill's own names come first. Phrases are
//! normalized as by [`crate::text::tokens::normalized`].

use std::collections::{HashMap, HashSet};

use crate::text::tokens::normalized;

/// What a phrase means among the services.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ServiceMeaning {
    /// Services of the bill, by their numbers in the ledger.
    Present(Vec<u32>),
    /// A known service that the bill does not have, by its full name.
    Absent(&'static str),
}

/// Short names, then the names that bills use for the service; the first of those is the full name.
const KNOWN_SERVICES: &[(&[&str], &[&str])] = &[
    (&["s3"], &["Amazon Simple Storage Service", "Amazon S3"]),
    (
        &["ec2"],
        &[
            "Amazon Elastic Compute Cloud",
            "Amazon Elastic Compute Cloud - Compute",
            "EC2 - Other",
            "EC2 - Instances",
            "Amazon EC2",
        ],
    ),
    (&["ebs"], &["Amazon Elastic Block Store", "Amazon EBS"]),
    (
        &["rds"],
        &["Amazon Relational Database Service", "Amazon RDS"],
    ),
    (&["lambda"], &["AWS Lambda"]),
    (&["dynamo", "dynamodb"], &["Amazon DynamoDB"]),
    (&["cloudfront"], &["Amazon CloudFront"]),
    (&["cloudwatch"], &["AmazonCloudWatch", "Amazon CloudWatch"]),
    (&["cloudtrail"], &["AWS CloudTrail"]),
    (
        &["eks"],
        &[
            "Amazon Elastic Kubernetes Service",
            "Amazon Elastic Container Service for Kubernetes",
            "Amazon EKS",
        ],
    ),
    (
        &["ecs"],
        &["Amazon Elastic Container Service", "Amazon ECS"],
    ),
    (
        &["ecr"],
        &[
            "Amazon EC2 Container Registry (ECR)",
            "Amazon Elastic Container Registry",
        ],
    ),
    (&["efs"], &["Amazon Elastic File System"]),
    (
        &["elb", "alb", "nlb", "load balancer", "load balancers"],
        &["Elastic Load Balancing", "AWS Elastic Load Balancing"],
    ),
    (&["vpc"], &["Amazon Virtual Private Cloud"]),
    (&["sqs"], &["Amazon Simple Queue Service"]),
    (&["sns"], &["Amazon Simple Notification Service"]),
    (&["ses"], &["Amazon Simple Email Service"]),
    (&["kms"], &["AWS Key Management Service"]),
    (&["emr"], &["Amazon Elastic MapReduce"]),
    (&["msk"], &["Amazon Managed Streaming for Apache Kafka"]),
    (&["waf"], &["AWS WAF"]),
    (&["route53"], &["Amazon Route 53"]),
    (&["redshift"], &["Amazon Redshift"]),
    (&["elasticache"], &["Amazon ElastiCache"]),
    (&["opensearch"], &["Amazon OpenSearch Service"]),
    (&["athena"], &["Amazon Athena"]),
    (&["glue"], &["AWS Glue"]),
    (&["kinesis"], &["Amazon Kinesis"]),
    (&["sagemaker"], &["Amazon SageMaker"]),
    (&["bedrock"], &["Amazon Bedrock"]),
    (&["fargate"], &["AWS Fargate"]),
    (&["api gateway"], &["Amazon API Gateway"]),
    (&["step functions"], &["AWS Step Functions"]),
    (&["secrets manager"], &["AWS Secrets Manager"]),
    (&["ssm"], &["AWS Systems Manager"]),
    (&["aks"], &["Azure Kubernetes Service"]),
];

/// Whether it is what people call a service that bills name otherwise.
pub(super) fn is_short_name(word: &str) -> bool {
    let mut services = KNOWN_SERVICES.iter();
    // Bills have Fargate only in descriptions.
    word != "fargate" && services.any(|(short, _)| short.contains(&word))
}

/// Words of service names that are too common to mean one of them.
const AMBIGUOUS_WORDS: &[&str] = &[
    "amazon",
    "aws",
    "azure",
    "google",
    "oracle",
    "microsoft",
    "cloud",
    "service",
    "services",
    "simple",
    "elastic",
    "managed",
    "management",
    "manager",
    "system",
    "systems",
    "storage",
    "compute",
    "network",
    "networking",
    "database",
    "databases",
    "data",
    "container",
    "containers",
    "virtual",
    "private",
    "application",
    "account",
    "accounts",
    "region",
    "block",
    "file",
    "with",
    "from",
    "other",
    "security",
    "support",
    "transfer",
    "streaming",
    "machine",
    "machines",
    "scale",
    "sets",
    "and",
    "for",
    "the",
    "apache",
    "key",
    "web",
    "total",
    "registry",
    "instances",
    "email",
];

/// Every phrase that means a service, given the names in the bill in the order of their numbers.
pub(crate) fn phrases(names: &[String]) -> HashMap<String, ServiceMeaning> {
    let mut phrases: HashMap<String, ServiceMeaning> = HashMap::new();
    let mut add = |phrase: String, service: u32| {
        if phrase.is_empty() {
            return;
        }
        match phrases
            .entry(phrase)
            .or_insert_with(|| ServiceMeaning::Present(Vec::new()))
        {
            ServiceMeaning::Present(services) if !services.contains(&service) => {
                services.push(service)
            }
            _ => {}
        }
    };

    let whole: Vec<String> = names.iter().map(|name| normalized(name)).collect();
    let number = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
    for (index, name) in whole.iter().enumerate() {
        add(name.clone(), number(index));
        let bare = ["amazon", "aws", "azure"]
            .iter()
            .find_map(|vendor| name.strip_prefix(vendor))
            .unwrap_or(name);
        for phrase in [bare, bare.strip_suffix("service").unwrap_or(bare)] {
            if !AMBIGUOUS_WORDS.contains(&phrase) {
                add(phrase.to_string(), number(index));
            }
        }
    }
    let numbers: HashMap<&str, u32> = whole
        .iter()
        .enumerate()
        .map(|(index, name)| (name.as_str(), number(index)))
        .collect();
    for (short, full) in KNOWN_SERVICES {
        let forms: Vec<String> = short
            .iter()
            .chain(full.iter())
            .map(|phrase| normalized(phrase))
            .collect();
        for meant in forms
            .iter()
            .skip(short.len())
            .filter_map(|name| numbers.get(name.as_str()))
        {
            // A full name that is itself in the bill means only that service.
            for form in forms
                .iter()
                .filter(|form| !numbers.contains_key(form.as_str()))
            {
                add(form.clone(), *meant);
            }
        }
    }
    // A distinctive word, such as "kubernetes", means all services that have it in their names.
    let taken: HashSet<String> = phrases.keys().cloned().collect();
    for (index, name) in names.iter().enumerate() {
        for word in name.split(|c: char| !c.is_alphanumeric()).map(normalized) {
            if word.chars().count() >= 3
                && !AMBIGUOUS_WORDS.contains(&word.as_str())
                && !taken.contains(&word)
            {
                match phrases
                    .entry(word)
                    .or_insert_with(|| ServiceMeaning::Present(Vec::new()))
                {
                    ServiceMeaning::Present(services) if !services.contains(&number(index)) => {
                        services.push(number(index))
                    }
                    _ => {}
                }
            }
        }
    }
    for (short, full) in KNOWN_SERVICES {
        for phrase in short.iter().chain(full.iter()) {
            phrases
                .entry(normalized(phrase))
                .or_insert(ServiceMeaning::Absent(full[0]));
        }
    }
    phrases
        .entry("kubernetes".to_string())
        .or_insert(ServiceMeaning::Absent("Amazon Elastic Kubernetes Service"));
    phrases
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(names: &[&str], phrase: &str) -> Option<ServiceMeaning> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_string()).collect();
        phrases(&names).remove(&normalized(phrase))
    }

    #[test]
    fn short_names_mean_services_of_the_bill() {
        let bill = [
            "Amazon Simple Storage Service",
            "Amazon Elastic Compute Cloud",
            "EC2 - Other",
            "AmazonCloudWatch",
            "Amazon Elastic Container Service",
            "Amazon Elastic Container Service for Kubernetes",
            "Azure Kubernetes Service",
            "Amazon EC2 Container Registry (ECR)",
        ];
        for (phrase, expected) in [
            ("S3", vec![0]),
            ("Amazon S3", vec![0]),
            ("simple storage", vec![0]),
            ("ec2", vec![1, 2]),
            ("EC2-Other", vec![2]),
            ("cloud watch", vec![3]),
            ("ECS", vec![4]),
            ("Elastic Container Service", vec![4]),
            ("EKS", vec![5]),
            ("kubernetes", vec![6]),
            ("AKS", vec![6]),
            ("ECR", vec![7]),
        ] {
            assert_eq!(
                meaning(&bill, phrase),
                Some(ServiceMeaning::Present(expected)),
                "{phrase}"
            );
        }
        assert_eq!(
            meaning(&bill, "RDS"),
            Some(ServiceMeaning::Absent("Amazon Relational Database Service"))
        );
        assert_eq!(
            meaning(&bill, "Amazon Redshift"),
            Some(ServiceMeaning::Absent("Amazon Redshift"))
        );
        for vague in ["storage", "amazon", "elastic", "snowflake", ""] {
            assert_eq!(meaning(&bill, vague), None, "{vague}");
        }
    }

    #[test]
    fn a_word_shared_by_several_services_means_all_of_them() {
        let bill = ["Red Hat OpenShift Service on AWS", "OpenShift Dedicated"];
        assert_eq!(
            meaning(&bill, "openshift"),
            Some(ServiceMeaning::Present(vec![0, 1]))
        );
    }
}
