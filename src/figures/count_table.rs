//! Tables 1 and 2: images per emotion, the paper's beside those that are here.

use std::fmt::Write as _;

use super::image_counts::count;
use super::tables::field;
use super::text_table::TextTable;
use crate::types::Emotion;

/// What a table says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountTable {
    /// `Table 1: ...`
    pub title: String,
    /// Two lines each.
    pub sets: Vec<SetCounts>,
    /// Whether a last pair of lines sums the sets up.
    pub with_total: bool,
}

/// One set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetCounts {
    /// What it is called.
    pub name: String,
    /// What the paper states.
    pub paper: [usize; 8],
    /// What is here; `None` where the set is not.
    pub here: Option<[usize; 8]>,
    /// Said where drawings stand in for it.
    pub stand_in: Option<String>,
}

impl CountTable {
    /// The sets, and their total where it is asked for. What is missing in one set is missing in the total.
    fn all(&self) -> Vec<SetCounts> {
        let mut sets = self.sets.clone();
        if self.with_total {
            let sum = |of: &dyn Fn(&SetCounts) -> Option<[usize; 8]>| {
                self.sets.iter().map(of).try_fold([0; 8], |total, counts| {
                    let counts = counts?;
                    Some(std::array::from_fn(|class| total[class] + counts[class]))
                })
            };
            sets.push(SetCounts {
                name: "total".to_owned(),
                paper: sum(&|set| Some(set.paper)).unwrap_or_default(),
                here: sum(&|set| set.here),
                stand_in: self.sets.iter().find_map(|set| set.stand_in.clone()),
            });
        }
        sets
    }

    /// `set,counted,amusement,...,sadness,sum,data_set`; `counted` is `paper` or `here`.
    pub fn csv(&self) -> String {
        let mut table = format!("set,counted,{},sum,data_set\n", Emotion::ALL.map(Emotion::name).join(","));
        for set in self.all() {
            let here = set.stand_in.as_ref().map_or("as named", String::as_str);
            for (counted, counts, data_set) in
                [("paper", Some(set.paper), "as published"), ("here", set.here, here)]
            {
                // Writing to a string cannot fail.
                let _ = write!(table, "{},{counted}", field(&set.name));
                for class in 0..8 {
                    let _ = match counts {
                        Some(counts) => write!(table, ",{}", counts[class]),
                        None => write!(table, ","),
                    };
                }
                let sum = counts.map(|counts| counts.iter().sum::<usize>().to_string()).unwrap_or_default();
                let _ = writeln!(table, ",{sum},{}", field(data_set));
            }
        }
        table
    }

    /// The table in words.
    pub fn words(&self) -> TextTable {
        let short = |emotion: Emotion| emotion.name().chars().take(3).collect::<String>();
        let mut header = vec!["set".to_owned(), "counted".to_owned()];
        header.extend(Emotion::ALL.map(short));
        header.push("sum".to_owned());
        let mut rows = Vec::new();
        let mut rules = Vec::new();
        for set in self.all() {
            if self.with_total && set.name == "total" {
                rules.push(rows.len());
            }
            let here = if set.stand_in.is_some() { "here, stand-in" } else { "here" };
            for (counted, counts) in [("paper", Some(set.paper)), (here, set.here)] {
                let mut row = vec![set.name.clone(), counted.to_owned()];
                let cell = |class: usize| {
                    counts.map_or_else(|| "–".to_owned(), |counts| count(counts[class] as f64))
                };
                row.extend((0..8).map(cell));
                let sum = counts.map(|counts| counts.iter().sum::<usize>());
                row.push(sum.map_or_else(|| "–".to_owned(), |sum| count(sum as f64)));
                rows.push(row);
            }
        }
        let mut notes: Vec<String> = Vec::new();
        for stand_in in self.sets.iter().filter_map(|set| set.stand_in.clone()) {
            if !notes.iter().any(|note| note.contains(&stand_in)) {
                notes.push(format!("Here: {stand_in}."));
            }
        }
        TextTable { title: self.title.clone(), notes, header, rows, rules }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> CountTable {
        let set = |name: &str, here, stand_in: Option<&str>| SetCounts {
            name: name.to_owned(),
            paper: [1000, 1, 1, 1, 1, 1, 1, 1],
            here,
            stand_in: stand_in.map(str::to_owned),
        };
        let stand_in = Some("stand-in images, not B");
        CountTable {
            title: "Table 1".to_owned(),
            sets: vec![set("A", Some([2; 8]), None), set("B", Some([3; 8]), stand_in)],
            with_total: true,
        }
    }

    #[test]
    fn sets_and_their_total_stand_below_each_other() {
        let csv = table().csv();
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(
            lines[0],
            "set,counted,amusement,anger,awe,contentment,disgust,excitement,fear,sadness,sum,data_set"
        );
        assert_eq!(lines[2], "A,here,2,2,2,2,2,2,2,2,16,as named");
        assert_eq!(lines[4], "B,here,3,3,3,3,3,3,3,3,24,\"stand-in images, not B\"");
        assert_eq!(lines[5], "total,paper,2000,2,2,2,2,2,2,2,2014,as published");
        assert_eq!(lines[6], "total,here,5,5,5,5,5,5,5,5,40,\"stand-in images, not B\"");
    }

    #[test]
    fn words_name_the_stand_in_and_leave_missing_sets_open() {
        let mut table = table();
        let words = table.words();
        assert_eq!(words.notes, ["Here: stand-in images, not B."]);
        assert_eq!((words.rules.as_slice(), words.rows[0][2].as_str()), (&[4][..], "1,000"));
        assert_eq!(words.rows[3][1], "here, stand-in");
        table.sets[0].here = None;
        let words = table.words();
        assert_eq!((words.rows[1][2].as_str(), words.rows[5][2].as_str()), ("–", "–"));
        assert!(table.csv().contains("A,here,,,,,,,,,,as named\n"));
    }
}
