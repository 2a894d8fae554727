//! `emolab serve`: the results folder in a browser, each run as its page, and what runs now.
//!
//! Made to be left open beside one's work on one's own machine. It answers GET and HEAD, writes nothing, and reads
//! the results folder, the store, and of the data sets the images that runs tested. Names in addresses are taken
//! apart before they are looked up, each is one folder or file, and symbolic links below the results are not followed
//! ([`crate::fs::Beneath`]). A request that names another host than this one is refused: otherwise a web page could
//! have its own name point here, and read what is shown (DNS rebinding).

mod events;
mod hosts;
mod media;
mod reply;
mod route;
mod site;

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tiny_http::{Method, Request};

use hosts::Hosts;
use reply::Reply;
use route::Route;

pub use site::Site;

use crate::stage::Cancel;

/// How long a stop may go unseen.
const POLL: Duration = Duration::from_millis(50);
/// Requests that are answered at once; the others are told to come again.
const AT_ONCE: usize = 64;

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ServeError {
    #[error("`{host}` is no address of this machine: {reason}")]
    Host { host: String, reason: String },
    #[error("cannot listen on {address}: {reason}")]
    Listen { address: SocketAddr, reason: String },
}

/// A server that listens.
pub struct Server {
    server: tiny_http::Server,
    address: SocketAddr,
    hosts: Hosts,
    site: Arc<Site>,
}

impl Server {
    /// Listens on a port of that host, a name or an address; port 0 is any that is free.
    ///
    /// # Errors
    /// The host is not this machine's, or the port is taken.
    pub fn bind(host: &str, port: u16, site: Site) -> Result<Self, ServeError> {
        let unknown = |reason: String| ServeError::Host { host: host.to_owned(), reason };
        let mut addresses = (host, port).to_socket_addrs().map_err(|error| unknown(error.to_string()))?;
        let address = addresses.next().ok_or_else(|| unknown("it has no address".to_owned()))?;
        let listening = tiny_http::Server::http(address);
        let server = listening.map_err(|error| ServeError::Listen { address, reason: error.to_string() })?;
        let address = server.server_addr().to_ip().unwrap_or(address);
        Ok(Self { server, address, hosts: Hosts::new(host), site: Arc::new(site) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until it is stopped.
    pub fn run(&self, cancel: &Cancel) {
        let busy = Arc::new(AtomicUsize::new(0));
        while !cancel.is_raised() {
            let Ok(Some(request)) = self.server.recv_timeout(POLL) else { continue };
            if busy.fetch_add(1, Ordering::SeqCst) >= AT_ONCE {
                busy.fetch_sub(1, Ordering::SeqCst);
                Reply::refusal(503, "too many requests at once").send(request);
                continue;
            }
            let (site, hosts) = (Arc::clone(&self.site), self.hosts.clone());
            let (cancel, busy) = (cancel.clone(), Arc::clone(&busy));
            std::thread::spawn(move || {
                // A defect in one answer ends with that answer.
                let answered = std::panic::AssertUnwindSafe(|| answer(request, &site, &hosts, &cancel));
                let _ = std::panic::catch_unwind(answered);
                busy.fetch_sub(1, Ordering::SeqCst);
            });
        }
    }
}

fn answer(request: Request, site: &Site, hosts: &Hosts, cancel: &Cancel) {
    let host = request.headers().iter().find(|header| header.field.equiv("Host"));
    let reply = if !matches!(request.method(), Method::Get | Method::Head) {
        Reply::refusal(405, "only GET and HEAD are answered").with("Allow", "GET, HEAD")
    } else if !host.is_some_and(|header| hosts.allows(header.value.as_str())) {
        Reply::refusal(421, "this server does not answer to that name")
    } else {
        match Route::of(request.url()) {
            Some(Route::Events) if *request.method() == Method::Get => {
                events::stream(request, site, cancel);
                return;
            }
            Some(route) => site.reply(&route),
            None => Reply::refusal(404, "there is no such page"),
        }
    };
    reply.send(request);
}
