//! The rows of a sweep's tables.

use serde_json::Value;

use super::sweep::{MakeSweepReport, MethodEntry, Outcome};
use super::sweep_points::PointAt;
use super::table::Table;
use crate::figures::rows::PointRows;
use crate::figures::sweep_table::{Found, SweepRow, plain, status};
use crate::metrics::ConfusionMatrix;
use crate::stage::ArtifactError;
use crate::types::Emotion;

impl MakeSweepReport {
    /// Dotted paths of the axes.
    pub(super) fn paths(&self) -> Vec<String> {
        self.axes.iter().map(|axis| axis.path.clone()).collect()
    }

    /// Rows of a table that are a point's.
    pub(super) fn rows_of<'a, R>(
        &'a self,
        point: usize,
        rows: &'a [R],
        data_set: &'a str,
    ) -> PointRows<'a, R> {
        let values = self.points.get(point).map(|entry| entry.values.as_slice()).unwrap_or_default();
        PointRows { point, values, rows, data_set }
    }

    /// Class after class and then the mean, of each method of each point.
    pub(super) fn rows(&self, points: &[PointAt]) -> Vec<SweepRow> {
        let mut rows = Vec::new();
        let classes = || Emotion::ALL.into_iter().map(Some).chain([None]);
        for (number, (entry, point)) in self.points.iter().zip(points).enumerate() {
            let row = |method: &str, emotion, found, reason| SweepRow {
                point: number,
                values: entry.values.clone(),
                method: method.to_owned(),
                emotion,
                found,
                reason,
                data_set: point.data_set.clone(),
            };
            for MethodEntry { name, outcome } in &entry.methods {
                if let Outcome::Failed { reason } = outcome {
                    rows.extend(classes().map(|emotion| row(name, emotion, None, Some(reason.clone()))));
                }
                let Some(method) = point.methods.iter().find(|method| method.name == *name) else { continue };
                let all = |of: fn(&ConfusionMatrix, Emotion) -> u64| {
                    Emotion::ALL.into_iter().map(|emotion| of(&method.matrix, emotion)).sum::<u64>()
                };
                let found = |emotion: Option<Emotion>| Found {
                    images: emotion.map_or_else(
                        || all(ConfusionMatrix::images),
                        |emotion| method.matrix.images(emotion),
                    ),
                    correct: emotion.map_or_else(
                        || all(ConfusionMatrix::correct),
                        |emotion| method.matrix.correct(emotion),
                    ),
                    rate: emotion.map_or(method.mean, |emotion| method.rates[emotion.index()]),
                    interval: emotion.map_or(method.mean_interval, |emotion| method.interval(emotion)),
                    components: method.components,
                    kept_variance: method.kept_variance,
                    c: method.c,
                };
                rows.extend(classes().map(|emotion| row(&method.name, emotion, Some(found(emotion)), None)));
            }
        }
        rows
    }

    pub(super) fn parquet(&self, rows: &[SweepRow]) -> Result<Vec<u8>, ArtifactError> {
        let found = |of: fn(&Found) -> Option<f64>| rows.iter().map(move |row| of(row.found.as_ref()?));
        let mut table = Table::default().integers("point", rows.iter().map(|row| row.point as u32));
        for (at, axis) in self.axes.iter().enumerate() {
            table = if axis.values.iter().all(Value::is_number) {
                table.numbers(&axis.path, rows.iter().map(|row| row.values.get(at)?.as_f64()))
            } else {
                let text = |row: &SweepRow| row.values.get(at).map(plain).unwrap_or_default();
                table.text(&axis.path, rows.iter().map(text))
            };
        }
        table
            .text("method", rows.iter().map(|row| &row.method))
            .text("emotion", rows.iter().map(|row| row.emotion.map_or("mean", Emotion::name)))
            .numbers("images", found(|found| Some(found.images as f64)))
            .numbers("correct", found(|found| Some(found.correct as f64)))
            .numbers("true_positive_rate", found(|found| found.rate))
            .numbers("low", found(|found| Some(found.interval?.low)))
            .numbers("high", found(|found| Some(found.interval?.high)))
            .numbers("components", found(|found| Some(found.components?[0] as f64)))
            .numbers("components_most", found(|found| Some(found.components?[1] as f64)))
            .numbers("kept_variance", found(|found| found.kept_variance))
            .numbers("c", found(|found| Some(found.c?[0])))
            .numbers("c_largest", found(|found| Some(found.c?[1])))
            .text("status", rows.iter().map(status))
            .text("reason", rows.iter().map(|row| row.reason.as_deref().unwrap_or_default()))
            .text("data_set", rows.iter().map(|row| &row.data_set))
            .into_parquet()
    }
}
