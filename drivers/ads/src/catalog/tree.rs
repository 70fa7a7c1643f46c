//! The tree of variables, its search, and patterns over it.
//!
//! A path is the name so far. Global variables of TwinCAT 2 begin with a dot; their folder is `.`.

use fieldrail_driver::Node;
use fieldrail_model::text::Needle;

use crate::layout::{Layout, fold};

use super::{Catalog, Entry, Place};

/// Elements of an array that a search or a pattern looks into.
const MOST_SEARCHED: u32 = 256;

/// Names that one search or pattern looks at.
const MOST_LOOKED_AT: usize = 300_000;

/// Parts within parts that are shown.
const MOST_LEVELS: usize = 12;

/// One page, and the key of its last node if more follow.
pub(super) type Page = (Vec<Node>, Option<String>);

/// The nodes of one page while they are gathered.
struct Gather<'a> {
    filter: Needle,
    after: Option<&'a str>,
    limit: usize,
    nodes: Vec<Node>,
    more: bool,
}

impl<'a> Gather<'a> {
    fn new(filter: Option<&str>, after: Option<&'a str>, limit: usize) -> Self {
        Self {
            filter: Needle::new(filter.unwrap_or_default()),
            after,
            limit: limit.max(1),
            nodes: Vec::new(),
            more: false,
        }
    }

    /// Takes a node; false if the page is full.
    fn take(&mut self, path: &str, matched: &str, node: impl FnOnce() -> Node) -> bool {
        if !self.filter.is_in(matched) {
            return true;
        }
        if let Some(after) = self.after {
            if after == path {
                self.after = None;
            }
            return true;
        }
        if self.nodes.len() >= self.limit {
            self.more = true;
            return false;
        }
        self.nodes.push(node());
        true
    }

    fn page(self) -> Page {
        let next = self.nodes.last().filter(|_| self.more).map(|node| node.path.clone());
        (self.nodes, next)
    }
}

impl Catalog {
    /// One page of the children of a path. None if there is no such path.
    pub fn children(&self, path: &str, filter: Option<&str>, after: Option<&str>, limit: usize) -> Option<Page> {
        let mut gather = Gather::new(filter, after, limit);
        let folded = fold(path);
        let prefix = match folded.as_str() {
            "" | "." => folded.clone(),
            _ => format!("{folded}."),
        };
        let mut exists = path.is_empty();
        if let Ok(Some(place)) = self.find(path)
            && Self::part_nodes(&place, &mut gather)
        {
            exists = true;
        }
        exists |= self.symbol_nodes(&prefix, &mut gather);
        exists.then(|| gather.page())
    }

    /// The names that come next after a prefix; true if there is one.
    fn symbol_nodes(&self, prefix: &str, gather: &mut Gather<'_>) -> bool {
        let mut from = prefix.to_owned();
        let mut found = false;
        loop {
            let Some((number, entry)) = self.from(&from).next() else { return found };
            let Some(rest) = entry.folded.strip_prefix(prefix) else { return found };
            found = true;
            let segment = rest.split('.').next().unwrap_or(rest);
            let length = prefix.len() + segment.len();
            let is_symbol = rest.len() == segment.len();
            let path = match entry.symbol.name.get(..length.max(1)) {
                Some(path) => path.to_owned(),
                None => entry.symbol.name.clone(),
            };
            let name = path.get(prefix.len()..).filter(|name| !name.is_empty()).unwrap_or(&path).to_owned();
            let below = format!("{prefix}{segment}.");
            let node = || self.symbol_node(&name, &path, is_symbol.then_some((number, entry)), &below);
            if !gather.take(&path, &name, node) {
                return true;
            }
            // On behind everything of this segment: `/` follows `.`.
            from = format!("{prefix}{segment}");
            if self.from(&below).next().is_some_and(|(_, next)| next.folded.starts_with(&below)) {
                from.push('/');
                // Names like `a[1]` or `a_b` lie behind `a.`; those between `a` and `a.` come first.
                if is_symbol && self.has_between(&format!("{prefix}{segment}\0"), &below) {
                    from = format!("{prefix}{segment}\0");
                }
            } else {
                from.push('\0');
            }
        }
    }

    fn has_between(&self, from: &str, to: &str) -> bool {
        self.from(from).next().is_some_and(|(_, entry)| &*entry.folded < to)
    }

    fn symbol_node(&self, name: &str, path: &str, symbol: Option<(u32, &Entry)>, below: &str) -> Node {
        let mut node = symbol.map_or_else(Node::default, |(number, entry)| {
            let mut node = place_node(&self.whole(number, entry), &entry.symbol.comment);
            node.source = Some(entry.source.name().into());
            node
        });
        node.name = name.into();
        node.path = path.into();
        node.children |= self.from(below).next().is_some_and(|(_, entry)| entry.folded.starts_with(below));
        node
    }

