"""The GPU benchmark runs its own code on a processor, with tiny sizes."""

import json
import subprocess
import sys
import time

import pytest

from benchmarks import gpu, gpu_material


@pytest.mark.slow
def test_it_checks_itself_on_a_processor(tmp_path):
    command = [sys.executable, "-m", "benchmarks.gpu", "--tiny", "--budget", "500", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=550, check=False)
    rows = {row["name"]: row for row in json.loads((tmp_path / "gpu.json").read_text())}
    assert not [row for row in rows.values() if row.get("error")], done.stdout[-2000:]
    assert rows["check"]["ok"]
    assert rows["ours, 24 tokens x 4, packed"]["packed"]
    assert rows["ours, 24 tokens x 4, packed"]["tokens_s"] > 0
    assert "| tiny, SST-2 (torch): ours |" in (tmp_path / "gpu.md").read_text()


def test_a_job_that_fails_or_hangs_costs_its_own_row_alone():
    def fail():
        raise ValueError("broken")

    jobs = [
        gpu.Job("train", "fails", fail),
        gpu.Job("train", "dies", lambda: __import__("os")._exit(3)),
        gpu.Job("train", "hangs", lambda: time.sleep(600), limit=1),
        gpu.Job("train", "works", lambda: {"found": 1}),
    ]
    rows = {row["name"]: row for row in gpu.run_group(jobs, until=time.monotonic() + 300)}
    assert "ValueError: broken" in rows["fails"]["error"]
    assert rows["dies"]["error"] == "its process died"
    assert rows["hangs"]["error"] == "stopped after 1 s"
    assert rows["works"]["found"] == 1
    [late] = gpu.run_group(jobs[3:], until=time.monotonic())
    assert late["error"] == "left out: the budget is spent"


def test_operations_are_those_of_the_layers():
    config = type("Config", (), {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12})
    assert gpu_material.model_flops(config, [512]) == pytest.approx(
        512 * (2 * 84_934_656 + 12 * 4 * 512 * 768)  # 84.9 M weights of bert-base's layers, two operations each
    )
    whole, done = (gpu_material.model_flops(config, [128] * 4, labels_only=flag) for flag in (False, True))
    assert 0.92 < done / whole < 0.95


def test_lengths_are_drawn_as_of_the_data_set():
    import random

    rng, draw = random.Random(0), gpu_material.like("SST-2")
    lengths = [draw(rng) for _ in range(5000)]
    assert 22 < sum(lengths) / 5000 < 25
    assert min(lengths) >= 3
    assert max(lengths) <= 67
