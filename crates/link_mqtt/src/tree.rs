//! The topics that were seen, as a tree to browse. Bounded: a flood of new names cannot fill the memory.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use fieldrail_model::text::Needle;

/// The most topics that are kept; what comes after them is still delivered, only not shown.
pub const MAX_TOPICS: usize = 100_000;

/// The most bytes of topics that are kept together.
pub const MAX_TREE_BYTES: usize = 16 * 1024 * 1024;

/// The most nodes on one page.
pub const MAX_PAGE: usize = 1000;

/// A set of topics that can be listed level by level.
#[derive(Debug, Clone, Default)]
pub struct TopicTree {
    /// Topics with NUL, which no topic can hold, in place of `/`: so the topics below a level lie side by side.
    keys: BTreeSet<Arc<str>>,
    bytes: usize,
}

/// One level of the tree: a topic, a folder, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// The level's own text; it may be empty.
    pub name: String,
    /// What [`TopicTree::children`] takes to open it: all levels, each with a `/` after it.
    pub path: String,
    /// The topic, if there is one that ends here.
    pub topic: Option<String>,
    /// Whether topics lie below.
    pub children: bool,
}

/// Some branches, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Branches {
    /// The branches.
    pub branches: Vec<Branch>,
    /// What to ask with as `after` for the next page; none at the end.
    pub next: Option<String>,
}

impl TopicTree {
    /// Keeps a topic. False if it is not kept: the tree is full, or the topic is longer than an address may be.
    pub fn insert(&mut self, topic: &str) -> bool {
        let key = topic.replace('/', "\0");
        if self.keys.contains(key.as_str()) {
            return true;
        }
        let fits = self.keys.len() < MAX_TOPICS && self.bytes + key.len() <= MAX_TREE_BYTES;
        if !fits
            || topic.is_empty()
            || topic.contains('\0')
            || topic.len() > fieldrail_model::address::MAX_ADDRESS_BYTES
        {
            return false;
        }
        self.bytes += key.len();
        self.keys.insert(key.into())
    }

    /// Forgets a topic.
    pub fn remove(&mut self, topic: &str) {
        let key = topic.replace('/', "\0");
        if self.keys.remove(key.as_str()) {
            self.bytes -= key.len();
        }
    }

    /// Whether the topic is kept.
    pub fn contains(&self, topic: &str) -> bool {
        self.keys.contains(topic.replace('/', "\0").as_str())
    }

    /// How many topics are kept.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether no topic is kept.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The level below `path` (empty for the root; a missing `/` at its end is added), only names that hold `filter` in
    /// any case, after the page that said `after`.
    pub fn children(&self, path: &str, filter: Option<&str>, after: Option<&str>, limit: usize) -> Branches {
        let mut prefix = path.replace('/', "\0");
        if !prefix.is_empty() && !prefix.ends_with('\0') {
            prefix.push('\0');
        }
        let limit = limit.clamp(1, MAX_PAGE);
        let filter = Needle::new(filter.unwrap_or_default());
        let mut page = Branches::default();
        // Just behind the level `after` and all that lies below it.
        let mut from = after.map_or(prefix.clone(), |name| format!("{prefix}{name}\u{1}"));
        while let Some(key) = self.from(&from).filter(|key| key.starts_with(&prefix)) {
            let name = key[prefix.len()..].split('\0').next().unwrap_or_default();
            from = format!("{prefix}{name}\u{1}");
            if !filter.is_in(name) {
                continue;
            }
            if page.branches.len() == limit {
                page.next = page.branches.last().map(|branch| branch.name.clone());
                break;
            }
            page.branches.push(self.branch(&prefix, name));
        }
        page
    }

    /// Topics at any depth that hold `text` in any case.
    pub fn search(&self, text: &str, after: Option<&str>, limit: usize) -> Branches {
        let limit = limit.clamp(1, MAX_PAGE);
        let text = Needle::new(text);
        let after = after.map(|topic| topic.replace('/', "\0"));
        let start = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let mut page = Branches::default();
        for key in self.keys.range::<str, _>((start, Bound::Unbounded)) {
            let topic = key.replace('\0', "/");
            if !text.is_in(&topic) {
                continue;
            }
            if page.branches.len() == limit {
                page.next = page.branches.last().and_then(|branch| branch.topic.clone());
                break;
            }
            let (prefix, name) = key.rsplit_once('\0').map_or(("", &**key), |(head, name)| (&key[..=head.len()], name));
            page.branches.push(self.branch(prefix, name));
        }
        page
    }

