//! Who may do what: every path, every method, every role, and every odd spelling.

use fieldrail_api::{Access, Reach, endpoints};
use fieldrail_node::people::Role;

use crate::house::House;

const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"];

/// The matrix as it is meant, apart from the code: `-` everybody, `v` viewers, `o` operators, `a` administrators; `*` also
/// tokens that are narrowed to addresses.
const MATRIX: &str = "
    - GET /api/setup
    - POST /api/setup
    - POST /api/login
    v* POST /api/logout
    v* GET /api/me
    v POST /api/me/password
    a GET /api/admin/users
    a POST /api/admin/users
    a PUT /api/admin/users/{name}
    a DELETE /api/admin/users/{name}
    a DELETE /api/admin/users/{name}/sessions
    a GET /api/admin/tokens
    a POST /api/admin/tokens
    a DELETE /api/admin/tokens/{id}
    v* GET /api/datapoints
    v* GET /api/datapoint
    o* POST /api/datapoint/write
o* POST /api/datapoint/pulse
v* GET /api/pulses
    v* GET /api/datapoint/history
    v* GET /api/datapoint/columns
    v* GET /api/datapoint/near
    v* GET /api/browse
    v* GET /api/search
    v* GET /api/search/devices
    v* GET /api/browse/search
    v* GET /api/live
    v GET /api/router/routes
    a PUT /api/router/routes
    a POST /api/router/routes
    v GET /api/router/routes/{id}
    a PUT /api/router/routes/{id}
    a DELETE /api/router/routes/{id}
    a POST /api/router/check
    v* POST /api/router/try
    v* GET /api/router/language
    o* POST /api/router/data
    v* GET /api/router/explain
    v* GET /api/router/tap
    a GET /api/router/record
    v GET /api/router/stats
    v GET /api/dashboards
    a POST /api/dashboards
    a POST /api/dashboards/order
    v GET /api/dashboards/{id}
    a PUT /api/dashboards/{id}
    a DELETE /api/dashboards/{id}
    v GET /api/widgets/state
    a GET /api/widgets/versions
    a GET /api/widgets/versions/{id}
    a GET /api/widgets/versions/{id}/difference
    a POST /api/widgets/versions/{id}/restore
    a POST /api/widgets/undo
    a POST /api/widgets/redo
    v GET /api/widgets
    a POST /api/widgets
    a POST /api/widgets/batch
    a GET /api/widgets/export
    a POST /api/widgets/import
    a PUT /api/widgets/pin
    a DELETE /api/widgets/pin
    a GET /api/widgets/templates
    a POST /api/widgets/templates
    a PUT /api/widgets/templates/{id}
    a DELETE /api/widgets/templates/{id}
    v GET /api/widgets/{id}
    a PUT /api/widgets/{id}
    a DELETE /api/widgets/{id}
    o* POST /api/widgets/{id}/operate
    v GET /api/camera/{id}
    a GET /api/connections
    a POST /api/connections
    a POST /api/connections/test
    a POST /api/connections/test/call/{action}
    a GET /api/connections/{id}
    a PUT /api/connections/{id}
    a DELETE /api/connections/{id}
    a GET /api/connections/{id}/dependents
    a POST /api/connections/{id}/bring_back
    a POST /api/connections/{id}/connect
a POST /api/connections/{id}/disconnect
a POST /api/connections/{id}/call/{action}
    v GET /api/admin/instances
    a POST /api/admin/instances/{id}/start
    a POST /api/admin/instances/{id}/stop
    a POST /api/admin/instances/{id}/restart
    a POST /api/admin/instances/{id}/kill
    a POST /api/admin/instances/{id}/reactivate
    a POST /api/admin/instances/{id}/limits
    v GET /api/admin/instances/{id}/logs
    v GET /api/admin/instances/{id}/metrics
