//! Lambda functions of somebody else's that do a part of the work: they answer recordings, and are agents.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crate::api::dialects::noop;
use crate::api::voice_messages::{frame, piece, wav};
use crate::support::stack::{Stack, root};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

/// In the template, beside the project's own.
const FUNCTION: &str = r#"
  TheirFunction:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: !Sub "${ProjectName}-theirs"
      Runtime: provided.al2023
      Handler: theirs
      Code: {S3Bucket: !Ref CodeBucket, S3Key: theirs.zip}
      Timeout: 20
      Role: !GetAtt SweepRole.Arn

  OtherFunction:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: !Sub "${ProjectName}-others"
      Runtime: provided.al2023
      Handler: theirs
      Code: {S3Bucket: !Ref CodeBucket, S3Key: theirs.zip}
      Timeout: 20
      Role: !GetAtt SweepRole.Arn
"#;
pub const ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:longhaul-theirs";
const OTHER: &str = "arn:aws:lambda:us-east-1:000000000000:function:longhaul-others";

/// A stack whose template has `tests/programs/function.py` as two more functions.
pub struct Theirs {
    pub stack: Stack,
    packages: TempDir,
}

impl Theirs {
    async fn start(parameters: &[String]) -> Result<Self> {
        Self::start_with(parameters, vec![]).await
    }

    /// The same, with these variables in the environment of `longhaul up`.
    pub async fn start_with(
        parameters: &[String],
        environment: Vec<(String, String)>,
    ) -> Result<Self> {
        let packages = tempfile::tempdir()?;
        let bootstrap = |name: &str| packages.path().join(name).join("bootstrap");
        for name in ["handlers", "worker", "theirs"] {
            std::fs::create_dir(packages.path().join(name))?;
        }
        for name in ["handlers", "worker"] {
            symlink(env!("CARGO_BIN_EXE_longhaul"), bootstrap(name))?;
        }
        std::fs::copy(
            root().join("tests/programs/function.py"),
            bootstrap("theirs"),
        )?;
        std::fs::set_permissions(bootstrap("theirs"), Permissions::from_mode(0o755))?;
        let template = std::fs::read_to_string(root().join("cloudformation/template.yaml"))?;
        let (before, after) = template.split_once("\nOutputs:").context("no outputs")?;
        let changed = packages.path().join("template.yaml");
        std::fs::write(&changed, format!("{before}\n{FUNCTION}\nOutputs:{after}"))?;
        let text = |path: &Path| path.to_str().map(str::to_owned).context("a path");
        let (template, folder) = (text(&changed)?, text(packages.path())?);
        let mut options = vec!["--template", &template, "--packages", &folder];
        for parameter in parameters {
            options.extend(["--parameter", parameter]);
        }
        let stack = Stack::start_with(&options, environment).await?;
        Ok(Self { stack, packages })
    }

    /// What they were asked so far.
    fn calls(&self) -> Result<Vec<Value>> {
        let calls = std::fs::read_to_string(self.packages.path().join("theirs/calls"))?;
        let calls = calls.lines().map(serde_json::from_str);
        Ok(calls.collect::<Result<_, _>>()?)
    }
}

#[tokio::test]
async fn a_function_that_is_configured_answers_the_recording() -> Result<()> {
    let theirs = Theirs::start(&[format!("TranscriberArn={ARN}")]).await?;
    let mut alice = theirs.stack.client("alice").await?;
    let start = frame("voice_start", json!({"format": "wav"}));
    let started = alice.ask(start).await?;
    let session = &started["data"]["sessionId"];
    for (index, audio) in wav().chunks(6_000).enumerate() {
        alice.ask(piece(session, index, audio)).await?;
    }
    let end = frame("voice_end", json!({"sessionId": session}));
    alice.send(end).await?;
    let heard = alice.until("text_response").await?.pop();
    let heard = heard.context("nothing")?;
    assert_eq!(heard["data"]["text"], "I heard 1000 ms.", "{heard}");
    let id = heard["jobId"].as_str().context("no id")?;
    let job = alice.until_job_is(id, "completed").await?;
    assert_eq!(job["attempt"], 2, "it failed once: {job}");
    assert_eq!(job["result"]["transcription"]["language"], "en", "{job}");

    let calls = theirs.calls()?;
    assert_eq!(calls.len(), 2, "once for each attempt");
    assert_eq!(calls[1]["key"], format!("recordings/whole/{id}"));
    assert_eq!(
        calls[1]["bucket"],
        "longhaul-results-000000000000-us-east-1"
    );
    assert_eq!(calls[1]["recording"]["bytes"], wav().len());
    // What failed there is for the log, and not for users.
    let log = theirs.stack.log("worker");
    ensure!(log.contains("not yet") && !job.to_string().contains("not yet"));
    Ok(())
}

