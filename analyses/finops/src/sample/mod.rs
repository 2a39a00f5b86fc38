//! Generates a FOCUS 1.0 bill, so that questions can be tried without a real bill.
//!
//! The same rows and seed give the same bytes on every machine, since random numbers and amounts are integers.

mod company;

use std::io::Write;

use anyhow::Context as _;
use jiff::ToSpan;
use jiff::civil::{Date, date};

use crate::sample::company::{
    ACCOUNTS, APPLICATIONS, FOCUS_1_0_COLUMNS, IDLE_ADDRESS, PRODUCTS, Product, REGIONS, TEAMS,
};

/// The bill's first day; it covers the twelve months up to 2026-05-31.
const FIRST_DAY: Date = date(2025, 6, 1);
const DAYS: u64 = 365;
/// The day, 2026-03-17, and the product that costs twelve times as much on it.
const SPIKE_DAY_AND_PRODUCT: (u64, usize) = (289, 0);
/// The product whose cost rises to four times its start.
const RISING_PRODUCT: usize = 4;

/// The product that is partly reserved, and how many of its resources are.
const RESERVED_PRODUCT_AND_COUNT: (usize, u64) = (2, 3);
/// The product with traffic between regions, and the first of its resources that has it.
const CROSS_REGION_PRODUCT_AND_FIRST: (usize, u64) = (8, 4);

/// How a charge is priced.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ChargePricing {
    OnDemand,
    Credit,
    /// Covered by a reservation, which costs five sevenths of the list price.
    Reserved,
    /// An unused hour of a reservation.
    Unused,
}

/// One charge. Its cost is exactly price times quantity.
struct SampleCharge<'a> {
    day: u64,
    product: &'a Product,
    resource: String,
    account: usize,
    region: usize,
    team: usize,
    application: usize,
    /// Millionths of a unit.
    quantity: u64,
    description: &'static str,
    pricing: ChargePricing,
}

/// Writes a bill of exactly `rows` rows: twelve months with a spike (Amazon Elastic Compute Cloud on 2026-03-17), a
/// trend (Amazon DynamoDB), an idle address, reserved databases, traffic between regions, and a credit on the first
/// of each month. From about 5,000 rows on, every day has the charges that it should have.
pub fn write_sample(rows: u64, seed: u64, out: impl Write) -> anyhow::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(FOCUS_1_0_COLUMNS)
        .context("writing the sample bill's header")?;
    let mut random = SplitMix64(seed);
    let kinds = PRODUCTS.len() as u64;
    let mut usage_rows = 0;
    for day in 0..DAYS {
        let count = rows_before(rows, day + 1) - rows_before(rows, day);
        let full = count > kinds;
        let first_of_month = date_of(day)?.day() == 1;
        let fixed = if full {
            1 + u64::from(first_of_month && count > kinds + 1)
        } else {
            0
        };
        for slot in 0..count {
            let charge = match slot {
                0 if fixed > 0 => idle_address_charge(day),
                1 if fixed > 1 => credit_charge(day),
                _ => {
                    usage_rows += 1;
                    let usual = count - fixed;
                    let at = (usage_rows % kinds) as usize;
                    // The rows of this day that share the product's cost.
                    let sharing = (usual / kinds).max(1);
                    usage_charge(day, at, sharing, &mut random)
                }
            };
            write_charge(&mut csv, &charge)?;
        }
    }
    csv.flush().context("writing the sample bill")
}

/// The rows of the days before `day`.
fn rows_before(rows: u64, day: u64) -> u64 {
    u64::try_from(u128::from(rows) * u128::from(day) / u128::from(DAYS)).unwrap_or(rows)
}

fn date_of(day: u64) -> anyhow::Result<Date> {
    Ok(FIRST_DAY.checked_add(i64::try_from(day)?.days())?)
}

fn idle_address_charge(day: u64) -> SampleCharge<'static> {
    let resource =
        "arn:aws:ec2:eu-west-1:100000000044:elastic-ip/eipalloc-0c0ffee0000000001".to_string();
    SampleCharge {
        day,
        product: &IDLE_ADDRESS,
        resource,
        account: 3,
        region: 2,
        team: 2,
        application: 4,
        quantity: 24_000_000,
        description: IDLE_ADDRESS.description,
        pricing: ChargePricing::OnDemand,
    }
}

fn credit_charge(day: u64) -> SampleCharge<'static> {
    let product = &PRODUCTS[0];
    SampleCharge {
        day,
        product,
        resource: String::new(),
        account: 0,
        region: 0,
        team: 2,
        application: 4,
        quantity: 306_372_549,
        description: "Promotional credit",
        pricing: ChargePricing::Credit,
    }
}