v GET /api/admin/panic
o POST /api/admin/panic
a POST /api/admin/panic/rearm
    v* GET /api/alarms
    v* GET /api/alarms/events
    o* POST /api/alarms/acknowledge
    - GET /healthz
    v GET /metrics
    v GET /api/system/metrics/{name}
    a POST /api/system/restart
    v GET /api/logs
    v GET /api/logs/export
    v GET /api/errors
    v GET /api/errors/{id}
    a POST /api/errors/{id}/resolve
    a DELETE /api/errors/{id}
    a GET /api/audit
    a GET /api/audit/verify
    v GET /api/plugins
    v GET /api/system/status
    v GET /api/system/summary
    v* GET /api/openapi.json
    a GET /api/admin/files
    a GET /api/admin/files/{name}/versions
    a GET /api/admin/files/{name}/versions/{id}
    a POST /api/admin/files/{name}/versions/{id}/restore
    a GET /api/admin/backup
    a GET /api/admin/certificate
    a PUT /api/admin/certificate
    a POST /api/admin/certificate/self-signed
    a PUT /api/admin/https
    v GET /api/system/licences
";

fn matrix() -> Vec<(&'static str, &'static str, &'static str)> {
    let words = |line: &'static str| {
        let mut words = line.split_whitespace();
        Some((words.next()?, words.next()?, words.next()?))
    };
    MATRIX.lines().filter_map(words).collect()
}

/// The path with something in its gaps that is not there.
fn filled(path: &str) -> String {
    path.replace("{id}", "nothing").replace("{name}", "nobody").replace("{action}", "nothing")
}

#[test]
fn the_table_is_as_it_is_meant() {
    let table: Vec<_> = endpoints()
        .iter()
        .map(|endpoint| {
            let letter = match endpoint.access {
                Access::Open => "-",
                Access::Viewer => "v",
                Access::Operator => "o",
                Access::Admin => "a",
            };
            let star = if endpoint.reach == Reach::Addresses { "*" } else { "" };
            format!("{letter}{star} {} {}", endpoint.method, endpoint.path)
        })
        .collect();
    let meant: Vec<_> = matrix().iter().map(|(who, method, path)| format!("{who} {method} {path}")).collect();
    assert_eq!(table, meant);
}

