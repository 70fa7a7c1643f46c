//! Set-up, log-in, users and tokens.

use axum::http::StatusCode;
use fieldrail_node::people::{Login, Role, Scope, TokenEntry, UserEntry, Who};
use fieldrail_node::views::Paged;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::answer::{Created, Done, DoneWithCookie, Json, WithCookie};
use crate::call::{Call, NoBody, NoQuery};
use crate::guard::{COOKIE, SECURE_COOKIE};
use crate::problem::{Problem, Result};

/// How long a browser keeps the cookie: as long as the session may be idle.
const KEPT_S: u32 = 30 * 24 * 3600;

/// What makes a browser forget the cookie, over HTTP and over HTTPS.
const FORGET: &str = "fieldrail_session=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0";
const FORGET_SECURE: &str = "__Host-fieldrail_session=; Secure; HttpOnly; SameSite=Strict; Path=/; Max-Age=0";

/// Whether the house waits for its set-up.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SetUp {
    /// True until the first administrator was made.
    open: bool,
}

/// The first administrator.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FirstAdmin {
    /// The one-time code that the console shows.
    code: String,
    /// The login name.
    name: String,
    /// At least eight characters.
    password: String,
}

/// A name with its password, or the code of a one-time login link.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogIn {
    /// The login name.
    #[serde(default)]
    name: Option<String>,
    /// The password.
    #[serde(default)]
    password: Option<String>,
    /// The code of a one-time login link, instead of name and password.
    #[serde(default)]
    once: Option<String>,
}

/// Who asks.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Me {
    /// The user's name, or `token:NAME`.
    name: String,
    /// What they may do.
    role: Role,
    /// Where they may do it; only tokens have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<Scope>,
}

impl From<Who> for Me {
    fn from(who: Who) -> Self {
        Self { name: who.name, role: who.role, scope: who.scope }
    }
}

/// A user as administrators see one.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct User {
    /// The login name.
    name: String,
    /// What they may do.
    role: Role,
    /// When the user was made, in milliseconds since 1970 UTC.
    created_ms: i64,
    /// For `If-Match` when the user is changed or removed.
    etag: String,
    /// How many browsers are logged in.
    sessions: usize,
}

impl User {
    fn of(call: &Call, entry: UserEntry) -> Self {
        let (etag, sessions) = (entry.etag().to_string(), call.node().people().sessions_of(&entry.name));
        Self { name: entry.name, role: entry.role, created_ms: entry.created_ms, etag, sessions }
    }
}

/// Another password for the one who asks.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordChange {
    /// The present one.
    current: String,
    /// At least eight characters.
    new: String,
}

/// A user to be made.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUser {
    /// The login name.
    name: String,
    /// At least eight characters.
    password: String,
    /// What they may do.
    role: Role,
}

/// What is to change of a user; all their sessions end.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserChange {
    /// The new password.
    #[serde(default)]
    password: Option<String>,
    /// The new role.
    #[serde(default)]
    role: Option<Role>,
}

/// A token without its secret.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Token {
    /// Names the token where the secret must not appear.
    id: String,
    /// What a person calls it; also the user name at the embedded broker.
    name: String,
    /// What it may do.
    role: Role,
    /// Where it may do it.
    scope: Scope,
    /// When the token was made, in milliseconds since 1970 UTC.
    created_ms: i64,
}

impl From<TokenEntry> for Token {
    fn from(entry: TokenEntry) -> Self {
        let TokenEntry { id, name, role, scope, created_ms, .. } = entry;
        Self { id, name, role, scope, created_ms }
    }
}

/// A token to be made.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewToken {
    /// What a person calls it; also the user name at the embedded broker.
    name: String,
    /// What it may do; never more than its maker.
    role: Role,
    /// Where it may do it.
    #[serde(default)]
    scope: Scope,
}

/// A fresh token. The secret is shown this once.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct FreshToken {
    /// Names the token where the secret must not appear.
    id: String,
    /// What a person calls it.
    name: String,
    /// What comes behind `Authorization: Bearer`.
    secret: String,
}

pub(crate) fn is_set_up(call: &Call, _: NoQuery, _: NoBody) -> Result<Json<SetUp>> {
    Ok(Json(SetUp { open: call.node().people().setup_code().is_some() }))
}

pub(crate) async fn set_up(call: Call, _: NoQuery, Json(first): Json<FirstAdmin>) -> Result<WithCookie<Me>> {
    call.about("", from(&call));
    let login = call.node().people().set_up(&first.code, &first.name, &first.password, &call.from).await?;
    Ok(with_session(&call, login))
}

