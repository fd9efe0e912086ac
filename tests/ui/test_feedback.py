"""Corrections: whole lines whoever writes, and a file that training takes."""

import json
import resource
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from sentiment.errors import DataError
from sentiment.inference.types import Prediction
from sentiment.ui.feedback import Correction, Corrections
from tests.conftest import read_json

GUESS = Prediction("negative", 0.75, {"negative": 0.75, "positive": 0.25})

WRITER = """
import sys
from pathlib import Path
from sentiment.inference.types import Prediction
from sentiment.ui.feedback import Correction, Corrections
guess = Prediction("negative", 0.75, {"negative": 0.75, "positive": 0.25})
for i in range(50):
    Corrections(Path(sys.argv[1])).add(Correction.of(f"{sys.argv[2]} {i} " + "é" * 5000, "positive", guess, "1.0"))
"""


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_correction_holds_what_training_and_its_reviewer_need(tmp_path):
    file = tmp_path / "deep" / "feedback.jsonl"
    Corrections(file).add(Correction.of("fine\nfilm", "positive", GUESS, "2.0"))
    [found] = lines(file)
    told = datetime.fromisoformat(found.pop("time"))
    assert abs((datetime.now(UTC) - told).total_seconds()) < 60
    assert found == {
        "text": "fine\nfilm", "label": "positive", "predicted": "negative", "score": 0.75, "version": "2.0",
    }  # fmt: skip


def test_a_label_the_model_lacks_is_refused():
    with pytest.raises(DataError, match="label='meh': expected one of negative, positive"):
        Correction.of("a", "meh", GUESS, "1.0")


def test_many_processes_and_threads_write_whole_lines(tmp_path):
    file = tmp_path / "feedback.jsonl"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(file), str(number)]) for number in range(3)]
    corrections = [Correction.of(f"mine {i}", "positive", GUESS, "1.0") for i in range(50)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(Corrections(file).add, corrections))
    assert [writer.wait(120) for writer in writers] == [0, 0, 0]
    texts = [line["text"].rstrip("é ") for line in lines(file)]
    assert sorted(texts) == sorted(f"{who} {i}" for who in ("mine", 0, 1, 2) for i in range(50))


@pytest.mark.parametrize("before", ["", '{"text": "first"}\n'])
def test_half_a_line_of_a_crash_is_removed_and_said(tmp_path, caplog, before):
    file = tmp_path / "feedback.jsonl"
    file.write_text(before + '{"text": "ha' + "l" * 100_000, encoding="utf-8")
    Corrections(file).add(Correction.of("whole", "positive", GUESS, "1.0"))
    assert [line["text"] for line in lines(file)] == [*(["first"] if before else []), "whole"]
    assert "ended with half a line, which is removed" in caplog.text


def test_a_last_line_that_lacks_its_end_alone_is_kept(tmp_path):
    file = tmp_path / "feedback.jsonl"
    file.write_text('{"text": "first"}', encoding="utf-8")
    Corrections(file).add(Correction.of("whole", "positive", GUESS, "1.0"))
    assert [line["text"] for line in lines(file)] == ["first", "whole"]


def test_a_full_disk_saves_whole_lines_and_says_what_it_does_not_save(tmp_path):
    """A limit on the size of files takes a part of a line, as a full disk does."""
    file = tmp_path / "feedback.jsonl"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    saved = 0
    try:
        for i in range(20):
            try:
                Corrections(file).add(Correction.of(f"text {i}", "positive", GUESS, "1.0"))
            except DataError as error:
                assert "the correction is not saved: " in str(error)  # noqa: PT017
                break
            saved += 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert 0 < saved < 20
    assert [line["text"] for line in lines(file)] == [f"text {i}" for i in range(saved)]
    Corrections(file).add(Correction.of("later", "positive", GUESS, "1.0"))
    assert lines(file)[saved]["text"] == "later"


@pytest.mark.slow
def test_training_reads_the_file(tmp_path, train_tiny):
    file = tmp_path / "feedback.jsonl"
    for i in range(24):
        label = "positive" if i % 2 else "negative"
        Corrections(file).add(Correction.of(f"{'good' if i % 2 else 'bad'} film {i}", label, GUESS, "1.0"))
    run = train_tiny("corrected", "data=files", "data.dir=null", f"data.train={file}", "trainer.max_epochs=1")
    summary = read_json(run / "run_summary.json")
    assert summary["labels"] == ["negative", "positive"]
    assert sum(summary["data"][split]["rows"] for split in ("train", "validation")) == 24
