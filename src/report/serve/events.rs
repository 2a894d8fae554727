//! Server-sent events: what runs and which results there are, whenever one of the two changes.

use std::io::Write as _;
use std::time::{Duration, Instant};

use tiny_http::Request;

use super::reply::stream_head;
use super::site::Site;
use crate::stage::Cancel;

/// How often it is looked at.
const EVERY: Duration = Duration::from_millis(250);
/// How often something is sent even so, to notice who is gone.
const BEAT: Duration = Duration::from_secs(10);

/// Sends until the browser is gone or the server stops.
pub(super) fn stream(request: Request, site: &Site, cancel: &Cancel) {
    let mut writer = request.into_writer();
    let mut sent = String::new();
    let mut last = Instant::now();
    let mut text = stream_head();
    while !cancel.is_raised() {
        let state = site.state();
        if *state != sent {
            text.push_str(&format!("data: {state}\n\n"));
            sent.clone_from(&state);
        } else if last.elapsed() >= BEAT {
            text.push_str(": still here\n\n");
        }
        if !text.is_empty() {
            if writer.write_all(text.as_bytes()).and_then(|()| writer.flush()).is_err() {
                return;
            }
            last = Instant::now();
            text.clear();
        }
        std::thread::sleep(EVERY);
    }
}
