//! Figures 5, 6, 7: the true positive rate of each emotion, one bar per method.

use super::canvas::{Align, Canvas, Type, draw};
use super::text::{Weight, width, wrap};
use super::{FigureError, theme};
use crate::types::Emotion;

/// What the figure shows.
#[derive(Clone, Debug, PartialEq)]
pub struct PerClassBars {
    /// The heading.
    pub title: String,
    /// Lines in bold and colour under the heading, which nobody must miss: that a stand-in was used, a leak.
    pub warnings: Vec<String>,
    /// Lines below those: how the images were split and classified.
    pub subtitle: Vec<String>,
    /// One bar per method in every class, in this order.
    pub methods: Vec<MethodBars>,
    /// Why a class is left out, by [`Emotion::index`]; it gets this text in place of bars.
    pub omitted: [Option<String>; 8],
    /// The rate of guessing, as a dotted line; 1 / number of classes.
    pub chance: Option<f64>,
}

/// The bars of one method.
#[derive(Clone, Debug, PartialEq)]
pub struct MethodBars {
    /// Its name in the legend.
    pub name: String,
    /// True positive rates, 0 to 1, by [`Emotion::index`]; `None` is drawn as a dash.
    pub rates: [Option<f64>; 8],
    /// The mean over classes; the figure gets a group of means if any method has one.
    pub mean: Option<f64>,
}

/// The figure as SVG, all text as outlines; the same data gives the same bytes.
///
/// # Errors
/// No methods, or a rate outside 0 to 1.
pub fn svg(bars: &PerClassBars) -> Result<String, FigureError> {
    check(bars)?;
    let layout = Layout::of(bars);
    let description = describe(bars);
    draw(layout.width, layout.height, &bars.title, &description, |canvas| {
        heading(canvas, &layout)?;
        axes(canvas, &layout)?;
        let groups = groups(bars);
        for (index, group) in groups.iter().enumerate() {
            draw_group(canvas, &layout, index, group)?;
        }
        chance(canvas, &layout, bars.chance)?;
        for (index, group) in groups.iter().enumerate().filter(|(_, group)| group.omitted.is_none()) {
            bar_numbers(canvas, &layout, index, &group.rates)?;
        }
        legend(canvas, &layout)
    })
}

fn check(bars: &PerClassBars) -> Result<(), FigureError> {
    let bad = |value: &f64| !(0.0..=1.0).contains(value);
    if bars.methods.is_empty() {
        return Err(FigureError::NoMethods);
    }
    if let Some(value) = bars.chance.filter(bad) {
        return Err(FigureError::Chance { value });
    }
    for method in &bars.methods {
        for (emotion, rate) in Emotion::ALL.into_iter().zip(method.rates) {
            if let Some(value) = rate.filter(bad) {
                return Err(FigureError::Rate { method: method.name.clone(), emotion, value });
            }
        }
        if let Some(value) = method.mean.filter(bad) {
            return Err(FigureError::Mean { method: method.name.clone(), value });
        }
    }
    Ok(())
}

/// One place on the horizontal axis.
struct Group<'a> {
    label: &'static str,
    rates: Vec<Option<f64>>,
    omitted: Option<&'a str>,
    is_mean: bool,
}

fn groups(bars: &PerClassBars) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Emotion::ALL
        .into_iter()
        .map(|emotion| Group {
            label: emotion.name(),
            rates: bars.methods.iter().map(|method| method.rates[emotion.index()]).collect(),
            omitted: bars.omitted[emotion.index()].as_deref(),
            is_mean: false,
        })
        .collect();
    let means: Vec<Option<f64>> = bars.methods.iter().map(|method| method.mean).collect();
    if means.iter().any(Option::is_some) {
        groups.push(Group { label: "mean", rates: means, omitted: None, is_mean: true });
    }
    groups
}

/// Where everything stands, in user units.
struct Layout {
    width: f64,
    height: f64,
    title: Vec<String>,
    warnings: Vec<String>,
    subtitle: Vec<String>,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    group: f64,
    methods: usize,
    legend: Vec<Vec<String>>,
    legend_columns: usize,
    legend_column: f64,
    legend_row: f64,
    legend_top: f64,
}

