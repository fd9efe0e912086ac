"""Every command refuses a wrong key or value in one clear line, as training does."""

import pytest

from sentiment.cli import main


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["preprocess", "data=imbd"], "data has no option 'imbd'; did you mean imdb? choose one of:"),
        (
            ["preprocess", "+foo=1"],
            "unknown key foo: sentiment.data.preprocess.preprocess takes no 'foo'; there are",
        ),
        (["preprocess", "data.dir=nowhere", "data.max_length=1000"], "max_length=1000 exceeds the 512 positions"),
        (["preprocess", "data.dir=nowhere", "data.max_length=0"], "data.max_length=0: expected greater than or equal"),
        (
            ["preprocess", "data.dir=nowhere", "data.batch_size=8"],
            "data.batch_size does nothing in sentiment preprocess",
        ),
        (["preprocess", "+modul.foo=1"], "unknown key modul: sentiment.data.preprocess.preprocess takes no 'modul'"),
        (
            ["evaluate", "run=x", "data=demo", "data.max_length=9"],
            "data.max_length does nothing in sentiment evaluate; ",
        ),
        (
            ["evaluate", "run=x", "data.test=x.csv"],
            "data.test: no option of data is chosen; give data=NAME too, one of base, demo, files,",
        ),
        (
            ["evaluate", "run=x", "data=files", "data.test=x", "data.cleaning.urls=false"],
            "data.cleaning.urls does nothing in sentiment evaluate; leave it out",
        ),
        (["evaluate", "run=x", "paths.cache=x"], "paths.cache does nothing in sentiment evaluate; leave it out"),
        (["serve", "paths.cache=x"], "paths.cache does nothing in sentiment serve; leave it out"),
        (
            ["train", "data.dir=nowhere", "paths.model_store=x"],
            "paths.model_store does nothing in sentiment train; leave it out",
        ),
        (
            ["predict", "input=a", "output=b", "run=x", "engine=rest"],
            "run does nothing in sentiment predict with engine=",
        ),
        (
            ["predict", "input=a", "output=b", "run=x", "server=http://a:1"],
            "server does nothing in sentiment predict w",
        ),
        (
            ["predict", "input=a", "output=b", "run=x", "paths.key_file=x"],
            "paths.key_file does nothing in sentiment pre",
        ),
        (
            ["ui", "engine=local", "run=x", "management_url=http://a:1"],
            "management_url does nothing in sentiment ui with",
        ),
        (["ready", "run=x"], "unknown key run; "),
        (["models", "server=ftp://a"], "server=ftp://a: expected http://HOST:PORT or https://HOST:PORT"),
        (
            ["models", "server=https://a"],
            "management_url=null: this command needs it; set management_url=http://HOST:PO",
        ),
        (
            ["train", "callbacks=ema"],
            "callbacks=ema leaves out default, which every run needs; give +callbacks=ema, or",
        ),
        (
            ["preprocess", "data.dir=nowhere", "+paths.outpts=x"],
            "unknown key paths.outpts; did you mean paths.output_dir?",
        ),
        (
            ["train", "trainer.accelerator=cpu", "model.compile=true"],
            "model.compile=true can do nothing here: layers are compiled for CUDA GPUs alone, and "
            "trainer.accelerator=cpu finds none; set model.compile=null",
        ),
        (["evaluate", "run=x", "+splt=test"], "unknown key splt: "),
        (["package", "run=x", "worker=2"], "unknown key worker; did you mean workers?"),
        (["package", "run=x", "batch_size=-1"], "batch_size=-1: expected greater than "),
        (
            ["predict", "run=x", "engine=rset"],
            "engine has no option 'rset'; did you mean rest? choose one of: local, ray, rest",
        ),
        (["predict", "run=x", "engine.chunk_rows=500"], "unknown key engine.chunk_rows; did you mean chunk?"),
        (["train", "trainer.lr=1e-5"], "unknown key trainer.lr; did you mean model.lr?"),
        (["train", "foo.bar=1"], "unknown key foo.bar; sentiment train --help lists them"),
        (["serve", "inference_port=70000"], "inference_port=70000: expected less than or equal to 65535"),
        (["serve", "inferense_port=8080"], "unknown key inferense_port; did you mean inference_port?"),
        (
            ["monitor", "input=x", "output=y", "text_column=[title,body]"],
            "text_column=[title,body]: expected a valid string, one alone: not a list",
        ),
        (
            ["monitor", "input=x", "output=y", "time=2015"],
            "time=2015: expected a valid string; as text: \"time='2015'\"",
        ),
        (
            ["train", "task=multi", "task.threshold=1.5"],
            "task.threshold=1.5: expected 'auto', 'per_label' or 'common' or a number less than or equal to 1",
        ),
        (["ui", "port=abc"], "port=abc: expected a valid integer"),
        (["demo", "ports=[1,2]"], "ports=[1,2]: expected more values"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_every_command_is_as_strict(arguments, message, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command, *overrides = arguments
    with pytest.raises(SystemExit) as caught:
        main([command, *overrides])
    assert caught.value.code == 2
    assert capfd.readouterr().err.strip().startswith(f"error: {message}")
    assert not [path for path in tmp_path.rglob("*") if path != tmp_path / "outputs"]


def test_a_required_value_is_named(capfd):
    with pytest.raises(SystemExit):
        main(["package"])
    assert "error: run is required and has no value; set run=..." in capfd.readouterr().err
