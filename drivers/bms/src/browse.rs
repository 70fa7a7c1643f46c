//! The datapoints as a tree: packs, folders by the dots in names, values. Pure.

use std::sync::Arc;

use fieldrail_driver::{Node, Page};
use fieldrail_model::Value;
use fieldrail_model::text::Needle;

use crate::session::{Point, Session};
use crate::words;

/// One page of the children of a path. None if there is nothing at the path.
pub(crate) fn children(session: &Session, page: &Page) -> Option<(Vec<Node>, Option<String>)> {
    let mut nodes: Vec<Node> = Vec::new();
    for (tag, point) in said(session) {
        let rest = match page.path.as_str() {
            "" => Some(&**tag),
            path => tag.strip_prefix(path).and_then(|rest| rest.strip_prefix('.')),
        };
        let Some(rest) = rest else { continue };
        let (name, is_leaf) = rest.split_once('.').map_or((rest, true), |(name, _)| (name, false));
        let path = if page.path.is_empty() { name.to_owned() } else { format!("{}.{name}", page.path) };
        let index = nodes.iter().position(|node| node.name == name).unwrap_or_else(|| {
            let comment = folder(session, &path);
            nodes.push(Node { name: name.into(), path, comment, ..Node::default() });
            nodes.len() - 1
        });
        if is_leaf {
            nodes[index] = Node { children: nodes[index].children, ..node(session, tag, point, name) };
        } else {
            nodes[index].children = true;
        }
    }
    if nodes.is_empty() && !page.path.is_empty() {
        return None;
    }
    let filter = Needle::new(page.filter.as_deref().unwrap_or_default());
    nodes.retain(|node| filter.is_in(&node.name));
    Some(cut(nodes, page))
}

/// One page of the values whose tag or comment holds a text.
pub(crate) fn search(session: &Session, page: &Page) -> (Vec<Node>, Option<String>) {
    let text = Needle::new(page.filter.as_deref().unwrap_or_default());
    let nodes = said(session).map(|(tag, point)| node(session, tag, point, tag.rsplit('.').next().unwrap_or(tag)));
    let holds =
        |node: &Node| text.is_in(&node.path) || node.comment.as_deref().is_some_and(|comment| text.is_in(comment));
    cut(nodes.filter(holds).collect(), page)
}

/// What batteries have said: what was only asked for is no value.
fn said(session: &Session) -> impl Iterator<Item = (&Arc<str>, &Point)> {
    session.points().filter(|(_, point)| point.last.as_ref().is_some_and(|last| last.value != Value::Null))
}

fn node(session: &Session, tag: &Arc<str>, point: &Point, name: &str) -> Node {
    let own = session.name_of(tag);
    let kind = match point.last.as_ref().map(|last| &last.value) {
        Some(Value::Bool(_)) => "bool",
        Some(Value::Int(_) | Value::UInt(_)) => "int",
        Some(Value::Text(_)) => "text",
        _ => "float",
    };
    Node {
        name: name.into(),
        path: tag.to_string(),
        tag: Some(tag.to_string()),
        r#type: Some(kind.into()),
        unit: Some(point.unit).filter(|unit| !unit.is_empty()).map(Into::into),
        comment: words::comment(own),
        writable: Some(session.writable && point.pack.is_some_and(|pack| session.is_switch(pack, own))),
        ..Node::default()
    }
}

/// What a folder is: a pack, or all of them.
fn folder(session: &Session, path: &str) -> Option<String> {
    let pack = session.packs.iter().find(|pack| pack.name.as_deref() == Some(path));
    if let Some(pack) = pack {
        let model = match pack.latest.get("model") {
            Some(Value::Text(model)) => format!(", {model}"),
            _ => String::new(),
        };
        let choice = session.choice(pack.line).map(|choice| choice.family.title).unwrap_or_default();
        return Some(format!("{choice}{model}"));
    }
    session.is_bank(path).then(|| "All packs as one battery".into())
}

/// The page of a list that follows `after`, which is a position in it.
fn cut(nodes: Vec<Node>, page: &Page) -> (Vec<Node>, Option<String>) {
    let begin: usize = page.after.as_deref().and_then(|after| after.parse().ok()).unwrap_or(0);
    let limit = page.limit.max(1);
    let next = (nodes.len() > begin.saturating_add(limit)).then(|| begin.saturating_add(limit).to_string());
    (nodes.into_iter().skip(begin).take(limit).collect(), next)
}
