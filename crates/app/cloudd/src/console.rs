//! The console's files: from disk if so configured, else those built into the binary, else a page that says how to
//! build them.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::path::{Component, Path, PathBuf};

/// The console as it was built when this binary was (in a debug build: as it is on disk now).
#[derive(rust_embed::RustEmbed)]
#[folder = "../../../console/dist"]
#[allow_missing = true]
struct Embedded;

const PLACEHOLDER: &str = "<!doctype html>
<html lang=\"en\"><meta charset=\"utf-8\"><title>江心 Jiangxin</title>
<h1>江心 Jiangxin</h1>
<p>The cloud runs, but its console was not built. Build it with Node and npm, then start the cloud again:</p>
<pre>npm --prefix console ci &amp;&amp; npm --prefix console run build</pre>
<p>云端正在运行，但控制台尚未构建。请安装 Node 和 npm 并执行上面的命令，然后重新启动云端。</p>
<p><a href=\"api/v1/status\">status</a> · <a href=\"metrics\">metrics</a> · <a href=\"api/v1/map.geojson\">map</a></p>
</html>
";

/// The largest file served from disk, bytes.
const MAX_FILE: u64 = 64 << 20;

/// Where the console's files are.
#[derive(Debug, Clone)]
pub(crate) struct Console {
    dir: Option<PathBuf>,
}

impl Console {
    pub(crate) const fn new(dir: Option<PathBuf>) -> Self {
        Self { dir }
    }

    /// The answer to a request for a path of the console.
    pub(crate) async fn answer(&self, url_path: &str) -> Response {
        let name = match url_path.trim_start_matches('/') {
            "" => "index.html",
            name => name,
        };
        match self.read(name).await {
            Some(bytes) => file(name, bytes),
            None if name == "index.html" => file(name, PLACEHOLDER.as_bytes().to_vec()),
            None => StatusCode::NOT_FOUND.into_response(),
        }
    }

    async fn read(&self, name: &str) -> Option<Vec<u8>> {
        match &self.dir {
            Some(dir) => read_inside(dir, name).await,
            None => Embedded::get(name).map(|file| file.data.into_owned()),
        }
    }
}

/// A file of the folder; `None` if there is none, or the name or a link leads out of the folder.
async fn read_inside(dir: &Path, name: &str) -> Option<Vec<u8>> {
    let name = Path::new(name);
    if !name.components().all(|part| matches!(part, Component::Normal(_))) {
        return None;
    }
    let root = tokio::fs::canonicalize(dir).await.ok()?;
    let path = tokio::fs::canonicalize(root.join(name)).await.ok()?;
    let about = tokio::fs::metadata(&path).await.ok()?;
    if !path.starts_with(&root) || !about.is_file() || about.len() > MAX_FILE {
        return None;
    }
    tokio::fs::read(path).await.ok()
}

fn file(name: &str, bytes: Vec<u8>) -> Response {
    // The build names what is under `assets/` by its content; the rest must be asked for anew.
    let cache = if name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type(name))),
        (header::CACHE_CONTROL, HeaderValue::from_static(cache)),
    ];
    (headers, bytes).into_response()
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("wasm") => "application/wasm",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_outside_the_folder_is_served() {
        let base = tempfile::tempdir().unwrap();
        let dir = base.path().join("dist");
        std::fs::create_dir(&dir).unwrap();
        std::fs::write(dir.join("index.html"), "inside").unwrap();
        std::fs::write(base.path().join("secret"), "outside").unwrap();
        std::os::unix::fs::symlink(base.path().join("secret"), dir.join("link")).unwrap();
        assert_eq!(read_inside(&dir, "index.html").await.unwrap(), b"inside");
        let absolute = base.path().join("secret");
        for name in ["../secret", "link", "a/../../secret", absolute.to_str().unwrap(), ".", "missing"] {
            assert_eq!(read_inside(&dir, name).await, None, "{name}");
        }
    }

    #[tokio::test]
    async fn a_console_that_was_not_built_says_how() {
        let empty = tempfile::tempdir().unwrap();
        let console = Console::new(Some(empty.path().to_owned()));
        let page = console.answer("/").await;
        assert_eq!(page.status(), StatusCode::OK);
        let body = axum::body::to_bytes(page.into_body(), 65536).await.unwrap();
        assert!(std::str::from_utf8(&body).unwrap().contains("npm"));
        assert_eq!(console.answer("/assets/missing.js").await.status(), StatusCode::NOT_FOUND);
    }
}
