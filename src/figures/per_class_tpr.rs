//! Figures 5, 6, 7: the true positive rate of each emotion, one bar per method, with 95 % intervals.

use super::bar_layout::Layout;
use super::canvas::{Align, Canvas, Type, draw};
use super::heading::Heading;
use super::text::{Weight, width, wrap};
use super::theme::Columns;
use super::{FigureError, theme};
use crate::metrics::Interval;
use crate::types::Emotion;

/// What the figure shows.
#[derive(Clone, Debug, PartialEq)]
pub struct PerClassBars {
    /// The words above it.
    pub heading: Heading,
    /// How wide it is.
    pub columns: Columns,
    /// One bar per method in every class, in this order.
    pub methods: Vec<MethodBars>,
    /// Why a class is left out, by [`Emotion::index`]; it gets this text in place of bars.
    pub omitted: [Option<String>; 8],
    /// The rate of guessing, as a dotted line; 1 / number of classes.
    pub chance: Option<f64>,
}

/// The bars of one method.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MethodBars {
    /// Its name in the legend.
    pub name: String,
    /// True positive rates, 0 to 1, by [`Emotion::index`]; `None` is drawn as a dash.
    pub rates: [Option<f64>; 8],
    /// Their intervals, drawn as error bars.
    pub intervals: [Option<Interval>; 8],
    /// The mean over classes; the figure gets a group of means if any method has one.
    pub mean: Option<f64>,
    /// The mean's interval.
    pub mean_interval: Option<Interval>,
    /// Where the numbers were published; `None` for numbers of this run. Published bars are hatched.
    pub published: Option<String>,
}

/// The legend's last entry.
pub(super) const CHANCE: &str = "chance";

/// The figure as SVG, all text as outlines; the same data gives the same bytes.
///
/// # Errors
/// No methods, or a rate or an end of an interval outside 0 to 1.
pub fn svg(bars: &PerClassBars) -> Result<String, FigureError> {
    check(bars)?;
    let groups = groups(bars);
    let layout = Layout::of(bars, &groups, &notes(bars));
    let fills = fills(&bars.methods);
    draw(layout.width, layout.height, &bars.heading.title, &describe(bars), |canvas| {
        layout.heading.draw(canvas)?;
        axes(canvas, &layout)?;
        for (index, group) in groups.iter().enumerate() {
            draw_group(canvas, &layout, index, group)?;
        }
        if let Some(chance) = bars.chance {
            for group in (0..groups.len()).filter(|group| layout.group_left(*group) <= layout.left) {
                canvas.dots(layout.left, layout.right, layout.y(group, chance), theme::INK)?;
            }
        }
        for (index, group) in groups.iter().enumerate().filter(|(_, group)| group.omitted.is_none()) {
            error_bars(canvas, &layout, index, group)?;
            bar_numbers(canvas, &layout, index, group)?;
        }
        layout.legend.draw(canvas, (layout.left, layout.legend_top), |index, from, to| {
            match bars.methods.get(index) {
                Some(method) => sample(canvas, from, to, fills[index], method.published.is_some()),
                None => canvas.dots(from.0, to.0, f64::midpoint(from.1, to.1), theme::INK),
            }
        })?;
        layout.notes.draw_at(canvas, layout.notes_top)
    })
}

fn check(bars: &PerClassBars) -> Result<(), FigureError> {
    let bad = |value: &f64| !(0.0..=1.0).contains(value);
    let ends =
        |interval: Option<Interval>| interval.into_iter().flat_map(|Interval { low, high }| [low, high]);
    if bars.methods.is_empty() {
        return Err(FigureError::NoMethods);
    }
    if let Some(value) = bars.chance.filter(bad) {
        return Err(FigureError::Chance { value });
    }
    for method in &bars.methods {
        for emotion in Emotion::ALL {
            let at = emotion.index();
            let mut values = method.rates[at].into_iter().chain(ends(method.intervals[at]));
            if let Some(value) = values.find(bad) {
                return Err(FigureError::Rate { method: method.name.clone(), emotion, value });
            }
        }
        if let Some(value) = method.mean.into_iter().chain(ends(method.mean_interval)).find(bad) {
            return Err(FigureError::Mean { method: method.name.clone(), value });
        }
    }
    Ok(())
}

