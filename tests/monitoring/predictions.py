"""Predicted rows of twelve days."""

import datetime as dt

import numpy as np

HEADER = ("id", "created", "brand", "text", "prediction", "score", "p_negative", "p_positive")


def day(number, hour=9):
    return (dt.datetime(2026, 1, 5, hour) + dt.timedelta(days=number)).isoformat()


def predicted(share, *, days=12, count=120, brand="Acme", seed=0):
    """Rows of predictions; `share` gives the share of negative texts on a day."""
    rng, rows = np.random.default_rng(seed), []
    for number in range(days):
        for i in range(count):
            p = round(float(rng.uniform(0.8, 0.98) if rng.random() < share(number) else rng.uniform(0.02, 0.2)), 6)
            label = "negative" if p > 0.5 else "positive"
            text = (
                f"@user{i} the parcel is late {i} {number}"
                if number == 10 and p > 0.5
                else f"a {label} word {i} {number}"
            )
            rows.append((f"{brand}-{number}-{i}", day(number), brand, text, label, max(p, 1 - p), p, round(1 - p, 6)))
    return rows


def moved(number):
    return 0.7 if number == 10 else 0.2
