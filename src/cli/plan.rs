//! `emolab plan`

use clap::Args;
use serde_json::json;

use super::run::announce;
use super::sweep::sharing;
use super::{ExperimentArguments, Global, Printer};
use crate::error::Error;
use crate::plan::{self, Places, Status};

/// Show what a run would compute, and why.
#[derive(Args)]
pub struct Plan {
    #[command(flatten)]
    experiment: ExperimentArguments,
}

impl Plan {
    pub(super) fn run(&self, global: &Global, printer: &Printer) -> Result<(), Error> {
        let resolved = self.experiment.load()?;
        let store = self.experiment.open_store(global, &resolved);
        let planned = plan::plan(&resolved, &store, &Places::of(&resolved.project))?;
        show(&planned, printer);
        Ok(())
    }
}

/// The graph, a stage a line, each after its inputs.
pub(super) fn show(planned: &plan::Plan, printer: &Printer) {
    let nodes = planned.graph.nodes();
    if printer.wants_json() {
        let stages: Vec<_> = nodes
            .iter()
            .zip(&planned.status)
            .map(|(node, status)| {
                let reasons = match status {
                    Status::Hit(_) => Vec::new(),
                    Status::Miss(reasons) => reasons.clone(),
                };
                json!({
                    "label": node.label,
                    "stage": node.name,
                    "key": node.key,
                    "inputs": node.inputs,
                    "hit": matches!(status, Status::Hit(_)),
                    "reasons": reasons,
                })
            })
            .collect();
        printer.json(&json!({
            "stages": stages,
            "misses": planned.misses(),
            "points": points(planned),
            "stand_in": planned.stand_in,
            "notices": planned.notices,
        }));
        return;
    }
    announce(planned, printer);
    let width = nodes.iter().map(|node| node.label.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for (node, status) in nodes.iter().zip(&planned.status) {
        let key = node.key.short();
        let inputs: Vec<&str> = node
            .inputs
            .iter()
            .filter_map(|key| planned.graph.position(*key))
            .map(|at| nodes[at].label.as_str())
            .collect();
        let state = if matches!(status, Status::Hit(_)) { "hit " } else { "miss" };
        let from = match inputs.as_slice() {
            [] => String::new(),
            inputs if inputs.len() > 4 => format!("  <- {} stages", inputs.len()),
            inputs => format!("  <- {}", inputs.join(", ")),
        };
        text.push_str(&format!("{state}  {:width$}  {key}{from}\n", node.label));
        if let Status::Miss(reasons) = status {
            for reason in reasons {
                text.push_str(&format!("      {reason}\n"));
            }
        }
    }
    let (total, misses) = (nodes.len(), planned.misses());
    text.extend(sharing(planned));
    text.push_str(&format!("{total} stages: {} computed already, {misses} to compute\n", total - misses));
    printer.result(&text);
}

fn points(planned: &plan::Plan) -> Vec<serde_json::Value> {
    let new = |stages: &std::collections::BTreeSet<usize>| {
        stages.iter().filter(|at| matches!(planned.status[**at], Status::Miss(_))).count()
    };
    let point = |point: &plan::PlannedPoint| {
        let stages = point.stages();
        json!({ "label": point.label, "stages": stages.len(), "new": new(&stages) })
    };
    planned.points.iter().map(point).collect()
}
