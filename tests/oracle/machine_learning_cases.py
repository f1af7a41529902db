"""Writes test folders for ai.onnx.ml, whose operators ONNX's own suite hardly tests; ONNX Runtime computes what is
expected. suite_runner runs the folders.

    python tests/oracle/machine_learning_cases.py FOLDER
"""
import pathlib
import sys

import numpy as np

from runtime_cases import floats, random, write

ML = "ai.onnx.ml"
TRANSFORMS = ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"]
KERNELS = {"kernel_params": [0.5, 0.1, 2.0]}


def forest(trees, depth, features):
    """Complete trees as the node lists of TreeEnsembleRegressor, and the (tree, node) ids of their leaves."""
    lists = {name: [] for name in ("treeids", "nodeids", "featureids", "modes", "values", "truenodeids",
                                   "falsenodeids", "missing_value_tracks_true")}
    leaves = []
    for tree in range(trees):
        for node in range(2 ** (depth + 1) - 1):
            inner = node < 2**depth - 1
            row = (tree, node, int(random.integers(features)) if inner else 0,
                   str(random.choice(["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT"])) if inner else "LEAF",
                   float(random.uniform(-0.5, 0.5)), 2 * node + 1 if inner else 0, 2 * node + 2 if inner else 0,
                   int(random.integers(2)))
            for values, value in zip(lists.values(), row):
                values.append(value)
            if not inner:
                leaves.append((tree, node))
    return {f"nodes_{name}": values for name, values in lists.items()}, leaves


def weights(prefix, leaves, targets, low):
    return {f"{prefix}_treeids": [t for t, _ in leaves], f"{prefix}_nodeids": [n for _, n in leaves],
            f"{prefix}_ids": [int(random.integers(targets)) for _ in leaves],
            f"{prefix}_weights": [float(random.uniform(low, 1)) for _ in leaves]}


def trees(folder):
    x = floats(7, 4)
    x[2, 1] = np.nan
    for transform in TRANSFORMS:
        for aggregate in ["SUM", "AVERAGE", "MIN", "MAX"]:
            nodes, leaves = forest(5, 3, 4)
            write(folder, f"regressor_{aggregate}_{transform}", "TreeEnsembleRegressor", [("x", x)], 1, ML, n_targets=3,
                  aggregate_function=aggregate, post_transform=transform, **nodes, **weights("target", leaves, 3, -1))
            # Of several targets, ONNX Runtime leaves the base value out where no tree reaches the target; ONNX adds it.
            if transform == "NONE":
                write(folder, f"regressor_base_{aggregate}", "TreeEnsembleRegressor", [("x", x)], 1, ML, n_targets=1,
                      base_values=[0.5],
                      aggregate_function=aggregate, **nodes, **weights("target", leaves, 1, -1))
        for name, low in [("probability", 0.01), ("margin", -1)] if transform in ("NONE", "LOGISTIC") else []:
            nodes, leaves = forest(3, 2, 4)
            write(folder, f"classifier_binary_{name}_{transform}", "TreeEnsembleClassifier", [("x", x)], 2, ML,
                  classlabels_int64s=[7, 9],
                  post_transform=transform, **nodes, **weights("class", leaves, 1, low))
        nodes, leaves = forest(6, 2, 4)
        write(folder, f"classifier_three_{transform}", "TreeEnsembleClassifier", [("x", x)], 2, ML,
              classlabels_strings=["a", "b", "c"],
              post_transform=transform, base_values=[0.1, 0.2, 0.3], **nodes, **weights("class", leaves, 3, -1))


