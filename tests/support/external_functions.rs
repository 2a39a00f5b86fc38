//! A stack with two Lambda functions that are not Longhaul's, which it calls as transcriber or agents.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::cli::repository_root;
use crate::support::stack::Stack;

/// Added to the project's template.
const FUNCTIONS: &str = r#"
  ExternalFunction:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: !Sub "${ProjectName}-external"
      Runtime: provided.al2023
      Handler: external
      Code: {S3Bucket: !Ref CodeBucket, S3Key: external.zip}
      Timeout: 20
      Role: !GetAtt SweepRole.Arn

  OtherFunction:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: !Sub "${ProjectName}-others"
      Runtime: provided.al2023
      Handler: external
      Code: {S3Bucket: !Ref CodeBucket, S3Key: external.zip}
      Timeout: 20
      Role: !GetAtt SweepRole.Arn
"#;
pub const EXTERNAL_ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:longhaul-external";
pub const OTHER_EXTERNAL_ARN: &str =
    "arn:aws:lambda:us-east-1:000000000000:function:longhaul-others";

/// Both functions run `tests/programs/function.py`.
pub struct ExternalFunctions {
    pub stack: Stack,
    /// The folder of the packages, in which the functions run.
    pub packages: TempDir,
}

impl ExternalFunctions {
    /// Starts the stack with these parameters of the template.
    pub async fn start(parameters: &[String]) -> Result<Self> {
        Self::start_with_environment(parameters, vec![]).await
    }

    /// The same, with these variables in the environment of `longhaul up`.
    pub async fn start_with_environment(
        parameters: &[String],
        environment: Vec<(String, String)>,
    ) -> Result<Self> {
        let packages = tempfile::tempdir()?;
        let bootstrap = |name: &str| packages.path().join(name).join("bootstrap");
        for name in ["handlers", "worker", "external"] {
            std::fs::create_dir(packages.path().join(name))?;
        }
        for name in ["handlers", "worker"] {
            symlink(env!("CARGO_BIN_EXE_longhaul"), bootstrap(name))?;
        }
        std::fs::copy(
            repository_root().join("tests/programs/function.py"),
            bootstrap("external"),
        )?;
        std::fs::set_permissions(bootstrap("external"), Permissions::from_mode(0o755))?;
        let template =
            std::fs::read_to_string(repository_root().join("cloudformation/template.yaml"))?;
        let (before, after) = template.split_once("\nOutputs:").context("no outputs")?;
        let changed = packages.path().join("template.yaml");
        std::fs::write(&changed, format!("{before}\n{FUNCTIONS}\nOutputs:{after}"))?;
        let text = |path: &Path| path.to_str().map(str::to_owned).context("a path");
        let (template, folder) = (text(&changed)?, text(packages.path())?);
        let mut options = vec!["--template", &template, "--packages", &folder];
        for parameter in parameters {
            options.extend(["--parameter", parameter]);
        }
        let stack = Stack::start_with_environment(&options, environment).await?;
        Ok(Self { stack, packages })
    }

    /// The requests that both have received.
    pub fn calls(&self) -> Result<Vec<Value>> {
        let calls = std::fs::read_to_string(self.packages.path().join("external/calls"))?;
        let calls = calls.lines().map(serde_json::from_str);
        Ok(calls.collect::<Result<_, _>>()?)
    }
}