    /// The parts of a place; true if it has parts.
    fn part_nodes(place: &Place, gather: &mut Gather<'_>) -> bool {
        let mut go_on = true;
        match &place.layout {
            Layout::Structure(structure) => {
                for field in &structure.fields {
                    let path = format!("{}.{}", place.name, field.name);
                    go_on = go_on
                        && gather.take(&path, &field.name, || {
                            part_node(place, &field.name, &field.comment, |part| part.field(&field.name))
                        });
                }
            }
            Layout::Array(array) => {
                for number in 0..array.count() {
                    let index = array.indices(number);
                    let path = format!("{}{index}", place.name);
                    go_on = go_on
                        && gather.take(&path, &index, || part_node(place, &index, "", |part| part.element(number)));
                    if !go_on {
                        break;
                    }
                }
            }
            _ => return false,
        }
        true
    }

    /// One page of the variables and parts whose name or comment holds a text, in any case.
    pub fn search(&self, text: &str, after: Option<&str>, limit: usize) -> Page {
        let mut gather = Gather::new(Some(text), after, limit);
        let needle = Needle::new(text);
        self.walk(|place, comment, source| {
            let name_holds = needle.is_in(&place.name);
            let matched = if name_holds { &place.name } else { comment };
            gather.take(&place.name, matched, || {
                let mut node = place_node(place, comment);
                node.source = source.map(Into::into);
                node
            })
        });
        gather.page()
    }

    /// The names of all variables and parts that are values of their own and match, at most so many.
    pub fn matching(&self, matches: impl Fn(&str) -> bool, most: usize) -> Vec<String> {
        let mut names = Vec::new();
        self.walk(|place, _, _| {
            let is_leaf = !matches!(place.layout, Layout::Structure(_) | Layout::Array(_) | Layout::Unknown(_));
            if is_leaf && matches(&place.name) {
                names.push(place.name.clone());
            }
            names.len() < most
        });
        names
    }

    /// Visits symbols and their parts in order, until `visit` says false.
    fn walk(&self, mut visit: impl FnMut(&Place, &str, Option<&'static str>) -> bool) {
        let mut left = MOST_LOOKED_AT;
        for (number, entry) in self.from("") {
            let place = self.whole(number, entry);
            let go_on = visit(&place, &entry.symbol.comment, Some(entry.source.name()));
            if !go_on || !walk_parts(&place, &mut visit, &mut left, MOST_LEVELS) {
                return;
            }
        }
    }
}

fn walk_parts(
    place: &Place,
    visit: &mut impl FnMut(&Place, &str, Option<&'static str>) -> bool,
    left: &mut usize,
    levels: usize,
) -> bool {
    let Some(levels) = levels.checked_sub(1) else { return true };
    let mut go = |part: &Place, comment: &str| {
        let Some(rest) = left.checked_sub(1) else { return false };
        *left = rest;
        visit(part, comment, None) && walk_parts(part, visit, left, levels)
    };
    match &place.layout {
        Layout::Structure(structure) => structure.fields.iter().all(|field| {
            let mut part = place.clone();
            part.field(&field.name).is_none() || go(&part, &field.comment)
        }),
        Layout::Array(array) => (0..array.count().min(MOST_SEARCHED)).all(|number| {
            let mut part = place.clone();
            part.element(number).is_none() || go(&part, "")
        }),
        _ => true,
    }
}

fn part_node(place: &Place, name: &str, comment: &str, enter: impl FnOnce(&mut Place) -> Option<()>) -> Node {
    let mut part = place.clone();
    if enter(&mut part).is_none() {
        return Node { name: name.into(), path: format!("{}.{name}", place.name), ..Node::default() };
    }
    Node { name: name.into(), ..place_node(&part, comment) }
}

fn place_node(place: &Place, comment: &str) -> Node {
    let values = match &place.layout {
        Layout::Enumeration(enumeration) => {
            let values = enumeration.values.iter().take(20).map(|(name, n)| format!("{name} = {n}"));
            values.collect::<Vec<_>>().join(", ")
        }
        Layout::Unknown(why) => format!("cannot be read: {why}"),
        _ => String::new(),
    };
    let words = [comment.trim(), &values].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" · ");
    let is_value = !matches!(place.layout, Layout::Unknown(_));
    let is_fixed = matches!(place.layout, Layout::Pointer(_) | Layout::Unknown(_));
    Node {
        name: place.name.rsplit('.').next().unwrap_or(&place.name).into(),
        path: place.name.clone(),
        tag: is_value.then(|| place.name.clone()),
        children: matches!(place.layout, Layout::Structure(_) | Layout::Array(_)),
        r#type: Some(place.type_name.clone()),
        location: Some(format!("{:#06x}:{:#x}", place.group, place.offset)),
        size: Some(place.size),
        unit: None,
        comment: (!words.is_empty()).then_some(words),
        writable: Some(place.read_only.is_none() && !is_fixed),
        source: None,
    }
}
