//! Accounts, sessions and tokens over HTTP.

use super::book::Token;
use super::layer::COOKIE;
use super::people::{self, Begun};
use super::{Access, Book, Secret, Ticket, now_ms, store};
use crate::caller::{Caller, Right};
use crate::failure::Failure;
use crate::http::Shared;
use crate::openapi::{Api, Needs, Operation};
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post, put};
use axum::{Extension, Json};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::sync::Arc;

/// How long a token may hold, days.
const LONGEST_DAYS: u32 = 366;
/// The most characters of a token's label.
const LABEL: usize = 64;
const DAY_MS: i64 = 86_400_000;

/// The routes.
pub(crate) fn routes() -> Api {
    use Needs::{Nothing, Right as Is};
    const SESSION: &str = "/api/v1/session";
    const ACCOUNTS: &str = "/api/v1/accounts";
    const TOKENS: &str = "/api/v1/tokens";
    let op = Operation::new;
    Api::default()
        .on(Operation::get(SESSION, Nothing, "Who I am, and how one gets in").answers::<WhoIAm>(), get(who_i_am))
        .on(op(Method::POST, SESSION, Nothing, "Log in").takes::<LogIn>().answers::<Welcome>(), post(log_in))
        .on(op(Method::DELETE, SESSION, Is(Right::Viewer), "Log out"), axum::routing::delete(log_out))
        .on(
            op(Method::POST, "/api/v1/first", Nothing, "Make the first account, by the link that the start told")
                .takes::<First>()
                .answers::<Welcome>(),
            post(first),
        )
        .on(
            op(Method::POST, "/api/v1/invitation", Nothing, "Take up an invitation: choose a password")
                .takes::<TakeUp>()
                .answers::<Welcome>(),
            post(take_up),
        )
        .on(
            op(Method::PUT, "/api/v1/password", Is(Right::Viewer), "Change my password; my other sessions end")
                .takes::<NewPassword>()
                .answers::<Welcome>(),
            put(new_password),
        )
        .on(Operation::get(ACCOUNTS, Is(Right::Admin), "All accounts").answers::<AccountList>(), get(accounts))
        .on(
            op(Method::POST, ACCOUNTS, Is(Right::Admin), "Make an account and an invitation to it")
                .takes::<NewAccount>()
                .answers::<Invitation>(),
            post(new_account),
        )
        .on(
            op(Method::PATCH, "/api/v1/accounts/{name}", Is(Right::Admin), "Change a right, lock or unlock")
                .takes::<AccountChange>()
                .answers::<AccountRow>(),
            patch(change_account),
        )
        .on(
            op(
                Method::POST,
                "/api/v1/accounts/{name}/invitation",
                Is(Right::Admin),
                "Invite anew: also for a forgotten password",
            )
            .answers::<Invitation>(),
            post(invite),
        )
        .on(
            Operation::get(TOKENS, Is(Right::Viewer), "My tokens; for an admin, everybody's").answers::<TokenList>(),
            get(tokens),
        )
        .on(
            op(Method::POST, TOKENS, Is(Right::Viewer), "Make a token: shown in this answer and never again")
                .takes::<NewToken>()
                .answers::<MadeToken>(),
            post(new_token),
        )
        .on(
            op(Method::DELETE, "/api/v1/tokens/{id}", Is(Right::Viewer), "Revoke a token"),
            axum::routing::delete(revoke_token),
        )
}

