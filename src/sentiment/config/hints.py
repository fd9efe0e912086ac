"""Words of lightning-hydra-template and of Lightning's own examples, each answered with the key that does it here."""

from collections.abc import Collection, Sequence

from sentiment.errors import ConfigError

MEMORY = "batches are made of token ids in memory, in the process that trains"
KEYS = {  # of train: a key, and those below it
    "ckpt_path": "go on with a stopped run with resume=outputs/RUN; score one with sentiment evaluate run=outputs/RUN",
    "task_name": "a run's folder is paths.output_dir/run_name; set run_name=NAME",
    "tags": "a run has a name, run_name=NAME; W&B's tags are +logger.wandb.tags=[a,b], with +logger=wandb",
    "train": "a run always trains; sentiment evaluate run=outputs/RUN scores a finished one",
    "lr": "set model.lr=RATE",
    "epochs": "set trainer.max_epochs=N",
    "batch_size": "set data.batch_size=N",
    "seed_everything": "set seed=N",
    "extras": "-v prints the whole config; there are no tags to enforce, and libraries are kept quiet",
    "data.num_workers": f"{MEMORY}; set data.batch_size",
    "data.pin_memory": f"{MEMORY}; set data.batch_size",
    "data.persistent_workers": f"{MEMORY}; set data.batch_size",
    "data.path": "set data=files and data.train=FILE, or data.dir=FOLDER",
    "data.data_dir": "set data.dir=FOLDER",
    "data.train_val_test_split": "set data.validation_fraction, or files: data.train, data.validation, data.test",
    "paths.data_dir": "set data.dir=FOLDER",
    "paths.log_dir": "logs are in the run's folder; set paths.output_dir=FOLDER",
    "paths.root_dir": "paths are those of the folder that the command is started in; set paths.output_dir=FOLDER",
    "paths.work_dir": "paths are those of the folder that the command is started in; set paths.output_dir=FOLDER",
    "model.name": "set model.backbone=ID, a hub id or a folder",
    "model.model_name": "set model.backbone=ID, a hub id or a folder",
    "model.learning_rate": "set model.lr=RATE",
    "model.net": "the network is a pretrained one; set model.backbone=ID",
    "model.scheduler.T_max": "set model.scheduler=cosine, and model.lr_scheduler_kwargs",
    "callbacks.model_checkpoint": "the best and the last weights are kept; set optimized_metric=NAME",
    "callbacks.model_summary": "set trainer.enable_model_summary=true",
    "callbacks.rich_progress_bar": "set callbacks.progress=null for none",
    "trainer.gpus": "set trainer.accelerator=gpu and trainer.devices=N",
    "trainer.tpu_cores": "set trainer.accelerator=tpu and trainer.devices=N",
    "trainer.resume_from_checkpoint": "go on with a stopped run with resume=outputs/RUN",
    "trainer.num_processes": "set trainer=ddp and trainer.devices=N",
}
RUN = "name the run: run=outputs/RUN"
CPU = "it computes on the CPU; leave it out"
BUDGET = "texts are grouped by length under a budget of tokens; leave it out"
DEVICE = {"trainer": "set engine.device=cuda, with engine=local", "ckpt_path": f"{RUN}, with engine=local"}
TABLE = {
    "ckpt_path": RUN,
    "data.batch_size": f"{BUDGET}; with engine=rest set engine.batch_size",
    "data": "name the table: input=FILE",
    "batch_size": f"{BUDGET}; with engine=rest set engine.batch_size",
}
COMMANDS: dict[str, dict[str, str]] = {  # of other commands, where it is no key of theirs
    "predict": {**DEVICE, **TABLE},
    "monitor": {**DEVICE, **TABLE},
    "ui": {**DEVICE, "batch_size": "set engine.batch_size, the texts of a request"},
    "evaluate": {
        "ckpt_path": RUN,
        "seed": "scores have no random part; leave it out",
        "trainer": CPU,
        "batch_size": BUDGET,
        "data.batch_size": BUDGET,
    },
    "review": {"ckpt_path": RUN, "trainer": "the run's own, for method=refit; leave it out", "batch_size": BUDGET},
    "export": {"ckpt_path": RUN, "trainer": CPU, "batch_size": BUDGET},
    "package": {"ckpt_path": RUN, "trainer": "a worker takes a GPU where there is one; leave it out"},
    "deploy": {
        "ckpt_path": RUN,
        "batch_size": "set package.batch_size",
        "package.name": "the model is the server's: set engine.model=NAME",
        "name": "the model is the server's: set engine.model=NAME",
        "model": "the model is the server's: set engine.model=NAME",
    },
    "rollback": {"engine.model": "set name=NAME", "model": "set name=NAME"},
    "serve": {
        "run": "archives are served, which sentiment package run=outputs/RUN makes",
        "ckpt_path": "archives are served, which sentiment package run=outputs/RUN makes",
        "trainer": "a worker takes a GPU where there is one; leave it out",
        "batch_size": "it is the archive's: sentiment package batch_size=N",
        "workers": "they are the archive's: sentiment package workers=N",
        "port": "set inference_port",
    },
    "preprocess": {"run": "texts are read from data: data=files data.train=FILE, or data.dir=FOLDER"},
}
TRAINING = (  # keys and groups that sentiment train alone reads
    *("trainer", "model", "callbacks", "logger", "loss", "task", "experiment", "debug", "hparams_search"),
    *("seed", "run_name", "resume", "optimized_metric", "after_training"),
)
OF_TRAINING = "it is of training: sentiment train {key}=...; what is trained keeps it"
OPTIONS = {  # an option of a config group
    "trainer=gpu": "set trainer.accelerator=gpu",
    "trainer=cpu": "set trainer.accelerator=cpu",
    "trainer=mps": "set trainer.accelerator=mps",
    "trainer=ddp_sim": "set trainer=ddp, trainer.accelerator=cpu and trainer.devices=2",
    "callbacks=none": "set callbacks=null",
    "callbacks=model_checkpoint": "the best and the last weights are always kept; set optimized_metric=NAME",
    "callbacks=model_summary": "set trainer.enable_model_summary=true",
    "callbacks=rich_progress_bar": "the bar is in default; set callbacks.progress=null for none",
    "logger=none": "set logger=null",
    "logger=many": "set logger=[csv,tensorboard,mlflow]",
    "logger=many_loggers": "set logger=[csv,tensorboard,mlflow]",
    "logger=comet": "choose +logger=tensorboard, mlflow or wandb",
    "logger=neptune": "choose +logger=tensorboard, mlflow or wandb",
    "logger=aim": "choose +logger=tensorboard, mlflow or wandb",
    "debug=default": "choose debug=fast, three batches, or debug=overfit",
    "debug=fdr": "choose debug=fast, three batches, or debug=overfit",
    "debug=limit": "choose debug=fast, or set trainer.limit_train_batches",
    "debug=profiler": "set trainer.profiler=simple",
    "hparams_search=mnist_optuna": "choose hparams_search=optuna",
    "experiment=example": "choose experiment=imdb_minilm, sst2_minilm, tweets_minilm or emotion_minilm",
    "data=mnist": "choose data=demo, files, sst2 or imdb",
    "model=mnist": "choose model=minilm, minilm_lora or bert_base",
}


def check_hints(command: str, overrides: Sequence[str], own: Collection[str]) -> None:
    """Raise ConfigError for the first override that other projects know and the `own` keys and groups lack."""
    for override in overrides:
        word = override.lstrip("+~")
        key, _, option = word.partition("=")
        if command == "train" and word in OPTIONS:
            raise ConfigError(f"{key} has no option {option!r}: {OPTIONS[word]}")
        if not key.startswith("-") and (hint := hint_of(command, key, own)):
            raise ConfigError(f"unknown key {key}: {hint}")


def hint_of(command: str, key: str, own: Collection[str]) -> str | None:
    hints = KEYS if command == "train" else COMMANDS.get(command, {})
    known = next((known for known in hints if f"{key}.".startswith(f"{known}.")), None)
    if known is not None:
        return hints[known]
    if key == "data.batch_size" and "data" not in own:
        return hint_of(command, "batch_size", own)
    root = key.partition(".")[0]
    return OF_TRAINING.format(key=key) if command != "train" and root in TRAINING and root not in own else None
