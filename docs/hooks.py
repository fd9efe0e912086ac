"""Reference pages made at each build, so that they cannot fall behind the code: *_page.py."""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import config_page
import exit_codes_page
import metrics_page
import python_page
import rest_page
from mkdocs.structure.files import File, Files

PAGES = {
    "config": config_page,
    "exit-codes": exit_codes_page,
    "metrics": metrics_page,
    "python": python_page,
    "rest": rest_page,
}


def on_files(files: Files, config: Any) -> Files:
    for name, page in PAGES.items():
        files.append(File.generated(config, f"reference/{name}.md", content=page.render()))
    return files
