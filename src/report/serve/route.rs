//! Addresses into what they ask for.

use percent_encoding::percent_decode_str;

/// What an address asks for. Names are single, plain names of folders and files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// `/`: all runs.
    Index,
    /// `/events`: what runs, as it changes.
    Events,
    /// `/run/NAME`: its page.
    Run(String),
    /// `/results/NAME/FILE`: a file that it left.
    File {
        /// The results folder.
        run: String,
        /// Its file.
        file: String,
    },
    /// `/image/NAME/POSITION`: an image that it tested, in full size.
    Image {
        /// The results folder.
        run: String,
        /// Position among the tested images.
        position: usize,
    },
}

impl Route {
    /// Of a request's target; `None` for what is no address here.
    pub fn of(target: &str) -> Option<Self> {
        let path = target.split(['?', '#']).next()?.strip_prefix('/')?;
        let names: Vec<&str> = path.split('/').collect();
        match names.as_slice() {
            [""] => Some(Self::Index),
            ["events"] => Some(Self::Events),
            ["run", run] => Some(Self::Run(name(run)?)),
            ["results", run, file] => Some(Self::File { run: name(run)?, file: name(file)? }),
            ["image", run, position] => {
                Some(Self::Image { run: name(run)?, position: position.parse().ok()? })
            }
            _ => None,
        }
    }
}

/// A name once its escapes are undone: of one thing, and not hidden.
fn name(text: &str) -> Option<String> {
    let name = percent_decode_str(text).decode_utf8().ok()?;
    let is_plain = !name.is_empty()
        && !name.starts_with('.')
        && !name.contains(['/', '\\'])
        && !name.contains(char::is_control);
    is_plain.then(|| name.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_runs_and_their_files() {
        let file = |run: &str, file: &str| Some(Route::File { run: run.to_owned(), file: file.to_owned() });
        assert_eq!(Route::of("/"), Some(Route::Index));
        assert_eq!(Route::of("/?again"), Some(Route::Index));
        assert_eq!(Route::of("/events"), Some(Route::Events));
        assert_eq!(Route::of("/run/iaps_5fold#r1-rates"), Some(Route::Run("iaps_5fold".to_owned())));
        assert_eq!(Route::of("/results/quick/figure6.svg"), file("quick", "figure6.svg"));
        assert_eq!(Route::of("/results/quick/a%20b.csv"), file("quick", "a b.csv"));
        // Undone once: what is left is a name, of which there is no file.
        assert_eq!(Route::of("/results/quick/%252e%252e"), file("quick", "%2e%2e"));
        assert_eq!(Route::of("/image/quick/7"), Some(Route::Image { run: "quick".to_owned(), position: 7 }));
    }

    #[test]
    fn nothing_else_is_an_address() {
        for target in [
            "",
            "*",
            "http://elsewhere/",
            "//",
            "/run/",
            "/run/..",
            "/run/%2e%2e",
            "/run/%2E%2E%2F",
            "/results/../run.json",
            "/results/quick/..",
            "/results/quick/%2e%2e",
            "/results/quick/..%2f..%2fetc%2fpasswd",
            "/results/quick/..%5c..",
            "/results/quick/../../etc/passwd",
            "/results/quick//etc",
            "/results/quick/%2fetc%2fpasswd",
            "/results/quick/run.json%00.svg",
            "/results/quick/.hidden",
            "/results/quick/%ff",
            "/image/quick/-1",
            "/image/quick/99999999999999999999999",
            "/etc/passwd",
        ] {
            assert_eq!(Route::of(target), None, "{target}");
        }
    }
}
