"""The pandas UDF: its rows by themselves, and on a local Spark of two workers."""

import json
import sys

import pandas as pd
import psutil
import pytest

from sentiment.batch import predict
from sentiment.errors import RowsRejectedError, TextError
from sentiment.inference.predictor import Predictor
from tests.conftest import read_csv, write_csv

pytestmark = pytest.mark.filterwarnings(  # of the socket to Java, and of Spark with pandas 3
    "ignore::ResourceWarning", "ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"
)
TEXTS = [f"{'good' if i % 3 else 'bad'} film {i}" if i % 7 else " " for i in range(60)]
TEXTS[10] = "最高でした"


@pytest.fixture(scope="module")
def answers(tiny_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("local")
    source = write_csv(folder / "in.csv", [(text,) for text in TEXTS], header=("text",))
    with pytest.raises(RowsRejectedError):
        predict(input=source, output=folder / "out.csv", engine=Predictor.load(tiny_run))
    return {row["text"]: row for row in read_csv(folder / "out.csv")}


def check(rows, answers):
    assert len(rows) == len(TEXTS)
    for row in rows:
        expected = answers[row["text"]]
        assert (row["prediction"] or "") == expected["prediction"]
        assert (row["unreadable_reason"] or "") == expected["unreadable_reason"]
        assert (row["rejected"] is not None) == (row["text"] == " ")
        if row["rejected"] is None:
            for name in ("score", "p_negative", "p_positive", "unreadable"):
                assert row[name] == pytest.approx(float(expected[name]), abs=1e-5), name


def test_a_batch_of_the_udf_has_the_rows_of_a_file_job(tiny_run, answers):
    from sentiment.batch.spark import frame

    found = frame(Predictor.load(tiny_run), TEXTS).astype(object)
    rows = found.where(found.notna(), None).to_dict("records")
    check([{"text": text, **row} for text, row in zip(TEXTS, rows, strict=True)], answers)
    assert "is empty" in rows[0]["rejected"]


def test_an_empty_batch_and_one_of_bad_rows_have_the_columns_of_any(tiny_run):
    from sentiment.batch.spark import columns_of, frame

    engine = Predictor.load(tiny_run)
    names = [*columns_of(engine).names, "rejected"]
    assert (list(frame(engine, [])), len(frame(engine, []))) == (names, 0)
    bad = frame(engine, [" ", None, "\ud83d"])
    assert bad["rejected"].notna().all()
    assert bad[names[:-1]].isna().all(axis=None)


def test_thresholds_by_label_and_a_default_aspect_are_settings(multi_run, aspect_run):
    from sentiment.batch.spark import columns_of, frame, loaded

    engine = loaded(str(multi_run), json.dumps({"threshold": {"joy": 0.0, "fear": 1.0}}))
    given = [labels.split("|") for labels in frame(engine, ["furious", "happy"])["prediction"]]
    assert all("joy" in labels and "fear" not in labels for labels in given)
    [label] = frame(loaded(str(aspect_run), '{"default_aspect": "battery"}'), ["the film"])["prediction"]
    assert label == "negative"
    with pytest.raises(TextError, match="this model reads each text with an aspect, .* or set default_aspect"):
        columns_of(loaded(str(aspect_run), "{}"))


@pytest.fixture(scope="module")
def spark():
    """A Spark of two tasks at a time, each of which may fail three times, as on a cluster."""
    pytest.importorskip("pyspark", reason="needs pip install 'bert-sentiment[spark]', as make test-all has")
    from pyspark.sql import SparkSession

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        session = SparkSession.builder.master("local[2,4]").config("spark.ui.enabled", "false")
        session = session.config("spark.sql.execution.arrow.maxRecordsPerBatch", "5")
        spark = session.config("spark.driver.bindAddress", "127.0.0.1").getOrCreate()
        yield spark
        spark.stop()


@pytest.mark.slow
def test_spark_answers_as_a_file_job(tiny_run, answers, spark):
    """Two partitions with rows, and some without."""
    from sentiment.batch.spark import predict_udf

    table = spark.createDataFrame([(text,) for text in TEXTS], ["text"]).repartition(2)
    table = table.union(table.where("false").repartition(3))
    scored = table.withColumn("s", predict_udf(str(tiny_run))("text")).select("*", "s.*").drop("s")
    check([row.asDict() for row in scored.collect()], answers)


@pytest.mark.slow
def test_killed_python_workers_of_spark_cost_no_row(tiny_run, answers, spark, tmp_path):
    """In the middle of a partition, all Python workers die at once, the one with the model too."""
    from sentiment.batch.spark import predict_udf

    killed = tmp_path / "killed"

    def kill(batches):
        for number, batch in enumerate(batches):
            if number == 3 and not killed.exists():
                workers = psutil.Process().parent().children()
                killed.write_text(str(len(workers)))
                for worker in workers:
                    worker.kill()
            yield batch

    table = spark.createDataFrame([(text, i) for i, text in enumerate(TEXTS)], ["text", "id"]).repartition(2)
    scored = table.mapInPandas(kill, table.schema).withColumn("s", predict_udf(str(tiny_run))("text"))
    scored.select("*", "s.*").drop("s").write.parquet(str(tmp_path / "scored"))
    assert int(killed.read_text()) > 1
    rows = pd.read_parquet(tmp_path / "scored").astype(object)
    assert sorted(rows["id"]) == list(range(len(TEXTS)))
    check(rows.where(rows.notna(), None).to_dict("records"), answers)
