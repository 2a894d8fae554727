//! `emolab serve`

use clap::Args;
use serde_json::json;

use super::report::THUMBNAILS;
use super::{Global, Printer};
use crate::config;
use crate::error::Error;
use crate::report::serve::{Server, Site};
use crate::stage::Cancel;

/// Show results in a browser.
#[derive(Args)]
pub struct Serve {
    /// Port to listen on; 0 for any that is free
    #[arg(long, value_name = "N", default_value_t = 8016)]
    port: u16,
    /// Name or address to listen on; with another than the default, others can look on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1")]
    host: String,
    /// Images of each run that are shown as thumbnails, at most
    #[arg(long, value_name = "N", default_value_t = THUMBNAILS)]
    thumbnails: usize,
}

impl Serve {
    pub(super) fn run(&self, global: &Global, printer: &Printer) -> Result<(), Error> {
        let project = config::project_here();
        let store = global.open_store(&project);
        let server = Server::bind(&self.host, self.port, Site::new(&project, store, self.thumbnails))?;
        let cancel = Cancel::default();
        let raised = cancel.clone();
        // It fails only where there is a handler already, and there is none.
        let _ = ctrlc::set_handler(move || raised.raise());
        let address = server.address();
        if !address.ip().is_loopback() {
            printer.note("warning: whoever reaches this machine can look at the results and the images");
        }
        let url = format!("http://{address}/");
        if printer.wants_json() {
            printer.json(&json!({ "url": url }));
        } else {
            printer.result(&format!("{url}  (Ctrl-C ends it)"));
        }
        server.run(&cancel);
        Ok(())
    }
}
