"""The page: status line, one module for each tab, and API endpoints."""

import logging
import re
from pathlib import Path
from typing import Any

import gradio as gr

from sentiment import monitoring
from sentiment.config.extras import is_installed
from sentiment.evaluation.report import template
from sentiment.ui.api import end_points
from sentiment.ui.app_state import AppState
from sentiment.ui.compare import compare_tab
from sentiment.ui.file import file_tab
from sentiment.ui.label import label_tab
from sentiment.ui.model import model_tab
from sentiment.ui.status import status_line
from sentiment.ui.text import text_tab

log = logging.getLogger(__name__)

STATIC = Path(__file__).parent / "static"
HEADLINE = "# Sentiment\nHow a text feels about what it speaks of, as a fine-tuned BERT reads it."


def page(desk: AppState, *, max_file_mb: int) -> Any:
    """Build the page without launching it."""
    with gr.Blocks(title="Sentiment", analytics_enabled=False) as blocks:
        end_points(desk)  # first, so that no tab event takes the endpoints' names
        gr.Markdown(HEADLINE, elem_id="headline")
        status = status_line(blocks, desk)
        with gr.Tab("Text"):
            text_tab(desk, status)
        with gr.Tab("File"):
            file_tab(desk, max_file_mb=max_file_mb)
        if is_installed("sentiment.ui.trends"):
            from sentiment.ui.trends import trends_tab

            with gr.Tab("Trends"):
                trends_tab(desk, max_file_mb=max_file_mb)
        else:
            log.warning("the page has no tab Trends, which needs: pip install 'bert-sentiment[train]'")
        with gr.Tab("Label"):
            label_tab(desk, max_file_mb=max_file_mb)
        with gr.Tab("Compare") as tab:
            compare_tab(tab, desk, status)
        with gr.Tab("Model") as tab:
            model_tab(tab, desk, status)
        blocks.unload(desk.left)
    return blocks


def styles() -> str:
    """Return the style of the page, with the colours and charts of the report and the monitor."""
    monitor, own = (
        path.read_text(encoding="utf-8")
        for path in (Path(monitoring.__file__).parent / "monitor.css", STATIC / "page.css")
    )
    colours = {"": ":root", "dark": ".dark"}
    rules = [
        f"{colours[scheme]} {{ {' '.join(re.findall(r'--[^;]+;', block))} }}"
        for css in (template.css(), monitor)
        for scheme, block in re.findall(
            r"^(?:@media \(prefers-color-scheme: (dark)\) \{\s*)?:root \{(.*?)\}", css, re.DOTALL | re.MULTILINE
        )
    ]
    charts = re.sub(r"^(:root|@media (print|\(prefers)).*\n?", "", monitor, flags=re.MULTILINE)
    return "\n".join([*rules, charts, own])


def scripts() -> str:
    return f"<script>{(STATIC / 'page.js').read_text(encoding='utf-8')}</script>"


def theme() -> Any:
    """Build the theme: system fonts, so that none is downloaded, and small print with enough contrast."""
    made = gr.themes.Base(
        primary_hue="blue",
        neutral_hue="slate",
        radius_size="md",
        text_size="lg",
        font=("system-ui", "sans-serif"),
        font_mono=("ui-monospace", "monospace"),
    )
    return made.set(
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
        block_label_text_color="*neutral_700",
        block_title_text_color="*neutral_700",
        color_accent="*primary_700",
        input_border_color="*neutral_300",
        input_border_width="1px",
        input_background_fill="white",
        input_background_fill_dark="*neutral_900",
        block_border_width="0px",
        block_padding="0px",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        body_background_fill="#fafbfc",
        button_large_text_size="*text_md",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_hover_dark="*primary_800",
        button_primary_text_color="white",
    )