impl Layout {
    fn of(bars: &PerClassBars) -> Self {
        let methods = bars.methods.len();
        let count = groups(bars).len() as f64;
        let right_room =
            if bars.chance.is_some() { width("chance", theme::MARK, Weight::Regular) + 8.0 } else { 0.0 };
        let frame = 2.0 * theme::MARGIN + theme::AXIS_ROOM + right_room;
        let least = count * methods as f64 * theme::SLOT_LEAST / theme::BARS_SHARE;
        let sheet = theme::WIDTH.max((frame + least).ceil());
        let text_room = sheet - 2.0 * theme::MARGIN;
        let (left, right) = (theme::MARGIN + theme::AXIS_ROOM, sheet - theme::MARGIN - right_room);

        let title = wrap(&bars.title, theme::TITLE, Weight::Bold, text_room, 3);
        let wrap_all = |lines: &[String], weight| -> Vec<String> {
            lines.iter().flat_map(|line| wrap(line, theme::SUBTITLE, weight, text_room, 3)).collect()
        };
        let warnings = wrap_all(&bars.warnings, Weight::Bold);
        let subtitle = wrap_all(&bars.subtitle, Weight::Regular);
        let lines = (warnings.len() + subtitle.len()) as f64;
        let heading = (title.len() as f64 * theme::TITLE + lines * theme::SUBTITLE) * theme::LINE_HEIGHT;
        let top = theme::MARGIN + heading + theme::GAP;
        let bottom = top + theme::PLOT_HEIGHT;

        let legend_room = right - left;
        let beside = theme::SWATCH + 7.0;
        let name_room = legend_room / 2.0 - beside - 2.0 * theme::GAP;
        let legend: Vec<Vec<String>> = bars
            .methods
            .iter()
            .map(|method| wrap(&method.name, theme::LEGEND, Weight::Regular, name_room, 2))
            .collect();
        let widest = legend
            .iter()
            .flatten()
            .map(|line| width(line, theme::LEGEND, Weight::Regular))
            .fold(0.0, f64::max);
        let legend_column = widest + beside + theme::GAP;
        let fitting = (((legend_room + theme::GAP) / legend_column) as usize).clamp(1, methods);
        // The same number of rows with even columns: 7 as 4 + 3 rather than 6 + 1.
        let legend_columns = methods.div_ceil(methods.div_ceil(fitting));
        let lines = legend.iter().map(Vec::len).max().unwrap_or(1).max(1) as f64;
        let legend_row = lines * theme::LEGEND * theme::LINE_HEIGHT + 4.0;
        let legend_top = bottom + theme::CLASS_LABEL * theme::LINE_HEIGHT + theme::GAP;
        let rows = methods.div_ceil(legend_columns) as f64;
        Self {
            width: sheet,
            height: (legend_top + rows * legend_row + theme::MARGIN).ceil(),
            title,
            warnings,
            subtitle,
            left,
            right,
            top,
            bottom,
            group: (right - left) / count,
            methods,
            legend,
            legend_columns,
            legend_column,
            legend_row,
            legend_top,
        }
    }

    fn y(&self, rate: f64) -> f64 {
        self.bottom - rate * (self.bottom - self.top)
    }

    /// The upper edge of a bar; a rate of 0 keeps a visible foot.
    fn bar_top(&self, rate: f64) -> f64 {
        self.y(rate).min(self.bottom - theme::BAR_FOOT)
    }

    /// Room of a bar and the gap beside it.
    fn slot(&self) -> f64 {
        (self.group * theme::BARS_SHARE / self.methods as f64).min(theme::SLOT_MOST)
    }

    fn bar_middle(&self, group: usize, method: usize) -> f64 {
        let centre = self.left + (group as f64 + 0.5) * self.group;
        centre + (method as f64 + 0.5 - self.methods as f64 / 2.0) * self.slot()
    }
}

