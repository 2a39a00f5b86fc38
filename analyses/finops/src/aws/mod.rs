//! What AWS itself says of costs, besides the bills that it exports: Cost Explorer's figures and forecast, and what
//! the Cost Optimization Hub and Trusted Advisor recommend.
//!
//! Each service is asked over its own API, and what it says becomes rows and findings of the kinds that are there
//! already. What a question needs of whom is the supervisor's to decide.

mod cache;
pub(super) mod explorer;
pub(super) mod recommended;
pub(super) mod stretch;

use aws_sdk_costexplorer::config::http::HttpResponse;
use aws_sdk_costexplorer::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use longhaul_shared::settings::{Environment, SettingsError};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use explorer::Forecast;
use longhaul_worker::analysis::{Context, Failure};
use recommended::Recommended;

/// Where all three have their endpoint in the commercial partition, wherever the worker runs.
const HOME: &str = "us-east-1";

/// Which services are asked.
#[derive(Debug, Clone, Default)]
pub struct Services {
    pub cost_explorer: bool,
    pub optimization_hub: bool,
    pub trusted_advisor: bool,
    /// The bucket that Cost Explorer's answers are kept in for others who ask the same; `None` keeps none.
    pub cache: Option<String>,
}

/// What AWS says besides figures of days. It is said of the whole organisation, whatever a question leaves out.
#[derive(Debug, Clone, Default)]
pub(super) struct Opinion {
    pub forecast: Option<Forecast>,
    pub recommended: Vec<Recommended>,
}

impl Services {
    pub(super) fn configured(config: &Environment) -> Result<Self, SettingsError> {
        Ok(Self {
            cost_explorer: config.switch("COST_EXPLORER")?,
            optimization_hub: config.switch("COST_OPTIMIZATION_HUB")?,
            trusted_advisor: config.switch("TRUSTED_ADVISOR")?,
            cache: config.optional("RESULTS_BUCKET").map(str::to_owned),
        })
    }

    pub(super) fn any(&self) -> bool {
        self.cost_explorer || self.optimization_hub || self.trusted_advisor
    }

    /// Asks both for what they recommend, side by side; each is a step of the job. Who does not answer is left out.
    pub(super) async fn recommended(&self, context: &Context) -> (Vec<Recommended>, Vec<Failure>) {
        // On the heap, as the SDK's calls are deep futures.
        let (hub, advisor) = tokio::join!(
            asked(
                self.optimization_hub,
                context,
                "the Cost Optimization Hub",
                Box::pin(recommended::by_the_hub())
            ),
            asked(
                self.trusted_advisor,
                context,
                "Trusted Advisor",
                Box::pin(recommended::by_trusted_advisor())
            ),
        );
        let (mut all, mut failures) = (Vec::new(), Vec::new());
        for one in [hub, advisor] {
            match one {
                Ok(some) => all.extend(some),
                Err(failure) => failures.push(failure),
            }
        }
        (all, failures)
    }
}

/// What one of them recommends, as a step of the job; nothing where it is not to be asked.
async fn asked(
    wanted: bool,
    context: &Context,
    who: &str,
    work: impl Future<Output = Result<Vec<Recommended>, Failure>>,
) -> Result<Vec<Recommended>, Failure> {
    if !wanted {
        return Ok(vec![]);
    }
    context.progress(10, format!("Asking {who}"));
    context.step("recommended", who, work).await
}

/// An amount of money as AWS writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Amount {
    pub amount: Decimal,
    pub currency: String,
}

/// Why a service gave no answer. What may come right is tried again if nothing else answers the question; what
/// AWS itself says goes into the log.
fn unanswered<E>(who: &str, error: &SdkError<E, HttpResponse>, if_refused: &str) -> Failure
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let code = error.code().unwrap_or("no answer").to_owned();
    let status = error.raw_response().map(|answer| answer.status().as_u16());
    tracing::warn!(who, code, status, error = %DisplayErrorContext(error), "a source did not answer");
    let passing = [
        "ThrottlingException",
        "LimitExceededException",
        "RequestChangedException",
    ];
    if status.is_none_or(|status| status >= 500 || status == 429)
        || passing.contains(&code.as_str())
    {
        return Failure::Retry {
            code: "SOURCE_UNREACHABLE",
            message: format!("{who} does not answer now ({code})."),
        };
    }
    Failure::reject(
        "SOURCE_REFUSED",
        format!("{who} does not answer ({code}): {if_refused}"),
    )
}
