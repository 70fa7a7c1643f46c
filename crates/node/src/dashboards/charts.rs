//! A saved chart needs the values of its datapoints whether or not somebody looks.

use std::collections::BTreeSet;

use fieldrail_model::InstanceId;
use fieldrail_router::PointId;

use super::model::CHART;
use crate::Node;
use crate::demand::Need;
use crate::history::MOST_CHARTED;
use crate::node::lock;

impl Node {
    /// Reads what the saved charts show, from now on, and keeps it; what no chart shows any more is let go.
    pub(crate) fn keep_charts(&self) {
        let addresses: BTreeSet<String> = {
            let desk = self.dashboards.desk();
            let Ok(state) = desk.state() else { return };
            let charts = state.widgets().filter(|(widget, _)| widget.kind == CHART);
            let bindings = charts.flat_map(|(widget, _)| widget.bindings.values());
            bindings.map(|binding| binding.address.clone()).take(MOST_CHARTED).collect()
        };
        let mut standing = lock(&self.chart_needs);
        if standing.addresses == addresses {
            return;
        }
        let now = crate::clock::now();
        let mut engine = self.traffic.engine();
        let mut needs: Vec<(InstanceId, Need)> = Vec::new();
        let mut points: Vec<PointId> = Vec::new();
        for address in &addresses {
            let need = engine.split(address).map(|(id, tag)| (id.clone(), Need { tag: tag.into(), pattern: false }));
            // Of an address that belongs to nobody no datapoint is made.
            if need.is_some() || address.starts_with("calc.") || engine.has_own(address) {
                points.extend(engine.point_at(address));
            }
            needs.extend(need);
        }
        let last = |point: &PointId| (*point, engine.router.space.sample(*point).cloned());
        let with_last: Vec<_> = points.iter().map(last).collect();
        engine.history.stand(&with_last, now);
        drop(engine);
        self.traffic.need(needs.clone());
        self.traffic.release(std::mem::replace(&mut standing.needs, needs));
        standing.addresses = addresses;
    }

    /// Other instances are there: what belonged to nobody may belong to one of them.
    pub(crate) fn keep_charts_anew(&self) {
        lock(&self.chart_needs).addresses.clear();
        self.keep_charts();
    }
}

/// What the saved charts need.
#[derive(Debug, Default)]
pub(crate) struct ChartNeeds {
    addresses: BTreeSet<String>,
    needs: Vec<(InstanceId, Need)>,
}
