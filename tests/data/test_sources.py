import tarfile

import pandas
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

from sentiment.data.folders import find_splits
from sentiment.data.readers import Columns
from sentiment.data.sources import Source
from sentiment.errors import DataError
from tests.conftest import write_csv

ROWS = [("NA", "001"), ("he said “hi”, 😍", "2"), ("two\nlines", "001")]


def columns(split):
    return list(zip(split.texts, split.labels, strict=True))


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_every_format_gives_the_same_rows(tmp_path, suffix):
    path, table = tmp_path / f"train.{suffix}", pandas.DataFrame(ROWS, columns=["text", "label"])
    match suffix:
        case "csv":
            table.to_csv(path, index=False)
        case "tsv":
            table.to_csv(path, index=False, sep="\t")
        case "jsonl":
            table.to_json(path, orient="records", lines=True)
        case "parquet":
            table.to_parquet(path)
    assert columns(Source(train=path).read(Columns())["train"]) == ROWS


def test_a_folder_is_read_by_the_usual_names(tmp_path):
    for name in ("train.csv", "dev.csv", "test.csv"):
        write_csv(tmp_path / name, ROWS)
    assert list(find_splits(tmp_path)) == ["train", "validation", "test"]


def test_shards_of_the_hub_are_read_as_one(tmp_path):
    for i, row in enumerate(ROWS):
        table = pandas.DataFrame([row], columns=["text", "label"])
        table.to_parquet(tmp_path / f"train-{i:05}-of-00003.parquet")
    assert columns(Source(dir=tmp_path).read(Columns())["train"]) == ROWS


@pytest.fixture
def acl_imdb(tmp_path):
    """The original layout of the Large Movie Review Dataset, with all that is no labelled text in it."""
    folder = tmp_path / "aclImdb"
    for name, text in {
        "train/pos/0_9.txt": "loved it <br />",
        "train/neg/1_2.txt": "hated it",
        "train/neg/0_3.txt": "caf\u00e9 scene drags",
        "train/unsup/0_0.txt": "no label",
        "train/urls_pos.txt": "http://example.org",
        "train/labeledBow.feat": "9 0:9",
        "test/pos/0_10.txt": "superb",
        "test/neg/0_1.txt": "awful",
        "imdb.vocab": "the",
        "README": "Large Movie Review Dataset",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


ACL_TRAIN = [("caf\u00e9 scene drags", "neg"), ("hated it", "neg"), ("loved it <br />", "pos")]


@pytest.mark.parametrize("kind", ["folder", "tar.gz", "tar"])
def test_the_original_imdb_is_read_as_folder_and_as_archive(acl_imdb, tmp_path, kind):
    source = acl_imdb
    if kind != "folder":
        source = tmp_path / f"aclImdb_v1.{kind}"
        with tarfile.open(source, "w:gz" if kind == "tar.gz" else "w") as archive:
            archive.add(acl_imdb, "aclImdb")
    splits = Source(hub="stanfordnlp/imdb", dir=source).read(Columns())
    assert list(splits) == ["train", "test"]
    assert columns(splits["train"]) == ACL_TRAIN
    assert columns(splits["test"]) == [("awful", "neg"), ("superb", "pos")]


def test_one_split_of_a_tree_can_be_named(acl_imdb):
    splits = Source(train=acl_imdb / "train").read(Columns())
    assert columns(splits["train"]) == ACL_TRAIN


def test_a_text_that_is_no_utf8_is_named(acl_imdb):
    (acl_imdb / "train" / "neg" / "0_3.txt").write_bytes(b"caf\xe9")
    with pytest.raises(DataError, match=r"neg/0_3.txt is not UTF-8 \(byte 0xe9 at 3\)"):
        Source(dir=acl_imdb).read(Columns())


@pytest.mark.parametrize("content", [b"", b"no archive"])
def test_a_broken_archive_is_one_clear_error(tmp_path, content):
    (tmp_path / "a.tar.gz").write_bytes(content)
    with pytest.raises(DataError, match=r"a.tar.gz: not readable as a tar archive"):
        Source(dir=tmp_path / "a.tar.gz").read(Columns())


def test_a_named_file_wins_over_the_folder(tmp_path):
    write_csv(tmp_path / "train.csv", ROWS)
    other = write_csv(tmp_path / "other.csv", ROWS[:1])
    assert len(Source(dir=tmp_path, train=other).read(Columns())["train"]) == 1


def test_a_dataset_script_free_hub_folder_keeps_label_names(tmp_path):
    """load_dataset itself, on a local folder laid out as a hub dataset; -1 marks a hidden label."""
    features = Features({"sentence": Value("string"), "label": ClassLabel(names=["neg", "pos"])})
    rows = {"sentence": ["a", "b", "c"], "label": [1, 0, -1]}
    DatasetDict({"train": Dataset.from_dict(rows, features=features)})["train"].to_parquet(tmp_path / "train.parquet")
    split = Source(hub=str(tmp_path)).read(Columns())["train"]
    assert columns(split) == [("a", "pos"), ("b", "neg"), ("c", None)]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (Source(), "no data named; set data.train=FILE"),
        (Source(train="no.csv"), "no.csv: no such file"),
        (Source(dir="nowhere"), "data.dir=nowhere: no such file or folder"),
        (Source(hub="nobody/nothing"), "cannot load 'nobody/nothing' from the hub"),
    ],
)
def test_what_is_not_there_is_named(source, message):
    with pytest.raises(DataError, match=message):
        source.read(Columns())


def test_a_wrong_column_lists_those_there_are(tmp_path):
    path = write_csv(tmp_path / "a.csv", ROWS, header=("note", "label"))
    with pytest.raises(DataError, match=r"no column 'text', only 'note', 'label'; set data.text_column"):
        Source(train=path).read(Columns())
