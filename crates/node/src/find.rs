//! Finding nodes at any depth of an instance's tree: by asking its driver, or in the data space.

use fieldrail_model::InstanceId;
use fieldrail_wire::ToPlugin;
use fieldrail_wire::daemon::Search;

use crate::data::{BROWSE, LONGEST_PAGE, PAGE, Wanted, flat, nodes_of};
use crate::kinds::{Kind, QualityClass};
use crate::own::tree::ROOTS;
use crate::people::Who;
use crate::views::{Paged, TreeNode};
use crate::{Error, Node, Result};

/// Pages that a driver is asked for because of one question: what it finds may be of another kind than is wanted. Behind
/// that the asker gets what there is, and where to go on.
const MOST_PAGES: usize = 20;

/// What somebody looks for in one instance.
#[derive(Debug, Clone, Default)]
pub struct Sought {
    /// The instance, `calc` or `system`.
    pub instance: String,
    /// Part of a name, a path or a comment.
    pub text: String,
    /// Only values of this kind.
    pub kind: Option<Kind>,
    /// Only values of this quality. A value that nobody reads has none.
    pub quality: Option<QualityClass>,
    /// Only what the data space knows; no device is asked.
    pub known: bool,
    /// The `next` of the page before.
    pub after: Option<String>,
    /// The most on the page.
    pub limit: Option<usize>,
}

impl Node {
    /// One page of the nodes that are meant, each with its whole path as name. It may be short, or empty, and go on behind.
    pub async fn find(&self, who: &Who, sought: Sought) -> Result<Paged<TreeNode>> {
        let is_own = ROOTS.contains(&sought.instance.as_str());
        let searches = !is_own && self.instance(&sought.instance)?.capabilities.iter().any(|word| word == "search");
        if !searches || sought.known || sought.quality.is_some() {
            return Ok(self.find_known(who, sought));
        }
        let id: InstanceId = sought.instance.parse().map_err(|error| Error::NotFound(format!("{error}")))?;
        let limit = sought.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE);
        let mut found = Paged { items: Vec::new(), next: sought.after, total: None };
        for _ in 0..MOST_PAGES {
            let (text, after) = (sought.text.clone(), found.next.take());
            let left = u32::try_from(limit - found.items.len()).unwrap_or(u32::MAX);
            let ask = |request| ToPlugin::Search(Search { request, text, after, limit: left });
            let page = self.tree(who, &id, nodes_of(self.ask(&id, BROWSE, ask).await?)?);
            found.next = page.next;
            found.items.extend(page.items.into_iter().filter(|node| is_of(node, sought.kind)));
            if found.next.is_none() || found.items.len() >= limit {
                break;
            }
        }
        Ok(found)
    }

    fn find_known(&self, who: &Who, sought: Sought) -> Paged<TreeNode> {
        let Sought { instance, text, kind, quality, after, limit, .. } = sought;
        let after = after.map(|tag| format!("{instance}.{tag}"));
        let mut page =
            flat(self.datapoints(
                who,
                &Wanted { search: text, instance: Some(instance.clone()), kind, quality, after, limit },
            ));
        for node in &mut page.items {
            // The house's own have no instance, so that their tag is the whole address.
            if let Some(tag) = node.path.strip_prefix(&format!("{instance}.")) {
                let tag = tag.to_owned();
                (node.name, node.tag, node.path) = (tag.clone(), Some(tag.clone()), tag);
            }
        }
        page.next = page.next.and(page.items.last()).map(|last| last.path.clone());
        page
    }
}

fn is_of(node: &TreeNode, kind: Option<Kind>) -> bool {
    let Some(kind) = kind else { return true };
    let said = node.r#type.as_deref().map(Kind::of_type);
    let valued = || node.value.as_ref().and_then(|point| Kind::of_value(&point.reading.value));
    node.tag.is_some() && said.or_else(valued) == Some(kind)
}