/// Other ways to write a path that somebody in between may take for the same.
fn spellings(path: &str) -> Vec<String> {
    let tail = &path[1..];
    let (first, rest) = tail.split_once('/').unwrap_or((tail, ""));
    vec![
        format!("/{path}"),
        format!("/./{tail}"),
        format!("/x/..{path}"),
        format!("/%2e/{tail}"),
        format!("/%2f{tail}"),
        format!("/%5c{tail}"),
        format!("/\\{tail}"),
        format!("{path}/"),
        format!("{path}."),
        format!("{path};x"),
        format!("/{first};x/{rest}"),
        format!("/{}/{rest}", first.to_uppercase()),
        format!("/%61{}", &tail[1..]),
        format!("/%2561{}", &tail[1..]),
        format!("/%252f{tail}"),
        format!("/fieldrail{path}"),
        format!("{path}%00"),
        format!("/assets/..{path}"),
        format!("/assets/..%2f{tail}"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_path_needs_a_session() {
    let house = House::open().await;
    let mut wire = house.wire();
    let mut asked = 0;
    for (_, _, path) in matrix() {
        let path = filled(path);
        let odd = spellings(&path);
        for method in METHODS {
            for path in odd.iter().chain([&path]) {
                let head = format!("{method} {path} HTTP/1.1\nHost: {}\nContent-Length: 0\n", house.address);
                let status = wire.send(&head, b"").await.status;
                let plain = method.replace("HEAD", "GET");
                let open = matrix().iter().any(|(who, m, p)| *who == "-" && *m == plain && p == path);
                // 400 is a request line that is no URI at all.
                let fits = if open { status != 401 } else { matches!(status, 400 | 401) };
                assert!(fits, "{method} {path}: {status}");
                asked += 1;
            }
        }
    }
    assert!(asked > 5000, "{asked}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_odd_path_is_nothing_for_an_administrator_either() {
    let house = House::open().await;
    let mut wire = house.wire();
    for path in spellings("/api/me").iter().chain(&spellings("/healthz")) {
        let head = format!("GET {path} HTTP/1.1\nHost: {}\n{}", house.address, house.cookie());
        let answer = wire.send(&head, b"").await;
        assert!(matches!(answer.status, 400 | 404), "{path}: {}", answer.status);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_role_does_what_the_matrix_says_and_no_more() {
    let house = House::open().await;
    let callers = [
        ("viewer", Role::Viewer, false),
        ("operator", Role::Operator, false),
        ("admin", Role::Admin, false),
        ("narrow viewer", Role::Viewer, true),
        ("narrow operator", Role::Operator, true),
        ("narrow admin", Role::Admin, true),
    ];
    let mut wire = house.wire();
    for (name, role, narrow) in callers {
        let (bearer, _) = house.token(name, role, if narrow { &["meter"] } else { &[] });
        for (who, method, path) in matrix() {
            let needed = match who.as_bytes()[0] {
                b'-' => None,
                b'v' => Some(Role::Viewer),
                b'o' => Some(Role::Operator),
                _ => Some(Role::Admin),
            };
            let allowed = needed.is_none_or(|needed| role >= needed && (!narrow || who.ends_with('*')));
            // The body is nothing that any end point takes, so that what is allowed does no harm.
            let head = format!(
                "{method} {} HTTP/1.1\nHost: {}\n{bearer}Content-Type: application/json\nContent-Length: 4\n",
                filled(path),
                house.address
            );
            let answer = wire.send(&head, b"true").await;
            let refused = matches!(answer.status, 401 | 403);
            assert_eq!(!refused, allowed, "{name}: {method} {path}: {}", answer.status);
            assert!(answer.status < 500 || path == "/", "{name}: {method} {path}: {}", answer.status);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_narrow_token_sees_its_addresses_and_nothing_beside_them() {
    let house = House::open().await;
    house.set("meter", "power", 1.into()).await;
    house.set("meter2", "power", 2.into()).await;
    let (narrow, _) = house.token("narrow", Role::Operator, &["meter"]);
    let page = house.ask("GET", "/api/datapoints", &narrow, None).await.must_be(200).json();
    assert_eq!(page["items"].as_array().unwrap().len(), 1, "{page}");
    assert_eq!((&page["items"][0]["address"], &page["total"]), (&"meter.power".into(), &1.into()));
    let value = |address: &str| serde_json::json!({ "address": address, "value": 5 });
    house.ask("POST", "/api/datapoint/write", &narrow, Some(&value("meter.power"))).await.must_be(200);
    house.ask("POST", "/api/datapoint/write", &narrow, Some(&value("meter2.power"))).await.must_be(403);
    let pulse = |address: &str| serde_json::json!({ "address": address, "duration_ms": 50 });
    house.ask("POST", "/api/datapoint/pulse", &narrow, Some(&pulse("meter.power"))).await.must_be(200);
    house.ask("POST", "/api/datapoint/pulse", &narrow, Some(&pulse("meter2.power"))).await.must_be(403);
    house.ask("GET", "/api/datapoint?address=meter2.power", &narrow, None).await.must_be(403);
    let items = |page: serde_json::Value| page["items"].as_array().unwrap().len();
    let tree = house.ask("GET", "/api/browse?instance=meter2", &narrow, None).await.must_be(200).json();
    assert_eq!(items(tree), 0);
    let datum = serde_json::json!({ "source_id": "meter2", "tag": "power", "value": 1 });
    house.ask("POST", "/api/router/data", &narrow, Some(&datum)).await.must_be(403);
    house.ask("GET", "/api/router/explain?address=calc.other", &narrow, None).await.must_be(403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_token_is_not_healed_by_a_cookie() {
    let house = House::open().await;
    for wrong in ["Bearer wrong", "Bearer", "Basic YTpi", ""] {
        let both = format!("Authorization: {wrong}\n{}", house.cookie());
        house.ask("GET", "/api/me", &both, None).await.must_be(401);
    }
    house.ask("GET", "/api/me", "Cookie: fieldrail_session=\n", None).await.must_be(401);
    house.ask("GET", "/api/me", "Cookie: other=1; fieldrail_session=wrong\n", None).await.must_be(401);
    house.admin("GET", "/api/me", None).await.must_be(200);
}
