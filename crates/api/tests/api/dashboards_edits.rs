//! Eight editors at once: nobody's change is lost without their being told, and the history leads to the same state.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::dashboards::{page, widget};
use crate::house::House;
use crate::http::Wire;

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

const EDITORS: u64 = 8;
const EDITS: u64 = 625;
const PAGES: [&str; 4] = ["eg", "og", "dg", "ug"];

struct Editor {
    wire: Wire,
    head: String,
    dice: Dice,
    name: u64,
    /// What the editor last saw of each widget.
    seen: BTreeMap<String, Value>,
    told: u64,
    /// Changes that were answered as done: the widget's id, and the mark that they left in it.
    done: Vec<(String, String)>,
}

impl Editor {
    async fn send(&mut self, method: &str, path: &str, etag: Option<&str>, body: Option<&Value>) -> (u16, Value) {
        let body = body.map(Value::to_string).unwrap_or_default();
        let kind = if body.is_empty() { "" } else { "Content-Type: application/json\n" };
        let etag = etag.map(|etag| format!("If-Match: \"{etag}\"\n")).unwrap_or_default();
        let head = format!("{method} {path} HTTP/1.1\n{}{etag}{kind}Content-Length: {}\n", self.head, body.len());
        let answer = self.wire.send(&head, body.as_bytes()).await;
        let json = if answer.body.is_empty() { Value::Null } else { answer.json() };
        (answer.status, json)
    }

    async fn look(&mut self) {
        let (_, list) = self.send("GET", "/api/widgets", None, None).await;
        let items = list["items"].as_array().unwrap().clone();
        self.seen = items.into_iter().map(|item| (item["id"].as_str().unwrap().to_owned(), item)).collect();
    }

    fn pick(&mut self) -> Option<(String, String, Value)> {
        let nth = self.dice.roll(self.seen.len().max(1) as u64);
        let (id, widget) = self.seen.iter().nth(usize::try_from(nth).unwrap())?;
        let mut widget = widget.clone();
        let etag = widget["etag"].as_str().unwrap().to_owned();
        for key in ["etag", "may_operate"] {
            widget.as_object_mut().unwrap().shift_remove(key);
        }
        Some((id.clone(), etag, widget))
    }

    async fn edit(&mut self, nth: u64) {
        let mark = format!("{}-{nth}", self.name);
        let choice = self.dice.roll(100);
        if choice < 12 || self.seen.is_empty() {
            let page = PAGES[usize::try_from(self.dice.roll(4)).unwrap()];
            let mut new = widget(&format!("n{mark}"), page);
            new["title"] = json!(mark);
            let (status, made) = self.send("POST", "/api/widgets", None, Some(&new)).await;
            assert_eq!(status, 201, "{made}");
            self.note(&format!("n{mark}"), &mark, &made);
            return;
        }
        let Some((id, etag, mut now)) = self.pick() else { return };
        let path = format!("/api/widgets/{id}");
        match choice {
            12..=17 => {
                let (status, _) = self.send("DELETE", &path, Some(&etag), None).await;
                assert!([204, 412, 404].contains(&status), "{status}");
                if status == 204 {
                    self.seen.remove(&id);
                } else {
                    self.lost().await;
                }
            }
            18..=40 => {
                let cell = json!({ "wall": { "x": self.dice.roll(12), "y": self.dice.roll(500), "w": 2, "h": 2 } });
                let body = json!({ "steps": [{ "move": id, "etag": etag, "layout": cell, "group": mark }] });
                let (status, done) = self.send("POST", "/api/widgets/batch", None, Some(&body)).await;
                // 422: another one stands there.
                assert!([200, 412, 404, 422].contains(&status), "{status} {done}");
                if status == 200 { self.note(&id, &mark, &done["items"][0]) } else { self.lost().await }
            }
            41..=45 => {
                let (status, _) = self.send("POST", "/api/widgets/undo", None, None).await;
                assert!([200, 409].contains(&status), "{status}");
                self.look().await;
            }
            46..=48 => {
                let (status, _) = self.send("POST", "/api/widgets/redo", None, None).await;
                assert!([200, 409].contains(&status), "{status}");
                self.look().await;
            }
            _ => {
                now["title"] = json!(mark);
                let (status, done) = self.send("PUT", &path, Some(&etag), Some(&now)).await;
                assert!([200, 412, 404].contains(&status), "{status} {done}");
                if status == 200 { self.note(&id, &mark, &done) } else { self.lost().await }
            }
        }
    }

