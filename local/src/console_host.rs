//! Serves the web console's built files and development tokens on the gateway's port.
//!
//! API Gateway has no counterpart, so no template configures it.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{StatusCode, Uri, header};
use serde::Deserialize;
use serde_json::json;

/// Signs a development token for a user name; the flag makes the user an admin.
pub type IssueToken = Arc<dyn Fn(&str, bool) -> anyhow::Result<String> + Send + Sync>;

/// The console's files and its source of tokens.
#[derive(Clone)]
pub struct ConsoleOptions {
    /// The folder of the built console. It is read on each request, so the console can be built while the
    /// cloud runs.
    pub folder: PathBuf,
    pub issue_token: IssueToken,
}

/// Pages may only run scripts from this port, whatever the Markdown of a job's result contains. Connections
/// are allowed to every port, since results are on other ports.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src *; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const NOT_BUILT: &str = "This port serves WebSockets. The console is not built yet. Build it with Node 20 or newer:\n\n    \
     (cd web/console && npm ci && npm run build)\n\nThen reload this page.\n";

/// `GET` of any path, and `POST /_local/token?user=&admin=`.
pub fn router(options: ConsoleOptions) -> Router {
    Router::new()
        .route("/_local/token", post(token))
        .fallback(get(page))
        .with_state(options)
}

#[derive(Deserialize)]
struct TokenRequest {
    user: String,
    #[serde(default)]
    admin: bool,
}

async fn token(
    State(options): State<ConsoleOptions>,
    Query(request): Query<TokenRequest>,
) -> Response {
    match (options.issue_token)(&request.user, request.admin) {
        Ok(token) => Json(json!({ "token": token })).into_response(),
        Err(error) => {
            tracing::error!(
                error = format!("{error:#}"),
                "cannot sign a development token"
            );
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn page(State(options): State<ConsoleOptions>, uri: Uri) -> Response {
    if let Some((path, content_type)) = static_file(&options.folder, uri.path()) {
        return match tokio::fs::read(path).await {
            Ok(bytes) => file_response(content_type, bytes),
            Err(_) => StatusCode::NOT_FOUND.into_response(),
        };
    }
    // Every other path is a client-side route of the console, such as `/jobs/<id>`.
    match tokio::fs::read(options.folder.join("index.html")).await {
        Ok(bytes) => file_response("text/html; charset=utf-8", bytes),
        Err(_) => NOT_BUILT.into_response(),
    }
}

fn file_response(content_type: &'static str, bytes: Vec<u8>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, bytes).into_response()
}

/// The requested file in `folder` and its content type; `None` if the path has no extension that a console
/// file has, or leaves the folder.
fn static_file(folder: &Path, path: &str) -> Option<(PathBuf, &'static str)> {
    let relative = Path::new(path.strip_prefix('/')?);
    let content_type = match relative.extension()?.to_str()? {
        "css" => "text/css; charset=utf-8",
        "ico" => "image/x-icon",
        "js" => "text/javascript; charset=utf-8",
        "json" | "map" => "application/json",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "woff2" => "font/woff2",
        _ => return None,
    };
    let stays_in_folder = relative
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    stays_in_folder.then(|| (folder.join(relative), content_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn get(folder: &Path, path: &'static str) -> (StatusCode, String, String) {
        let options = ConsoleOptions {
            folder: folder.to_owned(),
            issue_token: Arc::new(|user, _| Ok(format!("for {user}"))),
        };
        let response = page(State(options), Uri::from_static(path)).await;
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
    async fn a_built_console_is_served_and_a_missing_one_explains_how_to_build_it() {
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
    fn no_path_leaves_the_folder() {
        let folder = Path::new("/console");
        assert!(static_file(folder, "/assets/index.js").is_some());
        for path in [
            "/../secret.json",
            "//etc/x.json",
            "/assets/../../x.js",
            "/./x.js/../../y.js",
            "x.js",
        ] {
            assert!(static_file(folder, path).is_none(), "{path}");
        }
    }
}
