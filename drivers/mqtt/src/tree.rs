//! The topic tree for browsing, built from what arrives. Bounded, and it says so.
//!
//! The path of a node is its topic with a slash at the end, so that the empty first level of `/a` has a path of its own
//! (`/`) and the root is the empty path.

use std::collections::BTreeMap;

use fieldrail_driver::Node;
use fieldrail_model::Value;
use fieldrail_model::text::Needle;

use crate::codec::Decoded;
use crate::json;

/// The most nodes of the tree.
const MOST_NODES: usize = 100_000;

/// The most leaves of a JSON payload that are shown.
const MOST_LEAVES: usize = 200;

/// Letters of the last value that are shown.
const PREVIEW: usize = 48;

/// Everything that was seen.
#[derive(Default)]
pub(crate) struct Tree {
    root: Branch,
    count: usize,
}

#[derive(Default)]
struct Branch {
    children: BTreeMap<Box<str>, Branch>,
    /// Set if messages of exactly this topic arrive.
    seen: Option<Seen>,
}

struct Seen {
    kind: &'static str,
    preview: Box<str>,
    retained: bool,
    /// The pointers of a JSON payload, with their kinds.
    leaves: Vec<(Box<str>, &'static str)>,
}

impl Tree {
    /// Takes note of a message.
    pub(crate) fn see(&mut self, topic: &str, decoded: &Decoded, retained: bool) {
        let mut branch = &mut self.root;
        for level in topic.split('/') {
            if !branch.children.contains_key(level) {
                if self.count >= MOST_NODES {
                    if self.count == MOST_NODES {
                        tracing::warn!("The topic tree is full: {MOST_NODES} nodes; further topics are not shown.");
                        self.count += 1;
                    }
                    return;
                }
                self.count += 1;
                branch.children.insert(level.into(), Branch::default());
            }
            let Some(child) = branch.children.get_mut(level) else { return };
            branch = child;
        }
        let retained = retained || branch.seen.as_ref().is_some_and(|seen| seen.retained);
        let preview: String = decoded.value.to_string().chars().take(PREVIEW).collect();
        let leaves = match (branch.seen.take(), &decoded.value) {
            (Some(seen), _) if !seen.leaves.is_empty() => seen.leaves,
            (_, Value::Json(text)) => leaves_of(text),
            _ => Vec::new(),
        };
        branch.seen = Some(Seen { kind: decoded.value.kind(), preview: preview.into(), retained, leaves });
    }

    /// One page of the children of a path, and where the next begins. None if there is no such path.
    pub(crate) fn children(
        &self,
        path: &str,
        filter: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Option<(Vec<Node>, Option<String>)> {
        let mut branch = &self.root;
        for level in path.strip_suffix('/').into_iter().flat_map(|path| path.split('/')) {
            branch = branch.children.get(level)?;
        }
        let topic = path.strip_suffix('/').unwrap_or(path);
        let leaves = branch.seen.iter().flat_map(|seen| &seen.leaves).map(|(pointer, kind)| leaf(topic, pointer, kind));
        let children = branch.children.iter().map(|(name, child)| self.node(path, name, child));
        let filter = Needle::new(filter.unwrap_or_default());
        let holds = |node: &Node| filter.is_in(&node.name);
        Some(page(leaves.chain(children).filter(holds), after, limit.max(1), |node| &node.path))
    }

    /// One page of the topics that hold a text.
    pub(crate) fn search(&self, text: &str, after: Option<&str>, limit: usize) -> (Vec<Node>, Option<String>) {
        let mut search = Search { text: Needle::new(text), after, most: limit.max(1) + 1, found: Vec::new() };
        search.gather(self, &self.root, "");
        page(search.found.into_iter(), None, limit.max(1), |node| &node.path)
    }

    fn node(&self, parent: &str, name: &str, branch: &Branch) -> Node {
        let seen = branch.seen.as_ref();
        let mut comment = seen.map(|seen| match (seen.retained, &*seen.preview) {
            (true, preview) => format!("{preview} (retained)"),
            (false, preview) => preview.into(),
        });
        if parent.is_empty() && self.count > MOST_NODES {
            comment = Some(format!("only the first {MOST_NODES} topics are shown; narrow `browse_filter`"));
        }
        Node {
            name: name.into(),
            path: format!("{parent}{name}/"),
            tag: seen.map(|_| format!("{parent}{name}")),
            children: !branch.children.is_empty() || seen.is_some_and(|seen| !seen.leaves.is_empty()),
            r#type: seen.map(|seen| seen.kind.into()),
            comment,
            writable: seen.map(|_| !(parent.starts_with('$') || parent.is_empty() && name.starts_with('$'))),
            ..Node::default()
        }
    }
}

/// A walk over the tree for one page of matches.
struct Search<'a> {
    text: Needle,
    /// The last match of the page before; nothing counts until it is passed.
    after: Option<&'a str>,
    most: usize,
    found: Vec<Node>,
}

impl Search<'_> {
    fn gather(&mut self, tree: &Tree, branch: &Branch, path: &str) {
        for (name, child) in &branch.children {
            if self.found.len() >= self.most {
                return;
            }
            let below = format!("{path}{name}/");
            if self.after == Some(&below) {
                self.after = None;
            } else if self.after.is_none() && child.seen.is_some() && self.text.is_in(&below) {
                self.found.push(tree.node(path, name, child));
            }
            self.gather(tree, child, &below);
        }
    }
}

