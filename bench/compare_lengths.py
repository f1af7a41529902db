"""What changing lengths cost a BERT: 64 lengths in random order beside each length by itself and beside the longest alone.

Each sample is a process of its own; the three take turns, and medians are reported.

Usage: python3 bench/compare_lengths.py [--runs 5] build/release/bench_lengths
"""

import argparse
import json
import statistics
import subprocess


def sample(program, mode, seed):
    return json.loads(subprocess.run([program, mode, str(seed)], capture_output=True, text=True, check=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("program")
    options = parser.parse_args()
    samples = {"random": [], "fixed": [], "longest": []}
    for seed in range(1, options.runs + 1):
        for mode, list_ in samples.items():
            list_.append(sample(options.program, mode, seed))
    pairs = list(zip(*samples.values()))
    ratio = lambda key, a, b: statistics.median(row[a][key] / row[b][key] for row in pairs)
    print(f"throughput, random lengths / fixed shapes: {ratio('tokens_per_second', 0, 1):.2f}")
    print(f"peak RSS, random lengths / the longest alone: {ratio('peak_rss_bytes', 0, 2):.2f}")
    first = samples["random"][0]
    print(f"lowering for a new length: {statistics.median(s['lowering_ms_per_100_nodes'] for s in samples['random']):.2f} "
          f"ms per 100 nodes ({first['nodes']} nodes)")
    print(f"plans kept: {first['most_plans']}, {first['most_plan_bytes'] / 1e6:.2f} MB; packs {first['pack_bytes'] / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
