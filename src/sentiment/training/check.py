"""Validation of the training config before any data is read."""

import copy
import inspect
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge, Lt
from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf, open_dict

from sentiment.backbones import check_length, positions
from sentiment.config.bounds import GONE, OWNED
from sentiment.config.check import check_groups, require, unknown
from sentiment.config.compose import groups
from sentiment.config.keys import check_effective
from sentiment.config.overrides import check_name
from sentiment.config.resources import bundled
from sentiment.config.signatures import check_node, check_value, find, nodes
from sentiment.data.labels import label_texts
from sentiment.errors import ConfigError, ModelError, user_error

TRAINING = {  # types of the keys of conf/train.yaml that no signature declares
    "run_name": str,
    "seed": Annotated[int, Ge(0), Lt(2**32)],
    "resume": str | None,
    "optimized_metric": str,
    "after_training.test": bool | None,
    "after_training.calibrate": bool,
    "after_training.baseline": bool | None,
    "after_training.behaviour": str | None,
}
AFTER_TRAINING = ["convert", *(key.partition(".")[2] for key in TRAINING if key.startswith("after_training."))]
NEEDED = ("best", "last", "stop", "final", "exact_resume", "throughput")  # callbacks that every run requires
REQUIRED = ("data", "model", "task", "trainer", "paths", "after_training", *(f"callbacks.{name}" for name in NEEDED))


def check(cfg: DictConfig) -> None:
    """Raise ConfigError for the first unknown key or invalid value of a training config; no data is read."""
    from sentiment.evaluation.behaviour import read_behaviour
    from sentiment.training.averaging import check_averages
    from sentiment.training.monitors import check_monitors

    check_root(cfg)
    require(cfg)
    check_groups(cfg)
    unread = ("paths", "after_training") if adapts(cfg) else ("paths",)
    if HydraConfig.initialized():
        own = [str(key) for key in cfg if key not in unread]
        check_effective(cfg, HydraConfig.get(), read=[*own, "paths.output_dir"])  # the folder of hydra.run.dir
    check_trainer(cfg)
    for path, node in nodes(cfg):
        check_node(path, node)
    check_times(cfg.trainer)
    if cfg.data.get("labels") is not None:
        label_texts(cfg.data.labels, "data.labels")
    task = instantiate(cfg.task)
    check_model(cfg.model, task)
    check_labels_of(cfg.data, task)
    check_compile(cfg)
    if cfg.data.get("new_tokens") != cfg.model.get("new_tokens"):
        raise ConfigError("data.new_tokens is that of the model; set model.new_tokens alone")
    check_teaching(cfg)
    check_exits(cfg, task)
    check_averages(cfg.get("callbacks"))
    check_monitors(cfg)
    if (tests := cfg.after_training.get("behaviour")) and cfg.after_training.test is not False and not adapts(cfg):
        read_behaviour(Path(tests), [], key="after_training.behaviour")
    with suppress(ModelError):  # an unreachable backbone is reported when it is loaded, which also precedes the data
        limit = positions(cfg.data.backbone, cfg.data.get("backbone_revision"))
        check_length(cfg.data.backbone, cfg.data.max_length, limit)


def check_model(model: DictConfig, task: Any) -> None:
    """Check model settings beyond the signature: none may be overridden elsewhere or lack support in this backbone."""
    from sentiment.data.new_tokens import read_wanted
    from sentiment.training.networks import check_settings
    from sentiment.training.optimizers import check_optimizer
    from sentiment.training.schedules import check_schedule

    if isinstance(optimizer := model.get("optimizer"), DictConfig) and "_target_" in optimizer:
        target = find("model.optimizer", optimizer["_target_"])
        check_optimizer(optimizer, target, lr=model.get("lr"), weight_decay=model.get("weight_decay"))
    schedule = model.get("scheduler") or "linear"
    check_schedule(schedule, model.get("lr_scheduler_kwargs"), warmup_ratio=model.get("warmup_ratio", 0.0))
    if model.get("loss") is not None:
        check_loss(model.loss, task)
    read_wanted(model.get("new_tokens"))
    with suppress(ModelError):
        keys = inspect.signature(check_settings).parameters
        check_settings(**{str(key): value for key, value in model.items() if key in keys})


def check_compile(cfg: DictConfig) -> None:
    """Raise ConfigError where `model.compile=true` would do nothing."""
    from sentiment.training.gpu_kernels import has_gpu

    if cfg.model.get("compile") and not has_gpu(str(cfg.trainer.get("accelerator", "auto"))):
        raise ConfigError(
            "model.compile=true can do nothing here: layers are compiled for CUDA GPUs alone, and "
            f"trainer.accelerator={cfg.trainer.get('accelerator', 'auto')} finds none; set model.compile=null"
        )


def check_labels_of(data: DictConfig, task: Any) -> None:
    """Raise ConfigError where the data is not read as the task has its labels, or its keys contradict each other."""
    from sentiment.data.label_form import LabelForm

    multi = bool(data.get("multi_label"))
    if multi != (task.kind == "multi"):
        raise ConfigError(f"data.multi_label={str(multi).lower()} and task={task.kind}: set task=multi alone")
    LabelForm.of(multi, data.get("label_separator"), data.get("label_columns"), data.get("label_column"))


def adapts(cfg: DictConfig) -> bool:
    """Return True for experiment=adapt. Raises ConfigError where one of its parts stands among others."""
    parts = {
        f"{part}={option}": str(cfg[part].get("_target_")).endswith(name)
        for part, option, name in (
            ("data", "texts", ".TextData"),
            ("model", "masked", ".MaskedLanguageModel"),
            ("task", "masked", ".MaskedTokens"),
        )
    }
    if any(parts.values()) and not all(parts.values()):
        found, lacking = (next(part for part, there in parts.items() if there is wanted) for wanted in (True, False))
        raise ConfigError(f"{found} without {lacking}: they belong together; set experiment=adapt, which sets both")
    return all(parts.values())


