"""The Gradio web page."""

from sentiment.ui.command import launch

__all__ = ["launch"]
