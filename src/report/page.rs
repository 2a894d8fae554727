//! Runs into HTML.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::paper::{Paper, statements};
use super::run::Run;
use super::table::{Cell, Column, Table};
use super::{ReportError, base64};

const STYLE: &str = include_str!("page/style.css");
const SCRIPT: &str = include_str!("page/page.js");
/// What a page does besides while it is served: it says what runs, and loads itself again.
const LIVE: &str = include_str!("page/live.js");

/// Where a page is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// In a file by itself: nothing is fetched, and a policy inside the page sees to that.
    Alone,
    /// From the local server, which also has the images in full size and says what changed.
    Served,
}

/// One page of one or more runs, and of what is drawn from data sets alone.
///
/// # Errors
/// Only by a defect of the template.
pub fn page(runs: &[Run], paper: Option<&Paper>, shown: Shown) -> Result<String, ReportError> {
    let script = script(shown);
    let title = match runs {
        [run] => run.title.clone(),
        runs => format!("{} runs", runs.len()),
    };
    let mut stand_ins: Vec<&str> = Vec::new();
    // A sweep over several sets names all of theirs.
    for stand_in in runs.iter().filter_map(|run| run.stand_in.as_deref()).flat_map(|all| all.split("; ")) {
        if !stand_ins.contains(&stand_in) {
            stand_ins.push(stand_in);
        }
    }
    // The methods of sweeps have a rate at each point, and none here.
    let compared = runs.iter().filter(|run| !run.compared.is_empty()).count();
    let of = Page {
        title,
        stand_ins,
        runs,
        comparison: (compared > 1).then(|| comparison(runs)),
        statements: statements(runs.iter().map(|run| &run.finished)),
        paper,
        policy: (shown == Shown::Alone).then(|| policy(&script, "data:", "'none'")),
        style: STYLE,
        script,
        served: shown == Shown::Served,
        version: env!("CARGO_PKG_VERSION"),
    };
    Ok(environment()?.get_template("page.html")?.render(Serde(of))?)
}

/// What `page.html` is filled with.
#[derive(Serialize)]
struct Page<'a> {
    title: String,
    stand_ins: Vec<&'a str>,
    runs: &'a [Run],
    comparison: Option<Table>,
    statements: Option<Table>,
    paper: Option<&'a Paper>,
    policy: Option<String>,
    style: &'static str,
    script: String,
    served: bool,
    version: &'static str,
}

/// The server's first page: a row for each run that is finished.
pub(super) fn index(runs: &Table, paper: Option<&Paper>) -> Result<String, ReportError> {
    let script = script(Shown::Served);
    let of = Index { runs, paper, style: STYLE, script, version: env!("CARGO_PKG_VERSION") };
    Ok(environment()?.get_template("index.html")?.render(Serde(of))?)
}

/// What `index.html` is filled with.
#[derive(Serialize)]
struct Index<'a> {
    runs: &'a Table,
    paper: Option<&'a Paper>,
    style: &'static str,
    script: String,
    version: &'static str,
}

/// The policy that the server sends with its pages.
pub(super) fn served_policy() -> String {
    format!("{}; frame-ancestors 'none'", policy(&script(Shown::Served), "'self' data:", "'self'"))
}

fn script(shown: Shown) -> String {
    match shown {
        Shown::Alone => SCRIPT.to_owned(),
        Shown::Served => format!("{SCRIPT}{LIVE}"),
    }
}

/// The page's own style and script by their hashes, and nothing else.
fn policy(script: &str, images: &str, connections: &str) -> String {
    let hash = |text: &str| format!("'sha256-{}'", base64(&Sha256::digest(text)));
    format!(
        "default-src 'none'; img-src {images}; connect-src {connections}; style-src {}; script-src {}; \
         base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(script)
    )
}

fn environment() -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.add_template("parts.html", include_str!("page/parts.html"))?;
    environment.add_template("run.html", include_str!("page/run.html"))?;
    environment.add_template("page.html", include_str!("page/page.html"))?;
    environment.add_template("index.html", include_str!("page/index.html"))?;
    Ok(environment)
}

/// Every method of every run.
fn comparison(runs: &[Run]) -> Table {
    let columns = [
        ("run", false),
        ("data", false),
        ("method", false),
        ("mean true positive rate", true),
        ("accuracy", true),
    ];
    let columns = columns.into_iter().map(|(name, numeric)| Column { name: name.to_owned(), numeric });
    let rows = runs.iter().flat_map(|run| {
        run.compared.iter().map(|method| {
            vec![
                Cell::text(&run.name),
                Cell::text(run.stand_in.as_ref().unwrap_or(&run.data_set)),
                Cell::text(&method.method),
                Cell::rate(method.mean),
                Cell::rate(method.accuracy),
            ]
        })
    });
    Table {
        caption: "All methods of all runs".to_owned(),
        note: "Sweeps have tables of their own.".to_owned(),
        columns: columns.collect(),
        rows: rows.collect(),
        foot: Vec::new(),
    }
}
