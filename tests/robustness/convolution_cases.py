"""Cases 49-53: convolutions, pools and padding with impossible parameters."""

import numpy as np
from harness import BAD_INPUT, LIMIT, OK
from operator_cases import MAXIMUM64, MINIMUM64, both, f32, ints


def convolutions():
    x, w = f32(1, 2, 5, 5), f32(4, 2, 3, 3)
    for name, attrs in {
        "stride 0": {"strides": [0, 1]},
        "stride negative": {"strides": [1, -1]},
        "stride 2^62": {"strides": [1 << 62, 1]},
        "strides of another rank": {"strides": [1, 1, 1]},
    }.items():
        code = (OK, BAD_INPUT) if "2^62" in name else (BAD_INPUT,)
        yield from both("49", f"Conv {name}", "Conv", [x, w], codes=code, **attrs)
        yield from both(
            "49",
            f"ConvTranspose {name}",
            "ConvTranspose",
            [x, f32(2, 4, 3, 3)],
            codes=code if code == (BAD_INPUT,) else (BAD_INPUT, LIMIT),
            **attrs,
        )
        for pool in ("MaxPool", "AveragePool", "LpPool"):
            yield from both("49", f"{pool} {name}", pool, [x], codes=code, kernel_shape=[3, 3], **attrs)
        yield from both(
            "49",
            f"ConvInteger {name}",
            "ConvInteger",
            [np.ones((1, 2, 5, 5), np.uint8), np.ones((4, 2, 3, 3), np.uint8)],
            codes=code,
            **attrs,
        )
    for name, attrs, codes in (
        ("dilation 0", {"dilations": [0, 1]}, (BAD_INPUT,)),
        ("dilation -1", {"dilations": [-1, 1]}, (BAD_INPUT,)),
        ("dilation 2^30", {"dilations": [1 << 30, 1]}, (BAD_INPUT,)),
        ("dilation 2^63-1", {"dilations": [MAXIMUM64, 1]}, (BAD_INPUT,)),
        ("dilations short", {"dilations": [1]}, (BAD_INPUT,)),
    ):
        yield from both("50", f"Conv {name}", "Conv", [x, w], codes=codes, **attrs)
        yield from both("50", f"MaxPool {name}", "MaxPool", [x], codes=codes, kernel_shape=[3, 3], **attrs)
        yield from both(
            "50", f"ConvTranspose {name}", "ConvTranspose", [x, f32(2, 4, 3, 3)], codes=(*codes, LIMIT), **attrs
        )
    for name, shape in (
        ("0", [0, 3]),
        ("negative", [3, -3]),
        ("not the weight's", [2, 2]),
        ("2^62", [1 << 62, 1 << 62]),
        ("of rank 3", [3, 3, 3]),
    ):
        yield from both("51", f"Conv kernel {name}", "Conv", [x, w], kernel_shape=shape)
        if name != "not the weight's":
            for pool in ("MaxPool", "AveragePool", "LpPool"):
                yield from both("51", f"{pool} kernel {name}", pool, [x], kernel_shape=shape)
    yield from both("51", "Conv weight without extent", "Conv", [x, np.zeros((4, 2, 0, 3), np.float32)])
    yield from both("51", "MaxPool without kernel", "MaxPool", [x])
    yield from both("51", "MaxPool wider than the input", "MaxPool", [x], kernel_shape=[9, 9])
    for group in (0, -1, 3, 1 << 40, MINIMUM64):
        yield from both("52", f"Conv group {group}", "Conv", [x, w], group=group)
        yield from both("52", f"ConvTranspose group {group}", "ConvTranspose", [x, f32(2, 4, 3, 3)], group=group)
    yield from both("52", "Conv channels", "Conv", [x, f32(4, 3, 3, 3)])
    yield from both("52", "Conv bias length", "Conv", [x, w, f32(3)])
    yield from both(
        "52", "GroupNormalization groups 0", "GroupNormalization", [x, f32(2), f32(2)], version=21, num_groups=0
    )
    yield from both(
        "52", "GroupNormalization groups 3", "GroupNormalization", [x, f32(2), f32(2)], version=21, num_groups=3
    )
    for pads, codes in (
        ([-100] * 4, (BAD_INPUT,)),
        ([1 << 28] * 4, (BAD_INPUT, LIMIT)),
        ([1 << 62] * 4, (BAD_INPUT, LIMIT)),
        ([1, 1], (BAD_INPUT,)),
        ([MINIMUM64, 0, 0, 0], (BAD_INPUT,)),
        ([MAXIMUM64] * 4, (BAD_INPUT, LIMIT)),
    ):
        yield from both("53", f"Conv pads {pads}", "Conv", [x, w], codes=codes, pads=pads)
        yield from both("53", f"MaxPool pads {pads}", "MaxPool", [x], codes=codes, kernel_shape=[3, 3], pads=pads)
        yield from both(
            "53", f"AveragePool pads {pads}", "AveragePool", [x], codes=codes, kernel_shape=[3, 3], pads=pads
        )
        yield from both(
            "53", f"ConvTranspose pads {pads}", "ConvTranspose", [x, f32(2, 4, 3, 3)], codes=codes, pads=pads
        )
        if len(pads) == 4:
            yield from both("53", f"Pad {pads}", "Pad", [f32(3, 3), ints(*pads)], codes=codes)
            yield from both("53", f"Pad {pads} reflect", "Pad", [f32(3, 3), ints(*pads)], codes=codes, mode="reflect")
            yield from both("53", f"Pad {pads} edge", "Pad", [f32(3, 3), ints(*pads)], codes=codes, mode="edge")
            yield from both(
                "53", f"Pad {pads} wrap", "Pad", [f32(3, 3), ints(*pads)], codes=codes, version=19, mode="wrap"
            )
    yield from both("53", "Pad short", "Pad", [f32(3, 3), ints(1, 1)])
    yield from both("53", "Pad empty by edge", "Pad", [np.zeros((0, 3), np.float32), ints(1, 0, 1, 0)], mode="edge")
    yield from both("53", "Pad axes 77", "Pad", [f32(3, 3), ints(1, 1), None, ints(77)], version=18)
    yield from both("53", "Pad unknown mode", "Pad", [f32(3, 3), ints(0, 0, 1, 1)], mode="sideways")
    yield from both(
        "53",
        "ConvTranspose output_shape 2^40",
        "ConvTranspose",
        [x, f32(2, 4, 3, 3)],
        codes=(BAD_INPUT, LIMIT),
        output_shape=[1 << 40, 1 << 40],
    )
    yield from both(
        "53", "ConvTranspose output_padding -9", "ConvTranspose", [x, f32(2, 4, 3, 3)], output_padding=[-9, 0]
    )
    yield from both("53", "Conv auto_pad unknown", "Conv", [x, w], auto_pad="SIDEWAYS")
    yield from both("53", "Col2Im blocks", "Col2Im", [f32(1, 5, 5), ints(5, 5), ints(1, 5)], codes=(OK,), version=18)
    yield from both("53", "Col2Im block 0", "Col2Im", [f32(1, 5, 5), ints(5, 5), ints(0, 5)], version=18)
    yield from both(
        "53", "Col2Im stride 0", "Col2Im", [f32(1, 5, 5), ints(5, 5), ints(1, 5)], version=18, strides=[0, 1]
    )
    yield from both(
        "53",
        "Col2Im image 2^31",
        "Col2Im",
        [f32(1, 5, 5), ints(1 << 31, 1 << 31), ints(1, 5)],
        codes=(BAD_INPUT, LIMIT),
        version=18,
    )


def cases():
    return list(convolutions())
