//! Where the bars of figures 5 to 7 stand: groups side by side, in as few rows as keep them legible.

use super::heading::{Lines, notes};
use super::legend::Legend;
use super::per_class_tpr::{Group, PerClassBars};
use super::text::{Weight, width};
use super::theme;

/// Room above a plot for numbers over bars that are nearly as tall as it.
const HEADROOM: f64 = 20.0;
/// Between the labels of two neighbours.
const BETWEEN_LABELS: f64 = 3.0;

/// In user units.
pub(super) struct Layout {
    pub width: f64,
    pub height: f64,
    pub heading: Lines,
    pub left: f64,
    pub right: f64,
    pub legend: Legend,
    pub legend_top: f64,
    pub notes: Lines,
    pub notes_top: f64,
    tops: Vec<f64>,
    plot: f64,
    per_row: usize,
    group: f64,
    methods: usize,
}

impl Layout {
    pub(super) fn of(bars: &PerClassBars, groups: &[Group<'_>], below: &[String]) -> Self {
        let methods = bars.methods.len();
        let frame = 2.0 * theme::MARGIN + theme::AXIS_ROOM;
        let room = bars.columns.width() - frame;
        let rows = rows_needed(groups, methods, room);
        let per_row = groups.len().div_ceil(rows);
        // More methods than one group holds widen the sheet.
        let least = per_row as f64 * methods as f64 * theme::SLOT_LEAST / theme::BARS_SHARE;
        let sheet = frame + room.max(least.ceil());
        let (left, right) = (theme::MARGIN + theme::AXIS_ROOM, sheet - theme::MARGIN);

        let heading = bars.heading.lines(sheet - 2.0 * theme::MARGIN);
        let plot = if rows == 1 { theme::PLOT_HEIGHT } else { theme::ROW_HEIGHT };
        let first = theme::MARGIN + heading.height() + HEADROOM;
        let row = HEADROOM + plot + 1.45 * theme::CLASS_LABEL + 4.0;
        let tops: Vec<f64> = (0..rows).map(|number| first + number as f64 * row).collect();
        let names = bars.methods.iter().map(|method| method.name.as_str());
        let legend = Legend::of(names.chain(bars.chance.map(|_| super::per_class_tpr::CHANCE)), right - left);
        let legend_top = first + rows as f64 * row - HEADROOM + theme::GAP;
        let notes = notes(below, sheet - 2.0 * theme::MARGIN);
        let notes_top = legend_top + legend.height() + 3.0;
        Self {
            width: sheet,
            height: (notes_top + notes.height() + theme::MARGIN).ceil(),
            heading,
            left,
            right,
            legend,
            legend_top,
            notes,
            notes_top,
            tops,
            plot,
            per_row,
            group: (right - left) / per_row as f64,
            methods,
        }
    }

    /// Upper edges of the plots.
    pub(super) fn tops(&self) -> &[f64] {
        &self.tops
    }

    /// Upper edge of the plot that a group stands in.
    pub(super) fn top(&self, group: usize) -> f64 {
        self.tops.get(group / self.per_row).copied().unwrap_or(theme::MARGIN)
    }

    pub(super) fn bottom(&self, group: usize) -> f64 {
        self.top(group) + self.plot
    }

    pub(super) fn plot(&self) -> f64 {
        self.plot
    }

    pub(super) fn group_width(&self) -> f64 {
        self.group
    }

    pub(super) fn group_left(&self, group: usize) -> f64 {
        self.left + (group % self.per_row) as f64 * self.group
    }

    pub(super) fn y(&self, group: usize, rate: f64) -> f64 {
        self.bottom(group) - rate * self.plot
    }

    /// The upper edge of a bar; a rate of 0 keeps a visible foot.
    pub(super) fn bar_top(&self, group: usize, rate: f64) -> f64 {
        self.y(group, rate).min(self.bottom(group) - theme::BAR_FOOT)
    }

    /// Room of a bar and the gap beside it.
    pub(super) fn slot(&self) -> f64 {
        (self.group * theme::BARS_SHARE / self.methods as f64).min(theme::SLOT_MOST)
    }

    pub(super) fn bar_middle(&self, group: usize, method: usize) -> f64 {
        let centre = self.group_left(group) + self.group / 2.0;
        centre + (method as f64 + 0.5 - self.methods as f64 / 2.0) * self.slot()
    }
}

/// The fewest rows in which labels do not touch and bars are wide enough; all groups in one column where none are.
fn rows_needed(groups: &[Group<'_>], methods: usize, room: f64) -> usize {
    let fits = |rows: &usize| {
        let per_row = groups.len().div_ceil(*rows);
        let group = room / per_row as f64;
        let wide = |group: &Group<'_>| width(group.label, theme::CLASS_LABEL, Weight::Bold);
        let apart = groups.chunks(per_row).all(|row| {
            row.windows(2).all(|pair| f64::midpoint(wide(&pair[0]), wide(&pair[1])) + BETWEEN_LABELS <= group)
        });
        apart && group * theme::BARS_SHARE / methods as f64 >= theme::SLOT_LEAST
    };
    (1..groups.len()).find(fits).unwrap_or(groups.len().max(1))
}
