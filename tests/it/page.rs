//! `emolab report`: the page, as a file and in a browser.

use std::path::PathBuf;

use crate::browser::Browser;
use crate::harness::{EMOTIONS, MINE, Project};

const FILE: &str = "experiments/mine.toml";

/// A finished run on features of images that are there: a plain square each.
pub fn finished() -> Project {
    let project = with_images();
    project.must(&["run", FILE]);
    project
}

pub fn with_images() -> Project {
    let project = Project::with_features();
    for (class, emotion) in EMOTIONS.iter().enumerate() {
        for image in 0..12_u8 {
            let colour = image::Rgb([class as u8 * 30, image * 20, 90]);
            let mut png = std::io::Cursor::new(Vec::new());
            image::RgbImage::from_pixel(40, 30, colour).write_to(&mut png, image::ImageFormat::Png).unwrap();
            project.write(&format!("my/{emotion}/{image}.jpg"), png.get_ref());
        }
    }
    project
}

fn page(project: &Project, arguments: &[&str]) -> String {
    project.must(&[&["report", "mine"], arguments].concat());
    project.read("results/mine.html").replace("&#x2f;", "/")
}

fn thumbnails(page: &str) -> usize {
    page.matches("\"thumbnail\":\"").count()
}

#[test]
fn the_page_is_one_file_that_holds_all_there_is_and_is_the_same_each_time() {
    let project = finished();
    let html = page(&project, &[]);
    for fetched in ["src=\"http", "href=\"http", "url(", "@import", "<link rel=\"stylesheet", "src=\"/"] {
        assert!(!html.contains(fetched), "{fetched}");
    }
    for shown in [
        "My features",
        "True positive rate by emotion and method, my-set",
        "data:image/svg+xml;base64,",
        "svm.class_weight",
        "train-svm DINOv2 fold 2",
        "emolab run experiments/mine.toml",
        "@inproceedings{you2016building,",
        "Certificates of the support vector machines",
        "Thumbnails of all 96 tested images",
        "Content-Security-Policy",
    ] {
        assert!(html.contains(shown), "{shown}");
    }
    let record: serde_json::Value = serde_json::from_str(&project.read("results/mine/run.json")).unwrap();
    for setting in record["settings"].as_array().unwrap() {
        let (path, origin) = (setting["path"].as_str().unwrap(), setting["origin"].as_str().unwrap());
        assert!(html.contains(path) && html.contains(origin), "{path}: {origin}");
    }
    assert!(html.contains(record["data"].as_str().unwrap()));
    assert_eq!(thumbnails(&html), 96);
    assert_eq!(page(&project, &[]), html);
    // Nothing about the results changed by their being shown.
    assert!(project.must(&["run", FILE]).out.contains("up to date"));
}

#[test]
fn thumbnails_are_capped_and_the_page_says_so() {
    let project = finished();
    let capped = page(&project, &["--thumbnails", "20"]);
    assert_eq!(thumbnails(&capped), 20);
    assert!(capped.contains("Thumbnails of 20 of the 96 tested images"));
    let none = page(&project, &["--thumbnails", "0"]);
    assert_eq!(thumbnails(&none), 0);
    assert!(none.contains("made without thumbnails"));
    assert!(!none.contains("data:image/jpeg;base64,/9j/"));
}

#[test]
fn without_images_or_store_the_page_says_so_and_works() {
    let project = finished();
    for emotion in EMOTIONS {
        std::fs::remove_dir_all(project.path().join(format!("my/{emotion}"))).unwrap();
    }
    let gone = page(&project, &[]);
    assert_eq!(thumbnails(&gone), 0);
    assert!(gone.contains("they are not where the run found them"));
    std::fs::remove_dir_all(project.path().join(".emolab")).unwrap();
    project.write(".git", b"");
    let html = page(&project, &[]);
    assert!(html.contains("holds the run&#x27;s list of images no more"), "what is missing is said");
    assert!(html.contains("aria-label=\"fear recognised as fear"));
}

#[test]
fn an_image_outside_the_data_set_is_not_shown() {
    let project = with_images();
    std::fs::rename(project.path().join("my/awe/3.jpg"), project.path().join("outside.jpg")).unwrap();
    project.edit("my/manifest.csv", "awe/3.jpg", "../outside.jpg");
    std::os::unix::fs::symlink("../../outside.jpg", project.path().join("my/awe/3.jpg")).unwrap();
    project.edit("my/manifest.csv", "awe/4.jpg", "awe/3.jpg");
    project.must(&["run", FILE]);
    assert_eq!(thumbnails(&page(&project, &[])), 94);
}

