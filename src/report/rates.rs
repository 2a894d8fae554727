//! The first table: true positive rates per emotion and method, with their intervals.

use super::table::{Cell, Column, Csv, Table};
use crate::types::Emotion;

/// The rates of all folds together, by method.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rates {
    /// In the order of the methods.
    pub methods: Vec<MethodRates>,
}

/// The rates of one method.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MethodRates {
    /// The method's name.
    pub name: String,
    /// By emotion.
    pub emotions: [EmotionRate; 8],
    /// Mean over emotions.
    pub mean: Estimate,
    /// Share of right images.
    pub accuracy: Estimate,
}

/// The rate of one emotion.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EmotionRate {
    images: u64,
    rate: Estimate,
}

/// A number and, where it is known, its 95 % interval.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
    /// The number; `None` over no images.
    pub value: Option<f64>,
    /// Low and high end.
    pub interval: Option<[f64; 2]>,
}

impl Rates {
    /// From `per_class_tpr.csv` and, for what is computed over all emotions, `measures.csv`.
    pub fn of(rates: &Csv, measures: Option<&Csv>) -> Self {
        let mut methods: Vec<MethodRates> = Vec::new();
        // Under repeats the rows of all of them together count an image once in each.
        let repeats = rates.column("repeat").map_or(1, |at| {
            let numbers = rates.rows.iter().filter_map(|row| row.get(at)?.parse::<u64>().ok());
            numbers.max().map_or(1, |last| last.saturating_add(1))
        });
        let is_pooled = |row: &&Vec<String>| {
            rates.field(row, "fold") == "pooled"
                && (rates.column("repeat").is_none() || rates.field(row, "repeat") == "pooled")
        };
        for row in rates.rows.iter().filter(is_pooled) {
            let name = rates.field(row, "method");
            let Some(emotion) = Emotion::from_name(rates.field(row, "emotion")) else { continue };
            if methods.last().is_none_or(|last| last.name != name) {
                methods.push(MethodRates { name: name.to_owned(), ..MethodRates::default() });
            }
            if let Some(method) = methods.last_mut() {
                method.emotions[emotion.index()] = EmotionRate {
                    images: rates.number(row, "images").unwrap_or(0.0) as u64 / repeats,
                    rate: Estimate {
                        value: rates.number(row, "true_positive_rate"),
                        interval: interval(rates, row, ""),
                    },
                };
            }
        }
        for method in &mut methods {
            let present: Vec<f64> = method.emotions.iter().filter_map(|emotion| emotion.rate.value).collect();
            let mean = (!present.is_empty()).then(|| present.iter().sum::<f64>() / present.len() as f64);
            let images = method.images();
            let correct: f64 =
                method.emotions.iter().filter_map(|one| Some(one.rate.value? * one.images as f64)).sum();
            let accuracy = (images > 0).then(|| correct / images as f64);
            let measured = |name: &str| {
                let csv = measures?;
                let row = csv.rows.iter().find(|row| csv.field(row, "method") == method.name)?;
                interval(csv, row, name)
            };
            let intervals = [measured("mean_true_positive_rate_"), measured("accuracy_")];
            method.mean = Estimate { value: mean, interval: intervals[0] };
            method.accuracy = Estimate { value: accuracy, interval: intervals[1] };
        }
        Self { methods }
    }

