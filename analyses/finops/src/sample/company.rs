//! The fictional company of the sample bill: its products with plausible prices close to list prices, its accounts,
//! regions and teams; and the columns of FOCUS 1.0.

/// The columns of FOCUS 1.0, in alphabetical order.
pub(crate) const FOCUS_1_0_COLUMNS: [&str; 43] = [
    "AvailabilityZone",
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "CommitmentDiscountCategory",
    "CommitmentDiscountId",
    "CommitmentDiscountName",
    "CommitmentDiscountStatus",
    "CommitmentDiscountType",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedCost",
    "ContractedUnitPrice",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "ListUnitPrice",
    "PricingCategory",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "RegionId",
    "RegionName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ServiceCategory",
    "ServiceName",
    "SkuId",
    "SkuPriceId",
    "SubAccountId",
    "SubAccountName",
    "Tags",
];

pub(crate) struct Product {
    pub name: &'static str,
    pub category: &'static str,
    pub resource: &'static str,
    pub description: &'static str,
    pub unit: &'static str,
    /// Millionths of a dollar for a unit.
    pub price: u64,
    /// Dollars a day, approximately.
    pub daily: u64,
}

const fn product(names: [&'static str; 5], price: u64, daily: u64) -> Product {
    let [name, category, resource, description, unit] = names;
    Product {
        name,
        category,
        resource,
        description,
        unit,
        price,
        daily,
    }
}

pub(crate) const PRODUCTS: [Product; 12] = [
    product(
        [
            "Amazon Elastic Compute Cloud",
            "Compute",
            "instance",
            "On Demand Linux m7g.large instance hour",
            "Hours",
        ],
        81_600,
        412,
    ),
    product(
        [
            "Amazon Simple Storage Service",
            "Storage",
            "bucket",
            "Standard storage, first 50 TB a month",
            "GB-Months",
        ],
        23_000,
        138,
    ),
    product(
        [
            "Amazon Relational Database Service",
            "Databases",
            "db",
            "db.r7g.large Multi-AZ instance hour",
            "Hours",
        ],
        478_000,
        227,
    ),
    product(
        [
            "AWS Lambda",
            "Compute",
            "function",
            "Duration on Arm",
            "GB-Seconds",
        ],
        13,
        31,
    ),
    product(
        [
            "Amazon DynamoDB",
            "Databases",
            "table",
            "Write request units, on demand, thousand",
            "Requests",
        ],
        625,
        44,
    ),
    product(
        [
            "AmazonCloudWatch",
            "Management and Governance",
            "log-group",
            "Log data ingested",
            "GB",
        ],
        500_000,
        39,
    ),
    product(
        [
            "Amazon CloudFront",
            "Networking",
            "distribution",
            "Data transfer out, first 10 TB a month",
            "GB",
        ],
        85_000,
        63,
    ),
    product(
        [
            "Elastic Load Balancing",
            "Networking",
            "loadbalancer",
            "Application load balancer hour",
            "Hours",
        ],
        22_500,
        18,
    ),
    product(
        [
            "Amazon Virtual Private Cloud",
            "Networking",
            "natgateway",
            "NAT gateway data processed",
            "GB",
        ],
        45_000,
        52,
    ),
    product(
        [
            "Amazon Simple Queue Service",
            "Integration",
            "queue",
            "Standard requests, thousand",
            "Requests",
        ],
        400,
        6,
    ),
    product(
        [
            "AWS Key Management Service",
            "Security",
            "key",
            "Customer managed key",
            "Keys",
        ],
        1_000_000,
        4,
    ),
    product(
        [
            "Amazon Elastic Container Service",
            "Compute",
            "service",
            "Fargate vCPU hour on Arm",
            "Hours",
        ],
        32_380,
        96,
    ),
];

/// Sub-account id, name, environment.
pub(crate) const ACCOUNTS: [[&str; 3]; 5] = [
    ["100000000011", "Northwind Production", "production"],
    ["100000000022", "Northwind Staging", "staging"],
    ["100000000033", "Northwind Data", "production"],
    ["100000000044", "Northwind Sandbox", "development"],
    ["100000000055", "Northwind Shared", "production"],
];
pub(crate) const REGIONS: [[&str; 2]; 6] = [
    ["us-east-1", "US East (N. Virginia)"],
    ["us-west-2", "US West (Oregon)"],
    ["eu-west-1", "Europe (Ireland)"],
    ["eu-central-1", "Europe (Frankfurt)"],
    ["ap-southeast-1", "Asia Pacific (Singapore)"],
    ["ap-northeast-1", "Asia Pacific (Tokyo)"],
];
pub(crate) const TEAMS: [&str; 4] = ["checkout", "search", "platform", "analytics"];
pub(crate) const APPLICATIONS: [&str; 5] =
    ["storefront", "orders", "catalogue", "reports", "gateway"];

/// An unused address that is charged every day.
pub(crate) const IDLE_ADDRESS: Product = product(
    [
        "Amazon Virtual Private Cloud",
        "Networking",
        "elastic-ip",
        "Idle public IPv4 address hour",
        "Hours",
    ],
    5_000,
    0,
);
