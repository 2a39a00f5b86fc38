//! What AWS itself says of costs, besides the bills that it exports: Cost Explorer's figures and forecast, and what
//! the Cost Optimization Hub and Trusted Advisor recommend.
//!
//! Each service is asked over its own API, and what it says becomes rows and findings of the kinds that are there
//! already. What a question needs of whom is the supervisor's to decide.

use longhaul_shared::settings::{Settings, SettingsError};
use longhaul_worker::analysis::{Context, Failure};

use crate::aws::recommendations;
use crate::cost_data::aws_insights::ServiceRecommendations;

/// Which services are asked.
#[derive(Debug, Clone, Default)]
pub struct AwsSources {
    pub cost_explorer: bool,
    pub optimization_hub: bool,
    pub trusted_advisor: bool,
    /// The bucket that Cost Explorer's answers are kept in for others service ask the same; `None` keeps none.
    pub cache: Option<String>,
}

impl AwsSources {
    pub(crate) fn configured(config: &Settings) -> Result<Self, SettingsError> {
        Ok(Self {
            cost_explorer: config.switch("COST_EXPLORER")?,
            optimization_hub: config.switch("COST_OPTIMIZATION_HUB")?,
            trusted_advisor: config.switch("TRUSTED_ADVISOR")?,
            cache: config.optional("RESULTS_BUCKET").map(str::to_owned),
        })
    }

    pub(crate) fn any_enabled(&self) -> bool {
        self.cost_explorer || self.optimization_hub || self.trusted_advisor
    }

    /// Asks both for what they recommend, side by side; each is a step of the job. Who does not answer is left out.
    pub(crate) async fn recommendations(
        &self,
        context: &Context,
    ) -> (Vec<ServiceRecommendations>, Vec<Failure>) {
        // On the heap, as the SDK's calls are deep futures.
        let (hub, advisor) = tokio::join!(
            recommendations_step(
                self.optimization_hub,
                context,
                "the Cost Optimization Hub",
                Box::pin(recommendations::from_optimization_hub())
            ),
            recommendations_step(
                self.trusted_advisor,
                context,
                "Trusted Advisor",
                Box::pin(recommendations::from_trusted_advisor())
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
async fn recommendations_step(
    enabled: bool,
    context: &Context,
    service: &str,
    work: impl Future<Output = Result<Vec<ServiceRecommendations>, Failure>>,
) -> Result<Vec<ServiceRecommendations>, Failure> {
    if !enabled {
        return Ok(vec![]);
    }
    context.progress(10, format!("Asking {service}"));
    context.step("recommended", service, work).await
}
