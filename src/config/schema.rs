//! A JSON schema of the experiment file, for editors.

use serde_json::{Map, Value, json};

use super::document::{Document, Step};
use super::field::Description;
use super::layers::{Layer, Layers};
use super::section::Reader;
use super::{sweep, tables};

/// Between them these files visit every setting: one for each choice that brings settings of its own.
const VISITS: [&str; 6] = [
    "[split]\nkind = \"k-fold\"\n[[method]]\nvariant = \"imagenet-cnn\"",
    "[split]\nkind = \"holdout\"\n[[method]]\nvariant = \"precomputed\"",
    "[[method]]\nvariant = \"imagenet-cnn\"\nnetwork = \"torchscript\"",
    "[[method]]\nvariant = \"precomputed\"\n[embedding]\ncomponents = 50",
    "[[method]]\nvariant = \"fine-tuned\"\n[training.fine-tuned]\niterations = 1\nschedule = \"step\"\noptimizer = \"sgd\"\n\
     [training.noisy-fine-tuned]\niterations = 1\nschedule = \"step\"\noptimizer = \"sgd\"",
    "[[method]]\nvariant = \"fine-tuned\"\n[training.fine-tuned]\npreset = \"modern\"\n[training.noisy-fine-tuned]\npreset = \"modern\"",
];

/// The schema, draft 2020-12. Of tables nothing is required: a file may leave to the one that it extends what it likes.
pub fn schema() -> Value {
    let mut root = table("An emolab experiment.");
    let extends =
        json!({"type": "string", "description": "A file whose settings hold where this one has none."});
    root["properties"]["extends"] = extends;
    root["properties"]["sweep"] = sweep::schema();
    let visits: Vec<Vec<Description>> = VISITS.iter().map(|text| visit(text)).collect();
    for (index, descriptions) in visits.iter().enumerate() {
        for description in descriptions {
            let in_list = description.path.iter().any(|step| matches!(step, Step::Index(_)));
            let everywhere = visits
                .iter()
                .enumerate()
                .all(|(other, seen)| other == index || seen.iter().any(|seen| seen.path == description.path));
            insert(&mut root, description, description.required && everywhere && in_list);
        }
    }
    let mut schema = Map::new();
    schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("title".to_owned(), json!("emolab experiment"));
    if let Value::Object(fields) = root {
        schema.extend(fields);
    }
    Value::Object(schema)
}

/// Every setting there is.
pub(super) fn all() -> Vec<Description> {
    VISITS.iter().flat_map(|text| visit(text)).collect()
}

fn visit(text: &str) -> Vec<Description> {
    let Ok((document, values)) = Document::parse("schema".into(), text.to_owned()) else { return Vec::new() };
    let layers = Layers::of(Layer::File(document.into()), values);
    let reader = Reader::new(&layers);
    tables::read(&reader);
    reader.descriptions()
}

fn table(description: &str) -> Value {
    json!({"type": "object", "description": description, "properties": {}, "additionalProperties": false})
}

fn insert(root: &mut Value, description: &Description, required: bool) {
    let Some((Step::Key(key), tables)) = description.path.split_last() else { return };
    let mut at = root;
    for (depth, step) in tables.iter().enumerate() {
        let Step::Key(name) = step else { continue };
        let list = matches!(tables.get(depth + 1), Some(Step::Index(_)));
        let entry = &mut at["properties"][name];
        if entry.is_null() {
            *entry = if list {
                json!({"type": "array", "minItems": 1, "items": table("One bar of the figure.")})
            } else {
                table(name)
            };
        }
        at = if list { &mut at["properties"][name]["items"] } else { &mut at["properties"][name] };
    }
    let mut field = description.shape.clone();
    field["description"] = json!(description.help);
    if let Some(default) = &description.default {
        field["default"] = json!(default);
    }
    at["properties"][key] = field;
    if required {
        if at["required"].is_null() {
            at["required"] = json!([]);
        }
        if let Some(names) = at["required"].as_array_mut()
            && !names.iter().any(|name| name == key)
        {
            names.push(json!(key));
        }
    }
}
