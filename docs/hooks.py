"""Reference pages made at each build, so that they cannot fall behind: config_page.py, python_page.py, rest_page.py."""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import config_page
import python_page
import rest_page
from mkdocs.structure.files import File, Files


def on_files(files: Files, config: Any) -> Files:
    for name, page in {"config": config_page, "python": python_page, "rest": rest_page}.items():
        files.append(File.generated(config, f"reference/{name}.md", content=page.render()))
    return files
