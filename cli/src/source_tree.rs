//! Paths in the source tree: below the current folder if it is a source tree, or else below the one this binary was built from.

use std::path::{Path, PathBuf};

/// The CloudFormation template.
pub fn template() -> PathBuf {
    path("cloudformation/template.yaml")
}

/// The folder of the built console, which may not exist.
pub fn console() -> PathBuf {
    path("web/console/dist")
}

fn path(relative: &str) -> PathBuf {
    let is_source_tree = Path::new("cloudformation/template.yaml").exists();
    let root = if is_source_tree {
        ""
    } else {
        concat!(env!("CARGO_MANIFEST_DIR"), "/..")
    };
    Path::new(root).join(relative)
}
