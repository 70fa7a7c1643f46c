//! Pages and widgets over the API: one by one and several at once, races, undo and redo, versions.

use serde_json::{Value, json};

use crate::house::House;
use crate::http::Answer;

pub(crate) fn page(id: &str) -> Value {
    json!({ "id": id, "name": format!("Seite {id}") })
}

pub(crate) fn widget(id: &str, page: &str) -> Value {
    json!({ "id": id, "dashboard": page, "kind": "value", "bindings": { "value": { "address": "meter.power" } } })
}

impl House {
    /// A change with what its author saw.
    pub(crate) async fn with_etag(&self, method: &str, path: &str, etag: &str, body: Option<&Value>) -> Answer {
        let credentials = format!("{}If-Match: \"{etag}\"\n", self.cookie());
        self.ask(method, path, &credentials, body).await
    }

    /// The pages `eg` and `og`, with two widgets on `eg` and one on `og`.
    pub(crate) async fn with_dashboards() -> Self {
        let house = Self::open().await;
        for id in ["eg", "og"] {
            house.admin("POST", "/api/dashboards", Some(&page(id))).await.must_be(201);
        }
        for (id, page) in [("a", "eg"), ("b", "eg"), ("c", "og")] {
            house.admin("POST", "/api/widgets", Some(&widget(id, page))).await.must_be(201);
        }
        house
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.admin("GET", path, None).await.must_be(200).json()
    }

