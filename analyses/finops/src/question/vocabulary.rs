//! The words for a bill's columns, their usual values and its measures; and what of a bill a conversation needs,
//! which is known by these words before the bill is read.

use std::collections::BTreeSet;

use crate::bill::charge_details::DetailNeeds;
use crate::bill::focus_column::FocusColumn;
use crate::bill::grouping::Grouping;
use crate::bill::measure::Measure;
use crate::question::dates;
use crate::question::service_names;
use crate::question::stop_words::is_stop_word;
use crate::text::tokens::Tokens;

/// Phrases, without spaces and in lower case, and the measure that they name; longer ones first.
const MEASURES: &[(&str, Measure)] = &[
    (
        "differencebetweenlistcostandeffectivecost",
        Measure::Discount,
    ),
    ("differencebetweenlistandeffectivecost", Measure::Discount),
    ("listcostlesseffectivecost", Measure::Discount),
    ("listcostminuseffectivecost", Measure::Discount),
    ("throughdiscountsandcommitments", Measure::Discount),
    ("fromdiscountsandcommitments", Measure::Discount),
    ("discountsandcommitments", Measure::Discount),
    ("throughdiscounts", Measure::Discount),
    ("fromdiscounts", Measure::Discount),
    ("discountedamount", Measure::Discount),
    ("netamortised", Measure::Effective),
    ("netamortized", Measure::Effective),
    ("amortised", Measure::Effective),
    ("amortized", Measure::Effective),
    ("effectivecosts", Measure::Effective),
    ("effectivecost", Measure::Effective),
    ("effectivespend", Measure::Effective),
    ("effectively", Measure::Effective),
    ("effective", Measure::Effective),
    ("ondemandequivalent", Measure::List),
    ("atpubliclistprices", Measure::List),
    ("atlistprices", Measure::List),
    ("atlistprice", Measure::List),
    ("listprices", Measure::List),
    ("listprice", Measure::List),
    ("listcosts", Measure::List),
    ("listcost", Measure::List),
    ("publicprices", Measure::List),
    ("publicprice", Measure::List),
    ("retailprices", Measure::List),
    ("retailprice", Measure::List),
    ("retailcost", Measure::List),
    ("undiscounted", Measure::List),
    ("usagequantity", Measure::Quantity),
    ("usagequantities", Measure::Quantity),
    ("consumedquantity", Measure::Quantity),
    ("quantityconsumed", Measure::Quantity),
    ("quantities", Measure::Quantity),
    ("quantity", Measure::Quantity),
    ("usageamount", Measure::Quantity),
    ("howmanylineitems", Measure::Charges),
    ("howmanycharges", Measure::Charges),
    ("howmanyrecords", Measure::Charges),
    ("howmanyrows", Measure::Charges),
    ("numberoflineitems", Measure::Charges),
    ("numberofcharges", Measure::Charges),
    ("numberofrecords", Measure::Charges),
    ("numberofrows", Measure::Charges),
    ("countofcharges", Measure::Charges),
    ("billedcosts", Measure::Billed),
    ("billedcost", Measure::Billed),
    ("unblended", Measure::Billed),
];

/// Nouns that a question groups by, without spaces.
const COLUMN_NOUNS: &[(&str, FocusColumn)] = &[
    ("availabilityzone", FocusColumn::AvailabilityZone),
    ("zone", FocusColumn::AvailabilityZone),
    ("az", FocusColumn::AvailabilityZone),
    ("billingaccount", FocusColumn::BillingAccountId),
    ("payeraccount", FocusColumn::BillingAccountId),
    ("chargecategory", FocusColumn::ChargeCategory),
    ("chargecategories", FocusColumn::ChargeCategory),
    ("chargetype", FocusColumn::ChargeCategory),
    ("recordtype", FocusColumn::ChargeCategory),
    ("typeofcharge", FocusColumn::ChargeCategory),
    ("chargeclass", FocusColumn::ChargeClass),
    ("chargedescription", FocusColumn::ChargeDescription),
    ("description", FocusColumn::ChargeDescription),
    ("usagetype", FocusColumn::ChargeDescription),
    ("lineitemdescription", FocusColumn::ChargeDescription),
    ("chargefrequency", FocusColumn::ChargeFrequency),
    ("commitmentstatus", FocusColumn::CommitmentDiscountStatus),
    ("commitmenttype", FocusColumn::CommitmentDiscountType),
    ("consumedunit", FocusColumn::ConsumedUnit),
    ("usageunit", FocusColumn::ConsumedUnit),
    ("invoiceissuer", FocusColumn::InvoiceIssuerName),
    ("pricingcategory", FocusColumn::PricingCategory),
    ("pricingcategories", FocusColumn::PricingCategory),
    ("pricingmodel", FocusColumn::PricingCategory),
    ("purchaseoption", FocusColumn::PricingCategory),
    ("cloudprovider", FocusColumn::ProviderName),
    ("provider", FocusColumn::ProviderName),
    ("vendor", FocusColumn::ProviderName),
    ("cloud", FocusColumn::ProviderName),
    ("publisher", FocusColumn::PublisherName),
    ("resourceid", FocusColumn::ResourceId),
    ("resource", FocusColumn::ResourceId),
    ("arn", FocusColumn::ResourceId),
    ("resourcetype", FocusColumn::ResourceType),
    ("servicecategory", FocusColumn::ServiceCategory),
    ("servicecategories", FocusColumn::ServiceCategory),
    ("sku", FocusColumn::SkuId),
    ("skuid", FocusColumn::SkuId),
];