fn heading(canvas: &Canvas<'_>, layout: &Layout) -> Result<(), FigureError> {
    let title = Type { size: theme::TITLE, weight: Weight::Bold, color: theme::INK };
    let subtitle = Type::regular(theme::SUBTITLE, theme::INK);
    let warning = Type { size: theme::SUBTITLE, weight: Weight::Bold, color: theme::WARNING };
    let mut y = theme::MARGIN;
    let lines = layout.title.iter().map(|line| (line, title));
    let lines = lines.chain(layout.warnings.iter().map(|line| (line, warning)));
    for (line, face) in lines.chain(layout.subtitle.iter().map(|line| (line, subtitle))) {
        canvas.text(line, (theme::MARGIN, y + face.size), Align::Start, face)?;
        y += face.size * theme::LINE_HEIGHT;
    }
    Ok(())
}

fn axes(canvas: &Canvas<'_>, layout: &Layout) -> Result<(), FigureError> {
    let number = Type::regular(theme::AXIS_NUMBER, theme::FAINT_INK);
    for tick in 0..=5 {
        let rate = f64::from(tick) / 5.0;
        let y = layout.y(rate);
        if tick > 0 {
            canvas.line(&[(layout.left, y), (layout.right, y)], theme::THIN, theme::GRID)?;
        }
        let at = (layout.left - 7.0, y + 0.36 * number.size);
        canvas.text(&format!("{rate:.1}"), at, Align::End, number)?;
    }
    let middle = f64::midpoint(layout.top, layout.bottom);
    let title = Type::regular(theme::AXIS_TITLE, theme::INK);
    canvas.upward("true positive rate", (theme::MARGIN + theme::AXIS_TITLE, middle), title)
}

fn draw_group(
    canvas: &Canvas<'_>,
    layout: &Layout,
    index: usize,
    group: &Group<'_>,
) -> Result<(), FigureError> {
    let left = layout.left + index as f64 * layout.group;
    let centre = left + layout.group / 2.0;
    if group.is_mean {
        canvas.line(&[(left, layout.top), (left, layout.bottom)], theme::THIN, theme::FAINT_INK)?;
    }
    match group.omitted {
        Some(reason) => omitted(canvas, layout, centre, reason)?,
        None => bars(canvas, layout, index, &group.rates)?,
    }
    // Over the feet of the bars.
    canvas.line(&[(left, layout.bottom), (left + layout.group, layout.bottom)], theme::NORMAL, theme::INK)?;
    let weight = if group.is_mean { Weight::Bold } else { Weight::Regular };
    let color = if group.omitted.is_some() { theme::FAINT_INK } else { theme::INK };
    let label = Type { size: theme::CLASS_LABEL, weight, color };
    canvas.text(group.label, (centre, layout.bottom + 1.45 * label.size), Align::Middle, label)
}

fn omitted(canvas: &Canvas<'_>, layout: &Layout, centre: f64, reason: &str) -> Result<(), FigureError> {
    let half = layout.group * theme::BARS_SHARE / 2.0;
    canvas.fill((centre - half, layout.top), (centre + half, layout.bottom), theme::BAND)?;
    let face = Type::regular(theme::MARK, theme::FAINT_INK);
    let mut lines = vec!["left out:".to_owned()];
    lines.extend(wrap(reason, face.size, face.weight, 2.0 * half - 6.0, 5));
    let step = face.size * theme::LINE_HEIGHT;
    let mut y = f64::midpoint(layout.top, layout.bottom) - step * (lines.len() as f64 - 1.0) / 2.0;
    for line in &lines {
        canvas.text(line, (centre, y), Align::Middle, face)?;
        y += step;
    }
    Ok(())
}

fn bars(
    canvas: &Canvas<'_>,
    layout: &Layout,
    index: usize,
    rates: &[Option<f64>],
) -> Result<(), FigureError> {
    let half = layout.slot() * 0.45;
    for (method, rate) in rates.iter().enumerate() {
        let middle = layout.bar_middle(index, method);
        if let Some(rate) = *rate {
            sample(canvas, (middle - half, layout.bar_top(rate)), (middle + half, layout.bottom), method)?;
        } else {
            let mark = Type::regular(theme::MARK, theme::FAINT_INK);
            canvas.text("–", (middle, layout.bottom - 3.0), Align::Middle, mark)?;
        }
    }
    Ok(())
}

