"""Quantized operators whose scales, zero points, axes or block sizes do not fit."""

import numpy as np
from harness import BAD_INPUT, OK
from operator_cases import both, f32

ONE = np.array(0.1, np.float32)
ZERO = np.array(3, np.uint8)


def cases_of_linear():
    x = f32(2, 4)
    q = np.arange(8, dtype=np.uint8).reshape(2, 4)
    yield from both("75", "QuantizeLinear scales", "QuantizeLinear", [x, f32(3), np.zeros(3, np.uint8)], axis=1)
    yield from both("75", "QuantizeLinear zero points", "QuantizeLinear", [x, f32(4), np.zeros(3, np.uint8)], axis=1)
    yield from both("75", "QuantizeLinear scale 2-D", "QuantizeLinear", [x, f32(2, 4)], version=19)
    yield from both("75", "DequantizeLinear scales", "DequantizeLinear", [q, f32(3)], axis=1)
    for size in (-1, 7, 1 << 40):
        yield from both(
            "75",
            f"DequantizeLinear block {size}",
            "DequantizeLinear",
            [q, f32(2, 2)],
            version=21,
            axis=1,
            block_size=size,
        )
    for scale in (0.0, np.nan, np.inf, -1.0, 1e-45):
        yield from both(
            "73",
            f"QuantizeLinear scale {scale}",
            "QuantizeLinear",
            [x, np.array(scale, np.float32), ZERO],
            codes=(OK, BAD_INPUT),
        )
        yield from both(
            "73",
            f"DequantizeLinear scale {scale}",
            "DequantizeLinear",
            [q, np.array(scale, np.float32), ZERO],
            codes=(OK, BAD_INPUT),
        )
    yield from both("74", "zero point of another type", "QuantizeLinear", [x, ONE, np.array(1.0, np.float32)])
    yield from both("74", "dequantize zero point of another type", "DequantizeLinear", [q, ONE, np.array(-1, np.int8)])
    b = np.ones((4, 3), np.uint8)
    yield from both(
        "68", "QLinearMatMul shapes", "QLinearMatMul", [q, ONE, ZERO, np.ones((5, 3), np.uint8), ONE, ZERO, ONE, ZERO]
    )
    yield from both(
        "75", "QLinearMatMul scales", "QLinearMatMul", [q, ONE, ZERO, b, f32(7), np.zeros(7, np.uint8), ONE, ZERO]
    )
    yield from both("75", "MatMulInteger zero points", "MatMulInteger", [q, b, ZERO, np.zeros(7, np.uint8)])
    yield from both("68", "MatMulInteger of floats", "MatMulInteger", [x, f32(4, 3)])
    image, filters = np.ones((1, 2, 5, 5), np.uint8), np.ones((4, 2, 3, 3), np.uint8)
    conv = [image, ONE, ZERO, filters, ONE, ZERO, ONE, ZERO]
    yield from both("52", "QLinearConv group 0", "QLinearConv", conv, group=0)
    yield from both("49", "QLinearConv stride 0", "QLinearConv", conv, strides=[0, 0])
    yield from both(
        "75", "QLinearConv scales", "QLinearConv", [image, ONE, ZERO, filters, f32(3), np.zeros(3, np.uint8), ONE, ZERO]
    )
    yield from both("68", "QLinearConv bias", "QLinearConv", [*conv, np.zeros(3, np.int32)])
    yield from both(
        "68",
        "QLinearAdd shapes",
        "QLinearAdd",
        [q, ONE, ZERO, np.ones((2, 3), np.uint8), ONE, ZERO, ONE, ZERO],
        domain="com.microsoft",
    )
    yield from both(
        "68",
        "DynamicQuantizeLinear of nothing",
        "DynamicQuantizeLinear",
        [np.zeros((0, 3), np.float32)],
        outputs=3,
        codes=(OK, BAD_INPUT),
    )


def cases_of_blocks():
    a = f32(2, 32)
    weight, scales = np.ones((8, 1, 16), np.uint8), f32(8)
    good = {"K": 32, "N": 8, "bits": 4, "block_size": 32}
    yield from both(
        "68", "MatMulNBits", "MatMulNBits", [a, weight, scales], codes=(OK,), domain="com.microsoft", **good
    )
    for name, change in {
        "K 0": {"K": 0},
        "K -1": {"K": -1},
        "K of others": {"K": 64},
        "N 9": {"N": 9},
        "N 2^40": {"N": 1 << 40},
        "K and N wrap": {"K": 1 << 32, "N": 1 << 32},
        "bits 0": {"bits": 0},
        "bits 5": {"bits": 5},
        "bits -4": {"bits": -4},
        "block 0": {"block_size": 0},
        "block 7": {"block_size": 7},
        "block -32": {"block_size": -32},
        "block 2^40": {"block_size": 1 << 40},
    }.items():
        yield from both(
            "68",
            f"MatMulNBits {name}",
            "MatMulNBits",
            [a, weight, scales],
            domain="com.microsoft",
            codes=(BAD_INPUT, 3),
            **{**good, **change},
        )
    yield from both("75", "MatMulNBits scales", "MatMulNBits", [a, weight, f32(3)], domain="com.microsoft", **good)
    yield from both(
        "75",
        "MatMulNBits weight cut",
        "MatMulNBits",
        [a, np.ones((8, 1, 3), np.uint8), scales],
        domain="com.microsoft",
        **good,
    )


def cases():
    return [*cases_of_linear(), *cases_of_blocks()]
