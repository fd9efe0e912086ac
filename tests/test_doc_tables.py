"""What the documents name is there: tests, messages, keys, files, names of code, variables, links and anchors."""

import pkgutil
import re

import pytest

from tests.conftest import ROOT
from tests.docs.blocks import PAGES
from tests.docs.spans import OPENAPI, SPANS, is_message, keys, phrases, printed, prose, stale_phrases, texts_of_the_code

NAMED = re.compile(r"`((?:\w+/)*test_\w+\.py)?(?:::)?(test_\w+)`")
DOCUMENTS = ("torchserve.md", "upstream-cases.md", "threat-model.md")
PROGRAMS = (
    "Authorization:",
    "docker",
    "kubectl",
    "pip",
    "curl",
    "sentiment",
    "python",
    "make",
)  # these begin commands, not messages
OTHERS = re.compile(  # what Python, Linux and TorchServe say
    r"Token Authorization failed\.?( Token either incorrect, expired, or not provided correctly)?"
    r"|Address already in use |Expecting property name enclosed in double quotes|send the text as JSON or as text/plain"
)
KEY = re.compile(r"[~+]{0,2}([a-z_]\w*(?:[./][a-z_]\w*)*)=(?!=)")
ARGUMENTS = {"ca_file", "server_name", "key", "trust_remote_code", "metrics_mode"}  # of Python or TorchServe
DOTTED = re.compile(r"[a-z_]\w*(?:\.[A-Za-z_]\w*)+")
EXAMPLES = re.compile(r"(in|out|mine|scored|predicted|ca|server|tls|feedback)\.(csv|jsonl|pem|crt|key)\b")  # of users
UPSTREAM = "upstream-cases.md"  # names files of pytorch/serve
TRACES = {"sentiment.predict", "sentiment.explain", "sentiment.describe", "sentiment.batch"}  # spans of OpenTelemetry
FOREIGN = {"ts.torch_handler", "access_log.log", "train_labels.txt", "aclImdb_v1.tar.gz"}  # named by others
VARIABLE = re.compile(r"\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b")
STANDARD = ("AWS_", "TS_", "OTEL_", "PIP_", "OMP_", "RAY_", "JAVA_")  # variables that other programs read
PATH = re.compile(r"[\w.-]+(/[\w.*-]+)+/?")
WRITTEN = ("conf/local/", "data/processed", "docs/site", ".cache")  # by commands
FOLDERS = ("src", "deploy", "handlers", "conf", "benchmarks", "tests", "docs/pages")
LINK = re.compile(r"\]\(([^)\s]+)\)|<img src=\"([^\"]+)\"")
MADE = ("config.md", "rest.md", "metrics.md", "python.md", "exit-codes.md")  # by docs/hooks.py
FILES = {path.name for folder in ("", *FOLDERS) for path in (ROOT / folder).glob("**/*" if folder else "*")}
MARKDOWN = [*PAGES, *ROOT.glob("*.md"), ROOT / "benchmarks" / "RESULTS.md", ROOT / "data" / "demo" / "README.md"]


def test_the_folder_of_a_test_and_its_file_may_be_named():
    text = "`serving/test_tls.py::test_a`, `::test_b`, `test_c`, `test_bodies.py` of another project"
    assert NAMED.findall(text) == [("serving/test_tls.py", "test_a"), ("", "test_b"), ("", "test_c")]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_test_a_document_names_is_there(name):
    text = (ROOT / "docs" / "pages" / "explanation" / name).read_text(encoding="utf-8")
    files = {f"/{path.relative_to(ROOT)}": path.read_text(encoding="utf-8") for path in ROOT.glob("tests/**/test_*.py")}
    evidence = NAMED.findall(text)
    assert len(evidence) > 20
    for file, test in evidence:
        within = [content for path, content in files.items() if path.endswith(f"/{file}" if file else "")]
        assert any(f"def {test}(" in content for content in within), f"{file}::{test}"


