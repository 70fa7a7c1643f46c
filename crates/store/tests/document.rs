//! A document under edits by the API, by hand, by a second process, and after crashes.

#![allow(clippy::unwrap_used, reason = "a test may stop where it fails")]

use std::cell::Cell;
use std::convert::Infallible;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use fieldrail_store::{
    Change, Document, EditError, Etag, FileError, FormatVersion, Options, Secret, Secrets, Snapshot, Watcher, etag_of,
    read_file,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Routing {
    version: FormatVersion,
    routes: Vec<Route>,
}

#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Route {
    id: String,
    #[serde(default)]
    config: serde_json::Value,
}

const GOOD: &str =
    "{\n  \"version\": \"1.0\",\n  \"routes\": [ { \"id\": \"a\", \"config\": {\"z\": 1, \"a\": 2} } ]\n}\n";
const BROKEN: &str = "{\n  \"version\": \"1.0\",\n  \"rutes\": []\n}\n";

struct House {
    folder: tempfile::TempDir,
    routing: Document<Routing>,
}

impl House {
    fn new(text: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        if let Some(text) = text {
            fs::write(folder.path().join("routing.json"), text).unwrap();
        }
        let routing = open(folder.path());
        Self { folder, routing }
    }

    fn by_hand(&self, text: &str) {
        fs::write(self.routing.path(), text).unwrap();
    }

    fn on_disk(&self) -> String {
        fs::read_to_string(self.routing.path()).unwrap()
    }