/// Who asks, and how one gets in.
#[derive(Debug, Serialize, JsonSchema)]
struct WhoIAm {
    /// `null`: nobody.
    caller: Option<CallerRow>,
    /// Whether the first account is yet to be made.
    first: bool,
    /// Whether one may log in at an identity provider: its name.
    provider: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct CallerRow {
    name: String,
    right: Right,
    by: By,
    /// When the session ends if it is not used again, or the token; milliseconds since the Unix epoch.
    ends_ms: Option<i64>,
    /// Whether there is a password to change.
    has_password: bool,
}

/// What let the caller in.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum By {
    /// Nothing: people on loopback may look.
    OpenViewing,
    Session,
    Token,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LogIn {
    name: String,
    password: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct First {
    /// From the link.
    token: String,
    name: String,
    password: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TakeUp {
    /// From the link.
    token: String,
    password: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    present: String,
    new: String,
}

/// Logged in: the session is in the cookie.
#[derive(Debug, Serialize, JsonSchema)]
struct Welcome {
    name: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct AccountList {
    /// By name.
    accounts: Vec<AccountRow>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct AccountRow {
    name: String,
    right: Right,
    locked: bool,
    has_password: bool,
    /// Whether it logs in at the identity provider.
    by_provider: bool,
    made_ms: i64,
    /// Until when its invitation holds.
    invited_until_ms: Option<i64>,
    /// How many sessions it has now.
    sessions: usize,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewAccount {
    name: String,
    right: Right,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Invitation {
    name: String,
    /// For the link `/#/invitation?token=…`; shown once.
    token: String,
    expires_ms: i64,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AccountChange {
    right: Option<Right>,
    locked: Option<bool>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct TokenList {
    tokens: Vec<TokenRow>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct TokenRow {
    id: i64,
    account: String,
    label: String,
    right: Right,
    made_ms: i64,
    expires_ms: i64,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewToken {
    /// What it is for, up to 64 characters.
    label: String,
    /// At most the account's own.
    right: Right,
    /// 1 to 366.
    days: u32,
    /// Whose: one's own if absent; another's takes an admin.
    account: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct MadeToken {
    /// The token itself, for `Authorization: Bearer`; shown once.
    token: String,
    #[serde(flatten)]
    row: TokenRow,
}

async fn who_i_am(
    State(shared): State<Shared>,
    caller: Option<Extension<Caller>>,
    ticket: Option<Extension<Ticket>>,
) -> Json<WhoIAm> {
    let access = &shared.access;
    let book = access.book();
    let row = caller.zip(ticket).map(|(Extension(caller), Extension(ticket))| {
        let (by, ends_ms) = match &ticket {
            Ticket::Open => (By::OpenViewing, None),
            Ticket::Session(..) => (By::Session, book.left(&ticket, &access.sessions, now_ms())),
            Ticket::Token(..) => (By::Token, book.left(&ticket, &access.sessions, now_ms())),
        };
        let has_password = book.account(&caller.name).is_some_and(|account| account.has_password);
        let ends_ms = ends_ms.map(|left| now_ms().saturating_add(left));
        CallerRow { name: caller.name, right: caller.right, by, ends_ms, has_password }
    });
    let provider = shared.provider.as_ref().map(|provider| provider.name().to_owned());
    Json(WhoIAm { caller: row, first: access.awaits_first(), provider })
}

/// The answer to a log-in: the session goes into a cookie that no script can read and no other site can send.
pub(super) fn welcome(begun: &Begun) -> Response {
    let mut response = Json(Welcome { name: begun.account.clone() }).into_response();
    set_cookie(&mut response, begun);
    response
}

/// Puts a session into a response's cookie.
pub(crate) fn set_cookie(response: &mut Response, begun: &Begun) {
    let cookie = format!("{COOKIE}={}; Path=/; HttpOnly; SameSite=Strict", begun.secret.text());
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

async fn log_in(
    State(shared): State<Shared>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Json(asked): Json<LogIn>,
) -> Result<Response, Failure> {
    Ok(welcome(&shared.access.log_in(asked.name, asked.password, from.ip()).await?))
}

async fn first(State(shared): State<Shared>, Json(asked): Json<First>) -> Result<Response, Failure> {
    Ok(welcome(&shared.access.make_first(&asked.token, asked.name, asked.password).await?))
}

async fn take_up(State(shared): State<Shared>, Json(asked): Json<TakeUp>) -> Result<Response, Failure> {
    Ok(welcome(&shared.access.take_up(&asked.token, asked.password).await?))
}

async fn log_out(
    State(shared): State<Shared>,
    caller: Caller,
    Extension(ticket): Extension<Ticket>,
) -> Result<Response, Failure> {
    if let Ticket::Session(hash, _) = ticket {
        shared.access.log_out(caller, hash).await?;
    }
    let gone = format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, gone)]).into_response())
}

async fn new_password(
    State(shared): State<Shared>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    caller: Caller,
    Extension(ticket): Extension<Ticket>,
    Json(asked): Json<NewPassword>,
) -> Result<Response, Failure> {
    if !matches!(ticket, Ticket::Session(..)) {
        let words = "a password is changed in a session: log in first";
        return Err(Failure::new(StatusCode::FORBIDDEN, "session_needed", words));
    }
    Ok(welcome(&shared.access.change_password(caller, asked.present, asked.new, from.ip()).await?))
}

fn row_of(book: &Book, account: &super::book::Account) -> AccountRow {
    AccountRow {
        name: account.name.clone(),
        right: account.right,
        locked: account.locked,
        has_password: account.has_password,
        by_provider: account.by_provider,
        made_ms: account.made_ms,
        invited_until_ms: account.invited_until_ms.filter(|until| *until > now_ms()),
        sessions: book.sessions.values().filter(|session| session.account == account.name).count(),
    }
}

async fn accounts(State(shared): State<Shared>, caller: Caller) -> Result<Json<AccountList>, Failure> {
    caller.must_be(Right::Admin)?;
    let book = shared.access.book();
    Ok(Json(AccountList { accounts: book.accounts().map(|account| row_of(&book, account)).collect() }))
}

async fn invitation(access: &Arc<Access>, by: Caller, name: String) -> Result<Response, Failure> {
    let (secret, expires_ms) = access.invite(by, name.clone()).await?;
    let row = Invitation { name, token: secret.text().to_owned(), expires_ms };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(row)).into_response())
}

async fn new_account(
    State(shared): State<Shared>,
    caller: Caller,
    Json(asked): Json<NewAccount>,
) -> Result<Response, Failure> {
    caller.must_be(Right::Admin)?;
    people::check_name(&asked.name)?;
    let (by, name) = (caller.clone(), asked.name.clone());
    shared.access.change(move |t| store::make_account(t, &by, &name, asked.right, None, None)).await?;
    invitation(&shared.access, caller, asked.name).await
}

/// The account's name as it was made.
fn known(access: &Access, name: &str) -> Result<String, Failure> {
    let book = access.book();
    let account = book
        .account(name)
        .ok_or_else(|| Failure::new(StatusCode::NOT_FOUND, "not_found", format!("there is no account `{name}`")))?;
    Ok(account.name.clone())
}

async fn change_account(
    State(shared): State<Shared>,
    caller: Caller,
    Path(name): Path<String>,
    Json(asked): Json<AccountChange>,
) -> Result<Json<AccountRow>, Failure> {
    caller.must_be(Right::Admin)?;
    let account = known(&shared.access, &name)?;
    let name = account.clone();
    let change = move |t: &rusqlite::Transaction<'_>| {
        if let Some(right) = asked.right {
            store::set_right(t, &caller, &name, right)?;
        }
        if let Some(locked) = asked.locked {
            store::set_locked(t, &caller, &name, locked)?;
        }
        Ok(())
    };
    shared.access.change(change).await?;
    let book = shared.access.book();
    let account = book.account(&account).ok_or_else(|| anyhow::anyhow!("the account is gone"))?;
    Ok(Json(row_of(&book, account)))
}

async fn invite(State(shared): State<Shared>, caller: Caller, Path(name): Path<String>) -> Result<Response, Failure> {
    caller.must_be(Right::Admin)?;
    let name = known(&shared.access, &name)?;
    if shared.access.book().account(&name).is_some_and(|account| account.by_provider) {
        let words = format!("`{name}` logs in at the identity provider and has no password here");
        return Err(Failure::new(StatusCode::CONFLICT, "by_provider", words));
    }
    invitation(&shared.access, caller, name).await
}

fn token_row(token: &Token) -> TokenRow {
    TokenRow {
        id: token.id,
        account: token.account.clone(),
        label: token.label.clone(),
        right: token.right,
        made_ms: token.made_ms,
        expires_ms: token.expires_ms,
    }
}

/// The account that a ticket stands for: a token's caller is named after its label, too.
fn own_account(book: &Book, ticket: &Ticket) -> Option<String> {
    match ticket {
        Ticket::Open => None,
        Ticket::Session(hash, _) => book.sessions.get(hash).map(|session| session.account.clone()),
        Ticket::Token(hash, _) => book.tokens.get(hash).map(|token| token.account.clone()),
    }
}

async fn tokens(State(shared): State<Shared>, caller: Caller, Extension(ticket): Extension<Ticket>) -> Json<TokenList> {
    let book = shared.access.book();
    let own = own_account(&book, &ticket);
    let seen = |token: &&Token| caller.right == Right::Admin || own.as_ref() == Some(&token.account);
    let mut tokens: Vec<TokenRow> = book.tokens().filter(seen).map(token_row).collect();
    tokens.sort_by_key(|token| token.id);
    Json(TokenList { tokens })
}

async fn new_token(
    State(shared): State<Shared>,
    caller: Caller,
    Extension(ticket): Extension<Ticket>,
    Json(asked): Json<NewToken>,
) -> Result<Response, Failure> {
    let refused = |status, code, words: &str| Err(Failure::new(status, code, words));
    let book = shared.access.book();
    let own = own_account(&book, &ticket);
    let account = match asked.account {
        Some(name) => known(&shared.access, &name)?,
        None => own.clone().unwrap_or_default(),
    };
    // A token makes no tokens: else it would outlive its own end.
    if !matches!(ticket, Ticket::Session(..)) {
        return refused(StatusCode::FORBIDDEN, "session_needed", "a token is made in a session: log in first");
    }
    if own.as_ref() != Some(&account) {
        caller.must_be(Right::Admin)?;
    }
    let most = book.account(&account).map_or(Right::Viewer, |account| account.right);
    if asked.right > most || asked.right > caller.right {
        let words = format!("a token's right is at most that of its account, {most}");
        return refused(StatusCode::FORBIDDEN, "forbidden", &words);
    }
    if !(1..=LONGEST_DAYS).contains(&asked.days) {
        return refused(StatusCode::BAD_REQUEST, "bad_request", "days must be 1 to 366");
    }
    let label = asked.label.trim().to_owned();
    if label.is_empty() || label.chars().count() > LABEL || label.chars().any(char::is_control) {
        return refused(StatusCode::BAD_REQUEST, "bad_request", "label must have 1 to 64 characters: what it is for");
    }
    let made_ms = now_ms();
    let expires_ms = made_ms + i64::from(asked.days) * DAY_MS;
    let token = Token { id: 0, account, label, right: asked.right, made_ms, expires_ms };
    let secret = Secret::new()?;
    let (hash, row) = (secret.hash(), token.clone());
    let id = shared.access.change(move |t| store::make_token(t, &caller, &row, &hash)).await?;
    let made = MadeToken { token: secret.text().to_owned(), row: token_row(&Token { id, ..token }) };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(made)).into_response())
}

async fn revoke_token(
    State(shared): State<Shared>,
    caller: Caller,
    Extension(ticket): Extension<Ticket>,
    Path(id): Path<i64>,
) -> Result<StatusCode, Failure> {
    let book = shared.access.book();
    let whose = book.tokens().find(|token| token.id == id).map(|token| token.account.clone());
    if whose.is_none() || whose != own_account(&book, &ticket) {
        caller.must_be(Right::Admin)?;
    }
    shared.access.change(move |t| store::revoke_token(t, &caller, id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
