//! Networks of a user's own weights: a sweep over them, one row for each, within the threads and the memory that the run may use;
//! and weights that make no numbers.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use emolab::networks::NetworkCard;

use crate::harness::{Project, dependencies};

const FILE: &str = "experiments/networks.toml";
/// Clock ticks of Linux's `/proc`.
const TICKS_PER_SECOND: f64 = 100.0;

/// Weights of a network, drawn at random with so many times the spread of He et al. (2015), with which activations keep their size.
fn random_weights(network: &str, spread: f32) -> Vec<u8> {
    let mut state = 2016_u64;
    let mut uniform = || {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (state >> 40) as f32 / (1 << 24) as f32 - 0.5
    };
    let architecture = NetworkCard::find(network).unwrap().architecture.unwrap()();
    let tensors = architecture.tensors(None).into_iter().map(|tensor| {
        let inputs: usize = tensor.shape.iter().skip(1).product();
        let scale = spread * (24.0 / inputs as f32).sqrt();
        let is_unit = tensor.name.ends_with("weight") || tensor.name.ends_with("running_var");
        let value = |()| match tensor.shape.len() {
            1 => f32::from(u8::from(is_unit)),
            _ => scale * uniform(),
        };
        let count = tensor.shape.iter().product();
        let values: Vec<f32> = std::iter::repeat_n((), count).map(value).collect();
        (tensor.name, tensor.shape, values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())
    });
    let tensors: Vec<_> = tensors.collect();
    let views = tensors.iter().map(|(name, shape, bytes)| {
        let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes);
        (name.as_str(), view.unwrap())
    });
    safetensors::serialize(views, None).unwrap()
}

fn networks() -> Project {
    let project = Project::with_images();
    project.write("my/resnet18.safetensors", &random_weights("resnet18", 1.0));
    let lite0 = dependencies().join("weights/efficientnet-lite0-57934424.pth");
    let text = format!(
        "[experiment]\nname = \"networks\"\n[dataset]\nname = \"iaps-subset\"\nroot = \"data/iaps-subset\"\n\
         [split]\nfolds = 2\n[[method]]\nvariant = \"imagenet-cnn\"\n[pca]\ncomponents = 5\n\
         [sweep]\n\"method.network\" = [\"efficientnet-lite0\", \"resnet18\"]\n\
         \"method.weights\" = [\"{}\", \"my/resnet18.safetensors\"]\n\
         zip = [\"method.network\", \"method.weights\"]\nselect = \"none\"\n",
        lite0.display()
    );
    project.write(FILE, text.as_bytes());
    project
}

/// What a run's processes take.
#[derive(Default)]
struct Watched {
    /// Seconds of processor time of each process.
    seconds: BTreeMap<u32, f64>,
    /// Time since the start, and the processor time of all processes until then.
    course: Vec<(f64, f64)>,
    /// Most resident bytes at once; pages that processes share are counted in each.
    memory: u64,
}

impl Watched {
    fn look(&mut self, root: u32, since: Instant) {
        let mut parents = HashMap::new();
        let mut found = HashMap::new();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
            let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
            // Names may hold blanks and brackets.
            let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
            parents.insert(pid, fields[1].parse::<u32>().unwrap());
            let ticks: u64 = fields[11..13].iter().map(|ticks| ticks.parse::<u64>().unwrap()).sum();
            found.insert(pid, ticks as f64 / TICKS_PER_SECOND);
        }
        let is_ours = |pid: u32| {
            let mut line = std::iter::successors(Some(pid), |pid| parents.get(pid).copied()).take(16);
            line.any(|pid| pid == root)
        };
        let mut memory = 0;
        for (pid, seconds) in found.into_iter().filter(|(pid, _)| is_ours(*pid)) {
            self.seconds.insert(pid, seconds);
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.strip_suffix("kB"));
            memory += resident.map_or(0, |kilobytes| 1024 * kilobytes.trim().parse::<u64>().unwrap());
        }
        self.course.push((since.elapsed().as_secs_f64(), self.seconds.values().sum()));
        self.memory = self.memory.max(memory);
    }

    /// Most processors that all processes together kept busy over a stretch of a second or more.
    fn busiest(&self) -> f64 {
        let mut most = 0.0_f64;
        for (at, (start, before)) in self.course.iter().enumerate() {
            let later = self.course[at..].iter().find(|(time, _)| time - start >= 1.0);
            most = most.max(later.map_or(0.0, |(end, after)| (after - before) / (end - start)));
        }
        most
    }
}

#[test]
fn each_network_has_its_rows_within_the_threads_and_the_memory_of_the_run() {
    let project = networks();
    let refused = project.emolab(&["run", FILE, "--threads", "1", "--memory", "1000MiB"]);
    assert_eq!(refused.code, 1, "{}", refused.err);
    assert_eq!(refused.err.matches("it may need 1.1 GiB of memory").count(), 2, "{}", refused.err);

    let most = 1200 << 20;
    let mut child = project.start(&["run", FILE, "--threads", "1", "--memory", "1200MiB"]);
    let (start, mut watched) = (Instant::now(), Watched::default());
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        watched.look(child.id(), start);
        std::thread::sleep(Duration::from_millis(30));
    };
    assert!(status.success());
    assert!(watched.seconds.len() >= 3, "emolab and a worker for each network are watched");
    assert!(watched.seconds.values().sum::<f64>() > 1.0);
    // Images are decoded while a forward pass would run: emolab and its worker share one thread.
    assert!(watched.busiest() < 1.1, "one thread may compute, {} did", watched.busiest());
    assert!(watched.memory < most, "{} of {most} bytes", watched.memory);

    let table = project.read("results/networks/sweep.csv");
    let column =
        |name: &str| table.lines().next().unwrap().split(',').position(|other| other == name).unwrap();
    let (network, emotion, rate) =
        (column("method.network"), column("emotion"), column("true_positive_rate"));
    let rows = |wanted: &str| {
        let rows = table.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
        rows.filter(|row| row[network] == wanted)
            .map(|row| (row[emotion].to_owned(), row[rate].to_owned()))
            .collect::<Vec<_>>()
    };
    let (lite0, resnet18) = (rows("efficientnet-lite0"), rows("resnet18"));
    assert_eq!((lite0.len(), resnet18.len()), (9, 9), "eight emotions and the mean: {table}");
    assert_eq!(table.lines().count(), 1 + 18);
    assert_ne!(lite0, resnet18);
    assert!(project.read("results/networks/sweep.svg").contains("efficientnet-lite0: 0."));
}

#[test]
fn activations_that_are_no_numbers_stop_the_run_with_image_layer_and_weights() {
    let project = Project::with_images();
    project.write("my/resnet18.safetensors", &random_weights("resnet18", 1e30));
    let text = "[experiment]\nname = \"damaged\"\n[dataset]\nname = \"iaps-subset\"\nroot = \"data/iaps-subset\"\n[split]\nfolds = 2\n\
                [[method]]\nvariant = \"imagenet-cnn\"\nnetwork = \"resnet18\"\nweights = \"my/resnet18.safetensors\"\n";
    project.write(FILE, text.as_bytes());
    let failed = project.emolab(&["run", FILE]);
    assert_eq!(failed.code, 2, "{}", failed.err);
    for part in [
        "0.png: number ",
        " of layer `",
        "` of `resnet18` is ",
        "look at the weights `",
        "my/resnet18.safetensors`",
    ] {
        assert!(failed.err.contains(part), "`{part}` is not in {}", failed.err);
    }
}
