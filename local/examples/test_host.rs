//! A Lambda host that this crate's tests kill while its function is running.
//!
//! Arguments: the function's program and a data folder. It never ends by itself.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use longhaul_local::lambda::{Lambda, Launch, Program};
use longhaul_local::plan::Function;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let program = arguments
        .next()
        .context("missing argument: the function's program")?;
    let folder = arguments.next().context("missing argument: a folder")?;
    let function = Function {
        name: "busy".into(),
        arn: "arn:aws:lambda:us-east-1:000000000000:function:busy".into(),
        handler: "main".into(),
        timeout: Duration::from_secs(900),
        memory: 128,
        environment: BTreeMap::new(),
        package: None,
        reserved_concurrency: None,
        grants: None,
    };
    let launch = Launch {
        program: Program::One(program),
        args: Vec::new(),
        environment: BTreeMap::from([("NOTES".into(), folder.display().to_string())]),
        logs: folder.join("logs"),
        concurrency: 10,
    };
    let lambda = Lambda::start(vec![function], launch).await?;
    let event = Bytes::from_static(br#"{"do":"hold"}"#);
    let ended = lambda.invoke("busy", event, None).await;
    anyhow::bail!("the function never ends by itself: {ended:?}")
}