/// One place on the horizontal axis.
pub(super) struct Group<'a> {
    pub label: &'static str,
    bars: Vec<Bar>,
    omitted: Option<&'a str>,
    is_mean: bool,
}

#[derive(Clone, Copy)]
struct Bar {
    /// Place in the palette.
    fill: usize,
    rate: Option<f64>,
    interval: Option<Interval>,
    published: bool,
}

fn groups(bars: &PerClassBars) -> Vec<Group<'_>> {
    let bar = |(method, fill): (&MethodBars, usize), rate, interval| {
        let published = method.published.is_some();
        Bar { fill, rate, interval, published }
    };
    let methods = || bars.methods.iter().zip(fills(&bars.methods));
    let of_emotion = |emotion: Emotion| Group {
        label: emotion.name(),
        bars: methods()
            .map(|own| bar(own, own.0.rates[emotion.index()], own.0.intervals[emotion.index()]))
            .collect(),
        omitted: bars.omitted[emotion.index()].as_deref(),
        is_mean: false,
    };
    let mut groups: Vec<Group<'_>> = Emotion::ALL.into_iter().map(of_emotion).collect();
    if bars.methods.iter().any(|method| method.mean.is_some()) {
        let means = methods().map(|own| bar(own, own.0.mean, own.0.mean_interval));
        groups.push(Group { label: "mean", bars: means.collect(), omitted: None, is_mean: true });
    }
    groups
}

/// Place of each method in the palette: those of this run come first, so that published ones beside them change none.
fn fills(methods: &[MethodBars]) -> Vec<usize> {
    let mut next_own = 0;
    let mut next_published = methods.iter().filter(|method| method.published.is_none()).count();
    let place = |method: &MethodBars| {
        let next = if method.published.is_some() { &mut next_published } else { &mut next_own };
        *next += 1;
        *next - 1
    };
    methods.iter().map(place).collect()
}

/// What stands under the figure.
fn notes(bars: &PerClassBars) -> Vec<String> {
    let has_intervals = |method: &MethodBars| method.intervals.iter().any(Option::is_some);
    let mut notes = Vec::new();
    if bars.methods.iter().any(has_intervals) {
        notes.push(
            "Error bars: 95 % intervals; Wilson for an emotion, bootstrap over groups for the mean."
                .to_owned(),
        );
    }
    let published =
        || bars.methods.iter().filter_map(|method| Some((&method.name, method.published.as_ref()?)));
    let not_drawn = |emotion: &Emotion| {
        let at = emotion.index();
        let is_left_out = bars.omitted.get(at).is_some_and(Option::is_some);
        is_left_out
            && bars.methods.iter().any(|method| method.published.is_some() && method.rates[at].is_some())
    };
    let not_drawn: Vec<&str> =
        Emotion::ALL.iter().filter(|emotion| not_drawn(emotion)).map(|emotion| emotion.name()).collect();
    if !not_drawn.is_empty() {
        notes.push(format!(
            "Published rates of what is left out here are not drawn: {}.",
            not_drawn.join(", ")
        ));
    }
    let mut sources: Vec<&String> = Vec::new();
    for (_, source) in published() {
        if !sources.contains(&source) {
            sources.push(source);
        }
    }
    for source in sources {
        let names = published().filter(|(_, other)| *other == source).map(|(name, _)| name.as_str());
        notes.push(format!("Hatched: {} as published, {source}.", names.collect::<Vec<_>>().join(", ")));
    }
    notes
}

