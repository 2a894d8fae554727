//! What there is to see.

use std::collections::{BTreeMap, HashMap};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;

use super::super::originals::Originals;
use super::super::page::{Shown, index, page, served_policy};
use super::super::table::{Cell, Column, Table};
use super::super::tested::Tested;
use super::super::{Paper, ReportError, Run, Sources};
use super::media;
use super::reply::Reply;
use super::route::Route;
use crate::fs::{Beneath, FsError};
use crate::results::{RECORD, RunRecord};
use crate::run::watch;
use crate::store::Store;

/// How old an answer to "what runs?" may be; any number of browsers may ask.
const FRESH: Duration = Duration::from_millis(200);

/// A project's results and what they were made from.
pub struct Site {
    project: PathBuf,
    store: Store,
    thumbnails: usize,
    pages: Mutex<HashMap<String, (String, Arc<str>)>>,
    state: Mutex<Option<(Instant, Arc<String>)>>,
}

impl Site {
    /// Of a project.
    pub fn new(project: &Path, store: Store, thumbnails: usize) -> Self {
        let project = project.to_owned();
        Self { project, store, thumbnails, pages: Mutex::default(), state: Mutex::default() }
    }

    /// The answer to an address.
    pub(super) fn reply(&self, route: &Route) -> Reply {
        let reply = match route {
            Route::Index => self.index(),
            Route::Events => Ok(Reply::refusal(200, "a stream of events")),
            Route::Run(run) => self.run(run),
            Route::File { run, file } => self.file(run, file),
            Route::Image { run, position } => self.image(run, *position),
        };
        reply.unwrap_or_else(|error| match error {
            ReportError::Fs(_) | ReportError::NoRecord { .. } => {
                Reply::refusal(404, "there is no such thing")
            }
            other => Reply::refusal(500, &format!("{other}")),
        })
    }

    /// What runs, and a stamp of each run's results, as JSON.
    pub(super) fn state(&self) -> Arc<String> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, known)) = &*state
            && at.elapsed() < FRESH
        {
            return Arc::clone(known);
        }
        let stamps: BTreeMap<String, String> =
            self.runs().into_iter().map(|(name, _, stamp)| (name, stamp)).collect();
        let now = Arc::new(json!({ "running": watch(&self.store), "results": stamps }).to_string());
        *state = Some((Instant::now(), Arc::clone(&now)));
        now
    }

    fn results(&self) -> Result<Beneath, FsError> {
        Beneath::open(&self.project.join("results"))
    }

    /// Every folder with a record, and the stamp of that record.
    fn runs(&self) -> Vec<(String, Beneath, String)> {
        let Ok(results) = self.results() else { return Vec::new() };
        let runs = results.names().unwrap_or_default().into_iter().filter(|name| !name.starts_with('.'));
        runs.filter_map(|name| {
            let folder = results.folder(&name).ok()?;
            let stamp = stamp(&folder)?;
            Some((name, folder, stamp))
        })
        .collect()
    }

    fn index(&self) -> Result<Reply, ReportError> {
        let mut rows = Vec::new();
        for (name, folder, _) in self.runs() {
            let Ok(record) = RunRecord::from_json(&folder.read(RECORD)?) else { continue };
            let data = record.stand_in.as_deref().or(record.text("dataset.name")).unwrap_or_default();
            let methods =
                record.settings.iter().filter(|setting| setting.path.ends_with("].variant")).count();
            rows.push(vec![
                Cell::text(name),
                Cell::text(record.text("experiment.title").unwrap_or_default()),
                Cell::text(data),
                Cell::count(methods),
                Cell::count(record.stages.len()),
            ]);
        }
        let columns =
            [("run", false), ("title", false), ("data", false), ("methods", true), ("stages", true)];
        let columns = columns.into_iter().map(|(name, numeric)| Column { name: name.to_owned(), numeric });
        let caption = "Results folders".to_owned();
        let table =
            Table { caption, note: String::new(), columns: columns.collect(), rows, foot: Vec::new() };
        Ok(Reply::page(&index(&table, Paper::read(&self.results()?)?.as_ref())?, served_policy()))
    }

    fn run(&self, name: &str) -> Result<Reply, ReportError> {
        let folder = self.results()?.folder(name)?;
        let now = stamp(&folder).unwrap_or_default();
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let known = pages.get(name).filter(|(stamp, _)| *stamp == now).map(|(_, page)| Arc::clone(page));
        let html = if let Some(html) = known {
            html
        } else {
            let sources = Sources { project: &self.project, store: &self.store, thumbnails: self.thumbnails };
            let html: Arc<str> = page(&[Run::read(&folder, &sources)?], None, Shown::Served)?.into();
            pages.insert(name.to_owned(), (now, Arc::clone(&html)));
            html
        };
        Ok(Reply::page(&html, served_policy()))
    }

    fn file(&self, run: &str, file: &str) -> Result<Reply, ReportError> {
        let bytes = self.results()?.folder(run)?.read(file)?;
        Ok(Reply::file(media::of_name(file), bytes))
    }

    fn image(&self, run: &str, position: usize) -> Result<Reply, ReportError> {
        let folder = self.results()?.folder(run)?;
        let gone = || Reply::refusal(404, "the image is not where the run found it");
        let Ok(record) = RunRecord::from_json(&folder.read(RECORD)?) else { return Ok(gone()) };
        let tested = Tested::parse(&folder.read("predictions.parquet")?)?;
        let originals = Originals::of(&record, &self.project, &self.store);
        let bytes =
            originals.zip(tested.images.get(position)).and_then(|(all, image)| all.bytes(&image.path));
        let image = bytes.and_then(|bytes| Some((media::of_image(&bytes)?, bytes)));
        Ok(image.map_or_else(gone, |(media, bytes)| Reply::file(Some(media), bytes)))
    }
}

/// Tells one version of a results folder from the next; `None` for a folder without a record.
fn stamp(folder: &Beneath) -> Option<String> {
    let metadata = folder.file(RECORD).ok()?.metadata().ok()?;
    Some(format!("{}.{}.{}", metadata.ino(), metadata.mtime(), metadata.mtime_nsec()))
}
