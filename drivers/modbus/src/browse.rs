//! The registers as a tree: units, folders by the dots in names, values. Pure.

use fieldrail_driver::{Node, Page};
use fieldrail_model::text::Needle;

use crate::session::{Point, Session};
use crate::sunspec::Model;

/// One page of the children of a path. None if there is nothing at the path.
pub(crate) fn children(session: &Session, page: &Page) -> Option<(Vec<Node>, Option<String>)> {
    let mut nodes: Vec<Node> = Vec::new();
    let mut index: std::collections::HashMap<&str, usize> = std::collections::HashMap::new();
    for point in visible(session) {
        let rest = match page.path.as_str() {
            "" => Some(&*point.tag),
            path => point.tag.strip_prefix(path).and_then(|rest| rest.strip_prefix('.')),
        };
        let Some(rest) = rest else { continue };
        let end = rest.find('.').unwrap_or(rest.len());
        let (name, is_leaf) = (&rest[..end], end == rest.len());
        let at = *index.entry(name).or_insert_with(|| {
            let path = if page.path.is_empty() { name.to_owned() } else { format!("{}.{name}", page.path) };
            let comment = folder_comment(session, point, &path, name);
            nodes.push(Node { name: name.into(), path, comment, ..Node::default() });
            nodes.len() - 1
        });
        if is_leaf {
            let node = Node { children: nodes[at].children, ..node(point, name) };
            nodes[at] = node;
        } else {
            nodes[at].children = true;
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
    let holds = |part: &str| text.is_in(part);
    let found = visible(session).filter(|point| holds(&point.tag) || point.entry.comment.as_deref().is_some_and(holds));
    let last = |point: &Point| point.tag.rsplit('.').next().unwrap_or_default().to_owned();
    cut(found.map(|point| node(point, &last(point))).collect(), page)
}

fn visible(session: &Session) -> impl Iterator<Item = &Point> {
    session.points.iter().filter(|point| !point.tag.is_empty())
}

fn node(point: &Point, name: &str) -> Node {
    let entry = &point.entry;
    Node {
        name: name.into(),
        path: point.tag.to_string(),
        tag: Some(point.tag.to_string()),
        children: false,
        r#type: Some(entry.form.kind.name().into()),
        location: Some(entry.location()),
        size: Some(if entry.table.is_bits() { 1 } else { 2 * u32::from(entry.count()) }),
        unit: entry.unit.clone(),
        comment: entry.comment.clone(),
        writable: Some(entry.write.is_some()),
        source: None,
    }
}

/// What a folder is: a unit, or a SunSpec model.
fn folder_comment(session: &Session, point: &Point, path: &str, name: &str) -> Option<String> {
    let unit = &session.units[point.unit];
    if unit.name.as_deref() == Some(path) {
        let title = unit.title.as_deref().map(|title| format!(", {title}")).unwrap_or_default();
        return Some(format!("unit {}{title}", unit.number));
    }
    unit.sunspec.as_ref()?;
    let number = name.split('-').next()?.parse().ok()?;
    Model::find(number).map(|model| model.label)
}

/// The page of a list that follows `after`, which is a position in it.
fn cut(nodes: Vec<Node>, page: &Page) -> (Vec<Node>, Option<String>) {
    let begin: usize = page.after.as_deref().and_then(|after| after.parse().ok()).unwrap_or(0);
    let limit = page.limit.max(1);
    let next = (nodes.len() > begin.saturating_add(limit)).then(|| (begin + limit).to_string());
    (nodes.into_iter().skip(begin).take(limit).collect(), next)
}
