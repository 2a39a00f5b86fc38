//! The files that the program reads: the template and the built console. They are in the current folder if it is a source
//! tree; else in `share/longhaul` beside the program's folder, where a release has them; else in the source tree that this
//! program was built from.

use std::env::current_exe;
use std::path::{Path, PathBuf};

const TEMPLATE: &str = "cloudformation/template.yaml";

/// The CloudFormation template.
pub fn template() -> PathBuf {
    root().join(TEMPLATE)
}

/// The folder of the built console, which may not exist.
pub fn console() -> PathBuf {
    root().join("web/console/dist")
}

/// How to call this program in a command to paste: by cargo in a source tree.
pub fn command() -> &'static str {
    if Path::new(TEMPLATE).exists() {
        "cargo run -q --"
    } else {
        "longhaul"
    }
}

fn root() -> PathBuf {
    let installed = current_exe().ok().and_then(|program| shared_by(&program));
    [Some(PathBuf::new()), installed]
        .into_iter()
        .flatten()
        .find(|root| root.join(TEMPLATE).exists())
        .unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/..")))
}

/// `PREFIX/share/longhaul` of a program `PREFIX/bin/longhaul`.
fn shared_by(program: &Path) -> Option<PathBuf> {
    Some(program.parent()?.parent()?.join("share/longhaul"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_shares_the_folder_beside_its_own() {
        let shared = shared_by(Path::new("/opt/longhaul/bin/longhaul"));
        assert_eq!(shared, Some(PathBuf::from("/opt/longhaul/share/longhaul")));
        assert_eq!(shared_by(Path::new("/")), None);
    }
}