#[test]
fn several_runs_share_a_page_that_compares_them() {
    let project = finished();
    let other =
        project.read(FILE).replace("\"mine\"", "\"other\"").replace("components = 8", "components = 4");
    project.write("experiments/other.toml", other.as_bytes());
    project.must(&["run", "experiments/other.toml"]);
    let ran = project.must(&["report", "--json"]);
    let said: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(said["runs"][1]["name"], "other");
    let html = project.read("results/report.html");
    assert!(html.contains("All methods of all runs") && html.contains("2 runs"));
    assert_eq!(html.matches("<article id=").count(), 2);
    // A page beside the results is no result.
    let again = project.must(&["report", "--json"]);
    assert_eq!(again.out, ran.out);
}

#[test]
fn what_the_paper_states_stands_beside_what_was_found() {
    let project = finished();
    assert!(!page(&project, &[]).contains("Beside the paper"), "the paper says nothing of that data set");
    project.edit(FILE, "\"my-set\"", "\"iaps-subset\"");
    project.must(&["run", FILE]);
    let html = page(&project, &[]);
    assert!(html.contains("Beside the paper") && html.contains("href=\"#statements\""));
    assert!(html.contains("not reproduced"), "96 images are not the set of table 1");
    // What is drawn from data sets alone comes with all runs.
    project.write("results/paper/figure2.svg", b"<svg><title>Figure 2: sources</title></svg>");
    project.write("results/paper/figure5.svg", b"<svg><title>Figure 5: of a run</title></svg>");
    project.write("results/paper/table1.csv", b"set,sum\nIAPS-Subset,395\n");
    let two = project.read(FILE).replace("\"mine\"", "\"two\"");
    project.write("experiments/two.toml", two.as_bytes());
    project.must(&["run", "experiments/two.toml"]);
    project.must(&["report"]);
    let all = project.read("results/report.html");
    assert!(all.contains("Figure 2: sources") && all.contains("Table 1: images of the three small sets"));
    assert!(!all.contains("Figure 5: of a run"), "the run's own is there");
}

#[test]
fn what_is_no_run_is_refused_with_those_that_are() {
    let project = finished();
    let refused = project.emolab(&["report", "mien"]);
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(refused.err.contains("`mien`") && refused.err.contains("there are mine"), "{}", refused.err);
    project.write("results/mine/run.json", b"{}");
    let damaged = project.emolab(&["report", "mine"]);
    assert_eq!(damaged.code, 2, "{}", damaged.err);
    assert!(damaged.err.contains("no readable run.json"), "{}", damaged.err);
    project.must(&["run", FILE]);
    project.write("results/mine/fits.csv", b"a,b\n1,2,3,4\n");
    let ragged = project.emolab(&["report", "mine"]);
    assert_eq!(ragged.code, 1, "{}", ragged.err);
    assert!(ragged.err.contains("fits.csv"), "{}", ragged.err);
}

#[test]
fn a_file_of_another_run_is_told() {
    let project = finished();
    assert!(!project.must(&["report", "mine"]).err.contains("not as this run wrote"));
    project.write("results/mine/measures.md", b"of another run\n");
    let ran = project.must(&["report", "mine"]);
    let words = "measures.md: not as this run wrote them; numbers may differ. Run it again";
    assert!(ran.err.contains(&format!("warning: mine: {words}")), "{}", ran.err);
    assert!(project.read("results/mine.html").contains(words));
    project.must(&["run", FILE]);
    assert!(!project.must(&["report", "mine"]).err.contains("not as this run wrote"));
}

#[test]
fn what_somebody_put_beside_the_results_costs_no_page() {
    let project = finished();
    let at = |name: &str| project.path().join("results/mine").join(name);
    std::os::unix::fs::symlink("/etc/passwd", at("pw.csv")).unwrap();
    std::fs::create_dir(at("old.csv")).unwrap();
    project.write("results/mine/ragged.csv", b"a,b\n1,2,3,4\n");
    project.write("results/mine/votes.csv", b"image,votes\nfear/1.jpg,7\n");
    let html = page(&project, &[]);
    assert!(html.contains("old.csv, pw.csv, ragged.csv: no file, or no table that can be read"));
    assert!(html.contains("votes.csv"), "a table of one's own is shown");
    assert!(!html.contains("root:"), "a link is not followed");
}

