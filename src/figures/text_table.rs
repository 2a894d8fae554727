//! A small table in words, as a paper or a read-me shows it: Markdown, and LaTeX for the package booktabs.

use std::fmt::Write as _;

/// The table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextTable {
    /// `Table 3: ...`
    pub title: String,
    /// What nobody must miss, and where numbers come from.
    pub notes: Vec<String>,
    /// One a column; the first column is flush left, the others flush right.
    pub header: Vec<String>,
    /// As many cells each as the header.
    pub rows: Vec<Vec<String>>,
    /// Rows above which a rule is drawn, as above a sum.
    pub rules: Vec<usize>,
}

impl TextTable {
    /// As Markdown, the notes first.
    pub fn markdown(&self) -> String {
        let cell = |text: &String| text.replace('|', "\\|");
        let line =
            |cells: &[String]| format!("| {} |\n", cells.iter().map(cell).collect::<Vec<_>>().join(" | "));
        let mut text = format!("**{}**\n\n", self.title);
        for note in &self.notes {
            let _ = writeln!(text, "**{note}**\n");
        }
        text.push_str(&line(&self.header));
        let rules = (0..self.header.len()).map(|column| if column == 0 { "---" } else { "---:" });
        let _ = writeln!(text, "|{}|", rules.collect::<Vec<_>>().join("|"));
        self.rows.iter().for_each(|row| text.push_str(&line(row)));
        text
    }

    /// As LaTeX: a `table` no wider than the text that needs `\usepackage{booktabs,graphicx}`; `label` names it for `\ref`. Its
    /// number is LaTeX's.
    pub fn latex(&self, label: &str) -> String {
        let line = |cells: &[String]| {
            format!("    {} \\\\\n", cells.iter().map(|cell| escape(cell)).collect::<Vec<_>>().join(" & "))
        };
        let mut text = "% needs \\usepackage{booktabs,graphicx}\n\\begin{table}\n  \\centering\n".to_owned();
        let title = without_number(&self.title);
        let caption: Vec<&str> =
            std::iter::once(title).chain(self.notes.iter().map(String::as_str)).collect();
        let caption: Vec<String> = caption.iter().map(|text| escape(text.trim_end_matches('.'))).collect();
        let _ = writeln!(text, "  \\caption{{{}.}}\n  \\label{{{label}}}", caption.join(". "));
        let columns = "r".repeat(self.header.len().saturating_sub(1));
        text.push_str("  \\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%\n");
        let _ = writeln!(text, "  \\begin{{tabular}}{{l{columns}}}\n    \\toprule");
        text.push_str(&line(&self.header));
        text.push_str("    \\midrule\n");
        for (number, row) in self.rows.iter().enumerate() {
            if self.rules.contains(&number) {
                text.push_str("    \\midrule\n");
            }
            text.push_str(&line(row));
        }
        text.push_str("    \\bottomrule\n  \\end{tabular}}\n\\end{table}\n");
        text
    }
}

/// `Images of each emotion` of `Table 1: Images of each emotion`.
fn without_number(title: &str) -> &str {
    let Some(rest) = title.strip_prefix("Table ") else { return title };
    rest.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix(": ").unwrap_or(title)
}

/// What LaTeX would take for commands, as text.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => escaped.push_str("\\textbackslash{}"),
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            '<' => escaped.push_str("\\textless{}"),
            '>' => escaped.push_str("\\textgreater{}"),
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
                escaped.push('\\');
                escaped.push(c);
            }
            '–' => escaped.push_str("--"),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> TextTable {
        TextTable {
            title: "Table 9: R&D".to_owned(),
            notes: vec!["These are not 100 % real.".to_owned()],
            header: ["set", "a_b"].map(str::to_owned).to_vec(),
            rows: vec![["x|y", "1"], ["total", "2"]]
                .into_iter()
                .map(|row| row.map(str::to_owned).to_vec())
                .collect(),
            rules: vec![1],
        }
    }

    #[test]
    fn markdown_keeps_bars_inside_cells() {
        let expected = "**Table 9: R&D**\n\n**These are not 100 % real.**\n\n| set | a_b |\n|---|---:|\n| x\\|y | 1 |\n| total | 2 |\n";
        assert_eq!(table().markdown(), expected);
    }

    #[test]
    fn latex_has_booktabs_rules_and_no_loose_commands() {
        let latex = table().latex("tab:nine");
        assert!(latex.contains("\\caption{R\\&D. These are not 100 \\% real.}"), "{latex}");
        assert_eq!(["Table 3: x", "Table of 3: x"].map(without_number), ["x", "Table of 3: x"]);
        assert!(latex.contains("    set & a\\_b \\\\\n    \\midrule\n    x|y & 1 \\\\\n    \\midrule\n    total & 2 \\\\\n    \\bottomrule"));
        assert_eq!(
            escape("a\\b~c^d<e>"),
            "a\\textbackslash{}b\\textasciitilde{}c\\textasciicircum{}d\\textless{}e\\textgreater{}"
        );
    }
}
