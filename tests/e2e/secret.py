"""A word of a user that must stand in no file of a server."""

SECRET = "averysecretword"


def assert_no_secret(folder):
    for path in [*(folder / "logs").iterdir(), folder / "console.log"]:
        assert SECRET not in path.read_text(errors="replace"), path