/// Names are other people's text; none of it may become markup.
fn hostile() -> Project {
    let project = with_images();
    project.edit("my/manifest.csv", "fear/1.jpg", "\"fear/</script><img src=x onerror=alert(1)>.jpg\"");
    project.edit(FILE, "My features", "</title><script>alert(2)</script>");
    project.edit(FILE, "DINOv2\"", "<b onmouseover='alert(3)'>&amp;\"");
    project.must(&["run", FILE]);
    project
}

#[test]
fn names_stay_text() {
    let html = page(&hostile(), &[]);
    for markup in ["<script>alert", "<img src=x", "<b onmouseover", "</script><img"] {
        assert!(!html.contains(markup), "{markup}");
    }
}

fn path_of_page(project: &Project) -> PathBuf {
    page(project, &[]);
    project.path().join("results/mine.html")
}

/// Ten methods, and a sweep over them of which a point fails and nothing can be chosen.
fn ten_methods() -> (Project, PathBuf, PathBuf) {
    let project = with_images();
    let (head, rest) = MINE.split_once("[[method]]").unwrap();
    let (_, pca) = rest.split_once("[pca]").unwrap();
    let method = |number: usize| {
        format!(
            "[[method]]\nvariant = \"precomputed\"\nname = \"Noisy-Fine-tuned-CNN {number}\"\nfeatures = \"my/dinov2.npy\"\n"
        )
    };
    let ten = format!("{head}{}[pca]{pca}", (1..=10).map(method).collect::<String>());
    project.write(FILE, ten.as_bytes());
    project.must(&["run", FILE]);
    let sweep = "[sweep]\n\"split.folds\" = [3, 4]\n\"pca.components\" = [4, 17]\ninner_folds = 3\n";
    project
        .write("experiments/sweep.toml", format!("{ten}{sweep}").replace("\"mine\"", "\"sweep\"").as_bytes());
    assert_eq!(project.emolab(&["run", "experiments/sweep.toml"]).code, 1, "two points fail");
    project.must(&["report", "mine"]);
    project.must(&["report", "sweep"]);
    let page = |name: &str| project.path().join("results").join(name);
    let (run, sweep) = (page("mine.html"), page("sweep.html"));
    (project, run, sweep)
}

#[test]
fn a_sweep_says_what_failed_and_why_no_best_point_was_chosen() {
    let (project, _, _) = ten_methods();
    let html = project.read("results/sweep.html");
    assert!(html.contains(
        "<dt>Failed</dt><dd>2 points, 20 results; the reasons are in the points of the sweep</dd>"
    ));
    let why = "none was chosen: the points differ in their images or folds";
    assert!(html.contains(&format!("<dt>Best point</dt><dd>{why}")), "it is in best.json");
    assert!(html.contains("17 principal components"), "the reasons are there");
    assert!(!page(&project, &[]).contains("<dt>Best point</dt>"), "a run chooses none");
}

#[test]
fn in_a_browser_nothing_fails_and_nothing_is_wider_than_the_window() {
    let Some(mut browser) = Browser::start() else { return };
    let (plain, hostile) = (finished(), hostile());
    let (_ten, run, sweep) = ten_methods();
    for path in [path_of_page(&plain), path_of_page(&hostile), run, sweep] {
        for width in [360, 1440] {
            for scheme in ["light", "dark"] {
                browser.open_file(&path, width, scheme);
                browser
                    .evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })");
                let wide = browser.evaluate(
                    "[...document.querySelectorAll('body *')].filter((one) => !one.closest('.scroll, dialog') && \
                     one.getBoundingClientRect().right > innerWidth + 0.5).map((one) => one.outerHTML.slice(0, 80))",
                );
                assert_eq!(wide, serde_json::json!([]), "{} {width} {scheme}", path.display());
                assert_eq!(browser.evaluate("document.documentElement.scrollWidth"), width, "{scheme}");
                assert_eq!(browser.problems(), [""; 0], "{} {width} {scheme}", path.display());
            }
        }
    }
}

#[test]
fn every_cell_of_ten_methods_opens_its_images() {
    let Some(mut browser) = Browser::start() else { return };
    let (_project, run, _) = ten_methods();
    browser.open_file(&run, 360, "light");
    assert_eq!(browser.evaluate(WRONG_CELLS), 0);
    assert_eq!(browser.evaluate(COUNTED), 960, "every image once a method");
    assert_eq!(browser.problems(), [""; 0]);
}

/// Cells that do not open as many images as they say.
const WRONG_CELLS: &str = "[...document.querySelectorAll('button[data-label]')].filter((cell) => { cell.click(); \
    const shown = document.querySelectorAll('#images-list li').length; \
    const open = document.getElementById('images').open; document.getElementById('images').close(); \
    return !open || shown !== Number(cell.querySelector('span').textContent); }).length";
