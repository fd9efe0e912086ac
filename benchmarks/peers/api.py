"""FastAPI around a transformers pipeline: uvicorn benchmarks.peers.api:app, with the model in MODEL."""

import os

from fastapi import FastAPI
from pydantic import BaseModel
from transformers import pipeline

app = FastAPI()
classify = pipeline("text-classification", model=os.environ["MODEL"])


class Asked(BaseModel):
    text: str


@app.post("/predict")
def predict(asked: Asked) -> dict[str, object]:
    found: dict[str, object] = classify(asked.text, truncation=True)[0]
    return found