    fn who(&self) -> Vec<String> {
        self.routing.versions().list().unwrap().into_iter().map(|version| version.who).collect()
    }

    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn open(folder: &Path) -> Document<Routing> {
    Document::open(folder, "routing.json", Options::shared().large()).unwrap()
}

fn add(id: &str) -> impl FnMut(&mut Routing) -> Result<usize, Infallible> {
    move |routing| {
        routing.routes.push(Route { id: id.into(), ..Route::default() });
        Ok(routing.routes.len())
    }
}

#[test]
fn a_missing_document_is_created_once_and_says_so() {
    let house = House::new(None);
    assert!(house.routing.created());
    assert_eq!(house.on_disk(), "{\n  \"version\": \"1.0\",\n  \"routes\": []\n}\n");
    assert_eq!(house.who(), ["first start"]);
    assert!(!open(house.folder.path()).created());
    assert_eq!(house.files(), [".routing.json.lock", "routing.json", "versions"]);
}

#[test]
fn an_edit_keeps_what_it_does_not_touch_in_its_order() {
    let house = House::new(Some(GOOD));
    let (count, etag) = house.routing.edit("anna", None, add("b")).unwrap();
    assert_eq!(count, 2);
    assert!(house.on_disk().contains("\"z\": 1,\n        \"a\": 2"), "{}", house.on_disk());
    assert!(house.on_disk().ends_with("}\n"));
    let snapshot = house.routing.snapshot().unwrap();
    assert_eq!((snapshot.value.routes.len(), &snapshot.etag), (2, &etag));
    assert_eq!(house.who(), ["anna", "hand edit"]);
    assert!(matches!(house.routing.refresh(), Change::Same));
}

#[test]
fn an_edit_that_changes_nothing_leaves_the_form_of_the_file() {
    let house = House::new(Some(GOOD));
    house.routing.edit("anna", None, |_| Ok::<_, Infallible>(())).unwrap();
    assert_eq!((house.on_disk().as_str(), house.who()), (GOOD, vec!["hand edit".to_string()]));
}

#[test]
fn a_refused_edit_changes_nothing() {
    let house = House::new(Some(GOOD));
    let refused = house.routing.edit("anna", None, |routing| {
        routing.routes.clear();
        Err::<(), _>("no")
    });
    assert!(matches!(refused, Err(EditError::Refused("no"))));
    assert_eq!(house.on_disk(), GOOD);
    assert_eq!(house.files(), [".routing.json.lock", "routing.json", "versions"]);
}

#[test]
fn an_edit_of_what_the_caller_has_not_seen_is_refused() {
    let house = House::new(Some(GOOD));
    let seen = house.routing.snapshot().unwrap().etag.clone();
    house.routing.edit("anna", Some(&seen), add("b")).unwrap();
    let error = house.routing.edit("ben", Some(&seen), add("c")).unwrap_err();
    let EditError::Outdated { current } = &error else { panic!("{error:?}") };
    assert_eq!(*current, Etag::of_bytes(house.on_disk().as_bytes()));
    assert!(error.hint().is_some());
}

#[test]
fn the_etag_of_an_entry_changes_with_that_entry_only() {
    let house = House::new(Some(GOOD));
    let before = etag_of(&house.routing.snapshot().unwrap().value.routes[0]);
    house.routing.edit("anna", None, add("b")).unwrap();
    let value = &house.routing.snapshot().unwrap().value;
    assert_eq!(etag_of(&value.routes[0]), before);
    assert_ne!(etag_of(&value.routes[1]), before);
}

#[test]
fn a_broken_file_is_never_written_over() {
    for broken in [BROKEN, "", "{", "\u{feff}", &GOOD[..40]] {
        let house = House::new(Some(broken));
        assert!(house.routing.snapshot().is_none());
        assert!(house.routing.status().is_some());
        let error = house.routing.edit("anna", None, add("b")).unwrap_err();
        let EditError::Broken(fault) = &error else { panic!("{error:?}") };
        assert!(fault.line().is_some() && error.hint().is_some(), "{broken:?}");
        assert!(matches!(house.routing.restore("anna", 1, None), Err(EditError::Refused(_))));
        drop(open(house.folder.path()));
        assert_eq!(house.on_disk(), broken);
    }
}

#[test]
fn a_broken_hand_edit_is_told_once_and_the_last_good_content_stays() {
    let house = House::new(Some(GOOD));
    let good = house.routing.snapshot().unwrap();
    house.by_hand(BROKEN);
    let Change::Broken(error) = house.routing.refresh() else { panic!("not told") };
    assert_eq!(error.to_string(), "routing.json:3:3: rutes: unknown field `rutes`, expected `version` or `routes`");
    assert_eq!(error.hint(), Some("did you mean `routes`?"));
    assert!(matches!(house.routing.refresh(), Change::Same));
    assert!(Arc::ptr_eq(&good, &house.routing.snapshot().unwrap()));
    assert_eq!(house.routing.status().unwrap().line(), Some(3));
    assert!(house.routing.read().is_err());
    house.by_hand(GOOD);
    assert!(matches!(house.routing.refresh(), Change::New(_)));
    assert!(house.routing.status().is_none());
    assert!(matches!(house.routing.refresh(), Change::Same));
}

#[test]
fn a_file_that_is_taken_away_is_missed_and_not_made_anew() {
    let house = House::new(Some(GOOD));
    fs::remove_file(house.routing.path()).unwrap();
    assert!(matches!(house.routing.refresh(), Change::Broken(_)));
    assert!(matches!(house.routing.edit("anna", None, add("b")), Err(EditError::Broken(_))));
    assert!(!house.routing.path().exists());
    house.routing.restore("anna", 1, None).unwrap();
    assert_eq!(house.routing.read().unwrap().value.routes[0].id, "a");
    assert!(house.routing.status().is_none());
}

#[test]
fn a_hand_edit_in_between_is_not_lost() {
    let house = House::new(Some(GOOD));
    let runs = Cell::new(0);
    let edited = house.routing.edit("anna", None, |routing| {
        runs.set(runs.get() + 1);
        if runs.get() == 1 {
            house.by_hand(&GOOD.replace("\"a\",", "\"by hand\","));
        }
        add("b")(routing)
    });
    assert_eq!((edited.unwrap().0, runs.get()), (2, 2));
    let ids: Vec<_> = house.routing.read().unwrap().value.routes.iter().map(|route| route.id.clone()).collect();
    assert_eq!(ids, ["by hand", "b"]);
    assert_eq!(house.who(), ["anna", "hand edit", "hand edit"]);
}

#[test]
fn an_edit_gives_way_to_somebody_who_keeps_saving() {
    let house = House::new(Some(GOOD));
    let runs = Cell::new(0);
    let edited = house.routing.edit("anna", None, |routing| {
        runs.set(runs.get() + 1);
        house.by_hand(&GOOD.replace("\"a\",", &format!("\"{}\",", runs.get())));
        add("b")(routing)
    });
    assert!(matches!(edited, Err(EditError::Changed)));
    assert_eq!(house.on_disk(), GOOD.replace("\"a\",", "\"2\","));
    assert_eq!(house.files(), [".routing.json.lock", "routing.json", "versions"]);
}

#[test]
fn a_hand_edit_in_between_that_breaks_the_file_is_not_written_over() {
    let house = House::new(Some(GOOD));
    let edited = house.routing.edit("anna", None, |routing| {
        house.by_hand(BROKEN);
        add("b")(routing)
    });
    assert!(matches!(edited, Err(EditError::Broken(_))));
    assert_eq!(house.on_disk(), BROKEN);
}

#[test]
fn edits_of_many_at_once_are_all_made() {
    let house = House::new(None);
    std::thread::scope(|scope| {
        for nth in 0..4 {
            // Each with a document of its own, as the command line beside the daemon has.
            let folder = house.folder.path();
            scope.spawn(move || {
                let routing = open(folder);
                for edit in 0..10 {
                    routing.edit("many", None, add(&format!("{nth}.{edit}"))).unwrap();
                }
            });
        }
    });
    assert!(matches!(house.routing.refresh(), Change::New(now) if now.value.routes.len() == 40));
    assert_eq!(house.routing.versions().list().unwrap().len(), 41);
}

#[test]
fn an_edit_by_another_process_is_a_new_content_here_with_its_author() {
    let house = House::new(None);
    open(house.folder.path()).edit("root on the command line", None, add("b")).unwrap();
    assert!(matches!(house.routing.refresh(), Change::New(now) if now.value.routes.len() == 1));
    assert_eq!(house.who(), ["root on the command line", "first start"]);
}

#[test]
fn a_version_is_restored_as_an_edit() {
    let house = House::new(None);
    house.routing.edit("anna", None, add("a")).unwrap();
    house.routing.edit("anna", None, add("b")).unwrap();
    let etag = house.routing.restore("ben", 2, None).unwrap();
    assert_eq!(house.routing.read().unwrap().etag, etag);
    assert_eq!(house.routing.read().unwrap().value.routes.len(), 1);
    assert_eq!(house.who(), ["ben", "anna", "anna", "first start"]);
    assert!(matches!(house.routing.restore("ben", 99, None), Err(EditError::Refused(_))));
}

#[test]
fn what_a_crash_left_behind_is_neither_read_nor_kept() {
    let house = House::new(Some(GOOD));
    let leftover = house.folder.path().join(".routing.json.4711-3.tmp");
    fs::write(&leftover, "{\"version\": \"1.0\", \"rou").unwrap();
    let routing = open(house.folder.path());
    assert_eq!(routing.snapshot().unwrap().value.routes.len(), 1);
    assert!(!leftover.exists());
}

#[test]
fn a_document_that_would_not_be_read_again_is_not_written() {
    let house = House::new(Some(GOOD));
    let mut deep = serde_json::Value::Null;
    for _ in 0..100 {
        deep = serde_json::json!([deep]);
    }
    let edited = house.routing.edit("anna", None, |routing| {
        routing.routes[0].config = deep.clone();
        Ok::<_, Infallible>(())
    });
    assert!(matches!(edited, Err(EditError::Invalid(_))));
    assert_eq!(house.on_disk(), GOOD);
}

#[test]
fn a_private_document_is_for_its_owner_only_and_so_are_its_versions() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secrets.json");
    fs::write(&path, "{\"version\": \"1.0\", \"secrets\": {\"a\": \"hunter2\"}}").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let secrets = Document::<Secrets>::open(folder.path(), "secrets.json", Options::private()).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    let put = |secrets: &mut Secrets| Ok::<_, Infallible>(secrets.secrets.insert("b".into(), Secret::new("x")));
    secrets.edit("anna", None, put).unwrap();
    assert_eq!(mode(&path), 0o600);
    for version in fs::read_dir(folder.path().join("versions/secrets")).unwrap() {
        assert_eq!(mode(&version.unwrap().path()), 0o600);
    }
    fs::write(&path, "{\"version\": \"1.0\", \"secrets\": {\"a\": [\"hunter2\"]}}").unwrap();
    let Change::Broken(error) = secrets.refresh() else { panic!("not broken") };
    assert_eq!(error.to_string(), "secrets.json:1:37: expected a string here");
}