def test_the_answer_to_where_something_is_defines_it():
    text = (ROOT / "docs" / "pages" / "explanation" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| [^|]+ \| `([\w/]+\.py)` \| (`[^|]+`) \|$", text, re.MULTILINE)
    assert len(rows) > 20
    for file, names in rows:
        code = (ROOT / "src" / "sentiment" / file).read_text(encoding="utf-8")
        for name in re.findall(r"`(\w+)`", names):
            assert re.search(rf"^(?:def |class |)\b{name}\b(?:\(|:| =)", code, re.MULTILINE), f"{file}: {name}"


def test_a_message_is_split_at_its_values():
    message = "unknown key trainer.max_epoch; did you mean trainer.max_epochs?"
    assert phrases(message) == ["unknown key", "did you mean"]
    assert is_message(message)
    assert not is_message("sentiment ready wait=60")


def test_every_message_that_a_page_quotes_is_one_of_the_code():
    quoted = [(page, span) for page, span in SPANS if is_message(span) and span.split()[0] not in PROGRAMS]
    lines = [(page, line) for page in PAGES for line in printed(page) if line.startswith("error: ")]
    quoted += [(page, line.removeprefix("error: ")) for page, line in lines]
    troubles = ROOT / "docs" / "pages" / "how-to" / "troubleshooting.md"
    quoted += [(troubles, row) for row in re.findall(r"^\| `([^`]+)` \|", prose(troubles), re.MULTILINE)]
    assert len(quoted) > 40
    stale = [(page.name, phrase) for page, span in quoted for phrase in stale_phrases(OTHERS.sub("...", span))]
    assert stale == []


def test_every_key_that_a_page_names_is_in_conf():
    top = {key for key in keys() if "." not in key}
    stale = [
        f"{page.name}: {word}"
        for page, span in SPANS
        for word in span.split()
        if (found := KEY.match(word)) and found[1] not in (keys() if "." in found[1] else top | ARGUMENTS)
    ]
    assert stale == []


def test_every_dotted_name_is_a_key_a_file_or_code():
    stale = [
        f"{page.name}: {span}"
        for page, span in SPANS
        if page.name != UPSTREAM and DOTTED.fullmatch(span) and not is_known(span)
    ]
    assert stale == []


def is_known(name):
    if name in keys() | TRACES | FOREIGN or name in texts_of_the_code() or EXAMPLES.match(name):
        return True
    if name in FILES:
        return True
    try:
        return pkgutil.resolve_name(name) is not None
    except (ImportError, AttributeError):
        return False


def test_every_path_of_this_repository_is_there():
    top = {path.name for path in ROOT.iterdir()} - {"outputs", "model_store", "data"}
    named = [(page, span) for page, span in SPANS if PATH.fullmatch(span) and span.split("/")[0] in top]
    assert len(named) > 15
    gone = [(page, span) for page, span in named if not [*ROOT.glob(span.rstrip("/").replace("NAME", "*"))]]
    assert [f"{page.name}: {span}" for page, span in gone if not span.startswith(WRITTEN)] == []


def test_every_variable_is_read_somewhere():
    files = [path for folder in FOLDERS[:5] for path in (ROOT / folder).rglob("*") if path.is_file()]
    files += [ROOT / name for name in ("compose.yaml", "Makefile", ".env.example")]
    code = "\n".join(path.read_text(encoding="utf-8", errors="ignore") for path in files if path.suffix != ".pyc")
    named = [(page, name) for page, span in SPANS for name in VARIABLE.findall(span)]
    assert len(named) > 15
    assert [f"{page.name}: {name}" for page, name in named if name not in code and not name.startswith(STANDARD)] == []


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_anchors_resolve(page):
    for found in LINK.findall(page.read_text(encoding="utf-8")):
        target, _, anchor = "".join(found).partition("#")
        if target.startswith(("http:", "https:", "mailto:")):
            continue
        file = (page.parent / target).resolve() if target else page
        if file.parent.name == "reference" and file.name in MADE:
            assert page.is_relative_to(ROOT / "docs" / "pages"), f"{target} is made by make docs alone"
            continue
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), f"{target}#{anchor}"


def anchors(page):
    """Return the anchors of a page's headings, as GitHub and mkdocs make them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\s-]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def test_the_rest_api_is_read_too():
    assert any(page == OPENAPI for page, _ in SPANS)
