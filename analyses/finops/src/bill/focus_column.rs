//! The FOCUS columns that a plan can filter and group by besides service, account, region, tags and days.

use serde::{Deserialize, Serialize};

/// A column of text, by its FOCUS name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum FocusColumn {
    AvailabilityZone,
    BillingAccountId,
    ChargeCategory,
    ChargeClass,
    ChargeDescription,
    ChargeFrequency,
    CommitmentDiscountId,
    CommitmentDiscountStatus,
    CommitmentDiscountType,
    ConsumedUnit,
    InvoiceIssuerName,
    PricingCategory,
    ProviderName,
    PublisherName,
    ResourceId,
    ResourceType,
    ServiceCategory,
    SkuId,
}

impl FocusColumn {
    pub(crate) const ALL: [Self; 18] = [
        Self::AvailabilityZone,
        Self::BillingAccountId,
        Self::ChargeCategory,
        Self::ChargeClass,
        Self::ChargeDescription,
        Self::ChargeFrequency,
        Self::CommitmentDiscountId,
        Self::CommitmentDiscountStatus,
        Self::CommitmentDiscountType,
        Self::ConsumedUnit,
        Self::InvoiceIssuerName,
        Self::PricingCategory,
        Self::ProviderName,
        Self::PublisherName,
        Self::ResourceId,
        Self::ResourceType,
        Self::ServiceCategory,
        Self::SkuId,
    ];

    /// Its name in the bill.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::AvailabilityZone => "AvailabilityZone",
            Self::BillingAccountId => "BillingAccountId",
            Self::ChargeCategory => "ChargeCategory",
            Self::ChargeClass => "ChargeClass",
            Self::ChargeDescription => "ChargeDescription",
            Self::ChargeFrequency => "ChargeFrequency",
            Self::CommitmentDiscountId => "CommitmentDiscountId",
            Self::CommitmentDiscountStatus => "CommitmentDiscountStatus",
            Self::CommitmentDiscountType => "CommitmentDiscountType",
            Self::ConsumedUnit => "ConsumedUnit",
            Self::InvoiceIssuerName => "InvoiceIssuerName",
            Self::PricingCategory => "PricingCategory",
            Self::ProviderName => "ProviderName",
            Self::PublisherName => "PublisherName",
            Self::ResourceId => "ResourceId",
            Self::ResourceType => "ResourceType",
            Self::ServiceCategory => "ServiceCategory",
            Self::SkuId => "SkuId",
        }
    }

    /// What people call a value of it.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::AvailabilityZone => "availability zone",
            Self::BillingAccountId => "billing account",
            Self::ChargeCategory => "charge category",
            Self::ChargeClass => "charge class",
            Self::ChargeDescription => "description",
            Self::ChargeFrequency => "charge frequency",
            Self::CommitmentDiscountId => "commitment",
            Self::CommitmentDiscountStatus => "commitment status",
            Self::CommitmentDiscountType => "commitment type",
            Self::ConsumedUnit => "unit",
            Self::InvoiceIssuerName => "invoice issuer",
            Self::PricingCategory => "pricing category",
            Self::ProviderName => "provider",
            Self::PublisherName => "publisher",
            Self::ResourceId => "resource",
            Self::ResourceType => "resource type",
            Self::ServiceCategory => "service category",
            Self::SkuId => "SKU",
        }
    }

    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|column| column.name().eq_ignore_ascii_case(name))
    }

    /// The columns that a row has beside its own fields.
    pub(crate) const FURTHER: [Self; 11] = [
        Self::AvailabilityZone,
        Self::BillingAccountId,
        Self::ChargeClass,
        Self::ChargeFrequency,
        Self::CommitmentDiscountId,
        Self::CommitmentDiscountType,
        Self::InvoiceIssuerName,
        Self::PublisherName,
        Self::ResourceType,
        Self::ServiceCategory,
        Self::SkuId,
    ];

    /// The key under which a ledger keeps its values beside the tags. No tag's normalized key has a colon.
    pub(crate) fn tag_key(self) -> &'static str {
        match self {
            Self::AvailabilityZone => "focus:availabilityzone",
            Self::BillingAccountId => "focus:billingaccountid",
            Self::ChargeCategory => "focus:chargecategory",
            Self::ChargeClass => "focus:chargeclass",
            Self::ChargeDescription => "focus:chargedescription",
            Self::ChargeFrequency => "focus:chargefrequency",
            Self::CommitmentDiscountId => "focus:commitmentdiscountid",
            Self::CommitmentDiscountStatus => "focus:commitmentdiscountstatus",
            Self::CommitmentDiscountType => "focus:commitmentdiscounttype",
            Self::ConsumedUnit => "focus:consumedunit",
            Self::InvoiceIssuerName => "focus:invoiceissuername",
            Self::PricingCategory => "focus:pricingcategory",
            Self::ProviderName => "focus:providername",
            Self::PublisherName => "focus:publishername",
            Self::ResourceId => "focus:resourceid",
            Self::ResourceType => "focus:resourcetype",
            Self::ServiceCategory => "focus:servicecategory",
            Self::SkuId => "focus:skuid",
        }
    }
}
