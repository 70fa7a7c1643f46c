//! The last values of a datapoint, and what narrows lists and searches.

use fieldrail_node::people::Role;
use serde_json::json;

use crate::house::House;

const HISTORY: &str = "/api/datapoint/history?address=meter.power";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_are_kept_from_the_first_look_on_and_the_newest_hundred_of_them() {
    let house = House::open().await;
    house.admin("GET", HISTORY, None).await.must_be(404);
    house.set("meter", "power", json!(1)).await;
    house.set("meter", "power", json!(2)).await;
    let first = house.admin("GET", HISTORY, None).await.must_be(200).json();
    assert_eq!((&first["address"], &first["most"]), (&json!("meter.power"), &json!(100)));
    let values = |answer: &serde_json::Value| -> Vec<serde_json::Value> {
        answer["items"].as_array().unwrap().iter().map(|item| item["value"].clone()).collect()
    };
    assert_eq!(values(&first), [json!(2)], "what was before the first look is gone");
    let large = json!({ "t": "u64", "v": "18446744073709551615" });
    house.set("meter", "power", large.clone()).await;
    house.set("meter", "power", json!(4)).await;
    let next = house.admin("GET", HISTORY, None).await.must_be(200).json();
    assert_eq!(values(&next), [json!(2), large, json!(4)]);
    for item in next["items"].as_array().unwrap() {
        assert_eq!(item["quality"], "good");
        assert!(item["receive_ms"].as_i64() > Some(0));
    }
    for n in 0..120 {
        house.set("meter", "power", json!(n)).await;
    }
    let all = house.admin("GET", HISTORY, None).await.must_be(200).json();
    assert_eq!(values(&all), (20..120).map(|n| json!(n)).collect::<Vec<_>>());
    let three = house.admin("GET", &format!("{HISTORY}&limit=3"), None).await.must_be(200).json();
    assert_eq!(values(&three), [json!(117), json!(118), json!(119)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_computed_value_has_a_history_too_and_so_has_one_that_is_followed_live() {
    let house = House::open().await;
    let mut live = house.live(&house.cookie()).await;
    live.say(json!({ "subscribe": ["calc.sum"] })).await;
    live.hear().await;
    let rule = json!({ "version": "1.0", "routes": [
        { "id": "sum", "from": "meter.power", "to": "calc.sum", "transform": "scale(2)" }
    ] });
    let answer = house.admin("PUT", "/api/router/routes", Some(&rule)).await;
    assert!(answer.status < 300, "{}", answer.status);
    for n in 1..=3 {
        house.set("meter", "power", json!(n)).await;
    }
    let kept = house.admin("GET", "/api/datapoint/history?address=calc.sum", None).await.must_be(200).json();
    let values: Vec<f64> = kept["items"].as_array().unwrap().iter().filter_map(|item| item["value"].as_f64()).collect();
    assert_eq!(values, [2.0, 4.0, 6.0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_read_an_address_sees_no_history_and_no_node_of_it() {
    let house = House::open().await;
    house.set("meter", "power", json!(1)).await;
    house.set("meter2", "power", json!(1)).await;
    let (narrow, _) = house.token("narrow", Role::Viewer, &["meter2."]);
    house.ask("GET", HISTORY, &narrow, None).await.must_be(403);
    house.ask("GET", "/api/datapoint/history?address=meter2.power", &narrow, None).await.must_be(200);
    let found = house.ask("GET", "/api/browse/search?instance=meter&search=power", &narrow, None).await.must_be(200);
    assert_eq!(found.json()["items"], json!([]));
    house.ask("GET", HISTORY, "", None).await.must_be(401);
    for wrong in
        ["/api/datapoint/history", "/api/datapoint/history?address=", "/api/datapoint/history?address=x&limit=y"]
    {
        let answer = house.admin("GET", wrong, None).await;
        assert!([400, 422].contains(&answer.status), "{wrong}: {}", answer.status);
    }
    house.admin("GET", "/api/browse/search?instance=nothing", None).await.must_be(404);
    for wrong in ["kind=nonsense", "quality=nonsense", "colour=red"] {
        let answer = house.admin("GET", &format!("/api/browse/search?instance=meter&{wrong}"), None).await;
        assert!([400, 422].contains(&answer.status), "{wrong}: {}", answer.status);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_and_searches_are_narrowed_by_kind_quality_and_text_with_umlauts() {
    let house = House::open().await;
    house.set("meter", "Küche/Licht", json!(true)).await;
    house.set("meter", "kueche.temperatur", json!(21.5)).await;
    house.set("meter", "flur/zähler", json!(7)).await;
    house.set("meter", "flur/name", json!("<b>Flur</b>")).await;
    let check = async |filter: &str, want: &[&str]| {
        let list = house.admin("GET", &format!("/api/datapoints?instance=meter&{filter}"), None).await.must_be(200);
        let found = house.admin("GET", &format!("/api/browse/search?instance=meter&{filter}"), None).await.must_be(200);
        for (answer, key) in [(list.json(), "tag"), (found.json(), "name")] {
            let mut names: Vec<_> =
                answer["items"].as_array().unwrap().iter().map(|item| item[key].as_str().unwrap().to_owned()).collect();
            names.sort();
            assert_eq!(names, want, "{filter} by {key}");
        }
    };
    // However it is spelled, all spellings are found.
    check("search=kuche", &["Küche/Licht", "kueche.temperatur"]).await;
    check("search=kueche", &["Küche/Licht", "kueche.temperatur"]).await;
    check("search=K%C3%BCche", &["Küche/Licht", "kueche.temperatur"]).await;
    check("kind=bool", &["Küche/Licht"]).await;
    check("kind=int", &["flur/zähler"]).await;
    check("kind=float&search=KUECHE", &["kueche.temperatur"]).await;
    check("kind=text", &["flur/name"]).await;
    check("quality=bad", &[]).await;
    check("quality=good&search=flur", &["flur/name", "flur/zähler"]).await;
    let first = house.admin("GET", "/api/browse/search?instance=meter&limit=3", None).await.must_be(200).json();
    let next = first["next"].as_str().unwrap().replace('ü', "%C3%BC").replace('ä', "%C3%A4");
    let rest = house.admin("GET", &format!("/api/browse/search?instance=meter&after={next}"), None).await.must_be(200);
    assert_eq!((first["items"].as_array().unwrap().len(), rest.json()["items"].as_array().unwrap().len()), (3, 1));
    assert_eq!(first["items"][0]["address"], "meter.Küche/Licht");
}