    async fn etag_of(&self, path: &str) -> String {
        self.get(path).await["etag"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn ids_of(&self, path: &str) -> Vec<String> {
        let list = self.get(path).await;
        list["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_and_widgets_come_change_and_go_and_the_file_says_so() {
    let house = House::with_dashboards().await;
    let made =
        house.admin("POST", "/api/dashboards", Some(&json!({ "name": "<b>Keller</b>" }))).await.must_be(201).json();
    assert!(made["id"].as_str().unwrap().starts_with('d'));
    let list = house.get("/api/dashboards").await;
    assert_eq!(list["items"].as_array().unwrap().iter().map(|page| &page["widgets"]).collect::<Vec<_>>(), [2, 1, 0]);
    let mut a = house.get("/api/widgets/a").await;
    let etag = a["etag"].as_str().unwrap().to_owned();
    for key in ["etag", "may_operate"] {
        a.as_object_mut().unwrap().shift_remove(key);
    }
    a["title"] = json!("Zähler");
    a["options"] = json!({ "of": { "tomorrow": [1, 2.5, null] } });
    let kind_of_tomorrow = json!("hologram");
    a["kind"].clone_from(&kind_of_tomorrow);
    let put = house.with_etag("PUT", "/api/widgets/a", &etag, Some(&a)).await.must_be(200);
    assert_eq!(put.header("etag"), format!("\"{}\"", put.json()["etag"].as_str().unwrap()));
    house.with_etag("DELETE", "/api/widgets/b", &house.etag_of("/api/widgets/b").await, None).await.must_be(204);
    house.admin("GET", "/api/widgets/b", None).await.must_be(404);
    let order = list["order_etag"].as_str().unwrap();
    let ids = json!({ "ids": [made["id"], "og", "eg"] });
    house.with_etag("POST", "/api/dashboards/order", order, Some(&ids)).await.must_be(200);
    house.node.config_text(&admin(), fieldrail_node::FileName::Widgets).unwrap();
    let file = std::fs::read_to_string(house.folder.path().join("config/widgets.json")).unwrap();
    let file: Value = serde_json::from_str(&file).unwrap();
    assert_eq!(file["version"], "1.0");
    assert_eq!(
        file["dashboards"].as_array().unwrap().iter().map(|page| &page["id"]).collect::<Vec<_>>(),
        [&made["id"], &json!("og"), &json!("eg")]
    );
    assert_eq!(file["widgets"][0]["kind"], kind_of_tomorrow, "what is of another version is kept");
    assert_eq!(file["widgets"][0]["options"], a["options"]);
    // A page takes along what stands on it.
    let eg = house.etag_of("/api/dashboards/eg").await;
    house.with_etag("DELETE", "/api/dashboards/eg", &eg, None).await.must_be(204);
    assert_eq!(house.ids_of("/api/widgets").await, ["c"]);
}

pub(crate) fn admin() -> fieldrail_node::people::Who {
    fieldrail_node::people::Who { name: "test".into(), role: fieldrail_node::people::Role::Admin, scope: None }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_did_not_see_the_last_change_of_an_entry_is_told_and_changes_nothing() {
    let house = House::with_dashboards().await;
    let etag = house.etag_of("/api/widgets/a").await;
    let mut mine = widget("a", "eg");
    mine["title"] = json!("mine");
    house.admin("PUT", "/api/widgets/a", Some(&mine)).await.must_be(428);
    house.admin("DELETE", "/api/widgets/a", None).await.must_be(428);
    house.with_etag("PUT", "/api/widgets/a", &etag, Some(&mine)).await.must_be(200);
    let mut theirs = mine.clone();
    theirs["title"] = json!("theirs");
    let lost = house.with_etag("PUT", "/api/widgets/a", &etag, Some(&theirs)).await.must_be(412).json();
    assert!(lost["hint"].as_str().unwrap().contains("read it again"), "{lost}");
    house.with_etag("DELETE", "/api/widgets/a", &etag, None).await.must_be(412);
    // Another widget is another matter.
    let other = house.etag_of("/api/widgets/b").await;
    house.with_etag("PUT", "/api/widgets/b", &other, Some(&widget("b", "og"))).await.must_be(200);
    assert_eq!(house.get("/api/widgets/a").await["title"], "mine");
    let order = house.get("/api/dashboards").await["order_etag"].as_str().unwrap().to_owned();
    for ids in [json!(["eg"]), json!(["eg", "eg"]), json!(["eg", "og", "dg"])] {
        let wrong = house.with_etag("POST", "/api/dashboards/order", &order, Some(&json!({ "ids": ids }))).await;
        wrong.must_be(422);
    }
    house.admin("POST", "/api/dashboards", Some(&page("dg"))).await.must_be(201);
    let late = json!({ "ids": ["og", "eg"] });
    house.with_etag("POST", "/api/dashboards/order", &order, Some(&late)).await.must_be(412);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_steps_are_done_together_or_not_at_all() {
    let house = House::with_dashboards().await;
    let [a, b] = [house.etag_of("/api/widgets/a").await, house.etag_of("/api/widgets/b").await];
    let cell = |x: u32| json!({ "wall": { "x": x, "y": 0, "w": 3, "h": 2 } });
    let steps = json!({ "steps": [
        { "move": "a", "etag": a, "layout": cell(0) },
        { "move": "b", "etag": b, "layout": cell(3), "group": "pair" },
        { "add": widget("d", "og") },
    ] });
    let done = house.admin("POST", "/api/widgets/batch", Some(&steps)).await.must_be(200).json();
    assert_eq!(done["items"].as_array().unwrap().len(), 3);
    assert_eq!(house.get("/api/widgets/b").await["layout"], cell(3));
    let heads = house.get("/api/widgets/versions?limit=1").await;
    assert_eq!((&heads["items"][0]["entries"], &heads["items"][0]["change"]), (&json!(3), &done["change"]));
    // The second step is late: the first is not done either.
    let a = house.etag_of("/api/widgets/a").await;
    let late = json!({ "steps": [{ "move": "a", "etag": a, "layout": cell(6) }, { "remove": "b", "etag": b }] });
    let lost = house.admin("POST", "/api/widgets/batch", Some(&late)).await.must_be(412).json();
    assert_eq!(lost["at"]["key"], "steps[1]");
    assert_eq!(house.get("/api/widgets/a").await["layout"], cell(0));
    for (steps, status) in [
        (json!([{ "move": "a", "layout": cell(6) }]), 422),
        (json!([{ "move": "a", "etag": a }, { "remove": "a", "etag": a }]), 422),
        (json!([{ "move": "gone", "etag": a }]), 404),
        (json!([{ "add": widget("x", "nowhere") }]), 422),
        (json!([{ "add": widget("a", "eg") }]), 409),
        (json!([{ "etag": a }]), 422),
        (json!([{ "add": widget("x", "eg"), "remove": "a", "etag": a }]), 422),
        (json!([{ "move": "a", "etag": a, "layout": { "wall": { "x": 0, "y": 0, "w": 0, "h": 1 } } }]), 422),
        (json!([{ "move": "a", "etag": a, "layout": cell(4) }]), 422),
    ] {
        let answer = house.admin("POST", "/api/widgets/batch", Some(&json!({ "steps": steps }))).await;
        assert_eq!(answer.status, status, "{steps}: {}", String::from_utf8_lossy(&answer.body));
    }
    assert_eq!(house.get("/api/widgets/state").await["change"], done["change"], "nothing of that counts");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_widget_is_not_put_on_another_one_but_goes_back_to_where_it_stood() {
    let house = House::with_dashboards().await;
    let put = |id: &str, x: u32| {
        let mut put = widget(id, "eg");
        put["layout"] = json!({ "wall": { "x": x, "y": 0, "w": 3, "h": 2 } });
        put
    };
    let change = async |id: &str, x: u32| {
        let path = format!("/api/widgets/{id}");
        let etag = house.etag_of(&path).await;
        house.with_etag("PUT", &path, &etag, Some(&put(id, x))).await
    };
    change("a", 0).await.must_be(200);
    let refused = change("b", 2).await.must_be(422).json();
    assert_eq!(refused["at"]["key"], "layout.wall", "{refused}");
    assert!(refused["hint"].as_str().unwrap().contains("free cells"), "{refused}");
    let added = house.admin("POST", "/api/widgets", Some(&put("n", 1))).await.must_be(422).json();
    assert_eq!(added["at"]["key"], "layout.wall", "{added}");
    let etag = house.etag_of("/api/widgets/b").await;
    let step = json!({ "move": "b", "etag": etag, "layout": { "wall": { "x": 2, "y": 1, "w": 3, "h": 2 } } });
    let add = json!({ "add": put("n", 6) });
    let refused = house.admin("POST", "/api/widgets/batch", Some(&json!({ "steps": [add, step] }))).await;
    assert_eq!(refused.must_be(422).json()["at"]["key"], "steps[1].layout.wall");
    assert_eq!(house.get("/api/widgets/b").await.get("layout"), None, "nothing of all that was done");
    // Somebody goes, another one comes in its place, and the first one is brought back: both stand there, and nothing is lost.
    change("a", 6).await.must_be(200);
    let other = house.token("other", fieldrail_node::people::Role::Admin, &[]).0;
    house.ask("POST", "/api/widgets", &other, Some(&put("n", 0))).await.must_be(201);
    house.admin("POST", "/api/widgets/undo", None).await.must_be(200);
    assert_eq!(house.get("/api/widgets/a").await["layout"], house.get("/api/widgets/n").await["layout"]);
    let file = house.get("/api/widgets/export").await;
    let report = house.admin("POST", "/api/widgets/import?mode=replace&try_only=true", Some(&file)).await;
    let report = report.must_be(200).json();
    let note = report["notes"].as_array().unwrap().iter().find(|note| note["key"] == "widgets[3].layout.wall");
    assert!(note.is_some_and(|note| note["message"].as_str().unwrap().contains("pushed apart")), "{report}");
    // Each of the two can be led away, or renamed where it stands.
    change("a", 0).await.must_be(200);
    change("a", 9).await.must_be(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_takes_back_their_own_and_nothing_of_others_also_after_a_restart() {
    let mut house = House::with_dashboards().await;
    let (other, _) = house.token("other", fieldrail_node::people::Role::Admin, &[]);
    let title = |id: &str, title: &str| {
        let mut changed = widget(id, "eg");
        changed["title"] = json!(title);
        changed
    };
    for (id, text) in [("a", "one"), ("b", "two")] {
        let etag = house.etag_of(&format!("/api/widgets/{id}")).await;
        house.with_etag("PUT", &format!("/api/widgets/{id}"), &etag, Some(&title(id, text))).await.must_be(200);
    }
    let etag = house.etag_of("/api/widgets/b").await;
    let theirs = format!("{other}If-Match: {etag}\n");
    house.ask("PUT", "/api/widgets/b", &theirs, Some(&title("b", "theirs"))).await.must_be(200);
    house.close_daemon().await;
    house.open_daemon().await;
    let state = house.get("/api/widgets/state").await;
    assert_eq!(state["undo"]["touched"][0], json!({ "kind": "widget", "id": "b", "title": "two", "how": "changed" }));
    assert_eq!(state.get("redo"), None);
    // Another session of the same person has the same history.
    let seen = json!({ "change": state["undo"]["change"].as_u64().unwrap() + 1 });
    house.admin("POST", "/api/widgets/undo", Some(&seen)).await.must_be(409);
    let undone = house.admin("POST", "/api/widgets/undo", None).await.must_be(200).json();
    let left = json!([{ "kind": "widget", "id": "b", "title": "theirs", "who": "token:other" }]);
    assert_eq!((undone.get("change"), &undone["left"]), (None, &left));
    let undone = house.admin("POST", "/api/widgets/undo", None).await.must_be(200).json();
    assert_eq!((&undone["change"]["deed"], &undone["left"]), (&json!("undo"), &json!([])));
    assert_eq!(house.get("/api/widgets/a").await.get("title"), None);
    assert_eq!(house.get("/api/widgets/b").await["title"], "theirs");
    house.admin("POST", "/api/widgets/redo", None).await.must_be(200);
    assert_eq!(house.get("/api/widgets/a").await["title"], "one");
    house.admin("POST", "/api/widgets/redo", None).await.must_be(409);
    // Back to the very first.
    for _ in 0..6 {
        house.admin("POST", "/api/widgets/undo", None).await.must_be(200);
    }
    house.admin("POST", "/api/widgets/undo", None).await.must_be(409);
    // Somebody else's widget holds its page; the rest is gone.
    assert_eq!(house.ids_of("/api/dashboards").await, ["eg"]);
    assert_eq!(house.ids_of("/api/widgets").await, ["b"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_is_listed_with_its_author_shown_compared_and_restored() {
    let house = House::with_dashboards().await;
    let etag = house.etag_of("/api/widgets/a").await;
    let mut a = widget("a", "eg");
    a["title"] = json!("Zähler");
    house.with_etag("PUT", "/api/widgets/a", &etag, Some(&a)).await.must_be(200);
    let og = house.etag_of("/api/dashboards/og").await;
    house.with_etag("DELETE", "/api/dashboards/og", &og, None).await.must_be(204);
    let first = house.get("/api/widgets/versions?limit=3").await;
    let heads = first["items"].as_array().unwrap();
    assert_eq!(heads.iter().map(|head| head["change"].as_u64().unwrap()).collect::<Vec<_>>(), [7, 6, 5]);
    assert!(heads.iter().all(|head| head["who"] == "console" && head["time_ms"].as_i64() > Some(0)), "{first}");
    assert_eq!(
        heads[0]["touched"][1],
        json!({ "kind": "dashboard", "id": "og", "title": "Seite og", "how": "removed" })
    );
    let rest = house.get(&format!("/api/widgets/versions?before={}", first["next"].as_str().unwrap())).await;
    assert_eq!(rest["items"].as_array().unwrap().len(), 4);
    let of_a = house.get("/api/widgets/versions?widget=a").await;
    assert_eq!(of_a["items"].as_array().unwrap().iter().map(|head| &head["change"]).collect::<Vec<_>>(), [6, 3]);
    let change = house.get("/api/widgets/versions/6").await;
    assert_eq!(change["differences"][0]["before"].get("title"), None);
    assert_eq!(change["differences"][0]["after"]["title"], "Zähler");
    let difference = house.get("/api/widgets/versions/5/difference").await;
    let ids: Vec<_> = difference["differences"].as_array().unwrap().iter().map(|entry| &entry["id"]).collect();
    assert_eq!(ids, ["a", "og", "c"]);
    let between = house.get("/api/widgets/versions/2/difference?to=4").await;
    assert_eq!(between["differences"].as_array().unwrap().len(), 2);
    let restore = |number: u64| format!("/api/widgets/versions/{number}/restore");
    house.admin("POST", &restore(5), None).await.must_be(428);
    house.with_etag("POST", &restore(5), "6", None).await.must_be(412);
    // Only the page with what stood on it, then all of it.
    house.with_etag("POST", &restore(5), "7", Some(&json!({ "dashboard": "og" }))).await.must_be(200);
    assert_eq!(house.ids_of("/api/dashboards").await, ["eg", "og"]);
    assert_eq!(house.ids_of("/api/widgets").await, ["a", "b", "c"]);
    assert_eq!(house.get("/api/widgets/a").await["title"], "Zähler");
    house.with_etag("POST", &restore(0), "8", None).await.must_be(200);
    assert_eq!(house.ids_of("/api/dashboards").await, [""; 0]);
    house.with_etag("POST", &restore(0), "9", None).await.must_be(409);
    for wrong in ["/api/widgets/versions/99", "/api/widgets/versions/99/difference", "/api/widgets/versions/x"] {
        house.admin("GET", wrong, None).await.must_be(404);
    }
    house.admin("POST", "/api/widgets/undo", None).await.must_be(200);
    assert_eq!(house.ids_of("/api/widgets").await, ["a", "b", "c"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_looks_at_a_dashboard_hears_of_each_change() {
    let house = House::open().await;
    let mut live = house.live(&house.cookie()).await;
    live.say(json!({ "subscribe": ["system.dashboards.change"] })).await;
    let snapshot = live.hear().await;
    assert_eq!(snapshot["snapshot"][0]["value"], 0, "{snapshot}");
    house.admin("POST", "/api/dashboards", Some(&page("eg"))).await.must_be(201);
    let delta = live.hear().await;
    assert!(delta.to_string().contains("\"system.dashboards.change\""), "{delta}");
    assert!(delta.to_string().contains("\"value\":1"), "{delta}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn templates_come_change_and_go() {
    let house = House::open().await;
    let body = json!({ "name": "Lampe", "widgets": [{ "kind": "switch", "pin": true }] });
    let made = house.admin("POST", "/api/widgets/templates", Some(&body)).await.must_be(201).json();
    let path = format!("/api/widgets/templates/{}", made["id"].as_str().unwrap());
    let other = json!({ "name": "Lampen", "widgets": [] });
    house.admin("PUT", &path, Some(&other)).await.must_be(428);
    house.with_etag("PUT", &path, "old", Some(&other)).await.must_be(412);
    let put = house.with_etag("PUT", &path, made["etag"].as_str().unwrap(), Some(&other)).await.must_be(200).json();
    assert_eq!(house.get("/api/widgets/templates").await["items"][0]["name"], "Lampen");
    house.with_etag("DELETE", &path, put["etag"].as_str().unwrap(), None).await.must_be(204);
    house.with_etag("DELETE", &path, "x", None).await.must_be(404);
    let nameless = house.admin("POST", "/api/widgets/templates", Some(&json!({ "name": " ", "widgets": [] }))).await;
    assert_eq!(nameless.must_be(422).json()["at"]["key"], "name");
}
