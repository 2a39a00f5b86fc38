//! The program as a release installs it: `PREFIX/bin/longhaul` and `PREFIX/share/longhaul`, without a source tree; and what
//! a package of it has besides, completions of shells and manual pages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::support::cli::{longhaul, repository_root};

const TEMPLATE: &str = "cloudformation/template.yaml";

/// A prefix with the program, an empty template, and a folder to work in.
struct Prefix(TempDir);

impl Prefix {
    fn new() -> Result<Self> {
        let built = Path::new(env!("CARGO_BIN_EXE_longhaul"));
        // Where the program is, since a link does not leave its file system.
        let prefix = Self(tempfile::tempdir_in(built.parent().context("a folder")?)?);
        for folder in ["bin", "work", "share/longhaul/cloudformation"] {
            fs::create_dir_all(prefix.path(folder))?;
        }
        fs::hard_link(built, prefix.path("bin/longhaul"))?;
        fs::write(prefix.template(), "Resources: {}\n")?;
        Ok(prefix)
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.0.path().join(relative)
    }

    fn template(&self) -> PathBuf {
        self.path("share/longhaul").join(TEMPLATE)
    }

    fn run(&self, arguments: &[&str]) -> Result<Output> {
        Command::new(self.path("bin/longhaul"))
            .args(arguments)
            .current_dir(self.path("work"))
            .output()
            .context("running the installed program")
    }
}

#[test]
fn an_installed_program_runs_the_template_beside_it() -> Result<()> {
    let prefix = Prefix::new()?;
    let ask = ["ask", "Installed", "--kind", "noop"];
    let refused = prefix.run(&ask)?;
    let error = String::from_utf8(refused.stderr)?;
    let named = prefix.template().canonicalize()?;
    assert_eq!(refused.status.code(), Some(2), "{error}");
    assert!(error.contains(&named.display().to_string()), "{error}");

    fs::copy(repository_root().join(TEMPLATE), prefix.template())?;
    let answered = prefix.run(&ask)?;
    let error = String::from_utf8(answered.stderr)?;
    assert_eq!(answered.status.code(), Some(0), "{error}");
    Ok(())
}

#[tokio::test]
async fn each_shell_gets_a_script_that_knows_every_subcommand() -> Result<()> {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = longhaul(&["completions", shell]).await?;
        let script = String::from_utf8(output.stdout)?;
        assert_eq!(output.status.code(), Some(0), "{shell}");
        for word in ["ask", "up", "dlq", "completions", "--trust-claims"] {
            // Fish names an option without its dashes.
            let word = word.trim_start_matches("--");
            assert!(script.contains(word), "{shell} does not know {word}");
        }
    }
    let refused = longhaul(&["completions", "tcsh"]).await?;
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8(refused.stderr)?.contains("possible values"));
    Ok(())
}

#[tokio::test]
async fn manual_pages_are_printed_or_written_for_each_subcommand() -> Result<()> {
    let printed = longhaul(&["man"]).await?;
    assert!(String::from_utf8(printed.stdout)?.contains(".TH longhaul 1"));

    let folder = tempfile::tempdir()?;
    let out = folder.path().join("man1");
    let written = longhaul(&["man", "--out", out.to_str().context("a path")?]).await?;
    assert_eq!(written.status.code(), Some(0));
    assert!(fs::read_to_string(out.join("longhaul-up.1"))?.contains("trust\\-claims"));
    for page in ["longhaul.1", "longhaul-ask.1", "longhaul-man.1"] {
        assert!(out.join(page).exists(), "{page}");
    }

    let file = folder.path().join("file");
    fs::write(&file, "no folder")?;
    let refused = longhaul(&["man", "--out", file.to_str().context("a path")?]).await?;
    assert_eq!(refused.status.code(), Some(2));
    Ok(())
}
