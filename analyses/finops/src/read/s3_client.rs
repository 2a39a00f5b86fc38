//! The S3 client that reads bills.

use longhaul_shared::aws::clients;

pub(crate) async fn s3_client() -> aws_sdk_s3::Client {
    let config = clients::config().await;
    let settings = aws_sdk_s3::config::Builder::from(&config)
        .timeout_config(clients::slow_timeouts())
        .build();
    aws_sdk_s3::Client::from_conf(settings)
}
