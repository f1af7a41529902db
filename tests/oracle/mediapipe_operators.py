"""MediaPipe's custom operators, which LiteRT's Python package cannot run, against their published formulas
(mediapipe/util/tflite/operations) in numpy.

Usage: mediapipe_operators.py [NAME_PART]
"""

import sys

import numpy as np
import tflite_operators as operators
from flatbuffers import flexbuffers
from tflite_operators import write

SEEDS = 12


def model(code, version, options, inputs, outputs):
    tensors = [write.tensor(f"i{k}", array.shape) for k, array in enumerate(inputs)]
    tensors += [write.tensor(f"o{k}", shape) for k, shape in enumerate(outputs)]
    operator = write.operator(range(len(inputs)), range(len(inputs), len(tensors)))
    operator.customOptions = np.frombuffer(options, np.uint8) if options else None
    graph = write.subgraph(tensors, operator.inputs, operator.outputs, [operator])
    return write.pack([graph], [write.opcode(write.BUILTIN.CUSTOM, version, code)])


def check(code, version, options, inputs, want, tolerance=0.0):
    """Within `tolerance` of the range. The number of elements compared."""
    data = model(code, version, options, inputs, [w.shape for w in want])
    if operators.record(data, inputs, want, 0, tolerance * max(1.0, *(float(np.abs(w).max(initial=0)) for w in want))):
        return sum(w.size for w in want)
    (have,) = operators.run_ours(data, [inputs])
    for h, w in zip(have, want):
        assert h.shape == w.shape and h.dtype == np.float32, f"{h.dtype}{h.shape} against {w.shape}"
        np.testing.assert_allclose(h, w, rtol=0, atol=tolerance * max(1.0, float(np.abs(w).max(initial=0))))
    return sum(w.size for w in want)


def pool_options(same, stride, window, activation=0):
    """TfLitePoolParams; the last four numbers are of no use to a reader."""
    return np.array([1 if same else 2, stride[1], stride[0], window[1], window[0], activation, 0, 0, 0, 0], "<i4").tobytes()


def pad_before(size, window, stride, out):
    return max((out - 1) * stride + window - size, 0) // 2


