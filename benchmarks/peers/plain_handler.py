"""A TorchServe handler as tutorials have it: tokenize the batch, pad it, one forward pass."""

import json

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from ts.torch_handler.base_handler import BaseHandler


class PlainHandler(BaseHandler):
    def initialize(self, context):
        folder = context.system_properties["model_dir"]
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
        self.initialized = True

    def preprocess(self, rows):
        bodies = [row.get("data") or row.get("body") for row in rows]
        return [(json.loads(body) if isinstance(body, bytes | bytearray) else body)["text"] for body in bodies]

    @torch.inference_mode()
    def inference(self, texts):
        inputs = self.tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        return self.model(**inputs).logits.softmax(-1)

    def postprocess(self, rows):
        best = rows.max(-1)
        found = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        return [{"label": self.model.config.id2label[at], "score": score} for at, score in found]
