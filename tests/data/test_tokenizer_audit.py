"""The data report says what the tokenizer loses of the texts, and which key repairs it."""

import json

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from sentiment.backbones import load_tokenizer
from sentiment.cli import main
from sentiment.data.new_tokens import extend
from sentiment.data.splits import Split
from sentiment.data.tokenizer_audit import audit
from sentiment.inference.preprocessing import Cleaning
from tests.conftest import read_json, write_csv

TRAIN = Split(
    ["worst😡 phone", "good film 😂😂 #LoveThisPhone", "good meal\u2764\ufe0f", "plain song, café"],
    ["negative", "positive", "positive", "negative"],
)


def audited(backbone, splits, *, cleaning, new_tokens=None):
    tokenizer = load_tokenizer(backbone)
    extend(tokenizer, new_tokens)
    return audit(splits, tokenizer.backend_tokenizer, cleaning)


def test_what_is_unknown_is_counted_by_split_and_label(tiny_backbone):
    found = audited(tiny_backbone, {"train": TRAIN}, cleaning=Cleaning()).splits["train"]
    whole, negative, positive = found.whole, found.labels["negative"], found.labels["positive"]
    assert found.texts == 4
    assert (whole.emoji.count, whole.emoji.unknown) == (4, 4)
    assert whole.emoji.commonest == {"😂": 2, "😡": 1, "\u2764": 1}
    assert (whole.words.count, whole.words.unknown) == (9 + 1, 2), "a hashtag's word is a word too"
    assert whole.words.commonest == {"worst": 1, "meal": 1}, "each is lost with the emoji that touches it"
    assert (negative.words.unknown, positive.words.unknown) == (1, 1)
    assert (negative.emoji.count, positive.emoji.count) == (1, 3)
    assert (positive.hashtags.count, positive.hashtags.pieces, negative.hashtags.count) == (1, 5.0, 0)
    letters = sum(
        len(word)
        for word in ["worst", "phone", "good", "film", "LoveThisPhone", "good", "meal", "plain", "song", "café"]
    )
    assert (whole.letters["LATIN"].count, whole.letters["LATIN"].unknown) == (letters, len("worstmeal"))


def test_the_warnings_name_the_keys_that_repair_it(tiny_backbone):
    splits = {"train": TRAIN}
    assert audited(tiny_backbone, splits, cleaning=Cleaning()).warnings == [
        "words that the tokenizer knows nothing of: 20.0 % of train, such as worst meal; "
        "set data.cleaning.emoji=true, which parts them from emoji",
        "emoji that the tokenizer reads as unknown: 4 of 4 in train, such as 😂 😡 \u2764; "
        "set data.cleaning.emoji=true model.new_tokens=emoji",
    ]
    parted = audited(tiny_backbone, splits, cleaning=Cleaning(emoji=True))
    assert parted.warnings == [
        "emoji that the tokenizer reads as unknown: 4 of 4 in train, such as 😂 😡 \u2764; set model.new_tokens=emoji"
    ]
    assert audited(tiny_backbone, splits, cleaning=Cleaning(emoji=True), new_tokens="emoji").warnings == []


def test_an_emoji_newer_than_the_list_is_named_for_the_key(tiny_backbone):
    splits = {"test": Split(["good \U0001faff"], ["a"])}
    found = audited(tiny_backbone, splits, cleaning=Cleaning(emoji=True), new_tokens="emoji")
    assert found.warnings == [
        "emoji that the tokenizer reads as unknown: 1 of 1 in test, such as \U0001faff; "
        "set model.new_tokens=[emoji,\U0001faff]"
    ]


@pytest.mark.parametrize(
    ("text", "script"), [("привет мир", "Cyrillic"), ("最高でした 今日は", "Cjk"), ("ประเทศไทย", "Thai")]
)
def test_a_script_that_the_backbone_does_not_know_is_named(tiny_backbone, text, script):
    [line] = audited(tiny_backbone, {"train": Split([text], ["a"])}, cleaning=Cleaning(emoji=True)).warnings
    assert f"most are {script}: set model.backbone to one that knows it" in line


def test_words_that_fall_to_letters_are_counted():
    backend = Tokenizer(models.BPE({letter: i for i, letter in enumerate("abcdu")}, [], unk_token="u"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    whole = audit({"train": Split(["abcd a"], ["x"])}, backend, Cleaning()).splits["train"].whole
    assert (whole.words.count, whole.words.single, whole.words.pieces) == (2, 1, 2.5)
    assert whole.words.commonest == {"abcd": 1}


@pytest.mark.slow
def test_a_run_has_the_audit_in_its_report_and_says_the_warning(train_tiny, tmp_path, capsys):
    rows = list(zip(TRAIN.texts * 4, TRAIN.labels * 4, strict=True))
    for split in ("train", "validation"):
        write_csv(tmp_path / f"{split}.csv", rows)
    run = train_tiny("audited", f"data.dir={tmp_path}", "model.new_tokens=null", "trainer.max_epochs=1")
    said = "16 of 16 in train, 16 of 16 in validation, such as 😂 😡 \u2764; set model.new_tokens=emoji"
    found = read_json(run / "data_report.json")["tokenizer"]
    assert said in found["warnings"][0]
    assert found["splits"]["validation"]["labels"]["negative"]["emoji"]["commonest"] == {"😡": 4}
    page = (run / "report" / "report.html").read_text(encoding="utf-8")
    assert said in page
    assert "What the tokenizer reads" in page


def test_preprocess_writes_it_too(tiny_backbone, tmp_path, capsys):
    write_csv(tmp_path / "train.csv", list(zip(TRAIN.texts * 4, TRAIN.labels * 4, strict=True)))
    words = ["preprocess", "data=files", f"data.train={tmp_path}/train.csv", f"into={tmp_path}/out"]
    main([*words, f"data.backbone={tiny_backbone}"])
    found = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))["tokenizer"]
    assert found["warnings"] == []
    assert found["splits"]["train"]["whole"]["emoji"]["unknown"] == 0
