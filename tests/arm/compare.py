"""compare.py FOLDER FOLDER NAME: the outputs that two runs wrote must agree within 1e-5 of each output's range."""

import glob
import os
import sys

import numpy as np

expected_folder, actual_folder, name = sys.argv[1:]
files = sorted(os.path.basename(f) for f in glob.glob(os.path.join(expected_folder, "*.npy")))
if not files:
    sys.exit(f"{name}: no outputs in {expected_folder}")
for file in files:
    expected, actual = (np.load(os.path.join(folder, file)).astype(np.float64) for folder in (expected_folder, actual_folder))
    if expected.shape != actual.shape:
        sys.exit(f"{name}: {file}: expected shape {expected.shape}, got {actual.shape}")
    span = expected.max() - expected.min()
    worst = np.abs(expected - actual).max()
    print(f"{name}: {file} {expected.shape}: off by {worst:.2e}, {worst / max(span, 1e-30):.1e} of the range")
    if not worst <= 1e-5 * span:
        sys.exit(f"{name}: {file}: expected at most 1e-5 of the range {span:g}")
