//! Row selections of one fold, with training and test data as different types.
//!
//! [`Train`] and [`Test`] can only be made here, by gathering rows through a [`Fold`]. What is fitted takes
//! a `&Train<..>`, so fitting on test data does not compile:
//!
//! ```compile_fail
//! use emolab::{solvers::pca::{Keep, PcaModel, PcaSolver}, split::Fold};
//! # fn f(fold: &Fold, features: ndarray::ArrayView2<'_, f32>) {
//! let test = fold.test_rows(features).unwrap();
//! let model = PcaModel::fit(&test, Keep::Count(20), PcaSolver::Exact);
//! # }
//! ```
//!
//! With `train_rows` in its place it does:
//!
//! ```
//! use emolab::{solvers::pca::{Keep, PcaModel, PcaSolver}, split::Fold};
//! # fn f(fold: &Fold, features: ndarray::ArrayView2<'_, f32>) {
//! let train = fold.train_rows(features).unwrap();
//! let model = PcaModel::fit(&train, Keep::Count(20), PcaSolver::Exact);
//! # }
//! ```

use ndarray::{Array2, ArrayView2, Axis};

use super::{Part, SplitError};

/// Data of the training side of a fold.
#[derive(Clone, Debug, PartialEq)]
pub struct Train<T>(T);

/// Data of the test side of a fold.
#[derive(Clone, Debug, PartialEq)]
pub struct Test<T>(T);

impl<T> Train<T> {
    /// Data that is trained on as a whole, because nothing is tested on it.
    pub const fn whole(data: T) -> Self {
        Self(data)
    }

    /// The data.
    pub const fn get(&self) -> &T {
        &self.0
    }

    /// The data, no longer marked.
    pub fn into_inner(self) -> T {
        self.0
    }

    /// What `f` makes of the data, still training data: projected, scaled.
    pub fn map<U>(&self, f: impl FnOnce(&T) -> U) -> Train<U> {
        Train(f(&self.0))
    }

    /// As [`map`](Self::map), where `f` can fail.
    pub fn try_map<U, E>(&self, f: impl FnOnce(&T) -> Result<U, E>) -> Result<Train<U>, E> {
        f(&self.0).map(Train)
    }
}

impl<T> Test<T> {
    /// The data.
    pub const fn get(&self) -> &T {
        &self.0
    }

    /// What `f` makes of the data, still test data.
    pub fn map<U>(&self, f: impl FnOnce(&T) -> U) -> Test<U> {
        Test(f(&self.0))
    }

    /// As [`map`](Self::map), where `f` can fail.
    pub fn try_map<U, E>(&self, f: impl FnOnce(&T) -> Result<U, E>) -> Result<Test<U>, E> {
        f(&self.0).map(Test)
    }
}

/// One fold: which rows are trained on and which are tested. Both are ascending, disjoint and not empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fold {
    samples: usize,
    train: Vec<usize>,
    test: Vec<usize>,
}

impl Fold {
    /// Fold `fold` of a k-fold split; `None` marks a sample that the experiment leaves out.
    ///
    /// # Errors
    /// No sample on one of the two sides.
    pub fn of_k_fold(fold_of: &[Option<u32>], fold: u32) -> Result<Self, SplitError> {
        Self::new(fold_of, fold, |tested_in| *tested_in != fold, |tested_in| *tested_in == fold)
    }

    /// The fold of a hold-out split that tests on its test part; validation samples are on neither side.
    ///
    /// # Errors
    /// No sample on one of the two sides.
    pub fn of_holdout(part_of: &[Option<Part>]) -> Result<Self, SplitError> {
        Self::new(part_of, 0, |part| *part == Part::Train, |part| *part == Part::Test)
    }

    fn new<P>(
        places: &[Option<P>],
        fold: u32,
        trains: impl Fn(&P) -> bool,
        tests: impl Fn(&P) -> bool,
    ) -> Result<Self, SplitError> {
        let rows = |keep: &dyn Fn(&P) -> bool| -> Vec<usize> {
            (0..places.len()).filter(|&row| places[row].as_ref().is_some_and(keep)).collect()
        };
        let (train, test) = (rows(&trains), rows(&tests));
        for (side, selected) in [("training", &train), ("test", &test)] {
            if selected.is_empty() {
                return Err(SplitError::EmptySide { fold: fold as usize, side });
            }
        }
        Ok(Self { samples: places.len(), train, test })
    }

    /// Row numbers of the training side.
    pub fn train(&self) -> &[usize] {
        &self.train
    }

    /// Row numbers of the test side.
    pub fn test(&self) -> &[usize] {
        &self.test
    }

    /// Row numbers of both sides, ascending.
    pub fn both(&self) -> Vec<usize> {
        let mut rows: Vec<usize> = self.train.iter().chain(&self.test).copied().collect();
        rows.sort_unstable();
        rows
    }

    /// Training rows of a matrix `[samples, d]`.
    ///
    /// # Errors
    /// A matrix with another number of rows than the split.
    pub fn train_rows<A: Clone>(&self, all: ArrayView2<'_, A>) -> Result<Train<Array2<A>>, SplitError> {
        self.check(all.nrows())?;
        Ok(Train(all.select(Axis(0), &self.train)))
    }

    /// Test rows of a matrix `[samples, d]`.
    ///
    /// # Errors
    /// A matrix with another number of rows than the split.
    pub fn test_rows<A: Clone>(&self, all: ArrayView2<'_, A>) -> Result<Test<Array2<A>>, SplitError> {
        self.check(all.nrows())?;
        Ok(Test(all.select(Axis(0), &self.test)))
    }

    /// Training and test rows together as if all were training data: for `pca.fit = "all"`, as the paper's
    /// text reads. This leaks the test images into the fit.
    ///
    /// # Errors
    /// A matrix with another number of rows than the split.
    pub fn leaking_rows<A: Clone>(&self, all: ArrayView2<'_, A>) -> Result<Train<Array2<A>>, SplitError> {
        self.check(all.nrows())?;
        Ok(Train(all.select(Axis(0), &self.both())))
    }

    /// Training entries of a list with one entry per sample.
    ///
    /// # Errors
    /// A list of another length than the split.
    pub fn train_of<A: Clone>(&self, all: &[A]) -> Result<Train<Vec<A>>, SplitError> {
        self.check(all.len())?;
        Ok(Train(self.train.iter().map(|&row| all[row].clone()).collect()))
    }

    /// Test entries of a list with one entry per sample.
    ///
    /// # Errors
    /// A list of another length than the split.
    pub fn test_of<A: Clone>(&self, all: &[A]) -> Result<Test<Vec<A>>, SplitError> {
        self.check(all.len())?;
        Ok(Test(self.test.iter().map(|&row| all[row].clone()).collect()))
    }

    fn check(&self, rows: usize) -> Result<(), SplitError> {
        if rows == self.samples { Ok(()) } else { Err(SplitError::Rows { split: self.samples, rows }) }
    }
}
