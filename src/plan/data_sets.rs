//! The stages of the paper's figures and tables that are drawn from data sets alone.

use std::path::Path;

use super::data::{self, Sourced};
use super::graph::Graph;
use super::{Failures, Places, Plan, PlanError, Reported, look_up};
use crate::config::Experiment;
use crate::config::experiment::Dataset;
use crate::figures::OfDataSets;
use crate::images;
use crate::paper;
use crate::stage::Handle;
use crate::stages::count_images::{CountedSet, DrawCounts, TabulateCounts};
use crate::stages::draw_examples::DrawExamples;
use crate::stages::drawing::Drawing;
use crate::store::{History, Store, key};

/// Images of an emotion in figure 1.
const EXAMPLES: usize = 2;

/// The experiments that say where the data sets lie.
pub struct DataSets<'a> {
    /// On the new set.
    pub new_set: Option<&'a Experiment>,
    /// On the small sets.
    pub small: &'a [Experiment],
}

/// Plans what is drawn from data sets alone, in the order in which it is asked for.
///
/// # Errors
/// A data set that is not what it should be; of one that a table counts it is enough not to be there.
pub fn plan_data_sets(
    wanted: &[OfDataSets],
    sets: &DataSets<'_>,
    store: &Store,
    places: &Places,
) -> Result<Plan, PlanError> {
    let mut builder = Builder {
        graph: Graph::default(),
        stand_ins: Vec::new(),
        notices: Vec::new(),
        context: (store, places),
    };
    let mut figures = Vec::new();
    for figure in wanted {
        figures.push(match figure {
            OfDataSets::Examples => builder.examples(sets)?,
            OfDataSets::Sources => builder.sources(sets)?,
            OfDataSets::SmallSets => builder.small_sets(sets)?,
            OfDataSets::NewSet => builder.new_set(sets)?,
        });
    }
    let Builder { graph, stand_ins, notices, .. } = builder;
    let status = look_up(&graph, &History::default(), store)?;
    store.hints().save()?;
    let stand_in = (!stand_ins.is_empty()).then(|| stand_ins.join("; "));
    let data = key::digest(b"");
    Ok(Plan {
        graph,
        status,
        report: Reported::Nothing,
        figures,
        notices,
        stand_in,
        data,
        fits: Vec::new(),
        points: Vec::new(),
        failures: Failures::default(),
    })
}

struct Builder<'a> {
    graph: Graph,
    stand_ins: Vec<String>,
    notices: Vec<String>,
    context: (&'a Store, &'a Places),
}

impl Builder<'_> {
    fn source(&mut self, dataset: &Dataset) -> Result<Sourced, PlanError> {
        let label = format!(" {}", dataset.name);
        let source = data::source(&mut self.graph, dataset, true, &label, self.context)?;
        self.stand_ins.extend(
            source.stand_in.iter().filter(|new| !self.stand_ins.contains(new)).cloned().collect::<Vec<_>>(),
        );
        self.notices.extend(
            source.notices.iter().filter(|new| !self.notices.contains(new)).cloned().collect::<Vec<_>>(),
        );
        Ok(source)
    }

    /// A set that a table counts; `None` where it is not here.
    fn counted(&mut self, dataset: Option<&Dataset>) -> Result<Option<Sourced>, PlanError> {
        let Some(dataset) = dataset else { return Ok(None) };
        match self.source(dataset) {
            Ok(source) => Ok(Some(source)),
            Err(PlanError::NoDataset { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn examples(&mut self, sets: &DataSets<'_>) -> Result<Handle<Drawing>, PlanError> {
        let experiment = needed(sets)?;
        let source = self.source(&experiment.dataset)?;
        let stage = DrawExamples {
            manifest: source.manifest,
            listing: source.listing,
            per_emotion: EXAMPLES,
            seed: experiment.seed,
            name: "figure1",
            title: format!("Figure 1: {}", source.title),
            columns: experiment.figure.columns,
            stand_in: source.stand_in,
            images: images::VERSION,
            folder: source.folder,
            max_pixels: experiment.dataset.max_pixels,
        };
        Ok(self.graph.add("draw-examples", stage))
    }

    fn sources(&mut self, sets: &DataSets<'_>) -> Result<Handle<Drawing>, PlanError> {
        let experiment = needed(sets)?;
        let weak = experiment.trainings.noisy.as_ref().map(|training| &training.dataset);
        let source = self.source(weak.unwrap_or(&experiment.dataset))?;
        let stage = DrawCounts {
            manifest: source.manifest,
            listing: source.listing,
            name: "figure2",
            title: format!("Figure 2: {}", source.title),
            dataset: source.title,
            columns: experiment.figure.columns,
            stand_in: source.stand_in,
        };
        Ok(self.graph.add("draw-counts", stage))
    }

    fn small_sets(&mut self, sets: &DataSets<'_>) -> Result<Handle<Drawing>, PlanError> {
        let mut counted = Vec::new();
        for (card, paper) in paper::SMALL_SETS {
            let experiment = sets.small.iter().find(|experiment| experiment.dataset.name == card);
            let source = self.counted(experiment.map(|experiment| &experiment.dataset))?;
            counted.push(row(card, paper, source));
        }
        let title = "Table 1: images of the three small sets".to_owned();
        let stage = TabulateCounts { name: "table1", title, sets: counted, with_total: true };
        Ok(self.graph.add("tabulate-counts table1", stage))
    }

    fn new_set(&mut self, sets: &DataSets<'_>) -> Result<Handle<Drawing>, PlanError> {
        let experiment = needed(sets)?;
        let submitted = experiment.trainings.noisy.as_ref().and_then(|training| training.exclude.as_ref());
        // Where the submitted images lie is said once, where they are excluded from the weak labels.
        let submitted = submitted.map(|root| Dataset {
            name: "submitted".to_owned(),
            root: root.clone(),
            stand_in: None,
            ..experiment.dataset.clone()
        });
        let submitted = self.counted(submitted.as_ref())?;
        let labelled = self.counted(Some(&experiment.dataset))?;
        let counted =
            vec![row("submitted", paper::SUBMITTED, submitted), row("labelled", paper::LABELLED, labelled)];
        let title = "Table 2: images of the new set, submitted to workers and labelled by them".to_owned();
        let stage = TabulateCounts { name: "table2", title, sets: counted, with_total: false };
        Ok(self.graph.add("tabulate-counts table2", stage))
    }
}

fn needed<'a>(sets: &DataSets<'a>) -> Result<&'a Experiment, PlanError> {
    let file = Path::new(crate::figures::NEW_SET);
    sets.new_set.ok_or_else(|| PlanError::NoExperiment { path: file.to_owned() })
}

fn row(name: &str, paper: [usize; 8], source: Option<Sourced>) -> CountedSet {
    let named_by_paper = paper::SMALL_SETS.iter().any(|(card, _)| *card == name);
    let title = source.as_ref().filter(|_| named_by_paper).map(|source| source.title.clone());
    CountedSet {
        name: title.unwrap_or_else(|| name.to_owned()),
        paper,
        manifest: source.as_ref().map(|source| source.manifest),
        stand_in: source.and_then(|source| source.stand_in),
    }
}
