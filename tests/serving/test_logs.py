"""What the logs of Java tell of it."""

from sentiment.serving.logs import JAVA_LOG, MemoryWatch

FULL = "java.lang.OutOfMemoryError: Cannot reserve 1048576 bytes of direct buffer memory\n"


def test_memory_that_ran_out_is_seen_once_it_is_logged_whole_and_in_a_new_file(tmp_path):
    log, watch = tmp_path / JAVA_LOG, MemoryWatch(tmp_path)
    assert not watch.ran_out()
    log.parent.mkdir()
    log.write_text("[INFO ] started\n" + FULL[:20])
    assert not watch.ran_out()
    with log.open("a") as file:
        file.write(FULL[20:])
    assert watch.ran_out()
    assert not watch.ran_out()
    log.write_text("[WARN ]\n")
    assert not watch.ran_out()