    /// A row per emotion, a column per method.
    pub fn table(&self, caption: String, here: Option<&[usize; 8]>) -> Table {
        let images =
            |emotion: Emotion| self.methods.first().map_or(0, |one| one.emotions[emotion.index()].images);
        let mut columns = vec![column("emotion", false), column("test images", true)];
        columns.extend(self.methods.iter().map(|method| column(&method.name, true)));
        let mut rows = Vec::new();
        for emotion in Emotion::ALL {
            let known = here.map_or(0, |counts| counts[emotion.index()]);
            let count = match (images(emotion), known) {
                (0, 0) => continue,
                (0, known) => {
                    Cell { text: format!("left out ({known})"), value: Some(0.0), aside: String::new() }
                }
                (tested, _) => Cell::count(tested),
            };
            let mut row = vec![Cell::text(emotion.name()), count];
            let rates = self.methods.iter().map(|method| method.emotions[emotion.index()]);
            row.extend(rates.map(|one| Cell::rate(one.rate)));
            rows.push(row);
        }
        let total = self.methods.first().map_or(0, MethodRates::images);
        let mut foot = Vec::new();
        let mut summed = |name: &str, of: fn(&MethodRates) -> Estimate| {
            let mut row = vec![Cell::text(name), Cell::count(total)];
            row.extend(self.methods.iter().map(of).map(Cell::rate));
            foot.push(row);
        };
        summed("mean", |method| method.mean);
        summed("accuracy", |method| method.accuracy);
        let has_intervals =
            self.methods.iter().flat_map(|one| &one.emotions).any(|one| one.rate.interval.is_some());
        let note = if has_intervals { "In brackets: 95 % intervals." } else { "" };
        Table { caption, note: note.to_owned(), columns, rows, foot }
    }
}

impl MethodRates {
    /// Test images.
    fn images(&self) -> u64 {
        self.emotions.iter().map(|one| one.images).sum()
    }
}

fn column(name: &str, numeric: bool) -> Column {
    Column { name: name.to_owned(), numeric }
}

fn interval(csv: &Csv, row: &[String], prefix: &str) -> Option<[f64; 2]> {
    let bound = |name: &str| csv.number(row, &format!("{prefix}{name}"));
    Some([bound("low")?, bound("high")?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn under_repeats_images_are_counted_once() {
        let text = "method,repeat,fold,emotion,images,correct,true_positive_rate,low,high\n\
            A,0,pooled,fear,4,3,0.75,0.3,0.95\nA,1,pooled,fear,4,4,1.0,0.3,0.95\n\
            A,pooled,pooled,fear,8,7,0.875,0.3,0.95\n";
        let rates = Rates::of(&Csv::parse("x.csv", text.as_bytes()).unwrap(), None);
        assert_eq!((rates.methods.len(), rates.methods[0].images()), (1, 4));
        assert_eq!(rates.methods[0].accuracy.value, Some(0.875));
    }

    #[test]
    fn rates_are_those_of_all_folds_together() {
        let text = "method,fold,emotion,images,correct,true_positive_rate,low,high\n\
            A,0,fear,2,2,1.0,0.3,1.0\nA,pooled,fear,4,3,0.75,0.3,0.95\nA,pooled,anger,0,0,,,\n\
            A,pooled,awe,4,1,0.25,0.05,0.7\nB,pooled,fear,4,4,1.0,0.5,1.0\nB,pooled,awe,4,0,0.0,0.0,0.5\n";
        let measures = "method,accuracy,accuracy_low,accuracy_high\nA,0.5,0.2,0.8\n";
        let csv = |text: &str| Csv::parse("x.csv", text.as_bytes()).unwrap();
        let rates = Rates::of(&csv(text), Some(&csv(measures)));
        let accuracy = |value, interval| Estimate { value, interval };
        assert_eq!(rates.methods[0].accuracy, accuracy(Some(0.5), Some([0.2, 0.8])));
        assert_eq!(rates.methods[1].accuracy, accuracy(Some(0.5), None));
        let table = rates.table("Rates".to_owned(), Some(&[0, 3, 4, 0, 0, 0, 4, 0]));
        let cell = |rows: &[Vec<Cell>], row: usize, column: usize| {
            let cell = &rows[row][column];
            format!("{} {}", cell.text, cell.aside)
        };
        assert_eq!(table.rows.len(), 3);
        assert_eq!(cell(&table.rows, 0, 1), "left out (3) ");
        assert_eq!(cell(&table.rows, 0, 2), "– ");
        assert_eq!(cell(&table.rows, 2, 2), "0.750 [0.300, 0.950]");
        assert_eq!(cell(&table.foot, 0, 3), "0.500 ");
        assert_eq!(cell(&table.foot, 1, 2), "0.500 [0.200, 0.800]");
    }
}