fn axes(canvas: &Canvas<'_>, layout: &Layout) -> Result<(), FigureError> {
    let number = Type::regular(theme::AXIS_NUMBER, theme::FAINT_INK);
    let title = Type::regular(theme::AXIS_TITLE, theme::INK);
    for top in layout.tops() {
        for tick in 0..=5 {
            let rate = f64::from(tick) / 5.0;
            let y = top + layout.plot() * (1.0 - rate);
            if tick > 0 {
                canvas.line(&[(layout.left, y), (layout.right, y)], theme::THIN, theme::GRID)?;
            }
            let at = (layout.left - 4.0, y + 0.36 * number.size);
            canvas.text(&format!("{rate:.1}"), at, Align::End, number)?;
        }
        let middle = top + layout.plot() / 2.0;
        canvas.upward("true positive rate", (theme::MARGIN + theme::AXIS_TITLE, middle), title)?;
    }
    Ok(())
}

fn draw_group(
    canvas: &Canvas<'_>,
    layout: &Layout,
    index: usize,
    group: &Group<'_>,
) -> Result<(), FigureError> {
    let left = layout.group_left(index);
    let (centre, right) = (left + layout.group_width() / 2.0, left + layout.group_width());
    let (top, bottom) = (layout.top(index), layout.bottom(index));
    if group.is_mean {
        canvas.line(&[(left, top), (left, bottom)], theme::THIN, theme::FAINT_INK)?;
    }
    match group.omitted {
        Some(reason) => omitted(canvas, layout, index, reason)?,
        None => rectangles(canvas, layout, index, &group.bars)?,
    }
    // Over the feet of the bars.
    canvas.line(&[(left - 0.2, bottom), (right + 0.2, bottom)], theme::NORMAL, theme::INK)?;
    let weight = if group.is_mean { Weight::Bold } else { Weight::Regular };
    let color = if group.omitted.is_some() { theme::FAINT_INK } else { theme::INK };
    let label = Type { size: theme::CLASS_LABEL, weight, color };
    canvas.text(group.label, (centre, bottom + 1.35 * label.size), Align::Middle, label)
}

fn omitted(canvas: &Canvas<'_>, layout: &Layout, index: usize, reason: &str) -> Result<(), FigureError> {
    let centre = layout.group_left(index) + layout.group_width() / 2.0;
    let half = layout.group_width() * theme::BARS_SHARE / 2.0;
    let (top, bottom) = (layout.top(index), layout.bottom(index));
    canvas.fill((centre - half, top), (centre + half, bottom), theme::BAND)?;
    let face = Type::regular(theme::MARK, theme::FAINT_INK);
    let room = 2.0 * half - 4.0;
    let mut lines = wrap("left out:", face.size, face.weight, room, 2);
    lines.extend(wrap(reason, face.size, face.weight, room, 5));
    let step = face.size * theme::LINE_HEIGHT;
    let mut y = f64::midpoint(top, bottom) - step * (lines.len() as f64 - 1.0) / 2.0;
    for line in &lines {
        canvas.text(line, (centre, y), Align::Middle, face)?;
        y += step;
    }
    Ok(())
}

fn rectangles(canvas: &Canvas<'_>, layout: &Layout, index: usize, bars: &[Bar]) -> Result<(), FigureError> {
    let half = layout.slot() * 0.44;
    for (method, bar) in bars.iter().enumerate() {
        let (middle, bottom) = (layout.bar_middle(index, method), layout.bottom(index));
        if let Some(rate) = bar.rate {
            let top = layout.bar_top(index, rate);
            sample(canvas, (middle - half, top), (middle + half, bottom), bar.fill, bar.published)?;
        } else {
            let mark = Type::regular(theme::MARK, theme::FAINT_INK);
            canvas.text("–", (middle, bottom - 2.0), Align::Middle, mark)?;
        }
    }
    Ok(())
}

