//! AWS's list prices of one date, in USD: US East (N. Virginia), on demand, first tier, without free tiers and discounts.

/// The date on which this table was last compared with the price pages.
pub const DATE: &str = "2026-11-21";
pub const REGION: &str = "us-east-1";

/// The price of one billed unit.
#[derive(Debug, Clone, Copy)]
pub struct Price {
    pub service: &'static str,
    /// What is counted, such as `requests`.
    pub unit: &'static str,
    pub dollars: f64,
    /// Number of units that `dollars` pays for.
    pub per: f64,
    /// URL of the price page.
    pub page: &'static str,
}

impl Price {
    /// The cost of this quantity, in USD.
    pub fn cost(&self, quantity: f64) -> f64 {
        quantity / self.per * self.dollars
    }
}

const API_GATEWAY: &str = "https://aws.amazon.com/api-gateway/pricing/";
const LAMBDA: &str = "https://aws.amazon.com/lambda/pricing/";
const DYNAMODB: &str = "https://aws.amazon.com/dynamodb/pricing/on-demand/";
const SQS: &str = "https://aws.amazon.com/sqs/pricing/";
const S3: &str = "https://aws.amazon.com/s3/pricing/";
const CLOUDWATCH: &str = "https://aws.amazon.com/cloudwatch/pricing/";

const MILLION: f64 = 1e6;
const THOUSAND: f64 = 1e3;

/// WebSocket API: each 32 KB of a message, in either direction.
pub const MESSAGES: Price = Price {
    service: "API Gateway",
    unit: "messages",
    dollars: 1.00,
    per: MILLION,
    page: API_GATEWAY,
};
pub const CONNECTION_MINUTES: Price = Price {
    service: "API Gateway",
    unit: "connection minutes",
    dollars: 0.25,
    per: MILLION,
    page: API_GATEWAY,
};
pub const INVOCATIONS: Price = Price {
    service: "Lambda",
    unit: "invocations",
    dollars: 0.20,
    per: MILLION,
    page: LAMBDA,
};
/// Arm architecture.
pub const GB_SECONDS: Price = Price {
    service: "Lambda",
    unit: "GB-seconds",
    dollars: 13.3334,
    per: MILLION,
    page: LAMBDA,
};
pub const WRITE_UNITS: Price = Price {
    service: "DynamoDB",
    unit: "write units",
    dollars: 0.625,
    per: MILLION,
    page: DYNAMODB,
};
/// One strongly consistent read of 4 KB; an eventually consistent one is half a unit.
pub const READ_UNITS: Price = Price {
    service: "DynamoDB",
    unit: "read units",
    dollars: 0.125,
    per: MILLION,
    page: DYNAMODB,
};
/// Standard queues.
pub const REQUESTS: Price = Price {
    service: "SQS",
    unit: "requests",
    dollars: 0.40,
    per: MILLION,
    page: SQS,
};
/// The surcharge for messages with a group id, which make the queue a fair one.
pub const FAIR_REQUESTS: Price = Price {
    service: "SQS",
    unit: "of a fair queue",
    dollars: 0.10,
    per: MILLION,
    page: SQS,
};
pub const PUTS: Price = Price {
    service: "S3",
    unit: "PUT requests",
    dollars: 0.005,
    per: THOUSAND,
    page: S3,
};
pub const GETS: Price = Price {
    service: "S3",
    unit: "GET requests",
    dollars: 0.0004,
    per: THOUSAND,
    page: S3,
};
/// Ingested into the standard log class.
pub const LOG_GB: Price = Price {
    service: "CloudWatch Logs",
    unit: "GB written",
    dollars: 0.50,
    per: 1.0,
    page: CLOUDWATCH,
};