pub(crate) async fn log_in(call: Call, _: NoQuery, Json(body): Json<LogIn>) -> Result<WithCookie<Me>> {
    let people = call.node().people();
    // A password is typed into the wrong field now and then, so only the name of a user is repeated.
    let known = |name: &String| people.all().users.iter().any(|user| user.name == *name);
    call.about(body.name.as_ref().filter(|name| known(name)).cloned().unwrap_or_default(), from(&call));
    let login = match body {
        LogIn { name: Some(name), password: Some(password), once: None } => {
            people.log_in(&name, &password, &call.from).await?
        }
        LogIn { name: None, password: None, once: Some(code) } => people.log_in_once(&code, &call.from)?,
        _ => {
            let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "the body says neither of two ways to log in");
            return Err(problem.hint("send `name` and `password`, or `once` alone").into());
        }
    };
    Ok(with_session(&call, login))
}

/// Where somebody comes from, for the audit trail.
fn from(call: &Call) -> String {
    format!("from {}", call.from)
}

fn with_session(call: &Call, login: Login) -> WithCookie<Me> {
    call.is_by(&login.who.name);
    let secret = login.secret.reveal();
    let named = if call.secure { format!("{SECURE_COOKIE}={secret}; Secure") } else { format!("{COOKIE}={secret}") };
    let cookie = format!("{named}; HttpOnly; SameSite=Strict; Path=/; Max-Age={KEPT_S}");
    WithCookie(cookie, login.who.into())
}

pub(crate) fn log_out(call: &Call, _: NoQuery, _: NoBody) -> Result<DoneWithCookie> {
    call.node().people().log_out(&call.caller()?.credential);
    Ok(DoneWithCookie(if call.secure { FORGET_SECURE } else { FORGET }))
}

pub(crate) fn me(call: &Call, _: NoQuery, _: NoBody) -> Result<Json<Me>> {
    Ok(Json(call.who()?.clone().into()))
}

pub(crate) async fn change_own_password(
    call: Call,
    _: NoQuery,
    Json(change): Json<PasswordChange>,
) -> Result<WithCookie<Me>> {
    let who = call.who()?.clone();
    call.about(who.name.clone(), "password");
    let people = call.node().people();
    let login = people.change_own_password(&who, &change.current, &change.new, &call.from).await?;
    Ok(with_session(&call, login))
}

pub(crate) fn end_sessions(call: &Call, _: NoQuery, _: NoBody) -> Result<Done> {
    call.node().people().end_sessions(call.segment("name"))?;
    Ok(Done)
}

pub(crate) fn users(call: &Call, _: NoQuery, _: NoBody) -> Result<Json<Paged<User>>> {
    let users = call.node().people().all().users;
    Ok(Json(Paged::whole(users.into_iter().map(|user| User::of(call, user)).collect())))
}

pub(crate) async fn add_user(call: Call, _: NoQuery, Json(new): Json<NewUser>) -> Result<Created<User>> {
    call.about(new.name.clone(), format!("as {:?}", new.role).to_lowercase());
    call.node().people().add_user(call.who()?, &new.name, &new.password, new.role).await?;
    Ok(Created(user(&call, &new.name)?))
}

pub(crate) async fn change_user(call: Call, _: NoQuery, Json(change): Json<UserChange>) -> Result<Json<User>> {
    let name = call.segment("name");
    let role = change.role.map(|role| format!("role {role:?}").to_lowercase());
    let password = change.password.as_ref().map(|_| "password".to_owned());
    call.about(name, role.into_iter().chain(password).collect::<Vec<_>>().join(", "));
    call.node()
        .people()
        .change_user(call.who()?, name, call.expected(), change.password.as_deref(), change.role)
        .await?;
    Ok(Json(user(&call, name)?))
}

fn user(call: &Call, name: &str) -> Result<User> {
    let entry = call.node().people().all().users.into_iter().find(|user| user.name == name);
    let gone = || Problem::new(StatusCode::NOT_FOUND, format!("the user `{name}` is gone already"));
    Ok(User::of(call, entry.ok_or_else(gone)?))
}

pub(crate) fn remove_user(call: &Call, _: NoQuery, _: NoBody) -> Result<Done> {
    call.node().people().remove_user(call.who()?, call.segment("name"), call.expected())?;
    Ok(Done)
}

pub(crate) fn tokens(call: &Call, _: NoQuery, _: NoBody) -> Result<Json<Paged<Token>>> {
    let tokens = call.node().people().all().tokens;
    Ok(Json(Paged::whole(tokens.into_iter().map(Token::from).collect())))
}

pub(crate) fn add_token(call: &Call, _: NoQuery, Json(new): Json<NewToken>) -> Result<Created<FreshToken>> {
    call.about(new.name.clone(), format!("as {:?}", new.role).to_lowercase());
    let (id, secret) = call.node().people().add_token(call.who()?, &new.name, new.role, new.scope)?;
    Ok(Created(FreshToken { id, name: new.name, secret: secret.reveal().into() }))
}

pub(crate) fn remove_token(call: &Call, _: NoQuery, _: NoBody) -> Result<Done> {
    call.node().people().remove_token(call.who()?, call.segment("id"))?;
    Ok(Done)
}
