//! What every answer carries, and which requests never come in: foreign names, foreign pages.

use crate::house::House;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_carries_the_policy() {
    let house = House::open().await;
    let cookie = house.cookie();
    for (method, path, credentials) in [
        ("GET", "/", ""),
        ("GET", "/healthz", ""),
        ("GET", "/api/me", ""),
        ("GET", "/api/me", &cookie),
        ("DELETE", "/api/me", &cookie),
        ("GET", "/api/nothing", &cookie),
        ("OPTIONS", "/api/me", ""),
    ] {
        let answer = house.ask(method, path, credentials, None).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'self';") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("access-control-allow-origin"), "");
        let cache = answer.header("cache-control");
        assert_eq!(cache, if path == "/" && answer.status == 200 { "no-cache" } else { "no-store" });
        if answer.status >= 400 {
            assert_eq!(answer.header("content-type"), "application/problem+json");
            assert_eq!(answer.json()["status"], answer.status);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_nobody_gave_the_house_is_refused() {
    let house = House::open().await;
    let mut wire = house.wire();
    let mut ask = async |line: &str, hosts: &str| wire.send(&format!("GET {line} HTTP/1.1\n{hosts}"), b"").await;
    for ours in ["127.0.0.1", "[::1]:8420", "localhost:8420", "HAUS.example"] {
        ask("/healthz", &format!("Host: {ours}\n")).await.must_be(200);
    }
    for foreign in ["evil.example", "127.0.0.1.evil.example", "localhost.", ""] {
        let answer = ask("/healthz", &format!("Host: {foreign}\nX-Forwarded-Host: localhost\n")).await.must_be(421);
        assert!(answer.json()["hint"].as_str().unwrap().contains("hosts"));
    }
    ask("/", "Host: evil.example\n").await.must_be(421);
    ask("/healthz", "Host: localhost\nHost: evil.example\n").await.must_be(421);
    ask("http://evil.example/healthz", "Host: localhost\n").await.must_be(421);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_with_a_cookie_needs_the_header_that_other_pages_cannot_send() {
    let house = House::open().await;
    let cookie = format!("Cookie: fieldrail_session={}\n", house.session);
    let origin = format!("{cookie}Origin: http://evil.example\n");
    for credentials in [&cookie, &origin, &format!("{cookie}X-Fieldrail: 0\n")] {
        house.ask("POST", "/api/logout", credentials, None).await.must_be(403);
        house.ask("POST", "/api/admin/instances/meter/stop", credentials, None).await.must_be(403);
    }
    house.ask("GET", "/api/me", &cookie, None).await.must_be(200);
    let answer = house.ask("POST", "/api/logout", &house.cookie(), None).await.must_be(204);
    assert!(answer.header("set-cookie").contains("Max-Age=0"));
    house.ask("GET", "/api/me", &cookie, None).await.must_be(401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_with_a_wrong_address_gets_a_page_that_repeats_nothing() {
    let house = House::open().await;
    let accept = "Accept: text/html,*/*\n";
    let lost = house.ask("GET", "/scripting?x=%3Cscript%3E", accept, None).await.must_be(401);
    assert!(lost.header("content-type").starts_with("text/html"));
    assert!(!String::from_utf8_lossy(&lost.body).contains("script"));
    house.ask("GET", "/nothing", &format!("{accept}{}", house.cookie()), None).await.must_be(404);
}
