"""Make the pictures of the web page: python docs/page_images.py URL, with `sentiment ui` running at URL."""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

TEXT = "Gorgeous to look at and wonderful songs, but it drags, and the ending is a mess."
IMAGES = Path(__file__).parent / "pages" / "images"
SIZES = {"desktop": (1000, "light"), "phone": (390, "dark")}

with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
    for name, (width, scheme) in SIZES.items():
        page = browser.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme)
        page.set_default_timeout(120_000)
        page.goto(sys.argv[1])
        page.get_by_role("textbox", name="Text").first.fill(TEXT)
        page.get_by_role("button", name="Classify").click()
        page.locator("#words .text").wait_for()
        page.wait_for_timeout(1000)
        page.screenshot(path=IMAGES / f"page-{name}.png", full_page=True)
    browser.close()