/// Kinds of resources; one that a question asks for by `which` or `top` is a resource.
const RESOURCE_NOUNS: &[&str] = &[
    "function", "bucket", "queue", "volume", "cluster", "instance", "table", "machine", "vm",
];

/// Phrases for a value of a column.
const VALUES: &[(&str, FocusColumn, &str)] = &[
    ("taxes", FocusColumn::ChargeCategory, "Tax"),
    ("tax", FocusColumn::ChargeCategory, "Tax"),
    ("vat", FocusColumn::ChargeCategory, "Tax"),
    ("credits", FocusColumn::ChargeCategory, "Credit"),
    ("credit", FocusColumn::ChargeCategory, "Credit"),
    ("refunds", FocusColumn::ChargeCategory, "Refund"),
    ("refund", FocusColumn::ChargeCategory, "Refund"),
    ("refunded", FocusColumn::ChargeCategory, "Refund"),
    ("adjustments", FocusColumn::ChargeCategory, "Adjustment"),
    ("adjustment", FocusColumn::ChargeCategory, "Adjustment"),
    ("usagecharges", FocusColumn::ChargeCategory, "Usage"),
    ("usagecosts", FocusColumn::ChargeCategory, "Usage"),
    ("upfrontfees", FocusColumn::ChargeCategory, "Purchase"),
    ("upfront", FocusColumn::ChargeCategory, "Purchase"),
    ("purchases", FocusColumn::ChargeCategory, "Purchase"),
    ("purchase", FocusColumn::ChargeCategory, "Purchase"),
    ("purchased", FocusColumn::ChargeCategory, "Purchase"),
    ("onetimecharges", FocusColumn::ChargeFrequency, "One-Time"),
    ("onetime", FocusColumn::ChargeFrequency, "One-Time"),
    (
        "recurringcharges",
        FocusColumn::ChargeFrequency,
        "Recurring",
    ),
    ("recurring", FocusColumn::ChargeFrequency, "Recurring"),
    ("ondemand", FocusColumn::PricingCategory, "Standard"),
    ("committedspend", FocusColumn::PricingCategory, "Committed"),
    ("spot", FocusColumn::PricingCategory, "Dynamic"),
    ("compute", FocusColumn::ServiceCategory, "Compute"),
    ("databases", FocusColumn::ServiceCategory, "Databases"),
    ("database", FocusColumn::ServiceCategory, "Databases"),
    ("networking", FocusColumn::ServiceCategory, "Networking"),
    ("storage", FocusColumn::ServiceCategory, "Storage"),
];

/// The measure named at this token, and the index after it.
pub(crate) fn measure_at(tokens: &Tokens, at: usize) -> Option<(Measure, usize)> {
    let found = MEASURES
        .iter()
        .find_map(|(phrase, measure)| Some((*measure, tokens.phrase_at(at, phrase)?)))?;
    Some(found)
}

/// The value of a column named at this token, and the index after it: the longest phrase.
pub(crate) fn value_at(tokens: &Tokens, at: usize) -> Option<(FocusColumn, &'static str, usize)> {
    let found = VALUES.iter().filter_map(|(phrase, column, value)| {
        Some((*column, *value, tokens.phrase_at(at, phrase)?))
    });
    found.max_by_key(|(_, _, end)| *end)
}

/// The column whose noun stands at this token, and the index after it.
pub(crate) fn column_at(tokens: &Tokens, at: usize) -> Option<(FocusColumn, usize)> {
    let found = COLUMN_NOUNS.iter().filter_map(|(phrase, column)| {
        let plural = format!("{phrase}s");
        let end = tokens
            .phrase_at(at, &plural)
            .or_else(|| tokens.phrase_at(at, phrase))?;
        Some((*column, end))
    });
    found.max_by_key(|(_, end)| *end)
}