/// The numbers over the bars, if they are wide enough; the paper behind them parts the chance line.
fn bar_numbers(
    canvas: &Canvas<'_>,
    layout: &Layout,
    index: usize,
    rates: &[Option<f64>],
) -> Result<(), FigureError> {
    let face = Type::regular(theme::BAR_NUMBER, theme::INK);
    for (method, rate) in rates.iter().enumerate().filter_map(|(method, rate)| Some((method, (*rate)?))) {
        let text = format!("{rate:.2}");
        let half = width(&text, face.size, face.weight) / 2.0;
        if 2.0 * half > layout.slot() {
            continue;
        }
        let (middle, baseline) = (layout.bar_middle(index, method), layout.bar_top(rate) - 3.5);
        canvas.fill(
            (middle - half, baseline - 0.8 * face.size),
            (middle + half, baseline + 1.0),
            theme::PAPER,
        )?;
        canvas.text(&text, (middle, baseline), Align::Middle, face)?;
    }
    Ok(())
}

/// A rectangle in a method's fill.
fn sample(canvas: &Canvas<'_>, from: (f64, f64), to: (f64, f64), method: usize) -> Result<(), FigureError> {
    let (fill, striped) = theme::method_fill(method);
    let ((left, top), (right, bottom)) = (from, to);
    canvas.fill(from, to, fill)?;
    if striped {
        let mut y = bottom - 3.0;
        while y > top + 1.0 {
            canvas.line(&[(left, y), (right, y)], 1.4, theme::PAPER)?;
            y -= 4.5;
        }
    }
    let outline = [(left, bottom), (left, top), (right, top), (right, bottom), (left, bottom)];
    canvas.line(&outline, theme::THIN, theme::outline(fill))
}

fn chance(canvas: &Canvas<'_>, layout: &Layout, chance: Option<f64>) -> Result<(), FigureError> {
    let Some(rate) = chance else { return Ok(()) };
    let y = layout.y(rate);
    canvas.dots(layout.left, layout.right, y, theme::INK)?;
    let face = Type::regular(theme::MARK, theme::INK);
    canvas.text("chance", (layout.right + 6.0, y - 1.5), Align::Start, face)?;
    canvas.text(&format!("{rate:.2}"), (layout.right + 6.0, y + face.size), Align::Start, face)
}

fn legend(canvas: &Canvas<'_>, layout: &Layout) -> Result<(), FigureError> {
    let face = Type::regular(theme::LEGEND, theme::INK);
    for (index, lines) in layout.legend.iter().enumerate() {
        let left = layout.left + (index % layout.legend_columns) as f64 * layout.legend_column;
        let top = layout.legend_top + (index / layout.legend_columns) as f64 * layout.legend_row;
        sample(canvas, (left, top), (left + theme::SWATCH, top + theme::SWATCH), index)?;
        for (number, line) in lines.iter().enumerate() {
            let baseline = top + 0.85 * face.size + number as f64 * face.size * theme::LINE_HEIGHT;
            canvas.text(line, (left + theme::SWATCH + 7.0, baseline), Align::Start, face)?;
        }
    }
    Ok(())
}

/// The figure in words: the lines of its heading and every number.
fn describe(bars: &PerClassBars) -> String {
    let mut sentences = [bars.warnings.clone(), bars.subtitle.clone()].concat();
    for method in &bars.methods {
        let rates: Vec<String> = groups(bars)
            .iter()
            .zip(method.rates.iter().chain([&method.mean]))
            .filter_map(|(group, rate)| rate.map(|rate| format!("{} {rate:.3}", group.label)))
            .collect();
        sentences.push(format!("{}: {}", method.name, rates.join(", ")));
    }
    sentences.join(". ")
}
