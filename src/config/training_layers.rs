//! Whether a network has the layers that its training's table names, and one that is trained.

use super::names::nearest;
use super::section::Section;
use crate::networks::NetworkCard;
use crate::networks::architecture::Expected;
use crate::networks::recipe::Recipe;

/// Checks `freeze_through` and `layer_rates`, in the table that they stand in.
pub(super) fn check(table: &Section<'_>, network: &NetworkCard, recipe: &Recipe) {
    let Some(architecture) = network.architecture.map(|architecture| architecture()) else { return };
    let tensors = architecture.tensors(None);
    let layers: Vec<&str> = tensors.iter().map(Expected::layer).collect();
    let name = network.name;
    if let Some(layer) = recipe.freeze_through.as_deref() {
        if !layers.contains(&layer) {
            let message = format!("`{name}` has no layer `{layer}`, which `freeze_through` names");
            table.refuse("freeze_through", message, &expected(layer, &layers));
        } else if layers.last() == Some(&layer) {
            let message = format!("`freeze_through = \"{layer}\"` leaves nothing of `{name}` to train");
            table.refuse("freeze_through", message, "expected a layer before the last");
        }
    }
    let unknown = |layer: &str| !tensors.iter().any(|tensor| tensor.name.starts_with(layer));
    for (layer, value) in table.entries_of("layer_rates").filter(|(layer, _)| unknown(layer)) {
        let message = format!("`{name}` has no layer `{layer}`, which `layer_rates` names");
        let problem = table.entry_problem("layer_rates", (layer, value), true, message);
        table.report(problem.label(expected(layer, &layers)));
    }
    let rates = recipe.multipliers(&tensors, architecture.classifier());
    // Frozen through the last layer was refused above.
    if layers.last().copied() != recipe.freeze_through.as_deref() && !rates.iter().any(|rate| *rate > 0.0) {
        let message = format!("`layer_rates` and what is frozen leave nothing of `{name}` to train");
        table.refuse("layer_rates", message, "expected a rate above 0 for a layer that is not frozen");
    }
}

fn expected(layer: &str, layers: &[&str]) -> String {
    let near = nearest(layer, layers.iter().copied());
    let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    format!(
        "expected a layer as it is named in the weights file, such as `{}`{near}",
        layers.first().unwrap_or(&"")
    )
}