fn usage_charge(day: u64, at: usize, rows: u64, random: &mut SplitMix64) -> SampleCharge<'static> {
    let product = &PRODUCTS[at];
    let mut micros = product.daily * 1_000_000 / rows;
    if at == RISING_PRODUCT {
        micros += micros * 3 * day / DAYS;
    }
    if (day, at) == SPIKE_DAY_AND_PRODUCT {
        micros *= 12;
    }
    // Plus or minus a tenth, so that days differ.
    micros = micros * (900 + random.below(201)) / 1_000;
    let account = [0, 0, 0, 1, 2, 2, 3, 4][random.below(8) as usize];
    let region = [0, 0, 0, 1, 1, 2, 2, 3, 4, 5][random.below(10) as usize];
    let number = random.below(6);
    let resource = format!(
        "arn:aws:{}:{}:{}:{}/{}-{number:04}",
        product.category.to_ascii_lowercase().replace(' ', "-"),
        REGIONS[region][0],
        ACCOUNTS[account][0],
        product.resource,
        product.resource
    );
    let team = random.below(4) as usize;
    let pricing = match at == RESERVED_PRODUCT_AND_COUNT.0 && number < RESERVED_PRODUCT_AND_COUNT.1
    {
        true if number == 0 && team == 0 => ChargePricing::Unused,
        true => ChargePricing::Reserved,
        false => ChargePricing::OnDemand,
    };
    let description = match pricing {
        ChargePricing::Unused => "Reserved hours that nothing used",
        _ if at == CROSS_REGION_PRODUCT_AND_FIRST.0
            && number >= CROSS_REGION_PRODUCT_AND_FIRST.1 =>
        {
            "Inter-region data transfer out"
        }
        _ => product.description,
    };
    SampleCharge {
        day,
        product,
        resource,
        account,
        region,
        team,
        application: random.below(5) as usize,
        // Micro-dollars divided by micro-dollars for a unit, in millionths.
        quantity: micros * 1_000_000 / product.price,
        description,
        pricing,
    }
}

fn write_charge<W: Write>(
    csv: &mut csv::Writer<W>,
    charge: &SampleCharge<'_>,
) -> anyhow::Result<()> {
    let SampleCharge { product, .. } = charge;
    let day = date_of(charge.day)?;
    let month = day.first_of_month();
    let start = |day: Date| format!("{day}T00:00:00Z");
    let credited = charge.pricing == ChargePricing::Credit;
    let sign = if credited { "-" } else { "" };
    // Millionths times millionths.
    let cost = u128::from(charge.quantity) * u128::from(product.price);
    let trillionths = |value: u128| {
        format!(
            "{}.{:012}",
            value / 1_000_000_000_000,
            value % 1_000_000_000_000
        )
    };
    let reserved = matches!(
        charge.pricing,
        ChargePricing::Reserved | ChargePricing::Unused
    );
    let list = match reserved {
        // Seven fifths; costs are integers in trillionths, and the rest of the division is dropped.
        true => trillionths(cost * 7 / 5),
        false => format!("{sign}{}", trillionths(cost)),
    };
    let cost = format!("{sign}{}", trillionths(cost));
    let millionths = |value: u64| format!("{}.{:06}", value / 1_000_000, value % 1_000_000);
    let (quantity, price) = (millionths(charge.quantity), millionths(product.price));
    let zone = if credited {
        String::new()
    } else {
        format!("{}a", REGIONS[charge.region][0])
    };
    let tags = format!(
        r#"{{"application": "{}", "environment": "{}", "team": "{}"}}"#,
        APPLICATIONS[charge.application], ACCOUNTS[charge.account][2], TEAMS[charge.team]
    );
    let used = |value: &str| {
        if credited {
            String::new()
        } else {
            value.to_string()
        }
    };
    let sku = format!("SKU{:05}{:03}", product.price % 100_000, product.name.len());
    let period_end = start(month.checked_add(1.month())?);
    let (period_start, charge_end, charge_start) =
        (start(month), start(day.tomorrow()?), start(day));
    let (category, frequency) = match credited {
        true => ("Credit", "One-Time"),
        false => ("Usage", "Usage-Based"),
    };
    let (status, pricing) = match charge.pricing {
        ChargePricing::OnDemand => ("", "Standard"),
        ChargePricing::Credit => ("", ""),
        ChargePricing::Reserved => ("Used", "Committed"),
        ChargePricing::Unused => ("Unused", "Committed"),
    };
    let of_reservation = |value: &'static str| if reserved { value } else { "" };
    let consumed = match charge.pricing {
        ChargePricing::Unused | ChargePricing::Credit => [String::new(), String::new()],
        _ => [quantity.clone(), product.unit.to_string()],
    };
    let record: [&str; 43] = [
        &zone,
        &cost,
        "100000000000",
        "Northwind Traders",
        "USD",
        &period_end,
        &period_start,
        category,
        "",
        charge.description,
        frequency,
        &charge_end,
        &charge_start,
        of_reservation("Usage"),
        of_reservation("ri-2025-06-01-northwind"),
        of_reservation("Databases, one year, no upfront"),
        status,
        of_reservation("Reserved Instance"),
        &consumed[0],
        &consumed[1],
        &cost,
        &used(&price),
        &cost,
        "Amazon Web Services, Inc.",
        &list,
        &used(&price),
        pricing,
        &used(&quantity),
        &used(product.unit),
        "AWS",
        "Amazon Web Services, Inc.",
        REGIONS[charge.region][0],
        REGIONS[charge.region][1],
        &charge.resource,
        "",
        &used(product.resource),
        product.category,
        product.name,
        &used(&sku),
        &used(&format!("{sku}.STD")),
        ACCOUNTS[charge.account][0],
        ACCOUNTS[charge.account][1],
        &tags,
    ];
    csv.write_record(record).context("writing the sample bill")
}

/// The random generator SplitMix64: short, and the same numbers everywhere.
struct SplitMix64(u64);

impl SplitMix64 {
    /// A number from 0 to below `limit`.
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}