def check_exits(cfg: DictConfig, task: Any) -> None:
    """Raise ConfigError where `model.exits` would do nothing."""
    if (exits := cfg.model.get("exits")) is None:
        return
    told = f"model.exits={list(exits)} does nothing with"
    if task.kind != "single":
        raise ConfigError(f"{told} task={task.kind}: exits are for one of several labels; set model.exits=null")
    convert = cfg.after_training.convert
    if not convert or convert.get("runtime") not in ("auto", "onnx", "onnx-int8"):
        named = convert.get("runtime") if convert else "null"
        raise ConfigError(f"{told} after_training.convert.runtime={named}: they are for ONNX; set auto or onnx-int8")


def check_teaching(cfg: DictConfig) -> None:
    """Check that the teachers are there, and that nothing is set which a run without them does not read."""
    from sentiment.training.distillation import check_teachers, teachers
    from sentiment.training.model import SentimentClassifier

    names = teachers(cfg.model.get("teacher"))
    single = instantiate(cfg.task).kind != "multi"
    for key in ("teacher", "r_drop"):
        if cfg.model.get(key) and not single:
            raise ConfigError(f"model.{key}={cfg.model[key]}: for one label a text, not for task=multi; leave it out")
    if names:
        check_teachers(names)
        return
    defaults = inspect.signature(SentimentClassifier).parameters  # a class of one's own may take **kwargs
    given = [
        f"model.{key}={cfg.model[key]}"
        for key in ("teacher_temperature", "teacher_share")
        if key in cfg.model and cfg.model[key] != defaults[key].default
    ]
    if cfg.data.get("unlabelled"):
        given.append(f"data.unlabelled={cfg.data.unlabelled}")
    if given:
        raise ConfigError(f"{given[0]} does nothing without a teacher; set model.teacher=RUN, or leave it out")


def check_loss(loss: DictConfig, task: Any) -> None:
    """Build the configured loss.

    Raises:
        ConfigError: It refuses an argument, is no loss, or trains another kind of label.
    """
    from sentiment.training.losses import as_loss

    try:
        task.check_loss(as_loss(instantiate(loss)))
    except InstantiationException as error:
        raise user_error(error) or ConfigError(f"model.loss: {' '.join(str(error.__cause__).split())}") from error


def check_root(cfg: DictConfig) -> None:
    """Check the top-level keys of conf/train.yaml: all known, none removed, required ones present, each of its type."""
    known, groups = root_keys()
    for key in cfg:
        if key in GONE:
            raise ConfigError(GONE[str(key)])
    unknown(cfg, [*known, *groups])
    for key in (*known, *REQUIRED):
        if OmegaConf.select(cfg, key) is None and (key not in cfg or key in REQUIRED):
            raise ConfigError(f"{key} is required; do not remove it")
    unknown(cfg.after_training, AFTER_TRAINING, "after_training.")
    for key, hint in TRAINING.items():
        check_value(key, OmegaConf.select(cfg, key), hint)
    check_name(cfg.run_name)


def complete(cfg: DictConfig) -> DictConfig:
    """Return a copy of the config in which null loggers or callbacks mean none, but for the required callbacks."""
    completed = copy.deepcopy(cfg)
    with open_dict(completed):
        completed.logger = completed.get("logger") or {}
        if not completed.get("callbacks"):
            default: Any = OmegaConf.load(bundled("conf") / "callbacks" / "default.yaml")
            completed.callbacks = {name: default[name] for name in NEEDED}
    return completed


def check_trainer(cfg: DictConfig) -> None:
    """Reject Trainer arguments that Lightning accepts but a run cannot use."""
    trainer = cfg.trainer
    for key, reason in OWNED.items():
        if key in trainer:
            raise ConfigError(f"trainer.{key} is not yours to set: {reason}")
    if trainer.get("use_distributed_sampler"):
        raise ConfigError("trainer.use_distributed_sampler=true: each process takes its share of a batch already")
    if trainer.get("max_epochs") in (-1, None) and trainer.get("max_steps", -1) in (-1, None):
        raise ConfigError(
            f"trainer.max_epochs={trainer.get('max_epochs')}: the learning rate's schedule needs an end; set "
            "trainer.max_epochs or trainer.max_steps"
        )
    for what in ("epochs", "steps"):
        least, most = trainer.get(f"min_{what}"), trainer.get(f"max_{what}")
        if least is not None and most not in (-1, None) and least > most:
            raise ConfigError(
                f"trainer.min_{what}={least}: more than trainer.max_{what}={most}, the end of training; raise that"
            )


def check_times(trainer: DictConfig) -> None:
    """Raise ConfigError for a time of zero, after which no batch is trained or validation never ends."""
    for key in ("max_time", "val_check_interval"):
        time = trainer.get(key)
        parts = time.split(":") if isinstance(time, str) else time.values() if isinstance(time, DictConfig) else [1]
        if not any(map(int, parts)):
            raise ConfigError(f"trainer.{key}={time}: no time at all; give DD:HH:MM:SS, or null")


@cache
def root_keys() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the top-level keys of conf/train.yaml and its config groups."""
    own: Any = OmegaConf.load(bundled("conf") / "train.yaml")
    keys = tuple(str(key) for key in own if key not in ("defaults", "hydra"))
    return keys, tuple(name for name in groups("train") if name != "hydra")