fn leaf(topic: &str, pointer: &str, kind: &str) -> Node {
    let tag = format!("{topic}#{pointer}");
    Node {
        name: format!("#{pointer}"),
        path: tag.clone(),
        tag: Some(tag),
        r#type: Some(kind.into()),
        writable: Some(false),
        ..Node::default()
    }
}

fn leaves_of(text: &str) -> Vec<(Box<str>, &'static str)> {
    let mut found = Vec::new();
    let Ok(document) = serde_json::from_str(text) else { return found };
    json::leaves(&document, |pointer, value| {
        if found.len() < MOST_LEAVES {
            found.push((pointer.into(), crate::codec::Codec::default().decode_leaf(value).value.kind()));
        }
    });
    found
}

/// The nodes behind `after`, at most `limit`, and the key of the last one if more follow.
fn page(
    nodes: impl Iterator<Item = Node>,
    after: Option<&str>,
    limit: usize,
    key: impl Fn(&Node) -> &String,
) -> (Vec<Node>, Option<String>) {
    let mut skipping = after.is_some();
    let mut rest = nodes.filter(|node| {
        let skip = skipping;
        skipping &= Some(key(node).as_str()) != after;
        !skip
    });
    let page: Vec<Node> = rest.by_ref().take(limit).collect();
    let more = rest.next().is_some();
    let next = page.last().filter(|_| more).map(|node| key(node).clone());
    (page, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(topics: &[&str]) -> Tree {
        let mut tree = Tree::default();
        for topic in topics {
            tree.see(topic, &Decoded::good(Value::Int(1)), false);
        }
        tree
    }

    fn names((nodes, _): (Vec<Node>, Option<String>)) -> Vec<String> {
        nodes.into_iter().map(|node| node.path).collect()
    }

    #[test]
    fn levels_become_folders_and_an_empty_level_has_a_path_of_its_own() {
        let tree = tree(&["house/kitchen/light", "house/kitchen", "/a", "b"]);
        assert_eq!(names(tree.children("", None, None, 9).unwrap()), ["/", "b/", "house/"]);
        assert_eq!(names(tree.children("/", None, None, 9).unwrap()), ["/a/"]);
        let (nodes, _) = tree.children("house/", None, None, 9).unwrap();
        assert_eq!((nodes[0].tag.as_deref(), nodes[0].children), (Some("house/kitchen"), true));
        assert!(tree.children("nowhere/", None, None, 9).is_none());
    }

    #[test]
    fn pages_and_searches_go_on_where_they_ended() {
        let tree = tree(&["a/x1", "a/X2", "a/x3", "a/y", "b/x4"]);
        let (first, next) = tree.children("a/", Some("X"), None, 2).unwrap();
        assert_eq!((first.len(), next.as_deref()), (2, Some("a/x1/")));
        let (second, next) = tree.children("a/", Some("X"), next.as_deref(), 2).unwrap();
        assert_eq!((names((second, None)), next), (vec!["a/x3/".to_owned()], None));
        let (found, next) = tree.search("x", None, 3);
        assert_eq!(names((found, None)), ["a/X2/", "a/x1/", "a/x3/"]);
        assert_eq!(names(tree.search("x", next.as_deref(), 3)), ["b/x4/"]);
    }

    #[test]
    fn the_leaves_of_a_json_payload_are_shown_below_its_topic() {
        let mut tree = Tree::default();
        tree.see("tele/x", &Decoded::good(Value::json(r#"{"a":{"b":1.5}}"#).unwrap()), true);
        let (nodes, _) = tree.children("tele/x/", None, None, 9).unwrap();
        assert_eq!((nodes[0].tag.as_deref(), nodes[0].r#type.as_deref()), (Some("tele/x#/a/b"), Some("float")));
        let (nodes, _) = tree.children("tele/", None, None, 9).unwrap();
        assert!(nodes[0].children && nodes[0].comment.as_deref().unwrap().ends_with("(retained)"));
    }

    #[test]
    fn the_tree_is_bounded_and_says_so() {
        let mut tree = Tree::default();
        for n in 0..MOST_NODES + 10 {
            tree.see(&n.to_string(), &Decoded::good(Value::Null), false);
        }
        let (nodes, _) = tree.children("", None, None, MOST_NODES + 100).unwrap();
        assert_eq!(nodes.len(), MOST_NODES);
        assert!(nodes[0].comment.as_deref().unwrap().contains("only the first"));
    }
}
