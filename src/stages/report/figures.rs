//! The figures and the table of accuracies of a report.

use super::{FigureKind, MakeReport, MethodSummary, Summary};
use crate::figures::Heading;
use crate::figures::accuracy_table::AccuracyTable;
use crate::figures::confusion::{self, ConfusionMatrices, Matrix};
use crate::figures::per_class_tpr::{self, MethodBars, PerClassBars};
use crate::figures::tables::MethodEvaluation;
use crate::figures::training::{self, Curves, EpochRow, TrainingCurves};
use crate::metrics::mean_true_positive_rate;
use crate::paper;
use crate::stage::{Context, Files, StageError};
use crate::stages::drawing::drawn;
use crate::types::Emotion;

impl MakeReport {
    /// The figure in its formats, and the table that goes with it.
    pub(super) fn figure(
        &self,
        summary: &Summary,
        evaluations: &[MethodEvaluation],
        warnings: &[String],
    ) -> Result<Files, StageError> {
        let name = |what: &str| match self.number {
            Some(number) => format!("{what}{number}"),
            None => what.to_owned(),
        };
        let svg = match self.kind {
            FigureKind::PerClassTpr => per_class_tpr::svg(&self.bars(summary, warnings)),
            FigureKind::Confusion => confusion::svg(&self.matrices(summary, evaluations, warnings)),
        };
        let mut files = drawn(&name("figure"), svg)?;
        let intervals: Vec<_> = summary.methods.iter().map(|method| method.accuracy_interval).collect();
        if self.kind == FigureKind::Confusion {
            let data_set = self.data_set();
            // What is known of the data alone is said of the stand-in.
            let is_found = |warning: &&String| !self.warnings.contains(warning);
            let found: Vec<String> = warnings.iter().filter(is_found).cloned().collect();
            let table = AccuracyTable {
                methods: evaluations,
                intervals: &intervals,
                networks: &self.networks,
                data_set: &data_set,
                with_published: self.has_published,
                stand_in: self.stand_in.as_deref(),
                warnings: &found,
            };
            files.insert(format!("{}.csv", name("table")), table.csv().into_bytes());
            let what = "right answers and accuracy";
            let title = self.number.map_or_else(
                || "Right answers and accuracy".to_owned(),
                |number| format!("Table {number}: {what}"),
            );
            let words = table.words(&title);
            files.insert(format!("{}.md", name("table")), words.markdown().into_bytes());
            files.insert(
                format!("{}.tex", name("table")),
                words.latex(&format!("tab:{}", name("table"))).into_bytes(),
            );
        }
        Ok(files)
    }

    fn matrices(
        &self,
        summary: &Summary,
        evaluations: &[MethodEvaluation],
        warnings: &[String],
    ) -> ConfusionMatrices {
        let matrix = |(method, found): (&MethodEvaluation, &MethodSummary)| {
            let pooled = method.evaluation.pooled();
            Matrix {
                name: method.name.clone(),
                mean: mean_true_positive_rate(&pooled),
                mean_interval: found.mean_true_positive_rate_interval,
                rates: pooled.row_normalised(),
            }
        };
        let mut heading = self.heading(&self.title, warnings);
        heading.subtitle.extend(self.networks_said());
        let has_interval = |method: &MethodSummary| method.mean_true_positive_rate_interval.is_some();
        if summary.methods.iter().any(has_interval) {
            heading.subtitle.push("intervals of means: bootstrap over groups".to_owned());
        }
        ConfusionMatrices {
            heading,
            columns: self.columns,
            matrices: evaluations.iter().zip(&summary.methods).map(matrix).collect(),
        }
    }

    /// Which networks the matrices are of, beside the paper's where its numbers are compared.
    fn networks_said(&self) -> Option<String> {
        let first = self.networks.iter().flatten().next()?;
        let own = if self.networks.iter().flatten().all(|network| network == first) {
            format!("network: {first}")
        } else {
            let each = self.methods.iter().zip(&self.networks);
            let each = each.filter_map(|(method, network)| Some(format!("{}: {}", method.name, (*network)?)));
            each.collect::<Vec<_>>().join(", ")
        };
        Some(if self.has_published { format!("{own}; the paper's: {}", paper::NETWORK) } else { own })
    }

    fn heading(&self, title: &str, warnings: &[String]) -> Heading {
        Heading {
            title: title.to_owned(),
            warnings: warnings.to_vec(),
            subtitle: vec![self.protocol.clone()],
        }
    }

    /// `training.svg`, `.png` and `.csv`, where networks were trained.
    pub(super) fn training_files(
        &self,
        context: &Context<'_>,
        warnings: &[String],
    ) -> Result<Files, StageError> {
        let mut networks = Vec::new();
        for (method, trained) in &self.trainings {
            let record = &context.get(trained)?.record;
            let epochs = record.history.iter().map(|epoch| EpochRow {
                epoch: epoch.epoch,
                step: epoch.step,
                rate: epoch.rate,
                training_loss: epoch.training_loss,
                training_accuracy: epoch.training_accuracy,
                validation_loss: epoch.validation_loss,
                validation_accuracy: epoch.validation_accuracy,
            });
            let images = |counts: [usize; 8]| counts.iter().sum::<usize>();
            let (trained_on, validated_on) = (images(record.training), images(record.validation));
            let name = format!("{method}: {trained_on} images, {validated_on} to validate on");
            networks.push((method, Curves { name, epochs: epochs.collect(), kept: record.kept }));
        }
        if networks.is_empty() {
            return Ok(Files::new());
        }
        let heading = Heading {
            title: format!("Training: {}", self.title),
            warnings: warnings.to_vec(),
            subtitle: Vec::new(),
        };
        let curves: Vec<Curves> = networks.iter().map(|(_, curves)| curves.clone()).collect();
        let figure = TrainingCurves { heading, columns: self.columns, networks: curves };
        let mut files = drawn("training", training::svg(&figure))?;
        let rows: Vec<Curves> =
            networks.into_iter().map(|(method, curves)| Curves { name: method.clone(), ..curves }).collect();
        files.insert("training.csv".to_owned(), training::training_csv(&rows).into_bytes());
        Ok(files)
    }

    fn bars(&self, summary: &Summary, warnings: &[String]) -> PerClassBars {
        let omitted = |emotion: Emotion| {
            summary.left_out.contains_key(&emotion).then(|| format!("n < {}", self.min_per_class))
        };
        let present = Emotion::ALL
            .into_iter()
            .filter(|emotion| summary.images[emotion.index()] > 0 && !summary.left_out.contains_key(emotion));
        let chance = Some(1.0 / present.count().max(1) as f64);
        let published = self.published.iter().map(|method| MethodBars {
            name: method.name.clone(),
            rates: method.rates,
            mean: method.mean,
            published: Some(format!("on {}: {}", self.dataset, method.source)),
            ..MethodBars::default()
        });
        let own = summary.methods.iter().map(|method| MethodBars {
            name: method.name.clone(),
            rates: method.true_positive_rate,
            intervals: method.true_positive_rate_interval,
            mean: method.mean_true_positive_rate,
            mean_interval: method.mean_true_positive_rate_interval,
            published: None,
        });
        PerClassBars {
            heading: self.heading(&self.title, warnings),
            columns: self.columns,
            methods: published.chain(own).collect(),
            omitted: Emotion::ALL.map(omitted),
            chance,
        }
    }
}
