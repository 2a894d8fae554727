//! Every figure and table of the paper, and what each is drawn from: the table [`FIGURES`].

/// A figure or a table of You et al. (AAAI 2016).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaperFigure {
    /// What it is asked for by: `3`, `table3`.
    pub argument: &'static str,
    /// Its files without their endings.
    pub files: &'static [&'static str],
    /// What it shows.
    pub shows: &'static str,
    /// What it is drawn from.
    pub from: Origin,
}

/// What a figure is drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A finished run of that experiment file.
    Run(&'static str),
    /// Data sets alone.
    DataSets(OfDataSets),
}

/// What is drawn from data sets alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfDataSets {
    /// Example images of the new set.
    Examples,
    /// Weakly labelled images per emotion and source.
    Sources,
    /// Images of the three small sets.
    SmallSets,
    /// Images of the new set: submitted and labelled.
    NewSet,
}

/// The results folder in which they are collected; no experiment may have its name.
pub const FOLDER: &str = "paper";

/// The experiment on the new set; it says where that set lies, too.
pub const NEW_SET: &str = "experiments/fi_holdout.toml";
/// The experiments on the three small sets, in the order of table 1; they say where those lie.
pub const SMALL_SETS: [&str; 3] =
    ["experiments/iaps_5fold.toml", "experiments/artphoto_5fold.toml", "experiments/abstract_5fold.toml"];

/// All of them; another is one row here and one file beside this one.
pub const FIGURES: &[PaperFigure] = &[
    figure("1", &["figure1"], "example images", Origin::DataSets(OfDataSets::Examples)),
    figure("2", &["figure2"], "images per emotion and source", Origin::DataSets(OfDataSets::Sources)),
    figure("3", &["figure3"], "confusion matrices", Origin::Run(NEW_SET)),
    figure("4", &["figure4", "figure4_points"], "maps of the test images", Origin::Run(NEW_SET)),
    figure("5", &["figure5"], "rates on IAPS-Subset", Origin::Run("experiments/iaps_5fold.toml")),
    figure("6", &["figure6"], "rates on Abstract Paintings", Origin::Run("experiments/abstract_5fold.toml")),
    figure("7", &["figure7"], "rates on ArtPhoto", Origin::Run("experiments/artphoto_5fold.toml")),
    figure("table1", &["table1"], "images of the small sets", Origin::DataSets(OfDataSets::SmallSets)),
    figure("table2", &["table2"], "images of the new set", Origin::DataSets(OfDataSets::NewSet)),
    figure("table3", &["table3"], "accuracies on the test images", Origin::Run(NEW_SET)),
];

const fn figure(
    argument: &'static str,
    files: &'static [&'static str],
    shows: &'static str,
    from: Origin,
) -> PaperFigure {
    PaperFigure { argument, files, shows, from }
}

impl PaperFigure {
    /// The one that is asked for by this.
    pub fn find(argument: &str) -> Option<&'static Self> {
        FIGURES.iter().find(|figure| figure.argument == argument)
    }

    /// `figure 3`, `table 3`.
    pub fn name(&self) -> String {
        match self.argument.strip_prefix("table") {
            Some(number) => format!("table {number}"),
            None => format!("figure {}", self.argument),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_by_their_argument_and_no_file_is_written_twice() {
        assert_eq!(PaperFigure::find("table3").unwrap().name(), "table 3");
        assert_eq!(PaperFigure::find("4").unwrap().name(), "figure 4");
        assert_eq!(PaperFigure::find("8"), None);
        let mut files: Vec<&str> = FIGURES.iter().flat_map(|figure| figure.files).copied().collect();
        files.sort_unstable();
        files.dedup();
        assert_eq!(files.len(), 11);
    }
}
