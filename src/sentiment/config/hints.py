"""Words of lightning-hydra-template and of Lightning's own examples, each answered with the key that does it here."""

from collections.abc import Sequence

from sentiment.errors import ConfigError

MEMORY = "batches are made of token ids in memory, in the process that trains"
KEYS = {  # of train: a key, and those below it
    "ckpt_path": "go on with a stopped run with resume=outputs/RUN; score one with sentiment evaluate run=outputs/RUN",
    "task_name": "a run's folder is paths.output_dir/run_name; set run_name=NAME",
    "tags": "a run has a name, run_name=NAME; W&B's tags are +logger.wandb.tags=[a,b], with +logger=wandb",
    "train": "a run always trains; sentiment evaluate run=outputs/RUN scores a finished one",
    "lr": "set model.lr=RATE",
    "epochs": "set trainer.max_epochs=N",
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
COMMANDS = {  # of other commands
    "evaluate": {"ckpt_path": "name the run: run=outputs/RUN", "seed": "scores have no random part; leave it out"}
}
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


def check_hints(command: str, overrides: Sequence[str]) -> None:
    """Raise ConfigError for the first override that other projects know, with the key that does it here."""
    keys = KEYS if command == "train" else COMMANDS.get(command, {})
    for override in overrides:
        word = override.lstrip("+~")
        key = word.partition("=")[0]
        for known, hint in keys.items():
            if key == known or key.startswith(f"{known}."):
                raise ConfigError(f"unknown key {key}: {hint}")
        if command == "train" and (hint := OPTIONS.get(word, "")):
            raise ConfigError(f"{key} has no option {word.partition('=')[2]!r}: {hint}")
