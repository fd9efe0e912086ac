"""Log lines as JSON."""

import json
import logging


class JsonLine(logging.Formatter):
    """Formatter with the keys of TorchServe's JSON log lines."""

    def format(self, record: logging.LogRecord) -> str:
        time = self.formatTime(record)
        line = {"time": time, "level": record.levelname, "thread": record.threadName, "logger": record.name}
        return json.dumps({**line, "message": record.getMessage()})