    fn branch(&self, prefix: &str, name: &str) -> Branch {
        let key = format!("{prefix}{name}");
        let below = format!("{key}\0");
        Branch {
            name: name.into(),
            path: below.replace('\0', "/"),
            topic: self.keys.contains(key.as_str()).then(|| key.replace('\0', "/")),
            children: self.from(&below).is_some_and(|first| first.starts_with(&below)),
        }
    }

    /// The first key that is not before `from`.
    fn from(&self, from: &str) -> Option<&Arc<str>> {
        self.keys.range::<str, _>((Bound::Included(from), Bound::Unbounded)).next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tree(topics: &[&str]) -> TopicTree {
        let mut tree = TopicTree::default();
        assert!(topics.iter().all(|topic| tree.insert(topic)));
        tree
    }

    /// `name` is a topic, `name/` a folder, `*name/` both.
    fn show(page: &Branches) -> String {
        let one = |b: &Branch| {
            let both = if b.children && b.topic.is_some() { "*" } else { "" };
            format!("{both}{}{}", b.name, if b.children { "/" } else { "" })
        };
        page.branches.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_level_lists_what_lies_below() {
        let tree = tree(&["a", "a/x", "a/y/z", "a!b", "ab", "/lead", "b//deep"]);
        assert_eq!(show(&tree.children("", None, None, 10)), "/ *a/ a!b ab b/");
        assert_eq!(show(&tree.children("a", None, None, 10)), "x y/");
        assert_eq!(show(&tree.children("a/", None, None, 10)), "x y/");
        assert_eq!(show(&tree.children("/", None, None, 10)), "lead");
        assert_eq!(show(&tree.children("b", None, None, 10)), "/");
        assert_eq!(show(&tree.children("b//", None, None, 10)), "deep");
        assert_eq!(show(&tree.children("nothing", None, None, 10)), "");
    }

    #[test]
    fn pages_go_on_where_the_last_one_ended() {
        let topics: Vec<String> = (0..25).map(|n| format!("t/{n:02}/v")).collect();
        let tree = tree(&topics.iter().map(String::as_str).collect::<Vec<_>>());
        let mut after = None;
        let mut names = Vec::new();
        loop {
            let page = tree.children("t", None, after.as_deref(), 10);
            assert!(page.branches.len() <= 10);
            names.extend(page.branches.into_iter().map(|b| b.name));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(names, (0..25).map(|n| format!("{n:02}")).collect::<Vec<_>>());
    }

    #[test]
    fn a_filter_and_a_search_ignore_case() {
        let tree = tree(&["House/Kitchen/Power", "house/cellar", "x/POWER"]);
        assert_eq!(show(&tree.children("", Some("HOU"), None, 10)), "House/ house/");
        let found = tree.search("power", None, 1);
        assert_eq!(found.branches[0].topic.as_deref(), Some("House/Kitchen/Power"));
        assert_eq!(found.branches[0].path, "House/Kitchen/Power/");
        let rest = tree.search("power", found.next.as_deref(), 1);
        assert_eq!((rest.branches[0].topic.as_deref(), rest.next), (Some("x/POWER"), None));
    }

    #[test]
    fn a_flood_of_topics_stops_at_the_bound() {
        let mut tree = TopicTree::default();
        assert_eq!((0..MAX_TOPICS + 10).filter(|n| tree.insert(&format!("t/{n}"))).count(), MAX_TOPICS);
        assert!(tree.insert("t/5") && !tree.insert("new"));
        tree.remove("t/5");
        assert!(tree.insert("new") && !tree.contains("t/5"));
        let mut long = TopicTree::default();
        let kept = (0..10_000).filter(|n| long.insert(&format!("{n:04000}"))).count();
        assert_eq!(kept, MAX_TREE_BYTES / 4000);
        assert!(!long.insert(&"x".repeat(5000)) && !long.insert(""));
    }

    proptest! {
        #[test]
        fn walking_the_tree_finds_every_topic_once(topics in prop::collection::btree_set("[ab!/]{1,6}", 0..20)) {
            let mut tree = TopicTree::default();
            prop_assert!(topics.iter().all(|topic| tree.insert(topic)));
            let mut found = Vec::new();
            let mut open = vec![String::new()];
            while let Some(path) = open.pop() {
                let mut after = None;
                loop {
                    let page = tree.children(&path, None, after.as_deref(), 2);
                    for branch in page.branches {
                        found.extend(branch.topic);
                        open.extend(branch.children.then_some(branch.path));
                    }
                    after = page.next;
                    if after.is_none() { break }
                }
            }
            found.sort();
            prop_assert_eq!(found, topics.into_iter().collect::<Vec<_>>());
        }
    }
}
