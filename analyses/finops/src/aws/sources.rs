//! Which AWS cost services are enabled, and the recommendations of those that are.

use longhaul_shared::settings::{Environment, SettingsError};
use longhaul_worker::analysis::{Context, Failure};

use crate::aws::recommendations;
use crate::cost_data::aws_insights::ServiceRecommendations;

/// The AWS cost services that questions may use.
#[derive(Debug, Clone, Default)]
pub struct AwsSources {
    pub cost_explorer: bool,
    pub optimization_hub: bool,
    pub trusted_advisor: bool,
    /// The bucket in which Cost Explorer's responses are cached; `None` disables the cache.
    pub cache: Option<String>,
}

impl AwsSources {
    pub(crate) fn configured(config: &Environment) -> Result<Self, SettingsError> {
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

    /// Requests recommendations from both services concurrently, each as a step of the job. A service that fails is
    /// left out, and its failure is returned.
    pub(crate) async fn recommendations(
        &self,
        context: &Context,
    ) -> (Vec<ServiceRecommendations>, Vec<Failure>) {
        // On the heap, since the futures of the SDK's calls are deep.
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

/// The recommendations of one service, as a step of the job; none where it is disabled.
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