#[test]
fn names_lead_nowhere_but_into_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["../x.json", "a/b.json", ".json", "x", "X.json", "..json", "a\0.json", "/etc/x.json"] {
        assert!(Document::<Routing>::open(folder.path(), name, Options::shared()).is_err(), "{name}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_with_a_hint() {
    // Nobody, not even root, creates files there.
    let error = Document::<Routing>::open(Path::new("/proc/self"), "routing.json", Options::shared()).unwrap_err();
    assert!(error.hint().is_some(), "{error:?}");
}

#[test]
fn a_check_from_the_command_line_touches_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("routing.json");
    assert!(read_file::<Routing>(&path, Options::shared()).is_err());
    fs::write(&path, GOOD).unwrap();
    let found: Snapshot<Routing> = read_file(&path, Options::shared()).unwrap();
    let error: FileError = found.error_at("/routes/0/config/a", "must be a text", None);
    assert_eq!(error.to_string(), "routing.json:3:52: routes[0].config.a: must be a text");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_hand_edit_is_noticed_and_an_own_write_is_known_again() {
    let house = House::new(Some(GOOD));
    let (tell, told) = mpsc::channel();
    let _watcher = Watcher::start(house.folder.path(), move |names| tell.send(names.to_vec()).unwrap()).unwrap();
    let patience = Duration::from_secs(5);
    house.by_hand(BROKEN);
    assert_eq!(told.recv_timeout(patience).unwrap(), ["routing.json"]);
    assert!(matches!(house.routing.refresh(), Change::Broken(_)));
    // As editors do it: a new file, renamed over the old one.
    fs::write(house.folder.path().join("routing.json~"), GOOD).unwrap();
    fs::rename(house.folder.path().join("routing.json~"), house.routing.path()).unwrap();
    assert_eq!(told.recv_timeout(patience).unwrap(), ["routing.json"]);
    assert!(matches!(house.routing.refresh(), Change::New(_)));
    house.routing.edit("anna", None, add("b")).unwrap();
    assert_eq!(told.recv_timeout(patience).unwrap(), ["routing.json"]);
    assert!(matches!(house.routing.refresh(), Change::Same));
    // Reading and locking is no change: nothing more is told.
    assert!(told.recv_timeout(Duration::from_millis(400)).is_err());
}