    fn note(&mut self, id: &str, mark: &str, made: &Value) {
        self.seen.insert(id.to_owned(), made.clone());
        self.done.push((id.to_owned(), mark.to_owned()));
    }

    async fn lost(&mut self) {
        self.told += 1;
        self.look().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_five_thousand_edits_of_eight_editors_none_is_lost_and_the_history_leads_to_the_same_state() {
    let mut house = House::open().await;
    for id in PAGES {
        house.admin("POST", "/api/dashboards", Some(&page(id))).await.must_be(201);
    }
    for nth in 0..40 {
        let new = widget(&format!("w{nth}"), PAGES[nth % 4]);
        house.admin("POST", "/api/widgets", Some(&new)).await.must_be(201);
    }
    let start = house.get("/api/widgets/export").await;
    let first = house.get("/api/widgets/state").await["change"].as_u64().unwrap();
    let began = std::time::Instant::now();
    let mut editors = Vec::new();
    for name in 0..EDITORS {
        let (token, _) = house.token(&format!("editor{name}"), fieldrail_node::people::Role::Admin, &[]);
        let head = format!("Host: {}\n{token}", house.address);
        let dice = Dice(0x9e37_79b9_7f4a_7c15 ^ (name + 1));
        let (wire, seen) = (house.wire(), BTreeMap::new());
        let mut editor = Editor { wire, head, dice, name, seen, told: 0, done: Vec::new() };
        editors.push(tokio::spawn(async move {
            editor.look().await;
            for nth in 0..EDITS {
                editor.edit(nth).await;
            }
            editor
        }));
    }
    let mut done = Vec::new();
    let mut told = 0;
    for editor in editors {
        let editor = editor.await.unwrap();
        told += editor.told;
        done.extend(editor.done);
    }
    println!("5,000 edits in {:?}; {} done, {told} lost races that were told", began.elapsed(), done.len());
    assert!(told > 20, "{told}: there was no race to speak of");
    let end = house.get("/api/widgets/export").await;
    let last = house.get("/api/widgets/state").await["change"].as_u64().unwrap();
    check_history(&house, first, last, &start, &end, &done);
    // The same after a restart, from the file and from the history.
    house.close_daemon().await;
    let file = std::fs::read_to_string(house.folder.path().join("config/widgets.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&file).unwrap(), end);
    house.open_daemon().await;
    assert_eq!(house.get("/api/widgets/export").await, end);
    let back = format!("/api/widgets/versions/{first}/restore");
    house.with_etag("POST", &back, &last.to_string(), None).await.must_be(200);
    assert_eq!(house.get("/api/widgets/export").await, start);
}

/// Plays the history from the start on, each change on what the one before it left.
fn check_history(house: &House, first: u64, last: u64, start: &Value, end: &Value, done: &[(String, String)]) {
    let node = Arc::clone(&house.node);
    let mut state = by_id(start);
    let mut marks: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for number in first + 1..=last {
        let change = node.dashboard_change(&crate::dashboards::admin(), number).unwrap();
        for difference in change.differences {
            let there = state.remove(&difference.id);
            assert_eq!(there, difference.before, "change {number} is made on what was there");
            if let Some(after) = difference.after {
                let marked = [&after["title"], &after["group"]].into_iter().filter_map(Value::as_str);
                marks.entry(difference.id.clone()).or_default().extend(marked.map(str::to_owned));
                state.insert(difference.id, after);
            }
        }
    }
    assert_eq!(state, by_id(end));
    for (id, mark) in done {
        assert!(marks[id].contains(mark), "the change {mark} of {id} was answered as done and is nowhere");
    }
}

fn by_id(file: &Value) -> BTreeMap<String, Value> {
    let all = file["widgets"].as_array().unwrap().iter();
    all.map(|widget| (widget["id"].as_str().unwrap().to_owned(), widget.clone())).collect()
}
