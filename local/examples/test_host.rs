//! A Lambda host that a test kills while its function is busy. Its arguments are the function's program and a
//! folder; it never exits by itself.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use longhaul_local::lambda::{FunctionPrograms, Lambda, LaunchOptions};
use longhaul_local::stack_spec::Function;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let program = arguments
        .next()
        .context("the first argument must be the function's program")?;
    let folder = arguments
        .next()
        .context("the second argument must be a folder")?;
    let function = Function {
        name: "busy".into(),
        arn: "arn:aws:lambda:us-east-1:000000000000:function:busy".into(),
        handler: "main".into(),
        timeout: Duration::from_secs(900),
        memory_mib: 128,
        environment: BTreeMap::new(),
        package: None,
        reserved_concurrency: None,
        grants: None,
    };
    let launch = LaunchOptions {
        programs: FunctionPrograms::Shared(program),
        arguments: Vec::new(),
        environment: BTreeMap::from([("NOTES".into(), folder.display().to_string())]),
        secret_access_key: "secret".to_owned(),
        log_folder: folder.join("logs"),
        account_concurrency: 10,
    };
    let lambda = Lambda::start(vec![function], launch).await?;
    let event = Bytes::from_static(br#"{"do":"hold"}"#);
    let outcome = lambda.invoke("busy", event, None).await;
    anyhow::bail!("the function must not end by itself: {outcome:?}")
}
