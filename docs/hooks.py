"""Reference pages made at each build, so that they cannot fall behind: see config_page.py and rest_page.py."""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import config_page
import rest_page
from mkdocs.structure.files import File, Files


def on_files(files: Files, config: Any) -> Files:
    for name, render in {"config": config_page.render, "rest": rest_page.render}.items():
        files.append(File.generated(config, f"reference/{name}.md", content=render()))
    return files
