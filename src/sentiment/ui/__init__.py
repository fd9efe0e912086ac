"""The Gradio page."""

from sentiment.ui.page import launch, page

__all__ = ["launch", "page"]
