//! The house's own datapoints as a tree: a branch for each segment of their addresses.

use std::collections::BTreeMap;

use fieldrail_router::PointId;

use crate::Node;
use crate::data::view;
use crate::people::Who;
use crate::views::{Paged, TreeNode};

/// First segments that are shown as a tree.
pub(crate) const ROOTS: [&str; 2] = ["system", "calc"];

/// What stands under one segment.
#[derive(Default)]
struct Branch {
    point: Option<PointId>,
    children: bool,
}

impl Node {
    /// One page of the branches right below `path` in `root`.
    pub(crate) fn own_branches(
        &self,
        who: &Who,
        (root, path): (&str, &str),
        filter: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Paged<TreeNode> {
        let prefix = if path.is_empty() { format!("{root}.") } else { format!("{root}.{path}.") };
        let engine = self.traffic.engine();
        let mut branches: BTreeMap<String, Branch> = BTreeMap::new();
        for point in engine.router.space.page(&prefix, None) {
            let address = engine.router.space.address(point).as_str();
            if !who.reaches(address) {
                continue;
            }
            let rest = &address[prefix.len()..];
            let segment = rest.split('.').next().unwrap_or(rest);
            let branch = branches.entry(segment.to_owned()).or_default();
            if segment.len() == rest.len() { branch.point = Some(point) } else { branch.children = true }
        }
        let whole = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        let filter = filter.to_lowercase();
        let mut fits = branches.into_iter().filter(|(name, _)| {
            name.to_lowercase().contains(&filter) && after.is_none_or(|after| whole(name).as_str() > after)
        });
        let node = |(name, branch): (String, Branch)| {
            let value = branch.point.map(|point| view(&engine, who, point));
            TreeNode {
                path: whole(&name),
                tag: value.as_ref().map(|_| whole(&name)),
                children: branch.children,
                r#type: value.as_ref().and_then(|value| value.r#type.clone()),
                location: None,
                size: None,
                unit: value.as_ref().and_then(|value| value.unit.clone()),
                comment: value.as_ref().and_then(|value| value.name.clone()),
                source: None,
                writable: value.as_ref().map(|value| value.writable),
                address: value.as_ref().map(|value| value.address.clone()),
                name,
                value,
            }
        };
        let items: Vec<TreeNode> = fits.by_ref().take(limit).map(node).collect();
        let next = fits.next().and(items.last()).map(|last| last.path.clone());
        Paged { items, next, total: None }
    }
}
