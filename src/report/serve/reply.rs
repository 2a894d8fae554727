//! Answers, each with the headers that keep a browser from making more of it than it is.

use tiny_http::{Header, Request, Response};

/// What is sent with every answer.
const ALWAYS: [(&str, &str); 6] = [
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("X-Frame-Options", "DENY"),
    ("Cache-Control", "no-cache"),
];

/// Of files that others made: shown as they are, and nothing in them runs.
const INERT: &str =
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'";

/// An answer on its way.
#[derive(Debug)]
pub(super) struct Reply {
    status: u16,
    media: String,
    policy: String,
    more: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Reply {
    /// A page of ours.
    pub fn page(html: &str, policy: String) -> Self {
        let media = "text/html; charset=utf-8".to_owned();
        Self { status: 200, media, policy, more: Vec::new(), body: html.as_bytes().to_vec() }
    }

    /// A file; one without a known type is saved.
    pub fn file(media: Option<&str>, body: Vec<u8>) -> Self {
        let mut more = Vec::new();
        if media.is_none() {
            more.push(("Content-Disposition", "attachment".to_owned()));
        }
        let media = media.unwrap_or("application/octet-stream").to_owned();
        Self { status: 200, media, policy: INERT.to_owned(), more, body }
    }

    /// Why there is nothing to send.
    pub fn refusal(status: u16, why: &str) -> Self {
        let body = format!("{why}\n").into_bytes();
        let media = "text/plain; charset=utf-8".to_owned();
        Self { status, media, policy: INERT.to_owned(), more: Vec::new(), body }
    }

    /// With one more header.
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.more.push((name, value.to_owned()));
        self
    }

    /// Sends it; a browser that hung up is no error of ours.
    pub fn send(self, request: Request) {
        let mut response =
            Response::from_data(self.body).with_status_code(self.status).with_chunked_threshold(usize::MAX);
        let own = [("Content-Type", self.media), ("Content-Security-Policy", self.policy)];
        let always = ALWAYS.map(|(name, value)| (name, value.to_owned()));
        for (name, value) in own.into_iter().chain(always).chain(self.more) {
            // Names and values are ASCII, which is all that can be wrong with them.
            if let Ok(header) = Header::from_bytes(name, value) {
                response.add_header(header);
            }
        }
        let _ = request.respond(response);
    }
}

/// The head of an answer that goes on for as long as somebody listens.
pub(super) fn stream_head() -> String {
    let mut head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n".to_owned();
    head.extend(ALWAYS.iter().map(|(name, value)| format!("{name}: {value}\r\n")));
    head + "\r\n"
}
