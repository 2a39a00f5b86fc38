//! The console on the gateway's port: a folder of built files, and a development token for its pages.
//!
//! API Gateway has nothing of the kind, so this is in no template; only `longhaul` itself asks for it. It
//! knows no page and signs no token: both are its caller's.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{StatusCode, Uri, header};
use serde::Deserialize;
use serde_json::json;

/// A development token for the user of this name, who is an admin or not.
pub type Issue = Arc<dyn Fn(&str, bool) -> anyhow::Result<String> + Send + Sync>;

/// What is served besides WebSockets.
#[derive(Clone)]
pub struct Pages {
    /// Holds `index.html` once the console is built; looked at anew with each request.
    pub folder: PathBuf,
    pub issue: Issue,
}

/// Pages may run what this port serves, and nothing else, whatever an answer's Markdown holds; results
/// lie on other ports.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src *; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const UNBUILT: &str = "Longhaul listens here for WebSockets. The console is not built: with Node 20 or newer,\n\n    \
     (cd web/console && npm ci && npm run build)\n\nand load this page again.\n";

/// `GET` of any path, and `POST /_local/token?user=&admin=`.
pub fn router(pages: Pages) -> Router {
    Router::new()
        .route("/_local/token", post(token))
        .fallback(get(page))
        .with_state(pages)
}

#[derive(Deserialize)]
struct Asked {
    user: String,
    #[serde(default)]
    admin: bool,
}

async fn token(State(pages): State<Pages>, Query(asked): Query<Asked>) -> Response {
    match (pages.issue)(&asked.user, asked.admin) {
        Ok(token) => Json(json!({ "token": token })).into_response(),
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "no token was signed");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn page(State(pages): State<Pages>, uri: Uri) -> Response {
    let asked = file(&pages.folder, uri.path());
    if let Some((path, kind)) = asked {
        return match tokio::fs::read(path).await {
            Ok(bytes) => answer(kind, bytes),
            Err(_) => StatusCode::NOT_FOUND.into_response(),
        };
    }
    // Every other path is one of the console's own, such as `/jobs/<id>`.
    match tokio::fs::read(pages.folder.join("index.html")).await {
        Ok(bytes) => answer("text/html; charset=utf-8", bytes),
        Err(_) => UNBUILT.into_response(),
    }
}

fn answer(kind: &'static str, bytes: Vec<u8>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, bytes).into_response()
}

/// The file below `folder` that a path asks for, with its type; `None` where the path names no file of a
/// type that a console has.
fn file(folder: &Path, path: &str) -> Option<(PathBuf, &'static str)> {
    let below = Path::new(path.strip_prefix('/')?);
    let kind = match below.extension()?.to_str()? {
        "css" => "text/css; charset=utf-8",
        "ico" => "image/x-icon",
        "js" => "text/javascript; charset=utf-8",
        "json" | "map" => "application/json",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "woff2" => "font/woff2",
        _ => return None,
    };
    let stays_below = below
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    stays_below.then(|| (folder.join(below), kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn get(folder: &Path, path: &'static str) -> (StatusCode, String, String) {
        let pages = Pages {
            folder: folder.to_owned(),
            issue: Arc::new(|user, _| Ok(format!("for {user}"))),
        };
        let response = page(State(pages), Uri::from_static(path)).await;
        let status = response.status();
        let kind = response.headers()[header::CONTENT_TYPE]
            .to_str()
            .unwrap_or_default()
            .to_owned();
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20)
            .await
            .unwrap();
        (status, kind, String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_built_console_is_served_and_an_unbuilt_one_says_how_to_build_it() {
        let folder = tempfile::tempdir().unwrap();
        let (status, _, text) = get(folder.path(), "/").await;
        assert!(
            status.is_success() && text.contains("npm run build"),
            "{text}"
        );
        std::fs::write(folder.path().join("index.html"), "<p>").unwrap();
        std::fs::write(folder.path().join("a.js"), "1").unwrap();
        for path in ["/", "/jobs/0190c6f3-0000-7000-8000-000000000001", "/prod"] {
            let (_, kind, text) = get(folder.path(), path).await;
            assert_eq!(
                (kind.as_str(), text.as_str()),
                ("text/html; charset=utf-8", "<p>")
            );
        }
        let (_, kind, text) = get(folder.path(), "/a.js").await;
        assert_eq!(
            (kind.as_str(), text.as_str()),
            ("text/javascript; charset=utf-8", "1")
        );
    }

    #[test]
    fn no_path_leads_out_of_the_folder() {
        let folder = Path::new("/console");
        assert!(file(folder, "/assets/index.js").is_some());
        for path in [
            "/../secret.json",
            "//etc/x.json",
            "/assets/../../x.js",
            "/./x.js/../../y.js",
            "x.js",
        ] {
            assert!(file(folder, path).is_none(), "{path}");
        }
    }
}