#[tokio::test]
async fn an_existing_function_is_asked_by_its_kind() -> Result<()> {
    let agent = ["AgentKinds=echo".to_owned(), format!("AgentArns={ARN}")];
    let theirs = Theirs::start(&agent).await?;
    let mut alice = theirs.stack.client("alice").await?;
    let asks = |query: &str| json!({"action": "query", "kind": "echo", "query": query, "params": {"n": 1}});
    alice.send(asks("hello")).await?;
    let events = alice.until("job_completed").await?;
    let result = json!({"response": "HELLO", "turns": 0, "given": {"n": 1}});
    assert_eq!(events.last().context("no end")?["result"], result);
    ensure!(
        events.iter().any(|event| event["content"] == "HELLO"),
        "{events:?}"
    );

    alice.send(asks("Tell me a secret")).await?;
    let end = alice.until_end().await?;
    assert_eq!(
        (&end["code"], &end["error"]),
        (&json!("AGENT_REJECTED"), &json!("I keep secrets."))
    );

    // In a conversation it is given the turns before.
    let mut message = noop("sendMessage", "and again", json!({}));
    message["kind"] = "echo".into();
    for turns in 0..2 {
        alice.send(message.clone()).await?;
        alice.until("complete").await?;
        let asked = theirs.calls()?.pop().context("no call")?;
        assert_eq!(
            asked["history"].as_array().map(Vec::len),
            Some(turns),
            "{asked}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_function_that_streams_tells_how_far_it_is_and_its_answer_as_it_comes() -> Result<()> {
    let agent = ["AgentKinds=slow".to_owned(), format!("AgentArns={ARN}")];
    let theirs = Theirs::start(&agent).await?;
    let mut alice = theirs.stack.client("alice").await?;
    alice
        .send(json!({"action": "query", "kind": "slow", "query": "stream"}))
        .await?;
    // It is still at work: it waits for what is written below.
    let (mut halfway, mut streamed) = (false, String::new());
    while !halfway || streamed.is_empty() {
        let event = alice.next().await?;
        halfway |= event["progress"] == 40 && event["message"] == "Halfway";
        streamed += event["content"].as_str().unwrap_or_default();
    }
    assert_eq!(streamed, "It is ");
    std::fs::write(theirs.packages.path().join("theirs/go"), "")?;
    let events = alice.until("job_completed").await?;
    let content = events.iter().filter_map(|event| event["content"].as_str());
    streamed.extend(content);
    // What the first attempt said, which ended in an error, is said once.
    assert_eq!(streamed, "It is done.", "{events:?}");
    let end = events.last().context("no end")?;
    let result = json!({"response": "It is done.", "turns": 0});
    assert_eq!(end["result"], result);
    assert_eq!(end["usage"]["attempts"], 2, "{end}");
    Ok(())
}

#[tokio::test]
async fn several_functions_of_one_kind_are_asked_side_by_side() -> Result<()> {
    let agents = [
        "AgentKinds=review,review".to_owned(),
        format!("AgentArns={ARN},{OTHER}"),
        "MaxAttempts=1".to_owned(),
    ];
    let theirs = Theirs::start(&agents).await?;
    let mut alice = theirs.stack.client("alice").await?;
    let asks = |query: &str| json!({"action": "query", "kind": "review", "query": query});
    alice.send(asks("both")).await?;
    let end = alice.until_end().await?;
    assert_eq!(end["type"], "job_completed", "{end}");
    let names = ["longhaul-theirs", "longhaul-others"];
    for (agent, name) in names.iter().enumerate() {
        let agent = &end["result"]["agents"][agent];
        assert_eq!(
            (&agent["agent"], &agent["response"]),
            (&json!(name), &json!("BOTH"))
        );
    }

    alice.send(asks("one")).await?;
    let result = alice.until_end().await?["result"].clone();
    assert_eq!(result["failed"], 1, "{result}");
    assert_eq!(result["agents"][0]["response"], "ONE");
    assert_eq!(result["agents"][1]["code"], "FUNCTION_FAILED");
    let said = result["response"].as_str().context("no response")?;
    ensure!(
        said.contains("**longhaul-others** did not answer"),
        "{said}"
    );
    ensure!(!result.to_string().contains("not today"), "{result}");

    alice.send(asks("neither")).await?;
    let end = alice.until_end().await?;
    assert_eq!(end["type"], "job_failed", "{end}");
    Ok(())
}

#[tokio::test]
async fn the_one_of_several_that_has_answered_is_not_asked_again() -> Result<()> {
    let agents = [
        "AgentKinds=review,review".to_owned(),
        format!("AgentArns={ARN},{OTHER}"),
        "LeaseSeconds=5".to_owned(),
    ];
    let theirs = Theirs::start(&agents).await?;
    // The first answer is kept, and the worker dies before the second is.
    theirs.stack.set_faults(json!([
        {"service": "dynamodb", "operation": "TransactWriteItems", "caller": "longhaul-worker", "number": 2, "effect": {"kill": "before"}}
    ])).await?;
    let mut alice = theirs.stack.client("alice").await?;
    alice
        .send(json!({"action": "query", "kind": "review", "query": "both"}))
        .await?;
    let end = alice.until_end().await?;
    assert_eq!(end["type"], "job_completed", "{end}");
    assert_eq!(end["result"]["failed"], 0, "{end}");
    assert_eq!(theirs.calls()?.len(), 3);
    Ok(())
}
