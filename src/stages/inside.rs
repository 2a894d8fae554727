//! `rate-inside`: how the points of a sweep do in a cross validation inside one fold's training images.
//!
//! Everything that is fitted is fitted anew inside; the fold's test images are never seen. Each inner fold is
//! decomposed once for all numbers of components, and machines are fitted along ascending numbers and ascending C, each
//! starting where one of less ended: the list of what is tried is part of the key.

use ndarray::s;
use serde::{Deserialize, Serialize};

use super::features::Features;
use super::inner_folds::{Answers, InnerFolds, InnerRate, Parts};
use super::inspect::Manifest;
use super::multiply_rows::Products;
use super::split::Split;
use super::svm::Tried;
use super::{from_json, to_json};
use crate::solvers::pca::{Keep, PcaSolver};
use crate::solvers::scale::{Scale, ScaleModel};
use crate::solvers::svm::{ClassWeight, OneVsAllModel, Starts, SvmParameters, SvmSolver};
use crate::split::Fold;
use crate::stage::{Artifact, ArtifactError, Context, Files, Handle, Stage, StageError};
use crate::types::Seed;

const FILE: &str = "rates.json";

/// How the points did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InsideRates {
    /// In the order in which they were tried; one that cannot be fitted to so few images has no rate.
    pub points: Vec<InnerRate>,
}

impl Artifact for InsideRates {
    fn save(&self) -> Result<Files, ArtifactError> {
        Ok(Files::from([(FILE.to_owned(), to_json(self)?)]))
    }

    fn load(files: &Files) -> Result<Self, ArtifactError> {
        from_json(files, FILE)
    }
}

/// The stage.
#[derive(Clone, Serialize)]
pub struct RateInside {
    /// Labels and groups.
    pub manifest: Handle<Manifest>,
    /// Features of all images.
    pub features: Handle<Features>,
    /// Products of all pairs of them; none where the solver has no use for any.
    pub products: Option<Handle<Products>>,
    /// Which of them are trained on.
    pub split: Handle<Split>,
    /// The fold, from 0.
    pub fold: usize,
    /// What is rated.
    pub tried: Vec<Tried>,
    /// Folds of the inner cross validation.
    pub inner_folds: usize,
    /// Each class is spread evenly over them.
    pub stratified: bool,
    /// Groups stay together.
    pub grouped: bool,
    /// Decides which image goes where.
    pub seed: Seed,
    /// What is decomposed for all of them.
    pub level: Keep,
    /// How components are found.
    pub pca_solver: PcaSolver,
    /// Extra penalty on each problem's own class.
    pub class_weight: ClassWeight,
    /// How scores are scaled.
    pub scale: Scale,
    /// How machines are trained.
    pub solver: SvmSolver,
    /// Which code does all that, and its versions.
    pub code: [&'static str; 2],
}

impl RateInside {
    /// Whether another differs in what is tried alone, so that one stage can rate both.
    pub fn fits_as(&self, other: &Self) -> bool {
        (self.features.key(), self.level, self.pca_solver, self.class_weight, self.scale, self.solver)
            == (
                other.features.key(),
                other.level,
                other.pca_solver,
                other.class_weight,
                other.scale,
                other.solver,
            )
            && (self.stratified, self.grouped, self.seed) == (other.stratified, other.grouped, other.seed)
    }
}

impl Stage for RateInside {
    const NAME: &'static str = "rate-inside";
    const VERSION: u32 = 6;
    type Output = InsideRates;

    // As `fit-pca`, of a part of the rows.
    fn memory(&self, inputs: u64) -> u64 {
        9 * inputs + (32 << 20)
    }

    fn run(&self, context: &Context<'_>) -> Result<InsideRates, StageError> {
        let (manifest, features) = (context.get(&self.manifest)?, context.get(&self.features)?);
        let split = context.get(&self.split)?;
        let products = Products::planned(self.products.as_ref(), context)?;
        let inner = InnerFolds {
            fold: self.fold,
            folds: self.inner_folds,
            stratified: self.stratified,
            grouped: self.grouped,
            seed: self.seed,
        };
        let hint = "lower `inner_folds` in `[sweep]`, or set `select = \"none\"`";
        let parts = inner.of((&manifest, &split), (&features, products.0.as_ref()), hint)?;
        let penalties = self.tried.iter().map(|tried| tried.c.get(context));
        let penalties = penalties.collect::<Result<Vec<_>, _>>()?;
        let paths = self.paths(&penalties);
        let points = parts.rates(context, &penalties, |inside| self.answer(inside, &parts, &paths))?;
        Ok(InsideRates { points })
    }
}

/// What is tried with one number of components: positions and penalties, ascending.
struct Path {
    components: Keep,
    tried: Vec<(usize, f64)>,
}

impl RateInside {
    fn paths(&self, penalties: &[f64]) -> Vec<Path> {
        let mut paths: Vec<Path> = Vec::new();
        for (at, (Tried { components, .. }, &c)) in self.tried.iter().zip(penalties).enumerate() {
            match paths.iter_mut().find(|path| path.components == *components) {
                Some(path) => path.tried.push((at, c)),
                None => paths.push(Path { components: *components, tried: vec![(at, c)] }),
            }
        }
        for path in &mut paths {
            path.tried.sort_by(|(_, a), (_, b)| a.total_cmp(b));
        }
        paths
    }

    /// What each point predicts for the inner fold's test rows.
    fn answer(&self, inside: &Fold, parts: &Parts, paths: &[Path]) -> Result<Vec<Answers>, StageError> {
        let failed =
            |error: &dyn std::fmt::Display| StageError::Failed(format!("inner cross validation: {error}"));
        let labels = inside.train_of(parts.labels.get()).map_err(|error| failed(&error))?;
        let reduced = parts.reduced(inside, self.level, self.pca_solver)?;
        // More components than the inner fold has: such a point cannot be the best.
        let too_few = Answers::none("the inner fold has fewer components".to_owned());
        let mut answers = vec![too_few; self.tried.len()];
        let counted =
            paths.iter().filter_map(|path| Some((reduced.spectrum.count(path.components).ok()?, path)));
        let mut counted: Vec<(usize, &Path)> = counted.collect();
        counted.sort_by_key(|(count, _)| *count);
        let mut starts = Starts::default();
        for (count, path) in counted {
            let kept = reduced.scores.slice(s![.., ..count]);
            let train = inside.train_rows(kept).map_err(|error| failed(&error))?;
            let test = inside.test_rows(kept).map_err(|error| failed(&error))?;
            let scale = ScaleModel::fit(&train, self.scale).map_err(|error| failed(&error))?;
            let train = train.try_map(|scores| scale.apply(scores.view())).map_err(|error| failed(&error))?;
            let test = scale.apply(test.get().view()).map_err(|error| failed(&error))?;
            let parameters = SvmParameters {
                class_weight: self.class_weight,
                solver: self.solver,
                ..SvmParameters::default()
            };
            let penalties: Vec<f64> = path.tried.iter().map(|(_, c)| *c).collect();
            let fits = OneVsAllModel::fit_path_after(&train, &labels, &parameters, &penalties, &mut starts);
            for ((at, _), svm) in path.tried.iter().zip(fits.map_err(|error| failed(&error))?) {
                answers[*at] = Answers::of(svm, test.view())?;
            }
        }
        Ok(answers)
    }
}
