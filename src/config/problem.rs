//! What is wrong with an experiment file, and how it is shown.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::document::Document;

/// One thing to mend, with its place.
#[derive(Clone, Debug)]
pub struct Problem {
    message: String,
    place: Place,
    label: Option<String>,
    hints: Vec<String>,
}

#[derive(Clone, Debug)]
enum Place {
    In(Arc<Document>, Range<usize>),
    Elsewhere(String),
}

impl Problem {
    /// At a byte range of a file.
    pub(super) fn at(document: &Arc<Document>, span: Range<usize>, message: String) -> Self {
        let length = document.text.len();
        let start = span.start.min(length);
        // An empty span, at the end of the file say, still gets its caret.
        let end = span.end.clamp(start, length);
        // A table's span runs over all its lines; its first line is enough to find it.
        let line_end =
            document.text.get(start..end).and_then(|text| text.find('\n')).map_or(end, |at| start + at);
        Self { message, place: Place::In(document.clone(), start..line_end), label: None, hints: Vec::new() }
    }

    /// In an environment variable, an argument, or a file as a whole.
    pub(super) fn elsewhere(message: String, place: impl fmt::Display) -> Self {
        Self { message, place: Place::Elsewhere(place.to_string()), label: None, hints: Vec::new() }
    }

    /// What stands beside the caret: usually what was expected.
    pub(super) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// The way out.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// What is wrong, in one line.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// `file:line:column`, or the variable or argument.
    pub fn location(&self) -> String {
        match &self.place {
            Place::In(document, span) => {
                let (line, column) = document.line_and_column(span.start);
                format!("{}:{line}:{column}", document.path.display())
            }
            Place::Elsewhere(place) => place.clone(),
        }
    }

    /// The whole report: message, place, source line with caret, hints. With colours only where asked.
    pub fn render(&self, colours: bool) -> String {
        let path;
        let title = Level::ERROR.primary_title(self.message.as_str());
        let group = match &self.place {
            Place::In(document, span) => {
                path = document.path.display().to_string();
                let mut annotation = AnnotationKind::Primary.span(span.clone());
                if let Some(label) = &self.label {
                    annotation = annotation.label(label.as_str());
                }
                let snippet =
                    Snippet::source(document.text.as_str()).path(path.as_str()).annotation(annotation);
                title.element(snippet)
            }
            Place::Elsewhere(place) => {
                let group = title.element(Origin::path(place.as_str()));
                match &self.label {
                    Some(label) => group.element(Level::NOTE.message(label.as_str())),
                    None => group,
                }
            }
        };
        let hints =
            self.hints.iter().map(|hint| Group::with_title(Level::HELP.secondary_title(hint.as_str())));
        let report: Vec<Group<'_>> = std::iter::once(group).chain(hints).collect();
        let renderer = if colours { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&report)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}
