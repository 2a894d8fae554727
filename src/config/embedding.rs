//! `[embedding]`: a map of the tested images, drawn beside the figure.

use figment::value::Value;

use super::experiment::{Embedding, Method};
use super::names::{nearest, number};
use super::section::Section;
use super::setting::Shown;

/// Most maps side by side.
const MOST: usize = 6;

/// The table; `None` where the experiment has none.
pub(super) fn read(top: &Section<'_>, methods: &[Method]) -> Option<Embedding> {
    let table = top.table("embedding");
    if !top.has("embedding") {
        return None;
    }
    let shape =
        serde_json::json!({"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MOST});
    let show = |names: &Vec<String>| Shown::Text(names.join(", "));
    let methods_help = "Names of the methods whose features are mapped.";
    let names = table.field("methods", methods_help, shape, names, show).optional();
    let number_help = "The figure's number in the paper, which names its files.";
    let number = table.integer("number", number_help, 1, 99).optional().map(|number| number as u32);
    let title = table.text("title", "Title of the figure.").optional();
    let components =
        table.integer("components", "Principal components that enter the map, at most.", 2, 10_000);
    let components = components.or(50) as usize;
    let shape = serde_json::json!({"type": "number", "minimum": 1, "maximum": 1000});
    let help = "Of t-SNE: about how many neighbours count; fewer where there are few images.";
    let perplexity =
        table.field("perplexity", help, shape, perplexity, |value| Shown::Number(*value)).or(30.0);
    let iterations = table.integer("iterations", "Steps of t-SNE.", 250, 100_000).or(1000) as usize;
    if names.is_none() && !table.has("methods") {
        table.refuse("methods", "`methods` is missing in `[embedding]`".to_owned(), methods_help);
    }
    let known = || methods.iter().map(|method| method.name.as_str());
    for name in names.iter().flatten().filter(|name| !known().any(|known| known == *name)) {
        let message = format!("`embedding.methods` names `{name}`, which is no method of this experiment");
        let near = nearest(name, known()).map(|near| format!("did you mean `{near}`?"));
        let known: Vec<String> = known().map(|name| format!("`{name}`")).collect();
        table.refuse(
            "methods",
            message,
            &near.unwrap_or_else(|| format!("expected some of {}", known.join(", "))),
        );
    }
    table.end();
    Some(Embedding { methods: names?, number, title, components, perplexity, iterations })
}

/// One name or more, none of them twice.
fn names(value: &Value) -> Result<Vec<String>, String> {
    let items = value.as_array().unwrap_or_default();
    let names: Option<Vec<String>> = items.iter().map(|item| item.as_str().map(str::to_owned)).collect();
    let names = names.unwrap_or_default();
    let twice = names.iter().enumerate().any(|(at, name)| names[..at].contains(name));
    if names.is_empty() || names.len() > MOST || twice {
        return Err(format!("a list of the names of one to {MOST} different methods"));
    }
    Ok(names)
}

fn perplexity(value: &Value) -> Result<f64, String> {
    let value = number(value).filter(|value| (1.0..=1000.0).contains(value));
    value.ok_or_else(|| "a number from 1 to 1000".to_owned())
}
