//! Confusion matrices whose cells open the images behind them, and the mistakes that a method was surest of.

use serde::Serialize;

use super::tested::{Answer, Tested, TestedBy, surest_first};
use crate::metrics::ConfusionMatrix;
use crate::types::Emotion;

/// Mistakes that are shown of a method.
const MISTAKES: usize = 12;
/// Steps of the shade behind a rate.
const SHADES: f64 = 10.0;

/// One method's confusion matrix.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Matrix {
    /// The method's name.
    pub method: String,
    /// Its position among the methods.
    pub position: usize,
    /// Names of the columns.
    pub predicted: Vec<&'static str>,
    /// One per emotion of the test images.
    pub rows: Vec<Row>,
    /// Its mistakes, the surest first.
    pub mistakes: Vec<Mistake>,
}

/// The images of one emotion.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The emotion.
    pub label: &'static str,
    /// How many there are.
    pub images: u64,
    /// What they were taken for.
    pub cells: Vec<Cell>,
}

/// Images of one emotion that were taken for one emotion.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cell {
    /// Position of the label among the emotions.
    pub label: usize,
    /// Position of the predicted emotion.
    pub predicted: usize,
    /// How many.
    pub count: u64,
    /// Their share of the row.
    pub rate: String,
    /// The same from 0 to 10.
    pub shade: u8,
    /// The same in words.
    pub words: String,
}

/// An image that was taken for something else.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mistake {
    /// As the data set calls it.
    pub path: String,
    /// A small JPEG in base64.
    pub thumbnail: Option<String>,
    /// What it evokes.
    pub label: &'static str,
    /// What it was taken for.
    pub predicted: &'static str,
    /// By how much.
    pub margin: String,
}

/// The matrices of all methods.
pub fn matrices(tested: &Tested) -> Vec<Matrix> {
    tested.methods.iter().enumerate().map(|(position, method)| matrix(tested, method, position)).collect()
}

fn matrix(tested: &Tested, method: &TestedBy, position: usize) -> Matrix {
    let emotion = |index: usize| Emotion::ALL.get(index).copied();
    let pairs = method.answers.iter().filter_map(|one| emotion(one.label).zip(emotion(one.predicted)));
    let matrix = ConfusionMatrix::of(pairs);
    let is_there = |emotion: &Emotion| {
        matrix.images(*emotion) > 0 || matrix.counts.iter().any(|row| row[emotion.index()] > 0)
    };
    let present: Vec<Emotion> = Emotion::ALL.into_iter().filter(is_there).collect();
    // Under repeats an image answers more than once.
    let mut seen = std::collections::HashSet::new();
    let is_repeated = !method.answers.iter().all(|answer| seen.insert(answer.image));
    let noun = if is_repeated { "answer" } else { "image" };
    let row = |label: &Emotion| Row {
        label: label.name(),
        images: matrix.images(*label),
        cells: present.iter().map(|predicted| cell(&matrix, *label, *predicted, noun)).collect(),
    };
    Matrix {
        method: method.name.clone(),
        position,
        predicted: present.iter().map(|emotion| emotion.name()).collect(),
        rows: present.iter().filter(|label| matrix.images(**label) > 0).map(row).collect(),
        mistakes: mistakes(tested, method),
    }
}

fn cell(matrix: &ConfusionMatrix, label: Emotion, predicted: Emotion, noun: &str) -> Cell {
    let (count, images) = (matrix.counts[label.index()][predicted.index()], matrix.images(label));
    let rate = count as f64 / images.max(1) as f64;
    let verb = if label == predicted { "recognised as" } else { "taken for" };
    let plural = if count == 1 { "" } else { "s" };
    Cell {
        label: label.index(),
        predicted: predicted.index(),
        count,
        rate: format!("{rate:.2}"),
        shade: (rate * SHADES).round() as u8,
        words: format!("{label} {verb} {predicted}: {count} {noun}{plural}, {:.0} %", rate * 100.0),
    }
}

fn mistakes(tested: &Tested, method: &TestedBy) -> Vec<Mistake> {
    let mut wrong: Vec<&Answer> = method.answers.iter().filter(|one| one.label != one.predicted).collect();
    wrong.sort_by(|a, b| surest_first(a, b));
    // With repeats an image may be mistaken more than once.
    let mut seen = std::collections::HashSet::new();
    wrong.retain(|answer| seen.insert(answer.image));
    let name = |index: usize| Emotion::ALL.get(index).map_or("", |emotion| emotion.name());
    let mistake = |answer: &&Answer| {
        let image = tested.images.get(answer.image)?;
        Some(Mistake {
            path: image.path.clone(),
            thumbnail: image.thumbnail.clone(),
            label: name(answer.label),
            predicted: name(answer.predicted),
            margin: format!("{:.2}", answer.margin?),
        })
    };
    wrong.iter().filter_map(mistake).take(MISTAKES).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tested::TestedImage;
    use super::*;

    #[test]
    fn cells_count_images_and_mistakes_come_surest_first() {
        let answer = |image, label: Emotion, predicted: Emotion, margin| Answer {
            image,
            fold: 0,
            label: label.index(),
            predicted: predicted.index(),
            margin: Some(margin),
        };
        let (awe, fear, sadness) = (Emotion::Awe, Emotion::Fear, Emotion::Sadness);
        let answers = vec![
            answer(0, awe, awe, 2.0),
            answer(1, awe, fear, 0.5),
            answer(2, awe, sadness, 1.5),
            answer(3, fear, fear, 0.1),
        ];
        let image = |at: usize| TestedImage { path: format!("{at}.png"), thumbnail: None };
        let methods = vec![TestedBy { name: "one".to_owned(), answers }];
        let tested = Tested { images: (0..4).map(image).collect(), methods };
        let matrix = &matrices(&tested)[0];
        assert_eq!(matrix.predicted, ["awe", "fear", "sadness"]);
        let rows: Vec<_> = matrix.rows.iter().map(|row| (row.label, row.images)).collect();
        assert_eq!(rows, [("awe", 3), ("fear", 1)], "no image evokes sadness");
        let cells: Vec<_> = matrix.rows[0].cells.iter().map(|cell| (cell.count, cell.shade)).collect();
        assert_eq!(cells, [(1, 3), (1, 3), (1, 3)]);
        assert_eq!(matrix.rows[0].cells[1].words, "awe taken for fear: 1 image, 33 %");
        let wrong: Vec<_> = matrix.mistakes.iter().map(|mistake| mistake.path.as_str()).collect();
        assert_eq!(wrong, ["2.png", "1.png"]);
    }
}
