//! The device's own datapoints: they begin with `$plc.`, as no variable does.

use fieldrail_driver::Node;
use fieldrail_model::Value;

use crate::catalog::{Catalog, Place};
use crate::layout::fold;

/// The folder of them all.
pub(crate) const FOLDER: &str = "$plc";

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Own {
    /// RUN, STOP, CONFIG, …
    State,
    /// Name of the runtime.
    Device,
    /// Version of TwinCAT.
    Version,
    /// The byte that changes with each program.
    SymbolVersion,
    /// Cycle time of the first task, in microseconds.
    TaskCycle,
    /// How long the first task last took, in microseconds.
    TaskTime,
}

/// Name, type, unit, comment.
type Row = (Own, &'static str, &'static str, Option<&'static str>, &'static str);

const ROWS: [Row; 6] = [
    (Own::State, "$plc.state", "STRING", None, "RUN, STOP, CONFIG, …"),
    (Own::Device, "$plc.device", "STRING", None, "name of the runtime"),
    (Own::Version, "$plc.version", "STRING", None, "version of TwinCAT"),
    (Own::SymbolVersion, "$plc.symbol_version", "USINT", None, "changes with each download and online change"),
    (Own::TaskCycle, "$plc.task_cycle_us", "UDINT", Some("µs"), "cycle time of the first task"),
    (Own::TaskTime, "$plc.task_time_us", "UDINT", Some("µs"), "how long the first task last took"),
];

impl Own {
    /// The datapoint with this name, in any case.
    pub(crate) fn parse(tag: &str) -> Option<Self> {
        let folded = fold(tag);
        ROWS.iter().find(|row| row.1 == folded).map(|row| row.0)
    }

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        ROWS.iter().find(|row| row.0 == self).map_or(FOLDER, |row| row.1)
    }

    /// Where the figures of a task lie: both generations have a list of tasks.
    pub(crate) fn place(self, catalog: &Catalog) -> Option<Place> {
        let field = match self {
            Self::TaskCycle => "CycleTime",
            Self::TaskTime => "LastExecTime",
            _ => return None,
        };
        let lists = ["TwinCAT_SystemInfoVarList._TaskInfo[1]", ".SystemTaskInfoArr[1]", "SystemTaskInfoArr[1]"];
        lists.iter().find_map(|list| catalog.find(&format!("{list}.{field}")).ok().flatten())
    }

    /// A figure of a task in microseconds: the device counts 100 ns.
    pub(crate) fn scaled(self, value: &Value) -> Value {
        match (self, value) {
            (Self::TaskCycle | Self::TaskTime, Value::Int(n)) => Value::Int(n / 10),
            _ => value.clone(),
        }
    }
}

/// The nodes of the folder.
pub(crate) fn nodes() -> Vec<Node> {
    let node = |(_, name, kind, unit, comment): &Row| Node {
        name: name[FOLDER.len() + 1..].into(),
        path: (*name).into(),
        tag: Some((*name).into()),
        r#type: Some((*kind).into()),
        unit: unit.map(Into::into),
        comment: Some((*comment).into()),
        writable: Some(false),
        ..Node::default()
    };
    ROWS.iter().map(node).collect()
}

/// The folder itself.
pub(crate) fn folder() -> Node {
    let comment = Some("the PLC itself".into());
    Node { name: FOLDER.into(), path: FOLDER.into(), children: true, comment, ..Node::default() }
}