fn error_bars(
    canvas: &Canvas<'_>,
    layout: &Layout,
    index: usize,
    group: &Group<'_>,
) -> Result<(), FigureError> {
    let cap = (0.3 * layout.slot()).min(theme::CAP);
    for (method, bar) in group.bars.iter().enumerate() {
        let (Some(rate), Some(Interval { low, high })) = (bar.rate, bar.interval) else { continue };
        let x = layout.bar_middle(index, method);
        let (from, to) = (layout.y(index, low), layout.y(index, high));
        // On a dark bar, in the paper's colour.
        let is_dark = !theme::shows_ink(theme::method_fill(bar.fill).0);
        let edge = if is_dark { layout.bar_top(index, rate) } else { f64::INFINITY };
        canvas.line(&[(x, from.min(edge)), (x, to)], theme::NORMAL, theme::INK)?;
        if from > edge {
            canvas.line(&[(x, from), (x, edge)], theme::NORMAL, theme::PAPER)?;
        }
        for y in [from, to] {
            let color = if y > edge { theme::PAPER } else { theme::INK };
            canvas.line(&[(x - cap, y), (x + cap, y)], theme::NORMAL, color)?;
        }
    }
    Ok(())
}

/// The numbers over the bars, upright where they are not wide enough for that; none where they are narrower
/// still. The paper behind them parts the chance line.
fn bar_numbers(
    canvas: &Canvas<'_>,
    layout: &Layout,
    index: usize,
    group: &Group<'_>,
) -> Result<(), FigureError> {
    let face = Type::regular(theme::BAR_NUMBER, theme::INK);
    for (method, bar) in group.bars.iter().enumerate() {
        let Some(rate) = bar.rate else { continue };
        let text = short(rate);
        let long = width(&text, face.size, face.weight);
        let top = layout.bar_top(index, bar.interval.map_or(rate, |interval| interval.high.max(rate)));
        let (x, above) = (layout.bar_middle(index, method), top - 2.5);
        let tall = 0.75 * face.size;
        if long <= layout.slot() {
            canvas.fill((x - long / 2.0, above - tall), (x + long / 2.0, above), theme::PAPER)?;
            canvas.text(&text, (x, above), Align::Middle, face)?;
        } else if tall + 1.0 <= layout.slot() {
            canvas.fill((x - tall / 2.0, above - long), (x + tall / 2.0, above), theme::PAPER)?;
            canvas.upward(&text, (x + tall / 2.0, above - long / 2.0), face)?;
        }
    }
    Ok(())
}

/// Two decimals without the zero in front.
pub(super) fn short(rate: f64) -> String {
    let text = format!("{rate:.2}");
    text.strip_prefix('0').map_or_else(|| text.clone(), str::to_owned)
}

/// A rectangle in the fill at a place in the palette.
fn sample(
    canvas: &Canvas<'_>,
    from: (f64, f64),
    to: (f64, f64),
    place: usize,
    published: bool,
) -> Result<(), FigureError> {
    let (fill, striped) = theme::method_fill(place);
    let ((left, top), (right, bottom)) = (from, to);
    canvas.fill(from, to, fill)?;
    if published {
        canvas.hatch(from, to, theme::PAPER)?;
    } else if striped {
        let mut y = bottom - 2.0;
        while y > top + 0.7 {
            canvas.line(&[(left, y), (right, y)], 1.0, theme::PAPER)?;
            y -= 3.2;
        }
    }
    let outline = [(left, bottom), (left, top), (right, top), (right, bottom), (left, bottom)];
    canvas.line(&outline, theme::THIN, theme::outline(fill))
}

/// The figure in words: the lines of its heading and every number.
fn describe(bars: &PerClassBars) -> String {
    let mut sentences = bars.heading.sentences();
    let groups = groups(bars);
    for (at, method) in bars.methods.iter().enumerate() {
        let numbers = groups.iter().filter_map(|group| {
            let Bar { rate, interval, .. } = group.bars.get(at)?;
            let within = interval.map(|Interval { low, high }| format!(" ({low:.3} to {high:.3})"));
            Some(format!("{} {:.3}{}", group.label, (*rate)?, within.unwrap_or_default()))
        });
        sentences.push(format!("{}: {}", method.name, numbers.collect::<Vec<_>>().join(", ")));
    }
    sentences.extend(notes(bars));
    sentences.join(". ")
}