def linear(folder):
    x = floats(5, 4)
    for transform in TRANSFORMS:
        write(folder, f"linear_classifier_{transform}", "LinearClassifier", [("x", x)], 2, ML,
              coefficients=floats(12).tolist(),
              intercepts=floats(3).tolist(), classlabels_ints=[3, 1, 2], post_transform=transform)
        write(folder, f"linear_regressor_{transform}", "LinearRegressor", [("x", x)], 1, ML,
              coefficients=floats(8).tolist(),
              intercepts=floats(2).tolist(), targets=2, post_transform=transform)
    for transform in ["NONE", "LOGISTIC"]:
        write(folder, f"linear_binary_{transform}", "LinearClassifier", [("x", x)], 2, ML,
              coefficients=floats(4).tolist(),
              intercepts=[0.1], classlabels_strings=["no", "yes"], post_transform=transform)


def machines(folder):
    x = floats(6, 3)
    for kernel in ["LINEAR", "POLY", "RBF", "SIGMOID"]:
        for classes in [2, 3, 4]:
            pairs = classes * (classes - 1) // 2
            shared = {"kernel_type": kernel, **KERNELS, "vectors_per_class": [2] * classes,
                      "support_vectors": floats(6 * classes).tolist(),
                      "coefficients": floats(2 * classes * (classes - 1)).tolist(), "rho": floats(pairs).tolist(),
                      "classlabels_ints": list(range(classes))}
            write(folder, f"svm_classifier_{kernel}_{classes}", "SVMClassifier", [("x", x)], 2, ML, **shared)
            write(folder, f"svm_probability_{kernel}_{classes}", "SVMClassifier", [("x", x)], 2, ML, atol=1e-4,
                  **shared,
                  prob_a=(-1 + 0.3 * floats(pairs)).tolist(), prob_b=floats(pairs, scale=0.3).tolist())
        for one_class in [0, 1]:
            write(folder, f"svm_regressor_{kernel}_{one_class}", "SVMRegressor", [("x", x)], 1, ML, kernel_type=kernel,
                  **KERNELS, n_supports=4,
                  one_class=one_class, support_vectors=floats(12).tolist(), coefficients=floats(4).tolist(), rho=[0.1])


def features(folder):
    x = floats(4, 3)
    whole = random.integers(-3, 4, (4, 3)).astype(np.int64)
    holes = x.copy()
    holes[1, 2] = holes[3, 0] = np.nan
    for norm in ["MAX", "L1", "L2"]:
        write(folder, f"normalizer_{norm}", "Normalizer", [("x", x)], 1, ML, norm=norm)
        write(folder, f"normalizer_ints_{norm}", "Normalizer", [("x", whole)], 1, ML, norm=norm)
    write(folder, "scaler", "Scaler", [("x", whole)], 1, ML, offset=[1.0, 2.0, 3.0], scale=[0.5, 0.25, 2.0])
    write(folder, "imputer", "Imputer", [("x", holes)], 1, ML, imputed_value_floats=[7.0, 8.0, 9.0],
          replaced_value_float=float("nan"))
    write(folder, "imputer_ints", "Imputer", [("x", whole)], 1, ML, imputed_value_int64s=[70], replaced_value_int64=2)
    write(folder, "binarizer", "Binarizer", [("x", x)], 1, ML, threshold=0.1)
    write(folder, "feature_vectorizer", "FeatureVectorizer", [("x", x), ("y", x[:, :2].copy())], 1, ML,
          inputdimensions=[3, 2])
    write(folder, "array_feature_extractor", "ArrayFeatureExtractor", [("x", x), ("y", np.array([[2, 0, 2]]))], 1, ML)
    write(folder, "one_hot_encoder", "OneHotEncoder", [("x", whole)], 1, ML, cats_int64s=[-1, 0, 3], zeros=1)
    write(folder, "category_mapper", "CategoryMapper", [("x", whole)], 1, ML, cats_int64s=[-1, 0, 3],
          cats_strings=["a", "b", "c"], default_string="none")
    write(folder, "label_encoder_first", "LabelEncoder", [("x", whole)], 1, ML, classes_strings=["a", "b", "c"],
          default_string="none")


if __name__ == "__main__":
    target = pathlib.Path(sys.argv[1])
    for part in (trees, linear, machines, features):
        part(target)
