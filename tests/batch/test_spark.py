"""The pandas UDF: its rows by themselves, and on a local Spark of two workers."""

import sys

import pytest

from sentiment.batch import predict
from sentiment.errors import RowsRejectedError
from sentiment.inference.predictor import Predictor
from tests.conftest import read_csv, write_csv

pytestmark = pytest.mark.filterwarnings(  # of the socket to Java, and of Spark with pandas 3
    "ignore::ResourceWarning", "ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"
)
TEXTS = [f"{'good' if i % 3 else 'bad'} film {i}" if i % 7 else " " for i in range(60)]


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


@pytest.mark.slow
def test_spark_answers_as_a_file_job(tiny_run, answers, monkeypatch):
    pytest.importorskip("pyspark", reason="needs pip install 'bert-sentiment[spark]', as make test-all has")
    from pyspark.sql import SparkSession

    from sentiment.batch.spark import predict_udf

    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    session = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    spark = session.config("spark.driver.bindAddress", "127.0.0.1").getOrCreate()
    try:
        table = spark.createDataFrame([(text,) for text in TEXTS], ["text"]).repartition(2)
        scored = table.withColumn("s", predict_udf(str(tiny_run))("text")).select("*", "s.*").drop("s")
        check([row.asDict() for row in scored.collect()], answers)
    finally:
        spark.stop()
