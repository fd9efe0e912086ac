from benchmarks.__main__ import notes


def test_a_new_table_leaves_the_notes_below_it(tmp_path):
    page = tmp_path / "RESULTS.md"
    assert notes(page) == ""
    page.write_text("# Speed\n\n| work |\n|---|\n")
    assert notes(page) == ""
    page.write_text("# Speed\n\n| work |\n|---|\n\n## Recipes\n\na\n\n## More\n\nb\n")
    assert notes(page) == "\n## Recipes\n\na\n\n## More\n\nb\n"
