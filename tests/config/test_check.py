"""A wrong key or value is one clear line, before any data is read."""

import pytest

from sentiment.cli import main
from sentiment.config.check import precision, run_folder

MISTAKES = [
    # keys and groups
    ("sead=1", "unknown key sead; did you mean seed?"),
    ("+sead=1", "unknown key sead; did you mean seed?"),
    ("++typo=1", "unknown key typo; there are run_name, seed, "),
    ("trainer.max_epoch=3", "unknown key trainer.max_epoch; did you mean trainer.max_epochs?"),
    ("modle=minilm", "unknown key modle; did you mean model?"),
    ("dta=imdb", "unknown key dta; did you mean data?"),
    ("+experimnt=imdb_bert", "unknown key experimnt; did you mean experiment?"),
    (
        "model=minlm",
        "model has no option 'minlm'; did you mean minilm? "
        "choose one of: base, bert_base, masked, minilm, minilm_3, minilm_lora",
    ),
    ("data=imbd", "data has no option 'imbd'; did you mean imdb? choose one of: base, demo,"),
    ("experiment=nothing", "experiment has no option 'nothing'; choose one of:"),
    ("debug=true", "debug=true: expected the name of an option; --help lists them"),
    ("logger=[csv,1]", "logger=[csv,1]: expected the name of an option; --help lists them"),
    ("logger=[csv,nothing]", "logger has no option 'nothing'; choose one of: csv,"),
    ("debug=[fst]", "debug has no option 'fst'; did you mean fast? choose one of: fast, overfit"),
    (
        "+model.lrr=3",
        "unknown key model.lrr: sentiment.training.model.SentimentClassifier takes no 'lrr'; did you mean lr?",
    ),
    (
        "++model.warmup_ration=0",
        "unknown key model.warmup_ration: sentiment.training.model.SentimentClassifier takes no 'warmup_ration'; did",
    ),
    (
        "+model.optimizer.ep=1",
        "unknown key model.optimizer.ep: sentiment.training.optimizers.AdamW takes no 'ep'; did you mean eps?",
    ),
    (
        "+trainer.max_step=5",
        "unknown key trainer.max_step: pytorch_lightning.Trainer takes no 'max_step'; did you",
    ),
    (
        "+data.cleaning.emojis=true",
        "unknown key data.cleaning.emojis: sentiment.inference.preprocessing.Cleaning takes no 'emojis'; did you mean",
    ),
    ("data.new_tokens=null", "data.new_tokens is that of the model; set model.new_tokens alone"),
    ("model.new_tokens=emojis", "model.new_tokens=emojis: expected auto, emoji, emoticons, capitals"),
    ("+callbacks.bset=3", "unknown key callbacks.bset; did you mean callbacks.best?"),
    ("+paths.outpts=x", "unknown key paths.outpts; did you mean paths.output_dir?"),
    ("~callbacks.throughput", "callbacks.throughput is required; do not remove it"),
    ("~seed", "seed is required; do not remove it"),
    (
        "model.optimizer._target_=torch.optim.Adamw",
        "model.optimizer._target_=torch.optim.Adamw: no such class",
    ),
    ("model.lr==3", "model.lr==3: Hydra cannot read this value; where it is a text, quote it: "),
    ("resume=outputs/nowhere", "resume=outputs/nowhere: there is no"),
    # settings that something else puts aside, or that this backbone has not
    ("+model.optimizer.lr=1e-3", "model.optimizer.lr=0.001 would do nothing: each weight has model.lr"),
    ("+model.optimizer.weight_decay=0.2", "model.optimizer.weight_decay=0.2 would do nothing: each weight has model.w"),
    (
        "model.lr_scheduler_kwargs={num_warmup_steps:5}",
        "model.lr_scheduler_kwargs.num_warmup_steps: the run sets it; set model.w",
    ),
    (
        "model.lr_scheduler_kwargs={num_training_steps:5}",
        "model.lr_scheduler_kwargs.num_training_steps: the run sets it; set tr",
    ),
    (
        "model.lr_scheduler_kwargs={power:2}",
        "model.lr_scheduler_kwargs.power: scheduler linear takes no 'power'; it takes none",
    ),
    (
        "model.scheduler=constant",
        "model.scheduler=constant has no warm-up, so model.warmup_ratio=0.1 would do nothing; ",
    ),
    ("model.scheduler=reduce_lr_on_plateau", "model.scheduler=reduce_lr_on_plateau follows a metric"),
    ("model.revision=main", "model.revision=main: 'packaged/all-MiniLM-L6-v2' is not on the hub"),
    # labels as YAML reads them
    ("data.labels=[true,false]", "data.labels: true is a boolean; write the label in quotes"),
    ("data.labels=[0,'0']", "data.labels: '0' is named 2 times; name each label once"),
    ("model.loss.weights={0:1.0,1:-2}", "model.loss.weights: the weight of '1' is -2; give a number above 0"),
    ("model.loss.weights={0:1.0,1:nan}", "model.loss.weights: the weight of '1' is nan; give a number above 0"),
    ("model.loss.weights={0:1.0,1:0}", "model.loss.weights: the weight of '1' is 0; give a number above 0"),
    ("model.loss.weights=[1.0,2.0]", "model.loss.weights=[1.0, 2.0]: expected balanced, or a weight for each label"),
    # types: what pydantic would convert, but the constructor would get as it is
    ("model.lr=abc", "model.lr=abc: expected a valid number, unable to parse string as a number"),
    ("model.lr=true", "model.lr=true: expected a number, got bool True"),
    ('model.lr="1e-4"', "model.lr=1e-4: expected a number, got str '1e-4'"),
    ("data.max_length={a:1}", "data.max_length={a: 1}: expected a valid integer"),
    ("data.label_map={1:{a:b}}", "data.label_map={1: {a: b}}: expected a valid string or a valid integer or"),
    ("task=multi task.threshold={joy:0.3}", "task.threshold={joy: 0.3}: expected 'auto', 'per_label' or 'common' or"),
    ("data.max_length=64.0", "data.max_length=64.0: expected a whole number, got float 64.0"),
    ("data.cleaning.html=no", "data.cleaning.html=no: expected true or false, got str 'no'"),
    ("data.labels=positive", "data.labels=positive: expected a list, such as [a,b]"),
    ("trainer.max_epochs=two", "trainer.max_epochs=two: expected -1 or a valid integer"),
    ("after_training.calibrate=maybe", "after_training.calibrate=maybe: expected a valid boolean"),
    (
        "average=false",
        "average is gone: the last epoch is exported, unless an earlier one is",
    ),
    # ranges
    ("seed=-1", "seed=-1: expected greater than or equal to 0"),
    ("model.lr=-1", "model.lr=-1: expected greater than 0"),
    ("model.lr=2", "model.lr=2: expected less than or equal to 1"),
    ("model.warmup_ratio=1.5", "model.warmup_ratio=1.5: expected less than 1"),
    ("model.layer_decay=1.5", "model.layer_decay=1.5: expected less than or equal to 1"),
    ("model.loss.label_smoothing=1", "model.loss.label_smoothing=1: expected less than 1"),
    ("model.optimizer.eps=-1", "model.optimizer.eps=-1: expected greater than or equal to 0"),
    ("model.optimizer.betas=[0.9,1.5]", "model.optimizer.betas=[0.9,1.5]: expected less than 1"),
    ("data.max_length=4", "data.max_length=4: expected greater than or equal to 8"),
    (
        "data.max_length=513",
        "max_length=513 exceeds the 512 positions of 'packaged/all-MiniLM-L6-v2'; lower",
    ),
    ("data.batch_size=0", "data.batch_size=0: expected greater than 0"),
    ("data.validation_fraction=1.0", "data.validation_fraction=1.0: expected less than 1"),
    ("data.max_windows=0", "data.max_windows=0: expected greater than 0"),
    (
        "trainer.max_epochs=-1",
        "trainer.max_epochs=-1: the learning rate's schedule needs an end; set",
    ),
    ("+trainer.min_epochs=-5", "trainer.min_epochs=-5: expected greater than or equal to 1"),
    ("trainer.gradient_clip_val=-1", "trainer.gradient_clip_val=-1: expected greater than or equal to 0"),
    ("trainer.limit_train_batches=2.5", "trainer.limit_train_batches=2.5: expected "),
    # names
    (
        "after_training.convert.runtime=onxx",
        "after_training.convert.runtime=onxx: expected 'auto', 'torch', 'onnx', 'onnx-int8' or 'torch-bf16'; did you "
        "mean onnx?",
    ),
    ("model.scheduler=lnear", "model.scheduler=lnear: expected 'linear', 'cosine', "),
    ("data.truncation=heads", "data.truncation=heads: expected 'head', 'tail' or 'head_tail'; did you mean head?"),
    ("data.dedupe=exactly", "data.dedupe=exactly: expected 'none', 'exact' or 'normalised'; did you mean exact?"),
    ("data.drop_leaks=true", "data.drop_leaks=true: expected 'none', 'exact' or 'normalised'"),
    (
        "trainer.accelerator=gpux",
        "trainer.accelerator=gpux: expected 'auto', 'cpu', 'gpu', 'cuda', 'mps' or 'tpu';",
    ),
    ("trainer.devices=two", "trainer: "),
    ("callbacks.best.mode=maxi", "callbacks.best.mode=maxi: expected 'min' or 'max'; did you mean max?"),
    (
        "callbacks.best.monitor=validation/acuracy",
        "callbacks.best.monitor: a run has no metric 'acuracy'; did you",
    ),
    ("optimized_metric=acuracy", "optimized_metric: a run has no metric 'acuracy'; did you mean accuracy?"),
    ("model.backbone=nowhere/none", "cannot load the backbone 'nowhere/none': "),
]


@pytest.mark.parametrize(("override", "message"), MISTAKES, ids=[override for override, _ in MISTAKES])
def test_a_mistake_is_one_clear_line_before_any_data_is_read(override, message, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as caught:
        main(["train", "data.dir=nowhere", *override.split()])  # to read it would be an error of its own
    assert caught.value.code == 2
    error = capfd.readouterr().err.strip()
    assert error.splitlines()[-1].startswith(f"error: {message}")
    assert "Traceback" not in error
    assert not [path for path in tmp_path.rglob("*") if path != tmp_path / "outputs"], "no run folder is left behind"


def test_precision_is_what_the_processor_has(monkeypatch):
    for native, expected in ((True, "bf16-mixed"), (False, "32-true")):
        monkeypatch.setattr("torch.cpu._is_avx512_bf16_supported", lambda native=native: native)
        monkeypatch.setattr("torch.cpu._is_amx_tile_supported", lambda: False)
        assert precision("cpu") == expected


def test_a_resumed_run_keeps_its_folder():
    assert run_folder("outputs", "new", None) == "outputs/new"
    assert run_folder("outputs", "new", "outputs/old") == "outputs/old"