/// Images of all cells.
const COUNTED: &str = "[...document.querySelectorAll('button[data-label] span')].reduce((sum, one) => sum + +one.textContent, 0)";

#[test]
fn cells_open_their_images_by_mouse_and_by_keyboard() {
    let Some(mut browser) = Browser::start() else { return };
    browser.open_file(&path_of_page(&finished()), 1440, "light");
    assert_eq!(browser.evaluate(WRONG_CELLS), 0);
    assert_eq!(browser.evaluate(COUNTED), 96);
    browser.evaluate("document.querySelector('button[data-label]').focus()");
    browser.press("ArrowRight");
    let cell = "[document.activeElement.dataset.label, document.activeElement.dataset.predicted].join()";
    let reached = browser.evaluate(cell);
    assert_ne!(reached, "0,0", "an arrow moved on");
    browser.press("Enter");
    browser.wait_for("document.getElementById('images').open");
    let loaded = "[...document.querySelectorAll('#images-list img')].every((one) => one.complete && one.naturalWidth === 40)";
    browser.wait_for(loaded);
    assert!(browser.evaluate("document.querySelectorAll('#images-list img').length").as_u64().unwrap() > 0);
    browser.press("Escape");
    browser.wait_for("!document.getElementById('images').open");
    assert_eq!(browser.evaluate(cell), reached, "the focus is back on its cell");
    assert_eq!(browser.problems(), [""; 0]);
}

#[test]
fn tables_sort_up_and_down_and_back() {
    let Some(mut browser) = Browser::start() else { return };
    browser.open_file(&path_of_page(&finished()), 1440, "light");
    let column = "[...document.querySelectorAll('#run1 table[data-sortable] tbody')][0]";
    let rates = format!("[...{column}.rows].map((row) => row.cells[2].dataset.value).join()");
    let before = browser.evaluate(&rates);
    browser.evaluate("document.querySelectorAll('#run1 th button.sort')[2].focus()");
    let sorted_as = |browser: &mut Browser, expected: &str, compare: &str| {
        browser.press("Enter");
        let state = browser.evaluate("document.activeElement.closest('th').ariaSort");
        assert_eq!(state, expected);
        let ordered = format!(
            "[...{column}.rows].map((row) => +row.cells[2].dataset.value).every((value, at, all) => at === 0 || all[at - 1] {compare} value)"
        );
        if !compare.is_empty() {
            assert_eq!(browser.evaluate(&ordered), true, "{expected}");
        }
    };
    sorted_as(&mut browser, "ascending", "<=");
    sorted_as(&mut browser, "descending", ">=");
    sorted_as(&mut browser, "none", "");
    assert_eq!(browser.evaluate(&rates), before);
    assert_eq!(browser.problems(), [""; 0]);
}

#[test]
fn the_page_has_landmarks_names_and_an_order_of_headings() {
    let Some(mut browser) = Browser::start() else { return };
    browser.open_file(&path_of_page(&finished()), 1440, "light");
    let missing = browser.evaluate(
        "[['main', 1], ['h1', 1], ['nav[aria-label]', 1], ['footer', 1], ['html[lang]', 1]] \
         .filter(([what, count]) => document.querySelectorAll(what).length !== count).map(([what]) => what).join()",
    );
    assert_eq!(missing, "");
    let nameless = browser.evaluate(
        "[...document.querySelectorAll('table')].filter((table) => !table.caption?.textContent.trim()).length + \
         [...document.querySelectorAll('img')].filter((image) => !image.alt).length + \
         [...document.querySelectorAll('button')].filter((one) => !one.closest('dialog') && \
         !(one.ariaLabel || one.textContent.trim())).length + \
         [...document.querySelectorAll('th')].filter((head) => !head.scope).length",
    );
    assert_eq!(nameless, 0);
    let ids = "(() => { const ids = [...document.querySelectorAll('[id]')].map((one) => one.id); \
        const refs = [...document.querySelectorAll('[aria-labelledby]')].map((one) => one.getAttribute('aria-labelledby')); \
        return ids.length === new Set(ids).size && refs.every((one) => ids.includes(one)) && \
        [...document.querySelectorAll('nav a')].every((link) => ids.includes(link.hash.slice(1))); })()";
    assert_eq!(browser.evaluate(ids), true);
    let skipped = browser.evaluate(
        "[...document.querySelectorAll('h1, h2, h3')].map((one) => +one.tagName[1]) \
         .some((level, at, all) => at > 0 && level > all[at - 1] + 1)",
    );
    assert_eq!(skipped, false);
}
