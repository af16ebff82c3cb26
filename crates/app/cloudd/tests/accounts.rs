//! Who gets in, who does not, and what remains of it in the audit log.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use common::{Answer, PASSWORD, PATIENCE, Rig};
use futures_util::StreamExt;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const NOTHING: Value = Value::Null;

async fn log_in(rig: &Rig, name: &str, password: &str) -> Answer {
    rig.ask("POST", "/api/v1/session", "", &json!({ "name": name, "password": password })).await
}

fn header(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

/// The header line of a new token of a session.
async fn token(rig: &Rig, session: &str, right: &str) -> String {
    let body = json!({ "label": "a program", "right": right, "days": 30 });
    let made = rig.ask("POST", "/api/v1/tokens", session, &body).await;
    assert_eq!(made.status, 200, "{}", made.body);
    header(made.json()["token"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_link_makes_one_admin_and_only_one() {
    let rig = Rig::start_without_accounts(|_| ()).await;
    let file = rig.config.data_dir.join("first-link");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let link = std::fs::read_to_string(&file).unwrap();
    assert!(link.starts_with(&format!("http://{}/#/first?token=", rig.daemon.http)), "{link}");
    let token = link.trim().split_once("token=").unwrap().1;
    let first = async |token: &str, name: &str, password: &str| {
        let body = json!({ "token": token, "name": name, "password": password });
        rig.ask("POST", "/api/v1/first", "", &body).await
    };
    let who = rig.ask("GET", "/api/v1/session", "", &NOTHING).await.json();
    assert_eq!((&who["caller"], &who["first"]), (&NOTHING, &true.into()));

    assert_eq!(first("guessed", "chief", PASSWORD).await.code(), "link_refused");
    assert_eq!(first(token, "chief", "short").await.code(), "password_refused");
    assert_eq!(first(token, "the chief", PASSWORD).await.code(), "name_refused");
    // Of many who have the link, one gets in.
    let all = futures_util::future::join_all((0..6).map(|n| {
        let name = format!("chief{n}");
        let body = json!({ "token": token, "name": name, "password": PASSWORD });
        let rig = &rig;
        async move { rig.ask("POST", "/api/v1/first", "", &body).await }
    }));
    let all = all.await;
    let made: Vec<&Answer> = all.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(made.len(), 1, "{all:?}");
    assert!(!file.exists());
    assert_eq!(first(token, "another", PASSWORD).await.code(), "link_refused");
    let who = rig.ask("GET", "/api/v1/session", &made[0].session(), &NOTHING).await.json();
    assert_eq!((&who["caller"]["right"], &who["first"]), (&"admin".into(), &false.into()));

    let rig = rig.restart().await;
    assert!(!file.exists(), "there is an account: no other link is made");
    rig.daemon.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_log_in_nothing_is_shown_but_health_and_metrics() {
    let rig = Rig::start_without_accounts(|_| ()).await;
    for path in ["/healthz", "/metrics", "/api", "/api/v1/openapi.json", "/"] {
        assert_eq!(rig.get(path).await.0, 200, "{path}");
    }
    for path in ["/api/v1/status", "/api/v1/map.geojson", "/api/v1/nodes", "/api/v1/audit", "/api/v1/accounts"] {
        let answer = rig.ask("GET", path, "", &NOTHING).await;
        assert_eq!((answer.status, answer.code().as_str()), (401, "unauthenticated"), "{path}");
    }
    let request = format!("ws://{}/ws/v1", rig.daemon.http).into_client_request().unwrap();
    match connect_async(request).await {
        Err(Error::Http(response)) => assert_eq!(response.status(), 401),
        other => panic!("{other:?}"),
    }
    rig.daemon.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_is_refused_to_a_lower_right_and_open_to_its_own() {
    let rig = Rig::start().await;
    let closed = Rig::start_without_accounts(|_| ()).await;
    let viewer = token(&rig, &rig.person("viewer", "viewer").await, "viewer").await;
    let operator = token(&rig, &rig.person("operator", "operator").await, "operator").await;
    let document: Value = serde_json::from_str(&rig.get("/api/v1/openapi.json").await.1).unwrap();
    let (mut checked, mut changing) = (0, 0);
    for (path, methods) in document["paths"].as_object().unwrap() {
        let asked = path.replace("{id}", "999").replace("{", "").replace("}", "");
        for (method, operation) in methods.as_object().unwrap() {
            let Some(right) = operation["x-right"].as_str() else { continue };
            let method = method.to_uppercase();
            let refused = closed.ask(&method, &asked, "", &json!({})).await;
            assert_eq!((refused.status, refused.code().as_str()), (401, "unauthenticated"), "{method} {path}");
            for (caller, rank) in [(&viewer, 0), (&operator, 1), (&rig.bearer(), 2)] {
                let needs = ["viewer", "operator", "admin"].iter().position(|name| *name == right).unwrap();
                let answer = rig.ask(&method, &asked, caller, &json!({})).await;
                let refused = answer.status == 401 || (answer.status == 403 && answer.code() == "forbidden");
                // What is one's own, a viewer may keep; what is another's takes an admin, also where it is not there.
                let own = method == "DELETE" && path == "/api/v1/tokens/{id}";
                assert!(refused == (rank < needs) || own, "{method} {path} by rank {rank}: {}", answer.body);
                checked += 1;
            }
            changing += usize::from(method != "GET");
        }
    }
    assert!(checked >= 40 && changing >= 7, "{checked} checks, {changing} changing routes");
    // Open viewing looks, and no more.
    let answer = rig
        .ask("POST", "/api/v1/tokens", "X-Jxz-Request: 1\r\n", &json!({ "label": "x", "right": "viewer", "days": 1 }))
        .await;
    assert_eq!(answer.code(), "session_needed");
    assert_eq!(rig.ask("GET", "/api/v1/accounts", "", &NOTHING).await.code(), "forbidden");
    rig.daemon.stop().await.unwrap();
    closed.daemon.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_works_until_it_is_revoked_or_expires_and_never_exceeds_its_account() {
    let rig = Rig::start().await;
    let session = rig.person("clerk", "operator").await;
    let refused =
        rig.ask("POST", "/api/v1/tokens", &session, &json!({ "label": "too much", "right": "admin", "days": 1 })).await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "forbidden"));
    for days in [0, 367] {
        let body = json!({ "label": "x", "right": "viewer", "days": days });
        assert_eq!(rig.ask("POST", "/api/v1/tokens", &session, &body).await.status, 400, "{days}");
    }
    let (kept, lost) = (token(&rig, &session, "operator").await, token(&rig, &session, "viewer").await);
    let who = async |rig: &Rig, token: &str| rig.ask("GET", "/api/v1/status", token, &NOTHING).await;
    assert_eq!((who(&rig, &kept).await.status, who(&rig, &lost).await.status), (200, 200));
    let by_token = json!({ "label": "offspring", "right": "viewer", "days": 300 });
    assert_eq!(rig.ask("POST", "/api/v1/tokens", &kept, &by_token).await.code(), "session_needed");

    let listed = rig.ask("GET", "/api/v1/tokens", &session, &NOTHING).await.json();
    let [first, second] = &listed["tokens"].as_array().unwrap()[..] else { panic!("two of one's own: {listed}") };
    assert!(first.get("token").is_none() && first["account"] == "clerk", "{listed}");
    let path = format!("/api/v1/tokens/{}", second["id"]);
    // Another's is not his to revoke, nor to know of.
    let other = rig.person("other", "operator").await;
    assert_eq!(rig.ask("DELETE", &path, &other, &NOTHING).await.status, 403);
    assert_eq!(rig.ask("DELETE", &path, &session, &NOTHING).await.status, 204);
    let refused = who(&rig, &lost).await;
    assert_eq!((refused.status, refused.code().as_str()), (401, "token_unknown"));
    for garbage in
        ["Authorization: Bearer x\r\n", "Authorization: Bearer \u{1f511}\r\n", "Authorization: Basic YTpi\r\n"]
    {
        let refused = rig.ask("GET", "/api/v1/status", garbage, &NOTHING).await;
        assert!(refused.status == 401 && refused.header("www-authenticate") == Some("Bearer"), "{}", refused.head);
        assert!(refused.code().starts_with("token_"), "{}", refused.body);
    }

    // The account becomes a viewer: so does its token.
    rig.command("PATCH", "/api/v1/accounts/clerk", &json!({ "right": "viewer" })).await;
    let who_am_i = rig.ask("GET", "/api/v1/session", &kept, &NOTHING).await.json();
    assert_eq!(who_am_i["caller"]["right"], "viewer");

    let file = rig.config.data_dir.join("catalogue.sqlite3");
    let sql = rusqlite::Connection::open(file).unwrap();
    assert!(sql.execute("UPDATE token SET expires_ms = 1 WHERE account = 'clerk'", []).unwrap() > 0);
    drop(sql);
    let rig = rig.restart().await;
    let expired = who(&rig, &kept).await;
    assert_eq!((expired.status, expired.code().as_str()), (401, "token_expired"));
    rig.daemon.stop().await.unwrap();
}

type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

/// A console's connection in a session.
async fn watch(rig: &Rig, session: &str) -> Socket {
    let mut request = format!("ws://{}/ws/v1", rig.daemon.http).into_client_request().unwrap();
    let cookie = session.lines().next().unwrap().strip_prefix("Cookie: ").unwrap();
    request.headers_mut().insert("Cookie", cookie.parse().unwrap());
    let (mut socket, _) = connect_async(request).await.unwrap();
    while !matches!(timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap(), Message::Binary(_)) {}
    socket
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_a_log_out_and_another_right_end_sessions_and_what_they_watch() {
    let rig = Rig::start_closed().await;
    for (name, end) in
        [("locked", json!({ "locked": true })), ("raised", json!({ "right": "operator" })), ("left", NOTHING)]
    {
        let session = rig.person(name, "viewer").await;
        let mut socket = watch(&rig, &session).await;
        if end.is_null() {
            assert_eq!(rig.ask("DELETE", "/api/v1/session", &session, &NOTHING).await.status, 204);
        } else {
            rig.command("PATCH", &format!("/api/v1/accounts/{name}"), &end).await;
        }
        let code = async {
            loop {
                if let Message::Close(why) = socket.next().await.unwrap().unwrap() {
                    return why.map(|why| u16::from(why.code));
                }
            }
        };
        assert_eq!(timeout(PATIENCE, code).await.unwrap(), Some(4401), "{name}");
        assert_eq!(rig.ask("GET", "/api/v1/status", &session, &NOTHING).await.status, 401, "{name}");
        let again = log_in(&rig, name, PASSWORD).await;
        assert_eq!(again.status, if name == "locked" { 401 } else { 200 }, "{name}: {}", again.body);
    }
    // A lock answers as a wrong password does.
    let (locked, nobody) = (log_in(&rig, "locked", PASSWORD).await, log_in(&rig, "nobody", PASSWORD).await);
    assert_eq!(locked.body, nobody.body);
    rig.command("PATCH", "/api/v1/accounts/LOCKED", &json!({ "locked": false })).await;
    assert_eq!(log_in(&rig, "Locked", PASSWORD).await.status, 200);

    let refused = rig.ask("PATCH", "/api/v1/accounts/chief", &rig.bearer(), &json!({ "right": "viewer" })).await;
    assert_eq!(refused.code(), "last_admin");
    let refused = rig.ask("PATCH", "/api/v1/accounts/chief", &rig.bearer(), &json!({ "locked": true })).await;
    assert_eq!(refused.code(), "last_admin");
    rig.daemon.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_the_other_sessions_and_an_invitation_is_taken_up_once() {
    let rig = Rig::start_closed().await;
    let session = rig.person("clerk", "viewer").await;
    let elsewhere = log_in(&rig, "clerk", PASSWORD).await.session();
    let change = async |present: &str, new: &str| {
        rig.ask("PUT", "/api/v1/password", &session, &json!({ "present": present, "new": new })).await
    };
    assert_eq!(change("wrong horse battery", "another horse").await.code(), "password_wrong");
    assert_eq!(change(PASSWORD, "short").await.code(), "password_refused");
    let changed = change(PASSWORD, "another horse").await.session();
    let status = async |session: &str| rig.ask("GET", "/api/v1/status", session, &NOTHING).await.status;
    assert_eq!((status(&session).await, status(&elsewhere).await, status(&changed).await), (401, 401, 200));
    assert_eq!(log_in(&rig, "clerk", PASSWORD).await.status, 401);
    assert_eq!(log_in(&rig, "clerk", "another horse").await.status, 200);

    // Forgotten: an admin invites anew. The older of two invitations is worth nothing.
    let older = rig.command("POST", "/api/v1/accounts/clerk/invitation", &NOTHING).await;
    let newer = rig.command("POST", "/api/v1/accounts/clerk/invitation", &NOTHING).await;
    let take_up = async |invitation: &Value| {
        let body = json!({ "token": invitation["token"], "password": "a third horse" });
        rig.ask("POST", "/api/v1/invitation", "", &body).await
    };
    assert_eq!(take_up(&older).await.code(), "link_refused");
    assert_eq!(take_up(&newer).await.status, 200);
    assert_eq!(take_up(&newer).await.code(), "link_refused");
    assert_eq!(status(&changed).await, 401);
    rig.daemon.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_log_ins_is_slowed_and_the_cloud_stays_up() {
    let rig = Rig::start_closed().await;
    rig.person("clerk", "viewer").await;
    let flood = (0..60).map(|_| log_in(&rig, "clerk", "wrong horse battery"));
    let answers = futures_util::future::join_all(flood).await;
    let count = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!(count(401) + count(429) + count(503), 60, "{:?}", answers.iter().map(|a| a.status).collect::<Vec<_>>());
    assert!(count(401) <= 12 && count(429) >= 45, "{} tried, {} slowed", count(401), count(429));
    // The wait grows with each failure: at last it is longer than this machine is slow.
    let slowed = async {
        loop {
            log_in(&rig, "clerk", "wrong horse battery").await;
            let right = log_in(&rig, "clerk", PASSWORD).await;
            if right.status == 429 {
                return right;
            }
        }
    };
    let slowed = timeout(PATIENCE, slowed).await.expect("also the right password waits");
    assert_eq!(slowed.code(), "too_many_attempts");
    assert!(slowed.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    let counted = async {
        loop {
            let (_, metrics) = rig.get("/metrics").await;
            let line = metrics.lines().find_map(|line| line.strip_prefix("jxz_cloud_log_ins_refused_total "));
            if line.unwrap().parse::<u64>().unwrap() >= 60 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, counted).await.expect("refused log-ins are counted");
    // Others are not slowed by it, nor is what has a session already.
    assert_eq!(log_in(&rig, "chief", PASSWORD).await.status, 200);
    assert_eq!(rig.get("/api/v1/status").await.0, 200);
    rig.daemon.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_from_another_port_cannot_use_the_cookie() {
    let rig = Rig::start_closed().await;
    let session = rig.person("boss", "admin").await;
    let cookie = session.lines().next().unwrap();
    let body = json!({ "name": "intruder", "right": "admin" });
    let forged = rig.ask("POST", "/api/v1/accounts", &format!("{cookie}\r\n"), &body).await;
    assert_eq!((forged.status, forged.code().as_str()), (403, "header_missing"));
    let headers = format!("{session}Origin: http://127.0.0.1:3000\r\n");
    assert_eq!(rig.ask("POST", "/api/v1/accounts", &headers, &body).await.status, 401);
    let headers = format!("{session}Origin: http://{}\r\n", rig.daemon.http);
    assert_eq!(rig.ask("POST", "/api/v1/accounts", &headers, &body).await.status, 200);
    rig.daemon.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_in_the_audit_log_and_no_secret_is() {
    let rig = Rig::start().await;
    let session = rig.person("clerk", "viewer").await;
    let mut secrets = vec![PASSWORD.to_owned(), "another horse".to_owned(), rig.admin.clone(), session.clone()];
    let program = token(&rig, &session, "viewer").await;
    secrets.push(program);
    let body = json!({ "present": PASSWORD, "new": "another horse" });
    let session = rig.ask("PUT", "/api/v1/password", &session, &body).await.session();
    let listed = rig.ask("GET", "/api/v1/tokens", &session, &NOTHING).await.json();
    rig.ask("DELETE", &format!("/api/v1/tokens/{}", listed["tokens"][0]["id"]), &session, &NOTHING).await;
    rig.ask("DELETE", "/api/v1/session", &session, &NOTHING).await;
    let invitation = rig.command("POST", "/api/v1/accounts/clerk/invitation", &NOTHING).await;
    secrets.push(invitation["token"].as_str().unwrap().to_owned());
    for change in [json!({ "right": "operator" }), json!({ "locked": true }), json!({ "locked": false })] {
        rig.command("PATCH", "/api/v1/accounts/clerk", &change).await;
    }
    let (_, log) = rig.get("/api/v1/audit?limit=1000").await;
    let page: Value = serde_json::from_str(&log).unwrap();
    assert!(page["first_break"].is_null());
    let entries = page["entries"].as_array().unwrap();
    let who = |action: &str| {
        let entry = entries.iter().find(|entry| entry["action"] == action);
        entry.unwrap_or_else(|| panic!("no {action} in {log}"))["who"].as_str().unwrap()
    };
    for (action, by) in [
        ("account.make", "chief (tests)"),
        ("account.invite", "chief (tests)"),
        ("account.right", "chief (tests)"),
        ("account.lock", "chief (tests)"),
        ("account.unlock", "chief (tests)"),
        ("account.password", "clerk"),
        ("session.begin", "clerk"),
        ("session.end", "clerk"),
        ("token.make", "clerk"),
        ("token.revoke", "clerk"),
    ] {
        assert_eq!(who(action), by, "{action}");
    }
    for secret in secrets.iter().flat_map(|secret| secret.split_whitespace()).filter(|word| word.len() > 20) {
        let bare = secret.trim_start_matches("jxz_session=");
        assert!(!log.contains(bare), "{bare} is in the log");
    }
    assert!(!log.contains(PASSWORD) && !log.contains("another horse"));
    // Nor is any in the catalogue's files, which are their owner's alone.
    for name in ["catalogue.sqlite3", "catalogue.sqlite3-wal"] {
        let mode = std::fs::metadata(rig.config.data_dir.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let file = std::fs::read(rig.config.data_dir.join("catalogue.sqlite3")).unwrap();
    let wal = std::fs::read(rig.config.data_dir.join("catalogue.sqlite3-wal")).unwrap_or_default();
    let held = |text: &str| [&file, &wal].iter().any(|bytes| bytes.windows(text.len()).any(|w| w == text.as_bytes()));
    assert!(!held(&rig.admin) && !held(PASSWORD) && held("argon2id"));
    rig.daemon.stop().await.unwrap();
}
