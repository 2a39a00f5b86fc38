//! Dynamic references to secrets that AWS would generate.

use super::language::TEMPLATE_HEAD;
use super::*;

#[test]
fn a_generated_secret_with_a_template_is_a_json_object() {
    let text = r#"  G:
    Type: AWS::SecretsManager::Secret
    Properties:
      GenerateSecretString: {SecretStringTemplate: '{"user":"u"}', GenerateStringKey: password}
Outputs: {}
"#;
    let text = format!("{TEMPLATE_HEAD}{text}")
        .replace("secretsmanager:n}", "secretsmanager:${G}::password}");
    let text = text.replace("WHOLE: '", "WHOLE: !Sub '");
    assert_eq!(generated_secrets("t.yaml", &text).unwrap(), ["G"]);
    let mut inputs = inputs();
    inputs.secrets.insert("G".into(), "made".into());
    let spec = resolve("t.yaml", &text, &inputs).unwrap();
    assert_eq!(spec.functions[0].environment["WHOLE"], "made");
}

#[test]
fn the_previous_version_of_a_secret_is_read_if_there_is_one() {
    let text = "  G:
    Type: AWS::SecretsManager::Secret
    Properties: {GenerateSecretString: {PasswordLength: 64}}
";
    let reference = |stage: &str| {
        let reference =
            format!("WHOLE: !Sub '{{{{resolve:secretsmanager:${{G}}:SecretString::{stage}}}}}'");
        let whole = "WHOLE: '{{resolve:secretsmanager:n}}'";
        format!("{TEMPLATE_HEAD}{text}Outputs: {{}}\n").replace(whole, &reference)
    };
    let mut inputs = inputs();
    inputs.secrets.insert("G".into(), "new".into());
    let whole = |inputs: &TemplateInputs, stage: &str| {
        let spec = resolve("t.yaml", &reference(stage), inputs);
        spec.map(|spec| spec.functions[0].environment["WHOLE"].clone())
    };
    assert_eq!(whole(&inputs, "AWSCURRENT").unwrap(), "new");
    let error = whole(&inputs, "AWSPREVIOUS").unwrap_err().to_string();
    assert!(
        error.contains("the secret G has no version AWSPREVIOUS"),
        "{error}"
    );
    inputs.previous_secrets.insert("G".into(), "old".into());
    assert_eq!(whole(&inputs, "AWSPREVIOUS").unwrap(), "old");
    assert_eq!(whole(&inputs, "AWSCURRENT").unwrap(), "new");
    assert!(whole(&inputs, "AWSPENDING").is_err());
}