/// The grouping whose noun stands at this token, and the index after it. Tags aside.
pub(crate) fn grouping_at(tokens: &Tokens, at: usize) -> Option<(Grouping, usize)> {
    let column = column_at(tokens, at).map(|(column, end)| (Grouping::Column(column), end));
    let phrases: [(&str, Grouping); 4] = [
        ("dayoftheweek", Grouping::Weekday),
        ("dayofweek", Grouping::Weekday),
        ("daysoftheweek", Grouping::Weekday),
        ("linkedaccount", Grouping::Account),
    ];
    let phrase = phrases
        .into_iter()
        .find_map(|(phrase, grouping)| Some((grouping, tokens.phrase_at(at, phrase)?)));
    let word = noun(tokens.unused_text(at)).map(|grouping| (grouping, at + 1));
    let found = [column, phrase, word].into_iter().flatten();
    found.max_by_key(|(_, end)| *end)
}

fn noun(noun: &str) -> Option<Grouping> {
    Some(match noun {
        "service" | "services" | "product" | "products" | "dienst" | "diensten" | "dienste"
        | "servicio" | "servicios" => Grouping::Service,
        "account" | "accounts" | "subaccount" | "subaccounts" | "konto" | "konten" | "cuenta"
        | "cuentas" => Grouping::Account,
        "region" | "regions" | "regionen" | "región" | "regiones" => Grouping::Region,
        "day" | "days" | "daily" | "date" | "tag" | "día" => Grouping::Day,
        "week" | "weeks" | "weekly" | "woche" | "semana" => Grouping::Week,
        "month" | "months" | "monthly" | "monat" | "mes" => Grouping::Month,
        "quarter" | "quarters" | "quarterly" => Grouping::Quarter,
        "year" | "years" | "yearly" | "annual" | "annually" => Grouping::Year,
        "weekday" | "weekdays" => Grouping::Weekday,
        _ => return None,
    })
}

/// Whether it is a kind of resources, such as `functions`.
pub(crate) fn is_resource_noun(word: &str) -> bool {
    RESOURCE_NOUNS.contains(&word)
        || word
            .strip_suffix('s')
            .is_some_and(|one| RESOURCE_NOUNS.contains(&one))
}

/// What the full names of environments are called for short.
const ABBREVIATIONS: &[(&str, &str)] = &[
    ("prod", "production"),
    ("prd", "production"),
    ("dev", "development"),
    ("stage", "staging"),
    ("stg", "staging"),
];

/// The long form of an abbreviation.
pub(crate) fn long_form(word: &str) -> Option<&'static str> {
    let found = ABBREVIATIONS.iter().find(|(short, _)| *short == word);
    found.map(|(_, long)| *long)
}

/// The turns, and the long forms of their abbreviations, so that the bill keeps what those name.
pub(crate) fn with_long_forms(turns: &[Tokens]) -> Vec<Tokens> {
    let words = turns
        .iter()
        .flat_map(|turn| (0..turn.len()).map(|at| turn.text(at)));
    let long = words.filter_map(long_form).collect::<BTreeSet<_>>();
    turns
        .iter()
        .cloned()
        .chain(long.into_iter().map(Tokens::of))
        .collect()
}

/// What of each charge these turns need.
pub(crate) fn needs(turns: &[Tokens]) -> DetailNeeds {
    let mut needs = DetailNeeds::default();
    for turn in turns {
        for at in 0..turn.len() {
            let word = turn.text(at);
            if let Some((measure, _)) = measure_at(turn, at) {
                needs.measures |= measure != Measure::Billed;
            }
            if let Some((column, _, _)) = value_at(turn, at) {
                needs.columns.insert(column);
            }
            if let Some((column, _)) = column_at(turn, at) {
                needs.columns.insert(column);
            }
            if is_resource_noun(word) {
                needs.columns.insert(FocusColumn::ResourceId);
            }
            let counted = matches!(word, "many" | "hours" | "number");
            needs.measures |= counted;
            if may_be_in_a_description(word) {
                needs.description_words.insert(word.to_string());
            }
            if let Some(column) = FocusColumn::of_name(word) {
                needs.columns.insert(column);
            }
            let measure = Measure::ALL
                .into_iter()
                .find(|measure| measure.name() == word);
            needs.measures |= turn.is_plan() && measure.is_some_and(|it| it != Measure::Billed);
        }
    }
    needs
}

/// Words that questions are made of, which do not describe a charge's description.
const QUESTION_WORDS: &str = "service services account accounts region regions month months week weeks day days year \
    quarter last this next previous past first second total top most highest largest biggest expensive cheapest \
    break down split group show between compare versus trend forecast budget increase increased decrease changed \
    change higher lower spike anomaly anomalies coverage team environment production staging development amazon \
    monthly daily weekly quarterly average since until before after without except excluding other than date why \
    did does much more less than what's whats reduce save savings budget cloud tell joke";

/// Whether the word may name charges by their description.
pub(crate) fn may_be_in_a_description(word: &str) -> bool {
    word.chars().count() >= 3
        && !is_stop_word(word)
        && !word.chars().all(|letter| letter.is_ascii_digit())
        && dates::month_name(word).is_none()
        && noun(word).is_none()
        && !service_names::is_short_name(word)
        && !QUESTION_WORDS.split_whitespace().any(|other| other == word)
}