def pooled(x, same, stride, window):
    n, height, width, channels = x.shape
    sizes = [-(-s // t) if same else (s - w + t) // t for s, w, t in zip((height, width), window, stride)]
    pads = [pad_before(s, w, t, o) for s, w, t, o in zip((height, width), window, stride, sizes)]
    maxima, index = np.zeros((n, *sizes, channels), np.float32), np.zeros((n, *sizes, channels), np.float32)
    for b, oy, ox, c in np.ndindex(maxima.shape):
        best, where = -np.inf, 0
        for fy, fx in np.ndindex(*window):
            y, x_ = oy * stride[0] - pads[0] + fy, ox * stride[1] - pads[1] + fx
            if 0 <= y < height and 0 <= x_ < width and x[b, y, x_, c] > best:
                best, where = x[b, y, x_, c], fy * window[1] + fx
        maxima[b, oy, ox, c], index[b, oy, ox, c] = best, np.float32(where) + np.float32(0.1)
    return maxima, index


def unpooled(x, index, stride, window):
    n, height, width, channels = x.shape
    sizes = height * window[0], width * window[1]
    pads = [pad_before(o, w, t, s) for s, w, t, o in zip((height, width), window, stride, sizes)]
    out = np.zeros((n, *sizes, channels), np.float32)
    for b, y, x_, c in np.ndindex(x.shape):
        where = int(index[b, y, x_, c])
        row = y * stride[0] - pads[0] + int(where / window[1])
        column = x_ * stride[1] - pads[1] + int(np.fmod(where, window[1]))
        if 0 <= row < sizes[0] and 0 <= column < sizes[1]:
            out[b, row, column, c] = x[b, y, x_, c]
    return out


def random_window(generator):
    return tuple(int(v) for v in generator.integers(1, 4, 2))


def max_pooling():
    compared = 0
    for seed in range(SEEDS):
        generator = np.random.default_rng(seed)
        stride, window, same = random_window(generator), random_window(generator), seed % 2 == 0
        # Few values, so that several of a window are the largest: the first counts.
        x = generator.integers(-3, 4, (1 + seed % 2, *generator.integers(4, 9, 2), 3)).astype(np.float32)
        maxima, index = pooled(x, same, stride, window)
        for activation, low, high in ((0, -np.inf, np.inf), (1, 0, np.inf), (2, -1, 1), (3, 0, 6)):
            options = pool_options(same, stride, window, activation)
            want = [np.clip(maxima, low, high), index]
            compared += check("MaxPoolingWithArgmax2D", 1, options, [x], want)
    return compared, "elements"


def max_unpooling():
    compared = 0
    for seed in range(SEEDS):
        generator = np.random.default_rng(seed)
        stride, window = random_window(generator), random_window(generator)
        x = generator.normal(0, 1, (1 + seed % 2, *generator.integers(1, 6, 2), 3)).astype(np.float32)
        inside = generator.integers(0, window[0] * window[1], x.shape)
        # Half of the models have indices that lead outside.
        far = generator.choice([0, -1, -5, 9, 1000, 2**29], x.shape, p=[0.9, 0.02, 0.02, 0.02, 0.02, 0.02]) if seed % 4 > 1 else 0
        index = (inside + far + 0.1).astype(np.float32)
        options = pool_options(True, stride, window)
        compared += check("MaxUnpooling2D", 1, options, [x, index], [unpooled(x, index, stride, window)])
    return compared, "elements"


def random_matrix(generator, shift):
    matrix = np.eye(4, dtype=np.float32)[None]
    matrix[0, :2, :2] = generator.normal(0, 1, (2, 2))
    matrix[0, :2, 3] = generator.uniform(0, shift, 2)
    return matrix


def landmarks():
    compared = 0
    for seed in range(SEEDS):
        generator = np.random.default_rng(seed)
        points = generator.normal(0, 10, (1, 40, 2 + seed % 2)).astype(np.float32)
        matrix = random_matrix(generator, 5)
        want = points.copy()
        want[..., :2] = points[..., :2] @ matrix[0, :2, :2].T + matrix[0, :2, 3]
        compared += check("TransformLandmarks", 2, b"", [points, matrix], [want], 1e-6)
    return compared, "elements"


def transformed(x, matrix, height, width):
    """Also whether each pixel lies so near the edge of x that rounding decides what it is."""
    _, in_height, in_width, channels = x.shape
    m = matrix[0].astype(np.float64)
    out, edge = np.zeros((1, height, width, channels)), np.zeros((height, width), bool)
    padded = np.pad(x[0].astype(np.float64), ((0, 1), (0, 1), (0, 0)))
    for oy, ox in np.ndindex(height, width):
        column, row = (m[k, 0] * (ox + 0.5) + m[k, 1] * (oy + 0.5) + m[k, 3] - 0.5 for k in (0, 1))
        edge[oy, ox] = min(abs(column), abs(row), abs(column - in_width + 1), abs(row - in_height + 1)) < 1e-4
        if not (0 <= column <= in_width - 1 and 0 <= row <= in_height - 1):
            continue
        y, x_ = int(row), int(column)
        fy, fx = row - y, column - x_
        upper = (1 - fx) * padded[y, x_] + fx * padded[y, x_ + 1]
        lower = (1 - fx) * padded[y + 1, x_] + fx * padded[y + 1, x_ + 1]
        out[0, oy, ox] = fy * lower + (1 - fy) * upper
    return out.astype(np.float32), edge


def tensors():
    compared = 0
    for seed in range(SEEDS):
        generator = np.random.default_rng(seed)
        x = generator.normal(0, 1, (1, *generator.integers(1, 13, 2), 3)).astype(np.float32)
        matrix = random_matrix(generator, 8)
        if seed % 3 == 0:  # the middle of an image, turned and made smaller: all pixels lie inside
            x = generator.normal(0, 1, (1, 20, 24, 5)).astype(np.float32)
            matrix[0, :2] = [[0.8, -0.3, 0, 8], [0.3, 0.8, 0, 4]]
        height, width = (int(v) for v in generator.integers(1, 10, 2))
        want, edge = transformed(x, matrix, height, width)
        assert not edge.any(), "choose another seed: a pixel lies on the edge"
        options = bytes(flexbuffers.Dumps({"output_height": height, "output_width": width}))
        compared += check("TransformTensorBilinear", 2, options, [x, matrix], [want], 1e-5)
    return compared, "elements"


def crop_matrix(points, options):
    """The product of shift, rotation, scale and shift, in double."""
    p = points[0].astype(np.float64)
    left, right = p[options["left_rotation_idx"]], p[options["right_rotation_idx"]]
    angle = options["target_rotation_radians"] - np.arctan2(right[1] - left[1], right[0] - left[0])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turned = p[options["subset_idxs"], :2] @ turn.T
    low, high = turned.min(0), turned.max(0)
    size = np.array([options["output_width"], options["output_height"]])
    scale = np.array([options["scale_x"], options["scale_y"]]) * (high - low) / size
    out = np.eye(4)
    out[:2, :2] = turn.T * scale
    out[:2, 3] = out[:2, :2] @ (-size / 2) + turn.T @ ((low + high) / 2)
    return out[None].astype(np.float32)


def matrices():
    compared = 0
    for seed in range(SEEDS):
        generator = np.random.default_rng(seed)
        points = generator.uniform(0, 192, (1, 40, 3)).astype(np.float32)
        left, right = (int(v) for v in generator.choice(40, 2, replace=False))
        options = {
            "left_rotation_idx": left,
            "right_rotation_idx": right if seed else left,  # no line, no angle
            "output_height": int(generator.integers(1, 40)),
            "output_width": int(generator.integers(1, 40)),
            "scale_x": float(generator.uniform(0.5, 2)),
            "scale_y": 1 + seed % 2,
            "target_rotation_radians": float(generator.uniform(-4, 4)),
            "subset_idxs": [int(v) for v in generator.choice(40, 1 + seed, replace=False)],
        }
        packed = bytes(flexbuffers.Dumps(options))
        compared += check("Landmarks2TransformMatrix", 2, packed, [points], [crop_matrix(points, options)], 1e-6)
    return compared, "elements"


def transposed(x, weight, bias, stride, same):
    """x [N,H,W,I], weight [O,kh,kw,I]: every element adds its window; SAME crops what the strides do not reach."""
    kernel, size = weight.shape[1:3], x.shape[1:3]
    full = [s * (n - 1) + k for s, n, k in zip(stride, size, kernel)]
    out = np.zeros((len(x), *full, len(weight)))
    for y in range(size[0]):
        for z in range(size[1]):
            rows, cols = slice(y * stride[0], y * stride[0] + kernel[0]), slice(z * stride[1], z * stride[1] + kernel[1])
            out[:, rows, cols] += np.einsum("ni,okli->nklo", x[:, y, z], weight)
    pads = [max(0, k - (n - 1) % s - 1) if same else 0 for k, n, s in zip(kernel, size, stride)]
    crops = [slice(p // 2, f - (p - p // 2)) for p, f in zip(pads, full)]
    return (out[:, crops[0], crops[1]] + bias).astype(np.float32)


def transposed_convolution():
    compared = 0
    for seed in range(SEEDS):
        generator = np.random.default_rng(seed)
        x, weight, bias = (generator.uniform(-1, 1, s).astype(np.float32) for s in ((2, 4, 5, 3), (2, 3, 2 + seed % 3, 3), (2,)))
        stride, same = (1 + seed % 3, 2), seed % 2 == 0
        options = np.array([1 if same else 2, stride[1], stride[0]], np.int32).tobytes()
        compared += check("Convolution2DTransposeBias", 1, options, [x, weight, bias], [transposed(x, weight, bias, stride, same)], 1e-5)
    return compared, "elements"


CHECKS = {
    "Convolution2DTransposeBias": transposed_convolution,
    "MaxPoolingWithArgmax2D": max_pooling,
    "MaxUnpooling2D": max_unpooling,
    "TransformLandmarks": landmarks,
    "TransformTensorBilinear": tensors,
    "Landmarks2TransformMatrix": matrices,
}

if __name__ == "__main__":
    sys.exit(operators.main(CHECKS, least=150))
