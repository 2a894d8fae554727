"""The sweep of `just bench-sweep` as one writes it with scikit-learn: a Pipeline of PCA, a global scale and class-weighted
one-against-all SVCs for each method and number of components, in 5 folds, through joblib on all cores.

Arguments: a folder with labels.npy, folds.npy and features_<i>.npy; the numbers of components; where to write what each
point predicts and how long the fits took; the solver of the PCA.
"""

import json
import sys
import time

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC


class GlobalScale(TransformerMixin, BaseEstimator):
    """Divides scores by one number, so that their mean squared norm is their number."""

    def fit(self, scores, labels=None):
        self.divisor_ = np.sqrt((scores**2).mean())
        return self

    def transform(self, scores):
        return scores / self.divisor_


class WeightedOneVsAll(ClassifierMixin, BaseEstimator):
    """One SVC per class, which weighs the class by N_other / N_class."""

    def fit(self, scores, labels):
        self.classes_ = np.unique(labels)
        self.machines_ = []
        for label in self.classes_:
            own = labels == label
            weight = {True: (~own).sum() / own.sum(), False: 1.0}
            self.machines_.append(SVC(kernel="linear", C=1.0, class_weight=weight).fit(scores, own))
        return self

    def predict(self, scores):
        values = np.column_stack([machine.decision_function(scores) for machine in self.machines_])
        return self.classes_[values.argmax(axis=1)]


def point(features, labels, folds, components, solver):
    pipeline = Pipeline(
        [
            ("pca", PCA(n_components=components, svd_solver=solver, random_state=0)),
            ("scale", GlobalScale()),
            ("svm", WeightedOneVsAll()),
        ]
    )
    return cross_val_predict(pipeline, features, labels, cv=PredefinedSplit(folds))


def main(folder, components, output, solver):
    labels, folds = np.load(f"{folder}/labels.npy"), np.load(f"{folder}/folds.npy")
    began = time.perf_counter()
    work = [(method, k) for method in range(3) for k in components]
    features = [np.load(f"{folder}/features_{method}.npy") for method in range(3)]
    predicted = Parallel(n_jobs=-1)(delayed(point)(features[method], labels, folds, k, solver) for method, k in work)
    seconds = time.perf_counter() - began
    found = [{"method": method, "components": k, "predicted": one.tolist()} for (method, k), one in zip(work, predicted)]
    with open(output, "w") as file:
        json.dump({"seconds": seconds, "points": found}, file)


if __name__ == "__main__":
    main(sys.argv[1], [int(k) for k in sys.argv[2].split(",")], sys.argv[3], sys.argv[4])
