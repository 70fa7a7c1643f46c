//! Set-up, log-in, and what never comes back.

use fieldrail_node::people::Role;
use serde_json::json;

use crate::house::House;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_set_up_needs_its_code_and_closes_for_good() {
    let house = House::open().await;
    let code = house.node.people().setup_code().unwrap();
    let body = |code: &str| json!({ "code": code, "name": "anna", "password": "Schaltschrank 7" });
    assert_eq!(house.ask("GET", "/api/setup", "", None).await.json(), json!({ "open": true }));
    house.ask("POST", "/api/setup", "", Some(&body("WRONG"))).await.must_be(401);
    let done = house.ask("POST", "/api/setup", "", Some(&body(&code))).await.must_be(200);
    assert_eq!(done.json(), json!({ "name": "anna", "role": "admin" }));
    let cookie = done.header("set-cookie");
    for part in ["fieldrail_session=", "; HttpOnly", "; SameSite=Strict", "; Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let session = format!("Cookie: {}\nX-Fieldrail: 1\n", cookie.split(';').next().unwrap());
    assert_eq!(house.ask("GET", "/api/me", &session, None).await.must_be(200).json()["name"], "anna");
    assert_eq!(house.ask("GET", "/api/setup", "", None).await.json(), json!({ "open": false }));
    house.ask("POST", "/api/setup", "", Some(&body(&code))).await.must_be(409);

    // The right password, and a wrong one; a change of the role ends the live view and the session.
    let log_in = |password: &str| json!({ "name": "anna", "password": password });
    house.ask("POST", "/api/login", "", Some(&log_in("Schaltschrank 8"))).await.must_be(401);
    house.ask("POST", "/api/login", "", Some(&log_in("Schaltschrank 7"))).await.must_be(200);
    let new = json!({ "name": "otto", "password": "Sicherungskasten", "role": "admin" });
    house.ask("POST", "/api/admin/users", &session, Some(&new)).await.must_be(201);
    let users = house.ask("GET", "/api/admin/users", &session, None).await.must_be(200);
    assert!(!String::from_utf8_lossy(&users.body).contains("argon2"));
    let mut live = house.live(&session).await;
    live.say(json!({ "subscribe": ["meter.power"] })).await;
    assert!(live.hear().await["snapshot"].is_array());
    house.admin("PUT", "/api/admin/users/anna", Some(&json!({ "role": "viewer" }))).await.must_be(200);
    assert_eq!(live.closed().await, 4401);
    house.ask("GET", "/api/me", &session, None).await.must_be(401);
    house.admin("DELETE", "/api/admin/users/otto", None).await.must_be(409);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_link_works_once() {
    let house = House::open().await;
    let body = json!({ "once": house.node.people().login_link() });
    house.ask("POST", "/api/login", "", Some(&body)).await.must_be(200);
    house.ask("POST", "/api/login", "", Some(&body)).await.must_be(401);
    house.ask("POST", "/api/login", "", Some(&json!({ "once": "x", "name": "y" }))).await.must_be(422);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_tries_wait_whatever_address_they_claim() {
    let house = House::open().await;
    let body = json!({ "once": "guess" });
    for n in 0..5 {
        let claim = format!("X-Forwarded-For: 10.0.0.{n}\n");
        house.ask("POST", "/api/login", &claim, Some(&body)).await.must_be(401);
    }
    let answer = house.ask("POST", "/api/login", "X-Forwarded-For: 10.0.0.9\n", Some(&body)).await.must_be(429);
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_secret_of_a_token_is_shown_once_and_its_end_is_at_once() {
    let house = House::open().await;
    let new = json!({ "name": "node-red", "role": "viewer", "scope": { "addresses": ["meter"] } });
    let fresh = house.admin("POST", "/api/admin/tokens", Some(&new)).await.must_be(201).json();
    let bearer = format!("Authorization: Bearer {}\n", fresh["secret"].as_str().unwrap());
    let me = house.ask("GET", "/api/me", &bearer, None).await.must_be(200).json();
    assert_eq!((&me["name"], &me["role"]), (&"token:node-red".into(), &"viewer".into()));
    let list = house.admin("GET", "/api/admin/tokens", None).await.must_be(200);
    let listed = String::from_utf8_lossy(&list.body).into_owned();
    assert!(listed.contains("node-red") && !listed.contains("secret") && !listed.contains("sha256"), "{listed}");
    house.admin("DELETE", &format!("/api/admin/tokens/{}", fresh["id"].as_str().unwrap()), None).await.must_be(204);
    house.ask("GET", "/api/me", &bearer, None).await.must_be(401);
    let (operator, _) = house.token("op", Role::Operator, &[]);
    house.ask("POST", "/api/admin/tokens", &operator, Some(&new)).await.must_be(403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_outlives_the_daemon_but_not_its_user_its_password_or_a_log_out() {
    let mut house = House::open().await;
    let mut cookies = Vec::new();
    for name in ["anna", "otto", "paul", "rita"] {
        let new = json!({ "name": name, "password": "Schaltschrank 7", "role": "viewer" });
        house.admin("POST", "/api/admin/users", Some(&new)).await.must_be(201);
        let body = json!({ "name": name, "password": "Schaltschrank 7" });
        let done = house.ask("POST", "/api/login", "", Some(&body)).await.must_be(200);
        let cookie = done.header("set-cookie").split(';').next().unwrap().to_owned();
        cookies.push(format!("Cookie: {cookie}\nX-Fieldrail: 1\n"));
    }
    let console = house.cookie();
    house.ask("POST", "/api/logout", &cookies[1], None).await.must_be(204);
    let file = house.folder.path().join("state/sessions.json");
    let kept = std::fs::read_to_string(&file).unwrap();
    for cookie in cookies.iter().chain([&console]) {
        let secret = cookie.lines().next().unwrap().split('=').nth(1).unwrap();
        assert!(!kept.contains(secret), "a secret is kept in clear");
    }
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);

    house.close_daemon().await;
    // While it is away somebody takes paul out by hand, and gives rita the password of another.
    let users = house.folder.path().join("config/users.json");
    let mut said: serde_json::Value = serde_json::from_slice(&std::fs::read(&users).unwrap()).unwrap();
    let all = said["users"].as_array_mut().unwrap();
    let other = all[0]["password"].clone();
    all.retain(|user| user["name"] != "paul");
    all.iter_mut().filter(|user| user["name"] == "rita").for_each(|user| user["password"] = other.clone());
    std::fs::write(&users, said.to_string()).unwrap();
    house.open_daemon().await;

    let me = house.ask("GET", "/api/me", &cookies[0], None).await.must_be(200).json();
    assert_eq!(me, json!({ "name": "anna", "role": "viewer" }));
    for (cookie, who) in cookies[1..].iter().zip(["logged out", "taken out", "other password"]) {
        assert_eq!(house.ask("GET", "/api/me", cookie, None).await.status, 401, "{who}");
    }
    house.ask("GET", "/api/me", &console, None).await.must_be(401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_made_at_the_console_closes_the_set_up_too() {
    let house = House::open().await;
    let code = house.node.people().setup_code().unwrap();
    let new = json!({ "name": "anna", "password": "Schaltschrank 7", "role": "admin" });
    house.admin("POST", "/api/admin/users", Some(&new)).await.must_be(201);
    assert_eq!(house.ask("GET", "/api/setup", "", None).await.json(), json!({ "open": false }));
    let second = json!({ "code": code, "name": "otto", "password": "Schaltschrank 7" });
    house.ask("POST", "/api/setup", "", Some(&second)).await.must_be(409);
}

/// A user who is logged in: the headers of the session.
async fn logged_in(house: &House, name: &str, password: &str) -> String {
    let body = json!({ "name": name, "password": password });
    let answer = house.ask("POST", "/api/login", "", Some(&body)).await.must_be(200);
    format!("Cookie: {}\nX-Fieldrail: 1\n", answer.header("set-cookie").split(';').next().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_changes_their_own_password_and_only_the_one_who_did_stays_logged_in() {
    let house = House::open().await;
    let new = json!({ "name": "anna", "password": "Schaltschrank 7", "role": "viewer" });
    house.admin("POST", "/api/admin/users", Some(&new)).await.must_be(201);
    let phone = logged_in(&house, "anna", "Schaltschrank 7").await;
    let desk = logged_in(&house, "anna", "Schaltschrank 7").await;
    // Five tries are all that a name has at once.
    let change = |current: &str, new: &str| json!({ "current": current, "new": new });
    let ask = async |session: &str, body| house.ask("POST", "/api/me/password", session, Some(&body)).await;
    let wrong = ask(&desk, change("Schaltschrank 8", "Sicherungskasten 9")).await.must_be(422).json();
    assert_eq!(wrong["at"]["key"], "current");
    let done = ask(&desk, change("Schaltschrank 7", "Sicherungskasten 9")).await.must_be(200);
    let fresh = format!("Cookie: {}\n", done.header("set-cookie").split(';').next().unwrap());
    assert_eq!(house.ask("GET", "/api/me", &fresh, None).await.must_be(200).json()["role"], "viewer");
    for ended in [&phone, &desk] {
        house.ask("GET", "/api/me", ended, None).await.must_be(401);
    }
    logged_in(&house, "anna", "Sicherungskasten 9").await;
    // Whoever has no password has none to change.
    house.admin("POST", "/api/me/password", Some(&change("x", "Sicherungskasten 9"))).await.must_be(409);
    let (token, _) = house.token("t", Role::Admin, &[]);
    ask(&token, change("x", "Sicherungskasten 9")).await.must_be(409);
    house.ask("POST", "/api/me/password", "", Some(&change("x", "y"))).await.must_be(401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_whom_somebody_else_has_changed_is_not_changed_unseen() {
    let house = House::open().await;
    for (name, role) in [("anna", "admin"), ("otto", "viewer")] {
        let new = json!({ "name": name, "password": "Schaltschrank 7", "role": role });
        house.admin("POST", "/api/admin/users", Some(&new)).await.must_be(201);
    }
    let session = logged_in(&house, "otto", "Schaltschrank 7").await;
    let list = house.admin("GET", "/api/admin/users", None).await.must_be(200).json();
    let otto = list["items"].as_array().unwrap().iter().find(|user| user["name"] == "otto").unwrap().clone();
    assert_eq!(otto["sessions"], 1);
    let seen = format!("{}If-Match: \"{}\"\n", house.cookie(), otto["etag"].as_str().unwrap());
    house.ask("PUT", "/api/admin/users/otto", &seen, Some(&json!({ "role": "operator" }))).await.must_be(200);
    house.ask("GET", "/api/me", &session, None).await.must_be(401);
    house.ask("PUT", "/api/admin/users/otto", &seen, Some(&json!({ "role": "admin" }))).await.must_be(412);
    house.ask("DELETE", "/api/admin/users/otto", &seen, None).await.must_be(412);
    let session = logged_in(&house, "otto", "Schaltschrank 7").await;
    house.admin("DELETE", "/api/admin/users/otto/sessions", None).await.must_be(204);
    house.ask("GET", "/api/me", &session, None).await.must_be(401);
    house.admin("DELETE", "/api/admin/users/nobody/sessions", None).await.must_be(404);
    house.admin("PUT", "/api/admin/users/anna", Some(&json!({ "role": "viewer" }))).await.must_be(409);
    house.admin("DELETE", "/api/admin/users/anna", None).await.must_be(409);
}
